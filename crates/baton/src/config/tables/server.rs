//! `[server]` and `[telemetry]`: where the server listens, under which names it answers, what it tells.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use baton_gate::{Access, AccessError};
use baton_model::Faults;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{config::keys::PATH, logging};

/// Where the server listens and under which names it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port to listen on. Port 0 takes any free one. What other machines can reach needs access tokens.
    #[serde(deserialize_with = "address")]
    #[schemars(with = "String")]
    pub bind: SocketAddr,
    /// The URL that people and agents use to reach the server, if it is not the address it listens on.
    pub public_url: Option<String>,
    /// Further names in the `Host` header that are answered, as `baton.example` or `baton.example:8443`.
    pub allowed_hosts: Vec<String>,
    /// Further web pages that may call the server, as `https://app.example`.
    pub allowed_origins: Vec<String>,
    /// The certificate chain to speak TLS with, a PEM file; the server's own certificate comes first.
    #[schemars(extend("format" = PATH))]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key, a PEM file.
    #[schemars(extend("format" = PATH))]
    pub tls_key: Option<PathBuf>,
    /// Whether a reverse proxy on this machine or network passes the calls on. Then every call needs a token, and TLS
    /// is the proxy's.
    pub behind_proxy: bool,
}

impl Default for Server {
    fn default() -> Self {
        Server {
            bind: SocketAddr::from(([127, 0, 0, 1], 8000)),
            public_url: None,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            tls_cert: None,
            tls_key: None,
            behind_proxy: false,
        }
    }
}

impl Server {
    /// Who is let in at the address that was bound.
    ///
    /// # Errors
    /// The first host, origin or URL that cannot be read.
    pub fn access(&self, bound: SocketAddr) -> Result<Access, AccessError> {
        Access::new(bound, self.public_url.as_deref(), &self.allowed_hosts, &self.allowed_origins)
    }

    /// The files of the certificate and its key, where TLS is spoken.
    pub fn tls(&self) -> Option<(&Path, &Path)> {
        Some((self.tls_cert.as_deref()?, self.tls_key.as_deref()?))
    }

    pub(in crate::config) fn check(&self, faults: &mut Faults) {
        if let Err(error) = self.access(self.bind) {
            faults.add(format!("server.{}", error.setting), format!("`{}`: {}", error.entry, error.detail));
        }
    }

    pub(in crate::config) fn check_together(&self, faults: &mut Faults) {
        match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => faults.add("server.tls_cert", "a certificate needs its key: set `server.tls_key` too"),
            (None, Some(_)) => faults.add("server.tls_key", "a key needs its certificate: set `server.tls_cert` too"),
            _ => {}
        }
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = |_| D::Error::custom(format!("`{text}` is no address with a port; write it as `127.0.0.1:8000`"));
    text.parse().map_err(wrong)
}

/// What the server tells about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// What is logged on stderr: `error`, `warn`, `info`, `debug`, `trace`, or a list as `info,baton_store=debug`.
    pub log: String,
}

impl Default for Telemetry {
    fn default() -> Self {
        Telemetry { log: "info".into() }
    }
}

impl Telemetry {
    pub(in crate::config) fn check(&self, faults: &mut Faults) {
        if logging::read(&self.log).is_err() {
            let right = "write `error`, `warn`, `info`, `debug`, `trace` or a list as `info,baton_store=debug`";
            faults.add("telemetry.log", format!("`{}` is no log filter; {right}", self.log));
        }
    }
}
