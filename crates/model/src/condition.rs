//! Conditions of follow-up rules.

use serde_json::{Map, Value};

/// What a condition may look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub success: bool,
    pub result: &'a str,
    pub error: Option<&'a str>,
    pub metadata: &'a Map<String, Value>,
    pub execution_time: Option<f64>,
    pub tags: &'a [String],
    pub priority: &'a str,
    pub attempt: i64,
}

/// A condition that has been read.
#[derive(Clone, Debug)]
pub struct Condition;

/// Why a text is no condition, or why it could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConditionError(pub String);

impl Condition {
    pub fn parse(text: &str) -> Result<Self, ConditionError> {
        unimplemented!("{text}")
    }
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, ConditionError> {
        unimplemented!("{facts:?}")
    }
}
