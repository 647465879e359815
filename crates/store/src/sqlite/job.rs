//! A closure on its way to a thread, together with whoever waits for it.

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use tokio::sync::oneshot;

use super::{Inbox, Urgency};
use crate::{
    error::{Error, Result},
    tx::Tx,
};

pub(crate) trait Job: Send {
    /// Runs the closure, unless nobody waits for it any more; true when it ended well. May be called again after a
    /// rollback.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Answers whoever waits.
    fn answer(self: Box<Self>, committed: &Result<(), String>);
}

/// An answer on its way. Whoever it is for may go away before it arrives, or with it unread: then what was committed
/// is undone.
struct Letter<T, E, U>
where
    U: FnMut(T) -> Option<Box<dyn Job>>,
{
    outcome: Option<Result<T, E>>,
    undo: U,
    inbox: Arc<Inbox>,
}

impl<T, E, U> Letter<T, E, U>
where
    U: FnMut(T) -> Option<Box<dyn Job>>,
{
    fn open(mut self) -> Option<Result<T, E>> {
        self.outcome.take()
    }
}

impl<T, E, U> Drop for Letter<T, E, U>
where
    U: FnMut(T) -> Option<Box<dyn Job>>,
{
    fn drop(&mut self) {
        if let Some(Ok(unread)) = self.outcome.take()
            && let Some(job) = (self.undo)(unread)
        {
            self.inbox.put(Urgency::Interactive, job);
        }
    }
}

struct Call<F, T, E, U>
where
    U: FnMut(T) -> Option<Box<dyn Job>>,
{
    work: F,
    outcome: Option<Result<T, E>>,
    undo: U,
    inbox: Arc<Inbox>,
    reply: oneshot::Sender<Letter<T, E, U>>,
}

impl<F, T, E, U> Job for Call<F, T, E, U>
where
    F: AsyncFnMut(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
    U: FnMut(T) -> Option<Box<dyn Job>> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        if self.reply.is_closed() {
            self.outcome = None;
            return true;
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            match pin!((self.work)(tx)).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => Err(Error::Pended.into()),
            }
        }));
        let outcome = outcome.unwrap_or_else(|panic| Err(Error::Panicked(message(&*panic)).into()));
        self.outcome.insert(outcome).is_ok()
    }

    fn answer(self: Box<Self>, committed: &Result<(), String>) {
        let Call { outcome, undo, inbox, reply, .. } = *self;
        let outcome = match (outcome, committed) {
            (Some(Ok(_)) | None, Err(reason)) => Err(Error::NotCommitted(reason.clone()).into()),
            (Some(outcome), _) => outcome,
            (None, Ok(())) => return, // nobody waited for it any more
        };
        let _ = reply.send(Letter { outcome: Some(outcome), undo, inbox });
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// Makes a job that nobody waits for.
pub(crate) fn unattended<F>(work: F) -> Box<dyn Job>
where
    F: AsyncFnMut(&mut Tx<'_>) -> Result<()> + Send + 'static,
{
    struct Unattended<F>(F);
    impl<F: AsyncFnMut(&mut Tx<'_>) -> Result<()> + Send> Job for Unattended<F> {
        fn run(&mut self, tx: &mut Tx<'_>) -> bool {
            let polled =
                catch_unwind(AssertUnwindSafe(|| pin!((self.0)(tx)).poll(&mut Context::from_waker(Waker::noop()))));
            match polled {
                Ok(Poll::Ready(Ok(()))) => return true,
                Ok(Poll::Ready(Err(e))) => tracing::error!("a write that nobody waits for failed: {e}"),
                Ok(Poll::Pending) => tracing::error!("a write that nobody waits for failed: {}", Error::Pended),
                Err(panic) => tracing::error!("a write that nobody waits for panicked: {}", message(&*panic)),
            }
            false
        }
        fn answer(self: Box<Self>, _: &Result<(), String>) {}
    }
    Box::new(Unattended(work))
}

/// Sends `work` to the threads of `inbox` and waits for its answer. If the caller goes away when it has been committed,
/// `undo` gives what takes it back.
pub(crate) async fn submit<T, E, F, U>(inbox: &Arc<Inbox>, urgency: Urgency, work: F, undo: U) -> Result<T, E>
where
    F: AsyncFnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    U: FnMut(T) -> Option<Box<dyn Job>> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    if !inbox.put(urgency, Box::new(Call { work, outcome: None, undo, inbox: inbox.clone(), reply })) {
        return Err(Error::Closed.into());
    }
    answer.await.ok().and_then(Letter::open).unwrap_or_else(|| Err(Error::Closed.into()))
}
