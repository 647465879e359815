//! Children and their children.

use std::{io::Read, time::Duration};

use baton_testkit::process::{GroupChild, clean_command};
use tokio::{task::spawn_blocking, time::timeout};

#[tokio::test]
async fn a_group_ends_when_its_handle_is_dropped() {
    let (mut out, into) = std::io::pipe().unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut command = clean_command("sh", home.path());
    let child = GroupChild::spawn(command.args(["-c", "sleep 600 & echo up; wait"]).stdout(into)).unwrap();
    drop(command);
    let mut up = [0; 3];
    out.read_exact(&mut up).unwrap();

    drop(child);
    // The pipe ends when the last process that can write to it has ended, the grandchild included.
    let rest = spawn_blocking(move || out.read_to_end(&mut Vec::new()));
    assert_eq!(timeout(Duration::from_secs(10), rest).await.unwrap().unwrap().unwrap(), 0);
}

#[tokio::test]
async fn nothing_is_inherited_but_the_path() {
    let (mut out, into) = std::io::pipe().unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut command = clean_command("env", home.path());
    let mut child = GroupChild::spawn(command.stdout(into)).unwrap();
    drop(command);
    assert!(child.wait().await.unwrap().success());
    let mut told = String::new();
    out.read_to_string(&mut told).unwrap();
    let mut names: Vec<_> = told.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "LANG", "PATH"]);
    assert!(told.contains(&format!("HOME={}", home.path().display())));
}
