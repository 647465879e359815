//! A directive as it is asked for and as it is accepted.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    bounds::{
        MAX_DEPENDENCIES, MAX_RETRIES, MAX_RULES, check_name, check_positive_seconds, check_seconds, check_tags,
        check_url,
    },
    clock::{self, Millis},
    condition::Condition,
    fault::Faults,
};

/// How urgent a directive is. Urgent ones go first; inside one priority, the first in is the first out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schema(example = "medium")]
pub enum Priority {
    /// Before everything else.
    Urgent,
    /// Before medium and low.
    High,
    /// The default.
    #[default]
    Medium,
    /// When nothing else waits.
    Low,
}

impl Priority {
    /// All of them, most urgent first.
    pub const ALL: [Priority; 4] = [Priority::Urgent, Priority::High, Priority::Medium, Priority::Low];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Priority::Urgent => "urgent",
            Priority::High => "high",
            Priority::Medium => "medium",
            Priority::Low => "low",
        }
    }

    /// Its place in the queue: 0 goes first.
    pub fn rank(self) -> i64 {
        self as i64
    }

    /// The priority of a rank that [`Priority::rank`] gave.
    pub fn from_rank(rank: i64) -> Option<Self> {
        Priority::ALL.into_iter().find(|priority| priority.rank() == rank)
    }

    /// Reads the word in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Priority::ALL.into_iter().find(|priority| priority.as_str().eq_ignore_ascii_case(text))
    }
}

impl<'de> Deserialize<'de> for Priority {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Priority::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("`{text}` is no priority; use urgent, high, medium or low"))
        })
    }
}

/// Where a directive stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Until the directives it depends on are completed.
    Waiting,
    /// Until its delay, its `run_at` or its retry delay is over.
    Scheduled,
    /// Due; the next fitting poll gets it.
    Queued,
    /// An agent has it.
    Leased,
    /// It succeeded. Final.
    Completed,
    /// It failed for good. Final.
    Failed,
    /// It was handed out too often without a result. Final.
    Dead,
    /// It was called off. Final, without a result.
    Cancelled,
}

impl State {
    /// All of them, in the order of a directive's life.
    pub const ALL: [State; 8] = [
        State::Waiting,
        State::Scheduled,
        State::Queued,
        State::Leased,
        State::Completed,
        State::Failed,
        State::Dead,
        State::Cancelled,
    ];

    /// The word on the wire and in the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Scheduled => "scheduled",
            State::Queued => "queued",
            State::Leased => "leased",
            State::Completed => "completed",
            State::Failed => "failed",
            State::Dead => "dead",
            State::Cancelled => "cancelled",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        State::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// An agent's report brought it here.
    pub fn is_reported(self) -> bool {
        matches!(self, State::Completed | State::Failed)
    }

    /// Nothing happens to it any more.
    pub fn is_final(self) -> bool {
        matches!(self, State::Completed | State::Failed | State::Dead | State::Cancelled)
    }
}

/// What follows when a result fits a condition (seed 000).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FollowUpRule {
    /// `success`, `error`, `result.contains('x')` joined by AND, OR, NOT and parentheses; or a CEL expression over
    /// `success, result, error, metadata, execution_time, tags, priority, attempt`.
    #[schema(min_length = 1)]
    pub condition: String,
    /// The text of the directive that follows.
    #[schema(min_length = 1, pattern = r"\S")]
    pub next_directive: String,
    /// Its priority.
    #[serde(default)]
    pub priority: Priority,
    /// How long it waits before it is due, in seconds.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 315360000)]
    pub delay_seconds: f64,
}

/// A directive as somebody asks for it: the body of `POST /api/directives` and the arguments of `add_directive`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"directive": "Summarise yesterday's error log", "priority": "high", "tags": ["ops"]}))]
pub struct DirectiveRequest {
    /// What the agent shall do, in plain language.
    #[schema(min_length = 1, pattern = r"\S")]
    pub directive: String,
    /// How urgent it is: urgent, high, medium or low, in any case.
    #[serde(default)]
    pub priority: Priority,
    /// An http(s) URL that is told the final result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2048, pattern = "^[Hh][Tt][Tt][Pp][Ss]?://.+")]
    pub webhook: Option<String>,
    /// What follows, depending on the result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 64)]
    pub follow_up_rules: Vec<FollowUpRule>,
    /// Whether a failed attempt is followed by another.
    #[serde(default)]
    pub retry_on_failure: bool,
    /// How many further attempts there are after the first (0 to 1000).
    #[serde(default = "three")]
    #[schema(minimum = 0, maximum = 1000)]
    pub max_retries: i64,
    /// How long the first retry waits, in seconds.
    #[serde(default = "thirty")]
    #[schema(minimum = 0, maximum = 315360000)]
    pub retry_delay: f64,
    /// By what the wait grows with each further retry (1 = always the same).
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 100)]
    pub retry_backoff: f64,
    /// Free labels; polls can ask for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 64)]
    pub tags: Vec<String>,
    /// How long one attempt may take before the directive is handed out again, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.001, maximum = 315360000)]
    pub timeout_seconds: Option<f64>,
    /// How long it waits before it is due, in seconds. Not together with `run_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 315360000)]
    pub delay_seconds: Option<f64>,
    /// When it is due: ISO 8601 with offset. Not together with `delay_seconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_at: Option<String>,
    /// Ids of directives that must be completed first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 256)]
    pub depends_on: Vec<String>,
    /// The same key with the same body within 24 h answers the first directive's id; another body is a conflict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub idempotency_key: Option<String>,
    /// The only agent that may take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub agent: Option<String>,
    /// What it may cost, in US dollars; handed to the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub budget_usd: Option<f64>,
    /// The name of a check in the operator's configuration that proves the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub acceptance: Option<String>,
    /// Anything; kept and handed out as it is.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// The repository the work is about, as `owner/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub repository: Option<String>,
}

