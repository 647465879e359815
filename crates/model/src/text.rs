//! Texts from outside, made fit to be shown.

/// Whether a character shows nothing of itself or changes how others are shown: control characters but for line ends
/// and tabs, characters without width, and those that turn the direction of writing.
pub fn hides(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        character => character.is_control(),
    }
}

/// A text in which everything that [hides] is written as its code, as `\u{202e}`; it cannot drive a terminal.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if hides(character) { shown.extend(character.escape_unicode()) } else { shown.push(character) }
    }
    shown
}

/// A [visible] text on one line, without runs of spaces.
pub fn one_line(text: &str) -> String {
    visible(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides_and_nothing_drives() {
        assert_eq!(visible("a\u{1b}[2J\u{9b}1m\u{7}\u{7f}\r\n\tb"), "a\\u{1b}[2J\\u{9b}1m\\u{7}\\u{7f}\\u{d}\n\tb");
        assert_eq!(visible("\u{202e}txt.\u{2066}\u{200b}\u{e0041}"), r"\u{202e}txt.\u{2066}\u{200b}\u{e0041}");
        assert_eq!(visible("grüße, 漢字 \u{1f600}"), "grüße, 漢字 \u{1f600}");
        assert_eq!(one_line(" a\u{1b}]0;x\u{7}\r\n\t b\u{2028}c\u{202e} "), r"a\u{1b}]0;x\u{7} b c\u{202e}");
    }
}
