//! Use cases: what the doors may ask for. Every rule about directives is applied here or in `baton-model`.

mod error;
pub mod queue;

use std::sync::Arc;

pub use error::{Error, Result};
pub use queue::{Cursor, Poll, Settings};

use baton_model::{
    Clock, NewDirective, Priority, Rng,
    analytics::Analytics,
    directive::State,
    poll::{PollAnswer, Started, Stopped},
    view::{
        Changed, DirectiveDetail, DirectiveFilter, DirectiveView, Extended, Page, QueueStatus, ResultView, Submitted,
    },
};

/// Who asks. Until tokens exist everybody on this machine is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Owner of the rows it makes.
    pub name: Arc<str>,
}

impl Principal {
    /// A call from this machine without a token.
    pub fn local() -> Self {
        Principal { name: "local".into() }
    }
}

/// The queue and what belongs to it. Cheap to clone.
#[derive(Clone)]
pub struct Engine {}

impl Engine {
    pub async fn submit(&self, who: &Principal, new: NewDirective) -> Result<Submitted> {
        unimplemented!()
    }
    /// Records the poll's report, if it brings one, then hands out the next directive or waits up to `poll.wait`.
    /// Dropping the future while it waits is fine: a directive claimed for nobody is given back.
    pub async fn next(&self, who: &Principal, poll: Poll) -> Result<PollAnswer> {
        unimplemented!()
    }
    pub async fn start_monitoring(&self, who: &Principal, agent: Option<&str>) -> Result<Started> {
        unimplemented!()
    }
    pub async fn stop_monitoring(&self, who: &Principal, agent: Option<&str>) -> Result<Stopped> {
        unimplemented!()
    }
    pub async fn directive(&self, who: &Principal, id: &str) -> Result<DirectiveDetail> {
        unimplemented!()
    }
    pub async fn directives(
        &self,
        who: &Principal,
        filter: DirectiveFilter,
        limit: i64,
        cursor: Option<&str>,
    ) -> Result<Page<DirectiveView>> {
        unimplemented!()
    }
    pub async fn cancel(&self, who: &Principal, id: &str) -> Result<Changed> {
        unimplemented!()
    }
    pub async fn retry(&self, who: &Principal, id: &str) -> Result<Changed> {
        unimplemented!()
    }
    pub async fn set_priority(&self, who: &Principal, id: &str, priority: Priority) -> Result<Changed> {
        unimplemented!()
    }
    /// Renews the lease that `token` names; `seconds` from now, by default as long as it was given at first.
    pub async fn extend_lease(&self, who: &Principal, id: &str, token: &str, seconds: Option<f64>) -> Result<Extended> {
        unimplemented!()
    }
    pub async fn queue_status(&self, who: &Principal) -> Result<QueueStatus> {
        unimplemented!()
    }
    pub async fn results(&self, who: &Principal, limit: i64, cursor: Option<&str>) -> Result<Page<ResultView>> {
        unimplemented!()
    }
    pub async fn analytics(&self, who: &Principal) -> Result<Analytics> {
        unimplemented!()
    }
    /// Whether agents are handed work; for `/health`.
    pub async fn is_monitoring(&self) -> Result<bool> {
        unimplemented!()
    }
    /// Fails when the store does not answer; for `/readyz`.
    pub async fn ready(&self) -> Result<()> {
        unimplemented!()
    }
}
