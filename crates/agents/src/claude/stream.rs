//! Claude Code's stdout: what is to be remembered of its lines.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    agent::{End, Reader, Standing, Told},
    text::{Line, Lines},
};

/// Longest line that is read; a longer one counts as broken. The transcript has it all the same.
const LINE_BYTES: usize = 8 * 1024 * 1024;

/// What was told so far.
pub(super) struct Stream {
    /// The agent's name in the configuration.
    pub(super) agent: String,
    lines: Lines,
    pub(super) seen: Seen,
}

/// What is remembered of the lines.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) session_id: Option<String>,
    pub(super) model: Option<String>,
    /// The last words of the main conversation.
    pub(super) text: String,
    progress: Option<String>,
    /// The last line of the type `result`. There may be several: each turn has one, and what was sent to the background
    /// starts further turns.
    pub(super) result: Option<Value>,
    /// Whether the turn of that result is still the last.
    turn_ended: bool,
    /// Tasks that run in the background, by id.
    background: BTreeSet<String>,
    /// The credentials were refused, in the CLI's words.
    pub(super) refused: Option<String>,
    /// The last word on the plan's limits.
    pub(super) rate_limit: Option<Value>,
    /// The last time that the CLI tried its model again.
    pub(super) retry: Option<Value>,
    pub(super) broken_lines: u64,
}

impl Stream {
    pub(super) fn new(agent: &str) -> Self {
        Stream { agent: agent.to_owned(), lines: Lines::new(LINE_BYTES), seen: Seen::default() }
    }
}

impl Reader for Stream {
    fn take(&mut self, bytes: &[u8]) {
        let seen = &mut self.seen;
        self.lines.take(bytes, |line| seen.line(line));
    }

    fn standing(&self) -> Standing {
        let seen = &self.seen;
        if seen.refused.is_some() {
            // It would try the same credentials ten times, for more than a minute.
            Standing::Doomed
        } else if seen.turn_ended && seen.background.is_empty() {
            Standing::Resting
        } else {
            Standing::Working
        }
    }

    fn progress(&self) -> Option<&str> {
        self.seen.progress.as_deref()
    }

    fn close(mut self: Box<Self>, end: &End) -> Told {
        let seen = &mut self.seen;
        self.lines.finish(|line| seen.line(line));
        super::verdict::of(&self.agent, self.seen, end)
    }
}

impl Seen {
    fn line(&mut self, line: Line<'_>) {
        match line {
            Line::Whole(bytes) if bytes.trim_ascii().is_empty() => {}
            Line::Whole(bytes) => match serde_json::from_slice(bytes) {
                Ok(message @ Value::Object(_)) => self.message(message),
                _ => self.broken_lines += 1,
            },
            Line::TooLong => self.broken_lines += 1,
        }
    }

    fn message(&mut self, message: Value) {
        if let Some(id) = message["session_id"].as_str() {
            self.session_id = Some(id.to_owned());
        }
        match message["type"].as_str() {
            Some("assistant") => self.assistant(&message),
            Some("user") => self.turn_ended &= !is_main(&message),
            Some("system") => self.system(message),
            Some("rate_limit_event") => self.rate_limit = Some(message["rate_limit_info"].clone()),
            Some("result") => {
                self.turn_ended = true;
                self.result = Some(message);
            }
            _ => {}
        }
    }

    fn assistant(&mut self, message: &Value) {
        if is_main(message) {
            self.turn_ended = false;
        }
        if message["error"] == "authentication_failed" {
            self.refused.get_or_insert_with(|| words(message));
        }
        // A message of the CLI's own, about a failure, bears the model `<synthetic>`.
        let model = message["message"]["model"].as_str().filter(|model| !model.starts_with('<'));
        if let Some(model) = model.filter(|_| is_main(message)) {
            self.model = Some(model.to_owned());
            let text = words(message);
            if !text.is_empty() {
                self.text.clone_from(&text);
            }
        }
        if let Some(progress) = blocks(message).filter_map(shown).last() {
            self.progress = Some(progress);
        }
    }

    fn system(&mut self, message: Value) {
        match message["subtype"].as_str() {
            Some("init") => {
                self.turn_ended = false;
                self.model = message["model"].as_str().map(str::to_owned).or(self.model.take());
            }
            Some("api_retry") => {
                if message["error"] == "authentication_failed" || message["error_status"] == 401 {
                    self.refused.get_or_insert_with(|| retry(&message));
                }
                self.progress = Some(format!("the model's API is tried again: {}", retry(&message)));
                self.retry = Some(message);
            }
            Some("background_tasks_changed") => {
                let tasks = message["tasks"].as_array().into_iter().flatten();
                self.background = tasks.filter_map(|task| task["task_id"].as_str().map(str::to_owned)).collect();
            }
            Some("task_started") if message["is_backgrounded"] == true => {
                self.background.extend(message["task_id"].as_str().map(str::to_owned));
            }
            Some("task_notification") => {
                self.background.remove(message["task_id"].as_str().unwrap_or_default());
            }
            _ => {}
        }
    }
}

/// Whether a message belongs to the main conversation and not to a subagent's.
fn is_main(message: &Value) -> bool {
    message["parent_tool_use_id"].is_null()
}

fn blocks(message: &Value) -> impl Iterator<Item = &Value> {
    message["message"]["content"].as_array().into_iter().flatten()
}

/// The words of a message. One message of the model with several blocks comes as several lines.
fn words(message: &Value) -> String {
    let texts: Vec<_> = blocks(message).filter_map(|block| block["text"].as_str()).collect();
    texts.concat().trim().to_owned()
}

/// A block as one looks at it in passing: words, or a call with the argument that tells most.
fn shown(block: &Value) -> Option<String> {
    match block["type"].as_str()? {
        "text" => block["text"].as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned),
        "tool_use" => {
            let (name, input) = (block["name"].as_str()?, &block["input"]);
            let telling = ["description", "command", "file_path", "path", "pattern", "url", "query", "prompt"];
            let argument = telling.iter().find_map(|key| input[key].as_str());
            Some(argument.map_or_else(|| name.to_owned(), |argument| format!("{name}: {argument}")))
        }
        _ => None,
    }
}

/// `rate_limit (429), attempt 3 of 10`.
pub(super) fn retry(message: &Value) -> String {
    let error = message["error"].as_str().unwrap_or("unknown error");
    let status = message["error_status"].as_i64().map(|status| format!(" ({status})")).unwrap_or_default();
    format!("{error}{status}, attempt {} of {}", message["attempt"], message["max_retries"])
}
