//! How a watch is shown.

use std::{
    collections::HashMap,
    io::{IsTerminal, stderr, stdout},
    time::Duration,
};

use baton_model::{Millis, State, bounds::shorten, clock, view::DirectiveDetail};
use console::{Alignment, pad_str};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::cli::{
    print,
    text::{one_line, span, state},
};

/// How much of a text is shown on one line, in characters.
const EXCERPT: usize = 160;

/// Shows changes: as documents, as lines, or live on a terminal. What has not changed is not repeated.
pub struct Shown {
    form: Form,
    last: HashMap<String, String>,
}

enum Form {
    /// The server's documents on stdout, one on a line.
    Json,
    /// Lines on stdout.
    Data,
    /// Lines on stderr.
    Talk,
    /// One live line for each directive, on the terminal behind stderr.
    Live { all: MultiProgress, bars: HashMap<String, ProgressBar> },
}

impl Shown {
    /// The server's documents, as they come.
    pub fn json() -> Self {
        Shown { form: Form::Json, last: HashMap::new() }
    }

    /// For a command whose data is the progress itself.
    pub fn on_stdout() -> Self {
        let live = stdout().is_terminal() && stderr().is_terminal();
        Shown { form: if live { Form::live() } else { Form::Data }, last: HashMap::new() }
    }

    /// For a command whose data comes afterwards.
    pub fn on_stderr() -> Self {
        Shown { form: if stderr().is_terminal() { Form::live() } else { Form::Talk }, last: HashMap::new() }
    }

    /// Shows where a directive stands; `text` is the server's document.
    pub fn update(&mut self, text: &str, detail: &DirectiveDetail, now: Millis) {
        let id = &detail.directive.directive_id;
        if let Form::Live { all, bars } = &mut self.form {
            let bar = bars.entry(id.clone()).or_insert_with(|| new_bar(all));
            let word = state(detail.directive.state);
            let line = format!("{} {}", pad_str(&word, 9, Alignment::Left, None), live(detail, now));
            if detail.directive.state.is_final() {
                bar.set_prefix(mark(detail.directive.state));
                bar.finish_with_message(line);
            } else {
                bar.set_message(line);
            }
            return;
        }
        let line = format!("{id} {}", standing(detail));
        if self.last.get(id) != Some(&line) {
            match self.form {
                Form::Json => print(text),
                Form::Talk => eprintln!("{line}"),
                _ => print(&line),
            }
            self.last.insert(id.clone(), line);
        }
    }

    /// Tells something about the watch itself, on stderr.
    pub fn say(&mut self, text: &str) {
        if self.last.insert(String::new(), text.to_owned()).as_deref() == Some(text) {
            return;
        }
        match &self.form {
            // If the terminal is gone there is nobody to tell.
            Form::Live { all, .. } => drop(all.println(text)),
            _ => eprintln!("{text}"),
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        // The cursor stands behind the last live line.
        if matches!(&self.form, Form::Live { bars, .. } if !bars.is_empty()) {
            eprintln!();
        }
    }
}

impl Form {
    fn live() -> Self {
        Form::Live { all: MultiProgress::new(), bars: HashMap::new() }
    }
}

fn new_bar(all: &MultiProgress) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner:.cyan}{prefix} {wide_msg}");
    let bar = all.add(ProgressBar::new_spinner());
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()).tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn mark(state: State) -> &'static str {
    if state == State::Completed { "✓" } else { "✗" }
}

/// What changes of a directive, in words that stay the same as long as it does.
fn standing(detail: &DirectiveDetail) -> String {
    let directive = &detail.directive;
    let mut words = vec![directive.state.as_str().to_owned()];
    if directive.attempt > 0 {
        words.push(format!("attempt {}", directive.attempt));
    }
    words.extend(directive.leased_by.iter().map(|agent| format!("with {}", one_line(agent))));
    let told = match &detail.result {
        Some(result) if result.success => Some(one_line(&result.result)),
        Some(result) => Some(one_line(result.error.as_ref().unwrap_or(&result.result))),
        None => None,
    };
    match told {
        Some(told) => format!("{}: {}", words.join(" "), shorten(&told, EXCERPT)),
        None => words.join(" "),
    }
}

/// The same with the time since it was added or handed out, and what it is about.
fn live(detail: &DirectiveDetail, now: Millis) -> String {
    let directive = &detail.directive;
    let since = match (directive.state, detail.attempts.last()) {
        (State::Leased, Some(attempt)) => &attempt.leased_at,
        _ => &directive.created_at,
    };
    let until = directive.ended_at.as_deref().and_then(clock::parse_iso).unwrap_or(now);
    let spent = clock::parse_iso(since).map_or(String::new(), |since| span((until - since).max(0) as f64 / 1000.0));
    let told = standing(detail);
    let told = told.strip_prefix(directive.state.as_str()).unwrap_or(&told);
    format!("{spent:>7}{told}  {}", shorten(&one_line(&directive.directive), 60))
}
