//! Where a directive's time went, and what happened to it.

use baton_model::{
    Millis, clock,
    view::{AttemptOutcome, DirectiveDetail, EventView},
};
use maud::{Markup, html};
use serde_json::Value;

use crate::text::{moment, span, visible};

/// Width of the drawing in its own units; the page stretches it.
const WIDTH: f64 = 1000.0;

/// A piece of a directive's life.
struct Piece {
    from: Millis,
    to: Millis,
    /// How the attempt ended; `None` while it waited.
    work: Option<(i64, AttemptOutcome)>,
}

/// The span between two moments.
pub(super) fn between(from: &str, to: &str) -> String {
    span((millis(to) - millis(from)).max(0))
}

fn millis(iso: &str) -> Millis {
    clock::parse_iso(iso).unwrap_or_default()
}

/// Waiting and working, side by side.
pub(super) fn split(detail: &DirectiveDetail, now: Millis) -> Markup {
    let pieces = pieces(detail, now);
    let sum = |work: bool| pieces.iter().filter(|p| p.work.is_some() == work).map(|p| p.to - p.from).sum::<Millis>();
    let (waited, worked) = (sum(false), sum(true));
    let start = pieces.first().map_or(now, |piece| piece.from);
    let whole = (waited + worked).max(1) as f64;
    let place = |at: Millis| (at - start) as f64 / whole * WIDTH;
    let outcomes = |wanted| pieces.iter().filter(|p| p.work.is_some_and(|(_, outcome)| outcome == wanted)).count();
    let (failed, expired) = (outcomes(AttemptOutcome::Failed), outcomes(AttemptOutcome::Expired));
    let still = if detail.directive.state.is_final() { "" } else { " so far" };
    html! {
        div.card #split {
            p.legend #split-said {
                span.key.wait { "waited " (span(waited)) } " " span.key.work { "was worked on " (span(worked)) }
                @if failed > 0 { " " span.key.bad { (failed) " failed" } }
                @if expired > 0 { " " span.key.late { (expired) " ran out" } }
                " " span.soft { (span(waited + worked)) " in all" (still) }
            }
            svg.split viewBox={ "0 0 " (WIDTH) " 24" } preserveAspectRatio="none" role="img" aria-labelledby="split-said" {
                @for piece in &pieces {
                    @let (class, said) = match piece.work {
                        None => ("wait", "waited".to_owned()),
                        Some((number, outcome)) => {
                            (outcome.as_str(), format!("attempt {number} ({})", outcome.as_str()))
                        }
                    };
                    rect class=(class) x=(format!("{:.2}", place(piece.from))) y="0" height="24"
                        width=(format!("{:.2}", (place(piece.to) - place(piece.from)).max(1.0))) {
                        title { (said) ": " (span(piece.to - piece.from)) }
                    }
                }
            }
        }
    }
}

/// Its life from submission to its end or now, without gaps.
fn pieces(detail: &DirectiveDetail, now: Millis) -> Vec<Piece> {
    let directive = &detail.directive;
    let mut at = millis(&directive.created_at);
    let end = directive.ended_at.as_deref().map_or(now, millis);
    let mut pieces = Vec::new();
    for attempt in &detail.attempts {
        let from = millis(&attempt.leased_at).clamp(at, end.max(at));
        let to = attempt.ended_at.as_deref().map_or(end, millis).clamp(from, end.max(from));
        if from > at {
            pieces.push(Piece { from: at, to: from, work: None });
        }
        pieces.push(Piece { from, to, work: Some((attempt.attempt, attempt.outcome)) });
        at = to;
    }
    if end > at || pieces.is_empty() {
        pieces.push(Piece { from: at, to: end.max(at), work: None });
    }
    pieces
}

/// What happened, first to last, with the time between.
pub(super) fn story(detail: &DirectiveDetail, now: Millis) -> Markup {
    let mut before: Option<Millis> = None;
    html! {
        ol.story {
            @for event in &detail.events {
                @let at = millis(&event.at);
                @let since = before.replace(at).map(|before| (at - before).max(0));
                li id={ "e-" (event.id) } class=(mood(&event.kind)) {
                    span.said { (said(event)) }
                    span.facts {
                        time datetime=(event.at) title=(event.at) { (moment(&event.at)) }
                        @if let Some(since) = since { span.soft { "after " (span(since)) } }
                    }
                }
            }
            @if let (false, Some(last)) = (detail.directive.state.is_final(), before) {
                li.now { span.said { "…" } span.facts { span.soft { "for " (span((now - last).max(0))) " now" } } }
            }
        }
    }
}

fn mood(kind: &str) -> &'static str {
    match kind {
        "directive.completed" => "good",
        "directive.failed" | "directive.dead" => "bad",
        "directive.lease_expired" | "directive.retry_scheduled" | "directive.cancelled" => "warn",
        "directive.leased" => "work",
        _ => "",
    }
}

/// An event as a sentence; an unknown one as it is.
fn said(event: &EventView) -> Markup {
    let field = |name: &str| {
        event.data.get(name).map(|value| match value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        })
    };
    let number = field("attempt").map(|number| format!(" (attempt {number})")).unwrap_or_default();
    let because = field("reason").map(|reason| format!(": {reason}")).unwrap_or_default();
    let moment_of = |name: &str| field(name).map(|iso| moment(&iso)).unwrap_or_default();
    let sentence = match event.kind.as_str() {
        "directive.queued" => match (field("reason"), field("released_by")) {
            (Some(reason), _) => format!("Due now: {reason}"),
            (None, Some(_)) => "Due now: what it waited for is completed".to_owned(),
            (None, None) => "Due: it stands in the queue".to_owned(),
        },
        "directive.scheduled" => "Submitted; not due yet".to_owned(),
        "directive.leased" => {
            format!("Handed to {}{number}", field("agent").as_deref().unwrap_or("an agent"))
        }
        "directive.released" => format!("Given back{number}{because}"),
        "directive.lease_expired" => format!("The lease ran out{number}"),
        "directive.lease_extended" => format!("Lease renewed until {}{number}", moment_of("lease_expires_at")),
        "directive.retry_scheduled" => format!("Failed{number}; to be tried again, due {}", moment_of("due_at")),
        "directive.priority_changed" => {
            format!("Priority: {} → {}", field("from").unwrap_or_default(), field("to").unwrap_or_default())
        }
        "directive.completed" => format!("Completed{number}"),
        "directive.failed" => format!("Failed for good{number}"),
        "directive.dead" => format!("Given up{number}{because}"),
        "directive.cancelled" => "Called off".to_owned(),
        other => format!("{other} {}", Value::from(event.data.clone())),
    };
    visible(&sentence, 400)
}
