//! Delivery from the outbox: each message goes out until its endpoint takes it, or for so many days.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use baton_model::{
    Millis,
    webhook::{DeliveryState, backoff},
};
use baton_outbound::Call;
use baton_store::{
    delivery::{self, Delivery, Outcome},
    webhook,
};
use http::{HeaderName, HeaderValue};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Error, Inner, Result};

/// Beneath the wakes, in case one was lost.
const SLOW_POLL: Duration = Duration::from_secs(1);
/// Calls of one lane that are under way at the same time.
const PER_LANE: usize = 4;
/// Deliveries that one look takes up.
const BATCH: i64 = 256;

impl Inner {
    /// Delivers what is due until `stop`.
    pub(crate) async fn deliver(self: &Arc<Self>, stop: &CancellationToken) {
        let mut under_way: HashMap<String, HashSet<String>> = HashMap::new();
        let mut calls: JoinSet<Delivery> = JoinSet::new();
        loop {
            let full: Vec<String> =
                under_way.iter().filter(|(_, ids)| ids.len() >= PER_LANE).map(|(lane, _)| lane.clone()).collect();
            let now = self.clock.now();
            let due = self.store.read(async move |tx| delivery::due(tx, now, BATCH, &full).await).await;
            for due in due.unwrap_or_default() {
                let ids = under_way.entry(due.lane.clone()).or_default();
                if ids.len() < PER_LANE && ids.insert(due.id.clone()) {
                    let inner = self.clone();
                    calls.spawn(async move {
                        if let Err(error) = inner.attempt(&due).await {
                            tracing::error!(webhook.delivery = due.id, "could not be delivered: {error}");
                        }
                        due
                    });
                }
            }
            tokio::select! {
                Some(ended) = calls.join_next() => {
                    if let Ok(ended) = ended && let Some(ids) = under_way.get_mut(&ended.lane) {
                        ids.remove(&ended.id);
                        if ids.is_empty() {
                            under_way.remove(&ended.lane);
                        }
                    }
                }
                () = self.outbox.filled.notified() => {}
                () = tokio::time::sleep(SLOW_POLL) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn attempt(&self, due: &Delivery) -> Result<()> {
        let (id, webhook_id) = (due.id.clone(), due.webhook_id.clone());
        let read = self.store.read(async move |tx| {
            Ok::<_, Error>((webhook::get(tx, &webhook_id).await?, delivery::body(tx, &id).await?))
        });
        let (Some(endpoint), Some(body)) = read.await? else { return Ok(()) };
        let (at, settings) = (self.clock.now(), self.outbox.settings());
        let signature = self.open_secrets(&endpoint)?.sign(&due.id, at, &body)?;
        let mut call = Call::post_json(&due.url, body).timeout(settings.timeout);
        for (name, value) in [
            ("webhook-id", due.id.as_str()),
            ("webhook-timestamp", &(at / 1000).to_string()),
            ("webhook-signature", &signature),
        ] {
            let value = HeaderValue::from_str(value).map_err(|error| Error::Unavailable(error.to_string()))?;
            call = call.header(HeaderName::from_static(name), value);
        }
        let answered = self.outbox.outbound.send(call).await;
        let (status, answer, error) = match &answered {
            Ok(answer) if answer.status.is_success() => (Some(answer.status.as_u16()), Some(answer.text()), None),
            Ok(answer) => {
                (Some(answer.status.as_u16()), Some(answer.text()), Some(format!("answered {}", answer.status)))
            }
            Err(error) => (None, None, Some(error.to_string())),
        };
        if status == Some(410) {
            self.disable_webhook(&endpoint.id, "it answered 410 Gone").await?;
        }
        let now = self.clock.now();
        let later = now + backoff(due.attempts + 1, 0.5);
        let next_at =
            answered.as_ref().ok().and_then(|answer| answer.retry_after(now)).map_or(later, |wait| now + wait);
        let give_up_at =
            due.created_at + Millis::try_from(settings.give_up_after.as_millis()).unwrap_or(Millis::MAX / 4);
        let state = match &error {
            None => DeliveryState::Delivered,
            Some(_) if status == Some(410) || next_at > give_up_at => DeliveryState::Dead,
            Some(_) => DeliveryState::Pending,
        };
        let outcome = Outcome {
            id: due.id.clone(),
            at,
            millis: now - at,
            status: status.map(i64::from),
            error,
            answer,
            state,
            next_at,
        };
        Ok(self.store.write_in_background(async move |tx| delivery::record(tx, &outcome).await).await?)
    }
}
