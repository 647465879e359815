//! Checks that prove the work.

use std::time::Duration;

use baton_agents::{Check, Verdict, check};
use tokio_util::sync::CancellationToken;

use crate::support::{LIMIT, machine};

async fn verdict(argv: &[&str], timeout: Duration) -> (Verdict, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let argv = argv.iter().map(|word| (*word).to_owned()).collect();
    let one = Check { name: "tests".to_owned(), argv, dir: dir.path().to_owned(), timeout };
    (check(&machine(), &one, &CancellationToken::new()).await, dir)
}

#[tokio::test]
async fn exit_0_proves_and_nothing_else_does() {
    let (proved, dir) = verdict(&["sh", "-c", "touch here"], LIMIT).await;
    assert_eq!(proved, Verdict::Proved);
    assert!(dir.path().join("here").exists(), "it runs where the agent worked");

    let (refuted, _dir) = verdict(&["sh", "-c", "echo out; echo err >&2; exit 4"], LIMIT).await;
    let why = "acceptance `tests` says no (exit 4): err\nout".to_owned();
    assert_eq!(refuted, Verdict::Refuted { why });

    let (late, _dir) = verdict(&["sleep", "1000"], Duration::from_millis(200)).await;
    assert!(matches!(&late, Verdict::Refuted { why } if why.contains("not done in 200ms")), "{late:?}");
}

#[tokio::test]
async fn a_check_that_cannot_run_says_nothing_of_the_work() {
    let (missing, _dir) = verdict(&["no-such-check"], LIMIT).await;
    assert!(matches!(&missing, Verdict::Unknown { why } if why.contains("acceptance.tests.argv")), "{missing:?}");
    let (empty, _dir) = verdict(&[], LIMIT).await;
    assert!(matches!(&empty, Verdict::Unknown { why } if why.contains("is empty")), "{empty:?}");

    let cancel = CancellationToken::new();
    cancel.cancel();
    let argv = ["sleep", "1000"].map(str::to_owned).to_vec();
    let one = Check { name: "tests".to_owned(), argv, dir: "/".into(), timeout: LIMIT };
    let cancelled = check(&machine(), &one, &cancel).await;
    assert!(matches!(&cancelled, Verdict::Unknown { why } if why.contains("cancelled")), "{cancelled:?}");
}