impl DirectiveRequest {
    /// A request for nothing, with the defaults of every field: to be filled in.
    pub fn plain() -> Self {
        DirectiveRequest {
            directive: String::new(),
            priority: Priority::default(),
            webhook: None,
            follow_up_rules: Vec::new(),
            retry_on_failure: false,
            max_retries: three(),
            retry_delay: thirty(),
            retry_backoff: one(),
            tags: Vec::new(),
            timeout_seconds: None,
            delay_seconds: None,
            run_at: None,
            depends_on: Vec::new(),
            idempotency_key: None,
            agent: None,
            budget_usd: None,
            acceptance: None,
            metadata: Map::new(),
            repository: None,
        }
    }
}

fn three() -> i64 {
    3
}
fn thirty() -> f64 {
    30.0
}
fn one() -> f64 {
    1.0
}

/// A directive all of whose bounds have been checked. Only [`NewDirective::check`] makes one.
#[derive(Clone, Debug)]
pub struct NewDirective {
    request: DirectiveRequest,
    run_at: Option<Millis>,
}

impl NewDirective {
    /// Checks every bound.
    ///
    /// # Errors
    /// All faults at once, each naming its field.
    pub fn check(request: DirectiveRequest) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let run_at = check(&request, &mut faults);
        faults.into_result()?;
        Ok(NewDirective { request, run_at })
    }

    /// The request it was made from.
    pub fn into_request(self) -> DirectiveRequest {
        self.request
    }

    /// When it becomes due, if not at once.
    pub fn due(&self, now: Millis) -> Option<Millis> {
        let delayed = self.request.delay_seconds.map(|seconds| now + clock::millis(seconds));
        self.run_at.or(delayed).filter(|due| *due > now)
    }
}

fn check(request: &DirectiveRequest, faults: &mut Faults) -> Option<Millis> {
    if request.directive.trim().is_empty() {
        faults.add("directive", "must not be blank: say what the agent shall do");
    }
    if request.directive.contains('\0') {
        faults.add("directive", "must not hold the character U+0000");
    }
    if let Some(url) = &request.webhook {
        check_url("webhook", url, faults);
    }
    if request.follow_up_rules.len() > MAX_RULES {
        faults.add("follow_up_rules", format!("at most {MAX_RULES} rules, not {}", request.follow_up_rules.len()));
    }
    for (index, rule) in request.follow_up_rules.iter().enumerate().take(MAX_RULES) {
        let at = |field: &str| format!("follow_up_rules[{index}].{field}");
        if let Err(why) = Condition::parse(&rule.condition) {
            faults.add(at("condition"), why.to_string());
        }
        if rule.next_directive.trim().is_empty() {
            faults.add(at("next_directive"), "must not be blank");
        }
        check_seconds(&at("delay_seconds"), rule.delay_seconds, faults);
    }
    if !(0..=MAX_RETRIES).contains(&request.max_retries) {
        faults.add("max_retries", format!("must be 0 to {MAX_RETRIES}, not {}", request.max_retries));
    }
    check_seconds("retry_delay", request.retry_delay, faults);
    if !(1.0..=100.0).contains(&request.retry_backoff) {
        faults.add("retry_backoff", format!("must be 1 to 100, not {}", request.retry_backoff));
    }
    check_tags("tags", &request.tags, faults);
    if let Some(seconds) = request.timeout_seconds {
        check_positive_seconds("timeout_seconds", seconds, faults);
    }
    if let Some(seconds) = request.delay_seconds {
        check_seconds("delay_seconds", seconds, faults);
    }
    if request.depends_on.len() > MAX_DEPENDENCIES {
        faults.add("depends_on", format!("at most {MAX_DEPENDENCIES} ids, not {}", request.depends_on.len()));
    }
    for (field, name) in [
        ("idempotency_key", &request.idempotency_key),
        ("agent", &request.agent),
        ("acceptance", &request.acceptance),
        ("repository", &request.repository),
    ] {
        if let Some(name) = name {
            check_name(field, name, faults);
        }
    }
    if request.budget_usd.is_some_and(|usd| !usd.is_finite() || usd < 0.0) {
        faults.add("budget_usd", "must be a number of US dollars, 0 or more");
    }
    let run_at = request.run_at.as_deref()?;
    if request.delay_seconds.is_some() {
        faults.add("run_at", "give either `run_at` or `delay_seconds`, not both");
    }
    let read = clock::parse_iso(run_at);
    if read.is_none() {
        faults.add("run_at", format!("`{run_at}` is no moment; write it as 2026-11-20T09:00:00+00:00"));
    }
    read
}
