//! Which events somebody wants to hear of.

use crate::{bounds::shorten, fault::Faults};

/// Every kind of event that there is.
pub const KINDS: [&str; 15] = [
    "directive.queued",
    "directive.scheduled",
    "directive.leased",
    "directive.released",
    "directive.lease_expired",
    "directive.lease_extended",
    "directive.retry_scheduled",
    "directive.priority_changed",
    "directive.completed",
    "directive.failed",
    "directive.dead",
    "directive.cancelled",
    "monitoring.started",
    "monitoring.stopped",
    "webhook.dead",
];

/// Checks that a text is a kind of event, or the beginning of some with a star: `directive.dead`, `directive.*`, `*`.
/// What no event can fit is refused, because whoever waits for it would wait for ever.
pub fn check_pattern(field: &str, pattern: &str, faults: &mut Faults) {
    check_pattern_of(field, pattern, &KINDS, faults);
}

/// The same with other kinds.
pub(crate) fn check_pattern_of(field: &str, pattern: &str, kinds: &[&str], faults: &mut Faults) {
    if kinds.iter().any(|kind| fits(pattern, kind)) {
        return;
    }
    let pattern = shorten(pattern, 64);
    let likeness = |kind: &str| strsim::normalized_damerau_levenshtein(pattern.trim_end_matches('*'), kind);
    let nearest = kinds.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap_or("*");
    faults.add(field, format!("`{pattern}` fits no kind of event; the nearest is `{nearest}`, `*` stands for all"));
}

/// Whether a kind fits a pattern.
pub fn fits(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(stem) => kind.starts_with(stem),
        None => kind == pattern,
    }
}

/// What a stream of events is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Kinds or patterns of kinds; all if empty.
    pub kinds: Vec<String>,
    /// Only those about this directive.
    pub directive_id: Option<String>,
    /// Only what this principal may hear of; everything if nothing is said.
    pub owner: Option<String>,
}

impl EventFilter {
    /// Whether an event passes. What belongs to nobody (an empty owner) is for everybody.
    pub fn passes(&self, kind: &str, owner: &str, directive_id: Option<&str>) -> bool {
        (self.kinds.is_empty() || self.kinds.iter().any(|pattern| fits(pattern, kind)))
            && self.directive_id.as_deref().is_none_or(|wanted| directive_id == Some(wanted))
            && self.owner.as_deref().is_none_or(|name| owner.is_empty() || owner == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_kinds_or_their_beginnings() {
        for (pattern, kind, fit) in [
            ("directive.dead", "directive.dead", true),
            ("directive.dead", "directive.deadly", false),
            ("directive.*", "directive.queued", true),
            ("directive.*", "monitoring.started", false),
            ("*", "anything", true),
        ] {
            assert_eq!(fits(pattern, kind), fit, "{pattern} for {kind}");
        }
        for (pattern, nearest) in [
            ("nonsense", Some("")),
            ("directive.dea", Some("`directive.dead`")),
            ("Directive.dead", Some("`directive.dead`")),
            ("directive_completed", Some("`directive.completed`")),
            ("monitoring.start", Some("`monitoring.started`")),
            ("a*b", Some("")),
            ("", Some("")),
            ("*", None),
            ("directive.*", None),
            ("webhook.dead", None),
        ] {
            let mut faults = Faults::default();
            check_pattern("kind", pattern, &mut faults);
            let said = faults.0.first().map(|fault| fault.detail.as_str());
            assert_eq!(said.is_some(), nearest.is_some(), "{pattern}");
            assert!(said.unwrap_or_default().contains(nearest.unwrap_or_default()), "{pattern}: {said:?}");
        }
    }

    #[test]
    fn a_principal_hears_of_its_own_and_of_what_is_everybodys() {
        let filter = EventFilter { owner: Some("ci".into()), ..EventFilter::default() };
        assert!(filter.passes("directive.queued", "ci", Some("1")));
        assert!(filter.passes("monitoring.started", "", None));
        assert!(!filter.passes("directive.queued", "local", Some("1")));
    }
}
