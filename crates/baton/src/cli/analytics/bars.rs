//! Horizontal bars, as wide as the terminal lets them be.

use console::{measure_text_width, style};

use crate::cli::text::terminal_width;

/// Columns to reckon with where there is no terminal.
const USUAL: usize = 80;
/// Longest bar: more says nothing more.
const LONGEST: usize = 40;
/// The last column of a bar, in eighths from one to seven.
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// One line of a plot.
pub struct Bar {
    /// What it is about.
    pub label: String,
    /// How full it is, 0 to 1.
    pub share: f64,
    /// The same as a number, for people.
    pub number: String,
}

/// How bars are drawn.
pub struct Bars {
    /// Columns of a line.
    pub width: usize,
    /// Whether only ASCII can be shown.
    pub is_ascii: bool,
}

impl Bars {
    /// As this process's terminal and locale have it.
    pub fn of_terminal() -> Self {
        let said = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(said).unwrap_or_default().to_lowercase();
        let is_utf8 = locale.contains("utf-8") || locale.contains("utf8");
        let is_dumb = said("TERM").is_some_and(|terminal| terminal == "dumb");
        Bars { width: terminal_width().unwrap_or(USUAL), is_ascii: !is_utf8 || is_dumb }
    }

    /// One line for each bar: label, bar, number. Where there is no room for bars there are none.
    pub fn lines(&self, bars: &[Bar]) -> Vec<String> {
        let widest = |text: fn(&Bar) -> &str| bars.iter().map(|bar| measure_text_width(text(bar))).max().unwrap_or(0);
        let (label, number) = (widest(|bar| &bar.label), widest(|bar| &bar.number));
        let room = self.width.saturating_sub(2 + label + 2 + 2 + number).min(LONGEST);
        let line = |bar: &Bar| match room {
            0..4 => format!("  {:<label$}  {:>number$}", bar.label, bar.number),
            _ => {
                let drawn = self.draw(bar.share, room);
                let gap = " ".repeat(room - measure_text_width(&drawn));
                format!("  {:<label$}  {}{gap}  {:>number$}", bar.label, style(drawn).cyan(), bar.number)
            }
        };
        bars.iter().map(line).collect()
    }

    /// A bar in at most `room` columns. What is more than nothing can be seen.
    fn draw(&self, share: f64, room: usize) -> String {
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        let steps = if self.is_ascii { 1 } else { EIGHTHS.len() + 1 };
        let filled = ((share * (room * steps) as f64).round() as usize).max(usize::from(share > 0.0));
        let full = if self.is_ascii { "#" } else { "█" };
        let last = (filled % steps).checked_sub(1).and_then(|eighth| EIGHTHS.get(eighth));
        full.repeat(filled / steps) + &last.map(char::to_string).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(label: &str, share: f64) -> Bar {
        Bar { label: label.to_owned(), share, number: format!("{}", share * 100.0) }
    }

    #[test]
    fn bars_fill_the_room_that_the_terminal_leaves() {
        let bars = [bar("low", 0.0), bar("medium", 0.001), bar("high", 0.53), bar("urgent", 1.0)];
        let ascii = Bars { width: 25, is_ascii: true }.lines(&bars);
        let lines = [
            "  low                   0",
            "  medium  #           0.1",
            "  high    #####        53",
            "  urgent  ##########  100",
        ];
        assert_eq!(ascii, lines);
        let eighths = Bars { width: 25, is_ascii: false };
        for (share, drawn) in [(0.53, "█████▎"), (1.0, "██████████"), (0.0, ""), (1e-9, "▏"), (f64::NAN, "")]
        {
            assert_eq!(eighths.draw(share, 10), drawn, "{share}");
        }
        assert_eq!(Bars { width: 12, is_ascii: true }.lines(&bars)[3], "  urgent  100", "no room for a bar");
        assert!(Bars { width: 500, is_ascii: true }.lines(&bars)[3].len() < 60);
    }
}
