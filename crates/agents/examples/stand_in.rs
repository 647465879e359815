//! Stands in for the baton binary in this room's tests: `stand_in shepherd` is a shepherd, and
//! `stand_in parent LAUNCH` starts one for a launch, given as JSON, tells its process id, and waits to be killed.

use std::process::ExitCode;

use baton_agents::shepherd::{self, Launch, Shepherd};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "shepherd"] => shepherd::run(),
        [_, "parent", launch] => parent(launch),
        _ => panic!("this is started by tests only"),
    }
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
