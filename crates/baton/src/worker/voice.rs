//! What a worker says: one line for each thing that happens.

use std::{fmt, io::Write, path::Path};

use baton_model::{bounds::shorten, text::one_line};
use serde::Serialize;

/// Longest text of a directive or an error in a line for people, in characters.
const SHOWN: usize = 160;

/// Where it says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// As lines for people, on stderr.
    Lines,
    /// As JSON lines, on stdout.
    Json,
    /// In the server's log.
    Log,
}

/// What happens.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event<'a> {
    /// The worker has begun.
    Ready { worker: &'a str, agent: &'a str, url: &'a str, concurrency: usize },
    /// A directive was taken.
    Taken { directive_id: &'a str, attempt: i64, directive: &'a str },
    /// Its agent starts.
    Started { directive_id: &'a str, attempt: i64, working_directory: &'a Path },
    /// The latest of what the agent says or does.
    Progress { directive_id: &'a str, text: &'a str },
    /// Its result is recorded.
    Finished {
        directive_id: &'a str,
        attempt: i64,
        success: bool,
        error: Option<&'a str>,
        seconds: Option<f64>,
        recorded: &'a str,
    },
    /// It was given back undone.
    Released { directive_id: &'a str, attempt: i64, reason: &'a str, seconds: u64 },
    /// It is no longer this worker's: cancelled, or handed to another.
    Lost { directive_id: &'a str, attempt: i64, why: &'a str },
    /// Its report was refused, or could not be delivered in time.
    ReportDropped { directive_id: &'a str, attempt: i64, why: &'a str },
    /// Nothing is taken for a while.
    Paused { reason: &'a str, seconds: u64 },
    /// It goes on after a pause.
    Resumed {},
    /// The agent cannot work until a person has mended something; the worker waits.
    CannotWork { agent: &'a str, error: &'a str, seconds: u64 },
    /// The server told this worker to stop.
    ToldToStop { worker: &'a str },
    /// The server does not answer; it is tried again.
    ServerAway { error: &'a str },
    /// The server answers again.
    ServerBack { url: &'a str },
    /// Nothing more is taken; what runs may end.
    Stopping { running: usize },
    /// What runs is ended.
    Interrupting { running: usize },
    /// The worker has ended.
    Ended { worker: &'a str },
}

impl Voice {
    /// Says it. Whoever has closed the stream does not want to know.
    pub(super) fn tell(self, event: &Event<'_>) {
        match self {
            Voice::Lines => {
                let _ = writeln!(std::io::stderr().lock(), "{}", event.line());
            }
            Voice::Json => {
                if let Ok(line) = serde_json::to_string(event) {
                    let _ = writeln!(std::io::stdout().lock(), "{line}");
                }
            }
            Voice::Log => {
                let said = event.line();
                match event {
                    Event::CannotWork { .. } => tracing::error!("worker: {said}"),
                    Event::ReportDropped { .. }
                    | Event::Lost { .. }
                    | Event::Paused { .. }
                    | Event::ServerAway { .. } => tracing::warn!("worker: {said}"),
                    Event::Progress { .. } => tracing::debug!("worker: {said}"),
                    _ => tracing::info!("worker: {said}"),
                }
            }
        }
    }
}

impl Event<'_> {
    /// For people: nothing in it hides or drives their terminal, whoever wrote it.
    fn line(&self) -> String {
        one_line(&self.to_string())
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Event::Ready { worker, agent, url, concurrency } => {
                write!(out, "{worker} takes directives of {url} for agent {agent}, {concurrency} at a time")
            }
            Event::Taken { directive_id, attempt, directive } => {
                write!(out, "{directive_id} taken (attempt {attempt}): {}", line(directive))
            }
            Event::Started { directive_id, working_directory, .. } => {
                write!(out, "{directive_id} starts in {}", working_directory.display())
            }
            Event::Progress { directive_id, text } => write!(out, "{directive_id} … {}", line(text)),
            Event::Finished { directive_id, success, error, seconds, recorded, .. } => {
                let done = if success { "done" } else { "failed" };
                write!(out, "{directive_id} {done}")?;
                if let Some(seconds) = seconds {
                    write!(out, " after {seconds:.1} s")?;
                }
                write!(out, " ({recorded})")?;
                match error {
                    Some(error) => write!(out, ": {}", line(error)),
                    None => Ok(()),
                }
            }
            Event::Released { directive_id, reason, seconds: 0, .. } => {
                write!(out, "{directive_id} given back: {}", line(reason))
            }
            Event::Released { directive_id, reason, seconds, .. } => {
                write!(out, "{directive_id} given back, to be due in {seconds} s: {}", line(reason))
            }
            Event::Lost { directive_id, why, .. } => {
                write!(out, "{directive_id} is no longer ours, its agent is ended: {}", line(why))
            }
            Event::ReportDropped { directive_id, why, .. } => {
                write!(out, "{directive_id}: its result is not recorded: {}", line(why))
            }
            Event::Paused { reason, seconds } => write!(out, "nothing is taken for {seconds} s: {}", line(reason)),
            Event::Resumed {} => out.write_str("work is taken again"),
            Event::CannotWork { agent, error, seconds } => {
                write!(out, "agent `{agent}` cannot work; it is tried again in {seconds} s: {error}")
            }
            Event::ToldToStop { worker } => write!(
                out,
                "{worker} was told to stop (stop_monitoring); start_monitoring with its name lets it work again"
            ),
            Event::ServerAway { error } => write!(out, "the server does not answer, it is tried again: {error}"),
            Event::ServerBack { url } => write!(out, "the server answers again: {url}"),
            Event::Stopping { running: 0 } => out.write_str("stopping"),
            Event::Stopping { running } => write!(
                out,
                "stopping: nothing more is taken, {running} agents are waited for; a second signal ends them"
            ),
            Event::Interrupting { running } => {
                write!(out, "{running} agents are ended and their directives given back")
            }
            Event::Ended { worker } => write!(out, "{worker} has ended"),
        }
    }
}

/// The beginning of a text that may be long.
fn line(text: &str) -> String {
    shorten(&text.split_whitespace().collect::<Vec<_>>().join(" "), SHOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_drives_a_terminal_through_a_worker() {
        let evil = "\u{1b}[2Jup\u{202e}\ndown";
        let events = [
            Event::Ready { worker: evil, agent: evil, url: evil, concurrency: 1 },
            Event::Taken { directive_id: evil, attempt: 1, directive: evil },
            Event::Started { directive_id: evil, attempt: 1, working_directory: Path::new(evil) },
            Event::Progress { directive_id: evil, text: evil },
            Event::CannotWork { agent: evil, error: evil, seconds: 1 },
            Event::ServerAway { error: evil },
        ];
        for event in events {
            let line = event.line();
            assert!(!line.contains(baton_model::text::hides) && !line.contains('\n'), "{line:?}");
            assert!(line.contains(r"\u{1b}[2Jup\u{202e} down"), "{line}");
        }
    }
}
