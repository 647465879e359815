//! Starting, stopping, and what a server refuses to start with.
#![expect(clippy::unwrap_used, reason = "what a test's helper cannot do is a failure of the test")]

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use baton_testkit::{
    process::clean_command,
    server::{Port, Server},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr},
    time::timeout,
};

const BATON: &str = env!("CARGO_BIN_EXE_baton");
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `baton ARGS…` to its end, in a directory and home of its own.
pub async fn baton(home: &Path, args: &[&str]) -> Output {
    let mut command = clean_command(BATON, home);
    let output = command.current_dir(home).args(args).kill_on_drop(true).output();
    timeout(PATIENCE, output).await.expect("it ends").expect("it starts")
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn server() -> Server {
    Server::start(BATON, &[]).await.unwrap()
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused_and_told_where_the_first_is() {
    let first = server().await;
    let home = TempDir::new().unwrap();
    let data = first.data_dir().display().to_string();
    let second = baton(home.path(), &["serve", "--bind", "127.0.0.1:0", "--data-dir", &data]).await;
    assert_eq!(second.status.code(), Some(1));
    let told = stderr(&second);
    let pid = first.pid().unwrap();
    assert!(told.contains(&format!("process {pid} answers at {}", first.url())), "{told}");
    assert_eq!(first.get("/readyz").await.unwrap().0, 200, "the first goes on");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_another() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let home = TempDir::new().unwrap();
    let refused = baton(home.path(), &["serve", "--bind", &format!("127.0.0.1:{port}")]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(
        stderr(&refused),
        format!(
            "error: cannot listen on 127.0.0.1:{port}\n  why:  another program listens there\n  next: choose another \
             port: `baton serve --bind 127.0.0.1:{}`\n",
            port.checked_add(1).unwrap_or(0)
        )
    );
    assert!(!home.path().join(".local/share/baton/lock").exists(), "the lock is given back");
}

#[tokio::test]
async fn exit_codes_tell_usage_configuration_and_failure_apart() {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("bad.toml"), "[queue]\nlease_second = 1\n").unwrap();
    let cases: [(&[&str], i32, &str); 9] = [
        (&["--version"], 0, ""),
        (&["nonsense"], 2, "unrecognized subcommand"),
        (&["serve", "--no-such-flag"], 2, "unexpected argument"),
        (&["serve", "--once"], 2, "--demo"),
        (&["serve", "--idle-exit", "0"], 2, "number of seconds"),
        (&["serve", "--bind", "nowhere"], 78, "--bind: `server.bind`"),
        (&["serve", "--database-url", "postgres://db/baton"], 78, "PostgreSQL"),
        (
            &["serve", "--config", "bad.toml"],
            78,
            "bad.toml:2: unknown key `queue.lease_second`; did you mean `queue.lease_seconds`?",
        ),
        (&["serve", "--config", "not-there.toml"], 78, "there is no settings file not-there.toml"),
    ];
    for (args, code, words) in cases {
        let output = baton(home.path(), args).await;
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {told}");
        assert!(told.contains(words), "{args:?}: {told}");
        if code != 0 {
            assert_eq!(stdout(&output), "", "errors are no data: {args:?}");
        }
    }
    assert!(!home.path().join(".local").exists(), "nothing is made before the settings are sound");
    // Whether there is a token is known by the database alone.
    let open = baton(home.path(), &["serve", "--bind", "0.0.0.0:8000"]).await;
    assert_eq!(open.status.code(), Some(78));
    assert!(stderr(&open).contains("baton token create"), "{}", stderr(&open));
    assert!(!home.path().join(".local/share/baton/lock").exists(), "the lock is given back");
}

#[tokio::test]
async fn the_data_is_private_and_the_lock_file_tells_the_url_until_the_end() {
    let mut server = Server::start(BATON, &["--json"]).await.unwrap();
    let data = server.data_dir();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for entry in fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
    let lock: Value = serde_json::from_str(&fs::read_to_string(data.join("lock")).unwrap()).unwrap();
    assert_eq!((&lock["pid"], &lock["url"]), (&json!(server.pid()), &json!(server.url())));
    let key = lock["key"].as_str().expect("a key for this user's commands");
    assert!(key.len() == 64 && !server.log().contains(key));
    let told = server.log().lines().find_map(|line| serde_json::from_str::<Value>(line).ok());
    assert_eq!(
        told,
        Some(json!({"pid": server.pid(), "url": server.url(), "data_dir": data})),
        "`--json` says the same"
    );
    assert!(server.log().contains(&format!("claude mcp add --transport http baton {}/mcp", server.url())));
    assert!(server.terminate().await.unwrap().success());
    assert!(!data.join("lock").exists());
}

#[tokio::test]
async fn a_killed_server_leaves_nothing_that_holds_up_the_next() {
    let mut server = server().await;
    let (_, added) = server.post("/api/directives", &json!({"directive": "survive"})).await.unwrap();
    server.kill9().await.unwrap();
    assert!(server.data_dir().join("lock").exists(), "it had no chance to remove it");
    server.restart(Port::Same).await.unwrap();
    let id = added["directive_id"].as_str().unwrap();
    let (status, found) = server.get(&format!("/api/directives/{id}")).await.unwrap();
    assert_eq!((status, &found["state"]), (200, &json!("queued")));
}

/// Waits until a poll is parked at the server.
async fn parked(server: &Server) {
    let parked = async {
        while server.get("/api/queue").await.unwrap().1["waiting_polls"] != 1 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, parked).await.expect("the poll is parked");
}

#[tokio::test]
async fn a_stop_answers_parked_polls_and_exits_0() {
    let mut server = server().await;
    server.post("/mcp/start_monitoring", &json!({})).await.unwrap();
    let poll = server.client().post(format!("{}/mcp/get_next_directive?wait_seconds=200", server.url())).send();
    let poll = tokio::spawn(poll);
    parked(&server).await;
    let status = server.terminate().await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", server.log());
    let answer = timeout(PATIENCE, poll).await.unwrap().unwrap().expect("the poll is answered, not cut");
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["has_directive"], false);
    assert_eq!(answer["next_action"], "WAIT_THEN_POLL", "the agent comes back when the server is up again");
}

/// A server whose end a test watches.
struct Watched {
    child: Child,
    log: Option<Lines<BufReader<ChildStderr>>>,
    address: String,
    _home: TempDir,
}

impl Watched {
    async fn start(args: &[&str]) -> Self {
        let home = TempDir::new().unwrap();
        let data = home.path().join("data");
        let mut command = clean_command(BATON, home.path());
        command.args(["serve", "--bind", "127.0.0.1:0", "--data-dir"]).arg(&data).args(args);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut watched = Watched { child, log: Some(log), address: String::new(), _home: home };
        watched.says("  data").await;
        let lock: Value = serde_json::from_str(&fs::read_to_string(data.join("lock")).unwrap()).unwrap();
        watched.address = lock["url"].as_str().unwrap().trim_start_matches("http://").to_owned();
        watched
    }

    /// Waits for a line of the log that holds the words.
    async fn says(&mut self, words: &str) {
        let log = self.log.as_mut().expect("somebody still reads it");
        let found = async {
            while let Some(line) = log.next_line().await.unwrap() {
                if line.contains(words) {
                    return;
                }
            }
            panic!("the log ended without {words:?}");
        };
        timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("no {words:?} in the log"));
    }

    async fn ends(&mut self) -> Option<i32> {
        timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap().code()
    }
}

