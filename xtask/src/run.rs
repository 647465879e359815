//! Commands that are shown, timed and watched.

use std::{
    fmt,
    io::{BufRead, BufReader},
    ops::AddAssign,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// Measures how long something takes.
#[derive(Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to measure.
    #[expect(clippy::disallowed_methods, reason = "measuring real time is what it is for")]
    pub fn start() -> Self {
        Stopwatch(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed, and runs that broke off.
    pub failed: u64,
    /// Tests that are marked to be left out.
    pub ignored: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.ignored > 0 { write!(f, ", {} skipped", self.ignored) } else { Ok(()) }
    }
}

impl Counts {
    /// Reads libtest's closing line: `test result: ok. 3 passed; 0 failed; 0 ignored; …`.
    fn parse(line: &str) -> Option<Self> {
        let (_, figures) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let mut counts = Counts::default();
        for figure in figures.split("; ") {
            let Some((number, word)) = figure.split_once(' ') else { continue };
            let Ok(number) = number.parse() else { continue };
            match word {
                "passed" => counts.passed = number,
                "failed" => counts.failed = number,
                "ignored" => counts.ignored = number,
                _ => {}
            }
        }
        Some(counts)
    }
}

/// The command as a person would type it.
fn typed(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Shows a command and runs it; its output is shown.
///
/// # Errors
/// If it cannot be started or does not end well.
pub fn run(command: &mut Command) -> Result<()> {
    let typed = typed(command);
    eprintln!("$ {typed}");
    let status = command.status().with_context(|| format!("cannot start `{typed}`"))?;
    if !status.success() {
        bail!("`{typed}` failed: {status}");
    }
    Ok(())
}

/// Runs a command and gives what it wrote to stdout; stderr is shown.
///
/// # Errors
/// If it cannot be started or does not end well.
pub fn output(command: &mut Command) -> Result<Vec<u8>> {
    let typed = typed(command);
    let out = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{typed}`"))?;
    if !out.status.success() {
        bail!("`{typed}` failed: {}", out.status);
    }
    Ok(out.stdout)
}

/// Shows and runs a command that tests; its output is shown as it comes, and its closing lines are added up.
///
/// # Errors
/// If it cannot be started. Failed tests are no error: they are counted, as is a run that broke off.
pub fn tests(command: &mut Command) -> Result<Counts> {
    let typed = typed(command);
    println!("$ {typed}");
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start `{typed}`"))?;
    let mut counts = Counts::default();
    let mut lines = BufReader::new(child.stdout.take().context("the pipe that was asked for")?);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        counts += Counts::parse(text.trim_end()).unwrap_or_default();
        line.clear();
    }
    let status = child.wait()?;
    if !status.success() && counts.failed == 0 {
        println!("`{typed}` broke off: {status}");
        counts.failed = 1;
    }
    Ok(counts)
}

/// `1.2 s`, `3 min 04 s`.
pub fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        whole => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.02s";
        assert_eq!(Counts::parse(line), Some(Counts { passed: 12, failed: 3, ignored: 1 }));
        assert_eq!(Counts::parse("test house::arrows ... ok"), None);
    }

    #[test]
    fn a_run_that_breaks_off_counts_as_failed() {
        let counts = tests(Command::new("sh").args(["-c", "echo running 3 tests; exit 101"])).unwrap();
        assert_eq!(counts, Counts { passed: 0, failed: 1, ignored: 0 });
    }
}
