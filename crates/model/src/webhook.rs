//! Webhook endpoints, what is delivered to them, and when it is tried again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Millis,
    bounds::{check_name, check_url},
    event::{KINDS, check_pattern_of},
    fault::Faults,
};

/// What an endpoint hears of unless it says otherwise: one final result for each directive (seed 000).
pub const COMPLETED: &str = "directive_completed";
/// Most patterns of one endpoint.
const MAX_PATTERNS: usize = 32;

/// An endpoint as somebody asks for it: the body of `POST /api/webhooks`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "https://hooks.example/baton", "events": ["directive_completed", "directive.dead"]}))]
pub struct EndpointRequest {
    /// Where it is told: an http(s) URL.
    #[schema(max_length = 2048, pattern = "^[Hh][Tt][Tt][Pp][Ss]?://.+")]
    pub url: String,
    /// Of what: `directive_completed`, kinds of events (`directive.dead`), or all that begin alike (`directive.*`).
    #[serde(default = "completed")]
    #[schema(min_items = 1, max_items = 32)]
    pub events: Vec<String>,
    /// Whether it hears of everybody's directives; only an admin may ask for that, and gets it by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub everybody: Option<bool>,
    /// What it is for, in words for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 255)]
    pub description: Option<String>,
    /// What signs, as `whsec_` and the base64 of 24 to 64 bytes; made if nothing is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl EndpointRequest {
    /// Everything as it is by default.
    pub fn to(url: &str) -> Self {
        EndpointRequest { url: url.to_owned(), events: completed(), everybody: None, description: None, secret: None }
    }

    /// Checks the bounds that types cannot say.
    ///
    /// # Errors
    /// All faults at once.
    pub fn check(&self) -> Result<(), Faults> {
        let mut faults = Faults::default();
        check_url("url", &self.url, &mut faults);
        check_patterns(&self.events, &mut faults);
        if let Some(description) = &self.description {
            check_name("description", description, &mut faults);
        }
        faults.into_result()
    }
}

/// A change of an endpoint: the body of `PATCH /api/webhooks/{id}`. What is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EndpointChange {
    /// Of what it hears.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// Whether it hears of everybody's directives; only an admin may ask for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub everybody: Option<bool>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it is called; true also revives one that answered 410.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

impl EndpointChange {
    /// Checks the bounds that types cannot say.
    ///
    /// # Errors
    /// All faults at once.
    pub fn check(&self) -> Result<(), Faults> {
        let mut faults = Faults::default();
        if let Some(events) = &self.events {
            check_patterns(events, &mut faults);
        }
        if let Some(description) = &self.description {
            check_name("description", description, &mut faults);
        }
        faults.into_result()
    }
}

fn completed() -> Vec<String> {
    vec![COMPLETED.to_owned()]
}

fn check_patterns(events: &[String], faults: &mut Faults) {
    if events.is_empty() || events.len() > MAX_PATTERNS {
        faults.add("events", format!("must name 1 to {MAX_PATTERNS} kinds, not {}", events.len()));
    }
    for (index, pattern) in events.iter().enumerate().take(MAX_PATTERNS) {
        let kinds = [&[COMPLETED], &KINDS[..]].concat();
        check_pattern_of(&format!("events[{index}]"), pattern, &kinds, faults);
    }
}

/// An endpoint as it is shown.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EndpointView {
    /// Its id.
    pub id: String,
    /// Where it is told; empty for the row that signs calls to the `webhook` URLs of directives.
    pub url: String,
    /// Of what.
    pub events: Vec<String>,
    /// Whether it hears of everybody's directives.
    pub everybody: bool,
    /// Whose it is.
    pub owner: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it is called.
    pub enabled: bool,
    /// Why it is not.
    pub reason: Option<String>,
    /// When it was made: ISO 8601, UTC.
    pub created_at: String,
    /// Deliveries that are still to be made.
    pub pending: i64,
    /// Deliveries that were made.
    pub delivered: i64,
    /// Deliveries that were given up; they can be replayed.
    pub dead: i64,
    /// What signs, the newest first; only where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Vec<String>>,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It is still to be made.
    Pending,
    /// The endpoint took it.
    Delivered,
    /// It was given up: a dead letter, which can be replayed.
    Dead,
}

impl DeliveryState {
    /// The word on the wire and in the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryState::Pending => "pending",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Dead => "dead",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        use DeliveryState::{Dead, Delivered, Pending};
        [Pending, Delivered, Dead].into_iter().find(|state| state.as_str() == text)
    }
}

/// One message to one endpoint.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct DeliveryView {
    /// Its id, the `webhook-id` header: the same in each attempt.
    pub id: String,
    /// The endpoint that it is for.
    pub webhook_id: String,
    /// Where it goes.
    pub url: String,
    /// What it tells of: `directive_completed` or a kind of event.
    pub event: String,
    /// The directive that it tells of.
    pub directive_id: Option<String>,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next: ISO 8601, UTC.
    pub next_at: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// When it was delivered or given up.
    pub ended_at: Option<String>,
    /// The HTTP status of the latest attempt.
    pub status: Option<i64>,
    /// What went wrong in the latest attempt.
    pub error: Option<String>,
    /// What the endpoint answered, up to 64 KiB; only in the view of one delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// How long after its `attempts`-th failure a delivery is tried again, in milliseconds: 5 s, then three times as long
/// each time, at most 10 hours; `chance` from 0 to 1 spreads it by a tenth.
pub fn backoff(attempts: i64, chance: f64) -> Millis {
    const FIRST: f64 = 5_000.0;
    const LONGEST: f64 = 36_000_000.0;
    let doublings = i32::try_from(attempts.clamp(1, 20) - 1).unwrap_or(0);
    let wait = (FIRST * 3_f64.powi(doublings)).min(LONGEST);
    (wait * (0.95 + 0.1 * chance.clamp(0.0, 1.0))).round() as Millis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_retry_comes_within_ten_seconds_and_three_days_hold_a_dozen() {
        assert!((4_750..=5_250).contains(&backoff(1, 0.3)));
        let mut at = 0;
        let tries: Vec<Millis> = (1..)
            .map(|failed| {
                at += backoff(failed, 1.0);
                at
            })
            .take_while(|at| *at <= 259_200_000)
            .collect();
        assert!((12..=20).contains(&tries.len()), "{tries:?}");
        assert_eq!(backoff(1_000, 0.5), 36_000_000);
    }

    #[test]
    fn endpoints_say_what_they_hear_of() {
        assert!(EndpointRequest::to("https://hooks.example/").check().is_ok());
        let wrong = EndpointRequest {
            events: vec!["directive.*".into(), "directive.completeed".into()],
            ..EndpointRequest::to("x")
        };
        let faults = wrong.check().unwrap_err();
        let fields: Vec<&str> = faults.0.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["url", "events[1]"]);
    }
}
