//! The shepherd's side: starts the agent, then waits for orders, for deaths and for the time to be up.

use std::{
    collections::BTreeSet,
    io::{self, BufRead, BufReader, Write},
    os::{
        fd::AsFd,
        unix::{net::UnixStream, process::CommandExt},
    },
    process::{ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

use baton_model::{Clock, Millis, SystemClock};
use nix::{
    errno::Errno,
    sys::{
        prctl,
        signal::{Signal, kill, killpg},
        wait::{WaitStatus, waitpid},
    },
    unistd::{Pid, getpgid, getpid, getppid, setpgid, setsid},
};
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};

use super::{Exit, Launch, Order, Report, tree};

/// How often those who are to die are looked for.
const LOOK_MS: Millis = 20;

/// When those who did not die of SIGKILL are left alone: they belong to another user, or hang in a system call.
const GIVE_UP_MS: Millis = 30_000;

enum Event {
    Order(Order),
    /// The control channel is closed: Baton is gone.
    Alone,
    Exited(Pid, Exit),
    /// No child is left, so that nobody descends from this process any more.
    Childless,
}

/// How far the end has come. The order is that of the steps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Running,
    Interrupted,
    Terminated,
    Killed,
}

pub(super) fn keep() -> io::Result<()> {
    // Its memory holds the agent's whole launch, and whoever could trace it could make it do anything.
    super::keep_private()?;
    stand_aside()?;
    let channel = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut orders = BufReader::new(channel.try_clone()?);
    let mut line = String::new();
    orders.read_line(&mut line)?;
    let launch: Launch = serde_json::from_str(&line)?;

    // All threads exist before there is an agent that they could fail.
    let (tell, events) = mpsc::channel();
    let (begin, begun) = mpsc::channel::<(Option<ChildStdin>, String)>();
    let (reap, reaped) = mpsc::channel::<()>();
    let (listener, reaper) = (tell.clone(), tell);
    thread::Builder::new().spawn(move || listen(orders, &listener))?;
    thread::Builder::new().spawn(move || {
        if reaped.recv().is_ok() {
            bury(&reaper)
        }
    })?;
    thread::Builder::new().spawn(move || feed(&begun))?;

    let mut command =
        Command::new(launch.argv.first().ok_or_else(|| io::Error::other("there is no program to start"))?);
    command.args(&launch.argv[1..]).env_clear().envs(&launch.env).current_dir(&launch.dir).process_group(0);
    command.stdin(if launch.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut keeper = match command.spawn() {
        Err(error) => {
            report(&channel, &Report::NotStarted { error: error.to_string() });
            return Ok(());
        }
        Ok(mut child) => {
            let agent = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
            // Threads that are gone cannot be told; they cannot be gone before this.
            let _ = begin.send((child.stdin.take(), launch.stdin.unwrap_or_default()));
            let _ = reap.send(());
            Keeper {
                channel,
                clock: SystemClock::start(),
                agent: Some(agent),
                step: Step::Running,
                next: None,
                interrupt: milliseconds(launch.interrupt_ms),
                terminate: milliseconds(launch.terminate_ms),
                leftovers: BTreeSet::new(),
            }
        }
    };
    keeper.tend(&events);
    Ok(())
}

/// Out of the way of Ctrl-C and of a group's signals, and heir to all orphans below.
///
/// The signals are handled, by nobody, rather than blocked or ignored: the agent would inherit that.
fn stand_aside() -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    for deaf in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup(), SignalKind::quit()] {
        // The handler stays when what is told of its signals is dropped.
        let _ = signal(deaf)?;
    }
    // Whoever leads a group cannot have a session of his own: he joins his parent's first, now that he is deaf to what is
    // sent to it. Where that fails there is no terminal to get away from.
    if let Ok(group) = getpgid(Some(getppid())) {
        let _ = setpgid(Pid::from_raw(0), group);
    }
    let _ = setsid();
    Ok(prctl::set_child_subreaper(true)?)
}

fn listen(orders: BufReader<UnixStream>, tell: &Sender<Event>) {
    for line in orders.lines().map_while(Result::ok) {
        let Some(order) = Order::read(&line) else { continue };
        if tell.send(Event::Order(order)).is_err() {
            return;
        }
    }
    // Nobody hears it who has ended already.
    let _ = tell.send(Event::Alone);
}

/// Takes note of every death, of the agent and of all that became children of this process.
fn bury(tell: &Sender<Event>) {
    loop {
        let event = match waitpid(None::<Pid>, None) {
            Ok(WaitStatus::Exited(pid, code)) => Event::Exited(pid, Exit::Code(code)),
            Ok(WaitStatus::Signaled(pid, signal, _)) => Event::Exited(pid, Exit::Signal(signal as i32)),
            Ok(_) | Err(Errno::EINTR) => continue,
            Err(_) => Event::Childless,
        };
        let last = matches!(event, Event::Childless);
        if tell.send(event).is_err() || last {
            return;
        }
    }
}

