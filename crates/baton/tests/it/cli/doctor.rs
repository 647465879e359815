//! `baton doctor`: what it looks at, and that each bad line says the way out.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use super::*;

/// Name, verdict and detail of each line.
async fn lines(home: &TempDir, args: &[&str]) -> Vec<(String, bool, String)> {
    let output = run(home, &[&["doctor", "--json"], args].concat()).await;
    let checks: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", err(&output)));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lines: Vec<_> = checks.as_array().unwrap().iter().collect();
    let lines: Vec<_> =
        lines.iter().map(|line| (text(&line["name"]), line["ok"] == true, text(&line["detail"]))).collect();
    let bad = lines.iter().filter(|(_, ok, _)| !ok).count();
    assert_eq!(output.status.code(), Some(i32::from(bad > 0)), "{lines:?}");
    lines
}

fn line<'a>(lines: &'a [(String, bool, String)], name: &str) -> (bool, &'a str) {
    let found = lines.iter().find(|(known, ..)| known == name).unwrap_or_else(|| panic!("no `{name}`: {lines:?}"));
    (found.1, &found.2)
}

fn program(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn a_sound_machine_gets_a_clean_bill() {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("baton.toml"), "server.bind = \"127.0.0.1:0\"\n").unwrap();
    let all = lines(&home, &[]).await;
    let names: Vec<&str> = all.iter().map(|(name, ..)| name.as_str()).collect();
    let expected = "version, settings, data directory, disk, server, database, durability, secret key, clock, port, \
                    access, open files, agent claude";
    assert_eq!(names.join(", "), expected);
    assert!(all.iter().all(|(_, ok, _)| *ok), "{all:?}");
    assert!(line(&all, "durability").1.contains("survives a power cut"));
    assert!(!home.path().join(".local").exists(), "it only looks");
}

#[tokio::test]
async fn what_is_bad_is_told_with_the_way_out() {
    let home = TempDir::new().unwrap();
    let data = home.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o777)).unwrap();
    program(&home.path().join("broken-claude"), "echo out of order >&2; exit 3");
    let file = "[server]\nbind = \"0.0.0.0:0\"\n[store]\nsecret_key = \"0123456789abcdef0123456789abcdef\"\n\
                [agents.missing]\ncommand = \"no-such-program\"\n\
                [agents.broken]\nkind = \"claude\"\ncommand = \"./broken-claude\"\n\
                [agents.shell]\ncommand = \"sh\"\n";
    fs::write(home.path().join("baton.toml"), file).unwrap();
    let all = lines(&home, &["--data-dir", "data"]).await;
    for (name, words) in [
        ("data directory", "chmod 700 data"),
        ("secret key", "file:PATH"),
        ("agent missing", "no-such-program"),
        ("agent broken", "out of order"),
    ] {
        let (ok, detail) = line(&all, name);
        assert!(!ok && detail.contains(words), "{name}: {detail}");
    }
    let access: Vec<_> = all.iter().filter(|(name, ..)| name == "access").collect();
    assert!(access[0].1 && access[0].2.contains("every call needs a token"), "{access:?}");
    assert!(!access[1].1 && access[1].2.contains("server.tls_cert"), "{access:?}");
    assert!(line(&all, "agent shell").0, "programs of the kind `command` are found, not run");
    let told = run(&home, &["doctor", "--data-dir", "data"]).await;
    assert!(!out(&told).contains("0123456789abcdef") && !err(&told).contains("0123456789abcdef"));
}

#[tokio::test]
async fn claude_code_tells_its_version_and_the_data_its_state() {
    let house = House::new().await;
    program(&house.home.path().join("claude"), "echo '9.9.9 (Claude Code)'");
    let file = "[agents.reviewer]\nkind = \"claude\"\ncommand = \"./claude\"\n";
    fs::write(house.home.path().join("baton.toml"), file).unwrap();
    let dir = house.server.data_dir();
    let all = lines(&house.home, &["--data-dir", &dir.display().to_string()]).await;
    assert!(line(&all, "agent reviewer").1.ends_with("(9.9.9 (Claude Code))"), "{all:?}");
    assert!(line(&all, "server").1.contains(house.server.url()));
    assert!(line(&all, "durability").1.starts_with("write-ahead log; "), "{all:?}");
    // A clock that was set back shows a moment before the last write.
    let future = std::time::Duration::from_secs(4_000_000_000);
    let database = fs::File::options().write(true).open(dir.join("baton.db")).unwrap();
    database.set_modified(std::time::UNIX_EPOCH + future).unwrap();
    let (ok, detail) = lines(&house.home, &["--data-dir", &dir.display().to_string()])
        .await
        .into_iter()
        .find_map(|(name, ok, detail)| (name == "clock").then_some((ok, detail)))
        .unwrap();
    assert!(!ok && detail.contains("set-ntp"), "{detail}");
}

#[tokio::test]
async fn settings_that_cannot_be_used_do_not_keep_it_from_looking_on() {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("baton.toml"), "[server]\nbnid = 1\n").unwrap();
    let all = lines(&home, &[]).await;
    let (ok, detail) = line(&all, "settings");
    assert!(!ok && detail.contains("did you mean `server.bind`?"), "{detail}");
    assert!(all.len() > 10);
}
