//! A directive's row.

use std::{borrow::Cow, sync::LazyLock};

use baton_model::{
    DirectiveRequest, Millis, Priority, State,
    lifecycle::{RetryPolicy, Standing},
};
use serde_json::{Map, Value};

use super::FinalResult;
use crate::{Error, Json, Result, Row, Signal, Tx};

/// Everything that is kept of a directive.
#[derive(Clone, Debug)]
pub struct DirectiveRow {
    /// UUIDv7 as text.
    pub id: String,
    /// The principal that submitted it.
    pub owner: String,
    /// Its text.
    pub body: String,
    /// What was asked for, without the text.
    pub request: DirectiveRequest,
    /// How urgent it is now.
    pub priority: Priority,
    /// Where it stands.
    pub state: State,
    /// Who alone may take it; empty for anybody.
    pub agent: String,
    /// The directive from whose result or retry it came.
    pub parent: Option<String>,
    /// When it was submitted.
    pub created_at: Millis,
    /// When it is or was due.
    pub ready_at: Millis,
    /// Dependencies that are not completed yet; -1 once one can no longer be.
    pub unmet: i64,
    /// How many others depend on it.
    pub needed: i64,
    /// Number of the latest delivery.
    pub attempt: i64,
    /// Failures that were retried.
    pub retry_count: i64,
    /// What the next text handed out says of the attempt before.
    pub retry_reason: Option<String>,
    /// Leases that ran out since the last report.
    pub expiries: i64,
    /// Number of the first delivery whose lease ran out.
    pub first_expired: i64,
    /// The latest delivery, unless its failure is retried: the present one or the one that ended the directive.
    pub lease: Option<Lease>,
    /// When it ended.
    pub ended_at: Option<Millis>,
    /// Its final result.
    pub result: Option<FinalResult>,
}

/// The terms of a delivery. Times are of the steady clock, but for `leased_at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who may report.
    pub token: String,
    /// The agent's name, if it gave one.
    pub agent: Option<String>,
    /// Its monitoring session, if it gave one.
    pub session: Option<String>,
    /// How long it was given for.
    pub millis: Millis,
    /// When it was given.
    pub leased_at: Millis,
    /// When it ends.
    pub ends_at: Millis,
    /// The principal that it was given to.
    pub holder: Option<String>,
}

impl DirectiveRow {
    /// What the rules need to know.
    pub fn standing(&self) -> Standing {
        Standing {
            state: self.state,
            attempt: self.attempt,
            lease_token: self.lease.as_ref().map(|lease| lease.token.clone()),
            first_expired: self.first_expired,
            expiries: self.expiries,
            retry_count: self.retry_count,
        }
    }

    /// What its failures are followed by.
    pub fn retry_policy(&self) -> Option<RetryPolicy> {
        self.request.retry_on_failure.then(|| RetryPolicy {
            max: self.request.max_retries,
            delay: baton_model::clock::millis(self.request.retry_delay),
            backoff: self.request.retry_backoff,
        })
    }

    /// What tells waiting polls that it is due.
    pub fn queued_signal(&self) -> Signal {
        Signal::Queued { id: self.id.clone(), agent: self.agent.clone(), tags: self.request.tags.clone() }
    }

    /// Whether rows of the tag index follow its state.
    pub(super) fn is_tagged(&self) -> bool {
        !self.request.tags.is_empty()
    }
}

/// What was asked for, without what is as it is by default: most directives are plain, and their rows are rewritten
/// twice.
///
/// # Errors
/// If it cannot be written as JSON.
pub(super) fn stored_request(request: &DirectiveRequest) -> Result<Json<Cow<'static, Value>>> {
    static PLAIN: LazyLock<DirectiveRequest> = LazyLock::new(DirectiveRequest::plain);
    static PLAIN_FIELDS: LazyLock<Value> = LazyLock::new(|| serde_json::json!(*PLAIN));
    static STORED_PLAIN: LazyLock<Value> = LazyLock::new(|| serde_json::json!({"directive": ""}));
    if *request == *PLAIN {
        return Ok(Json(Cow::Borrowed(&*STORED_PLAIN)));
    }
    let mut stored = serde_json::to_value(request).map_err(|e| Error::Unreadable(e.to_string()))?;
    if let Value::Object(fields) = &mut stored {
        fields.retain(|name, value| name == "directive" || PLAIN_FIELDS.get(name) != Some(value));
    }
    Ok(Json(Cow::Owned(stored)))
}

