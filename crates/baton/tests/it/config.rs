//! `baton config`, as a person at a terminal sees it.

use std::fs;

use tempfile::TempDir;

use crate::cli_serve::{baton, stderr, stdout};

#[tokio::test]
async fn show_prints_every_setting_and_where_it_comes_from() {
    let home = TempDir::new().unwrap();
    fs::create_dir_all(home.path().join(".config/baton")).unwrap();
    fs::write(home.path().join(".config/baton/baton.toml"), "[queue]\nlease_seconds = 60\nmax_deliveries = 3\n")
        .unwrap();
    fs::write(home.path().join("baton.toml"), "[queue]\nlease_seconds = 90.5\n").unwrap();
    let shown = baton(home.path(), &["config", "show", "--origin", "--verbose"]).await;
    assert_eq!(shown.status.code(), Some(0), "{}", stderr(&shown));
    let text = stdout(&shown).replace(&home.path().display().to_string(), "HOME");
    insta::assert_snapshot!(text);

    let json = baton(home.path(), &["config", "show", "--json"]).await;
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["queue"]["lease_seconds"], 90.5);
    assert_eq!(json["queue"]["max_deliveries"], 3);

    // What it prints is a settings file itself.
    fs::write(home.path().join("again.toml"), stdout(&baton(home.path(), &["config", "show"]).await)).unwrap();
    let valid = baton(home.path(), &["config", "validate", "again.toml"]).await;
    assert_eq!((valid.status.code(), stdout(&valid).trim()), (Some(0), "valid: again.toml"));
}

#[tokio::test]
async fn validate_names_every_fault_at_once() {
    let home = TempDir::new().unwrap();
    let bad = "[server]\nbind = \"0.0.0.0:80\"\n\n[queue]\nlease_second = 1\nmax_deliveries = \"many\"\n\n[colours]\nsky = 1\n";
    fs::write(home.path().join("baton.toml"), bad).unwrap();
    let output = baton(home.path(), &["config", "validate"]).await;
    assert_eq!(output.status.code(), Some(78));
    insta::assert_snapshot!(stderr(&output));
    let alone = baton(home.path(), &["config", "validate", "baton.toml"]).await;
    assert_eq!((alone.status.code(), stderr(&alone)), (Some(78), stderr(&output)));
    assert_eq!(baton(home.path(), &["config", "validate", "no.toml"]).await.status.code(), Some(1));
}

#[tokio::test]
async fn without_a_file_the_defaults_hold() {
    let home = TempDir::new().unwrap();
    let output = baton(home.path(), &["config", "validate", "--json"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer, serde_json::json!({"valid": true, "files": []}));
}

#[tokio::test]
async fn tables_with_free_names_are_shown_and_their_secrets_are_not() {
    let home = TempDir::new().unwrap();
    let file = "[agents.reviewer]\nkind = \"claude\"\nargs = [\"--model\", \"opus\"]\n\
                env = { API_KEY = \"file:key\", OTHER = \"hunter2-in-clear\" }\n\n\
                [acceptance.tests]\nargv = [\"cargo\", \"test\"]\n";
    fs::write(home.path().join("baton.toml"), file).unwrap();
    fs::write(home.path().join("key"), "hunter2-in-a-file\n").unwrap();
    let shown = baton(home.path(), &["config", "show", "--origin"]).await;
    assert_eq!(shown.status.code(), Some(0), "{}", stderr(&shown));
    let text = stdout(&shown);
    let agents = text.split("[auth]").next().unwrap();
    insta::assert_snapshot!(agents);
    for args in [&["config", "show", "--json"][..], &["config", "show", "--json", "--origin"]] {
        let json = stdout(&baton(home.path(), args).await);
        assert!(json.contains("\"file:key\"") && !json.contains("hunter2"), "{json}");
    }
    fs::write(home.path().join("again.toml"), text.clone()).unwrap();
    let valid = baton(home.path(), &["config", "validate", "again.toml"]).await;
    assert_eq!(valid.status.code(), Some(0), "{}", stderr(&valid));

    fs::write(home.path().join("baton.toml"), file.replace("kind", "kin")).unwrap();
    let refused = stderr(&baton(home.path(), &["config", "validate"]).await);
    assert!(refused.contains("baton.toml:2: unknown key `agents.reviewer.kin`; did you mean `agents.reviewer.kind`?"));
}
