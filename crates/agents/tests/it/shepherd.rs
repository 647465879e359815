//! The shepherd itself: its orders, and the death of its parent.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use baton_agents::shepherd::{Exit, Launch, Order, Report, Shepherd};
use baton_testkit::process::{GroupChild, clean_command};
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use crate::support::{LIMIT, MARK, appeared, marked, stand_in};

struct Place {
    dir: tempfile::TempDir,
    mark: String,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().display().to_string();
        Place { dir, mark }
    }

    fn launch(&self, script: &str) -> Launch {
        let path = std::env::var("PATH").unwrap();
        let env = BTreeMap::from([("PATH".to_owned(), path), (MARK.to_owned(), self.mark.clone())]);
        let argv = ["/bin/bash", "-c", script].map(str::to_owned).to_vec();
        let grace = Duration::from_millis(300);
        Launch::new(argv, env, self.dir.path().to_owned(), None, grace, grace)
    }

    /// Waits until no process bears the mark.
    async fn is_empty(&self) {
        let empty = async {
            while !marked(&self.mark).is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LIMIT, empty).await.unwrap_or_else(|_| panic!("left: {:?}", marked(&self.mark)));
    }
}

/// Three processes: the agent, a child in a session of its own, and a deaf one that was forked twice.
const TREE: &str = "setsid sleep 1000 & (trap '' TERM INT; setsid sleep 1000 &) ; echo $$ > up; wait";

