//! A forwarder without a server starts one.

use std::{fs, net::TcpListener, path::Path};

use nix::{
    sys::signal::kill,
    unistd::{Pid, getsid},
};

use super::*;

/// A server that a forwarder started on a data directory; it is ended when it is dropped.
pub struct Started {
    /// Its process id.
    pub pid: i32,
    /// Where it answers.
    pub url: String,
}

impl Started {
    /// The one that the lock file names.
    pub fn of(data: &Path) -> Self {
        let lock: Value = serde_json::from_slice(&fs::read(data.join("lock")).unwrap()).unwrap();
        Started {
            pid: lock["pid"].as_i64().unwrap().try_into().unwrap(),
            url: lock["url"].as_str().unwrap().to_owned(),
        }
    }

    /// Ends it and waits until it is gone.
    pub async fn stop(self) {
        kill(Pid::from_raw(self.pid), Signal::SIGTERM).unwrap();
        self.gone().await;
    }

    async fn gone(&self) {
        let mut ticks = interval(Duration::from_millis(10));
        let wait = async {
            while is_alive(self.pid) {
                ticks.tick().await;
            }
        };
        timeout(PATIENCE, wait).await.expect("it ends");
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // After a test that failed; otherwise it is gone.
        if is_alive(self.pid) {
            let _ = kill(Pid::from_raw(self.pid), Signal::SIGKILL);
        }
    }
}

/// Whether the process runs; one that only waits to be reaped does not. Its first thread may be gone while others still
/// hold its sockets open.
fn is_alive(pid: i32) -> bool {
    let ended = fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "));
    !ended || fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|threads| threads.count() > 1)
}

fn arguments(pid: i32) -> Vec<String> {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    line.split_terminator('\0').map(str::to_owned).collect()
}

#[tokio::test]
async fn several_forwarders_at_once_start_one_server_that_outlives_them() {
    let home = TempDir::new().unwrap();
    let data = home.path().join("data");
    let path = data.display().to_string();
    let mut clients: Vec<_> = (0..4).map(|_| Forwarder::start(home.path(), &["--data-dir", &path])).collect();
    for client in &mut clients {
        client.send(&modern(1, "tools/call", tool("add_directive", json!({"directive": "x"})))).await;
    }
    for client in &mut clients {
        let answer = client.answer(1).await.0;
        assert_eq!(answer["result"]["structuredContent"]["success"], true, "{answer}");
    }
    let started = Started::of(&data);
    for client in clients {
        let (status, _, stderr) = client.finish().await;
        assert_eq!((status.code(), stderr.as_str()), (Some(0), ""));
    }
    assert_eq!(arguments(started.pid)[1..], ["serve", "--idle-exit", "1800", "--data-dir", &path]);
    assert_eq!(getsid(Some(Pid::from_raw(started.pid))).unwrap(), Pid::from_raw(started.pid), "a session of its own");
    assert_eq!(fs::read_link(format!("/proc/{}/cwd", started.pid)).unwrap(), data.canonicalize().unwrap());
    let said = fs::read_to_string(data.join("serve.log")).unwrap();
    assert_eq!(said.matches("is ready").count(), 1, "one server was started:\n{said}");
    let queue: Value = baton_testkit::http::read(
        baton_testkit::http::client().get(format!("{}/api/queue", started.url)).send().await.unwrap(),
    )
    .await
    .unwrap()
    .1;
    assert_eq!(queue["pending_directives"], 4);
    started.stop().await;
}

#[tokio::test]
async fn a_server_that_ended_meanwhile_is_started_again() {
    let home = TempDir::new().unwrap();
    let data = home.path().join("data");
    let mut client = Forwarder::start(home.path(), &["--data-dir", &data.display().to_string()]);
    client.initialize().await;
    client.call(legacy(0, "tools/call", tool("add_directive", json!({"directive": "kept"})))).await;
    let first = Started::of(&data);
    kill(Pid::from_raw(first.pid), Signal::SIGKILL).unwrap();
    first.gone().await;
    let answer = client.call(legacy(1, "tools/call", tool("list_directives", json!({})))).await;
    assert_eq!(answer["result"]["structuredContent"]["items"][0]["directive"], "kept", "{answer}");
    let second = Started::of(&data);
    assert_ne!(first.pid, second.pid);
    let (status, _, _) = client.finish().await;
    assert_eq!(status.code(), Some(0));
    second.stop().await;
}

#[tokio::test]
async fn where_no_server_can_start_the_answer_says_why() {
    let home = TempDir::new().unwrap();
    let config = home.path().join("bad.toml");
    fs::write(&config, "[server]\nbnid = \"127.0.0.1:0\"\n").unwrap();
    let data = home.path().join("data").display().to_string();
    let mut client = Forwarder::start(home.path(), &["--data-dir", &data, "--config", &config.display().to_string()]);
    let answer = client.call(modern(1, "tools/list", json!({}))).await;
    assert_eq!(answer["error"]["code"], -32000);
    let words = answer["error"]["message"].as_str().unwrap();
    assert!(words.contains("did not start") && words.contains("bnid") && words.contains("baton serve"), "{words}");
    let (status, _, stderr) = client.finish().await;
    assert_eq!(status.code(), Some(1));
    assert!(stderr.contains("no message could be forwarded") && stderr.contains("bnid"), "{stderr}");
}

#[tokio::test]
async fn a_url_where_nobody_answers_is_an_error_that_names_it() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let home = TempDir::new().unwrap();
    let url = format!("http://{free}");
    let mut client = Forwarder::start(home.path(), &["--url", &url]);
    let answer = client.initialize().await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!("init"), &json!(-32000)));
    assert!(answer["error"]["message"].as_str().unwrap().contains(&url), "{answer}");
    let (status, rest, stderr) = client.finish().await;
    assert_eq!((status.code(), rest), (Some(1), vec![]));
    assert!(stderr.contains(&url) && stderr.contains("baton serve"), "{stderr}");
    assert!(!home.path().join(".local").exists(), "nothing was started or made");
}
