//! A message on the wire: whole, or as the server-sent events of a streaming answer.
//!
//! Source: the Messages API's documentation of streaming; Claude Code 2.1.328 accepts exactly this.

use serde_json::{Value, json};

use super::{Block, request::Request};

/// One message of the model, with ids.
pub(super) struct Message {
    id: String,
    model: Value,
    stop_reason: &'static str,
    blocks: Vec<Value>,
}

impl Message {
    /// `number` is unique among the messages of the stand-in.
    pub(super) fn new(number: u64, request: &Request, blocks: Vec<Block>) -> Self {
        let calls = blocks.iter().any(|block| matches!(block, Block::ToolUse { .. }));
        let blocks = blocks.into_iter().enumerate().map(|(index, block)| match block {
            Block::Text(text) => json!({"type": "text", "text": text}),
            Block::ToolUse { name, input } => {
                json!({"type": "tool_use", "id": format!("toolu_{number:016}{index:04}"), "name": name, "input": input})
            }
        });
        Message {
            id: format!("msg_{number:020}"),
            model: request.body["model"].clone(),
            stop_reason: if calls { "tool_use" } else { "end_turn" },
            blocks: blocks.collect(),
        }
    }

    /// The answer to a request without `stream`.
    pub(super) fn whole(&self) -> Value {
        self.head(&self.blocks, json!(self.stop_reason), 50)
    }

    /// The events of the answer to a request with `stream`, in order.
    pub(super) fn events(&self) -> Vec<String> {
        let mut events = vec![event("message_start", json!({"message": self.head(&[], Value::Null, 1)}))];
        for (index, block) in self.blocks.iter().enumerate() {
            let (empty, delta) = opening(block);
            events.push(event("content_block_start", json!({"index": index, "content_block": empty})));
            events.push(event("content_block_delta", json!({"index": index, "delta": delta})));
            events.push(event("content_block_stop", json!({"index": index})));
        }
        let delta = json!({"stop_reason": self.stop_reason, "stop_sequence": null});
        events.push(event("message_delta", json!({"delta": delta, "usage": {"output_tokens": 50}})));
        events.push(event("message_stop", json!({})));
        events
    }

    fn head(&self, content: &[Value], stop_reason: Value, output_tokens: u64) -> Value {
        json!({
            "id": self.id, "type": "message", "role": "assistant", "model": self.model, "content": content,
            "stop_reason": stop_reason, "stop_sequence": null,
            "usage": {
                "input_tokens": 1000, "cache_creation_input_tokens": 200, "cache_read_input_tokens": 300,
                "output_tokens": output_tokens, "service_tier": "standard",
            },
        })
    }
}

/// A block as it starts, empty, and the one delta that fills it.
fn opening(block: &Value) -> (Value, Value) {
    let mut empty = block.clone();
    if block["type"] == "text" {
        empty["text"] = json!("");
        (empty, json!({"type": "text_delta", "text": block["text"]}))
    } else {
        empty["input"] = json!({});
        (empty, json!({"type": "input_json_delta", "partial_json": block["input"].to_string()}))
    }
}

/// The type stands twice: as the event's name and in its data.
fn event(kind: &str, mut data: Value) -> String {
    data["type"] = json!(kind);
    format!("event: {kind}\ndata: {data}\n\n")
}
