//! `baton connect`: the lines that it shows, and the real Claude Code that takes them.

use std::{fs, os::unix::fs::PermissionsExt};

use baton_testkit::claude::Claude;

use super::*;

/// `baton ARGS…` with `claude` on its PATH, in the house's home.
async fn with_claude(house: &House, claude: &Claude, args: &[&str], token: Option<&str>) -> Output {
    let data = house.server.data_dir().display().to_string();
    let mut command = clean_command(BATON, house.home.path());
    let path = format!("{}:{}", claude.program().parent().unwrap().display(), std::env::var("PATH").unwrap());
    command.env("PATH", path).envs(token.map(|token| ("BATON_TOKEN", token)));
    command.current_dir(house.home.path()).args(["--data-dir", &data]).args(args).kill_on_drop(true);
    timeout(PATIENCE, command.output()).await.expect("it ends").unwrap()
}

/// What Claude Code keeps of an entry for itself in the house's home.
fn kept(house: &House, name: &str) -> Value {
    let all: Value = serde_json::from_slice(&fs::read(house.home.path().join(".claude.json")).unwrap()).unwrap();
    let home = house.home.path().canonicalize().unwrap().display().to_string();
    let local = &all["projects"][home]["mcpServers"][name];
    if local.is_null() { all["mcpServers"][name].clone() } else { local.clone() }
}

#[tokio::test]
async fn it_shows_what_clients_need() {
    let house = House::new().await;
    let url = house.server.url().to_owned();
    let data = house.server.data_dir().display().to_string();
    let tidy = |text: &str| text.replace(&url, "URL").replace(&data, "DIR").replace(BATON, "BATON");
    let printed = house.run(&["connect"]).await;
    let json = house.print(&["connect", "--json"]).await;
    assert_snapshot!("connect", tidy(&format!("{}---\n{}---\n{json}", err(&printed), out(&printed))));

    fs::write(house.home.path().join("my settings.toml"), "").unwrap();
    let mut lines = String::new();
    for args in [
        &["connect", "claude", "--dry-run"][..],
        &["connect", "claude", "--dry-run", "--name", "team", "--scope", "user", "--token", "baton_hunter2"],
        &["connect", "claude", "--dry-run", "--scope", "project", "--token", "baton_hunter2"],
        &["connect", "claude", "--dry-run", "--stdio", "--config", "my settings.toml"],
        &["connect", "claude", "--dry-run", "--stdio", "--token", "baton_hunter2", "--url", "http://h:1/mcp"],
    ] {
        lines += &tidy(&house.print(args).await).replace(&house.home.path().display().to_string(), "HOME");
    }
    assert!(!lines.contains("hunter2"), "no token on a terminal: {lines}");
    assert_snapshot!("connect-claude", lines);
    assert_eq!(house.run(&["connect", "claude", "--name", "-x"]).await.status.code(), Some(2));
    assert_eq!(house.run(&["connect", "claude", "--scope", "everywhere"]).await.status.code(), Some(2));
}

#[tokio::test]
async fn claude_code_takes_the_entry_and_a_second_one_is_refused_with_the_way_out() {
    let (house, claude) = (House::new().await, Claude::find().await.unwrap());
    let added = with_claude(&house, &claude, &["connect", "claude"], Some("baton_abc")).await;
    assert_eq!((added.status.code(), out(&added)), (Some(0), String::new()), "{}", err(&added));
    let entry = kept(&house, "baton");
    assert_eq!(entry["url"], format!("{}/mcp", house.server.url()));
    assert_eq!(entry["headers"], json!({"Authorization": "Bearer baton_abc"}));

    let again = with_claude(&house, &claude, &["connect", "claude"], Some("baton_abc")).await;
    assert_eq!(again.status.code(), Some(1));
    let told = err(&again);
    assert!(told.contains("claude mcp remove --scope local baton") && !told.contains("baton_abc"), "{told}");

    let shared = with_claude(&house, &claude, &["connect", "claude", "--scope", "project"], Some("baton_abc")).await;
    assert_eq!(shared.status.code(), Some(0), "{}", err(&shared));
    let file = fs::read_to_string(house.home.path().join(".mcp.json")).unwrap();
    assert!(file.contains("Bearer ${BATON_TOKEN}") && !file.contains("baton_abc"), "{file}");
}

#[tokio::test]
async fn claude_code_finds_the_same_server_over_stdio() {
    let (house, claude) = (House::new().await, Claude::find().await.unwrap());
    let args = ["connect", "claude", "--stdio", "--name", "here", "--scope", "user"];
    let added = with_claude(&house, &claude, &args, None).await;
    assert_eq!(added.status.code(), Some(0), "{}", err(&added));
    let data = house.server.data_dir().display().to_string();
    let entry = kept(&house, "here");
    assert_eq!((&entry["command"], &entry["args"]), (&json!(BATON), &json!(["mcp", "--data-dir", data])));
    // Claude Code starts what it was told and asks it how it is.
    let mut command = clean_command(claude.program(), house.home.path());
    command.current_dir(house.home.path()).args(["mcp", "get", "here"]).kill_on_drop(true);
    let asked = timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
    assert!(out(&asked).contains("Connected"), "{}{}", out(&asked), err(&asked));
}

#[tokio::test]
async fn without_claude_code_it_says_how_to_get_it() {
    let house = House::new().await;
    let empty = TempDir::new().unwrap();
    let mut command = clean_command(BATON, house.home.path());
    command.env("PATH", empty.path()).args(["connect", "claude", "--url", house.server.url()]);
    let refused = timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("npm install -g @anthropic-ai/claude-code"), "{}", err(&refused));
    // What it gives up on is what the program it found was asked.
    let program = empty.path().join("claude");
    fs::write(&program, "#!/bin/sh\nexit 7\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = clean_command(BATON, house.home.path());
    command.env("PATH", format!("{}:/bin", empty.path().display()));
    command.args(["connect", "claude", "--url", house.server.url()]);
    let refused = timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
    assert!(err(&refused).contains("ended with exit status: 7"), "{}", err(&refused));
}
