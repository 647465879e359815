//! What happens, as a stream of server-sent events (HTML, section 9.2).

use std::{convert::Infallible, fmt::Write as _, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use baton_engine::{
    Engine, Error,
    events::{Events, From},
};
use baton_gate::{Caller, Input, Problem, Query};
use baton_model::event::EventFilter;
use futures_util::stream;
use http::{
    HeaderMap, HeaderName,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::params::{tags, whole_number};

/// How often a silent stream says that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsQuery {
    /// Only these kinds: `directive.completed,directive.*`, or the parameter several times.
    #[serde(default, deserialize_with = "tags")]
    #[param(value_type = Option<String>)]
    kind: Vec<String>,
    /// Only those about this directive.
    directive_id: Option<String>,
    /// The `id` of the last event that is known: the stream goes on after it. 0 begins with the oldest that is kept.
    #[serde(default, deserialize_with = "whole_number")]
    #[param(minimum = 0)]
    after: Option<i64>,
}

impl Input for EventsQuery {}

/// Follow what happens
///
/// `text/event-stream`: `id` is the event's place in the log, `event` its kind, `data` the event as JSON. Without
/// `after` or `Last-Event-ID` it begins with what happens from now on. A slow reader loses nothing. Where events are no
/// longer kept that belong into the stream, an event `gap` with `after` and `oldest` stands in their place. The stream
/// ends when the server stops or the token is let in no more.
#[utoipa::path(
    get, path = "/api/events", tag = "events", operation_id = "follow_events",
    params(EventsQuery, ("Last-Event-ID" = Option<String>, Header, description = "As `after`; sent by browsers.")),
    responses((status = 200, body = String, content_type = "text/event-stream", description = "A stream without end."))
)]
pub(crate) async fn follow(
    State(engine): State<Engine>,
    Caller(who): Caller,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = match headers.get("last-event-id").map(|id| id.to_str().ok().and_then(|id| id.trim().parse().ok())) {
        None => None,
        Some(Some(id @ 0_i64..)) => Some(id),
        Some(_) => return Err(Problem::field("invalid", "Last-Event-ID", "is no `id` of an event")),
    };
    let from = last.or(query.after).map_or(From::Now, From::After);
    let filter = EventFilter { kinds: query.kind, directive_id: query.directive_id, owner: None };
    let events = engine.events(&who, filter, from).await?;
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(stream::unfold(Some((events, true)), next))).into_response())
}

/// The next piece of a stream.
async fn next(state: Option<(Events, bool)>) -> Option<(Result<Bytes, Infallible>, Option<(Events, bool)>)> {
    let (mut events, is_first) = state?;
    if is_first {
        let text = alive("connected", &events) + &gap(&mut events);
        return Some((Ok(text.into()), Some((events, false))));
    }
    match tokio::time::timeout(KEEP_ALIVE, events.next()).await {
        Err(_) => Some((Ok(alive("keep-alive", &events).into()), Some((events, false)))),
        Ok(Ok(Some(facts))) => {
            let mut text = gap(&mut events);
            for fact in facts {
                let _ = write!(text, "id: {}\nevent: {}\ndata: {}\n\n", fact.seq(), fact.kind(), fact.json());
            }
            Some((Ok(text.into()), Some((events, false))))
        }
        Ok(Ok(None) | Err(Error::Stopping)) => None,
        Ok(Err(error)) => {
            tracing::error!("a stream of events ended: {error}");
            None
        }
    }
}

/// A comment that says that the stream is alive, with the place it has come to: whoever breaks off here goes on there,
/// also when no event fitted for long (a frame without data is no event, but its `id` counts: HTML, section 9.2.6).
fn alive(comment: &str, events: &Events) -> String {
    format!(": {comment}\nid: {}\n\n", events.place())
}

/// Tells of events that are no longer kept.
fn gap(events: &mut Events) -> String {
    events.gap().map_or_else(String::new, |gap| {
        format!("event: gap\ndata: {{\"after\":\"{}\",\"oldest\":\"{}\"}}\n\n", gap.after, gap.oldest)
    })
}
