//! Any program as an agent: the directive on its arguments or its stdin, the result on its stdout, success by its exit
//! status.

use crate::{
    AgentConfig, Ending, Metadata, Task,
    agent::{Agent, End, Reader, Standing, Told},
    shepherd::Exit,
    text::Tail,
};

/// How much of its stdout becomes the result, and of its stderr the error: the last part.
pub(crate) const RESULT_BYTES: usize = 256 * 1024;

/// The placeholder of the directive's text. Where it stands nowhere, the text comes on stdin.
const DIRECTIVE: &str = "{directive}";

/// The adapter of the kind `command`.
pub(crate) struct Command;

impl Agent for Command {
    fn program(&self) -> Option<&'static str> {
        None
    }

    fn install(&self) -> &'static str {
        "Name a program that is on this machine."
    }

    fn version(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// Only whole arguments are replaced: a text never becomes a part of something that a program may read otherwise.
    /// Nor may it be read as an option, which it is nowhere but behind a `--`.
    fn arguments(&self, config: &AgentConfig, task: &Task) -> Result<Vec<String>, String> {
        let mut before = config.args.iter().take_while(|argument| *argument != "--");
        if task.text.starts_with('-') && before.any(|argument| argument == DIRECTIVE) {
            return Err(format!(
                "the directive begins with `-`, so that the agent's program would read it as an option: put \"--\" \
                 before \"{DIRECTIVE}\" in `agents.{name}.args`, or take \"{DIRECTIVE}\" out of it, so that the text \
                 comes on stdin",
                name = config.name
            ));
        }
        let fill = |argument: &String| match argument.as_str() {
            DIRECTIVE => task.text.clone(),
            "{directive_id}" => task.directive_id.clone(),
            "{attempt}" => task.attempt.to_string(),
            "{priority}" => task.priority.as_str().to_owned(),
            "{dir}" => task.dir.display().to_string(),
            _ => argument.clone(),
        };
        Ok(config.args.iter().map(fill).collect())
    }

    fn stdin(&self, config: &AgentConfig, task: &Task) -> Option<String> {
        let on_arguments = config.args.iter().any(|argument| argument == DIRECTIVE);
        (!on_arguments).then(|| task.text.clone())
    }

    fn reader(&self, config: &AgentConfig) -> Box<dyn Reader> {
        Box::new(Output { agent: config.name.clone(), stdout: Tail::new(RESULT_BYTES), last: LastLine::default() })
    }
}

struct Output {
    agent: String,
    stdout: Tail,
    last: LastLine,
}

impl Reader for Output {
    fn take(&mut self, bytes: &[u8]) {
        self.stdout.take(bytes);
        self.last.take(bytes);
    }

    fn standing(&self) -> Standing {
        Standing::Working
    }

    fn progress(&self) -> Option<&str> {
        (!self.last.shown.is_empty()).then_some(&self.last.shown)
    }

    fn close(self: Box<Self>, end: &End) -> Told {
        let ending = match end.exit {
            Some(Exit::Code(0)) => Ending::Completed,
            _ => Ending::Failed { error: failure(end) },
        };
        let metadata = Metadata { agent: self.agent, ..Metadata::default() };
        Told { ending, result: self.stdout.text(), metadata }
    }
}

/// How it ended, and what it said on stderr.
fn failure(end: &End) -> String {
    let how = end.exit.map_or_else(|| "its end is unknown".to_owned(), |exit| exit.to_string());
    match end.stderr.as_str() {
        "" => format!("the agent failed ({how}) and said nothing on stderr"),
        said => format!("the agent failed ({how}): {said}"),
    }
}

/// The latest line that is not blank, as far as it is of use for a look at it.
#[derive(Default)]
struct LastLine {
    shown: String,
}

impl LastLine {
    /// Longest piece that is looked at.
    const BYTES: usize = 1024;

    fn take(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(Self::BYTES)..]);
        if let Some(line) = text.lines().rev().find(|line| !line.trim().is_empty()) {
            line.trim().clone_into(&mut self.shown);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use baton_model::Priority;
    use uuid::Uuid;

    use super::*;
    use crate::Kind;

    fn config(args: &[&str]) -> AgentConfig {
        AgentConfig {
            name: "script".to_owned(),
            kind: Kind::Command,
            command: Some("/bin/true".to_owned()),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: BTreeMap::new(),
            timeout: Duration::from_secs(1),
            stall: None,
        }
    }

    fn task() -> Task {
        Task {
            directive_id: "d-1".to_owned(),
            attempt: 2,
            text: "say $(hi); {dir}".to_owned(),
            dir: "/srv/work".into(),
            priority: Priority::High,
            timeout: None,
            budget_usd: None,
            session_id: Uuid::nil(),
        }
    }

    #[test]
    fn whole_arguments_are_replaced_once() {
        let template =
            ["--id={directive_id}", "{directive_id}", "{attempt}", "{priority}", "{dir}", "{directive}", "{x}"];
        let filled = Command.arguments(&config(&template), &task()).unwrap();
        assert_eq!(filled, ["--id={directive_id}", "d-1", "2", "high", "/srv/work", "say $(hi); {dir}", "{x}"]);
        assert_eq!(Command.stdin(&config(&template), &task()), None);
        assert_eq!(Command.stdin(&config(&["{dir}"]), &task()).as_deref(), Some("say $(hi); {dir}"));
    }

    #[test]
    fn a_text_is_never_an_option() {
        let told = |template: &[&str], text: &str| {
            Command.arguments(&config(template), &Task { text: text.to_owned(), ..task() })
        };
        for template in [&["{directive}"][..], &["-x", "{directive}", "--"], &["{directive}", "--", "{directive}"]] {
            for text in ["--output=/home/me/.bashrc", "-", "-o"] {
                let error = told(template, text).unwrap_err();
                assert!(error.contains("\"--\" before \"{directive}\" in `agents.script.args`"), "{error}");
            }
            assert!(told(template, " -o").is_ok());
        }
        assert_eq!(told(&["--", "{directive}"], "-o").unwrap(), ["--", "-o"]);
        assert_eq!(told(&["{dir}"], "-o").unwrap(), ["/srv/work"], "it comes on stdin");
    }

    #[test]
    fn success_is_exit_0_and_errors_come_from_stderr() {
        let close = |exit, stderr: &str| {
            let mut reader = Command.reader(&config(&[]));
            reader.take(b"working\n\n");
            assert_eq!(reader.progress(), Some("working"));
            reader.take(b"done\n");
            reader.close(&End { exit, stderr: stderr.to_owned() })
        };
        let told = close(Some(Exit::Code(0)), "a warning");
        assert_eq!((told.ending, told.result.as_str()), (Ending::Completed, "working\n\ndone"));
        let error = |told: Told| match told.ending {
            Ending::Failed { error } => error,
            other => panic!("{other:?}"),
        };
        assert_eq!(error(close(Some(Exit::Code(3)), "no disk")), "the agent failed (exit 3): no disk");
        assert_eq!(
            error(close(Some(Exit::Signal(9)), "")),
            "the agent failed (signal SIGKILL) and said nothing on stderr"
        );
        assert!(error(close(None, "")).contains("unknown"));
    }
}
