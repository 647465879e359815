//! Showing what is there.

use baton_model::{
    Millis,
    analytics::Analytics,
    clock,
    principal::Scope,
    view::{
        AttemptOutcome, AttemptView, DirectiveDetail, DirectiveFilter, DirectiveView, Page, QueueStatus, ResultView,
    },
};
use baton_store::{
    delivery::{self, Delivery},
    directive::{self, Attempt, DirectiveRow, Listed},
    event, monitoring, stats,
};

use crate::{Engine, Error, Inner, Principal, Result};

/// Events that are shown with a directive.
const SHOWN_EVENTS: i64 = 200;
/// Longest page of a list.
const LONGEST_PAGE: i64 = 1000;

impl Engine {
    /// Everything about one directive.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn directive(&self, who: &Principal, id: &str) -> Result<DirectiveDetail> {
        who.may(Scope::Read)?;
        let (who, id) = (who.clone(), id.to_owned());
        let skew = self.inner.skew();
        self.inner
            .store
            .read(async move |tx| {
                let row = directive::get(tx, &id).await?.filter(|row| who.sees_directive(row));
                let row = row.ok_or_else(|| Error::no_directive(&id))?;
                let is_own = who.sees(&row.owner);
                let mut deliveries = delivery::of_directive(tx, &id).await?;
                deliveries.retain(|delivery| is_own && who.sees(&delivery.owner));
                let events_of = (!who.is_admin()).then_some(row.owner.as_str());
                let attempts = directive::attempts(tx, &row).await?;
                let events = event::of_directive(tx, &id, events_of, SHOWN_EVENTS).await?;
                let depends_on = directive::dependencies(tx, &id).await?;
                let children = directive::children(tx, &id).await?;
                let attempts = show_attempts(&row, attempts, skew);
                let result = show_result(&row);
                Ok(DirectiveDetail {
                    directive: show(&row, skew),
                    // Its URL may hold a secret of the submitter.
                    webhook: row.request.webhook.filter(|_| is_own),
                    follow_up_rules: row.request.follow_up_rules,
                    retry_on_failure: row.request.retry_on_failure,
                    max_retries: row.request.max_retries,
                    retry_delay: row.request.retry_delay,
                    retry_backoff: row.request.retry_backoff,
                    timeout_seconds: row.request.timeout_seconds,
                    depends_on,
                    budget_usd: row.request.budget_usd,
                    acceptance: row.request.acceptance,
                    repository: row.request.repository,
                    metadata: row.request.metadata,
                    result,
                    attempts,
                    events,
                    children,
                    deliveries: deliveries.iter().map(Delivery::view).collect(),
                    owner: row.owner,
                })
            })
            .await
    }

    /// A page of directives, newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a limit or cursor that is none.
    pub async fn directives(
        &self,
        who: &Principal,
        filter: DirectiveFilter,
        limit: i64,
        cursor: Option<&str>,
    ) -> Result<Page<DirectiveView>> {
        who.may(Scope::Read)?;
        let filter = DirectiveFilter { owner: who.only().or(filter.owner), ..filter };
        check_limit(limit)?;
        let before = cursor.map(checked_cursor).transpose()?;
        let skew = self.inner.skew();
        let read =
            self.inner.store.read(async move |tx| directive::list(tx, &filter, before.as_deref(), limit + 1).await);
        let (rows, last) = page(read.await?, limit);
        let next_cursor = last.map(|(_, id)| id);
        Ok(Page { items: rows.iter().map(|row| show(row, skew)).collect(), next_cursor })
    }

    /// A page of final results, latest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a limit or cursor that is none.
    pub async fn results(&self, who: &Principal, limit: i64, cursor: Option<&str>) -> Result<Page<ResultView>> {
        who.may(Scope::Read)?;
        let owner = who.only();
        check_limit(limit)?;
        let before = cursor.map(read_cursor).transpose()?;
        let read = self.inner.store.read(async move |tx| {
            let before = before.as_ref().map(|(at, id)| (*at, id.as_str()));
            directive::page_of_results(tx, owner.as_deref(), before, limit + 1).await
        });
        let (rows, last) = page(read.await?, limit);
        let next_cursor = last.map(|(ended_at, id)| format!("{ended_at}.{id}"));
        Ok(Page { items: rows.iter().filter_map(show_result).collect(), next_cursor })
    }

    /// The state of the whole queue.
    ///
    /// # Errors
    /// If the store is unavailable.
    pub async fn queue_status(&self, who: &Principal) -> Result<QueueStatus> {
        who.may(Scope::Read)?;
        self.inner.queue_status(who.only()).await
    }

    /// The state of the whole queue, whoever asks: figures for `/metrics` and nothing that belongs to anybody.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for a token without a scope.
    pub async fn gauges(&self, who: &Principal) -> Result<QueueStatus> {
        who.may(Scope::Read)?;
        self.inner.queue_status(None).await
    }

    /// Seed 000's analytics; costs the same however many results there are.
    ///
    /// # Errors
    /// If the store is unavailable.
    pub async fn analytics(&self, who: &Principal) -> Result<Analytics> {
        who.may(Scope::Read)?;
        let owner = who.only();
        Ok(self.inner.store.read(async move |tx| stats::analytics(tx, owner.as_deref()).await).await?)
    }
}

