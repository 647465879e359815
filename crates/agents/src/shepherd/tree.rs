//! Who descends from whom, by `/proc`.

use std::{collections::BTreeMap, fs};

use nix::unistd::Pid;

/// The living descendants of a process. Those that are born or orphaned in this very moment may be missed: who wants
/// all of them asks until `wait` says that there is none.
pub(super) fn descendants(root: Pid) -> Vec<Pid> {
    let tree = Tree::now();
    tree.below(root).filter(|process| !process.dead).map(|process| process.pid).collect()
}

/// All processes of one moment.
pub(super) struct Tree {
    children: BTreeMap<Pid, Vec<Process>>,
}

/// One of them.
pub(super) struct Process {
    pub(super) pid: Pid,
    parent: Pid,
    pub(super) session: Pid,
    /// It has ended, and waits for its parent to take note.
    pub(super) dead: bool,
}

impl Tree {
    pub(super) fn now() -> Self {
        let mut children: BTreeMap<Pid, Vec<Process>> = BTreeMap::new();
        for process in fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            Process::read(pid, &fs::read_to_string(entry.path().join("stat")).ok()?)
        }) {
            children.entry(process.parent).or_default().push(process);
        }
        Tree { children }
    }

    /// The children of a process.
    pub(super) fn children(&self, parent: Pid) -> &[Process] {
        self.children.get(&parent).map_or(&[], Vec::as_slice)
    }

    /// All that descend from a process.
    pub(super) fn below(&self, root: Pid) -> impl Iterator<Item = &Process> {
        let mut open = vec![self.children(root).iter()];
        std::iter::from_fn(move || {
            while let Some(siblings) = open.last_mut() {
                match siblings.next() {
                    None => drop(open.pop()),
                    Some(process) => {
                        open.push(self.children(process.pid).iter());
                        return Some(process);
                    }
                }
            }
            None
        })
    }
}

impl Process {
    /// From `/proc/<pid>/stat`: `pid (name) state parent group session …`, where the name may hold anything,
    /// parentheses too.
    fn read(pid: i32, stat: &str) -> Option<Self> {
        let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
        let dead = matches!(fields.next()?, "Z" | "X");
        let mut number = |skipped| Some(Pid::from_raw(fields.nth(skipped)?.parse().ok()?));
        Some(Process { pid: Pid::from_raw(pid), parent: number(0)?, session: number(1)?, dead })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_processes_may_hold_anything() {
        let process = Process::read(7, "7 (a) b) Z 1 (x) S 42 7 8 0 -1").unwrap();
        let pids = [process.pid, process.parent, process.session].map(Pid::as_raw);
        assert_eq!((pids, process.dead), ([7, 42, 8], false));
        assert!(Process::read(8, "8 (x) Z 42 8 8").unwrap().dead);
        assert!(Process::read(9, "").is_none());
    }
}
