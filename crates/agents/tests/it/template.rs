//! The kind `command`: what a program is given, and what is made of what it says.

use baton_agents::{Availability, Ending, Kind, Stream, detect, run};

use crate::support::{Agent, Watched, machine};

fn failed(ending: &Ending) -> &str {
    match ending {
        Ending::Failed { error } => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_program_gets_the_text_on_stdin_and_a_clean_environment() {
    let agent = Agent::bash(Kind::Command, r#"cat; echo; pwd; env | sort | grep -v -e ^_= -e ^SHLVL= -e ^PATH="#);
    let task = agent.task("write $(a) \"poem\"\nof two lines");
    let watched = Watched::start();
    let outcome = run(&machine(), &agent.config, &task, &watched.controls).await;
    let dir = agent.dir.path().display();
    let expected = format!(
        "{}\n{dir}\nBATON_ATTEMPT=1\nBATON_DIRECTIVE_ID=d-1\nBATON_TEST_MARK={dir}\nGIT_TERMINAL_PROMPT=0\nPWD={dir}",
        task.text
    );
    assert_eq!((outcome.ending, outcome.result), (Ending::Completed, expected));
    assert_eq!(outcome.metadata.exit.as_deref(), Some("exit 0"));
}

#[tokio::test]
async fn a_text_on_the_arguments_is_never_a_shells() {
    let mut agent = Agent::bash(Kind::Command, r#"printf '<%s>' "$@"; cat"#);
    agent.config.args = ["{directive_id}", "--do={directive}", "{directive}", "{attempt}"].map(str::to_owned).to_vec();
    let task = agent.task("a b; touch /tmp/x `id` 'q'");
    let outcome = run(&machine(), &agent.config, &task, &Watched::start().controls).await;
    assert_eq!(outcome.result, "<d-1><--do={directive}><a b; touch /tmp/x `id` 'q'><1>", "and stdin is empty");
}

#[tokio::test]
async fn a_text_that_looks_like_an_option_is_none() {
    let mut agent = Agent::bash(Kind::Command, r#"printf '<%s>' "$@""#);
    let task = agent.task("--output=stolen");
    agent.config.args = ["{directive}"].map(str::to_owned).to_vec();
    let outcome = run(&machine(), &agent.config, &task, &Watched::start().controls).await;
    assert!(failed(&outcome.ending).contains("`agents.fake.args`"), "{:?}", outcome.ending);
    agent.config.args = ["--", "{directive}"].map(str::to_owned).to_vec();
    let outcome = run(&machine(), &agent.config, &task, &Watched::start().controls).await;
    assert_eq!(outcome.result, "<--><--output=stolen>");
}

#[tokio::test]
async fn a_long_text_comes_on_stdin_and_fails_on_a_command_line() {
    let text = "x".repeat(3_000_000);
    for (script, result) in [("wc -c", "3000000"), ("echo ignored", "ignored")] {
        let agent = Agent::bash(Kind::Command, script);
        let outcome = run(&machine(), &agent.config, &agent.task(&text), &Watched::start().controls).await;
        assert_eq!((outcome.ending, outcome.result.as_str()), (Ending::Completed, result));
    }
    let mut agent = Agent::bash(Kind::Command, "true");
    agent.config.args = vec!["{directive}".to_owned()];
    for text in [&text[..128 * 1024], "a\0b"] {
        let outcome = run(&machine(), &agent.config, &agent.task(text), &Watched::start().controls).await;
        assert!(failed(&outcome.ending).contains("`agents.fake.args`"), "{:?}", outcome.ending);
    }
    let text = &text[..128 * 1024 - 1];
    assert!(run(&machine(), &agent.config, &agent.task(text), &Watched::start().controls).await.is_success());
}

#[tokio::test]
async fn a_failure_tells_the_end_of_stderr_and_keeps_what_was_done() {
    let agent = Agent::bash(Kind::Command, "echo half; seq 100000 >&2; echo no disk >&2; exit 7");
    let watched = Watched::start();
    let outcome = agent.run_with(&machine(), &watched.controls).await;
    let error = failed(&outcome.ending);
    assert!(error.starts_with("the agent failed (exit 7): [") && error.ends_with("100000\nno disk"), "{error}");
    assert!(error.len() < 5000, "{}", error.len());
    assert_eq!(outcome.result, "half");
    let transcript = watched.transcript().await;
    let of = |stream| transcript.iter().filter(move |chunk| chunk.stream == stream).map(|chunk| chunk.text.as_str());
    assert_eq!(of(Stream::Stdout).collect::<String>(), "half\n");
    assert!(of(Stream::Stderr).collect::<String>().starts_with("1\n2\n3\n"), "the transcript has all of it");
}

#[tokio::test]
async fn what_is_missing_is_named_with_its_setting() {
    let mut agent = Agent::bash(Kind::Command, "true");
    let why = |ending: Ending| match ending {
        Ending::NotStarted { why } => why,
        other => panic!("{other:?}"),
    };
    agent.config.command = Some("no-such-agent".to_owned());
    let missing = why(agent.run().await.ending);
    assert!(missing.contains("`no-such-agent` on PATH") && missing.contains("agents.fake.command"), "{missing}");
    assert!(matches!(detect(&machine(), &agent.config).await, Availability::Missing { why } if why == missing));

    agent.config.kind = Kind::Claude;
    let missing = why(agent.run().await.ending);
    assert!(missing.contains("npm install -g @anthropic-ai/claude-code"), "{missing}");
    agent.config.kind = Kind::Command;

    agent.config.command = None;
    assert!(why(agent.run().await.ending).contains("`agents.fake.command` is not set"));

    // The system itself refuses this one.
    std::fs::write(agent.dir.path().join("agent"), "#!/no/such/interpreter\n").unwrap();
    agent.config.command = Some(agent.dir.path().join("agent").display().to_string());
    assert!(why(agent.run().await.ending).contains("could not be started"));

    let mut task = agent.task("do it");
    task.dir = "/no/such/place".into();
    let outcome = run(&machine(), &agent.config, &task, &Watched::start().controls).await;
    assert!(why(outcome.ending).contains("/no/such/place is no directory"));

    let mut nowhere = machine();
    nowhere.shepherd = "/no/baton".into();
    let agent = Agent::bash(Kind::Command, "true");
    assert!(why(agent.run_with(&nowhere, &Watched::start().controls).await.ending).contains("/no/baton"));
}

#[tokio::test]
async fn progress_is_the_latest_line() {
    let agent = Agent::bash(Kind::Command, "echo step one; echo \"  step   two  \"; echo; read < go");
    // A fifo: the script waits in it until it is opened here.
    assert!(std::process::Command::new("mkfifo").arg(agent.dir.path().join("go")).status().unwrap().success());
    let mut watched = Watched::start();
    let machine = machine();
    let (outcome, ()) = tokio::join!(agent.run_with(&machine, &watched.controls), async {
        watched.progress.wait_for(|shown| shown == "step two").await.unwrap();
        tokio::fs::write(agent.dir.path().join("go"), "\n").await.unwrap();
    });
    assert_eq!(outcome.ending, Ending::Completed);
}
