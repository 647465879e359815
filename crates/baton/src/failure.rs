//! Errors as a person at a terminal needs them: what went wrong, why, and the next command.

use std::{fmt, process::ExitCode};

/// How the process ends when something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It was tried and did not work.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The settings cannot be used (`EX_CONFIG` of sysexits.h).
    Config = 78,
}

/// Why a command ends without success. Printed on stderr as up to three parts.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    what: String,
    why: Option<String>,
    next: Option<String>,
}

/// The result of a command.
pub type Result<T = (), E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// It was tried and did not work (exit 1).
    pub fn failed(what: impl Into<String>) -> Self {
        Self::new(Exit::Failed, what)
    }

    /// The command line makes no sense (exit 2).
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// The settings cannot be used (exit 78).
    pub fn config(what: impl Into<String>) -> Self {
        Self::new(Exit::Config, what)
    }

    fn new(exit: Exit, what: impl Into<String>) -> Self {
        Failure { exit, what: what.into(), why: None, next: None }
    }

    /// Adds the reason.
    pub fn because(mut self, why: impl fmt::Display) -> Self {
        self.why = Some(why.to_string());
        self
    }

    /// Adds what to do about it, a command where there is one.
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// The status that the process ends with.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(self.exit as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        for (label, text) in [("why: ", &self.why), ("next:", &self.next)] {
            if let Some(text) = text {
                write!(f, "\n  {label} {}", text.replace('\n', "\n        "))?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_printed_as_what_why_and_next() {
        let failure = Failure::failed("cannot listen").because("line one\nline two").next("`baton doctor`");
        assert_eq!(
            failure.to_string(),
            "error: cannot listen\n  why:  line one\n        line two\n  next: `baton doctor`"
        );
        assert_eq!(Failure::config("x").to_string(), "error: x");
    }
}
