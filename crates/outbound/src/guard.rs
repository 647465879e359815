//! Looking names up, and judging what they stand for.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use baton_model::address::Allow;
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Finds the addresses of a name.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Looks names up as every program on this machine does: hosts file, then DNS.
pub fn system_lookup() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// A name that has no address, or whose look-up failed.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub(crate) struct Unresolved {
    why: String,
}

/// What the HTTP client asks for addresses. It connects to what this returns and nowhere else.
pub(crate) struct Guard {
    lookup: Lookup,
    /// Nothing: every address is fine.
    allow: Option<Arc<Allow>>,
}

impl Guard {
    pub(crate) fn new(lookup: Lookup, allow: Option<Arc<Allow>>) -> Self {
        Guard { lookup, allow }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let looking = (self.lookup)(name.as_str().to_owned());
        let allow = self.allow.clone();
        Box::pin(async move {
            let found = looking.await.map_err(|error| Unresolved { why: error.to_string() })?;
            if found.is_empty() {
                return Err(Unresolved { why: "it has no address".to_owned() }.into());
            }
            if let Some(allow) = allow {
                // One that may not be called is enough to refuse the name: it is either a mistake or an attempt.
                found.iter().try_for_each(|address| allow.address(name.as_str(), *address))?;
            }
            // The client puts the URL's port in place of 0.
            Ok(Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}
