//! Both revisions that the suite knows, each as its own frozen list of requirements asks for it.

mod report;

use std::{io::Write, path::Path, process::Stdio, time::Duration};

use baton_testkit::{packages, process::clean_command};
use report::Report;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
    time::timeout,
};

/// The suite's version; its requirements name the scenarios that count for a revision.
const VERSION: &str = "0.2.0-alpha.12";
/// How long a run may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// The server with the fixtures and its URL; it is killed when it is dropped.
async fn server(home: &Path) -> (Child, String) {
    let mut command = clean_command(env!("CARGO_BIN_EXE_baton-conformance"), home);
    let mut server = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let url = BufReader::new(server.stdout.take().unwrap()).lines().next_line().await.unwrap();
    (server, url.expect("it says where it listens"))
}

/// Runs all scenarios of a revision. `scored` of them count for conformance; the others must pass as well.
async fn conforms(revision: &str, scored: usize, others: usize) {
    let home = tempfile::tempdir().unwrap();
    let (_server, url) = server(home.path()).await;
    let package = packages::npm("@modelcontextprotocol/conformance", VERSION).await.unwrap();
    let mut suite = clean_command("node", home.path());
    suite.env("PATH", packages::path_with_node().await.unwrap()).current_dir(home.path()).kill_on_drop(true);
    suite.arg(package.join("node_modules/@modelcontextprotocol/conformance/dist/index.js"));
    suite.args(["server", "--url", &url, "--requirements", revision, "--output-dir", "out"]);
    let done = timeout(PATIENCE, suite.output()).await.expect("the suite ends").unwrap();
    let said = String::from_utf8_lossy(&done.stdout);

    let report = Report::read(&home.path().join("out"), &said);
    // Past libtest, which shows nothing of a test that passes.
    std::io::stderr().write_all(format!("{revision}: {report}\n").as_bytes()).unwrap();
    assert!(done.status.success(), "{said}");
    assert_eq!((report.scored.len(), report.others.len()), (scored, others), "scenarios that ran: {report:?}");
    assert_eq!(report.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn revision_2025_11_25() {
    conforms("2025-11-25", 30, 3).await;
}

#[tokio::test]
async fn revision_2026_07_28() {
    conforms("2026-07-28", 37, 13).await;
}
