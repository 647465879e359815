//! `baton directive watch`.

use std::process::Stdio;

use baton_testkit::server::Port;
use tokio::io::{AsyncBufReadExt, BufReader};

use super::*;

#[tokio::test]
async fn every_change_is_a_line_until_all_have_ended() {
    let house = House::new().await;
    let mut tidy = Tidy::default();
    let (one, two) = (house.add(&["one"]).await, house.add(&["two"]).await);
    tidy.name(&[("ONE", &one), ("TWO", &two)]);
    house.print(&["queue", "start"]).await;
    house.finish_one(true, "done\nand dusted", None).await;
    let mut watch = clean_command(BATON, house.home.path());
    watch.args(["--url", house.server.url(), "directive", "watch", &one, &two]);
    let mut watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.push(timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap());
    }
    house.finish_one(false, "nothing", Some("no such file")).await;
    let output = timeout(PATIENCE, async {
        while let Some(line) = lines.next_line().await.unwrap() {
            seen.push(line);
        }
        watch.wait_with_output().await.unwrap()
    })
    .await
    .unwrap();
    assert_eq!(output.status.code(), Some(1), "one of them failed");
    // Whether the moment between is seen depends on the machine.
    seen.retain(|line| !line.contains("leased"));
    assert_snapshot!("watch", tidy.text(&format!("{}\n{}", seen.join("\n"), err(&output))));
    let again = house.run(&["directive", "watch", &one, &one]).await;
    assert_eq!(again.status.code(), Some(0), "what has succeeded is no failure");
}

#[tokio::test]
async fn as_json_every_line_is_the_servers_document() {
    let house = House::new().await;
    let id = house.add(&["one"]).await;
    house.print(&["queue", "start"]).await;
    house.finish_one(true, "done", None).await;
    let lines = house.print(&["directive", "watch", &id, "--json"]).await;
    assert_eq!(lasting(&lines), lasting(&house.print(&["directive", "show", &id, "--json"]).await));
}

#[tokio::test]
async fn a_server_that_is_started_anew_is_watched_on() {
    let mut house = House::new().await;
    let id = house.add(&["one"]).await;
    house.print(&["queue", "start"]).await;
    let data = house.server.data_dir().display().to_string();
    let mut watch = clean_command(BATON, house.home.path());
    watch.args(["--data-dir", &data, "directive", "watch", &id]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut watch = watch.kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut talk = BufReader::new(watch.stderr.take().unwrap()).lines();
    let first = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    assert_eq!(first, format!("{id} queued"));
    house.server.kill9().await.unwrap();
    let told = timeout(PATIENCE, talk.next_line()).await.unwrap().unwrap().unwrap();
    assert!(told.contains("waiting for it"), "{told}");
    house.server.restart(Port::Any).await.unwrap();
    house.finish_one(true, "done", None).await;
    let status = timeout(PATIENCE, watch.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
}
