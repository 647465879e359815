use serde_json::json;

use super::*;

mod bombs;
mod cel;
mod random;
mod seed;

/// Facts that a test owns.
struct Given {
    success: bool,
    result: String,
    error: Option<String>,
    metadata: Map<String, Value>,
    execution_time: Option<f64>,
    tags: Vec<String>,
}

impl Given {
    fn success(result: &str) -> Self {
        Given {
            success: true,
            result: result.to_owned(),
            error: None,
            metadata: Map::new(),
            execution_time: None,
            tags: Vec::new(),
        }
    }

    fn failure(error: &str) -> Self {
        Given { success: false, error: Some(error.to_owned()), ..Given::success("") }
    }

    fn metadata(self, metadata: Value) -> Self {
        let Value::Object(metadata) = metadata else { panic!("metadata is an object") };
        Given { metadata, ..self }
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            success: self.success,
            result: &self.result,
            error: self.error.as_deref(),
            metadata: &self.metadata,
            execution_time: self.execution_time,
            tags: &self.tags,
            priority: "high",
            attempt: 2,
        }
    }

    /// What a condition says to these facts, or why it is refused or fails.
    fn say(&self, condition: &str) -> Result<bool, String> {
        let condition = Condition::parse(condition).map_err(|error| error.0)?;
        condition.holds(&self.facts()).map_err(|error| error.0)
    }
}

fn is_seed_form(condition: &str) -> bool {
    matches!(*Condition::parse(condition).unwrap().0, Form::Seed(_))
}

#[test]
fn blank_and_long_texts_are_refused() {
    for text in ["", " ", "\n\t "] {
        let refusal = Condition::parse(text).unwrap_err().0;
        assert!(refusal.starts_with("must not be blank: write success, error, result.contains('text')"), "{refusal}");
    }
    let fits = format!("success{}", " ".repeat(MAX_LENGTH - 7));
    assert!(Condition::parse(&fits).is_ok());
    let refusal = Condition::parse(&format!("{fits} ")).unwrap_err().0;
    assert_eq!(refusal, "has 4097 bytes, more than the 4096 allowed");
}

#[test]
fn clones_share_what_was_read() {
    let condition = Condition::parse("metadata.count > 3").unwrap();
    assert!(Arc::ptr_eq(&condition.0, &condition.clone().0));
}

#[test]
fn refusals_name_line_and_column_in_characters() {
    assert_eq!(place("äö x", 5), "column 4");
    assert_eq!(place("a\nbé c", 6), "line 2, column 4");
}

#[test]
fn the_form_that_was_meant_is_the_one_that_is_explained() {
    for (text, beginning) in [
        // One of the simple form's words stands there.
        (
            "succes AND error",
            "at column 1: expected success, error, result.contains('text'), NOT or `(` instead of `succes`",
        ),
        (
            "success AND attempt > 1",
            "at column 13: expected success, error, result.contains('text'), NOT or `(` instead of `attempt`",
        ),
        ("success or\nfoo", "at line 2, column 1: expected success, error"),
        // It goes on as CEL.
        ("attempt > 1 &&", "at column 15: expected a value instead of the end"),
        ("success && foo", "at column 12: unknown variable `foo`"),
        ("success &&\n  foo", "at line 2, column 3: unknown variable `foo`"),
        // Both end at the same place.
        ("(success", "at column 9: expected `)`, AND or OR instead of the end"),
    ] {
        let refusal = Condition::parse(text).unwrap_err().0;
        assert!(refusal.starts_with(beginning), "{text}: {refusal}");
    }
}
