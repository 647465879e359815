//! The session of a client that speaks 2025-11-25 or before (specification 2025-11-25, basic/transports, "Session
//! Management").

use std::sync::{Mutex, PoisonError};

use reqwest::header::{HeaderName, HeaderValue};
use tokio::task::AbortHandle;

use super::{
    headers::{SESSION, VERSION},
    message::Message,
};

/// A session that `initialize` opened.
#[derive(Debug)]
pub struct Open {
    id: Option<HeaderValue>,
    version: Option<HeaderValue>,
    /// How it was opened, to open it again should the server forget it.
    pub initialize: Message,
    initialized: Mutex<Option<Message>>,
    stream: Mutex<Option<AbortHandle>>,
}

impl Open {
    /// The session that the answer to `initialize` named; servers without sessions name none.
    pub fn new(id: Option<HeaderValue>, version: Option<String>, initialize: Message) -> Self {
        let version = version.and_then(|version| HeaderValue::from_str(&version).ok());
        Open { id, version, initialize, initialized: Mutex::default(), stream: Mutex::default() }
    }

    /// What every further message carries.
    pub fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        [(SESSION, self.id.clone()), (VERSION, self.version.clone())]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
    }

    /// Whether the server keeps something under an id, which it may forget.
    pub fn has_id(&self) -> bool {
        self.id.is_some()
    }

    /// Notes the message that said the client is ready.
    pub fn ready(&self, initialized: Message) {
        *self.initialized.lock().unwrap_or_else(PoisonError::into_inner) = Some(initialized);
    }

    /// The message that said the client is ready, if it came.
    pub fn initialized(&self) -> Option<Message> {
        self.initialized.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes the task that listens for the server's own messages; it ends with the session.
    pub fn listens(&self, task: AbortHandle) {
        let before = self.stream.lock().unwrap_or_else(PoisonError::into_inner).replace(task);
        if let Some(before) = before {
            before.abort();
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(task) = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}