fn send(signal: Signal, pid: Option<u32>) {
    kill(Pid::from_raw(i32::try_from(pid.expect("it runs")).unwrap()), signal).unwrap();
}

#[tokio::test]
async fn a_second_signal_cuts_what_would_hold_up_the_end() {
    let mut server = Watched::start(&[]).await;
    // A request whose body never comes.
    let mut stuck = TcpStream::connect(&server.address).unwrap();
    let head = format!(
        "POST /api/directives HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\
         Expect: 100-continue\r\n\r\n",
        server.address
    );
    stuck.write_all(head.as_bytes()).unwrap();
    let mut first = [0; 12];
    stuck.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 100", "the server waits for the body");
    let pid = server.child.id();
    send(Signal::SIGTERM, pid);
    server.says("stopping").await;
    send(Signal::SIGINT, pid);
    server.says("SIGINT again").await;
    assert_eq!(server.ends().await, Some(0), "nothing that was answered is lost");
}

#[tokio::test]
async fn an_idle_server_ends_by_itself_but_not_under_a_parked_poll() {
    let home = TempDir::new().unwrap();
    let idle = baton(home.path(), &["serve", "--bind", "127.0.0.1:0", "--idle-exit", "0.2"]).await;
    assert_eq!(idle.status.code(), Some(0), "{}", stderr(&idle));
    assert!(stderr(&idle).contains("stopping: nobody asked"), "{}", stderr(&idle));

    let mut server = Watched::start(&["--idle-exit", "2"]).await;
    let client = baton_testkit::http::client();
    let url = format!("http://{}/mcp", server.address);
    client.post(format!("{url}/start_monitoring")).send().await.unwrap();
    let answer = client.post(format!("{url}/get_next_directive?wait_seconds=4")).send().await;
    let answer = answer.expect("the server is there for as long as somebody waits");
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["next_action"], "WAIT_THEN_POLL");
    assert_eq!(server.ends().await, Some(0), "it ends when nobody asks any more");
}

