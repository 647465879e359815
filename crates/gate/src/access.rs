//! Which names this server answers to, and which pages may call it.
//!
//! A page that an attacker lets point its own name at this machine (DNS rebinding) still sends that name as `Host`, and
//! its own origin as `Origin`; both are looked at before anything else (MCP 2026-07-28, Streamable HTTP, "Security").

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, Uri, header};

use crate::Problem;

/// The hosts and origins that are let in.
#[derive(Clone, Debug)]
pub struct Access {
    bind: SocketAddr,
    /// `name` or `name:port`, known to be sound.
    hosts: Vec<String>,
    /// `scheme://name[:port]`, known to be sound.
    origins: Vec<String>,
}

/// An entry of the configuration that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessError {
    /// `public_url`, `allowed_hosts` or `allowed_origins`.
    pub setting: &'static str,
    /// The entry as it was given.
    pub entry: String,
    /// What would be right.
    pub detail: &'static str,
}

impl std::fmt::Display for AccessError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` in `{}`: {}", self.entry, self.setting, self.detail)
    }
}

impl std::error::Error for AccessError {}

/// A host as it stands in `Host`.
#[derive(Clone, Copy, Debug)]
struct Host<'a> {
    name: &'a str,
    port: Option<u16>,
}

/// An origin as RFC 6454 §6.2 writes it.
#[derive(Clone, Copy, Debug)]
struct Origin<'a> {
    scheme: &'a str,
    host: Host<'a>,
}

impl Access {
    /// Lets in the address that is bound, by its loopback names where it is one, and what the operator lists:
    /// `public_url` as a URL, hosts as `name` or `name:port`, origins as `scheme://name[:port]`.
    ///
    /// # Errors
    /// The first entry that cannot be read.
    pub fn new(
        bind: SocketAddr,
        public_url: Option<&str>,
        allowed_hosts: &[String],
        allowed_origins: &[String],
    ) -> Result<Self, AccessError> {
        let error = |setting, entry: &str, detail| AccessError { setting, entry: entry.to_owned(), detail };
        let mut access = Access { bind, hosts: allowed_hosts.to_vec(), origins: allowed_origins.to_vec() };
        if let Some(entry) = access.hosts.iter().find(|entry| Host::parse(entry).is_none()) {
            return Err(error("allowed_hosts", entry, "write a host as `name` or `name:port`"));
        }
        if let Some(entry) = access.origins.iter().find(|entry| Origin::parse(entry).is_none()) {
            return Err(error("allowed_origins", entry, "write an origin as `https://name` or `https://name:port`"));
        }
        if let Some(url) = public_url {
            let start = url.find("://").map_or(0, |at| at + 3);
            let (origin, _) = url.split_at(url[start..].find('/').map_or(url.len(), |length| start + length));
            if Origin::parse(origin).is_none_or(|origin| !origin.is_web()) {
                let detail = "write it as `https://name` or `https://name:port`, perhaps with a path";
                return Err(error("public_url", url, detail));
            }
            access.hosts.push(origin[start..].to_owned());
            access.origins.push(origin.to_owned());
        }
        Ok(access)
    }

    /// Lets a request in or says why not. The problem is an answer already, so that the way in stays small.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Box<Response>> {
        let refuse = |status, code, detail: String| Err(Box::new(Problem::new(status, code, detail).into_response()));
        let malformed = |detail: &str| refuse(StatusCode::BAD_REQUEST, "bad_host", detail.to_owned());
        let mut given = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (given.next(), given.next()) else {
            return malformed("exactly one `Host` header is required");
        };
        let Some(host) = host.to_str().ok().and_then(Host::parse) else {
            return malformed("the `Host` header is no `name` or `name:port`");
        };
        // A request line that names a host itself (RFC 9112 §3.2.2) must name one that is let in, too.
        let Some(target) = uri.authority().map_or(Some(host), |authority| Host::parse(authority.as_str())) else {
            return malformed("the request line names no `name` or `name:port`");
        };
        if let Some(host) = [host, target].into_iter().find(|host| !self.knows(*host, 80)) {
            let name = host.name;
            let detail = format!(
                "this server does not answer to the host `{name}`; its operator can add it to `server.allowed_hosts`"
            );
            return refuse(StatusCode::FORBIDDEN, "host_not_allowed", detail);
        }
        for origin in headers.get_all(header::ORIGIN) {
            if !origin.to_str().ok().and_then(Origin::parse).is_some_and(|origin| self.trusts(origin, host)) {
                let detail = format!(
                    "pages of the origin `{}` may not call this server; its operator can add it to \
                     `server.allowed_origins`",
                    String::from_utf8_lossy(origin.as_bytes())
                );
                return refuse(StatusCode::FORBIDDEN, "origin_not_allowed", detail);
            }
        }
        Ok(())
    }

    fn knows(&self, host: Host<'_>, default_port: u16) -> bool {
        let same_port = host.port.unwrap_or(default_port) == self.bind.port();
        let listed = |entry: &String| Host::parse(entry).is_some_and(|entry| entry.stands_for(host));
        (same_port && self.is_own_name(host.name)) || self.hosts.iter().any(listed)
    }

    /// Addresses cannot be rebound, so a server that listens everywhere answers to any address; of names only
    /// `localhost` always means this machine.
    fn is_own_name(&self, name: &str) -> bool {
        let bound = self.bind.ip();
        let here = bound.is_loopback() || bound.is_unspecified();
        if name.eq_ignore_ascii_case("localhost") {
            return here;
        }
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        address.is_ok_and(|address| bound.is_unspecified() || address == bound || (here && address.is_loopback()))
    }

    /// A page is trusted if the operator lists its origin, or if it is this server's own: then it came from where it
    /// calls. Another port or scheme of the same name may be anybody's.
    fn trusts(&self, origin: Origin<'_>, called: Host<'_>) -> bool {
        let listed = || self.origins.iter().filter_map(|entry| Origin::parse(entry));
        // Where the operator names an origin of this host, no other is meant.
        let is_named = || listed().any(|entry| entry.host.name.eq_ignore_ascii_case(origin.host.name));
        listed().any(|entry| entry.is(origin)) || (origin.is_web() && origin.host.is(called) && !is_named())
    }
}

