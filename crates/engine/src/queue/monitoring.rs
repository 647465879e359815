//! The switch that lets agents have work.

use baton_model::{
    bounds::check_name,
    fault::Faults,
    poll::{Started, Stopped},
    principal::Scope,
};
use baton_store::{
    Tx, directive, event,
    monitoring::{self, Switch},
    stats,
};

use serde_json::json;

use super::words;
use crate::{Engine, Principal, Result};

impl Engine {
    /// Lets agents have work; with a name, also registers that agent. Everybody shares one monitoring session.
    ///
    /// # Errors
    /// If the name is not acceptable or the store is unavailable.
    pub async fn start_monitoring(&self, who: &Principal, agent: Option<&str>) -> Result<Started> {
        who.may(Scope::Work)?;
        let agent = checked(agent)?;
        let (now, new_id) = (self.inner.clock.now(), self.inner.new_id());
        let session_id = self
            .inner
            .store
            .write(async move |tx| {
                if let Some(agent) = &agent {
                    monitoring::set_agent(tx, agent, true, now).await?;
                }
                let switch = monitoring::switch(tx).await?;
                if let (true, Some(session_id)) = (switch.active, switch.session_id) {
                    return Ok(session_id);
                }
                monitoring::turn(tx, &Switch { active: true, session_id: Some(new_id.clone()) }, now).await?;
                event::append_public(tx, "monitoring.started", now, json!({"session_id": new_id})).await?;
                Ok::<_, crate::Error>(new_id.clone())
            })
            .await?;
        Ok(Started {
            message: "Directive monitoring started. Call get_next_directive to begin the loop.".to_owned(),
            session_id,
            instructions: words::LOOP.to_owned(),
        })
    }

    /// Tells every agent, or the one of that name alone, to stop at its next poll. Parked polls are answered at once.
    ///
    /// # Errors
    /// If the name is not acceptable or the store is unavailable.
    pub async fn stop_monitoring(&self, who: &Principal, agent: Option<&str>) -> Result<Stopped> {
        who.may(Scope::Work)?;
        let agent = checked(agent)?;
        let owner = who.only();
        let now = self.inner.clock.now();
        let message = match &agent {
            Some(agent) => format!("Agent `{agent}` is told to stop at its next poll."),
            None => "Directive monitoring stopped.".to_owned(),
        };
        let (session_id, completed_directives, pending_directives) = self
            .inner
            .store
            .write(async move |tx| {
                let switch = monitoring::switch(tx).await?;
                match &agent {
                    Some(agent) => monitoring::set_agent(tx, agent, false, now).await?,
                    None => stop_all(tx, &switch, now).await?,
                }
                Ok::<_, crate::Error>((
                    switch.session_id,
                    stats::total(tx, owner.as_deref()).await?,
                    directive::counts(tx, owner.as_deref()).await?.pending,
                ))
            })
            .await?;
        Ok(Stopped { message, session_id, completed_directives, pending_directives })
    }

    /// Whether agents are handed work; for `/health`.
    ///
    /// # Errors
    /// If the store is unavailable.
    pub async fn is_monitoring(&self) -> Result<bool> {
        Ok(self.inner.store.read(async move |tx| monitoring::switch(tx).await).await?.active)
    }
}

async fn stop_all(tx: &mut Tx<'_>, switch: &Switch, now: baton_model::Millis) -> baton_store::Result<()> {
    if switch.active {
        monitoring::turn(tx, &Switch { active: false, ..switch.clone() }, now).await?;
        event::append_public(tx, "monitoring.stopped", now, json!({"session_id": switch.session_id})).await?;
    }
    Ok(())
}

fn checked(agent: Option<&str>) -> Result<Option<String>> {
    let mut faults = Faults::default();
    if let Some(agent) = agent {
        check_name("agent", agent, &mut faults);
    }
    faults.into_result()?;
    Ok(agent.map(ToOwned::to_owned))
}
