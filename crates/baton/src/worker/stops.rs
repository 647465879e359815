//! How a worker is told to end: first politely, then not.

use tokio_util::sync::CancellationToken;

/// Both words; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Stops {
    finish: CancellationToken,
    end: CancellationToken,
}

impl Stops {
    /// Take nothing more, and end when what runs is done.
    pub fn finish(&self) {
        self.finish.cancel();
    }

    /// End what runs, give its directives back, and end.
    pub fn end(&self) {
        // In this order, so that whoever hears the first word knows whether it was the last.
        self.end.cancel();
        self.finish.cancel();
    }

    /// Waits for the first word.
    pub(super) async fn finishing(&self) {
        self.finish.cancelled().await;
    }

    /// Waits for the second.
    pub(super) async fn ending(&self) {
        self.end.cancelled().await;
    }

    /// Whether the first was said.
    pub(super) fn is_finishing(&self) -> bool {
        self.finish.is_cancelled()
    }

    /// Whether the second was said.
    pub(super) fn is_ending(&self) -> bool {
        self.end.is_cancelled()
    }
}
