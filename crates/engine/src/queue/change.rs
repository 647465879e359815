//! Changing a directive that is there: calling it off, trying again, moving it, keeping it longer.

use baton_model::{
    Priority, State,
    bounds::check_positive_seconds,
    clock,
    fault::Faults,
    view::{Changed, Extended},
};
use baton_store::{
    Tx,
    directive::{self, DirectiveRow, Ending},
    event,
};
use serde_json::{Map, json};

use super::submit;
use crate::{Engine, Error, Principal, Result};

impl Engine {
    /// Calls a directive off. Calling off one that is called off already changes nothing.
    ///
    /// # Errors
    /// [`Error::Conflict`] `already_ended` if it has a result.
    pub async fn cancel(&self, _who: &Principal, id: &str) -> Result<Changed> {
        let (id, now) = (id.to_owned(), self.inner.clock.now());
        self.inner
            .store
            .write(async move |tx| {
                let row = find(tx, &id).await?;
                match row.state {
                    State::Cancelled => {}
                    state if state.is_final() => return Err(already_ended(&row)),
                    _ => {
                        let ending = Ending { state: State::Cancelled, result: None, now, note: Map::new() };
                        directive::end(tx, &row, &ending).await?;
                    }
                }
                Ok(Changed { success: true, directive_id: id.clone(), state: State::Cancelled })
            })
            .await
    }

    /// Makes a directive that waits for its time due at once. For one that failed, died or was cancelled, submits the
    /// same again as a new directive and answers its id: results are never overwritten.
    ///
    /// # Errors
    /// [`Error::Conflict`] `not_retryable` if it succeeded, is with an agent, or is due already.
    pub async fn retry(&self, who: &Principal, id: &str) -> Result<Changed> {
        let (id, now) = (id.to_owned(), self.inner.clock.now());
        let (inner, owner) = (self.inner.clone(), who.name.clone());
        self.inner
            .store
            .write(async move |tx| {
                let row = find(tx, &id).await?;
                if row.state == State::Scheduled {
                    let state = directive::requeue(tx, &row, now, now).await?;
                    event::append(tx, "directive.queued", &row.owner, &id, now, json!({"reason": "retry"})).await?;
                    return Ok(Changed { success: true, directive_id: id.clone(), state });
                }
                if !matches!(row.state, State::Failed | State::Dead | State::Cancelled) {
                    let state = row.state.as_str();
                    let detail = format!(
                        "directive `{id}` is {state}; only one that failed, died, was cancelled or waits for its time can be retried"
                    );
                    return Err(Error::conflict("not_retryable", detail));
                }
                let mut request = row.request.clone();
                request.directive.clone_from(&row.body);
                request.priority = row.priority;
                request.idempotency_key = None;
                request.depends_on = directive::dependencies(tx, &id).await?;
                let again = inner.new_row(request, &owner, Some(id.clone()), now, None);
                let directive_id = again.id.clone();
                let state = submit::insert(tx, again, now).await?;
                Ok(Changed { success: true, directive_id, state })
            })
            .await
    }

    /// Changes how urgent a directive is that has not ended.
    ///
    /// # Errors
    /// [`Error::Conflict`] `already_ended`.
    pub async fn set_priority(&self, _who: &Principal, id: &str, priority: Priority) -> Result<Changed> {
        let (id, now) = (id.to_owned(), self.inner.clock.now());
        self.inner
            .store
            .write(async move |tx| {
                let row = find(tx, &id).await?;
                if row.state.is_final() {
                    return Err(already_ended(&row));
                }
                directive::set_priority(tx, &row, priority).await?;
                let data = json!({"from": row.priority, "to": priority});
                event::append(tx, "directive.priority_changed", &row.owner, &id, now, data).await?;
                Ok(Changed { success: true, directive_id: id.clone(), state: row.state })
            })
            .await
    }

    /// Renews the lease that `token` names: `seconds` from now or, by default, as long as it was given at first.
    ///
    /// # Errors
    /// [`Error::Conflict`] `stale_attempt` once the directive went to another agent, `already_ended`, `not_leased`.
    pub async fn extend_lease(
        &self,
        _who: &Principal,
        id: &str,
        token: &str,
        seconds: Option<f64>,
    ) -> Result<Extended> {
        let mut faults = Faults::default();
        if let Some(seconds) = seconds {
            check_positive_seconds("seconds", seconds, &mut faults);
        }
        faults.into_result()?;
        let (id, token) = (id.to_owned(), token.to_owned());
        let (now, steady) = (self.inner.clock.now(), self.inner.clock.steady());
        self.inner
            .store
            .write(async move |tx| {
                let row = find(tx, &id).await?;
                if row.state.is_final() {
                    return Err(already_ended(&row));
                }
                let Some(lease) = row.lease.as_ref().filter(|lease| lease.token == token) else {
                    let (code, why) = match row.attempt {
                        0 => ("not_leased", "has not been handed out"),
                        _ => (
                            "stale_attempt",
                            "is no longer leased under this token: another agent has it, or its result is known",
                        ),
                    };
                    return Err(Error::conflict(code, format!("directive `{id}` {why}")));
                };
                let millis = seconds.map_or(lease.millis, clock::millis);
                directive::renew(tx, &row, steady + millis).await?;
                let lease_expires_at = clock::iso(now + millis);
                let data = json!({"attempt": row.attempt, "lease_expires_at": lease_expires_at});
                event::append(tx, "directive.lease_extended", &row.owner, &id, now, data).await?;
                Ok(Extended { success: true, directive_id: id.clone(), lease_expires_at })
            })
            .await
    }
}

pub(super) async fn find(tx: &mut Tx<'_>, id: &str) -> Result<DirectiveRow> {
    directive::get(tx, id).await?.ok_or_else(|| Error::no_directive(id))
}

fn already_ended(row: &DirectiveRow) -> Error {
    Error::conflict("already_ended", format!("directive `{}` is {} already", row.id, row.state.as_str()))
}
