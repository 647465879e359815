//! Which addresses Baton calls for somebody who named them in a request.
//!
//! Public ones always; the others (RFC 6890: loopback, private networks and the like) only where the operator lists them
//! in `outbound.allow`. An address is judged in three moments by the same rules: when a URL is taken ([`check_public`]),
//! before its name is looked up ([`Allow::host`]), and for every address that the name stands for ([`Allow::address`]).

mod special;

use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

pub use self::special::{is_metadata, is_public};
use crate::fault::Faults;

/// Names of the machines' own metadata services, which hand out credentials to whoever can call them.
const METADATA_NAMES: [&str; 4] =
    ["metadata.google.internal", "metadata.goog", "instance-data.ec2.internal", "instance-data"];

/// What the operator lists in `outbound.allow`: addresses, ranges of addresses and names of hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    nets: Vec<IpNet>,
    names: Vec<String>,
}

/// Why a host is not called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The URL names an address that is not public.
    #[error("`{host}` is a private address; only those that the operator lists in `outbound.allow` are called")]
    Private {
        /// The address.
        host: String,
    },
    /// The name stands for an address that is not public. The message keeps the address for itself, so that nobody
    /// can ask Baton for the names of a network that they are not in.
    #[error("`{name}` stands for a private address; only what the operator lists in `outbound.allow` is called")]
    NameOfPrivate {
        /// The name.
        name: String,
        /// What it stands for.
        address: IpAddr,
    },
    /// The machine's own metadata service.
    #[error("`{host}` is a metadata service; it is called only if `outbound.allow` lists it by itself")]
    Metadata {
        /// The address, or the name that stands for it.
        host: String,
    },
}

impl Allow {
    /// Reads the operator's list: `10.0.0.0/8`, `::1`, `192.168.1.10`, `hooks.internal`. What cannot be read becomes a
    /// fault `field[index]`, and the rest is taken.
    pub fn parse(field: &str, entries: &[String], faults: &mut Faults) -> Self {
        let mut allow = Allow::default();
        for (index, entry) in entries.iter().enumerate() {
            match read_entry(entry.trim()) {
                Some(Entry::Net(net)) => allow.nets.push(net),
                Some(Entry::Name(name)) => allow.names.push(name),
                None => faults.add(
                    format!("{field}[{index}]"),
                    format!(
                        "`{entry}` is no address, range or host name; write it as 10.0.0.0/8, ::1 or hooks.internal"
                    ),
                ),
            }
        }
        allow
    }

    /// Whether the host of a URL may be called, as far as can be told without looking its name up.
    ///
    /// # Errors
    /// [`Refusal`]: a literal address that is not public, or the name of a metadata service.
    pub fn host(&self, host: &Host<&str>) -> Result<(), Refusal> {
        match host {
            Host::Ipv4(ip) => self.literal(IpAddr::V4(*ip)),
            Host::Ipv6(ip) => self.literal(IpAddr::V6(*ip)),
            Host::Domain(name) if is_metadata_name(name) && !self.lists_name(name) => {
                Err(Refusal::Metadata { host: (*name).to_owned() })
            }
            Host::Domain(_) => Ok(()),
        }
    }

    /// Whether an address that `name` was found to stand for may be called.
    ///
    /// # Errors
    /// [`Refusal`], if neither the address nor the name is listed and the address is not public.
    pub fn address(&self, name: &str, address: IpAddr) -> Result<(), Refusal> {
        if is_metadata(address) {
            let listed = self.lists_exactly(address) || is_metadata_name(name) && self.lists_name(name);
            return if listed { Ok(()) } else { Err(Refusal::Metadata { host: name.to_owned() }) };
        }
        if is_public(address) || self.lists_name(name) || self.covers(address) {
            return Ok(());
        }
        Err(Refusal::NameOfPrivate { name: name.to_owned(), address })
    }

    fn literal(&self, address: IpAddr) -> Result<(), Refusal> {
        if is_metadata(address) && !self.lists_exactly(address) {
            return Err(Refusal::Metadata { host: address.to_string() });
        }
        if is_public(address) || self.covers(address) {
            return Ok(());
        }
        Err(Refusal::Private { host: address.to_string() })
    }

    fn covers(&self, address: IpAddr) -> bool {
        self.nets.iter().any(|net| net.contains(&address.to_canonical()))
    }

    fn lists_exactly(&self, address: IpAddr) -> bool {
        self.nets.contains(&IpNet::from(address.to_canonical()))
    }

    fn lists_name(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.');
        self.names.iter().any(|listed| listed.eq_ignore_ascii_case(name))
    }
}

/// Adds a fault if the URL names a private address that is not listed, or a metadata service. (A name that stands for
/// one is found out when it is called; what is no URL is [`crate::bounds::check_url`]'s to say.)
pub fn check_public(field: &str, url: &str, allow: &Allow, faults: &mut Faults) {
    let parsed = Url::parse(url).ok();
    if let Some(refusal) = parsed.as_ref().and_then(Url::host).and_then(|host| allow.host(&host).err()) {
        faults.add(field, refusal.to_string());
    }
}

enum Entry {
    Net(IpNet),
    Name(String),
}

fn read_entry(text: &str) -> Option<Entry> {
    if text.contains('/') {
        return text.parse::<IpNet>().ok().map(|net| Entry::Net(net.trunc()));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(Entry::Net(IpNet::from(address.to_canonical())));
    }
    match Host::parse(text).ok()? {
        Host::Ipv4(ip) => Some(Entry::Net(IpNet::from(IpAddr::V4(ip)))),
        Host::Ipv6(ip) => Some(Entry::Net(IpNet::from(IpAddr::V6(ip).to_canonical()))),
        // A pattern would never match: hosts are listed one by one.
        Host::Domain(name) if name.contains('*') => None,
        Host::Domain(name) => Some(Entry::Name(name.trim_end_matches('.').to_owned())),
    }
}

fn is_metadata_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    METADATA_NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests;