#[tokio::test]
async fn a_hangup_reloads_what_can_change_and_keeps_the_rest() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("baton.toml");
    fs::write(&file, "[queue]\nmax_wait_seconds = 240\n").unwrap();
    let file_arg = file.display().to_string();
    let server = Server::start(BATON, &["--config", &file_arg]).await.unwrap();
    server.post("/mcp/start_monitoring", &json!({})).await.unwrap();
    let logged = async |words: &str| {
        let found = async {
            while !server.log().contains(words) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("no {words:?} in:\n{}", server.log()));
    };

    assert_eq!(server.post("/mcp/get_next_directive?wait_seconds=0.1", &json!({})).await.unwrap().0, 200);
    fs::write(&file, "[queue]\nmax_wait_seconds = 0\n[server]\nallowed_hosts = [\"baton.example\"]\n").unwrap();
    send(Signal::SIGHUP, server.pid());
    logged("reloaded: queue.max_wait_seconds").await;
    logged("these need a restart: server.allowed_hosts").await;
    let polled = json!({});
    let poll = server.post("/mcp/get_next_directive?wait_seconds=240", &polled);
    let (status, answer) = timeout(PATIENCE, poll).await.expect("no poll waits any more").unwrap();
    assert_eq!((status, &answer["next_action"]), (200, &json!("WAIT_THEN_POLL")));

    fs::write(&file, "[queue]\nmax_wait_second = 7\n").unwrap();
    send(Signal::SIGHUP, server.pid());
    logged("did you mean `queue.max_wait_seconds`?").await;
    assert_eq!(server.get("/readyz").await.unwrap().0, 200, "bad settings stop no running server");
}

#[tokio::test]
async fn a_server_outlives_the_terminal_it_was_started_from() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("baton.toml");
    fs::write(&file, "").unwrap();
    let mut server = Watched::start(&["--config", &file.display().to_string()]).await;
    // Nobody reads its stderr any more; what it logs from here on goes nowhere.
    drop(server.log.take());
    fs::write(&file, "queue.max_wait_seconds = 0").unwrap();
    send(Signal::SIGHUP, server.child.id());
    let client = baton_testkit::http::client();
    client.post(format!("http://{}/mcp/start_monitoring", server.address)).send().await.unwrap();
    let url = format!("http://{}/mcp/get_next_directive?wait_seconds=240", server.address);
    // A poll that comes before the new settings hold waits; the first one after them is answered at once.
    let reloaded = async { while timeout(Duration::from_millis(250), client.post(&url).send()).await.is_err() {} };
    timeout(PATIENCE, reloaded).await.expect("it reloads all the same");
    send(Signal::SIGTERM, server.child.id());
    assert_eq!(server.ends().await, Some(0));
}

#[tokio::test]
async fn the_demo_plays_to_its_end() {
    let home = TempDir::new().unwrap();
    let demo = baton(home.path(), &["serve", "--demo", "--once"]).await;
    assert_eq!(demo.status.code(), Some(0), "{}", stderr(&demo));
    let url =
        stderr(&demo).lines().find_map(|line| line.trim().strip_prefix("dashboard").map(str::trim).map(str::to_owned));
    let url = url.expect("the dashboard's address is told");
    insta::assert_snapshot!(stdout(&demo).replace(url.trim_end_matches('/'), "URL"));
    assert!(!home.path().join(".local").exists(), "the demo leaves the user's own data alone");
}

#[tokio::test]
async fn the_demo_does_not_touch_a_queue_that_holds_other_work() {
    let mut server = server().await;
    server.post("/api/directives", &json!({"directive": "not for the demo"})).await.unwrap();
    server.terminate().await.unwrap();
    let home = TempDir::new().unwrap();
    let data = server.data_dir().display().to_string();
    let demo = baton(home.path(), &["serve", "--demo", "--once", "--data-dir", &data]).await;
    assert_eq!(demo.status.code(), Some(1));
    assert!(stderr(&demo).contains("holds 1 directives that are not the demo's"), "{}", stderr(&demo));
}

#[tokio::test]
async fn generated_pages_and_completions_go_to_stdout() {
    let home = TempDir::new().unwrap();
    for (args, words) in [
        (&["completions", "bash"][..], "_baton()"),
        (&["man"], ".TH BATON"),
        (&["man", "serve"], "idle\\-exit"),
        (&["config", "schema"], "\"lease_seconds\""),
        (&["generate", "config-schema"], "\"lease_seconds\""),
        (&["generate", "openapi"], "/api/directives"),
        (&["generate", "tools"], "get_next_directive"),
    ] {
        let output = baton(home.path(), args).await;
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
        assert!(stdout(&output).contains(words), "{args:?}");
    }
    assert_eq!(baton(home.path(), &["man", "woman"]).await.status.code(), Some(2));
}
