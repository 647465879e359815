//! Makes the same run print the same text each time.

use std::collections::HashMap;

/// Names instead of ids, and nothing that depends on when it was.
#[derive(Default)]
pub struct Tidy {
    names: HashMap<String, &'static str>,
}

impl Tidy {
    /// From now on these ids go by these names.
    pub fn name(&mut self, names: &[(&'static str, &str)]) {
        self.names.extend(names.iter().map(|(name, id)| ((*id).to_owned(), *name)));
    }

    /// The text with names, `SESSION` for other ids, `MOMENT` for moments and `AGO` for spans up to now; runs of spaces
    /// after these become one.
    pub fn text(&self, text: &str) -> String {
        let lines = text.lines().map(|line| self.line(line));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn line(&self, line: &str) -> String {
        let mut words: Vec<String> = line.split(' ').map(|word| self.word(word)).collect();
        // `3 s ago` and `now`, as lists tell when something was.
        while let Some(at) =
            words.windows(3).position(|three| three[0].parse::<f64>().is_ok() && three[1] == "s" && three[2] == "ago")
        {
            words.splice(at..at + 3, ["AGO".to_owned()]);
        }
        for word in &mut words {
            if word == "now" {
                *word = "AGO".to_owned();
            }
        }
        let line = words.join(" ");
        let before = line.len() - line.trim_start().len();
        let squeezed =
            line.split("  ").filter(|part| !part.trim().is_empty()).map(str::trim).collect::<Vec<_>>().join("  ");
        format!("{}{squeezed}", &line[..before])
    }

    fn word(&self, word: &str) -> String {
        let core = word.trim_matches(['(', ')', ',', '`', ':']);
        let replaced = match self.names.get(core) {
            Some(name) => (*name).to_owned(),
            None if core.len() == 36 && core.matches('-').count() == 4 => "SESSION".to_owned(),
            None if core.len() == 29 && core.ends_with("+00:00") => "MOMENT".to_owned(),
            None if core.len() == 10 && core.matches('-').count() == 2 && core.starts_with("20") => "DAY".to_owned(),
            None => return word.to_owned(),
        };
        word.replace(core, &replaced)
    }
}
