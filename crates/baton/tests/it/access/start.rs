//! Where everybody needs a token there must be one before the server starts.

use baton_testkit::process::clean_command;

use super::*;
use crate::cli_serve::{baton, stderr, stdout};

#[tokio::test]
async fn without_a_token_it_does_not_start_where_tokens_are_needed() {
    let home = TempDir::new().unwrap();
    let elsewhere: (&[&str], &str) = (&["serve", "--bind", "0.0.0.0:0"], "");
    let required: (&[&str], &str) = (&["serve", "--bind", "127.0.0.1:0"], "auth = { mode = \"required\" }\n");
    let behind: (&[&str], &str) = (&["serve", "--bind", "127.0.0.1:0"], "server = { behind_proxy = true }\n");
    for (args, settings) in [elsewhere, required, behind] {
        fs::write(home.path().join("baton.toml"), settings).unwrap();
        let refused = baton(home.path(), args).await;
        assert_eq!(refused.status.code(), Some(78), "{}", stderr(&refused));
        let told = stderr(&refused);
        assert!(told.contains("there is none yet") && told.contains("baton token create NAME"), "{told}");
    }
    // One that is let in no more does not count, one for a moment only neither.
    let made = baton(home.path(), &["token", "create", "ci", "--scope", "admin", "--json"]).await;
    let id: Value = serde_json::from_str(&stdout(&made)).unwrap();
    let revoked = baton(home.path(), &["token", "revoke", id["id"].as_str().unwrap()]).await;
    assert_eq!(revoked.status.code(), Some(0), "{}", stderr(&revoked));
    baton(home.path(), &["token", "create", "ci", "--scope", "admin", "--expires", "0.001"]).await;
    fs::write(home.path().join("baton.toml"), required.1).unwrap();
    assert_eq!(baton(home.path(), required.0).await.status.code(), Some(78));
}

#[tokio::test]
async fn after_token_create_it_starts_and_the_token_is_let_in() {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("baton.toml"), "auth = { mode = \"required\" }\nserver = { bind = \"127.0.0.1:0\" }\n")
        .unwrap();
    let made = baton(home.path(), &["token", "create", "ci", "--scope", "submit,work"]).await;
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let token = stdout(&made);
    let token = token.strip_suffix('\n').unwrap();
    assert!(token.starts_with("baton_") && token.len() == "baton_".len() + 43, "nothing but the token: {token:?}");
    assert!(!stderr(&made).contains(token), "{}", stderr(&made));

    let mut command = clean_command(BATON, home.path());
    let mut serving = command.current_dir(home.path()).arg("serve").kill_on_drop(true).spawn().unwrap();
    let lock = home.path().join(".local/share/baton/lock");
    let url = || Some(serde_json::from_slice::<Value>(&fs::read(&lock).ok()?).ok()?["url"].as_str()?.to_owned());
    until("it listens", || async { url().is_some() }).await;
    let url = url().unwrap();
    let added = async |token: Option<&str>| {
        let mut command = clean_command(BATON, home.path());
        if let Some(token) = token {
            command.env("BATON_TOKEN", token);
        }
        let args = ["directive", "add", "x", "--url", &url];
        timeout(PATIENCE, command.args(args).output()).await.unwrap().unwrap()
    };
    assert_eq!(added(Some(token)).await.status.code(), Some(0));
    let refused = added(None).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("BATON_TOKEN"), "{}", stderr(&refused));

    // This machine's own commands show the key in the lock file.
    let list = baton(home.path(), &["token", "list", "--json"]).await;
    let list: Value = serde_json::from_str(&stdout(&list)).unwrap();
    assert_eq!(list["items"][0]["principal"], "ci");
    let queue = baton(home.path(), &["directive", "list"]).await;
    assert!(stdout(&queue).contains("queued"), "{}", stderr(&queue));
    let id = list["items"][0]["id"].as_str().unwrap();
    assert_eq!(baton(home.path(), &["token", "revoke", id]).await.status.code(), Some(0));
    assert_eq!(added(Some(token)).await.status.code(), Some(1));
    serving.kill().await.unwrap();
}
