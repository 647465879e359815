//! Errors of use: what an agent is told when a tool did not do what it was called for.

use baton_engine::Error;
use baton_model::Faults;
use rmcp::model::{CallToolResult, ContentBlock};

/// A sentence that says what is wrong and what to do next. It carries no structured content: clients check that against
/// the tool's output schema, which describes success.
#[derive(Debug)]
pub struct Refusal(pub String);

impl Refusal {
    /// The result of the call.
    pub fn into_result(self) -> CallToolResult {
        CallToolResult::error(vec![ContentBlock::text(self.0)])
    }

    /// The refusal of a poll that brought a result.
    pub fn of_report(error: Error) -> Self {
        const GO_ON: &str = "Do not send this result again: go on by calling get_next_directive without \
                             `previous_result`.";
        match error {
            Error::NotFound { .. } => Refusal(format!(
                "Your result was not recorded: {error}. The `directive_id` must be the one that came with the \
                 directive; if you mistyped it, send the result again with the right one. Otherwise go on by calling \
                 get_next_directive without `previous_result`."
            )),
            Error::Conflict { code: code @ "lease_token_required", detail, .. } => Refusal(format!(
                "Your result was not recorded: {detail} ({code}). Send it again with the `metadata.lease_token` that \
                 came with the directive as `lease_token`; if you do not have it, go on by calling get_next_directive \
                 without `previous_result`."
            )),
            Error::Conflict { code, detail, stored } => {
                let stored = stored.map(|stored| format!(" What is stored: {stored}.")).unwrap_or_default();
                Refusal(format!("Your result was not recorded: {detail} ({code}).{stored} {GO_ON}"))
            }
            Error::Unavailable(_) | Error::Stopping => Refusal(format!(
                "Your result may not have been recorded: {error}. Call get_next_directive again in a few seconds with \
                 the same `previous_result`; the same result twice is recorded once."
            )),
            Error::Invalid(_) | Error::Unauthenticated(_) | Error::Forbidden { .. } | Error::TooMany { .. } => {
                error.into()
            }
        }
    }
}

impl From<Faults> for Refusal {
    fn from(faults: Faults) -> Self {
        Refusal(format!(
            "Nothing was done, because of these arguments: {faults}. Correct them and call the tool again."
        ))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(faults) => faults.into(),
            Error::NotFound { what, .. } => Refusal(format!(
                "There is {error}. Ids are copied whole from the answer that named the {what}; list_directives shows \
                 which there are."
            )),
            Error::Conflict { code, detail, stored } => {
                let stored = stored.map(|stored| format!(" What is stored: {stored}.")).unwrap_or_default();
                Refusal(format!(
                    "Nothing was changed: {detail} ({code}).{stored} get_directive shows where a directive stands."
                ))
            }
            Error::Unavailable(_) => {
                Refusal(format!("Nothing was written: {error}. Call again in a few seconds with the same arguments."))
            }
            Error::Unauthenticated(_) | Error::Forbidden { .. } => Refusal(format!(
                "Nothing was done: {error}. Ask the operator of this server for one (`baton token create`)."
            )),
            Error::TooMany { retry_after, .. } => {
                let seconds = retry_after.as_secs() + 1;
                Refusal(format!("Nothing was done: {error}. Call again in {seconds} seconds."))
            }
            Error::Stopping => Refusal(
                "Nothing was done: the server is stopping. Call again in a few seconds, when it is back.".to_owned(),
            ),
        }
    }
}
