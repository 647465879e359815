//! Lines on stdin and stdout. Both run on threads of their own: a client that neither writes nor reads holds up
//! nothing else, and the process can end at any moment.

use std::io::{self, BufRead, Write};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

mod id;

/// The longest line that is taken, in bytes; the server takes no longer body.
pub const LIMIT: usize = 4 * 1024 * 1024;
/// How many lines may lie between a thread and the rest.
const AHEAD: usize = 64;

/// What came on a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// All of it, without its end.
    Whole(Vec<u8>),
    /// More than [`LIMIT`]; only its JSON-RPC id was kept, `null` if none was found.
    TooLong(Value),
}

/// The lines of stdin, until it ends.
pub fn read_stdin() -> mpsc::Receiver<Line> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    std::thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        while let Ok(Some(line)) = read_line(&mut stdin) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Takes lines for stdout. The other half comes when all have been written or nobody reads any more.
pub fn write_stdout() -> (mpsc::Sender<String>, oneshot::Receiver<()>) {
    let (sender, mut receiver) = mpsc::channel::<String>(AHEAD);
    let (done, written) = oneshot::channel();
    std::thread::spawn(move || {
        let mut stdout = io::stdout().lock();
        while let Some(mut line) = receiver.blocking_recv() {
            line.push('\n');
            if stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()).is_err() {
                break;
            }
        }
        drop(receiver);
        // Nobody may be waiting any more.
        let _ = done.send(());
    });
    (sender, written)
}

/// Reads up to the next line feed; never holds much more than [`LIMIT`].
fn read_line(reader: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    let mut end = id::End::default();
    let mut started = false;
    loop {
        let chunk = match reader.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let (part, used, ended) = match chunk.iter().position(|byte| *byte == b'\n') {
            Some(at) => (&chunk[..at], at + 1, true),
            None => (chunk, chunk.len(), chunk.is_empty()),
        };
        started |= used > 0;
        let room = LIMIT + 1 - line.len();
        line.extend_from_slice(&part[..part.len().min(room)]);
        if line.len() > LIMIT {
            end.push(part);
        }
        reader.consume(used);
        if !ended {
            continue;
        }
        return Ok(match (started, line.len() > LIMIT) {
            (false, _) => None,
            (true, false) => {
                line.pop_if(|last| *last == b'\r');
                Some(Line::Whole(line))
            }
            (true, true) => Some(Line::TooLong(id::find(&line, &end))),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use serde_json::json;

    use super::*;

    fn lines(input: &[u8]) -> Vec<Line> {
        let mut reader = BufReader::with_capacity(1000, input);
        std::iter::from_fn(|| read_line(&mut reader).unwrap()).collect()
    }

    #[test]
    fn lines_end_with_either_end_or_with_the_input() {
        let read = lines(b"one\r\n\ntwo\nthree");
        assert_eq!(read, ["one", "", "two", "three"].map(|line| Line::Whole(line.into())));
        assert_eq!(lines(b""), []);
    }

    #[test]
    fn a_line_of_the_limit_is_taken_and_one_past_it_is_not() {
        let mut input = vec![b'x'; LIMIT];
        input.extend(b"\nnext\n");
        assert_eq!(lines(&input), [Line::Whole(vec![b'x'; LIMIT]), Line::Whole(b"next".into())]);
        input.insert(0, b'x');
        assert_eq!(lines(&input), [Line::TooLong(json!(null)), Line::Whole(b"next".into())]);
    }

    #[test]
    fn a_refused_line_is_answered_under_its_own_id() {
        let long = "x".repeat(LIMIT + 5_000);
        let first =
            format!("{{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{{\"a\":\"{long}\"}}}}\n");
        assert_eq!(lines(first.as_bytes()), [Line::TooLong(json!(7))]);
        let last = format!(
            "{{\"method\":\"m\",\"params\":{{\"id\":1,\"a\":\"{long}\"}},\"jsonrpc\":\"2.0\",\"id\": \"a-1\" }}\n"
        );
        assert_eq!(lines(last.as_bytes()), [Line::TooLong(json!("a-1"))]);
        let none = format!("{{\"method\":\"m\",\"params\":{{\"a\":\"{long}\",\"id\":5}}}}\n");
        assert_eq!(lines(none.as_bytes()), [Line::TooLong(json!(null))]);
    }
}
