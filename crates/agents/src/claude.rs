//! Claude Code, headless: the prompt on stdin, JSON lines on stdout. Flags and behaviour are those of 2.1.328; its
//! unknown lines and fields are passed over.

mod stream;
mod verdict;

use crate::{
    AgentConfig, Task,
    agent::{Agent, Reader},
};

/// The adapter of the kind `claude`.
pub(crate) struct Claude;

impl Agent for Claude {
    fn program(&self) -> Option<&'static str> {
        Some("claude")
    }

    fn install(&self) -> &'static str {
        "Install Claude Code: npm install -g @anthropic-ai/claude-code"
    }

    fn version(&self) -> Option<&'static [&'static str]> {
        Some(&["--version"])
    }

    fn arguments(&self, config: &AgentConfig, task: &Task) -> Result<Vec<String>, String> {
        // Without --verbose the stream is refused. Edits in the directory need no approval, since nobody is there to
        // give one; what else is allowed is the operator's to say. Of the settings only the user's own count, and of
        // the MCP servers none that a repository brings along.
        let fixed = "-p --output-format stream-json --verbose --permission-mode acceptEdits --strict-mcp-config \
                     --setting-sources user";
        let mut arguments: Vec<String> = fixed.split_ascii_whitespace().map(str::to_owned).collect();
        arguments.extend(["--session-id".to_owned(), task.session_id.to_string()]);
        if let Some(budget) = task.budget_usd {
            arguments.extend(["--max-budget-usd".to_owned(), budget.to_string()]);
        }
        arguments.extend(config.args.iter().cloned());
        Ok(arguments)
    }

    /// On stdin a text is not bounded by the length of a command line, nor seen by `ps`.
    fn stdin(&self, _: &AgentConfig, task: &Task) -> Option<String> {
        Some(task.text.clone())
    }

    fn reader(&self, config: &AgentConfig) -> Box<dyn Reader> {
        Box::new(stream::Stream::new(&config.name))
    }
}

#[cfg(test)]
mod tests;
