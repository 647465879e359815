//! What goes wrong is told as what, why and what next, on stderr, with the exit status that scripts rely on.

use super::*;
use crate::stdio::fake::{Fake, raw};

#[tokio::test]
async fn a_command_line_that_makes_no_sense_ends_with_2() {
    let home = TempDir::new().unwrap();
    for args in [
        &["directive", "add"] as &[&str],
        &["directive", "add", "text", "--file", "x"],
        &["directive", "add", "x", "--priority", "highest"],
        &["directive", "add", "x", "--delay", "soon"],
        &["directive", "add", "x", "--delay", "1", "--run-at", "2126-01-01T00:00:00Z"],
        &["directive", "add", "x", "--follow-up", "success"],
        &["directive", "add", "x", "--metadata", "novalue"],
        &["directive", "watch"],
        &["results", "--all", "--limit", "3"],
        &["queue"],
    ] {
        let output = run(&home, args).await;
        assert_eq!((output.status.code(), out(&output).as_str()), (Some(2), ""), "{args:?}");
        assert!(!err(&output).is_empty(), "{args:?}");
    }
}

#[tokio::test]
async fn what_the_server_refuses_names_every_field() {
    let house = House::new().await;
    let mut told = String::new();
    for args in [
        &["directive", "add", " ", "--delay", "-4", "--follow-up", "foo( => b", "--webhook", "ftp://x"] as &[&str],
        &["directive", "add", "x", "--retry", "1001", "--retry-backoff", "0.5", "--run-at", "tomorrow"],
        &["directive", "list", "--limit", "0"],
        &["directive", "list", "--state", "done"],
        &["directive", "priority", "highest", "0192"],
        &["directive", "show", "no such/id?"],
        &["directive", "watch", "nope"],
        &["directive", "cancel", "nope"],
    ] {
        let output = house.run(args).await;
        assert_eq!((output.status.code(), out(&output).as_str()), (Some(1), ""), "{args:?}: {}", err(&output));
        told.push_str(&format!("$ baton {}\n{}", args.join(" "), err(&output)));
    }
    assert_snapshot!("refused", told);
}

#[tokio::test]
async fn without_a_server_the_next_command_is_named() {
    let home = TempDir::new().unwrap();
    let mut told = String::new();
    for args in [
        &["queue", "status"] as &[&str],
        &["queue", "status", "--url", "http://127.0.0.1:1"],
        &["queue", "status", "--url", "127.0.0.1:8000"],
        &["queue", "status", "--url", "ftp://127.0.0.1"],
    ] {
        let output = run(&home, args).await;
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        told.push_str(&err(&output).replace(&home.path().display().to_string(), "HOME"));
    }
    assert_snapshot!("no-server", told);
}

#[tokio::test]
async fn answers_of_other_servers_are_told_as_they_are() {
    let server = Fake::start(|seen| match seen.header("authorization") {
        Some("Bearer good") => raw(200, "text/html", "<p>hello</p>"),
        Some("Bearer busy") => {
            raw(503, "application/problem+json", r#"{"detail":"the server is stopping","code":"stopping"}"#)
        }
        Some(_) => raw(502, "text/html", "<p>bad gateway</p>"),
        None => raw(401, "application/problem+json", r#"{"title":"Unauthorized","detail":"a token is needed"}"#),
    })
    .await;
    let home = TempDir::new().unwrap();
    let mut told = String::new();
    for token in [None, Some("good"), Some("busy"), Some("bad")] {
        let mut command = clean_command(BATON, home.path());
        command.args(["queue", "status", "--url", &server.url]).envs(token.map(|token| ("BATON_TOKEN", token)));
        let output = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
        assert_eq!(output.status.code(), Some(1));
        told.push_str(&err(&output).replace(&server.url, "URL"));
    }
    assert_snapshot!("other-servers", told);
}
