//! Tables whose names the operator chooses.

use super::*;

const FILE: &str = r#"
[agents.claude]
kind = "claude"
args = ["--model", "env:MODEL"]
env = { ANTHROPIC_API_KEY = "env:KEY", LANG = "C" }

[agents.my-script_2]
command = "/opt/work.sh"
stall_seconds = 5

[acceptance.tests]
argv = ["cargo", "test"]

[agents.bare]
kind = "claude"
"#;

const AROUND: [(&str, &str); 3] = [("MODEL", "opus"), ("KEY", "hunter2"), ("BATON_OUTBOUND_ALLOW", "::1")];

#[test]
fn each_name_has_its_own_values_with_their_places() {
    let loaded = load_from(FILE, &AROUND, &[]).unwrap();
    let agents = &loaded.settings.agents;
    assert_eq!(agents.keys().collect::<Vec<_>>(), ["bare", "claude", "my-script_2"]);
    let claude = &agents["claude"];
    assert_eq!((claude.kind, claude.timeout_seconds), (AgentKind::Claude, 3600.0));
    assert_eq!(claude.args, ["--model", "opus"], "references in lists are resolved");
    let config = claude.as_config("claude");
    assert_eq!((config.stall, config.env["LANG"].as_str()), (baton_agents::Kind::Claude.default_stall(), "C"));
    assert_eq!(claude.env["ANTHROPIC_API_KEY"].expose(), "hunter2");
    let script = &agents["my-script_2"];
    assert_eq!((script.kind, script.command.as_deref()), (AgentKind::Command, Some("/opt/work.sh")));
    assert_eq!(script.as_config("my-script_2").stall.map(|span| span.as_secs()), Some(5));
    assert_eq!(agents["bare"], Agent { kind: AgentKind::Claude, ..Agent::default() });
    assert_eq!(loaded.settings.acceptance["tests"].timeout_seconds, 600.0);
    assert!(loaded.origin("agents.claude.env.LANG").to_string().ends_with("baton.toml:5"));
    assert_eq!(loaded.origin("agents.claude.timeout_seconds"), Origin::Default);
}

#[test]
fn they_are_shown_under_their_names_and_without_secrets() {
    let loaded = load_from(FILE, &AROUND, &[]).unwrap();
    let lines =
        loaded.shown().into_iter().filter(|line| line.key.starts_with("agents.") || line.key.starts_with("acc"));
    let lines: Vec<String> = lines.map(|line| format!("{} = {} {}", line.key, line.value, line.is_hidden)).collect();
    insta::assert_snapshot!(lines.join("\n"));
    assert!(!format!("{loaded:?}").contains("hunter2"));
}

#[test]
fn several_files_add_up() {
    let dir = TempDir::new().unwrap();
    let (near, far) = (dir.path().join("near.toml"), dir.path().join("far.toml"));
    fs::write(&near, "[agents.one]\nargs = [\"-x\"]\n[agents.one.env]\nA = \"2\"\n").unwrap();
    fs::write(&far, "[agents.one]\ncommand = \"run\"\n[agents.one.env]\nA = \"1\"\nB = \"1\"\n").unwrap();
    let one = &load(&Sources { files: vec![near, far], ..Sources::default() }).unwrap().settings.agents["one"];
    assert_eq!((one.command.as_deref(), one.args.as_slice()), (Some("run"), &["-x".to_owned()][..]));
    assert_eq!((one.env["A"].expose().as_str(), one.env["B"].expose().as_str()), ("2", "1"));
}

#[test]
fn what_is_wrong_in_them_is_named_like_everything_else() {
    let nothing: &[(&str, &str)] = &[];
    let cases = [
        ("[agents.x]\nkind = \"claude\"\ncomand = \"c\"", nothing),
        ("[agents.x]\nkind = \"claude\"\nwhatever = 1", nothing),
        ("[agents.x]\nkind = \"codex\"", nothing),
        ("[agents.x]\nkind = \"cloud\"", nothing),
        ("[agents.x]", nothing),
        ("[agents.x]\nargs = [\"a\"]", nothing),
        ("[agents.x]\ncommand = \" \"", nothing),
        ("[agents.x]\ncommand = \"c\"\ntimeout_seconds = 0\nstall_seconds = -1", nothing),
        ("[agents.\"my agent\"]\nkind = \"claude\"", nothing),
        ("[agents.\"a.b\"]\nkind = \"claude\"", nothing),
        ("[agents.\"\"]\nkind = \"claude\"", nothing),
        ("[agents]\nx = 5", nothing),
        ("agents = 5", nothing),
        ("[agents]\nkind = \"claude\"", nothing),
        ("[agents.x]\ncommand = \"c\"\nenv = [\"A=b\"]", nothing),
        ("[agents.x]\ncommand = \"c\"\nenv = { A = 1 }", nothing),
        ("[agents.x]\ncommand = \"c\"\nenv = { A = { B = \"c\" } }", nothing),
        ("[agents.x]\ncommand = \"c\"\nenv = { A = \"env:NOT_THERE\" }", nothing),
        ("[agents.x]\ncommand = \"c\"\nargs = [\"env:NOT_THERE\"]", nothing),
        ("[agents.x]\ncommand = \"c\"\nargs = \"a b\"", nothing),
        ("[agent.x]\ncommand = \"c\"", nothing),
        ("[acceptance.x]", nothing),
        ("[acceptance.x]\nargv = []", nothing),
        ("[acceptance.x]\nargv = [\"\"]\ntimeout_second = 1", nothing),
        ("[acceptance]\nargv = [\"true\"]", nothing),
        ("", &[("BATON_AGENTS_CLAUDE_COMMAND", "c")]),
    ];
    let mut told = String::new();
    for (file, variables) in cases {
        let problems = load_from(file, variables, &[]).expect_err(file);
        told += &format!("--- {}\n{problems}\n", file.replace('\n', "⏎"));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn the_example_of_the_manual_can_be_used() {
    let manual = include_str!("../../../../../docs/operating.md");
    let (_, example) = manual.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("baton.toml");
    fs::write(&file, example).unwrap();
    fs::write(dir.path().join("secret"), "s".repeat(32)).unwrap();
    let surroundings = vec![("ANTHROPIC_API_KEY".to_owned(), "key".to_owned())];
    let loaded = load(&Sources { files: vec![file], surroundings, ..Sources::default() }).unwrap();
    assert_eq!(loaded.settings.agents.len(), 2);
    let defaults = Settings::default();
    assert_eq!((loaded.settings.limits, loaded.settings.webhooks), (defaults.limits, defaults.webhooks), "as it says");
}

#[test]
fn a_reload_names_what_changed_in_them() {
    let before = load_from("[agents.one]\ncommand = \"a\"\nenv = { K = \"1\" }\n", &[], &[]).unwrap();
    let after =
        load_from("[agents.one]\ncommand = \"b\"\nenv = { K = \"2\" }\n[acceptance.t]\nargv = [\"t\"]\n", &[], &[]);
    let changed = changed(&before, &after.unwrap());
    assert_eq!(
        changed,
        ["agents.one.command", "agents.one.env.K", "acceptance.t.argv", "acceptance.t.timeout_seconds"]
    );
}