impl<'a> Host<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let end = if text.starts_with('[') { text.find(']')? + 1 } else { text.find(':').unwrap_or(text.len()) };
        let (name, port) = text.split_at(end);
        let sound = match name.strip_prefix('[') {
            Some(address) => address.trim_end_matches(']').parse::<Ipv6Addr>().is_ok(),
            None => {
                let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
                !name.is_empty() && name.bytes().all(sound)
            }
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
            _ => return None,
        };
        sound.then_some(Host { name, port })
    }

    /// Whether both are the same place.
    fn is(self, other: Host<'_>) -> bool {
        self.name.eq_ignore_ascii_case(other.name) && self.port == other.port
    }

    /// Whether this entry of the configuration means that host; without a port it means any.
    fn stands_for(self, host: Host<'_>) -> bool {
        self.name.eq_ignore_ascii_case(host.name) && (self.port.is_none() || self.port == host.port)
    }
}

impl<'a> Origin<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (scheme, host) = text.split_once("://")?;
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let sound = !scheme.is_empty() && scheme.bytes().all(sound);
        Some(Origin { scheme, host: Host::parse(host)? }).filter(|_| sound)
    }

    fn is(self, other: Origin<'_>) -> bool {
        self.scheme.eq_ignore_ascii_case(other.scheme) && self.host.is(other.host)
    }

    fn is_web(self) -> bool {
        ["http", "https"].iter().any(|web| self.scheme.eq_ignore_ascii_case(web))
    }
}

#[cfg(test)]
mod tests;
