//! Text for people at a terminal: tables, moments, spans, and nothing that could drive the terminal.

use baton_model::{Millis, Priority, State, clock, text};
use console::{Alignment, Term, measure_text_width, pad_str, style};

/// How wide the last column shall be at least, in columns of the terminal, if it has that much to say.
const LAST: usize = 20;

/// Columns, aligned, with a heading. Where the terminal is narrow, columns are left out before the last one, and the
/// last one is cut.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings; the less a column matters, the nearer to the last it stands.
    pub fn new(headings: &[&str]) -> Self {
        let headings = headings.iter().map(|heading| style(heading).bold().to_string()).collect();
        Table { rows: vec![headings] }
    }

    /// Adds a row with as many cells as there are headings.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The lines, without spaces at their ends. `width` is the terminal's; without one nothing is left out.
    pub fn lines(&self, width: Option<usize>) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| measure_text_width(cell)).max().unwrap_or(0)
        };
        let mut shown: Vec<(usize, usize)> = (0..columns).map(|column| (column, widest(column))).collect();
        if let Some(width) = width
            && let Some((_, last)) = shown.pop()
        {
            let taken = |shown: &[(usize, usize)]| shown.iter().map(|(_, wide)| wide + 2).sum::<usize>();
            while shown.len() > 1 && taken(&shown) + last.min(LAST) > width {
                shown.pop();
            }
            shown.push((columns - 1, last.min(width.saturating_sub(taken(&shown)).max(1))));
        }
        let line = |row: &Vec<String>| {
            let cells = shown.iter().filter_map(|(column, wide)| {
                Some(pad_str(row.get(*column)?, *wide, Alignment::Left, Some("…")).into_owned())
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }

    /// Writes the table to stdout.
    pub fn print(&self) {
        for line in self.lines(terminal_width()) {
            super::print(line);
        }
    }
}

/// How wide the terminal is, if stdout is one.
pub fn terminal_width() -> Option<usize> {
    let term = Term::stdout();
    term.is_term().then(|| usize::from(term.size().1))
}

/// A text on one line: what agents and submitters wrote, without colours and runs of spaces; what hides is shown as
/// its code.
pub fn one_line(text: &str) -> String {
    text::one_line(&console::strip_ansi_codes(text))
}

/// A text on as many lines as it has, without colours; what hides or could drive the terminal is shown as its code.
pub fn plain(text: &str) -> String {
    text::visible(&console::strip_ansi_codes(text).replace("\r\n", "\n"))
}

/// A moment as the wire writes it, told from `now`: `3 min ago`, `in 2 h`. What cannot be read stays as it is.
pub fn ago(moment: &str, now: Millis) -> String {
    let Some(at) = clock::parse_iso(moment) else { return one_line(moment) };
    let span = span(at.abs_diff(now) as f64 / 1000.0);
    match at - now {
        -999..=999 => "now".to_owned(),
        1000.. => format!("in {span}"),
        _ => format!("{span} ago"),
    }
}

/// A span of time in its two largest units' worth: `0.4 s`, `12 s`, `3 min`, `5 h`, `9 d`.
pub fn span(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{} s", (s * 10.0).round() / 10.0),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3_600.0),
        s => format!("{:.0} d", s / 86_400.0),
    }
}

/// Seconds as a number, or a span in words; its bounds are the server's business.
pub fn read_seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) => Ok(seconds),
        Err(_) => humantime::parse_duration(text)
            .map(|span| span.as_secs_f64())
            .map_err(|error| format!("{error}; write seconds, or a span as `90s`, `5min`, `2h 30min`")),
    }
}

/// A state in its colour.
pub fn state(state: State) -> String {
    let word = style(state.as_str());
    match state {
        State::Completed => word.green(),
        State::Failed | State::Dead => word.red(),
        State::Leased => word.cyan(),
        State::Waiting | State::Scheduled | State::Cancelled => word.dim(),
        State::Queued => word,
    }
    .to_string()
}

/// A priority, the urgent ones marked.
pub fn priority(priority: Priority) -> String {
    let word = style(priority.as_str());
    match priority {
        Priority::Urgent => word.red(),
        Priority::High => word.yellow(),
        Priority::Medium => word,
        Priority::Low => word.dim(),
    }
    .to_string()
}

/// `1 directive`, `2 directives`.
pub fn count(number: i64, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_left_out_before_the_last_one_is_cut_to_nothing() {
        let mut table = Table { rows: vec![vec!["ID".into(), "STATE".into(), "AGENT".into(), "TEXT".into()]] };
        table.row(vec!["0123456789".into(), "queued".into(), "somebody".into(), "x".repeat(50)]);
        assert_eq!(table.lines(Some(50))[1], format!("0123456789  queued  somebody  {}…", "x".repeat(19)));
        assert_eq!(table.lines(Some(49))[1], format!("0123456789  queued  {}…", "x".repeat(28)));
        assert_eq!(table.lines(Some(49))[0], "ID          STATE   TEXT");
        assert_eq!(table.lines(Some(15))[1], "0123456789  xx…");
        assert_eq!(table.lines(Some(5))[1], "0123456789  …");
    }

    #[test]
    fn columns_align_by_what_is_seen_and_the_last_is_cut() {
        let mut table = Table { rows: vec![vec!["ID".into(), "TEXT".into()]] };
        table.row(vec!["\u{1b}[31mé漢\u{1b}[0m".into(), "first".into()]);
        table.row(vec!["abcdef".into(), "a rather long text".into()]);
        let lines = table.lines(Some(16));
        assert_eq!(lines[0], "ID      TEXT");
        assert_eq!(console::strip_ansi_codes(&lines[1]), "é漢     first");
        assert_eq!(lines[2], "abcdef  a rathe…");
        assert_eq!(table.lines(None)[2], "abcdef  a rather long text");
    }

    #[test]
    fn spans_are_seconds_or_words() {
        assert_eq!(read_seconds("1.5"), Ok(1.5));
        assert_eq!(read_seconds("2h 30min"), Ok(9000.0));
        assert!(read_seconds("soon").unwrap_err().contains("5min"));
    }

    #[test]
    fn moments_are_told_from_now() {
        let now = clock::parse_iso("2026-11-20T09:00:00Z").unwrap();
        for (moment, told) in [
            ("2026-11-20T09:00:00.400+00:00", "now"),
            ("2026-11-20T08:59:57+00:00", "3 s ago"),
            ("2026-11-20T09:05:00+00:00", "in 5 min"),
            ("2026-11-20T04:00:00+00:00", "5 h ago"),
            ("2026-11-10T09:00:00+00:00", "10 d ago"),
            ("soon", "soon"),
        ] {
            assert_eq!(ago(moment, now), told);
        }
    }

    #[test]
    fn what_others_wrote_cannot_drive_the_terminal() {
        assert_eq!(one_line("a\u{1b}[2Jb\r\n\tc \u{7} d\u{202e}"), r"ab c \u{7} d\u{202e}");
        assert_eq!(plain("a\u{1b}[31mb\u{8}\n\tc\r\n\u{202e}"), "ab\\u{8}\n\tc\n\\u{202e}");
    }
}
