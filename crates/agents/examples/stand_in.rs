//! Stands in for the baton binary in this room's tests: `stand_in shepherd` is a shepherd, and
//! `stand_in parent LAUNCH` starts one for a launch, given as JSON, tells its process id, and waits to be killed;
//! `stand_in heir LAUNCH OTHER` waits until one has lost its agent, while another's lives on.

use std::process::{ExitCode, Stdio};

use baton_agents::shepherd::{self, Launch, Order, Shepherd};
use tokio::io::AsyncReadExt;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "shepherd"] => shepherd::run(),
        [_, "parent", launch] => parent(launch),
        [_, "heir", launch, other] => heir(launch, other),
        _ => panic!("this is started by tests only"),
    }
}

/// Tells `lost`, then waits until stdin ends and tells the other agent's end.
fn heir(launch: &str, other: &str) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        shepherd::inherit_orphans().expect("the system allows it");
        let program = std::env::current_exe().expect("this program has a path");
        let start = async |launch| {
            let launch: Launch = serde_json::from_str(launch).expect("a launch");
            Shepherd::start(&program, &launch).await.expect("a shepherd")
        };
        // Neither a shepherd nor an orphan.
        let mut own =
            tokio::process::Command::new("cat").stdin(Stdio::inherit()).stdout(Stdio::null()).spawn().expect("cat");
        let ((mut other, _other), (mut lost, mut output)) = (start(other).await, start(launch).await);
        other.report().await.expect("it starts");
        while lost.report().await.is_some() {}
        lost.wait().await;
        // Ends only when nobody holds the pipe any more.
        output.stdout.read_to_end(&mut Vec::new()).await.expect("a pipe");
        println!("lost");
        println!("{}", own.wait().await.expect("its own child is its own to wait for"));
        other.order(Order::Kill).await;
        println!("{:?}", other.report().await.expect("the other shepherd lives"));
        while other.report().await.is_some() {}
        ExitCode::SUCCESS
    })
}

fn parent(launch: &str) -> ExitCode {
    let launch: Launch = serde_json::from_str(launch).expect("a launch");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let program = std::env::current_exe().expect("this program has a path");
        let (shepherd, _output) = Shepherd::start(&program, &launch).await.expect("a shepherd");
        println!("{}", shepherd.id().expect("a process id"));
        std::future::pending().await
    })
}
