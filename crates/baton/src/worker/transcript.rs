//! What the agent prints, on its way to the server: in order, in pieces, never in the agent's way.
//!
//! Everything is taken from the agent at once. The beginning goes to the server as it comes; of what is beyond, the
//! last part is kept here and follows at the end, after a line that says how much was left out.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use baton_agents::Chunk;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{Shared, job::Job};
use crate::cli::client::Trouble;

/// Of the beginning.
const HEAD: usize = 6 * 1024 * 1024;
/// Of the end. Together they stay well under what a server takes.
const TAIL: usize = 2 * 1024 * 1024;
/// As much as is sent without waiting for more.
const PIECE: usize = 64 * 1024;
/// As much as is sent at once.
const MOST: usize = 256 * 1024;
/// How long what comes is gathered.
const GATHER: Duration = Duration::from_secs(1);
/// Chunks on their way from the agent.
const CHUNKS: usize = 64;

/// A transcript that is sent. Dropping it leaves out what was not sent yet.
pub(super) struct Transcript {
    task: AbortOnDropHandle<()>,
    has_text: Arc<AtomicBool>,
}

impl Transcript {
    /// Takes what comes out of the channel, until the channel is closed.
    pub(super) fn start(shared: &Arc<Shared>, job: &Arc<Job>) -> (mpsc::Sender<Chunk>, Self) {
        let (sender, chunks) = mpsc::channel(CHUNKS);
        let (shared, job, has_text) = (shared.clone(), job.clone(), Arc::new(AtomicBool::new(false)));
        let noted = has_text.clone();
        let task = tokio::spawn(async move { carry(&shared, &job, chunks, &noted).await });
        (sender, Transcript { task: AbortOnDropHandle::new(task), has_text })
    }

    /// Waits until all is sent, but not longer than that; what is not sent by then goes on. The channel must be closed.
    pub(super) async fn finish(&mut self, limit: Duration) {
        if !self.task.is_finished() {
            // It ends by itself, whenever that is.
            let _ = timeout(limit, &mut self.task).await;
        }
    }

    /// Whether the agent printed anything.
    pub(super) fn has_text(&self) -> bool {
        self.has_text.load(Ordering::Relaxed)
    }
}

type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), Trouble>> + Send + 'a>>;

/// Until all is sent, or the server wants no more.
async fn carry(shared: &Shared, job: &Job, mut chunks: mpsc::Receiver<Chunk>, has_text: &AtomicBool) {
    let mut book = Book::new(HEAD, TAIL);
    let (mut sent, mut piece) = (0, String::new());
    let mut sending: Option<Sending<'_>> = None;
    let (mut is_open, mut is_wanted, mut is_due) = (true, true, false);
    let mut ticks = interval(GATHER);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while is_open || (is_wanted && !(piece.is_empty() && book.pending.is_empty())) {
        if is_wanted && sending.is_none() && (is_due || (piece.is_empty() && (book.is_full() || !is_open))) {
            is_due = false;
            if piece.is_empty() {
                piece = book.piece();
            }
            if !piece.is_empty() {
                // A copy: the same piece, and no other, is sent again if nobody knows what became of it.
                let text = piece.clone();
                sending = Some(Box::pin(async move { shared.link.append(job, sent, &text).await }));
            }
        }
        tokio::select! {
            chunk = chunks.recv(), if is_open => match chunk {
                Some(chunk) => {
                    has_text.store(true, Ordering::Relaxed);
                    book.add(&chunk.text);
                }
                None => {
                    is_open = false;
                    book.close();
                }
            },
            answer = finished(&mut sending) => {
                sending = None;
                match answer {
                    Ok(()) => {
                        sent += piece.len();
                        piece.clear();
                    }
                    Err(Trouble::Refused(problem)) if problem.status.is_client_error() => {
                        tracing::debug!(directive = job.id, "no more transcript is wanted: {}", problem.summary());
                        is_wanted = false;
                        piece.clear();
                    }
                    // Again with the next tick.
                    Err(trouble) => tracing::debug!(directive = job.id, "a piece of transcript waits: {trouble}"),
                }
            }
            _ = ticks.tick() => is_due = true,
        }
    }
}

async fn finished(sending: &mut Option<Sending<'_>>) -> Result<(), Trouble> {
    match sending {
        Some(sending) => sending.await,
        None => std::future::pending().await,
    }
}

/// What came and is not sent yet, in bounded memory.
struct Book {
    pending: String,
    /// How much of the beginning may still come.
    room: usize,
    tail: String,
    most_tail: usize,
    left_out: usize,
}

impl Book {
    fn new(head: usize, tail: usize) -> Self {
        Book { pending: String::new(), room: head, tail: String::new(), most_tail: tail, left_out: 0 }
    }

    fn add(&mut self, text: &str) {
        // As the server will store and count it.
        let text = text.replace('\0', "\u{fffd}");
        let cut = text.floor_char_boundary(self.room);
        let (head, rest) = text.split_at(cut);
        self.pending.push_str(head);
        self.room -= head.len();
        if rest.is_empty() {
            return;
        }
        self.room = 0;
        self.tail.push_str(rest);
        // Twice the size before anything moves: each byte is moved once on average.
        if self.tail.len() > 2 * self.most_tail {
            self.trim();
        }
    }

    fn trim(&mut self) {
        let cut = self.tail.ceil_char_boundary(self.tail.len().saturating_sub(self.most_tail));
        self.tail.drain(..cut);
        self.left_out += cut;
    }

    /// Nothing more will come.
    fn close(&mut self) {
        self.trim();
        if self.left_out > 0 {
            self.pending.push_str(&format!("\n[baton: {} bytes are left out here]\n", self.left_out));
        }
        self.pending.push_str(&std::mem::take(&mut self.tail));
    }

    fn is_full(&self) -> bool {
        self.pending.len() >= PIECE
    }

    fn piece(&mut self) -> String {
        let cut = self.pending.floor_char_boundary(MOST);
        let rest = self.pending.split_off(cut);
        std::mem::replace(&mut self.pending, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_and_the_end_are_kept_and_the_rest_is_counted() {
        for step in [1, 3, 7, 100, 5000] {
            let text: String = (0..1000).map(|number| format!("{number:03}é")).collect();
            let characters: Vec<char> = text.chars().collect();
            let mut book = Book::new(50, 20);
            for chunk in characters.chunks(step) {
                book.add(&chunk.iter().collect::<String>());
                assert!(book.tail.len() <= 40 || step > 10, "in bounded memory");
            }
            book.close();
            let (head, rest) = book.pending.split_once("\n[baton: ").unwrap();
            let (count, tail) = rest.split_once(" bytes are left out here]\n").unwrap();
            assert!(text.starts_with(head) && text.ends_with(tail), "{head} … {tail}");
            assert!(head.len() >= 49 && tail.len() >= 19, "{head} … {tail}");
            assert_eq!(head.len() + tail.len() + count.parse::<usize>().unwrap(), text.len(), "in steps of {step}");
        }
    }

    #[test]
    fn a_short_one_is_whole() {
        let mut book = Book::new(5, 20);
        book.add("12345\0890");
        book.close();
        assert_eq!(book.pending, "12345\u{fffd}890");
        let mut none = Book::new(5, 20);
        none.close();
        assert!(none.piece().is_empty());
    }
}
