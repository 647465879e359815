//! Handing a directive to an agent, and taking it back when nobody heard of it.

use baton_model::{DirectiveRequest, Millis, Priority, lifecycle};

use super::{
    mirror_tags,
    row::{self, Lease},
};
use crate::{Json, Result, Row, Signal, Tx, event};

/// Who asks, and on what terms.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The agent's name, if it gave one.
    pub agent: Option<String>,
    /// Its monitoring session, if it gave one.
    pub session: Option<String>,
    /// The principal that asks.
    pub holder: String,
    /// Whether the monitoring switch matters to it.
    pub switch: Switch,
    /// Only directives that carry at least one of these; all if empty.
    pub tags: Vec<String>,
    /// The lease's token.
    pub token: String,
    /// The wall clock.
    pub now: Millis,
    /// The clock that leases are measured on.
    pub steady: Millis,
    /// How long the lease lasts, whatever the directive says; none: as long as that says.
    pub lease: Option<Millis>,
    /// How long the lease lasts where the directive does not say.
    pub default_lease: Millis,
}

/// Whether the monitoring switch matters to whoever asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Switch {
    /// An agent: it gets nothing while the switch is off.
    #[default]
    Heeded,
    /// A worker: it was started by the operator, who stops it the same way.
    Ignored,
}

/// A directive that was handed out.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Its id.
    pub id: String,
    /// Its owner.
    pub owner: String,
    /// Its text, as it was submitted.
    pub body: String,
    /// What was asked for, without the text.
    pub request: DirectiveRequest,
    /// How urgent it is.
    pub priority: Priority,
    /// Number of this delivery.
    pub attempt: i64,
    /// Failures that were retried.
    pub retry_count: i64,
    /// What its text says of the attempt before.
    pub retry_reason: Option<String>,
    /// The lease's token.
    pub token: String,
    /// How long the lease lasts.
    pub lease: Millis,
    place: Place,
    /// The delivery before, whose lease ran out: until this one is heard of, its report is still good.
    before: Option<Lease>,
}

/// A place in line, before the id: the entry that is smallest goes first.
type Place = (i64, Millis);

/// Hands out the directive that is first in line for the agent, if there is one and the monitoring switch is on.
///
/// # Errors
/// If the database refuses.
pub async fn claim(tx: &mut Tx<'_>, claim: &Claim) -> Result<Option<Claimed>> {
    let Some(claimed) = first_in_line(tx, claim).await? else { return Ok(None) };
    let (id, place) = (&claimed.id, &claimed.place);
    tx.execute_one(
        "claim",
        "update directive set state = 'leased', attempt = $2, lease_token = $3, lease_agent = $4, lease_session = $5, \
         lease_ms = $6, leased_at = $7, lease_ends_at = $8, lease_holder = $9 where id = $1 and state = 'queued'",
        &[
            id,
            &claimed.attempt,
            &claim.token,
            &claim.agent,
            &claim.session,
            &claimed.lease,
            &claim.now,
            &(claim.steady + claimed.lease),
            &claim.holder,
        ],
    )
    .await?;
    if !claimed.request.tags.is_empty() {
        mirror_tags(tx, id, false, place.0, place.1).await?;
    }
    tx.signal(Signal::Alarm(claim.steady + claimed.lease));
    let mut data = serde_json::json!({"attempt": claimed.attempt});
    if let Some(agent) = &claim.agent {
        data["agent"] = agent.as_str().into();
    }
    event::append(tx, "directive.leased", &claimed.owner, id, claim.now, data).await?;
    Ok(Some(claimed))
}

