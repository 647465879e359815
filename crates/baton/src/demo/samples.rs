//! The demo's script: what is asked, and what the agent answers.

use std::time::Duration;

use serde_json::{Value, json};

/// How long the failed deployment waits for its second attempt.
pub const RETRY_DELAY: Duration = Duration::from_secs(1);
/// How long the summary waits until it is due.
pub const DELAY: Duration = Duration::from_secs(2);

/// The text of the directive that comes out of the sales report.
pub const FOLLOW_UP: &str = "Draft three measures against the falling sales";
/// What the agent says went wrong at first.
pub const FIRST_ERROR: &str = "timeout: the staging server did not answer";

const SALES: &str = "Analyse last quarter's sales";
const DEPLOY: &str = "Deploy the website to staging";

/// A sample directive.
pub struct Sample {
    /// The body of `POST /api/directives`.
    pub body: Value,
    /// What is special about it, for people.
    pub remark: String,
}

/// What is put into the queue, in this order.
pub fn samples() -> Vec<Sample> {
    let retry = RETRY_DELAY.as_secs();
    let delay = DELAY.as_secs();
    vec![
        Sample { body: json!({"directive": "Tidy up merged branches", "priority": "low"}), remark: String::new() },
        Sample {
            body: json!({
                "directive": DEPLOY,
                "retry_on_failure": true,
                "max_retries": 2,
                "retry_delay": retry,
            }),
            remark: format!("retried {retry} s after a failure, at most twice"),
        },
        Sample {
            body: json!({
                "directive": SALES,
                "priority": "high",
                "follow_up_rules": [{
                    "condition": "success AND result.contains('declining')",
                    "next_directive": FOLLOW_UP,
                    "priority": "high",
                }],
            }),
            remark: format!("if it succeeds and the result contains 'declining': \"{FOLLOW_UP}\""),
        },
        Sample {
            body: json!({"directive": "Check that last night's backup is there", "priority": "urgent"}),
            remark: String::new(),
        },
        Sample {
            body: json!({"directive": "Send the weekly summary", "delay_seconds": delay}),
            remark: format!("not before {delay} s from now"),
        },
    ]
}

/// The order in which the agent must get them: by priority, then first in, first out; what is delayed comes when it is
/// due. The deployment comes twice.
pub fn expected_order() -> [&'static str; 7] {
    [
        "Check that last night's backup is there",
        SALES,
        FOLLOW_UP,
        DEPLOY,
        "Tidy up merged branches",
        DEPLOY,
        "Send the weekly summary",
    ]
}

/// What the agent reports.
pub struct Script {
    /// Whether it succeeded.
    pub success: bool,
    /// What it found.
    pub result: &'static str,
    /// What went wrong.
    pub error: Option<&'static str>,
}

/// The scripted answer to a directive's text.
pub fn script(text: &str) -> Option<Script> {
    let done = |result| Some(Script { success: true, result, error: None });
    match text {
        "Tidy up merged branches" => done("14 merged branches deleted"),
        DEPLOY => Some(Script { success: false, result: "", error: Some(FIRST_ERROR) }),
        SALES => done("Revenue is declining: 8 % less than the quarter before, mostly in the north"),
        FOLLOW_UP => done("1. Bundle offers in the north  2. Call lapsed customers  3. Shorten the trial"),
        "Check that last night's backup is there" => done("Yes: 02:00, 4.2 GB, checksum matches"),
        "Send the weekly summary" => done("Sent to 12 readers"),
        // Its second attempt tells the agent what went wrong in the first.
        retry if retry.starts_with(DEPLOY) && retry.contains(FIRST_ERROR) => {
            done("Deployed after waiting for the server to come up")
        }
        _ => None,
    }
}
