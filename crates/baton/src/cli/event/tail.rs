//! `baton event tail`: the stream of events as lines, taken up again wherever it breaks off.

use std::time::Duration;

use baton_model::view::EventView;
use serde_json::{Value, json};

use super::Globals;
use crate::{
    cli::{
        client::{Client, EventStream, Frame, Trouble, is_passing},
        print,
        text::one_line,
    },
    failure::{Failure, Result},
};

/// How long to wait before the stream is opened again, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Arguments of `baton event tail`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these kinds, as `directive.completed,directive.*`; may be repeated
    #[arg(long = "kind", value_name = "KIND", value_delimiter = ',')]
    kinds: Vec<String>,
    /// Only those about this directive
    #[arg(long, value_name = "ID")]
    directive: Option<String>,
    /// Begin after the event with this `id`; 0 begins with the oldest that is kept [default: what happens from now on]
    #[arg(long, value_name = "SEQ", allow_negative_numbers = true)]
    after: Option<u64>,
}

/// Prints events until Ctrl-C: a line for people, or with `--json` the server's document, one on a line.
///
/// # Errors
/// When there is no server at first, or when it refuses.
pub async fn run(args: Args, globals: &Globals) -> Result {
    tokio::select! {
        ended = follow(args, globals) => ended,
        pressed = tokio::signal::ctrl_c() => {
            pressed.map_err(|error| Failure::failed("cannot wait for Ctrl-C").because(error))
        }
    }
}

async fn follow(args: Args, globals: &Globals) -> Result {
    let mut query = Vec::new();
    if !args.kinds.is_empty() {
        query.push(("kind", args.kinds.join(",")));
    }
    query.extend(args.directive.map(|id| ("directive_id", id)));
    let mut place = args.after.map(|after| after.to_string());
    let mut client = Client::new(globals)?;
    let mut stream = client.events(&query, place.as_deref()).await?;
    loop {
        let broke = tell(&mut stream, &mut place, globals).await;
        eprintln!(
            "{}; going on when it is back",
            broke.map_or("the server ended the stream".to_owned(), |why| why.to_string())
        );
        let mut pause = FIRST_PAUSE;
        stream = loop {
            tokio::time::sleep(pause).await;
            // A server that was started anew may answer elsewhere.
            client = Client::new(globals).unwrap_or(client);
            match client.events(&query, place.as_deref()).await {
                Ok(stream) => break stream,
                Err(trouble) if is_passing(&trouble) => pause = (pause * 2).min(LONGEST_PAUSE),
                Err(trouble) => return Err(trouble.into()),
            }
        };
    }
}

/// Prints what comes until the stream ends, and why it broke if it did.
async fn tell(stream: &mut EventStream, place: &mut Option<String>, globals: &Globals) -> Option<Trouble> {
    loop {
        match stream.next().await {
            Ok(Some(frames)) => {
                for frame in frames {
                    if !frame.data.is_empty() {
                        show(&frame, globals);
                    }
                    // After it was printed: what was not is asked for again.
                    *place = frame.id.or(place.take());
                }
            }
            Ok(None) => return None,
            Err(trouble) => return Some(trouble),
        }
    }
}

fn show(frame: &Frame, globals: &Globals) {
    match (frame.event.as_str(), globals.json) {
        ("gap", true) => {
            let data: Value = serde_json::from_str(&frame.data).unwrap_or_default();
            print(json!({"type": "gap", "data": data}));
        }
        ("gap", false) => {
            let gap: Value = serde_json::from_str(&frame.data).unwrap_or_default();
            eprintln!(
                "events are missing here: those after {} are no longer kept, the oldest that is has the id {}",
                one_line(gap["after"].as_str().unwrap_or("?")),
                one_line(gap["oldest"].as_str().unwrap_or("?"))
            );
        }
        (_, true) => print(&frame.data),
        (_, false) => match serde_json::from_str::<EventView>(&frame.data) {
            Ok(event) => print(line(&event)),
            Err(error) => eprintln!("an event cannot be read: {error}"),
        },
    }
}

/// `12  2026-11-20T09:00:00.000+00:00  directive.leased  0192…  attempt=1 agent=claude`
fn line(event: &EventView) -> String {
    let mut data = event.data.clone();
    let directive = data.remove("directive_id");
    let directive = directive.as_ref().and_then(Value::as_str).unwrap_or("-");
    let more = data.iter().map(|(key, value)| match value {
        Value::String(text) => format!("{}={}", one_line(key), one_line(text)),
        other => format!("{}={}", one_line(key), one_line(&other.to_string())),
    });
    let more = more.collect::<Vec<_>>().join(" ");
    let line =
        format!("{:>6}  {}  {:<26}  {:<36}  {more}", event.id, event.at, one_line(&event.kind), one_line(directive));
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_that_cannot_drive_the_terminal() {
        let event = json!({"id": "7", "type": "directive.leased", "at": "2026-11-20T09:00:00.000+00:00",
                           "data": {"directive_id": "d", "agent": "a\u{1b}[2J\nb", "attempt": 1}});
        let event: EventView = serde_json::from_value(event).unwrap();
        let shown = line(&event);
        assert!(shown.starts_with("     7  2026-11-20T09:00:00.000+00:00  directive.leased  "), "{shown}");
        assert!(shown.contains("  d  ") && shown.ends_with("agent=a b attempt=1"), "{shown}");
    }
}
