//! `--follow-up 'CONDITION => TEXT'`.

use baton_model::directive::FollowUpRule;
use serde_json::json;

/// Reads a rule: a condition and a text parted by the first `=>` outside quotes, or a whole rule as a JSON object.
/// Whether the condition makes sense is for the server to say.
///
/// # Errors
/// What is missing.
pub fn parse(text: &str) -> Result<FollowUpRule, String> {
    if text.trim_start().starts_with('{') && text.trim_end().ends_with('}') {
        return serde_json::from_str(text).map_err(|error| error.to_string());
    }
    let at = arrow(text).ok_or("write it as `CONDITION => TEXT`, for example `success => Write the changelog`")?;
    let rule = json!({"condition": text[..at].trim(), "next_directive": text[at + 2..].trim()});
    serde_json::from_value(rule).map_err(|error| error.to_string())
}

fn arrow(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open && before != '\\' => quote = None,
            Some(_) => {}
            None if matches!(c, '\'' | '"') => quote = Some(c),
            None if text[at..].starts_with("=>") => return Some(at),
            None => {}
        }
        before = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use baton_model::Priority;

    use super::*;

    #[test]
    fn a_rule_is_parted_by_the_first_arrow_outside_quotes() {
        let rule = parse("result.contains('a => b') AND success => Write it up => now").unwrap();
        assert_eq!(rule.condition, "result.contains('a => b') AND success");
        assert_eq!(rule.next_directive, "Write it up => now");
        let rule = parse(r"result.contains('it\'s => so')=>Go on").unwrap();
        assert_eq!(rule.condition, r"result.contains('it\'s => so')");
        assert!(parse("success, then write").unwrap_err().contains("CONDITION => TEXT"));
    }

    #[test]
    fn a_rule_may_be_json_with_everything_it_can_say() {
        let text = r#"{"condition":"error","next_directive":"Tell ops","priority":"URGENT","delay_seconds":60}"#;
        let rule = parse(text).unwrap();
        assert_eq!((rule.priority, rule.delay_seconds), (Priority::Urgent, 60.0));
        assert!(parse(r#"{"condition":"error","next":"x"}"#).unwrap_err().contains("next"));
    }
}
