//! Agents that print more than anybody wants.

use std::{fs, time::Duration};

use baton_agents::{Controls, Ending, Kind, Stream};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::support::{Agent, Watched, machine};

/// How much this process ever had in memory, in MiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// A gigabyte on both streams together: without a line end on stdout.
const FLOOD: &str = "head -c 700M /dev/zero | tr '\\0' x & head -c 324M /dev/zero >&2; wait; echo; echo end";

#[tokio::test]
async fn a_gigabyte_passes_in_bounded_memory() {
    for kind in [Kind::Command, Kind::Claude] {
        let (watched, before) = (Watched::start(), peak());
        let mut machine = machine();
        machine.limits.transcript_bytes = 8 * 1024 * 1024;
        let outcome = Agent::bash(kind, FLOOD).run_with(&machine, &watched.controls).await;
        let grown = peak() - before;
        println!("{kind:?}: {grown} MiB more at its peak");
        assert!(grown < 150, "{grown} MiB more");

        let metadata = &outcome.metadata;
        assert!(metadata.transcript_dropped_bytes > 1_000_000_000, "{metadata:?}");
        match kind {
            Kind::Command => {
                assert_eq!(outcome.ending, Ending::Completed);
                assert!(outcome.result.starts_with('[') && outcome.result.ends_with("\nend"));
                assert!(outcome.result.len() < 300_000);
            }
            Kind::Claude => {
                assert_eq!(metadata.broken_lines, 2);
                assert!(outcome.error().unwrap().starts_with("Claude Code ended without a result"));
            }
        }
        let transcript = watched.transcript().await;
        let kept: usize = transcript.iter().map(|chunk| chunk.text.len()).sum();
        assert!(kept < 9 * 1024 * 1024 && kept > 7 * 1024 * 1024, "{kept} bytes of transcript");
        assert!(transcript.iter().all(|chunk| chunk.text.len() <= 64 * 1024));
        assert!(transcript.iter().any(|chunk| chunk.text.contains("the transcript ends here")));
    }
}

#[tokio::test]
async fn a_transcript_that_nobody_takes_holds_nobody_up() {
    let agent = Agent::bash(Kind::Command, "head -c 2M /dev/zero | tr '\\0' x; echo; echo end");
    let (transcript, mut chunks) = mpsc::channel(1);
    let controls =
        Controls { cancel: CancellationToken::new(), transcript, progress: watch::Sender::new(String::new()) };
    let mut machine = machine();
    machine.limits.transcript_wait = Duration::from_millis(100);
    let outcome = agent.run_with(&machine, &controls).await;
    assert_eq!(outcome.ending, Ending::Completed);
    assert!(outcome.result.ends_with("\nend"));
    let first = chunks.recv().await.unwrap();
    assert_eq!(first.stream, Stream::Stdout);
    let kept = u64::try_from(first.text.len()).unwrap();
    assert_eq!(outcome.metadata.transcript_dropped_bytes, 2 * 1024 * 1024 + 5 - kept, "what is not kept is counted");
}

#[tokio::test]
async fn a_transcript_that_nobody_wants_is_no_fault() {
    let agent = Agent::bash(Kind::Command, "seq 100000; echo end");
    let (transcript, chunks) = mpsc::channel(1);
    drop(chunks);
    let controls =
        Controls { cancel: CancellationToken::new(), transcript, progress: watch::Sender::new(String::new()) };
    let outcome = agent.run_with(&machine(), &controls).await;
    assert!(outcome.is_success() && outcome.result.ends_with("\nend"));
    assert_eq!(outcome.metadata.transcript_dropped_bytes, 0);
}