const COLUMNS: &str = "id, owner, body, request, priority, state, agent, parent, created_at, ready_at, unmet, attempt, \
    retry_count, retry_reason, expiries, first_expired, lease_token, lease_agent, lease_session, lease_ms, leased_at, \
    lease_ends_at, lease_holder, ended_at, success, result, error, execution_time, metadata, needed";

/// A query for whole rows.
pub(super) fn select(rest: &str) -> String {
    format!("select {COLUMNS} from directive {rest}")
}

/// The directive of that id.
///
/// # Errors
/// If the database refuses or the row cannot be read.
pub async fn get(tx: &mut Tx<'_>, id: &str) -> Result<Option<DirectiveRow>> {
    static SQL: LazyLock<String> = LazyLock::new(|| select("where id = $1"));
    tx.row(&SQL, &[&id], read).await
}

pub(super) fn read(row: Row<'_>) -> Result<DirectiveRow> {
    let Json(request) = row.get::<Json<DirectiveRequest>>(3)?;
    Ok(DirectiveRow {
        id: row.get(0)?,
        owner: row.get(1)?,
        body: row.get(2)?,
        request,
        priority: read_priority(row.get(4)?)?,
        state: read_state(&row.get::<String>(5)?)?,
        agent: row.get(6)?,
        parent: row.get(7)?,
        created_at: row.get(8)?,
        ready_at: row.get(9)?,
        unmet: row.get(10)?,
        attempt: row.get(11)?,
        retry_count: row.get(12)?,
        retry_reason: row.get(13)?,
        expiries: row.get(14)?,
        first_expired: row.get(15)?,
        lease: read_lease(&row, 16)?,
        ended_at: row.get(23)?,
        result: result_columns(&row, 24)?,
        needed: row.get(29)?,
    })
}

/// Reads token, agent, session, length, beginning, end and holder of a lease from the columns that start at `first`.
pub(super) fn read_lease(row: &Row<'_>, first: usize) -> Result<Option<Lease>> {
    let Some(token) = row.get(first)? else { return Ok(None) };
    Ok(Some(Lease {
        token,
        agent: row.get(first + 1)?,
        session: row.get(first + 2)?,
        millis: row.get(first + 3)?,
        leased_at: row.get(first + 4)?,
        ends_at: row.get(first + 5)?,
        holder: row.get(first + 6)?,
    }))
}

/// Reads `success, result, error, execution_time, metadata` from the columns that start at `first`.
///
/// # Errors
/// If a column is of another type.
fn result_columns(row: &Row<'_>, first: usize) -> Result<Option<FinalResult>> {
    let Some(success) = row.get::<Option<bool>>(first)? else { return Ok(None) };
    let metadata = row.get::<Option<Json<Map<String, Value>>>>(first + 4)?;
    Ok(Some(FinalResult {
        success,
        result: row.get::<Option<String>>(first + 1)?.unwrap_or_default(),
        error: row.get(first + 2)?,
        execution_time: row.get(first + 3)?,
        metadata: metadata.map(|Json(metadata)| metadata).unwrap_or_default(),
    }))
}

pub(super) fn read_priority(rank: i64) -> Result<Priority> {
    Priority::from_rank(rank).ok_or_else(|| Error::Unreadable(format!("{rank} is no priority")))
}

pub(super) fn read_state(word: &str) -> Result<State> {
    State::parse(word).ok_or_else(|| Error::Unreadable(format!("`{word}` is no state")))
}