/// Looks at one entry for everybody, one for the agent alone, and so for each tag: never at the whole line.
async fn first_in_line(tx: &mut Tx<'_>, claim: &Claim) -> Result<Option<Claimed>> {
    const FIRST: &str = "select id, priority, ready_at, owner, body, request, attempt, retry_count, retry_reason, \
        lease_token, lease_agent, lease_session, lease_ms, leased_at, lease_ends_at, lease_holder from directive \
        where state = 'queued' and agent = $1 and ($2 or (select active from monitoring where id = 1)) order by priority, ready_at, id limit 1";
    const FIRST_TAGGED: &str = "select d.id, d.priority, d.ready_at, d.owner, d.body, d.request, d.attempt, \
        d.retry_count, d.retry_reason, d.lease_token, d.lease_agent, d.lease_session, d.lease_ms, d.leased_at, \
        d.lease_ends_at, d.lease_holder from directive_tag t join directive d on d.id = t.directive_id \
        where t.tag = $1 and t.queued and t.agent = $2 \
        and ($3 or (select active from monitoring where id = 1)) order by t.priority, t.ready_at, t.directive_id limit 1";
    let agent = claim.agent.as_deref().unwrap_or("");
    let anyway = claim.switch == Switch::Ignored;
    let mut found = Vec::new();
    if claim.tags.is_empty() {
        found.push(tx.row(FIRST, &[&"", &anyway], |row| read(&row, claim)).await?);
        if !agent.is_empty() {
            found.push(tx.row(FIRST, &[&agent, &anyway], |row| read(&row, claim)).await?);
        }
    }
    for tag in &claim.tags {
        found.push(tx.row(FIRST_TAGGED, &[tag, &"", &anyway], |row| read(&row, claim)).await?);
        if !agent.is_empty() {
            found.push(tx.row(FIRST_TAGGED, &[tag, &agent, &anyway], |row| read(&row, claim)).await?);
        }
    }
    Ok(found.into_iter().flatten().min_by(|a, b| a.place.cmp(&b.place).then_with(|| a.id.cmp(&b.id))))
}

fn read(row: &Row<'_>, claim: &Claim) -> Result<Claimed> {
    let Json(request) = row.get::<Json<DirectiveRequest>>(5)?;
    let place: Place = (row.get(1)?, row.get(2)?);
    Ok(Claimed {
        id: row.get(0)?,
        owner: row.get(3)?,
        body: row.get(4)?,
        priority: row::read_priority(place.0)?,
        attempt: row.get::<i64>(6)? + 1,
        retry_count: row.get(7)?,
        retry_reason: row.get(8)?,
        token: claim.token.clone(),
        lease: claim.lease.unwrap_or_else(|| lifecycle::lease_millis(request.timeout_seconds, claim.default_lease)),
        place,
        before: row::read_lease(row, 9)?,
        request,
    })
}

/// Takes back a claim that nobody heard of, as if it had not been made. Nothing happens if the lease has moved on.
///
/// # Errors
/// If the database refuses.
pub async fn give_back(tx: &mut Tx<'_>, claimed: &Claimed, now: Millis) -> Result<()> {
    let before = claimed.before.as_ref();
    let taken_back = tx
        .execute(
            "update directive set state = 'queued', attempt = attempt - 1, lease_token = $3, lease_agent = $4, \
             lease_session = $5, lease_ms = $6, leased_at = $7, lease_ends_at = $8, lease_holder = $9 \
             where id = $1 and state = 'leased' and lease_token = $2",
            &[
                &claimed.id,
                &claimed.token,
                &before.map(|lease| &lease.token),
                &before.and_then(|lease| lease.agent.as_ref()),
                &before.and_then(|lease| lease.session.as_ref()),
                &before.map(|lease| lease.millis),
                &before.map(|lease| lease.leased_at),
                &before.map(|lease| lease.ends_at),
                &before.and_then(|lease| lease.holder.as_ref()),
            ],
        )
        .await?;
    let row = row::get(tx, &claimed.id).await?.filter(|_| taken_back == 1);
    let Some(row) = row else { return Ok(()) };
    if row.is_tagged() {
        mirror_tags(tx, &row.id, true, row.priority.rank(), row.ready_at).await?;
    }
    tx.signal(row.queued_signal());
    let data = serde_json::json!({"attempt": claimed.attempt, "reason": "nobody heard of it"});
    event::append(tx, "directive.released", &row.owner, &row.id, now, data).await
}
