//! Endpoints: making, listing, changing and removing them.

use baton_model::{
    Millis,
    bounds::normal_url,
    clock,
    principal::Scope,
    view::Page,
    webhook::{EndpointChange, EndpointRequest, EndpointView},
};
use baton_store::{
    Signal, Tx, delivery,
    webhook::{self, Endpoint},
};

use super::signing::{self, Secrets};
use crate::{
    Engine, Error, Inner, Principal, Result,
    queue::{check_limit, cut},
};

/// Most endpoints of one principal: each change of a directive looks at all of them.
const MOST: usize = 100;
/// Most deliveries that become due at once when an endpoint is called again; all others keep their time.
const FORWARD: i64 = 200;

/// How much of an endpoint is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Showing {
    /// No secret.
    Plain,
    /// What signs, too.
    WithSecrets,
}

impl Engine {
    /// Makes an endpoint, or lets the one that the principal has for that URL hear of these events, too, and be as is
    /// said now; a secret that it does not have yet becomes its newest. A new one is shown with its secret.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`].
    pub async fn create_webhook(&self, who: &Principal, request: EndpointRequest) -> Result<EndpointView> {
        who.may(Scope::Submit)?;
        request.check()?;
        let inner = &self.inner;
        inner.outbox.check_url("url", &request.url)?;
        let everybody = request.everybody.unwrap_or(who.is_admin());
        if everybody {
            who.may(Scope::Admin)?;
        }
        if let Some(secret) = &request.secret {
            signing::check("secret", secret)?;
        }
        let again = request.clone();
        let secrets = Secrets::of(request.secret.unwrap_or_else(|| inner.new_signing_secret()));
        let (id, now) = (inner.new_id(), inner.clock.now());
        let new = Endpoint {
            secrets: inner.seal_secrets(&secrets, &id)?,
            id,
            owner: who.name.to_string(),
            url: normal_url(&request.url),
            events: request.events,
            everybody,
            description: request.description,
            enabled: true,
            reason: None,
            created_at: now,
            changed_at: now,
        };
        let of = inner.clone();
        let write = inner.store.write(async move |tx| {
            if let Some(known) = webhook::find(tx, &new.owner, &new.url).await? {
                let known = of.ask_again(known, &again, now)?;
                webhook::update(tx, &known).await?;
                let known = if known.enabled { known } else { enable(tx, known, now).await? };
                return Ok((known, None));
            }
            if webhook::list(tx, Some(&new.owner), "", i64::try_from(MOST).unwrap_or(i64::MAX)).await?.len() >= MOST {
                return Err(Error::conflict("too_many", format!("there are {MOST} endpoints already: remove some")));
            }
            webhook::insert(tx, &new).await?;
            Ok((new.clone(), Some(secrets.clone())))
        });
        let (endpoint, secrets) = write.await?;
        inner.outbox.nudge(&endpoint.id);
        let mut view = inner.view(endpoint).await?;
        view.secrets = secrets.map(|secrets| secrets.present(now).map(str::to_owned).collect());
        Ok(view)
    }

    /// A page of endpoints, oldest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a limit that is none.
    pub async fn webhooks(&self, who: &Principal, limit: i64, cursor: Option<&str>) -> Result<Page<EndpointView>> {
        who.may(Scope::Submit)?;
        check_limit(limit)?;
        let (only, after) = (who.only(), cursor.unwrap_or_default().to_owned());
        let read = self.inner.store.read(async move |tx| {
            let mut endpoints = webhook::list(tx, only.as_deref(), &after, limit + 1).await?;
            let next_cursor = cut(&mut endpoints, limit).map(|last| last.id.clone());
            let mut items = Vec::with_capacity(endpoints.len());
            for endpoint in &endpoints {
                items.push(view(tx, endpoint).await?);
            }
            Ok::<_, Error>(Page { items, next_cursor })
        });
        read.await
    }

