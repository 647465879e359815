//! Output of any length in bounded memory: its last part, and its lines.

/// Keeps the end of what it is given.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    kept: Vec<u8>,
    limit: usize,
    /// How many bytes came in all.
    total: u64,
}

impl Tail {
    /// One that keeps `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Tail { kept: Vec::new(), limit, total: 0 }
    }

    pub(crate) fn take(&mut self, bytes: &[u8]) {
        self.total = self.total.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.kept.extend_from_slice(&bytes[bytes.len().saturating_sub(self.limit)..]);
        // Twice the limit before anything moves: each byte is moved once on average.
        if self.kept.len() > 2 * self.limit {
            self.kept.drain(..self.kept.len() - self.limit);
        }
    }

    /// As text without white space around it; a marker tells of what came before.
    pub(crate) fn text(&self) -> String {
        let mut from = self.kept.len().saturating_sub(self.limit);
        // Where something is cut, not in the middle of a character.
        let whole = self.kept.len() as u64 == self.total && from == 0;
        while !whole && self.kept.get(from).is_some_and(|byte| byte & 0xC0 == 0x80) {
            from += 1;
        }
        let cut = self.total - u64::try_from(self.kept.len() - from).unwrap_or(0);
        let text = String::from_utf8_lossy(&self.kept[from..]);
        match cut {
            0 => text.trim().to_owned(),
            cut => format!("[{cut} bytes before this are cut]\n{}", text.trim_end()),
        }
    }
}

/// The end of a text, at most `limit` bytes and the marker.
pub(crate) fn tail_of(text: &str, limit: usize) -> String {
    let mut tail = Tail::new(limit);
    tail.take(text.as_bytes());
    tail.text()
}

/// Cuts a stream into lines.
#[derive(Debug)]
pub(crate) struct Lines {
    open: Vec<u8>,
    limit: usize,
    /// The open line is over the limit already: what is left of it is passed over.
    over: bool,
}

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// A whole one.
    Whole(&'a [u8]),
    /// One that is longer than the limit.
    TooLong,
}

impl Lines {
    /// Lines of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Lines { open: Vec::new(), limit, over: false }
    }

    /// Takes what came next and gives every line that ended in it to `each`.
    pub(crate) fn take(&mut self, mut bytes: &[u8], mut each: impl FnMut(Line<'_>)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.add(&bytes[..end]);
            self.close(&mut each);
            bytes = &bytes[end + 1..];
        }
        self.add(bytes);
    }

    /// The stream has ended: a last line may lack its end.
    pub(crate) fn finish(&mut self, mut each: impl FnMut(Line<'_>)) {
        if self.over || !self.open.is_empty() {
            self.close(&mut each);
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.over |= self.open.len() + bytes.len() > self.limit;
        if self.over {
            self.open = Vec::new();
        } else {
            self.open.extend_from_slice(bytes);
        }
    }

    fn close(&mut self, each: &mut impl FnMut(Line<'_>)) {
        each(if self.over { Line::TooLong } else { Line::Whole(&self.open) });
        self.open.clear();
        self.over = false;
    }
}

/// Bytes to text, piece by piece: a character that is cut stays back until its rest comes.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    rest: Vec<u8>,
}

impl Decoder {
    pub(crate) fn decode(&mut self, bytes: &[u8]) -> String {
        self.rest.extend_from_slice(bytes);
        let whole = self.rest.len() - cut_character(&self.rest);
        let text = String::from_utf8_lossy(&self.rest[..whole]).into_owned();
        self.rest.drain(..whole);
        text
    }

    /// What stayed back, now that its rest will not come.
    pub(crate) fn finish(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.rest).into_owned();
        self.rest.clear();
        text
    }
}

/// How many bytes at the end are the beginning of a character.
fn cut_character(bytes: &[u8]) -> usize {
    for (back, byte) in bytes.iter().rev().take(3).enumerate() {
        let length = match byte {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            0x80..=0xBF => continue,
            _ => return 0,
        };
        return if back + 1 < length { back + 1 } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_bounded_and_says_what_is_cut() {
        let mut tail = Tail::new(10);
        tail.take(b"  short\n");
        assert_eq!(tail.text(), "short");
        for _ in 0..1000 {
            tail.take("äöü".as_bytes());
            assert!(tail.kept.len() <= 20);
        }
        assert_eq!(tail.text(), "[5998 bytes before this are cut]\nöüäöü");
        assert_eq!(tail_of("äö", 3), "[2 bytes before this are cut]\nö");
        assert_eq!(tail_of("0123456789ab", 10), "[2 bytes before this are cut]\n23456789ab");
    }

    #[test]
    fn lines_are_whole_however_they_come() {
        let text = b"one\n\n0123456789x\nlast";
        for step in 1..=text.len() {
            let (mut lines, mut seen) = (Lines::new(10), Vec::new());
            let mut each = |line: Line<'_>| {
                seen.push(match line {
                    Line::Whole(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                    Line::TooLong => "TOO LONG".to_owned(),
                });
            };
            text.chunks(step).for_each(|bytes| lines.take(bytes, &mut each));
            lines.finish(&mut each);
            lines.finish(&mut each);
            assert_eq!(seen, ["one", "", "TOO LONG", "last"], "in steps of {step}");
        }
    }

    #[test]
    fn characters_survive_being_cut() {
        let text = "aé€😀z";
        for step in 1..=text.len() {
            let mut decoder = Decoder::default();
            let read: String = text.as_bytes().chunks(step).map(|bytes| decoder.decode(bytes)).collect();
            assert_eq!(read, text, "in steps of {step}");
        }
        assert_eq!(Decoder::default().decode(b"a\xFFb"), "a\u{FFFD}b");
    }
}
