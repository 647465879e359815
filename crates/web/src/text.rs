//! Texts, moments and spans as people read them.

use baton_model::{Millis, bounds::shorten, clock, text::hides};
use maud::{Markup, html};

/// How much of a text a list shows, in characters.
pub(crate) const LINE: usize = 400;
/// How much of a text its own page shows, in characters; the rest is in the raw JSON.
pub(crate) const WHOLE: usize = 100_000;

/// A text from outside: characters that hide or turn others around are shown as their code, and only the first
/// `length` are shown at all.
pub(crate) fn visible(text: &str, length: usize) -> Markup {
    let text = shorten(text, length);
    let mut runs: Vec<(bool, String)> = Vec::new();
    for character in text.chars() {
        let hidden = hides(character);
        if runs.last().is_none_or(|(before, _)| *before != hidden) {
            runs.push((hidden, String::new()));
        }
        if let Some((_, run)) = runs.last_mut() {
            run.push(character);
        }
    }
    html! {
        @for (hidden, run) in &runs {
            @if *hidden { mark title="Hidden characters" { (baton_model::text::visible(run)) } } @else { (run) }
        }
    }
}

/// A moment as a distance from now.
pub(crate) fn ago(iso: &str, now: Millis) -> Markup {
    let text = match clock::parse_iso(iso).map(|at| (now - at) / 1000) {
        None => iso.to_owned(),
        Some(past @ 1..) => format!("{} ago", span(past * 1000)),
        Some(0) => "now".to_owned(),
        Some(future) => format!("in {}", span(-future * 1000)),
    };
    html! { time datetime=(iso) title=(moment(iso)) { (text) } }
}

/// A moment, to the second, in UTC.
pub(crate) fn moment(iso: &str) -> String {
    let (day, time) = (iso.get(..10).unwrap_or(iso), iso.get(11..19).unwrap_or_default());
    format!("{day} {time} UTC")
}

/// A span with its one or two greatest units.
pub(crate) fn span(millis: Millis) -> String {
    let seconds = millis / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let two = |first: Millis, unit: &str, rest: Millis, smaller: &str| match rest {
        0 => format!("{first} {unit}"),
        rest => format!("{first} {unit} {rest} {smaller}"),
    };
    match seconds {
        0 if millis > 0 => format!("{millis} ms"),
        ..10 if millis % 1000 != 0 => format!("{}.{} s", seconds, millis % 1000 / 100),
        ..60 => format!("{seconds} s"),
        60..600 => two(minutes, "min", seconds % 60, "s"),
        600..3600 => format!("{minutes} min"),
        3600..86400 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

/// Seconds as they come over the wire, as a span.
pub(crate) fn seconds(seconds: f64) -> String {
    span(clock::millis(seconds))
}

/// A text as one word of a shell. Characters that a terminal could take for its own when they are pasted, or that hide,
/// are written as bytes in `$'…'`, which POSIX has since 2024 and bash, zsh and ksh have long had.
pub(crate) fn shell(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@,+".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    let risky = |character: char| character.is_control() || hides(character);
    if !word.contains(risky) {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    let mut quoted = "$'".to_owned();
    for character in word.chars() {
        match character {
            '\n' => quoted.push_str(r"\n"),
            '\t' => quoted.push_str(r"\t"),
            '\\' => quoted.push_str(r"\\"),
            // The marks of quotation and of history mean something to some shells even here.
            '\'' | '!' => quoted.push_str(&octal(character)),
            character if risky(character) => quoted.push_str(&octal(character)),
            character => quoted.push(character),
        }
    }
    quoted.push('\'');
    quoted
}

/// The bytes of a character, each as three octal digits: so much alone is read alike everywhere.
fn octal(character: char) -> String {
    character.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("\\{byte:03o}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_hide_anything() {
        let shown = |text, length| visible(text, length).into_string();
        let hidden = |code: &str| format!("<mark title=\"Hidden characters\">{code}</mark>");
        let (turn, blank, escape) = (hidden(r"\u{202e}"), hidden(r"\u{200b}"), hidden(r"\u{1b}"));
        assert_eq!(shown("a\u{202e}b\u{200b}c\u{1b}[31m\nd", 100), format!("a{turn}b{blank}c{escape}[31m\nd"));
        assert_eq!(shown("grüße", 3), "grü…");
        assert_eq!(shown("<script>", 20), "&lt;script&gt;");
    }

    #[test]
    fn spans_are_read_at_a_glance() {
        for (millis, text) in [
            (0, "0 s"),
            (450, "450 ms"),
            (9_300, "9.3 s"),
            (12_900, "12 s"),
            (90_000, "1 min 30 s"),
            (660_500, "11 min"),
            (7_200_000, "2 h"),
            (7_260_000, "2 h 1 min"),
            (90_000_000, "1 d 1 h"),
        ] {
            assert_eq!(span(millis), text);
        }
        let now = clock::parse_iso("2026-11-20T09:00:00+00:00").unwrap();
        let ago = |iso| ago(iso, now).into_string();
        assert!(ago("2026-11-20T08:59:00+00:00").contains(">1 min ago<"));
        assert!(ago("2026-11-20T09:00:00.4+00:00").contains(">now<"));
        assert!(ago("2026-11-20T10:00:00+00:00").contains(">in 1 h<"));
    }

    #[test]
    fn a_shell_reads_back_what_was_meant() {
        assert_eq!(shell("ops"), "ops");
        assert_eq!(shell("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(shell(""), "''");
        assert_eq!(shell("a\nb\tc\\n"), r"$'a\nb\tc\\n'");
        assert_eq!(shell("\u{1b}[201~it's!\u{202e}7\u{85}"), r"$'\033[201~it\047s\041\342\200\2567\302\205'");
    }
}
