//! A closure on its way to a thread, together with whoever waits for it.

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::{Context, Poll, Waker},
};

use tokio::sync::oneshot;

use super::{Inbox, Urgency};
use crate::{
    error::{Error, Result},
    tx::Tx,
};

pub(crate) trait Job: Send {
    /// Nobody waits for the answer any more.
    fn abandoned(&self) -> bool;
    /// Runs the closure; true when it ended well.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Answers whoever waits. If nobody does any more although the closure was committed, gives what undoes it.
    fn answer(self: Box<Self>, committed: &Result<(), String>) -> Option<Box<dyn Job>>;
}

struct Call<F, T, E, U> {
    work: F,
    unheard: U,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E, U> Job for Call<F, T, E, U>
where
    F: AsyncFnMut(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
    U: FnMut(T) -> Option<Box<dyn Job>> + Send,
{
    fn abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            match pin!((self.work)(tx)).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => Err(Error::Pended.into()),
            }
        }));
        let outcome = outcome.unwrap_or_else(|panic| Err(Error::Panicked(message(&*panic)).into()));
        self.outcome.insert(outcome).is_ok()
    }

    fn answer(mut self: Box<Self>, committed: &Result<(), String>) -> Option<Box<dyn Job>> {
        let outcome = match (self.outcome, committed) {
            (Some(Ok(_)) | None, Err(reason)) => Err(Error::NotCommitted(reason.clone()).into()),
            (Some(outcome), _) => outcome,
            (None, Ok(())) => return None, // abandoned before it ran
        };
        match self.reply.send(outcome) {
            Err(Ok(value)) => (self.unheard)(value),
            Ok(()) | Err(Err(_)) => None,
        }
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
        fn abandoned(&self) -> bool {
            false
        }
        fn run(&mut self, tx: &mut Tx<'_>) -> bool {
            let polled = pin!((self.0)(tx)).poll(&mut Context::from_waker(Waker::noop()));
            if let Poll::Ready(Err(e)) = &polled {
                tracing::error!("a write that nobody waits for failed: {e}");
            }
            matches!(polled, Poll::Ready(Ok(())))
        }
        fn answer(self: Box<Self>, _: &Result<(), String>) -> Option<Box<dyn Job>> {
            None
        }
    }
    Box::new(Unattended(work))
}

/// Sends `work` to the threads of `inbox` and waits for its answer.
pub(crate) async fn submit<T, E, F, U>(inbox: &Inbox, urgency: Urgency, work: F, unheard: U) -> Result<T, E>
where
    F: AsyncFnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    U: FnMut(T) -> Option<Box<dyn Job>> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    if !inbox.put(urgency, Box::new(Call { work, unheard, outcome: None, reply })) {
        return Err(Error::Closed.into());
    }
    answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
}
