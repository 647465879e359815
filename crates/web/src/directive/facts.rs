//! What is known of a directive, as tables.

use baton_model::{Millis, view::DirectiveDetail, webhook::DeliveryView};
use maud::{Markup, html};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    parts,
    text::{ago, seconds, visible},
};

/// Longest JSON that stands in one line, in bytes.
const SHORT: usize = 80;

/// What was asked for, besides the text.
pub(super) fn terms(detail: &DirectiveDetail, now: Millis) -> Markup {
    let directive = &detail.directive;
    let text = |text: &str| html! { bdi { (visible(text, 2_100)) } };
    let retry = detail.retry_on_failure.then(|| {
        let grows = if detail.retry_backoff > 1.0 {
            format!(", then {} times longer each", detail.retry_backoff)
        } else {
            String::new()
        };
        let times =
            if detail.max_retries == 1 { "once".to_owned() } else { format!("up to {} times", detail.max_retries) };
        html! { (times) ", the first after " (seconds(detail.retry_delay)) (grows)
        @if directive.retry_count > 0 { "; so far " (directive.retry_count) } }
    });
    let needs = (!detail.depends_on.is_empty()).then(|| {
        html! {
            @for id in &detail.depends_on { a href=(parts::href(id)) { code { (visible(id, 60)) } } " " }
        }
    });
    let rows = [
        ("Added", Some(ago(&directive.created_at, now))),
        ("Due", (!directive.state.is_final()).then(|| ago(&directive.due_at, now))),
        ("Ended", directive.ended_at.as_deref().map(|at| ago(at, now))),
        ("Tags", (!directive.tags.is_empty()).then(|| parts::tags(&directive.tags))),
        ("Only for", directive.agent.as_deref().map(text)),
        ("With", directive.leased_by.as_deref().map(text)),
        ("Lease", detail.timeout_seconds.map(|time| html! { (seconds(time)) })),
        ("Retry", retry),
        ("Depends on", needs),
        ("Webhook", detail.webhook.as_deref().map(text)),
        ("Budget", detail.budget_usd.map(|usd| html! { (usd) " USD" })),
        ("Acceptance", detail.acceptance.as_deref().map(text)),
        ("Repository", detail.repository.as_deref().map(text)),
    ];
    html! {
        dl.terms { @for (name, value) in rows { @if let Some(value) = value { div { dt { (name) } dd { (value) } } } } }
    }
}

/// A free-form object as a table; nothing if it is empty.
pub(super) fn metadata(id: &str, title: &str, metadata: &Map<String, Value>) -> Markup {
    html! {
        @if !metadata.is_empty() {
            section id=(id) aria-labelledby={ (id) "-title" } {
                h2 id={ (id) "-title" } { (title) }
                dl.terms { @for (name, value) in metadata {
                    div { dt { bdi { (visible(name, 80)) } } dd { (value_of(value)) } }
                } }
            }
        }
    }
}

fn value_of(value: &Value) -> Markup {
    match value {
        Value::String(text) => html! { bdi { (visible(text, 4_000)) } },
        Value::Array(_) | Value::Object(_) if value.to_string().len() <= SHORT => {
            html! { code { (visible(&value.to_string(), SHORT)) } }
        }
        Value::Array(_) | Value::Object(_) => {
            let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
            html! { pre tabindex="0" { (visible(&pretty, 4_000)) } }
        }
        simple => html! { (simple.to_string()) },
    }
}

/// Who was told of it, and how that went.
pub(super) fn deliveries(deliveries: &[DeliveryView], now: Millis) -> Markup {
    html! {
        @if !deliveries.is_empty() {
            section #deliveries aria-labelledby="told" {
                h2 #told { "Webhooks" }
                div.scroll tabindex="0" role="region" aria-label="Webhook deliveries" {
                    table {
                        thead { tr {
                            @for name in ["To", "Event", "State", "Attempts", "Status", "What went wrong", "Next attempt"] {
                                th scope="col" { (name) }
                            }
                        } }
                        tbody { @for delivery in deliveries { tr {
                            td { bdi { (visible(&delivery.url, 200)) } }
                            td { (delivery.event) }
                            td { (word(&delivery.state)) }
                            td { (delivery.attempts) }
                            td { @if let Some(status) = delivery.status { (status) } }
                            td { @if let Some(error) = &delivery.error { bdi { (visible(error, 400)) } } }
                            td { @if let Some(next) = &delivery.next_at { (ago(next, now)) } }
                        } } }
                    }
                }
            }
        }
    }
}

/// A word of the API.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
