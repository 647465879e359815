//! Which events somebody wants to hear of.

use crate::fault::Faults;

/// Checks that a text is a kind of event, or the beginning of some with a star: `directive.dead`, `directive.*`, `*`.
pub fn check_pattern(field: &str, pattern: &str, faults: &mut Faults) {
    let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_');
    let stem = pattern.strip_suffix('*').unwrap_or(pattern);
    if pattern.is_empty() || pattern.len() > 64 || !stem.bytes().all(sound) {
        faults.add(field, format!("`{pattern}` is no kind of event; write `directive.dead`, `directive.*` or `*`"));
    }
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
        for (pattern, sound) in
            [("*", true), ("a.b_c", true), ("A.b", false), ("a*b", false), ("", false), ("a b", false)]
        {
            let mut faults = Faults::default();
            check_pattern("kind", pattern, &mut faults);
            assert_eq!(faults.0.is_empty(), sound, "{pattern}");
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
