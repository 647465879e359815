//! Agents that do not end by themselves, or not alone.

use std::time::Duration;

use baton_agents::{Ending, Kind, run};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::support::{Agent, LIMIT, Watched, machine};

/// Prints a line, then becomes deaf to every polite word.
const DEAF: &str = "trap '' INT TERM HUP; echo deaf; echo $$ > up; while true; do sleep 1000; done";

/// Leaves processes everywhere: in the group, in a session of its own, twice forked, deaf, and one that its parent
/// has not buried.
const FAMILY: &str = r#"
import os, signal, sys, time
told, tell = os.pipe()
def child(life):
    pid = os.fork()
    if pid == 0:
        life()
        os._exit(0)
    return pid
def sleep():
    os.write(tell, b'.')
    time.sleep(1000)
def session():
    os.setsid()
    child(sleep)
    sleep()
def daemon():
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child(sleep)
child(sleep)
child(session)
os.waitid(os.P_PID, child(daemon), os.WEXITED | os.WNOWAIT)
os.posix_spawnp('sleep', ['sleep', '1000'], os.environ, setpgroup=0)
for _ in range(4):
    os.read(told, 1)
open('up', 'w').write('up')
print('family', flush=True)
"#;

const MULTIPLYING: &str = "
import os, time
for _ in range(5000):
    if os.fork():
        time.sleep(0.002)
        os._exit(0)
    os.setsid()
";

#[tokio::test]
async fn the_time_is_up_for_an_agent_that_hangs() {
    let mut agent = Agent::bash(Kind::Command, "echo begun; sleep 1000");
    agent.config.timeout = Duration::from_secs(2);
    let outcome = agent.run().await;
    assert_eq!((outcome.ending.clone(), outcome.result.as_str()), (Ending::TimedOut, "begun"));
    assert!(outcome.error().unwrap().starts_with("timeout"));
}

#[tokio::test]
async fn an_agent_that_is_silent_for_too_long_is_stalled() {
    let mut agent = Agent::bash(Kind::Command, "for n in 1 2 3 4 5; do echo $n; sleep 0.6; done; sleep 1000");
    agent.config.stall = Some(Duration::from_secs(2));
    let outcome = agent.run().await;
    assert_eq!(outcome.ending, Ending::Stalled);
    assert_eq!(outcome.result, "1\n2\n3\n4\n5", "it was left alone as long as it spoke");
}

#[tokio::test]
async fn a_cancelled_agent_may_say_its_last_words() {
    let agent = Agent::bash(
        Kind::Command,
        "trap 'echo interrupted; exit 3' INT; echo $$ > up; while true; do sleep 0.05; done",
    );
    let (watched, mut machine) = (Watched::start(), machine());
    machine.limits.interrupt = LIMIT;
    let (outcome, ()) = tokio::join!(agent.run_with(&machine, &watched.controls), async {
        agent.file("up").await;
        watched.controls.cancel.cancel();
    });
    assert_eq!((outcome.ending, outcome.result.as_str()), (Ending::Cancelled, "interrupted"));
    assert_eq!(outcome.metadata.exit.as_deref(), Some("exit 3"));
}

#[tokio::test]
async fn an_agent_that_is_deaf_is_killed() {
    let agent = Agent::bash(Kind::Command, DEAF);
    let (watched, machine) = (Watched::start(), machine());
    let (outcome, ()) = tokio::join!(agent.run_with(&machine, &watched.controls), async {
        agent.file("up").await;
        watched.controls.cancel.cancel();
    });
    assert_eq!(outcome.ending, Ending::Cancelled);
    assert_eq!(outcome.metadata.exit.as_deref(), Some("signal SIGKILL"));
}

#[tokio::test]
async fn an_agent_that_stops_its_shepherd_is_ended_without_it() {
    let mut agent = Agent::bash(Kind::Command, "kill -STOP $PPID; sleep 1000");
    agent.config.timeout = Duration::from_secs(1);
    let mut machine = machine();
    machine.limits.shepherd = Duration::from_millis(400);
    let (task, watched) = (agent.task("do it"), Watched::start());
    let ended = run(&machine, &agent.config, &task, &watched.controls);
    let outcome = tokio::time::timeout(LIMIT, ended).await.expect("the run should have ended long ago");
    assert_eq!(outcome.ending, Ending::TimedOut);
    // This process is not heir to what is left, as workers are.
    for pid in agent.processes() {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

#[tokio::test]
async fn whoever_an_agent_leaves_behind_is_ended() {
    let agent = Agent::python(FAMILY);
    let outcome = agent.run().await;
    assert_eq!((outcome.ending, outcome.result.as_str()), (Ending::Completed, "family"));
    // In the group one, in the session two, the daemon's child, and the one with a group of its own.
    assert_eq!(outcome.metadata.leftover_processes, 5);
}

#[tokio::test]
async fn a_family_that_goes_on_is_ended_with_its_head() {
    let agent = Agent::python(&format!("{FAMILY}\ntime.sleep(1000)"));
    let (watched, machine) = (Watched::start(), machine());
    let (outcome, before) = tokio::join!(agent.run_with(&machine, &watched.controls), async {
        agent.file("up").await;
        let before = agent.processes().len();
        watched.controls.cancel.cancel();
        before
    });
    assert_eq!(before, 6, "all of them bear the mark");
    assert_eq!(outcome.ending, Ending::Cancelled);
}

#[tokio::test]
async fn processes_that_multiply_are_ended_too() {
    // Each dies at once and leaves a child in a session of its own: nobody lives long enough to be found easily. They
    // would go on for about ten seconds.
    let agent = Agent::python(MULTIPLYING);
    let outcome = agent.run().await;
    assert_eq!(outcome.ending, Ending::Completed, "its first process ended well");
    assert!(outcome.metadata.leftover_processes > 0);
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_any_more_is_ended() {
    let agent = Agent::python(&format!("{FAMILY}\ntime.sleep(1000)"));
    let (watched, machine) = (Watched::start(), machine());
    tokio::select! {
        outcome = agent.run_with(&machine, &watched.controls) => panic!("{outcome:?}"),
        _ = agent.file("up") => {}
    }
    let gone = async {
        while !agent.processes().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, gone).await.expect("the family should be gone");
}
