//! What tells a watch when to look: the stream of events, or time where there is none.

use std::{collections::HashSet, time::Duration};

use serde_json::Value;

use crate::cli::client::{Client, EventStream, Frame};

/// How often to look beneath the stream, in case it lost something.
const SLOW: Duration = Duration::from_secs(5);

/// Rings for directives of which something was told.
#[derive(Default)]
pub struct Bell {
    stream: Option<EventStream>,
    /// Those that are worth a look; all, if nothing is said.
    rang: Option<HashSet<String>>,
}

impl Bell {
    /// Opens the stream unless it is open. Without one everything is worth a look: the server may be away, or may have
    /// as many streams as it allows.
    pub async fn listen(&mut self, client: &Client, ids: &[String]) {
        if self.stream.is_none() {
            let mut query = vec![("kind", "directive.*".to_owned())];
            if let [id] = ids {
                query.push(("directive_id", id.clone()));
            }
            // Before the first look, so that nothing happens unseen between the two.
            self.stream = client.events(&query, None).await.ok();
            self.rang = None;
        }
    }

    /// Whether a directive is worth a look.
    pub fn rang_for(&self, id: &str) -> bool {
        self.rang.as_ref().is_none_or(|rang| rang.contains(id))
    }

    /// Waits until it rings, or for so long where there is no stream.
    pub async fn wait(&mut self, otherwise: Duration) {
        let Some(stream) = &mut self.stream else {
            self.rang = None;
            return tokio::time::sleep(otherwise).await;
        };
        match tokio::time::timeout(SLOW, stream.next()).await {
            Ok(Ok(Some(frames))) => self.rang = Some(frames.iter().filter_map(about).collect()),
            Ok(_) => {
                *self = Bell::default();
                tokio::time::sleep(otherwise).await;
            }
            Err(_) => self.rang = None,
        }
    }
}

/// The directive that an event tells of.
fn about(frame: &Frame) -> Option<String> {
    let event: Value = serde_json::from_str(&frame.data).ok()?;
    event["data"]["directive_id"].as_str().map(str::to_owned)
}