#[tokio::test]
async fn a_parent_that_is_killed_takes_the_whole_tree_with_it() {
    let place = Place::new();
    let mut command = clean_command(stand_in(), place.dir.path());
    command.arg("parent").arg(serde_json::to_string(&place.launch(TREE)).unwrap());
    let mut child = command.stdout(Stdio::piped()).process_group(0).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
    let shepherd: i32 = line.trim().parse().unwrap();
    appeared(&place.dir.path().join("up")).await;
    assert_eq!(marked(&place.mark).len(), 3);

    child.start_kill().unwrap();
    child.wait().await.unwrap();
    place.is_empty().await;
    let gone = async {
        while std::fs::read_to_string(format!("/proc/{shepherd}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, gone).await.expect("the shepherd ends with its tree");
}

#[tokio::test]
async fn a_shepherd_is_deaf_to_signals_and_obeys_orders() {
    let place = Place::new();
    let launch = place.launch("trap 'echo heard; exit 5' INT; echo $$ > up; while true; do sleep 0.05; done");
    let (mut shepherd, mut output) = Shepherd::start(&stand_in(), &launch).await.unwrap();
    assert!(matches!(shepherd.report().await, Some(Report::Started { .. })));
    appeared(&place.dir.path().join("up")).await;
    let pid = Pid::from_raw(i32::try_from(shepherd.id().unwrap()).unwrap());
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        kill(pid, signal).unwrap();
    }
    shepherd.order(Order::Interrupt).await;
    assert_eq!(shepherd.report().await, Some(Report::Exited(Exit::Code(5))));
    assert!(matches!(shepherd.report().await, Some(Report::Ended { survivors: 0, .. })));
    assert_eq!(shepherd.report().await, None);
    let mut said = String::new();
    output.stdout.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "heard\n");
    shepherd.wait().await;
    place.is_empty().await;
}

#[tokio::test]
async fn a_kill_needs_no_patience() {
    let place = Place::new();
    let mut launch = place.launch(TREE);
    (launch.interrupt_ms, launch.terminate_ms) = (u64::MAX, u64::MAX);
    let (mut shepherd, _output) = Shepherd::start(&stand_in(), &launch).await.unwrap();
    shepherd.report().await.unwrap();
    appeared(&place.dir.path().join("up")).await;
    shepherd.order(Order::Kill).await;
    assert_eq!(shepherd.report().await, Some(Report::Exited(Exit::Signal(9))));
    assert!(matches!(shepherd.report().await, Some(Report::Ended { survivors: 0, .. })));
    assert_eq!(marked(&place.mark), Vec::<i32>::new());
}

#[tokio::test]
async fn the_agents_group_ends_with_a_shepherd_that_is_killed() {
    let place = Place::new();
    let (mut shepherd, _output) =
        Shepherd::start(&stand_in(), &place.launch("echo $$ > up; sleep 1000")).await.unwrap();
    shepherd.report().await.unwrap();
    appeared(&place.dir.path().join("up")).await;
    kill(Pid::from_raw(i32::try_from(shepherd.id().unwrap()).unwrap()), Signal::SIGKILL).unwrap();
    assert_eq!(shepherd.report().await, None);
    place.is_empty().await;
}

#[tokio::test]
async fn an_agent_that_kills_its_shepherd_leaves_nobody_behind_and_hits_nobody_else() {
    let (place, other) = (Place::new(), Place::new());
    // A session of its own below a session of its own, deaf, and one that is orphaned before.
    let script = "setsid sh -c 'trap \"\" TERM INT; setsid sleep 779 & echo up > deaf; sleep 779; sleep 779' & \
                  (setsid sleep 779 &); until [ -e deaf ]; do sleep 0.01; done; kill -9 $PPID; sleep 780";
    let mut command = clean_command(stand_in(), place.dir.path());
    let launches = [place.launch(script), other.launch(TREE)].map(|launch| serde_json::to_string(&launch).unwrap());
    let mut child = command.arg("heir").args(launches).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = async || tokio::time::timeout(LIMIT, said.next_line()).await.expect("it hangs").unwrap();
    assert_eq!(next().await.as_deref(), Some("lost"));
    assert_eq!(marked(&place.mark), Vec::<i32>::new());
    appeared(&other.dir.path().join("up")).await;
    assert_eq!(marked(&other.mark).len(), 3, "the other agent is left alone");
    assert_eq!(children_of(child.id().unwrap()), 2, "its own child and the other shepherd: the dead are buried");

    drop(child.stdin.take());
    assert_eq!(next().await.as_deref(), Some("exit status: 0"), "its own child was left alone");
    assert_eq!(next().await.as_deref(), Some("Exited(Signal(9))"));
    assert!(child.wait().await.unwrap().success());
    other.is_empty().await;
}

/// How many children a process has, the dead included.
fn children_of(parent: u32) -> usize {
    let stats = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = stats.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    let parents = stats.filter_map(|stat| stat.rsplit(')').next()?.split_ascii_whitespace().nth(1)?.parse().ok());
    parents.filter(|found: &u32| *found == parent).count()
}

#[tokio::test]
async fn an_agent_inherits_neither_terminal_nor_channel_nor_deafness() {
    let place = Place::new();
    let script = "grep -E '^(SigBlk|SigIgn)' /proc/self/status; (: < /dev/tty) 2>/dev/null && echo terminal; \
                  find /proc/self/fd -lname 'socket:*'";
    let (mut shepherd, mut output) = Shepherd::start(&stand_in(), &place.launch(script)).await.unwrap();
    while shepherd.report().await.is_some() {}
    let mut said = String::new();
    output.stdout.read_to_string(&mut said).await.unwrap();
    let masks: Vec<_> = said.lines().filter_map(|line| line.split_once(":\t")).collect();
    let ordinary = |mask: &str| u64::from_str_radix(mask, 16).unwrap() & 0x7FFF_FFFF;
    assert_eq!(
        masks.iter().map(|(name, mask)| (*name, ordinary(mask))).collect::<Vec<_>>(),
        [("SigBlk", 0), ("SigIgn", 0)]
    );
    assert_eq!(said.lines().count(), 2, "{said}");
}

#[tokio::test]
async fn an_agent_cannot_look_into_its_shepherd() {
    let place = Place::new();
    let script = "for secret in maps mem; do (head -c 1 /proc/$PPID/$secret) 2>/dev/null | wc -c; done";
    let (mut shepherd, mut output) = Shepherd::start(&stand_in(), &place.launch(script)).await.unwrap();
    while shepherd.report().await.is_some() {}
    let mut said = String::new();
    output.stdout.read_to_string(&mut said).await.unwrap();
    // Root may look into everything.
    let expected = if geteuid().is_root() { "1\n0\n" } else { "0\n0\n" };
    assert_eq!(said.replace(" ", ""), expected);
}

#[tokio::test]
async fn by_hand_it_says_that_it_is_not_for_hands() {
    let mut command = clean_command(stand_in(), std::path::Path::new("/"));
    let child = GroupChild::spawn(command.arg("shepherd").stdout(Stdio::null()).stderr(Stdio::null())).unwrap();
    let mut child = child;
    assert_eq!(child.wait().await.unwrap().code(), Some(1));
}
