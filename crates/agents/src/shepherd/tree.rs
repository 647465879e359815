//! Who descends from this process, by `/proc`.

use std::{collections::BTreeMap, fs};

use nix::unistd::Pid;

/// The living descendants of a process. Those that are born or orphaned in this very moment may be missed: who wants
/// all of them asks until `wait` says that there is none.
pub(super) fn descendants(root: Pid) -> Vec<Pid> {
    let mut children: BTreeMap<i32, Vec<Process>> = BTreeMap::new();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        Process::read(pid, &fs::read_to_string(entry.path().join("stat")).ok()?)
    }) {
        children.entry(process.parent).or_default().push(process);
    }
    let mut found = Vec::new();
    let mut open = vec![root.as_raw()];
    while let Some(parent) = open.pop() {
        for process in children.remove(&parent).unwrap_or_default() {
            open.push(process.pid);
            if !process.dead {
                found.push(Pid::from_raw(process.pid));
            }
        }
    }
    found
}

struct Process {
    pid: i32,
    parent: i32,
    /// It has ended, and waits for its parent to take note.
    dead: bool,
}

impl Process {
    /// From `/proc/<pid>/stat`: `pid (name) state parent …`, where the name may hold anything, parentheses too.
    fn read(pid: i32, stat: &str) -> Option<Self> {
        let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
        let state = fields.next()?;
        Some(Process { pid, parent: fields.next()?.parse().ok()?, dead: matches!(state, "Z" | "X") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_processes_may_hold_anything() {
        let process = Process::read(7, "7 (a) b) Z 1 (x) S 42 7 7 0 -1").unwrap();
        assert_eq!((process.pid, process.parent, process.dead), (7, 42, false));
        assert!(Process::read(8, "8 (x) Z 42 8").unwrap().dead);
        assert!(Process::read(9, "").is_none());
    }
}
