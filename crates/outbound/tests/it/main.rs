//! Calls over real sockets. Names are looked up in a table of the test's own; `127.0.0.1` plays the public internet
//! where the list allows it, and `127.0.0.2` the private network.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic; what helps it may do so as well")]

mod answers;
mod guard;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use baton_model::{Faults, SystemClock, address::Allow};
use baton_outbound::{Lookup, Outbound};

/// The list that lets `entries` through.
fn allow(entries: &[&str]) -> Allow {
    let mut faults = Faults::default();
    let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
    let allow = Allow::parse("outbound.allow", &entries, &mut faults);
    assert_eq!(faults.0, []);
    allow
}

fn outbound(entries: &[&str]) -> Outbound {
    Outbound::new(allow(entries), Arc::new(SystemClock::start()))
}

/// A look-up that gives each name its answers one after the other (the last one stays), and counts.
struct Names {
    answers: Mutex<BTreeMap<&'static str, Vec<Vec<IpAddr>>>>,
    asked: AtomicUsize,
}

impl Names {
    fn new<const N: usize>(names: [(&'static str, &[&str]); N]) -> Arc<Self> {
        let addresses = |text: &&str| text.split_whitespace().map(|ip| ip.parse().unwrap()).collect();
        let answers =
            names.into_iter().map(|(name, list)| (name, list.iter().rev().map(addresses).collect())).collect();
        Arc::new(Names { answers: Mutex::new(answers), asked: AtomicUsize::new(0) })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn lookup(self: &Arc<Self>) -> Lookup {
        let names = self.clone();
        Arc::new(move |name| {
            names.asked.fetch_add(1, Ordering::SeqCst);
            let mut answers = names.answers.lock().unwrap();
            let answer = match answers.get_mut(name.as_str()) {
                Some(list) if list.len() > 1 => Ok(list.pop().unwrap()),
                Some(list) => Ok(list[0].clone()),
                None => Err(std::io::Error::other("no such name")),
            };
            Box::pin(std::future::ready(answer))
        })
    }

    fn outbound(self: &Arc<Self>, entries: &[&str]) -> Outbound {
        Outbound::with_lookup(allow(entries), Arc::new(SystemClock::start()), self.lookup())
    }
}
