//! Calls to addresses that somebody else named: guarded, bounded, and without redirects.
//!
//! A URL that came in a request (a webhook, a server that was registered at run time, an `http` step) may point at
//! Baton's own machine, at its network, or at the cloud's metadata service. [`Outbound`] is the one way out for such
//! calls, and it holds these:
//!
//! - Only public addresses are called, and those that the operator lists in `outbound.allow`
//!   ([`baton_model::address`]).
//! - A name is looked up once for each connection, every address it stands for is judged, and the connection goes to
//!   one of those very addresses: a name that changes between look and leap (DNS rebinding) wins nothing.
//! - A redirect is an answer like any other: it is never followed. No proxy is taken from the environment.
//! - The whole call has an end in time, and the answer an end in size: what is longer is cut by closing the connection.
//! - Only `http` and `https` without user name and password. Errors never show more of a URL than its host and port.

mod answer;
mod call;
mod clients;
mod error;
mod guard;

use std::{
    pin::pin,
    sync::{Arc, PoisonError, RwLock},
};

use baton_model::{Clock, address::Allow};
use futures_util::StreamExt;
use url::Url;

use self::clients::Clients;
pub use self::{
    answer::{Answer, End},
    call::{Call, MAX_ANSWER, Reach},
    error::{Error, Result},
    guard::{Lookup, system_lookup},
};

/// The way out. Cheap to clone; connections are kept for a while and shared by all clones.
#[derive(Clone)]
pub struct Outbound {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    lookup: Lookup,
    clients: RwLock<Arc<Clients>>,
}

impl Outbound {
    /// A way out that looks names up as the machine does.
    pub fn new(allow: Allow, clock: Arc<dyn Clock>) -> Self {
        Self::with_lookup(allow, clock, system_lookup())
    }

    /// A way out with a look-up of one's own.
    pub fn with_lookup(allow: Allow, clock: Arc<dyn Clock>, lookup: Lookup) -> Self {
        let clients = Clients::new(allow, lookup.clone());
        Outbound { inner: Arc::new(Inner { clock, lookup, clients: RwLock::new(Arc::new(clients)) }) }
    }

    /// Takes another list of what may be called. Calls on their way end as they began; connections that were kept are
    /// not used again, because they may go where the new list forbids.
    pub fn set_allow(&self, allow: Allow) {
        let clients = Clients::new(allow, self.inner.lookup.clone());
        *self.inner.clients.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(clients);
    }

    /// The list of what may be called, for checks before a URL is stored.
    pub fn allow(&self) -> Arc<Allow> {
        self.clients().allow.clone()
    }

    /// Makes a call. Every status is an answer, also 3xx and 5xx. Dropping the future gives the call up.
    ///
    /// # Errors
    /// When there is no answer; [`Error`] says why.
    pub async fn send(&self, call: Call) -> Result<Answer> {
        let started = self.inner.clock.steady();
        let clients = self.clients();
        let url = read_url(&call.url)?;
        let host = url.host().ok_or(Error::Invalid("the URL names no host"))?;
        if call.reach == Reach::Guarded {
            clients.allow.host(&host)?;
        }
        let place = place(&url);
        let mut deadline = pin!(tokio::time::sleep(call.timeout));

        let sending = async {
            let client = clients.pick(call.reach, url.scheme()).await?;
            let request = client.request(call.method, url).headers(call.headers).body(call.body);
            request.send().await.map_err(|error| Error::of(&error, &place))
        };
        let response = tokio::select! {
            sent = sending => sent?,
            () = &mut deadline => return Err(Error::Timeout { place, after: call.timeout }),
        };

        let (status, headers) = (response.status(), response.headers().clone());
        let mut chunks = response.bytes_stream();
        let mut body = Vec::new();
        let end = loop {
            let chunk = tokio::select! {
                chunk = chunks.next() => chunk,
                () = &mut deadline => break End::TooSlow,
            };
            match chunk {
                None => break End::Whole,
                Some(Err(_)) => break End::Broken,
                Some(Ok(chunk)) => {
                    let room = call.max_answer - body.len();
                    body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                    if chunk.len() > room {
                        break End::TooLong;
                    }
                }
            }
        };
        let millis = self.inner.clock.steady() - started;
        Ok(Answer { status, headers, body, end, millis })
    }

    fn clients(&self) -> Arc<Clients> {
        self.inner.clients.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read_url(text: &str) -> Result<Url> {
    let url = Url::parse(text).map_err(|_| Error::Invalid("it is no URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Error::Invalid("only http:// and https:// are called"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::Invalid("a URL must not hold a user name or a password"));
    }
    Ok(url)
}

/// What an error may tell of a URL: its path and query can be secrets.
fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
