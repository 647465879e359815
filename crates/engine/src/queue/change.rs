//! Changing a directive that is there: calling it off, trying again, moving it.

use baton_model::{Priority, State, principal::Scope, view::Changed};
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
    pub async fn cancel(&self, who: &Principal, id: &str) -> Result<Changed> {
        who.may(Scope::Submit)?;
        let (who, id, now) = (who.clone(), id.to_owned(), self.inner.clock.now());
        self.inner
            .store
            .write(async move |tx| {
                let row = find_own(tx, &id, &who).await?;
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
        who.may(Scope::Submit)?;
        let (who, id, now) = (who.clone(), id.to_owned(), self.inner.clock.now());
        let inner = self.inner.clone();
        self.inner
            .store
            .write(async move |tx| {
                let row = find_own(tx, &id, &who).await?;
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
                let again = inner.new_row(request, &row.owner, Some(id.clone()), now, None);
                let directive_id = again.id.clone();
                let state = submit::insert(tx, &who, again, now).await?;
                Ok(Changed { success: true, directive_id, state })
            })
            .await
    }

    /// Changes how urgent a directive is that has not ended.
    ///
    /// # Errors
    /// [`Error::Conflict`] `already_ended`.
    pub async fn set_priority(&self, who: &Principal, id: &str, priority: Priority) -> Result<Changed> {
        who.may(Scope::Submit)?;
        let (who, id, now) = (who.clone(), id.to_owned(), self.inner.clock.now());
        self.inner
            .store
            .write(async move |tx| {
                let row = find_own(tx, &id, &who).await?;
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
}

/// The directive of that id, if it is the principal's own; another's is as one that is not there.
pub(super) async fn find_own(tx: &mut Tx<'_>, id: &str, who: &Principal) -> Result<DirectiveRow> {
    directive::get(tx, id).await?.filter(|row| who.sees(&row.owner)).ok_or_else(|| Error::no_directive(id))
}

pub(super) fn already_ended(row: &DirectiveRow) -> Error {
    Error::conflict("already_ended", format!("directive `{}` is {} already", row.id, row.state.as_str()))
}
