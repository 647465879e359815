//! A model that works Baton's queue through Claude Code's own tools, as a pure function of the conversation.
//!
//! It starts monitoring, polls, does each directive with `Write` or `Bash`, reports with the next poll, and goes on
//! until Baton says STOP or a number of polls in a row came back empty. It understands two kinds of directive:
//! `write NAME: CONTENT` makes a file in its directory, `run COMMAND` runs a shell command there. Anything else it
//! reports as failed, as an honest agent would.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Block, Reply, Request};

const START: &str = "mcp__baton__start_directive_monitoring";
const NEXT: &str = "mcp__baton__get_next_directive";

/// The model; `reply` is its script.
#[derive(Clone, Debug)]
pub struct QueueWorker {
    /// Where it writes: the directory that the CLI runs in.
    pub directory: PathBuf,
    /// The `wait_seconds` of its polls.
    pub wait_seconds: u64,
    /// It ends after so many empty polls in a row.
    pub empty_polls: usize,
}

/// One call of a tool and what came of it.
struct Call<'a> {
    tool: &'a str,
    text: String,
    failed: bool,
}

/// A directive, read as one of the two kinds that this model understands.
enum Work<'a> {
    Write { name: &'a str, content: &'a str },
    Run { command: &'a str },
}

impl QueueWorker {
    /// What the model says next.
    pub fn reply(&self, request: &Request) -> Reply {
        if !request.tools().contains(&NEXT) {
            return Reply::says(format!("There is no tool {NEXT}."));
        }
        Reply::Message(self.next(request.messages()))
    }

    fn next(&self, messages: &[Value]) -> Vec<Block> {
        let calls = calls(messages);
        let Some(last) = calls.last() else {
            return vec![Block::text("I start monitoring."), Block::tool(START, json!({}))];
        };
        match last.tool {
            _ if last.tool.starts_with("mcp__") && last.failed => {
                vec![Block::text(format!("{} failed: {}", last.tool, last.text))]
            }
            START => vec![self.poll(Value::Null)],
            NEXT => self.obey(&calls, &read(&last.text)),
            _ => vec![self.poll(report(&calls, last))],
        }
    }

    fn obey(&self, calls: &[Call], answer: &Value) -> Vec<Block> {
        let empty = calls.iter().rev().take_while(|call| call.tool == NEXT && says(call, "WAIT_THEN_POLL")).count();
        match answer["next_action"].as_str() {
            Some("EXECUTE_THEN_POLL") => self.execute(answer),
            Some("WAIT_THEN_POLL") if empty < self.empty_polls => vec![self.poll(Value::Null)],
            Some("WAIT_THEN_POLL") => vec![Block::text(format!("Nothing to do in {empty} polls; I end here."))],
            Some("STOP") => vec![Block::text("Baton says STOP; I end here.")],
            _ => vec![Block::text(format!("I do not understand this answer to a poll: {answer}"))],
        }
    }

    fn execute(&self, answer: &Value) -> Vec<Block> {
        let call = match Work::read(answer["directive"].as_str().unwrap_or_default()) {
            Some(Work::Write { name, content }) => {
                Block::tool("Write", json!({"file_path": self.directory.join(name), "content": content}))
            }
            Some(Work::Run { command }) => {
                Block::tool("Bash", json!({"command": command, "description": "Carry out the directive"}))
            }
            None => self.poll(told(answer, false, "I know only `write NAME: CONTENT` and `run COMMAND`.")),
        };
        vec![Block::text("I carry out the directive."), call]
    }

    fn poll(&self, previous_result: Value) -> Block {
        let mut input = json!({"wait_seconds": self.wait_seconds});
        if !previous_result.is_null() {
            input["previous_result"] = previous_result;
        }
        Block::tool(NEXT, input)
    }
}

impl<'a> Work<'a> {
    fn read(directive: &'a str) -> Option<Self> {
        if let Some(command) = directive.strip_prefix("run ") {
            return Some(Work::Run { command });
        }
        let (name, content) = directive.strip_prefix("write ")?.split_once(": ")?;
        Some(Work::Write { name, content })
    }
}

/// The report on the directive of the latest poll, which `done` carried out.
fn report(calls: &[Call], done: &Call) -> Value {
    let poll = calls.iter().rev().find(|call| call.tool == NEXT);
    let answer = poll.map(|poll| read(&poll.text)).unwrap_or_default();
    let result = match Work::read(answer["directive"].as_str().unwrap_or_default()) {
        Some(Work::Write { name, content }) if !done.failed => format!("wrote {name}: {content}"),
        _ => done.text.clone(),
    };
    told(&answer, !done.failed, &result)
}

fn told(answer: &Value, success: bool, result: &str) -> Value {
    let mut report = json!({
        "directive_id": answer["directive_id"], "success": success, "result": result, "execution_time": 0.5,
        "lease_token": answer["metadata"]["lease_token"],
    });
    if !success {
        report["error"] = json!(result);
    }
    report
}

fn says(call: &Call, next_action: &str) -> bool {
    read(&call.text)["next_action"] == next_action
}

/// The text of a tool's result as JSON; null if it is none.
fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// Every finished call, oldest first.
fn calls(messages: &[Value]) -> Vec<Call<'_>> {
    let blocks = || messages.iter().filter_map(|message| message["content"].as_array()).flatten();
    let uses = blocks().filter(|block| block["type"] == "tool_use");
    uses.filter_map(|call| {
        let result = blocks().find(|block| block["type"] == "tool_result" && block["tool_use_id"] == call["id"])?;
        Some(Call {
            tool: call["name"].as_str()?,
            text: text(&result["content"]),
            failed: result["is_error"].as_bool().unwrap_or(false),
        })
    })
    .collect()
}

/// Content is a string or an array of blocks.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => blocks.iter().filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}
