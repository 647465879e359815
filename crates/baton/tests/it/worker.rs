//! Workers: the real binary takes directives from a real server and runs agents, which are scripts here.
#![expect(clippy::unwrap_used, reason = "what a test's helper cannot do is a failure of the test")]

mod claude;
mod crowd;
mod ends;
mod places;
mod pool;
mod runs;

use std::{
    fs,
    io::PipeReader,
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::{Arc, Mutex},
    time::Duration,
};

use baton_testkit::{
    process::{GroupChild, clean_command},
    server::Server,
};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    net::unix::pipe,
    process::Command,
    sync::watch,
    time::timeout,
};

const BATON: &str = env!("CARGO_BIN_EXE_baton");
/// Longer than anything here takes, so that a test that waits in vain fails and does not hang.
const PATIENCE: Duration = Duration::from_secs(60);
/// Marks the agents of one place, and all their processes.
const MARK: &str = "BATON_TEST_MARK";

/// What workers find on their machine: settings, a home, and a place for what agents write.
struct Place {
    dir: TempDir,
}

impl Place {
    /// The agent `bash` carries out directives that are scripts; `picky` fails the first time, then says what it was told.
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let mark = dir.path().display();
        let settings = format!(
            r#"
[sessions]
roots = ["{mark}/projects"]
[agents.bash]
command = "bash"
env = {{ {MARK} = "{mark}" }}
[agents.picky]
command = "bash"
args = ["-c", 'text=$(cat); [ "$BATON_ATTEMPT" != 1 ] || {{ echo no disk >&2; exit 3; }}; echo "$text"']
env = {{ {MARK} = "{mark}" }}
[agents.gone]
command = "/no/such/agent"
[acceptance.proof]
argv = ["test", "-e", "proof"]
[acceptance.gone]
argv = ["/no/such/check"]
"#
        );
        fs::write(dir.path().join("baton.toml"), settings).unwrap();
        fs::create_dir_all(dir.path().join("projects/acme/app")).unwrap();
        fs::create_dir(dir.path().join("home")).unwrap();
        Place { dir }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn settings(&self) -> String {
        self.at("baton.toml").display().to_string()
    }

    /// `baton worker ARGS…` with these settings.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = clean_command(BATON, &self.at("home"));
        command.args(["worker", "--config", &self.settings()]).args(args).current_dir(self.dir.path());
        command
    }

    /// A worker that says what it does; its agent is `bash` unless it is named.
    fn worker(&self, server: &Server, args: &[&str]) -> Worker {
        let agent = if args.contains(&"--agent") { &[][..] } else { &["--agent", "bash"] };
        let usual = [&["--json", "--url", server.url()], agent].concat();
        Worker::start(self.command(&[&usual, args].concat()).env("BATON_DATA_DIR", self.at("data")))
    }

    /// The living processes of its agents, wherever they went. Those that are dead and not yet buried are none.
    fn agents(&self) -> Vec<i32> {
        let wanted = format!("{MARK}={}", self.dir.path().display());
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let bears = |pid: &i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
        };
        pids.filter(bears).collect()
    }

    /// Waits until no process of its agents is left.
    async fn is_quiet(&self) {
        until(|| self.agents().is_empty(), "the agents to be gone").await;
    }
}

/// A worker that runs, and what it has said.
struct Worker {
    child: GroupChild,
    said: watch::Receiver<Vec<Value>>,
    log: Arc<Mutex<String>>,
}

impl Worker {
    fn start(command: &mut Command) -> Self {
        let ((out, stdout), (err, stderr)) = (std::io::pipe().unwrap(), std::io::pipe().unwrap());
        let child = GroupChild::spawn(command.stdout(stdout).stderr(stderr)).unwrap();
        let (tell, said) = watch::channel(Vec::new());
        let log = Arc::new(Mutex::new(String::new()));
        let mut events = read(out);
        tokio::spawn(async move {
            while let Ok(Some(line)) = events.next_line().await {
                let event = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                tell.send_modify(|said: &mut Vec<Value>| said.push(event));
            }
        });
        let (mut lines, written) = (read(err), log.clone());
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let mut log = written.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Worker { child, said, log }
    }

