//! What the holder of a lease may do besides reporting: keep the directive longer, or give it back undone.

use baton_model::{
    Millis, State,
    bounds::{check_positive_seconds, check_seconds, shorten},
    clock,
    fault::Faults,
    principal::Scope,
    view::{Changed, Extended},
};
use baton_store::{
    Tx,
    directive::{self, DirectiveRow},
    event,
};
use serde_json::json;

use super::change::already_ended;
use crate::{Engine, Error, Principal, Result};

/// Longest reason that is kept, in characters.
const REASON: usize = 500;

/// Who renews a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// An agent that needs more time: worth an event.
    Asked,
    /// A worker that says every few seconds that it is alive.
    Heartbeat,
}

impl Engine {
    /// Renews the lease that `token` names: `seconds` from now or, by default, as long as it was given at first.
    ///
    /// # Errors
    /// [`Error::Conflict`] `stale_attempt` once the directive went to another agent, `already_ended`, `not_leased`.
    pub async fn extend_lease(
        &self,
        who: &Principal,
        id: &str,
        token: &str,
        seconds: Option<f64>,
        renewal: Renewal,
    ) -> Result<Extended> {
        who.may(Scope::Work)?;
        let mut faults = Faults::default();
        if let Some(seconds) = seconds {
            check_positive_seconds("seconds", seconds, &mut faults);
        }
        faults.into_result()?;
        let (who, id, token) = (who.clone(), id.to_owned(), token.to_owned());
        let (now, steady) = (self.inner.clock.now(), self.inner.clock.steady());
        let write = self.inner.store.write(async move |tx| {
            let (row, lease) = held(tx, &who, &id, &token).await?;
            let millis = seconds.map_or(lease, clock::millis);
            directive::renew(tx, &row, steady + millis).await?;
            let lease_expires_at = clock::iso(now + millis);
            if renewal == Renewal::Asked {
                let data = json!({"attempt": row.attempt, "lease_expires_at": lease_expires_at});
                event::append(tx, "directive.lease_extended", &row.owner, &id, now, data).await?;
            }
            Ok(Extended { success: true, directive_id: id.clone(), lease_expires_at })
        });
        write.await
    }

    /// Gives a directive back that could not be taken up: it is due again after `delay` seconds, and neither a failure
    /// nor a delivery is counted.
    ///
    /// # Errors
    /// As [`Engine::extend_lease`].
    pub async fn release(&self, who: &Principal, id: &str, token: &str, delay: f64, reason: &str) -> Result<Changed> {
        who.may(Scope::Work)?;
        let mut faults = Faults::default();
        check_seconds("delay_seconds", delay, &mut faults);
        faults.into_result()?;
        let (who, id, token) = (who.clone(), id.to_owned(), token.to_owned());
        let reason = shorten(&reason.replace('\0', " "), REASON);
        let now = self.inner.clock.now();
        let write = self.inner.store.write(async move |tx| {
            let (row, _) = held(tx, &who, &id, &token).await?;
            if row.state != State::Leased {
                let detail = format!("the lease of directive `{id}` has ended: it waits for another agent already");
                return Err(Error::conflict("not_leased", detail));
            }
            directive::release(tx, &row, now + clock::millis(delay), &reason, now).await?;
            let state = if delay > 0.0 { State::Scheduled } else { State::Queued };
            Ok(Changed { success: true, directive_id: id.clone(), state })
        });
        write.await
    }
}

/// The directive whose present lease `token` names, and how long that was given for.
pub(crate) async fn held(tx: &mut Tx<'_>, who: &Principal, id: &str, token: &str) -> Result<(DirectiveRow, Millis)> {
    let row = directive::get(tx, id).await?.ok_or_else(|| Error::no_directive(id))?;
    if !who.sees(&row.owner) && !directive::was_held_by(tx, &row, &who.name).await? {
        return Err(Error::no_directive(id));
    }
    if row.state.is_final() {
        return Err(already_ended(&row));
    }
    let Some(lease) = row.lease.as_ref().filter(|lease| lease.token == token) else {
        let (code, why) = match row.attempt {
            0 => ("not_leased", "has not been handed out"),
            _ => {
                ("stale_attempt", "is no longer leased under this token: another agent has it, or its result is known")
            }
        };
        return Err(Error::conflict(code, format!("directive `{id}` {why}")));
    };
    let millis = lease.millis;
    Ok((row, millis))
}