/// Writes the agent's stdin, and closes it.
fn feed(begun: &Receiver<(Option<ChildStdin>, String)>) {
    if let Ok((Some(mut stdin), text)) = begun.recv() {
        // An agent need not read what it is given.
        let _ = stdin.write_all(text.as_bytes());
    }
}

fn report(mut channel: &UnixStream, report: &Report) {
    let mut line = serde_json::to_vec(report).unwrap_or_default();
    line.push(b'\n');
    // Baton may be gone; its end is noticed elsewhere.
    let _ = channel.write_all(&line);
}

fn milliseconds(given: u64) -> Millis {
    Millis::try_from(given).unwrap_or(Millis::MAX / 2)
}

struct Keeper {
    channel: UnixStream,
    clock: SystemClock,
    /// None once it has ended: its number may be another's then.
    agent: Option<Pid>,
    step: Step,
    /// When the next step is due, on the steady clock.
    next: Option<Millis>,
    interrupt: Millis,
    terminate: Millis,
    /// Who was there after the agent.
    leftovers: BTreeSet<Pid>,
}

impl Keeper {
    fn tend(&mut self, events: &Receiver<Event>) {
        report(&self.channel, &Report::Started { pid: self.agent.map_or(0, Pid::as_raw) });
        let mut give_up = None;
        loop {
            match self.wait(events) {
                Some(Event::Childless) => return self.end(0),
                Some(Event::Order(Order::Interrupt)) => self.signal_agent(Signal::SIGINT),
                Some(Event::Order(Order::Stop) | Event::Alone) if self.step == Step::Running => {
                    self.take(Step::Interrupted)
                }
                Some(Event::Order(Order::Stop) | Event::Alone) => {}
                Some(Event::Order(Order::Kill)) => self.take(Step::Killed),
                Some(Event::Exited(pid, exit)) if Some(pid) == self.agent => {
                    self.agent = None;
                    report(&self.channel, &Report::Exited(exit));
                    // The time for those that were told to end already does not begin anew.
                    match self.step {
                        Step::Running | Step::Interrupted => self.take(Step::Terminated),
                        Step::Terminated => self.signal_all(Signal::SIGTERM),
                        Step::Killed => self.signal_all(Signal::SIGKILL),
                    }
                }
                Some(Event::Exited(..)) => {}
                None => self.take(match self.step {
                    Step::Running | Step::Interrupted => Step::Terminated,
                    Step::Terminated | Step::Killed => Step::Killed,
                }),
            }
            if self.step == Step::Killed {
                let now = self.clock.steady();
                if now > *give_up.get_or_insert(now.saturating_add(GIVE_UP_MS)) {
                    return self.end(tree::descendants(getpid()).len());
                }
            }
        }
    }

    /// The next event, or none if the next step is due.
    fn wait(&self, events: &Receiver<Event>) -> Option<Event> {
        let Some(next) = self.next else { return Some(events.recv().unwrap_or(Event::Childless)) };
        let left = u64::try_from(next.saturating_sub(self.clock.steady())).unwrap_or(0);
        match events.recv_timeout(Duration::from_millis(left)) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Event::Childless),
        }
    }

    fn take(&mut self, step: Step) {
        self.step = step;
        let wait = match step {
            Step::Running => None,
            Step::Interrupted => {
                self.signal_agent(Signal::SIGINT);
                Some(self.interrupt)
            }
            Step::Terminated => {
                self.signal_all(Signal::SIGTERM);
                Some(self.terminate)
            }
            Step::Killed => {
                self.signal_all(Signal::SIGKILL);
                Some(LOOK_MS)
            }
        };
        self.next = wait.map(|wait| self.clock.steady().saturating_add(wait));
    }

    fn signal_agent(&self, signal: Signal) {
        if let Some(agent) = self.agent {
            // It may have ended already; `bury` will tell.
            let _ = kill(agent, signal);
        }
    }

    /// The agent's group first, all at once, then all that can be found.
    fn signal_all(&mut self, signal: Signal) {
        if let Some(agent) = self.agent {
            // Who is gone needs no signal, and who may not be signalled is a survivor.
            let _ = killpg(agent, signal);
        }
        let found = tree::descendants(getpid());
        for pid in &found {
            let _ = kill(*pid, signal);
        }
        if self.agent.is_none() {
            self.leftovers.extend(found);
        }
    }

    fn end(&self, survivors: usize) {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        report(&self.channel, &Report::Ended { leftovers: count(self.leftovers.len()), survivors: count(survivors) });
    }
}
