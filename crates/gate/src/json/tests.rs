use baton_model::{DirectiveRequest, Report};
use serde_json::json;

use super::*;

fn refused<T: Input>(text: &str) -> (String, Vec<(String, String)>) {
    let problem = read::<T>(text.as_bytes()).err().unwrap_or_else(|| panic!("`{text}` was taken"));
    assert_eq!(problem.status().as_u16(), 400);
    let body = serde_json::to_value(problem.body()).unwrap();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    let mut errors: Vec<_> = errors.iter().map(|error| (word(&error["field"]), word(&error["detail"]))).collect();
    errors.sort();
    (word(&body["code"]) + ": " + &word(&body["detail"]), errors)
}

fn fields<T: Input>(text: &str) -> Vec<String> {
    refused::<T>(text).1.into_iter().map(|(field, _)| field).collect()
}

#[test]
fn every_fault_of_a_body_is_named_at_once() {
    let text = r#"{"directive":"","follow_up_rules":[{"delay_seconds":-1}],"max_retries":"many","priorty":"urgent",
                   "retry_on_failure":"yes","tags":["a",5,"b"],"timeout_seconds":0}"#;
    let (_, errors) = refused::<DirectiveRequest>(text);
    let told: Vec<String> = errors.iter().map(|(field, detail)| format!("{field} {detail}")).collect();
    for expected in [
        "directive must not be blank",
        "follow_up_rules[0].condition is required",
        "follow_up_rules[0].delay_seconds must be 0 to",
        "follow_up_rules[0].next_directive is required",
        "max_retries must be a whole number, not \"many\"",
        "priorty is unknown; did you mean `priority`?",
        "retry_on_failure must be true or false",
        "tags[1] must be a text, not 5",
        "timeout_seconds must be 0.001 to",
    ] {
        assert!(told.iter().any(|told| told.starts_with(expected)), "{expected:?} is missing in {told:#?}");
    }
    assert_eq!(told.len(), 9, "{told:#?}");
}

#[test]
fn names_are_exact() {
    assert_eq!(fields::<DirectiveRequest>(r#"{"Directive":"x"}"#), ["Directive", "directive"]);
    let (_, errors) = refused::<DirectiveRequest>(r#"{"directive":"x","maxRetries":1}"#);
    assert_eq!(errors, [("maxRetries".to_owned(), "is unknown; did you mean `max_retries`?".to_owned())]);
    let (_, errors) = refused::<DirectiveRequest>(
        r#"{"directive":"x","follow_up_rules":[{"condition":"success","next_directive":"y","when":1}]}"#,
    );
    assert_eq!(errors[0].0, "follow_up_rules[0].when");
    assert!(errors[0].1.starts_with("is unknown; known are `condition`, `next_directive`"), "{errors:?}");
}

#[test]
fn a_bad_priority_is_named_with_those_there_are() {
    let (_, errors) = refused::<DirectiveRequest>(
        r#"{"directive":"x","priority":"soon","follow_up_rules":[{"condition":"success","next_directive":"y","priority":"later"}]}"#,
    );
    let fields: Vec<&str> = errors.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["follow_up_rules[0].priority", "priority"]);
    assert!(errors[0].1.contains("urgent, high, medium or low"), "{errors:?}");
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    let (told, _) = refused::<DirectiveRequest>(r#"{"directive":"a","directive":"b"}"#);
    assert!(told.starts_with("duplicate_key: `directive`"), "{told}");
    assert_eq!(
        fields::<DirectiveRequest>(r#"{"directive":"a","metadata":{"l":[{},{"k":{"x":1,"y":2,"\u0078":3}}]}}"#),
        ["metadata.l[1].k.x"]
    );
    assert!(read::<DirectiveRequest>(br#"{"directive":"a","metadata":{"a":{"a":"a\"a"},"b":{"a":1}}}"#).is_ok());
}

#[test]
fn depth_is_counted_outside_of_texts() {
    let nested = |depth: usize| {
        let inner = depth - 2;
        format!(r#"{{"directive":"[[[\"{{{{","metadata":{{"x":{}1{}}}}}"#, "[".repeat(inner), "]".repeat(inner))
    };
    assert!(read::<DirectiveRequest>(nested(DEPTH_LIMIT).as_bytes()).is_ok());
    let (told, _) = refused::<DirectiveRequest>(&nested(DEPTH_LIMIT + 1));
    assert!(told.starts_with("too_deep"), "{told}");
    let (told, _) = refused::<DirectiveRequest>(&"[".repeat(100_000));
    assert!(told.starts_with("too_deep"), "{told}");
}

#[test]
fn what_is_no_json_is_told_with_its_place() {
    for text in [
        "",
        "{",
        "nonsense",
        r#"{"directive":"x""#,
        r#"{"directive":"x",}"#,
        r#"{"directive":"x"} {}"#,
        r#"{"directive":"x","budget_usd":NaN}"#,
        r#"{"directive":"x","budget_usd":1e999}"#,
        r#"{"directive":"x","budget_usd":Infinity}"#,
        r#"{"directive":"\ud800"}"#,
        "{\"directive\":\"line\nbreak\"}",
        "]}{[",
        r#"{"a"#,
        "\u{feff}{}",
    ] {
        let (told, _) = refused::<DirectiveRequest>(text);
        assert!(told.starts_with("invalid_json: "), "{text}: {told}");
        assert!(
            text.is_empty() || told.contains(" line 1 column ") || told.contains(" line 2 column "),
            "{text}: {told}"
        );
    }
    let problem = read::<DirectiveRequest>(b"{\"directive\":\"\xff\"}").unwrap_err();
    assert_eq!(problem.status().as_u16(), 400, "text that is no UTF-8");
}

#[test]
fn only_an_object_is_a_body() {
    for text in [r#"["say it"]"#, "null", "5", r#""say it""#, "true"] {
        let (told, _) = refused::<DirectiveRequest>(text);
        assert!(told.contains("must be a JSON object"), "{text}: {told}");
    }
    assert_eq!(fields::<DirectiveRequest>("{}"), ["directive"]);
}

#[test]
fn an_optional_body_may_say_nothing() {
    for text in ["", "  ", "null", "{}", " { } "] {
        assert_eq!(read::<Option<Report>>(text.as_bytes()).unwrap(), None, "{text:?}");
    }
    let report = r#"{"directive_id":"a","success":true,"result":"done"}"#;
    assert!(read::<Option<Report>>(report.as_bytes()).unwrap().is_some());
    assert_eq!(fields::<Option<Report>>(r#"{"success":"yes"}"#), ["directive_id", "result", "success"]);
    assert_eq!(fields::<Option<Report>>("[]"), ["body"]);
}

#[test]
fn parsed_arguments_are_explained_like_a_body() {
    let faults = from_value::<Report>(json!({"directiveId": "a", "success": 1, "result": null})).unwrap_err();
    let mut fields: Vec<&str> = faults.0.iter().map(|fault| fault.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["directiveId", "directive_id", "result", "success"]);
    assert_eq!(from_value::<Option<Report>>(json!({})).unwrap(), None);
}

#[test]
fn a_large_body_with_many_faults_costs_one_look() {
    let unknown: Vec<String> = (0..20_000).map(|n| format!(r#""unknown{n}":0"#)).collect();
    let text = format!("{{{}}}", unknown.join(","));
    assert_eq!(fields::<DirectiveRequest>(&text).len(), 1);
}
