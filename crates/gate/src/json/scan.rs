//! One pass over the bytes of a body, before anything is parsed: how deep it is and whether a key stands twice.

use std::borrow::Cow;

use super::DEPTH_LIMIT;
use crate::Problem;

/// What is open around the present byte.
enum Open {
    /// An object; its keys so far are the last ones of the list, from `first` on.
    Object { first: usize },
    /// An array, and the index of the present element.
    Array { index: usize },
}

/// Refuses bodies that are nested too deeply or hold an object with the same key twice (where parsers disagree about
/// which of the two counts). Text that is no JSON passes: the parser tells what is wrong with it.
pub(super) fn check(bytes: &[u8]) -> Result<(), Problem> {
    let mut open: Vec<Open> = Vec::new();
    let mut keys: Vec<Cow<'_, [u8]>> = Vec::new();
    let mut key_comes = false;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' => {
                open.push(Open::Object { first: keys.len() });
                key_comes = true;
            }
            b'[' => {
                open.push(Open::Array { index: 0 });
                key_comes = false;
            }
            b'}' | b']' => {
                if let Some(Open::Object { first }) = open.pop() {
                    refuse_twins(&open, &mut keys, first)?;
                }
                key_comes = false;
            }
            b',' => match open.last_mut() {
                Some(Open::Object { .. }) => key_comes = true,
                Some(Open::Array { index }) => *index += 1,
                None => {}
            },
            b'"' => {
                let end = end_of_string(bytes, at);
                if std::mem::take(&mut key_comes) {
                    keys.push(unescape(&bytes[at..end]));
                }
                at = end;
                continue;
            }
            _ => {}
        }
        if open.len() > DEPTH_LIMIT {
            let detail = format!("arrays and objects may be nested {DEPTH_LIMIT} deep, not deeper");
            return Err(Problem::new(http::StatusCode::BAD_REQUEST, "too_deep", detail));
        }
        at += 1;
    }
    Ok(())
}

/// The place after the closing quote of the string that begins at `start`, or the end of the text.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The key that a quoted text stands for; `"a"` and `"\u0061"` are the same.
fn unescape(quoted: &[u8]) -> Cow<'_, [u8]> {
    if quoted.contains(&b'\\')
        && let Ok(text) = serde_json::from_slice::<String>(quoted)
    {
        return Cow::Owned(text.into_bytes());
    }
    Cow::Borrowed(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default())
}

/// Looks for equal keys in the object that ends, and forgets its keys.
fn refuse_twins(open: &[Open], keys: &mut Vec<Cow<'_, [u8]>>, first: usize) -> Result<(), Problem> {
    let own = keys.get_mut(first..).unwrap_or_default();
    own.sort_unstable();
    let twin = own.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone());
    keys.truncate(first);
    let Some(twin) = twin else { return Ok(()) };
    let mut path = String::new();
    for (depth, step) in open.iter().enumerate() {
        match step {
            Open::Array { index } => path.push_str(&format!("[{index}]")),
            Open::Object { .. } => {
                // The key under which the next inner thing stands is the last of this object so far.
                let next = open[depth + 1..].iter().find_map(|inner| match inner {
                    Open::Object { first } => Some(*first),
                    Open::Array { .. } => None,
                });
                append(&mut path, keys.get(next.unwrap_or(keys.len()).wrapping_sub(1)).map_or(&[], |key| key));
            }
        }
    }
    append(&mut path, &twin);
    let detail = "stands twice in the same object; it must be clear which one counts";
    Err(Problem::field("duplicate_key", path, detail))
}

fn append(path: &mut String, key: &[u8]) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(&baton_model::bounds::shorten(&String::from_utf8_lossy(key), 80));
}
