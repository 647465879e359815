//! The log: lines on stderr, of the levels that `telemetry.log` names.

use std::io::IsTerminal;

use tracing_subscriber::{
    EnvFilter, Registry, filter::LevelFilter, fmt, layer::SubscriberExt, reload, util::SubscriberInitExt,
};

use crate::failure::{Failure, Result};

/// The filter of a running log.
pub struct LogFilter(reload::Handle<EnvFilter, Registry>);

/// Starts logging. Colours only on a terminal, and not where `NO_COLOR` is set.
///
/// # Errors
/// When `filter` is none, or a log runs already.
pub fn start(filter: &str) -> Result<LogFilter> {
    let (filter, handle) = reload::Layer::new(read(filter)?);
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colours).with_target(false);
    // Telling stderr that stderr is gone would be a panic; a server outlives the terminal it was started from.
    let lines = lines.log_internal_errors(false);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init()
        .map_err(|error| Failure::failed("cannot start the log").because(error))?;
    Ok(LogFilter(handle))
}

impl LogFilter {
    /// Replaces the filter; one that cannot be read changes nothing.
    pub fn set(&self, filter: &str) {
        if let Ok(filter) = read(filter) {
            let _ = self.0.reload(filter);
        }
    }
}

/// Reads a filter. A level alone is meant for Baton itself: of the libraries only warnings are of interest then.
///
/// # Errors
/// When it is none.
pub fn read(filter: &str) -> Result<EnvFilter> {
    let full = match filter.trim().parse::<LevelFilter>() {
        Ok(level) => format!("{},baton={level}", level.min(LevelFilter::WARN)),
        Err(_) => filter.to_owned(),
    };
    EnvFilter::try_new(full).map_err(|error| Failure::config(format!("`{filter}` is no log filter")).because(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_alone_is_for_baton_and_a_list_is_taken_as_it_is() {
        for (given, meant) in [
            ("info", "baton=info,warn"),
            ("TRACE", "baton=trace,warn"),
            ("off", "baton=off,off"),
            ("error,rmcp=debug", "rmcp=debug,error"),
        ] {
            assert_eq!(read(given).unwrap().to_string(), meant, "{given}");
        }
        assert!(read("baton=loud").is_err());
    }
}
