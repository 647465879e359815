//! Server-sent events (HTML Living Standard §9.2.6), read from chunks that may end anywhere.

/// Reads events as bytes come in.
#[derive(Debug, Default)]
pub struct Reader {
    line: Vec<u8>,
    after_cr: bool,
    data: Vec<u8>,
    has_data: bool,
    kind: String,
    last_id: Option<String>,
    retry: Option<u64>,
}

impl Reader {
    /// Takes a chunk and returns the data of the messages that it completes. Comments, events without data and events
    /// of other types than `message` are left out.
    pub fn feed(&mut self, chunk: &[u8]) -> Vec<String> {
        let mut messages = Vec::new();
        for byte in chunk {
            let after_cr = std::mem::take(&mut self.after_cr);
            match byte {
                b'\n' if after_cr => {}
                b'\n' => messages.extend(self.end_of_line()),
                b'\r' => {
                    self.after_cr = true;
                    messages.extend(self.end_of_line());
                }
                _ => self.line.push(*byte),
            }
        }
        messages
    }

    /// The id of the last event that had one: where to go on after a break.
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// How long the server wants a client to wait before it goes on, in milliseconds.
    pub fn retry(&self) -> Option<u64> {
        self.retry
    }

    fn end_of_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&line);
        if line.is_empty() {
            return self.end_of_event();
        }
        let (name, value) = match line.iter().position(|byte| *byte == b':') {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, &line[line.len()..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
            b"event" => self.kind = String::from_utf8_lossy(value).into_owned(),
            b"id" if !value.contains(&0) => {
                let id = String::from_utf8_lossy(value).into_owned();
                self.last_id = Some(id).filter(|id| !id.is_empty());
            }
            b"retry" => self.retry = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).or(self.retry),
            _ => {}
        }
        None
    }

    fn end_of_event(&mut self) -> Option<String> {
        let kind = std::mem::take(&mut self.kind);
        let data = std::mem::take(&mut self.data);
        self.has_data = false;
        let is_message = (kind.is_empty() || kind == "message") && !data.is_empty();
        is_message.then(|| String::from_utf8_lossy(&data).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\r\n\r\nid: 0\nretry: 3000\ndata:\n\nevent: message\nid: 1\ndata: {\"a\":\ndata: \"é漢\"}\n\n\
                          : ka\n\ndata:{\"b\":2}\r\rdata:  x\r\ndata\r\n\r\nevent: ping\ndata: y\n\ndata: cut off";

    #[test]
    fn events_are_read_whatever_the_chunks_and_line_ends() {
        let expected = ["{\"a\":\n\"é漢\"}", "{\"b\":2}", " x\n"];
        for size in 1..=STREAM.len() {
            let mut reader = Reader::default();
            let read: Vec<String> = STREAM.as_bytes().chunks(size).flat_map(|chunk| reader.feed(chunk)).collect();
            assert_eq!(read, expected, "chunks of {size}");
            assert_eq!((reader.last_id(), reader.retry()), (Some("1"), Some(3000)));
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        let mut reader = Reader::default();
        assert_eq!(reader.feed("\u{feff}data: 1\n\n".as_bytes()), ["1"]);
    }
}
