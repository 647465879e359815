//! `baton token`, without a server and with one.

use super::*;

#[tokio::test]
async fn the_same_commands_work_on_the_database_and_through_the_server() {
    let home = TempDir::new().unwrap();
    let data = home.path().join(".local/share/baton");
    let mut tidy = Tidy::default();
    let none = run(&home, &["token", "list"]).await;
    assert_eq!((none.status.code(), out(&none)), (Some(0), String::new()), "{}", err(&none));
    assert!(err(&none).contains("baton token create"), "{}", err(&none));
    let made = run(&home, &["token", "create", "ci", "--scope", "submit", "--scope", "work", "--expires", "90d"]).await;
    assert_eq!(made.status.code(), Some(0), "{}", err(&made));
    let token = out(&made);
    assert!(token.starts_with("baton_") && token.trim_end().len() == 49 && token.lines().count() == 1, "{token}");
    assert!(!data.join("lock").exists(), "the locks are given back");
    let json = |output: &Output| -> Value { serde_json::from_str(&out(output)).unwrap() };
    let first = json(&run(&home, &["token", "list", "--json"]).await)["items"][0].clone();
    tidy.name(&[("CI", first["id"].as_str().unwrap())]);
    assert_eq!(
        (&first["principal"], &first["scopes"], &first["created_by"]),
        (&json!("ci"), &json!(["submit", "work"]), &json!("local"))
    );
    assert_snapshot!("token-create", tidy.text(&err(&made)));

    let mut serving = clean_command(BATON, home.path());
    let mut serving =
        serving.current_dir(home.path()).args(["serve", "--bind", "127.0.0.1:0"]).kill_on_drop(true).spawn().unwrap();
    let url = async {
        loop {
            let lock =
                std::fs::read(data.join("lock")).ok().and_then(|lock| serde_json::from_slice::<Value>(&lock).ok());
            match lock {
                Some(lock) => return lock["url"].as_str().unwrap().to_owned(),
                None => tokio::task::yield_now().await,
            }
        }
    };
    let url = timeout(PATIENCE, url).await.expect("it listens");
    let more =
        json(&run(&home, &["token", "create", "ops", "--scope", "admin", "--description", "for me", "--json"]).await);
    tidy.name(&[("OPS", more["id"].as_str().unwrap())]);
    assert!(more["token"].as_str().unwrap().starts_with("baton_"), "{more}");
    let listed = run(&home, &["token", "list"]).await;
    assert_snapshot!("token-list", tidy.text(&out(&listed)));
    let revoked = run(&home, &["token", "revoke", first["id"].as_str().unwrap()]).await;
    assert_snapshot!("token-revoke", tidy.text(&out(&revoked)));
    let unknown = run(&home, &["token", "revoke", "nope"]).await;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(err(&unknown).contains("`nope`") && err(&unknown).contains("baton token list"), "{}", err(&unknown));

    // By URL it is another's server: what BATON_TOKEN holds counts.
    let elsewhere = async |token: &str| {
        let mut command = clean_command(BATON, home.path());
        command.env("BATON_TOKEN", token).args(["token", "list", "--url", &url]);
        timeout(PATIENCE, command.output()).await.unwrap().unwrap()
    };
    assert_eq!(elsewhere(more["token"].as_str().unwrap()).await.status.code(), Some(0));
    assert_eq!(elsewhere(token.trim_end()).await.status.code(), Some(1), "it was revoked");
    serving.kill().await.unwrap();
    // A leftover of the lock does not mislead.
    let last = json(&run(&home, &["token", "list", "--json"]).await);
    assert_eq!((&last["items"][0]["valid"], &last["items"][1]["valid"]), (&json!(false), &json!(true)));
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_told() {
    let home = TempDir::new().unwrap();
    for (args, code, words) in [
        (&["token", "create", "ci"] as &[&str], 2, "--scope"),
        (&["token", "create", "ci", "--scope", "root"], 2, "use admin, submit, work or read"),
        (&["token", "create", "ci", "--scope", "read", "--expires", "soon"], 2, "5min"),
        (&["token", "create", "ci", "--scope", "read", "--expires", "-1"], 1, "expires_in_seconds"),
        (&["token", "create", "local", "--scope", "read"], 1, "take another name"),
        (&["token", "revoke", "nope"], 1, "`nope`"),
        (&["token", "list", "--url", "http://127.0.0.1:1"], 1, "no Baton server answers"),
    ] {
        let refused = run(&home, args).await;
        assert_eq!(refused.status.code(), Some(code), "{args:?}: {}", err(&refused));
        assert!(err(&refused).contains(words), "{args:?}: {}", err(&refused));
    }
    std::fs::write(home.path().join("baton.toml"), "no_such = 1\n").unwrap();
    assert_eq!(run(&home, &["token", "list"]).await.status.code(), Some(78));
}
