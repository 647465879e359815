//! What an agent is taught: the server's instructions, and a prompt that starts the loop.

use baton_gate::{Input, json};
use baton_model::{Faults, bounds::check_name};
use rmcp::model::{GetPromptResult, Prompt, PromptArgument, PromptMessage, Role};
use serde::Deserialize;
use serde_json::Value;

/// Sent with `server/discover` and `initialize`.
pub const INSTRUCTIONS: &str = "\
Baton hands out work. A directive is a piece of work in plain language: you take one, do all of it, report what came of \
it, and take the next.

The loop:
1. Call start_directive_monitoring once.
2. Call get_next_directive. If nothing is due it waits up to `wait_seconds` for something.
3. Do what `next_action` says:
   - EXECUTE_THEN_POLL: carry out `directive` completely, with your own tools. Then call get_next_directive with \
previous_result = {directive_id, lease_token, success, result}, where lease_token is the answer's \
metadata.lease_token. `result` says in detail what you did and found. If you could not do it, send success = false and \
say why in `error`: it may be tried again.
   - WAIT_THEN_POLL: nothing to do right now. Call get_next_directive again after `wait_seconds` seconds.
   - STOP: the work has ended. Do not poll again.
4. Go on until STOP. Report each directive exactly once, and never leave one unreported.

Long work: a directive is yours until metadata.lease_expires_at. If you need longer, call extend_lease with its \
directive_id and lease_token before then; otherwise another agent gets it and your result is refused.
If a result is refused, the error says why. Go on with get_next_directive without previous_result.
To give work to yourself or others, call add_directive; get_directive shows what became of it.
The list of tools stays the same: there is no need to ask for it again.";

const NAME: &str = "work_directives";

/// What `prompts/list` shows.
pub fn list() -> Vec<Prompt> {
    let agent = PromptArgument::new("agent")
        .with_title("Name")
        .with_description("The agent's name; it then also gets the directives that are meant for it alone.")
        .with_required(false);
    let tags = PromptArgument::new("tags")
        .with_title("Tags")
        .with_description("Only directives with at least one of these tags, separated by commas.")
        .with_required(false);
    let about = "Take directives from Baton and carry them out, one after the other, until Baton says STOP.";
    vec![Prompt::new(NAME, Some(about), Some(vec![agent, tags])).with_title("Work through the directives")]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    #[serde(default)]
    agent: Option<String>,
    #[serde(default)]
    tags: Option<String>,
}

impl Input for Arguments {}

/// What `prompts/get` answers.
///
/// # Errors
/// A sentence that names the unknown prompt or the wrong argument.
pub fn get(name: &str, arguments: Value) -> Result<GetPromptResult, String> {
    if name != NAME {
        return Err(format!("there is no prompt `{name}`; there is `{NAME}`"));
    }
    let text = text(arguments).map_err(|faults| faults.to_string())?;
    let message = PromptMessage::new_text(Role::User, text);
    Ok(GetPromptResult::new(vec![message]).with_description("Work through the directives"))
}

fn text(arguments: Value) -> Result<String, Faults> {
    let Arguments { agent, tags } = json::from_value(arguments)?;
    let mut faults = Faults::default();
    let agent = agent.filter(|agent| !agent.trim().is_empty());
    let tags: Vec<&str> =
        tags.iter().flat_map(|tags| tags.split(',')).map(str::trim).filter(|t| !t.is_empty()).collect();
    if let Some(agent) = &agent {
        check_name("agent", agent, &mut faults);
    }
    baton_model::bounds::check_tags("tags", &tags.iter().map(ToString::to_string).collect::<Vec<_>>(), &mut faults);
    faults.into_result()?;
    let mut text = "Work through the directives of the Baton server, now and without asking back.\n\n".to_owned();
    if let Some(agent) = agent {
        text += &format!(
            "You are the agent {}: give this name as `agent` in every call that takes one.\n",
            Value::from(agent)
        );
    }
    if !tags.is_empty() {
        text += &format!("Take only directives with these tags: give `tags` = {} in every poll.\n", Value::from(tags));
    }
    Ok(text + "\n" + INSTRUCTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json as value;

    #[test]
    fn the_prompt_carries_its_arguments_and_the_whole_loop() {
        let text = text(value!({"agent": "ann \"x\"", "tags": " ops, ,web"})).unwrap();
        assert!(text.contains(r#"the agent "ann \"x\"""#), "{text}");
        assert!(text.contains(r#"`tags` = ["ops","web"]"#), "{text}");
        for word in ["start_directive_monitoring", "lease_token", "WAIT_THEN_POLL", "STOP", "extend_lease"] {
            assert!(text.contains(word), "{word} in {text}");
        }
    }

    #[test]
    fn what_the_prompt_does_not_know_is_named() {
        assert!(get("work", value!({})).unwrap_err().contains("`work_directives`"));
        assert!(get(NAME, value!({"agnt": "ann"})).unwrap_err().contains("did you mean `agent`?"));
        assert!(get(NAME, value!({"agent": "a\nb"})).unwrap_err().contains("`agent`"));
        assert!(get(NAME, value!({})).is_ok());
    }
}
