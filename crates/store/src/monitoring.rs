//! The switch that lets agents have work, and the agents that were stopped alone.

use baton_model::Millis;

use crate::{Result, Signal, Tx};

/// How the switch stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// Whether agents are handed work.
    pub active: bool,
    /// The monitoring session: the present one or, when off, the last.
    pub session_id: Option<String>,
}

/// How the switch stands.
///
/// # Errors
/// If the database refuses.
pub async fn switch(tx: &mut Tx<'_>) -> Result<Switch> {
    let sql = "select active, session_id from monitoring where id = 1";
    tx.one(sql, &[], |row| Ok(Switch { active: row.get(0)?, session_id: row.get(1)? })).await
}

/// Whether an agent was stopped alone.
///
/// # Errors
/// If the database refuses.
pub async fn is_stopped(tx: &mut Tx<'_>, agent: &str) -> Result<bool> {
    let sql = "select 1 from agent where name = $1 and not active";
    Ok(tx.row(sql, &[&agent], |_| Ok(())).await?.is_some())
}

/// Turns the switch.
///
/// # Errors
/// If the database refuses.
pub async fn turn(tx: &mut Tx<'_>, to: &Switch, now: Millis) -> Result<()> {
    let sql = "update monitoring set active = $1, session_id = $2, changed_at = $3 where id = 1";
    tx.execute_one("turn switch", sql, &[&to.active, &to.session_id, &now]).await?;
    tx.signal(Signal::Switched);
    Ok(())
}

/// Registers an agent by name, or stops it alone.
///
/// # Errors
/// If the database refuses.
pub async fn set_agent(tx: &mut Tx<'_>, name: &str, active: bool, now: Millis) -> Result<()> {
    let sql = "insert into agent (name, active, changed_at) values ($1, $2, $3) \
        on conflict (name) do update set active = excluded.active, changed_at = excluded.changed_at";
    tx.execute_one("set agent", sql, &[&name, &active, &now]).await?;
    tx.signal(Signal::Switched);
    Ok(())
}
