//! The HTTP clients behind the door: guarded and free, each plain and with TLS.

use std::{sync::Arc, time::Duration};

use baton_model::address::Allow;
use reqwest::{Client, ClientBuilder, redirect::Policy};
use tokio::sync::OnceCell;

use crate::{
    call::Reach,
    error::{Error, Result},
    guard::{Guard, Lookup},
};

/// How long to wait for a connection; shared by the addresses of a name, so that a dead one leaves time for the next.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection is kept for the next call to the same host.
const IDLE: Duration = Duration::from_secs(30);
/// Most connections that are kept for one host.
const IDLE_PER_HOST: usize = 8;

pub(crate) struct Clients {
    pub(crate) allow: Arc<Allow>,
    guarded: Pair,
    free: Pair,
}

impl Clients {
    pub(crate) fn new(allow: Allow, lookup: Lookup) -> Self {
        let allow = Arc::new(allow);
        let guarded = Pair::new(Guard::new(lookup.clone(), Some(allow.clone())));
        Clients { allow, guarded, free: Pair::new(Guard::new(lookup, None)) }
    }

    pub(crate) async fn pick(&self, reach: Reach, scheme: &str) -> Result<&Client> {
        let pair = match reach {
            Reach::Guarded => &self.guarded,
            Reach::Free => &self.free,
        };
        match scheme {
            "https" => pair.with_tls().await,
            _ => pair.plain().await,
        }
    }
}

/// Made when they are first used: reading the machine's certificates takes time, and plain calls need none.
struct Pair {
    guard: Arc<Guard>,
    plain: OnceCell<Client>,
    with_tls: OnceCell<Client>,
}

impl Pair {
    fn new(guard: Guard) -> Self {
        Pair { guard: Arc::new(guard), plain: OnceCell::new(), with_tls: OnceCell::new() }
    }

    async fn plain(&self) -> Result<&Client> {
        let make =
            async || builder(self.guard.clone()).tls_certs_only([]).build().map_err(|error| Error::no_client(&error));
        self.plain.get_or_try_init(make).await
    }

    async fn with_tls(&self) -> Result<&Client> {
        let make = async || {
            let builder = builder(self.guard.clone());
            let built = tokio::task::spawn_blocking(move || builder.build()).await;
            built.map_err(|error| Error::no_client(&error))?.map_err(|error| Error::no_client(&error))
        };
        self.with_tls.get_or_try_init(make).await
    }
}

fn builder(guard: Arc<Guard>) -> ClientBuilder {
    // Fails only if one is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("baton/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(guard)
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_PER_HOST)
}
