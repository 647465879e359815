//! Empties a pipe for as long as somebody holds its other end.

use std::sync::Arc;

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::Notify,
};
use tokio_util::sync::CancellationToken;

/// How much is read at once; as much as a pipe holds.
const PIECE: usize = 64 * 1024;

/// Takes what comes out of a pipe.
pub(crate) trait Intake: Send + 'static {
    /// Takes what came next, cut anywhere. May hold the writer up, but not for ever.
    fn take(&mut self, bytes: &[u8]) -> impl Future<Output = ()> + Send;

    /// Nothing more will come.
    fn finish(&mut self) -> impl Future<Output = ()> + Send;
}

/// Reads until the end, or until `halt` is cancelled, and gives the intake back.
pub(super) async fn pump<I: Intake>(
    mut pipe: impl AsyncRead + Unpin,
    mut intake: I,
    activity: Arc<Notify>,
    halt: CancellationToken,
) -> I {
    let mut piece = vec![0; PIECE];
    // A pipe that cannot be read has ended.
    while let Some(Ok(length @ 1..)) = halt.run_until_cancelled(pipe.read(&mut piece)).await {
        activity.notify_one();
        intake.take(&piece[..length]).await;
        activity.notify_one();
    }
    intake.finish().await;
    intake
}