    /// Waits until it has said this so often.
    async fn said(&self, event: &str, times: usize) -> Vec<Value> {
        self.tells(|one| one["event"] == event, times, event).await
    }

    /// Waits until it has said that so many of its agents say this.
    async fn shows(&self, text: &str, agents: usize) {
        self.tells(|one| one["event"] == "progress" && one["text"] == text, agents, text).await;
    }

    async fn tells(&self, fits: impl Fn(&Value) -> bool, times: usize, what: &str) -> Vec<Value> {
        let mut said = self.said.clone();
        let enough = said.wait_for(|said| said.iter().filter(|one| fits(one)).count() >= times);
        let found = match timeout(PATIENCE, enough).await {
            Ok(Ok(said)) => Some(said.iter().filter(|one| fits(one)).cloned().collect()),
            _ => None,
        };
        found.unwrap_or_else(|| panic!("it never said {times} times {what}, but {:#?}\n{}", self.all(), self.stderr()))
    }

    fn all(&self) -> Vec<Value> {
        self.said.borrow().clone()
    }

    fn stderr(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// How it ends.
    async fn ended(&mut self) -> ExitStatus {
        match timeout(PATIENCE, self.child.wait()).await {
            Ok(status) => status.unwrap(),
            Err(_) => panic!("it goes on: {:#?}\n{}", self.all(), self.stderr()),
        }
    }

    fn signal(&self, signal: Signal) {
        self.child.signal(signal);
    }
}

/// Puts a directive in the queue.
async fn submit(server: &Server, directive: Value) -> String {
    let (status, answer) = server.post("/api/directives", &directive).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    answer["directive_id"].as_str().unwrap().to_owned()
}

/// A directive that is a script.
async fn script(server: &Server, script: &str) -> String {
    submit(server, json!({ "directive": script })).await
}

async fn directive(server: &Server, id: &str) -> Value {
    server.get(&format!("/api/directives/{id}")).await.unwrap().1
}

/// Waits until a directive has ended.
async fn ended(server: &Server, id: &str) -> Value {
    reaches(server, id, &["completed", "failed", "cancelled", "dead"]).await
}

/// Waits until a directive stands so.
async fn reaches(server: &Server, id: &str, states: &[&str]) -> Value {
    let look = async {
        loop {
            let shown = directive(server, id).await;
            if states.iter().any(|state| shown["state"] == *state) {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    match timeout(PATIENCE, look).await {
        Ok(shown) => shown,
        Err(_) => panic!("it is not {states:?}: {:#}\n{}", directive(server, id).await, server.log()),
    }
}

/// The whole transcript of a directive's latest attempt.
async fn transcript(server: &Server, id: &str) -> String {
    let (mut text, mut offset) = (String::new(), 0);
    loop {
        let url = format!("{}/api/directives/{id}/transcript?offset={offset}", server.url());
        let response = server.client().get(url).send().await.unwrap().error_for_status().unwrap();
        let next = response.headers()["baton-next-offset"].to_str().unwrap().parse().unwrap();
        text.push_str(&response.text().await.unwrap());
        if next == offset {
            return text;
        }
        offset = next;
    }
}

/// Waits until something is so.
async fn until(is_so: impl Fn() -> bool, what: &str) {
    let look = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(PATIENCE, look).await.is_ok(), "waited in vain for {what}");
}

/// The lines of a file, in order; none if it is not there.
fn lines(file: &Path) -> Vec<String> {
    let mut lines: Vec<_> = fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn read(pipe: PipeReader) -> Lines<BufReader<pipe::Receiver>> {
    BufReader::new(pipe::Receiver::from_owned_fd(pipe.into()).unwrap()).lines()
}
