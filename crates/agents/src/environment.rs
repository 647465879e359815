//! What an agent finds in its environment: an allow-list of the machine's, then the adapter's own settings, then the
//! operator's, then the directive's.
//!
//! Nothing else comes through. So neither the library paths and start-up files that would change what runs
//! (`LD_PRELOAD`, `BASH_ENV`, `NODE_OPTIONS`), nor Baton's own token, nor the marks of an agent in which Baton itself
//! may have been started (`CLAUDECODE`, `CLAUDE_CODE_…`) reach it.

use std::{collections::BTreeMap, env};

use crate::{AgentConfig, Kind, Task};

/// What every agent may know of the machine.
const EVERYBODY: [&str; 9] = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "SHELL", "TERM"];
const PREFIXES: [&str; 2] = ["LC_", "XDG_"];

/// What Claude Code may know besides: its credentials, and the way to its model.
const CLAUDE: [&str; 14] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_MODEL",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CONFIG_DIR",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
];

/// Claude Code neither replaces itself in the middle of work nor talks to anybody but its model.
const CLAUDE_SETTINGS: [(&str, &str); 4] = [
    ("DISABLE_AUTOUPDATER", "1"),
    ("DISABLE_TELEMETRY", "1"),
    ("DISABLE_ERROR_REPORTING", "1"),
    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
];

/// Nobody is there to answer a question for a password.
const NOBODY_THERE: [(&str, &str); 1] = [("GIT_TERMINAL_PROMPT", "0")];

/// The environment that agents may inherit some of.
#[derive(Clone, Default)]
pub struct Ambient(BTreeMap<String, String>);

impl Ambient {
    /// This process's own; variables that are no UTF-8 are left out.
    pub fn of_this_process() -> Self {
        let utf8 = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Ambient(env::vars_os().filter_map(utf8).collect())
    }

    /// A given one.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Ambient(variables.into_iter().collect())
    }

    /// What the agent gets; for a task, with the directive's marks.
    pub(crate) fn for_agent(&self, config: &AgentConfig, task: Option<&Task>) -> BTreeMap<String, String> {
        let own: &[&str] = if config.kind == Kind::Claude { &CLAUDE } else { &[] };
        let settings: &[(&str, &str)] = if config.kind == Kind::Claude { &CLAUDE_SETTINGS } else { &[] };
        let mut given = self.allowed(own);
        given.extend(pairs(&NOBODY_THERE));
        given.extend(pairs(settings));
        given.extend(config.env.clone());
        if let Some(task) = task {
            given.insert("BATON_DIRECTIVE_ID".to_owned(), task.directive_id.clone());
            given.insert("BATON_ATTEMPT".to_owned(), task.attempt.to_string());
        }
        given
    }

    /// What a check of the operator's gets.
    pub(crate) fn for_check(&self) -> BTreeMap<String, String> {
        let mut given = self.allowed(&[]);
        given.extend(pairs(&NOBODY_THERE));
        given
    }

    fn allowed(&self, own: &[&str]) -> BTreeMap<String, String> {
        let may = |name: &str| {
            EVERYBODY.contains(&name) || own.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        };
        self.0.iter().filter(|(name, _)| may(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// Names only: values may be secrets.
impl std::fmt::Debug for Ambient {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

fn pairs<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Iterator<Item = (String, String)> + 'a {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use super::*;

    fn config(kind: Kind) -> AgentConfig {
        let env = BTreeMap::from([("MINE".to_owned(), "1".to_owned()), ("LANG".to_owned(), "de_DE.UTF-8".to_owned())]);
        let timeout = Duration::from_secs(1);
        AgentConfig { name: "a".to_owned(), kind, command: None, args: Vec::new(), env, timeout, stall: None }
    }

    fn ambient() -> Ambient {
        let names = [
            "PATH",
            "HOME",
            "LC_ALL",
            "XDG_DATA_HOME",
            "LANG",
            "ANTHROPIC_API_KEY",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "HTTPS_PROXY",
            "CLAUDECODE",
            "CLAUDE_CODE_ENTRYPOINT",
            "CLAUDE_CODE_SESSION_ID",
            "BATON_TOKEN",
            "BATON_URL",
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "BASH_ENV",
            "ENV",
            "NODE_OPTIONS",
            "PYTHONPATH",
            "GIT_SSH_COMMAND",
            "AWS_SECRET_ACCESS_KEY",
        ];
        Ambient::of(names.map(|name| (name.to_owned(), "secret".to_owned())))
    }

    #[test]
    fn only_what_is_allowed_comes_through() {
        let names = |kind| ambient().for_agent(&config(kind), None).into_keys().collect::<BTreeSet<_>>();
        let common = ["GIT_TERMINAL_PROMPT", "HOME", "LANG", "LC_ALL", "MINE", "PATH", "XDG_DATA_HOME"];
        assert_eq!(names(Kind::Command), common.map(str::to_owned).into());
        let own: BTreeSet<_> = names(Kind::Claude).difference(&names(Kind::Command)).cloned().collect();
        let expected = [
            "ANTHROPIC_API_KEY",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "DISABLE_AUTOUPDATER",
            "DISABLE_ERROR_REPORTING",
            "DISABLE_TELEMETRY",
            "HTTPS_PROXY",
        ];
        assert_eq!(own, expected.map(str::to_owned).into());
    }

    #[test]
    fn the_operators_word_is_the_last_and_values_are_not_printed() {
        assert_eq!(ambient().for_agent(&config(Kind::Command), None)["LANG"], "de_DE.UTF-8");
        assert!(!format!("{:?}", ambient()).contains("secret"));
    }
}
