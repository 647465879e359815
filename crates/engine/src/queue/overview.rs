//! What pages show of the whole queue.

use baton_model::{
    Millis,
    analytics::Analytics,
    principal::Scope,
    view::{DirectiveFilter, DirectiveView, Page, QueueStatus, ResultView},
};
use baton_store::directive;

use super::{
    show::{check_limit, checked_cursor, cut, show},
    throughput::Minute,
};
use crate::{Engine, Error, Principal, Result};

/// A failure that nothing has come of needs somebody's attention for this long: a day.
const ATTENTION: Millis = 24 * 60 * 60 * 1000;

/// The whole queue at a glance.
#[derive(Clone, Debug)]
pub struct Overview {
    /// Its counts and its switch.
    pub queue: QueueStatus,
    /// How well it went so far.
    pub analytics: Analytics,
    /// With an agent; the lease that ends first before all others.
    pub leased: Vec<DirectiveView>,
    /// Due; the next to be handed out first.
    pub queued: Vec<DirectiveView>,
    /// Not due yet, by when they are.
    pub scheduled: Vec<DirectiveView>,
    /// Waiting for others, the oldest first.
    pub waiting: Vec<DirectiveView>,
    /// Failed or dead within the last day, and nothing has come of them.
    pub in_need: Vec<DirectiveView>,
    /// The latest results.
    pub results: Vec<ResultView>,
    /// Results of the last hour by the minute; minutes without any are left out.
    pub throughput: Vec<Minute>,
}

impl Engine {
    /// The whole queue, with at most `limit` of each kind.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] for a limit that is none, or if the store is unavailable.
    pub async fn overview(&self, who: &Principal, limit: i64) -> Result<Overview> {
        who.may(Scope::Read)?;
        check_limit(limit)?;
        let (skew, since) = (self.inner.skew(), self.inner.clock.now() - ATTENTION);
        let owner = who.only();
        let lists = self.inner.store.read(async move |tx| {
            let open = directive::open(tx, owner.as_deref(), limit).await?;
            let in_need = directive::in_need(tx, owner.as_deref(), since, limit).await?;
            Ok::<_, Error>((open, in_need))
        });
        let (open, in_need) = lists.await?;
        let views = |rows: Vec<directive::DirectiveRow>| rows.iter().map(|row| show(row, skew)).collect();
        Ok(Overview {
            queue: self.queue_status(who).await?,
            analytics: self.analytics(who).await?,
            leased: views(open.leased),
            queued: views(open.queued),
            scheduled: views(open.scheduled),
            waiting: views(open.waiting),
            in_need: views(in_need),
            results: self.results(who, limit, None).await?.items,
            throughput: self.throughput(who).await?,
        })
    }

    /// A page of directives whose text holds `text` in any case, or whose id begins with it; newest first. Looks
    /// through the newest 20,000 after the cursor.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] for a limit or cursor that is none.
    pub async fn search(
        &self,
        who: &Principal,
        filter: DirectiveFilter,
        text: &str,
        limit: i64,
        cursor: Option<&str>,
    ) -> Result<Page<DirectiveView>> {
        who.may(Scope::Read)?;
        check_limit(limit)?;
        let before = cursor.map(checked_cursor).transpose()?;
        let (skew, owner, text) = (self.inner.skew(), who.only(), text.to_owned());
        let found = self.inner.store.read(async move |tx| {
            directive::search(tx, owner.as_deref(), &filter, &text, before.as_deref(), limit + 1).await
        });
        let mut rows = found.await?;
        let next_cursor = cut(&mut rows, limit).map(|last| last.id.clone());
        Ok(Page { items: rows.iter().map(|row| show(row, skew)).collect(), next_cursor })
    }
}