impl Inner {
    async fn queue_status(&self, owner: Option<String>) -> Result<QueueStatus> {
        let waiting_polls = i64::try_from(self.waiters.count()).unwrap_or(i64::MAX);
        let read = self.store.read(async move |tx| {
            let counts = directive::counts(tx, owner.as_deref()).await?;
            Ok::<_, Error>((counts, monitoring::switch(tx).await?, stats::total(tx, owner.as_deref()).await?))
        });
        let (counts, switch, completed_directives) = read.await?;
        Ok(QueueStatus {
            pending_directives: counts.pending,
            scheduled_directives: counts.scheduled,
            active_directives: counts.active,
            completed_directives,
            is_monitoring: switch.active,
            session_id: switch.session_id,
            waiting_polls,
        })
    }

    /// What makes wall time of the steady clock's: nothing, unless the wall clock was set since the start.
    pub(super) fn skew(&self) -> Millis {
        let skew = self.clock.now() - self.clock.steady();
        if skew.abs() < 1000 { 0 } else { skew } // below that it is rounding
    }
}

pub(crate) fn check_limit(limit: i64) -> Result<()> {
    if (1..=LONGEST_PAGE).contains(&limit) {
        return Ok(());
    }
    Err(Error::field("limit", format!("must be 1 to {LONGEST_PAGE}, not {limit}")))
}

/// The rows that are shown and, if there are more, when the last of them ended and its id.
fn page(found: Listed, limit: i64) -> (Vec<DirectiveRow>, Option<(Millis, String)>) {
    let Listed { mut rows, is_cut } = found;
    let is_longer = cut(&mut rows, limit).is_some();
    let last = rows.last().filter(|_| is_longer || is_cut);
    let last = last.map(|last| (last.ended_at.unwrap_or_default(), last.id.clone()));
    (rows, last)
}

/// Takes off what is only there to tell that there is more; then answers the last that is shown.
pub(crate) fn cut<T>(rows: &mut Vec<T>, limit: i64) -> Option<&T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    rows.last()
}

/// A place in the list of results: when and what.
fn read_cursor(cursor: &str) -> Result<(Millis, String)> {
    let (at, id) = cursor.split_once('.').unwrap_or_default();
    Ok((at.parse().map_err(|_| foreign_cursor())?, checked_cursor(id)?))
}

/// A place in the list of directives: an id.
pub(super) fn checked_cursor(id: &str) -> Result<String> {
    let dashes = [8, 13, 18, 23];
    let fits = |(at, byte): (usize, u8)| if dashes.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() };
    let is_id = id.len() == 36 && id.bytes().enumerate().all(fits);
    is_id.then(|| id.to_owned()).ok_or_else(foreign_cursor)
}

fn foreign_cursor() -> Error {
    Error::field("cursor", "is none of ours: take `next_cursor` or the `Link` header of a page")
}

pub(super) fn show(row: &DirectiveRow, skew: Millis) -> DirectiveView {
    let lease = row.lease.as_ref().filter(|_| row.state == baton_model::State::Leased);
    DirectiveView {
        directive_id: row.id.clone(),
        directive: row.body.clone(),
        priority: row.priority,
        state: row.state,
        tags: row.request.tags.clone(),
        agent: row.request.agent.clone(),
        created_at: clock::iso(row.created_at),
        due_at: clock::iso(row.ready_at),
        ended_at: row.ended_at.map(clock::iso),
        attempt: row.attempt,
        retry_count: row.retry_count,
        leased_by: lease.and_then(|lease| lease.agent.clone()),
        lease_expires_at: lease.map(|lease| clock::iso(lease.ends_at + skew)),
        parent: row.parent.clone(),
    }
}

fn show_attempts(row: &DirectiveRow, ended: Vec<Attempt>, skew: Millis) -> Vec<AttemptView> {
    let mut shown: Vec<AttemptView> = ended
        .into_iter()
        .map(|attempt| {
            let (result, error) = attempt.report.map_or((None, None), |report| (Some(report.result), report.error));
            AttemptView {
                attempt: attempt.number,
                agent: attempt.agent,
                leased_at: clock::iso(attempt.leased_at),
                lease_expires_at: clock::iso(attempt.lease_ends_at + skew),
                ended_at: Some(clock::iso(attempt.ended_at)),
                outcome: attempt.outcome,
                result,
                error,
            }
        })
        .collect();
    if let Some(lease) = row.lease.as_ref().filter(|_| row.state == baton_model::State::Leased) {
        shown.retain(|attempt| attempt.attempt != row.attempt);
        shown.push(AttemptView {
            attempt: row.attempt,
            agent: lease.agent.clone(),
            leased_at: clock::iso(lease.leased_at),
            lease_expires_at: clock::iso(lease.ends_at + skew),
            ended_at: None,
            outcome: AttemptOutcome::Running,
            result: None,
            error: None,
        });
    }
    shown
}

fn show_result(row: &DirectiveRow) -> Option<ResultView> {
    let result = row.result.as_ref()?;
    Some(ResultView {
        directive_id: row.id.clone(),
        success: result.success,
        result: result.result.clone(),
        execution_time: result.execution_time,
        error: result.error.clone(),
        timestamp: clock::iso(row.ended_at.unwrap_or_default()),
        metadata: result.metadata.clone(),
        directive: row.body.clone(),
        priority: row.priority,
        tags: row.request.tags.clone(),
        attempt: row.attempt,
        agent: row.lease.as_ref().and_then(|lease| lease.agent.clone()),
    })
}
