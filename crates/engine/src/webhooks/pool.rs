//! Calls that may be under way at the same time. Lanes that answer and lanes that may hang have a pool each, and no group
//! of lanes has a whole pool to itself: whoever names hundreds of dead hosts waits for those hosts alone.

use std::collections::{HashMap, HashSet, VecDeque};

/// A number of calls, and the lanes that wait for one.
#[derive(Debug)]
pub(super) struct Pool {
    /// Calls of all groups together.
    most: usize,
    /// Calls of one group.
    share: usize,
    calls: usize,
    groups: HashMap<String, usize>,
    /// Lanes that found no room, with their groups; who came first is first.
    line: VecDeque<(String, String)>,
    in_line: HashSet<String>,
}

impl Pool {
    pub fn new(most: usize, share: usize) -> Self {
        Pool { most, share, calls: 0, groups: HashMap::new(), line: VecDeque::new(), in_line: HashSet::new() }
    }

    /// How many calls a group may begin.
    pub fn room(&self, group: &str) -> usize {
        let held = self.groups.get(group).copied().unwrap_or(0);
        self.share.saturating_sub(held).min(self.most.saturating_sub(self.calls))
    }

    /// A call of a group begins.
    pub fn begin(&mut self, group: &str) {
        self.calls += 1;
        *self.groups.entry(group.to_owned()).or_default() += 1;
    }

    /// A call of a group has ended.
    pub fn end(&mut self, group: &str) {
        self.calls = self.calls.saturating_sub(1);
        if let Some(held) = self.groups.get_mut(group) {
            *held -= 1;
            if *held == 0 {
                self.groups.remove(group);
            }
        }
    }

    /// Lets a lane wait until there is room for its group.
    pub fn wait(&mut self, group: &str, lane: &str) {
        if self.in_line.insert(lane.to_owned()) {
            self.line.push_back((group.to_owned(), lane.to_owned()));
        }
    }

    /// Takes the first lane for whose group there is room now.
    pub fn next(&mut self) -> Option<String> {
        let at = self.line.iter().position(|(group, _)| self.room(group) > 0)?;
        let (_, lane) = self.line.remove(at)?;
        self.in_line.remove(&lane);
        Some(lane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_group_takes_anothers_share() {
        let mut pool = Pool::new(3, 2);
        (0..2).for_each(|_| pool.begin("a"));
        assert_eq!([pool.room("a"), pool.room("b")], [0, 1]);
        pool.wait("a", "a1");
        pool.wait("a", "a1");
        pool.wait("b", "b1");
        assert_eq!(pool.next().as_deref(), Some("b1"), "who came first has no room");
        assert_eq!(pool.next(), None);
        pool.begin("b");
        pool.begin("c");
        pool.end("a");
        assert_eq!(pool.next(), None, "all are in use");
        pool.end("c");
        assert_eq!(pool.next().as_deref(), Some("a1"));
        assert_eq!(pool.next(), None, "it waited once");
    }
}
