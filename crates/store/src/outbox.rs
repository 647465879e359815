//! What endpoints shall hear of, written with the change that it tells of. Delivery comes later, from the table.

use baton_model::{Millis, bounds::normal_url, clock, ids::sha256_hex, webhook::COMPLETED};
use serde_json::json;
use url::Url;

use crate::{
    Result, Tx,
    delivery::{self, NewDelivery},
    directive::{DirectiveRow, FinalResult},
    event::Event,
    monitoring, webhook,
};

/// Puts an event into the outbox of every endpoint that hears of it.
///
/// # Errors
/// If the database refuses.
pub(crate) async fn tell(tx: &mut Tx<'_>, event: &Event) -> Result<()> {
    let body = json!({
        "event": event.kind,
        "directive_id": event.directive_id,
        "timestamp": clock::iso(event.at),
        "data": event.data,
    });
    let body = body.to_string();
    for subscriber in webhook::subscribers(tx).await?.iter() {
        // An endpoint is not told of its own dead letters.
        let of_its_own = event.data.get("delivery_id").is_some()
            && event.data.get("webhook_id").is_some_and(|id| *id == *subscriber.webhook_id);
        if subscriber.hears(&event.kind, &event.owner) && !of_its_own {
            let new = NewDelivery {
                id: message_id(&[&event.kind, &event.seq.to_string(), &subscriber.webhook_id]),
                owner: &subscriber.owner,
                webhook_id: &subscriber.webhook_id,
                lane: &subscriber.webhook_id,
                url: &subscriber.url,
                kind: &event.kind,
                directive_id: event.directive_id.as_deref(),
                body: &body,
                at: event.at,
            };
            delivery::insert(tx, &new).await?;
        }
    }
    Ok(())
}

/// Puts the final result of a directive into the outbox of its own URL and of every endpoint that hears of it: one
/// message for each URL (seed 000) of each owner, because each owner's messages are signed with that owner's secret.
///
/// # Errors
/// If the database refuses.
pub(crate) async fn completed(tx: &mut Tx<'_>, row: &DirectiveRow, result: &FinalResult, now: Millis) -> Result<()> {
    let mut own = row.request.webhook.as_deref().map(normal_url);
    let subscribers = webhook::subscribers(tx).await?;
    if own.is_none() && !subscribers.iter().any(|subscriber| subscriber.hears(COMPLETED, &row.owner)) {
        return Ok(());
    }
    let body = json!({
        "event": COMPLETED,
        "directive_id": row.id,
        "directive": row.body,
        "result": result.result,
        "success": result.success,
        "execution_time": result.execution_time,
        "timestamp": clock::iso(now),
        "session_id": monitoring::switch(tx).await?.session_id,
        "tags": row.request.tags,
        "error": result.error,
        "priority": row.priority,
        "attempt": row.attempt,
        "metadata": result.metadata,
    });
    let body = body.to_string();
    let new = NewDelivery {
        id: String::new(),
        owner: &row.owner,
        webhook_id: "",
        lane: "",
        url: "",
        kind: COMPLETED,
        directive_id: Some(&row.id),
        body: &body,
        at: now,
    };
    for subscriber in subscribers.iter().filter(|subscriber| subscriber.hears(COMPLETED, &row.owner)) {
        own = own.filter(|own| *own != subscriber.url || subscriber.owner != row.owner);
        let (id, webhook_id) = (message_id(&[COMPLETED, &row.id, &subscriber.webhook_id]), &subscriber.webhook_id);
        let url = &subscriber.url;
        let new = NewDelivery { id, owner: &subscriber.owner, webhook_id, lane: webhook_id, url, ..new.clone() };
        delivery::insert(tx, &new).await?;
    }
    let Some(url) = own else { return Ok(()) };
    // An endpoint that is gone or switched off is not called by way of a directive either.
    if webhook::find(tx, &row.owner, &url).await?.is_some_and(|endpoint| !endpoint.enabled) {
        return Ok(());
    }
    let Some(signer) = webhook::find(tx, &row.owner, "").await? else {
        // A bug: it is made with the owner's first directive that names a URL, or at the start.
        tracing::error!(directive.id = row.id, "its URL is not told: nothing signs for `{}`", row.owner);
        return Ok(());
    };
    // Principals have lanes of their own, so that nobody's broken URL holds up another's at the same host.
    let (id, lane) = (message_id(&[COMPLETED, &row.id, &url]), format!("{} {}", signer.id, origin(&url)));
    delivery::insert(tx, &NewDelivery { id, webhook_id: &signer.id, lane: &lane, url: &url, ..new }).await
}

/// An id that is the same however often the same message is made.
fn message_id(parts: &[&str]) -> String {
    let hash = sha256_hex(parts.join("\n").as_bytes());
    format!("msg_{}", hash.get(..32).unwrap_or(&hash))
}

/// Scheme, host and port: what is down together.
fn origin(url: &str) -> String {
    Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.origin().ascii_serialization())
}
