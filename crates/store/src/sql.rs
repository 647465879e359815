//! Statements, arguments and rows, the same for every database.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Value, ValueRef};
use serde::{Serialize, de::DeserializeOwned};

use crate::error::Result;

/// What may stand in an argument list: `i64`, `bool`, `f64`, text, [`Json`], and `Option`s of them.
pub trait Bind: rusqlite::ToSql + Send + Sync {}
impl<T: rusqlite::ToSql + Send + Sync> Bind for T {}

/// What may be read from a column.
pub trait Column: FromSql {}
impl<T: FromSql> Column for T {}

/// One row of an answer.
pub struct Row<'r>(pub(crate) &'r rusqlite::Row<'r>);

impl Row<'_> {
    /// The column of that place, from 0.
    ///
    /// # Errors
    /// If the column is of another type.
    pub fn get<T: Column>(&self, index: usize) -> Result<T> {
        Ok(self.0.get(index)?)
    }
}

/// A JSON column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize> rusqlite::ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = serde_json::to_string(&self.0).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
        Ok(ToSqlOutput::Owned(Value::Text(text)))
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_slice(value.as_bytes()?).map(Json).map_err(|e| FromSqlError::Other(e.into()))
    }
}
