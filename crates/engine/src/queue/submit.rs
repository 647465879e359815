//! Taking a new directive.

use baton_model::{
    DirectiveRequest, Millis, NewDirective, Priority, State, ids::sha256_hex, principal::Scope, view::Submitted,
};
use baton_store::{
    Signal, Tx,
    directive::{self, DirectiveRow},
    idempotency::{self, Known},
};

use crate::{Engine, Error, Inner, Principal, Result, webhooks};

/// How many directives may depend on one: its end releases them all in one transaction.
const MOST_DEPENDENTS: i64 = 1000;

impl Engine {
    /// Checks every bound of a request. Reading many conditions takes its time, so they are read on another thread.
    ///
    /// # Errors
    /// [`Error::Invalid`] with all faults at once.
    pub async fn check(&self, request: DirectiveRequest) -> Result<NewDirective> {
        if let Some(url) = &request.webhook {
            self.inner.outbox.check_url("webhook", url)?;
        }
        if request.follow_up_rules.is_empty() {
            return Ok(NewDirective::check(request)?);
        }
        let checked = tokio::task::spawn_blocking(move || NewDirective::check(request)).await;
        Ok(checked.map_err(|error| Error::Unavailable(format!("the conditions could not be read: {error}")))??)
    }

    /// Puts a directive in the queue; when this answers, it is on disk.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown dependency, [`Error::Conflict`] for an idempotency key that stands for
    /// another body.
    pub async fn submit(&self, who: &Principal, new: NewDirective) -> Result<Submitted> {
        who.may(Scope::Submit)?;
        let inner = &self.inner;
        let now = inner.clock.now();
        let due = new.due(now);
        let request = new.into_request();
        let key = request.idempotency_key.clone().map(|key| (key, hash(&request)));
        let row = inner.new_row(request, &who.name, None, now, due);
        let signer = match &row.request.webhook {
            Some(_) => Some(inner.new_signer(&who.name)?),
            None => None,
        };
        let who = who.clone();
        let write = inner.store.write(async move |tx| {
            let answer = submit(tx, &who, &row, key.as_ref(), now).await?;
            if let Some(signer) = &signer {
                webhooks::ensure_signer(tx, signer).await?;
            }
            Ok::<_, Error>(answer)
        });
        let answer = write.await?;
        metrics::counter!("baton_directives_submitted_total").increment(1);
        Ok(answer)
    }
}

async fn submit(
    tx: &mut Tx<'_>,
    who: &Principal,
    row: &DirectiveRow,
    key: Option<&(String, String)>,
    now: Millis,
) -> Result<Submitted> {
    if let Some((key, body_hash)) = key {
        if let Some(known) = idempotency::find(tx, &row.owner, key, now).await? {
            return repeat(key, body_hash, known);
        }
        let known = Known { body_hash: body_hash.clone(), directive_id: row.id.clone() };
        idempotency::remember(tx, &row.owner, key, &known, now).await?;
    }
    insert(tx, who, row.clone(), now).await?;
    Ok(Submitted { success: true, directive_id: row.id.clone() })
}

fn repeat(key: &str, body_hash: &str, known: Known) -> Result<Submitted> {
    if known.body_hash == body_hash {
        return Ok(Submitted { success: true, directive_id: known.directive_id });
    }
    let detail = format!(
        "the idempotency key `{key}` was used for another body, which made directive `{}`: take a new key",
        known.directive_id
    );
    Err(Error::conflict("idempotency_key_reused", detail))
}

/// Writes a directive, first settling what it waits for: directives that `who` may look at.
pub(super) async fn insert(tx: &mut Tx<'_>, who: &Principal, mut row: DirectiveRow, now: Millis) -> Result<State> {
    let needs = std::mem::take(&mut row.request.depends_on);
    for needed in &needs {
        let found = directive::get(tx, needed).await?.filter(|found| who.sees(&found.owner));
        let found = found.ok_or_else(|| Error::no_directive(needed))?;
        if found.needed >= MOST_DEPENDENTS {
            let detail = format!("directive `{needed}` has {MOST_DEPENDENTS} others waiting for it already");
            return Err(Error::field("depends_on", detail));
        }
        match found.state {
            State::Completed => {}
            state if state.is_final() => row.unmet = -1,
            _ if row.unmet >= 0 => row.unmet += 1,
            _ => {}
        }
    }
    row.state = match row.unmet {
        0 if row.ready_at > now => State::Scheduled,
        0 => State::Queued,
        _ => State::Waiting,
    };
    directive::insert(tx, &row).await?;
    directive::insert_dependencies(tx, &row.id, &needs).await?;
    if row.unmet < 0 {
        tx.signal(Signal::Settle);
    }
    Ok(row.state)
}

/// What makes two bodies the same: everything but the key.
fn hash(request: &DirectiveRequest) -> String {
    let request = DirectiveRequest { idempotency_key: None, ..request.clone() };
    sha256_hex(serde_json::to_string(&request).unwrap_or_default().as_bytes())
}

impl Inner {
    /// A row for a new directive that waits for nothing but its time.
    pub(super) fn new_row(
        &self,
        mut request: DirectiveRequest,
        owner: &str,
        parent: Option<String>,
        now: Millis,
        due: Option<Millis>,
    ) -> DirectiveRow {
        let mut depends_on = std::mem::take(&mut request.depends_on);
        depends_on.sort();
        depends_on.dedup();
        request.depends_on = depends_on;
        DirectiveRow {
            id: self.new_id(),
            owner: owner.to_owned(),
            body: std::mem::take(&mut request.directive),
            priority: request.priority,
            state: State::Queued,
            agent: request.agent.clone().unwrap_or_default(),
            parent,
            created_at: now,
            ready_at: due.unwrap_or(now),
            unmet: 0,
            needed: 0,
            attempt: 0,
            retry_count: 0,
            retry_reason: None,
            expiries: 0,
            first_expired: 0,
            lease: None,
            ended_at: None,
            result: None,
            request,
        }
    }

    /// A row for what follows a result.
    pub(super) fn follow_up(&self, text: &str, priority: Priority, delay: Millis, of: &DirectiveRow) -> DirectiveRow {
        let now = self.clock.now();
        let request = DirectiveRequest { directive: text.to_owned(), priority, ..DirectiveRequest::plain() };
        let due = (delay > 0).then_some(now + delay);
        self.new_row(request, &of.owner, Some(of.id.clone()), now, due)
    }
}