    /// One endpoint.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn webhook(&self, who: &Principal, id: &str, showing: Showing) -> Result<EndpointView> {
        who.may(Scope::Submit)?;
        let (who, id, now) = (who.clone(), id.to_owned(), self.inner.clock.now());
        let read = self.inner.store.read(async move |tx| {
            let endpoint = find(tx, &who, &id).await?;
            Ok::<_, Error>((view(tx, &endpoint).await?, endpoint))
        });
        let (mut view, endpoint) = read.await?;
        if showing == Showing::WithSecrets {
            let secrets = self.inner.open_secrets(&endpoint)?;
            view.secrets = Some(secrets.present(now).map(str::to_owned).collect());
        }
        Ok(view)
    }

    /// Changes what an endpoint hears of, or whether it is called.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`]; [`Error::Forbidden`] if it shall hear of everybody's.
    pub async fn change_webhook(&self, who: &Principal, id: &str, change: EndpointChange) -> Result<EndpointView> {
        who.may(Scope::Submit)?;
        change.check()?;
        if change.everybody == Some(true) {
            who.may(Scope::Admin)?;
        }
        let (who, id, now) = (who.clone(), id.to_owned(), self.inner.clock.now());
        let enabled = change.enabled;
        let write = self.inner.store.write(async move |tx| {
            let mut endpoint = find(tx, &who, &id).await?;
            let change = change.clone();
            endpoint.events = change.events.unwrap_or(endpoint.events);
            endpoint.everybody = change.everybody.unwrap_or(endpoint.everybody);
            endpoint.description = change.description.or(endpoint.description);
            endpoint.changed_at = now;
            match change.enabled {
                Some(true) => endpoint = enable(tx, endpoint, now).await?,
                Some(false) => (endpoint.enabled, endpoint.reason) = (false, Some("switched off".to_owned())),
                None => {}
            }
            webhook::update(tx, &endpoint).await?;
            Ok::<_, Error>(endpoint)
        });
        let endpoint = write.await?;
        if enabled == Some(true) {
            self.inner.outbox.nudge(&endpoint.id);
        }
        self.inner.view(endpoint).await
    }

    /// Gives an endpoint a new secret; the one before goes on signing beside it for a day.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn rotate_webhook(&self, who: &Principal, id: &str) -> Result<EndpointView> {
        who.may(Scope::Submit)?;
        let id = id.to_owned();
        let (inner, who, now) = (self.inner.clone(), who.clone(), self.inner.clock.now());
        let fresh = inner.new_signing_secret();
        let write = self.inner.store.write(async move |tx| {
            let mut present = find(tx, &who, &id).await?;
            let mut secrets = inner.open_secrets(&present)?;
            secrets.rotate(fresh.clone(), now);
            (present.secrets, present.changed_at) = (inner.seal_secrets(&secrets, &present.id)?, now);
            webhook::update(tx, &present).await?;
            Ok::<_, Error>((present, secrets))
        });
        let (endpoint, secrets) = write.await?;
        let mut view = self.inner.view(endpoint).await?;
        view.secrets = Some(secrets.present(now).map(str::to_owned).collect());
        Ok(view)
    }

    /// Removes an endpoint and what was still to be delivered to it. Nobody finds either from now on; the rows go in the
    /// background.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] `signs_directives` for the row that only signs.
    pub async fn remove_webhook(&self, who: &Principal, id: &str) -> Result<()> {
        who.may(Scope::Submit)?;
        let (who, id) = (who.clone(), id.to_owned());
        let write = self.inner.store.write(async move |tx| {
            if find(tx, &who, &id).await?.url.is_empty() {
                let detail = "this row signs calls to the URLs in directives; rotate it if its secret is known";
                return Err(Error::conflict("signs_directives", detail));
            }
            Ok(webhook::remove(tx, &id).await?)
        });
        write.await
    }
}

impl Inner {
    /// An endpoint as it is shown. Deliveries are counted in a read of its own: there may be many, and nobody's write
    /// shall wait for that.
    async fn view(&self, endpoint: Endpoint) -> Result<EndpointView> {
        self.store.read(async move |tx| view(tx, &endpoint).await).await
    }

    /// What an endpoint is once it is asked for again: it hears of what was asked for either time, and what is said now
    /// counts.
    fn ask_again(&self, mut known: Endpoint, request: &EndpointRequest, now: Millis) -> Result<Endpoint> {
        let more: Vec<String> = request.events.iter().filter(|event| !known.events.contains(event)).cloned().collect();
        known.events.extend(more);
        EndpointChange { events: Some(known.events.clone()), ..EndpointChange::default() }.check()?;
        known.everybody = request.everybody.unwrap_or(known.everybody);
        known.description = request.description.clone().or(known.description);
        if let Some(secret) = &request.secret {
            let mut secrets = self.open_secrets(&known)?;
            if secrets.present(now).next() != Some(secret) {
                secrets.rotate(secret.clone(), now);
                known.secrets = self.seal_secrets(&secrets, &known.id)?;
            }
        }
        known.changed_at = now;
        Ok(known)
    }
}

/// Stops calling an endpoint that said that it is gone. What waits for it waits on.
pub(super) async fn disable(tx: &mut Tx<'_>, id: &str, reason: &str, now: Millis) -> baton_store::Result<()> {
    let Some(mut endpoint) = webhook::get(tx, id).await?.filter(|endpoint| endpoint.enabled) else { return Ok(()) };
    (endpoint.enabled, endpoint.reason, endpoint.changed_at) = (false, Some(reason.to_owned()), now);
    webhook::update(tx, &endpoint).await
}

/// Calls an endpoint again, beginning with what is still pending.
async fn enable(tx: &mut Tx<'_>, mut endpoint: Endpoint, now: Millis) -> Result<Endpoint> {
    (endpoint.enabled, endpoint.reason, endpoint.changed_at) = (true, None, now);
    webhook::update(tx, &endpoint).await?;
    delivery::bring_forward(tx, &endpoint.id, now, FORWARD).await?;
    tx.signal(Signal::Outbox { lane: endpoint.id.clone() });
    Ok(endpoint)
}

/// The endpoint of that id, if it is the principal's own; another's is as one that is not there.
pub(super) async fn find(tx: &mut Tx<'_>, who: &Principal, id: &str) -> Result<Endpoint> {
    let found = webhook::get(tx, id).await?.filter(|endpoint| who.sees(&endpoint.owner));
    found.ok_or_else(|| Error::NotFound { what: "webhook", id: id.to_owned() })
}

async fn view(tx: &mut Tx<'_>, endpoint: &Endpoint) -> Result<EndpointView> {
    let [pending, delivered, dead] = delivery::counts(tx, &endpoint.id).await?;
    Ok(EndpointView {
        id: endpoint.id.clone(),
        url: endpoint.url.clone(),
        events: endpoint.events.clone(),
        everybody: endpoint.everybody,
        owner: endpoint.owner.clone(),
        description: endpoint.description.clone(),
        enabled: endpoint.enabled,
        reason: endpoint.reason.clone(),
        created_at: clock::iso(endpoint.created_at),
        pending,
        delivered,
        dead,
        secrets: None,
    })
}
