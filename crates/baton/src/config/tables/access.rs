//! `[auth]`, `[limits]`, `[outbound]` and `[sessions]`: who may call, how much, and what Baton itself may touch.

use std::num::NonZeroU32;

use baton_model::{Faults, address::Allow};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Upper end of the numbers in `[limits]`: beyond it they limit nothing.
const MOST: i64 = 1_000_000;

/// Who may call without an access token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Whether calls from this machine need an access token.
    pub mode: AuthMode,
}

/// Whether calls from this machine need an access token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    /// Not where the server listens on a loopback address and stands behind no proxy.
    #[default]
    Loopback,
    /// Every call needs one.
    Required,
}

/// Which private addresses are called for people who name them in requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Outbound {
    /// Addresses, ranges and host names, as `10.0.0.0/8`, `::1` or `hooks.internal`. Public addresses need no entry.
    pub allow: Vec<String>,
}

impl Outbound {
    pub(in crate::config) fn check(&self, faults: &mut Faults) {
        let mut here = Faults::default();
        Allow::parse("outbound.allow", &self.allow, &mut here);
        // The setting is one value with one place, whichever of its entries is meant.
        here.0.into_iter().for_each(|fault| faults.add("outbound.allow", fault.detail));
    }

    pub(in crate::config) fn allowed(&self) -> Allow {
        Allow::parse("outbound.allow", &self.allow, &mut Faults::default())
    }
}

/// How much one caller may ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests of one caller in a second; 0 sets no limit.
    #[schemars(range(min = 0, max = MOST))]
    pub requests_per_second: i64,
    /// Requests that one caller may send at once, before `requests_per_second` holds; without it, as many as that.
    #[schemars(range(min = 1, max = MOST))]
    pub burst: Option<i64>,
    /// Polls of one caller that may wait at the same time.
    #[schemars(range(min = 1, max = MOST))]
    pub waiting_polls: i64,
    /// Event streams of one caller that may be open at the same time.
    #[schemars(range(min = 1, max = MOST))]
    pub event_streams: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { requests_per_second: 0, burst: None, waiting_polls: 20_000, event_streams: 512 }
    }
}

/// How fast one caller may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests in a second.
    pub per_second: NonZeroU32,
    /// Requests at once.
    pub burst: NonZeroU32,
}

impl Limits {
    /// How fast one caller may ask; `None` is as fast as it can.
    pub fn rate(&self) -> Option<Rate> {
        let number = |number: i64| u32::try_from(number).ok().and_then(NonZeroU32::new);
        let per_second = number(self.requests_per_second)?;
        Some(Rate { per_second, burst: self.burst.and_then(number).unwrap_or(per_second) })
    }

    pub(in crate::config) fn check(&self, faults: &mut Faults) {
        let numbers = [
            ("requests_per_second", 0, self.requests_per_second),
            ("burst", 1, self.burst.unwrap_or(1)),
            ("waiting_polls", 1, self.waiting_polls),
            ("event_streams", 1, self.event_streams),
        ];
        for (name, least, number) in numbers {
            if !(least..=MOST).contains(&number) {
                faults.add(format!("limits.{name}"), format!("must be {least} to {MOST}, not {number}"));
            }
        }
    }
}

/// Where sessions may work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// Directories in which agents may work, with all that lies in them. Absolute paths.
    pub roots: Vec<String>,
}

impl Sessions {
    pub(in crate::config) fn check(&self, faults: &mut Faults) {
        for root in self.roots.iter().filter(|root| !root.starts_with('/')) {
            faults.add("sessions.roots", format!("`{root}` is no absolute path; write it as `/home/me/projects`"));
        }
    }
}
