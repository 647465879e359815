//! One run of an agent, from its start to its outcome.

mod process;
mod pump;
mod transcript;

use baton_model::bounds::shorten;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    AgentConfig, Controls, Ending, Limits, Machine, Outcome, Stream, Task,
    agent::{End, Reader, Standing, Told},
    program,
    shepherd::Launch,
    text::Tail,
};

pub(crate) use process::{Bounds, Ended, Process, Stopped};
pub(crate) use pump::Intake;
use transcript::{Ledger, Tap};

/// How much of stderr goes into an error: the last part.
pub(crate) const ERROR_BYTES: usize = 4 * 1024;

/// Linux takes no argument of this length (MAX_ARG_STRLEN in execve(2)).
const ARGUMENT_BYTES: usize = 128 * 1024;

/// Longest progress, in characters.
const PROGRESS: usize = 200;

/// Runs an agent on a task to its end, and gives what came of it. It never fails otherwise than in its outcome, which
/// may take [`Limits::interrupt`] and [`Limits::terminate`] to come after a cancellation, and then no process of the
/// agent is left.
///
/// If the future is dropped the agent is ended as well, in the background.
pub async fn run(machine: &Machine, config: &AgentConfig, task: &Task, controls: &Controls) -> Outcome {
    let launch = match launch(machine, config, task) {
        Ok(launch) => launch,
        Err(ending) => return Outcome::without_run(&config.name, ending),
    };
    let ledger = Ledger::new(machine.limits.transcript_bytes);
    let tap = |stream| Tap::new(stream, controls.transcript.clone(), &ledger, machine.limits.transcript_wait);
    let (standing, stands) = watch::channel(Standing::Working);
    let settled = CancellationToken::new();
    let stdout = Stdout {
        tap: tap(Stream::Stdout),
        reader: config.kind.agent().reader(config),
        standing,
        progress: controls.progress.clone(),
        settled: settled.clone(),
    };
    let stderr = Stderr { tap: tap(Stream::Stderr), tail: Tail::new(ERROR_BYTES) };
    let bounds = Bounds {
        cancel: controls.cancel.clone(),
        timeout: task.timeout.unwrap_or(config.timeout),
        stall: config.stall,
        standing: stands,
        settled,
        limits: machine.limits,
    };
    match Process::run(&machine.shepherd, &launch, stdout, stderr, bounds).await {
        Err(why) => Outcome::without_run(&config.name, Ending::NotStarted { why }),
        Ok((ended, stdout, stderr)) => {
            let end = End { exit: ended.exit, stderr: stderr.tail.text() };
            outcome(&ended, stdout.reader.close(&end), ledger.dropped())
        }
    }
}

fn launch(machine: &Machine, config: &AgentConfig, task: &Task) -> Result<Launch, Ending> {
    let not_started = |why| Ending::NotStarted { why };
    let env = machine.ambient.for_agent(config, Some(task));
    let program = program::find(config, env.get("PATH").map(String::as_str)).map_err(not_started)?;
    if !task.dir.is_dir() {
        let dir = task.dir.display();
        return Err(not_started(format!("{dir} is no directory on this machine: the agent has nowhere to work")));
    }
    let agent = config.kind.agent();
    let mut argv = vec![program.display().to_string()];
    // What does not fit is the directive's fault, not the machine's: it would be so everywhere.
    argv.extend(agent.arguments(config, task).map_err(|error| Ending::Failed { error })?);
    if argv.iter().any(|argument| argument.len() >= ARGUMENT_BYTES || argument.contains('\0')) {
        let error = format!(
            "the directive does not fit on a command line, where an argument has less than {ARGUMENT_BYTES} bytes and no \
             NUL: take `{{directive}}` out of `agents.{}.args`, so that it comes on stdin",
            config.name
        );
        return Err(Ending::Failed { error });
    }
    let Limits { interrupt, terminate, .. } = machine.limits;
    Ok(Launch::new(argv, env, task.dir.clone(), agent.stdin(config, task), interrupt, terminate))
}

/// What the caller is told, by why the process ended and by what the agent said.
fn outcome(ended: &Ended, told: Told, dropped: u64) -> Outcome {
    let Told { ending, result, mut metadata } = told;
    metadata.exit = ended.exit.map(|exit| exit.to_string());
    metadata.leftover_processes = ended.leftovers;
    metadata.transcript_dropped_bytes = dropped;
    // What the credentials and the plan do not allow is so, whoever was first to end the run.
    let stands = matches!(ending, Ending::AuthenticationFailed { .. } | Ending::PlanLimit { .. });
    let ending = match ended.stopped {
        Some(Stopped::Cancelled) => Ending::Cancelled,
        Some(Stopped::TimedOut) if !stands => Ending::TimedOut,
        Some(Stopped::Stalled) if !stands => Ending::Stalled,
        _ => ending,
    };
    Outcome { ending, result, metadata }
}

/// What comes on stdout is transcript, and the agent's word.
struct Stdout {
    tap: Tap,
    reader: Box<dyn Reader>,
    standing: watch::Sender<Standing>,
    progress: watch::Sender<String>,
    /// Cancelled: the result stands, and what an ended process may say of its end is no part of it.
    settled: CancellationToken,
}

impl Intake for Stdout {
    async fn take(&mut self, bytes: &[u8]) {
        self.tap.take(bytes).await;
        if self.settled.is_cancelled() {
            return;
        }
        self.reader.take(bytes);
        let standing = self.reader.standing();
        self.standing.send_if_modified(|known| std::mem::replace(known, standing) != standing);
        if let Some(progress) = self.reader.progress() {
            let progress = one_line(progress);
            self.progress.send_if_modified(|known| std::mem::replace(known, progress.clone()) != progress);
        }
    }

    async fn finish(&mut self) {
        self.tap.finish().await;
    }
}

/// What comes on stderr is transcript, and its end part of an error.
struct Stderr {
    tap: Tap,
    tail: Tail,
}

impl Intake for Stderr {
    async fn take(&mut self, bytes: &[u8]) {
        self.tap.take(bytes).await;
        self.tail.take(bytes);
    }

    async fn finish(&mut self) {
        self.tap.finish().await;
    }
}

fn one_line(text: &str) -> String {
    // Enough to fill the line; the rest of a long text is not looked at.
    let begin: String = text.chars().take(4 * PROGRESS).collect();
    shorten(&begin.split_whitespace().collect::<Vec<_>>().join(" "), PROGRESS)
}
