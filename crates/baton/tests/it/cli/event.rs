//! `baton event tail`.

use std::process::Stdio;

use baton_testkit::server::Port;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout},
};

use super::*;

/// A tail that runs.
struct Tail {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    talk: Lines<BufReader<ChildStderr>>,
}

impl Tail {
    fn start(house: &House, args: &[&str]) -> Self {
        let mut command = clean_command(BATON, house.home.path());
        command.args(["--data-dir", &house.server.data_dir().display().to_string(), "event", "tail"]).args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let talk = BufReader::new(child.stderr.take().unwrap()).lines();
        Tail { child, lines, talk }
    }

    async fn line(&mut self) -> String {
        timeout(PATIENCE, self.lines.next_line()).await.expect("a line comes").unwrap().unwrap()
    }

    async fn json(&mut self) -> Value {
        serde_json::from_str(&self.line().await).unwrap()
    }

    /// Presses Ctrl-C and returns how it ends.
    async fn interrupt(&mut self) -> Option<i32> {
        kill(Pid::from_raw(self.child.id().unwrap().try_into().unwrap()), Signal::SIGINT).unwrap();
        timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap().code()
    }
}

#[tokio::test]
async fn events_are_lines_for_people_and_documents_for_programs() {
    let house = House::new().await;
    let mut tidy = Tidy::default();
    house.print(&["queue", "start"]).await;
    let id = house.add(&["one"]).await;
    house.finish_one(true, "done", None).await;
    tidy.name(&[("ONE", &id)]);
    let mut people = Tail::start(&house, &["--after", "0", "--kind", "directive.*"]);
    let mut shown = Vec::new();
    for _ in 0..3 {
        shown.push(people.line().await);
    }
    assert_snapshot!("event-tail", tidy.text(&shown.join("\n")));
    let mut programs =
        Tail::start(&house, &["--after", "0", "--directive", &id, "--kind", "directive.completed", "--json"]);
    let told = programs.json().await;
    let (_, detail) = house.server.get(&format!("/api/directives/{id}")).await.unwrap();
    assert_eq!(told, detail["events"].as_array().unwrap().last().unwrap().clone());
    assert_eq!((people.interrupt().await, programs.interrupt().await), (Some(0), Some(0)));
}

#[tokio::test]
async fn nothing_is_lost_over_restarts() {
    let mut house = House::new().await;
    let mut tail = Tail::start(&house, &["--json", "--kind", "directive.queued"]);
    let (_, queue) = house.server.get("/api/queue").await.unwrap();
    assert_eq!(queue["pending_directives"], 0);
    // The stream is open once the first event has come; after that it is the places that count.
    let first = loop {
        let id = house.add(&["first"]).await;
        if let Ok(line) = timeout(Duration::from_millis(500), tail.lines.next_line()).await {
            let told: Value = serde_json::from_str(&line.unwrap().unwrap()).unwrap();
            break (id, told);
        }
    };
    let mut expected = vec![first.0.clone()];
    let mut heard = vec![first.1["data"]["directive_id"].as_str().unwrap().to_owned()];
    if heard[0] != expected[0] {
        heard.push(tail.json().await["data"]["directive_id"].as_str().unwrap().to_owned());
        heard.drain(..1);
    }
    for (round, port) in [Port::Same, Port::Any, Port::Same].into_iter().enumerate() {
        for number in 0..20 {
            expected.push(house.add(&[&format!("{round} {number}")]).await);
        }
        // So that it listens when the server is killed, and has not heard all.
        while heard.len() + 10 < expected.len() {
            heard.push(tail.json().await["data"]["directive_id"].as_str().unwrap().to_owned());
        }
        house.server.kill9().await.unwrap();
        let told = timeout(PATIENCE, tail.talk.next_line()).await.unwrap().unwrap().unwrap();
        assert!(told.contains("going on when it is back"), "{told}");
        house.server.restart(port).await.unwrap();
        // What happens before the stream is open again is heard, too.
        expected.push(house.add(&["between"]).await);
    }
    while heard.len() < expected.len() {
        heard.push(tail.json().await["data"]["directive_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(heard, expected);
    assert_eq!(tail.interrupt().await, Some(0));
}

#[tokio::test]
async fn what_cannot_be_followed_is_told_at_once() {
    let house = House::new().await;
    for (args, code, words) in [
        (&["event", "tail", "--kind", "No Such"] as &[&str], 1, "kind"),
        (&["event", "tail", "--after", "99"], 1, "is no place in this log"),
        (&["event", "tail", "--after", "-1"], 2, "--after"),
        (&["event", "tail", "--url", "http://127.0.0.1:1"], 1, "no Baton server answers"),
    ] {
        let refused = house.run(args).await;
        assert_eq!(refused.status.code(), Some(code), "{args:?}: {}", err(&refused));
        assert!(err(&refused).contains(words), "{args:?}: {}", err(&refused));
    }
    let nobody = TempDir::new().unwrap();
    assert_eq!(run(&nobody, &["event", "tail"]).await.status.code(), Some(1));
}
