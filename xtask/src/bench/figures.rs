//! What was measured, as JSON lines.

use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;

/// One figure, or some that belong together.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    figures: Value,
    /// What the bare server does, measured in the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bar: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    met: Option<bool>,
}

/// Prints figures and counts the bars.
#[derive(Default)]
pub struct Figures {
    met: usize,
    bars: usize,
}

impl Figures {
    /// A figure that nothing is asked of.
    pub fn tell(&self, name: &str, figures: Value, floor: Option<Value>) {
        print(&Line { name, figures, floor, bar: None, met: None });
    }

    /// A figure that has to meet a bar; `bar` says which.
    pub fn judge(&mut self, name: &str, figures: Value, floor: Option<Value>, bar: &str, met: bool) {
        self.bars += 1;
        self.met += usize::from(met);
        print(&Line { name, figures, floor, bar: Some(bar), met: Some(met) });
    }

    /// Says how many bars were met. It fails unless all were.
    pub fn close(self) -> ExitCode {
        println!("{}", serde_json::json!({"bars": self.bars, "met": self.met}));
        if self.met == self.bars { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn print(line: &Line<'_>) {
    match serde_json::to_string(line) {
        Ok(text) => println!("{text}"),
        Err(error) => eprintln!("{}: {error}", line.name),
    }
}

/// The middle one; 0 of none.
pub fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    quantile(&mut figures.into_iter().collect::<Vec<_>>(), 0.5)
}

/// The figure below which a share of them lies; 0 of none.
pub fn quantile(figures: &mut [f64], share: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    let last = figures.len().saturating_sub(1);
    figures.get((last as f64 * share).round() as usize).copied().unwrap_or(0.0)
}

/// To three significant digits, which is more than these figures are worth.
pub fn round(figure: f64) -> f64 {
    if figure == 0.0 || !figure.is_finite() {
        return 0.0;
    }
    let scale = 10f64.powi(2 - figure.abs().log10().floor() as i32);
    let rounded = (figure * scale).round() / scale;
    if scale < 1.0 { rounded.round() } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_summed_up() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(quantile(&mut (1..=100).map(f64::from).collect::<Vec<_>>(), 0.99), 99.0);
        assert_eq!(median([]), 0.0);
        assert_eq!((round(12345.0), round(1.2345), round(0.012345)), (12300.0, 1.23, 0.0123));
    }
}
