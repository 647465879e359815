//! Streams that a door keeps open without asking anything of the engine: they count, and they end with their token.

use std::sync::Arc;

use crate::{
    Engine, Inner, Principal, Result,
    limits::{Held, Holding},
    tokens::Admission,
};

/// A place among the streams that a principal may have open. Dropping it gives it back.
pub struct Standing {
    inner: Arc<Inner>,
    admission: Admission,
    _held: Holding,
}

impl Engine {
    /// Takes a place for a stream, among those of events.
    ///
    /// # Errors
    /// [`Error::TooMany`](crate::Error::TooMany) if the principal has as many open as it may.
    pub fn stand(&self, who: &Principal) -> Result<Standing> {
        let held = self.inner.limits.hold(Held::Stream, who)?;
        Ok(Standing { inner: self.inner.clone(), admission: self.inner.admission(who), _held: held })
    }
}

impl Standing {
    /// Waits until the token that opened the stream is let in no more. Dropping the future loses nothing.
    ///
    /// # Errors
    /// If the store is unavailable: then nobody knows, and the stream has to end as well.
    pub async fn ended(&mut self) -> Result<()> {
        self.admission.ended(&self.inner).await
    }
}
