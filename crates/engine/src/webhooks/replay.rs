//! Looking at deliveries, making them again, and trying an endpoint out.

use baton_model::{
    Millis, clock,
    principal::Scope,
    view::Page,
    webhook::{DeliveryState, DeliveryView},
};
use baton_store::delivery::{self, Delivery, NewDelivery, Range};
use serde_json::json;

use super::endpoints::find;
use crate::{
    Engine, Error, Principal, Result,
    queue::{check_limit, cut},
};

/// Deliveries that one transaction puts back.
const BATCH: i64 = 200;

/// What is delivered again.
#[derive(Clone, Debug)]
pub enum Replay {
    /// One delivery, however it ended.
    One(String),
    /// What was made in a span of time.
    Range {
        /// Made then or later; from the beginning if nothing is said.
        since: Option<Millis>,
        /// Made before; until now if nothing is said.
        until: Option<Millis>,
        /// Which of them.
        which: Which,
    },
}

/// Which ended deliveries are made again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// Dead letters alone.
    #[default]
    Dead,
    /// Those that were delivered, too.
    All,
}

impl Engine {
    /// A page of an endpoint's deliveries; all, or those that stand so.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`].
    pub async fn deliveries(
        &self,
        who: &Principal,
        webhook: &str,
        state: Option<DeliveryState>,
        limit: i64,
        cursor: Option<&str>,
    ) -> Result<Page<DeliveryView>> {
        who.may(Scope::Submit)?;
        check_limit(limit)?;
        let (who, webhook, after) = (who.clone(), webhook.to_owned(), cursor.unwrap_or_default().to_owned());
        let read = self.inner.store.read(async move |tx| {
            find(tx, &who, &webhook).await?;
            Ok::<_, Error>(delivery::list(tx, &webhook, state, &after, limit + 1).await?)
        });
        let mut found = read.await?;
        let next_cursor = cut(&mut found, limit).map(|last| last.id.clone());
        Ok(Page { items: found.iter().map(Delivery::view).collect(), next_cursor })
    }

    /// One delivery, with what was answered last.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delivery(&self, who: &Principal, id: &str) -> Result<DeliveryView> {
        who.may(Scope::Submit)?;
        let (who, id) = (who.clone(), id.to_owned());
        let read = self.inner.store.read(async move |tx| {
            let found = delivery::get(tx, &id).await?.filter(|(found, _)| who.sees(&found.owner));
            found.ok_or_else(|| Error::NotFound { what: "delivery", id: id.clone() })
        });
        let (found, answer) = read.await?;
        Ok(DeliveryView { answer, ..found.view() })
    }

    /// Puts deliveries that ended back into the outbox, under the same ids, and says how many.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] `still_pending` for one that has not ended.
    pub async fn replay(&self, who: &Principal, webhook: &str, replay: Replay) -> Result<u64> {
        who.may(Scope::Submit)?;
        let now = self.inner.clock.now();
        let (since, until, which) = match replay {
            Replay::One(id) => return self.replay_one(who, webhook, id, now).await,
            Replay::Range { since, until, which } => (since, until, which),
        };
        let (mut replayed, mut place) = (0, Some(String::new()));
        while let Some(after) = place {
            let (who, webhook) = (who.clone(), webhook.to_owned());
            let write = self.inner.store.write(async move |tx| {
                find(tx, &who, &webhook).await?;
                let (since, until) = (since.unwrap_or(0), until.unwrap_or(now + 1));
                let range = Range { webhook_id: &webhook, since, until, delivered: which == Which::All };
                Ok::<_, Error>(delivery::replay_range(tx, &range, &after, now, BATCH).await?)
            });
            let (more, last) = write.await?;
            (replayed, place) = (replayed + more, last);
        }
        self.inner.outbox.nudge(webhook);
        Ok(replayed)
    }

    async fn replay_one(&self, who: &Principal, webhook: &str, id: String, now: Millis) -> Result<u64> {
        let (who, of) = (who.clone(), webhook.to_owned());
        let write = self.inner.store.write(async move |tx| {
            find(tx, &who, &of).await?;
            let known = delivery::get(tx, &id).await?.filter(|(found, _)| found.webhook_id == of);
            if known.is_none() {
                return Err(Error::NotFound { what: "delivery", id: id.clone() });
            }
            if !delivery::replay(tx, &id, now).await? {
                let detail = format!("delivery `{id}` is still pending: it is tried again by itself");
                return Err(Error::conflict("still_pending", detail));
            }
            Ok(1)
        });
        let replayed = write.await?;
        self.inner.outbox.nudge(webhook);
        Ok(replayed)
    }

    /// Sends an endpoint a message that tells of nothing, to try it out; answers its id. It is delivered as any other.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] `disabled` for one that is not called, and for the row that only signs.
    pub async fn test_webhook(&self, who: &Principal, webhook: &str) -> Result<String> {
        who.may(Scope::Submit)?;
        let (who, of, now) = (who.clone(), webhook.to_owned(), self.inner.clock.now());
        let id = format!("msg_{}", self.inner.ids.token());
        let write = self.inner.store.write(async move |tx| {
            let endpoint = find(tx, &who, &of).await?;
            if !endpoint.enabled || endpoint.url.is_empty() {
                let why = endpoint.reason.as_deref().unwrap_or("it has no URL of its own");
                return Err(Error::conflict("disabled", format!("webhook `{of}` is not called: {why}")));
            }
            let data = json!({"message": "This is a test."});
            let body = json!({"event": "webhook.test", "timestamp": clock::iso(now), "data": data}).to_string();
            let new = NewDelivery {
                id: id.clone(),
                owner: &endpoint.owner,
                webhook_id: &endpoint.id,
                lane: &endpoint.id,
                url: &endpoint.url,
                kind: "webhook.test",
                directive_id: None,
                body: &body,
                at: now,
            };
            delivery::insert(tx, &new).await?;
            Ok(id.clone())
        });
        let id = write.await?;
        self.inner.outbox.nudge(webhook);
        Ok(id)
    }
}
