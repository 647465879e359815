//! Conditions of follow-up rules.
//!
//! A condition is written in the simple form of seed 000 (`success`, `error`, `result.contains('x')`, joined by AND,
//! OR, NOT and parentheses) or as a CEL expression. What reads as the simple form is the simple form; only the rest is
//! CEL. Both are read when a directive is enqueued, so that a mistake is told to the one who made it.
//!
//! Conditions and results come from strangers. Reading and evaluating them is bounded in time, memory and stack
//! whatever they hold, and never panics: what would cost too much is an error.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::bounds::shorten;

mod cel;
mod seed;
#[cfg(test)]
mod tests;

/// Longest condition that is read, in bytes.
pub const MAX_LENGTH: usize = 4096;
/// Most steps that one evaluation may take. A step is about what it costs to look at one value, to copy 1 KiB of text
/// or to search through it: some 100 ns.
pub const MAX_STEPS: u64 = 100_000;

/// What a condition may look at: the result of an attempt and the directive it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Whether the directive was carried out.
    pub success: bool,
    /// What was done and found.
    pub result: &'a str,
    /// What went wrong; in CEL a text, empty when nothing is said.
    pub error: Option<&'a str>,
    /// The result's metadata.
    pub metadata: &'a Map<String, Value>,
    /// How long it took, in seconds; in CEL a double, or null when nothing is said.
    pub execution_time: Option<f64>,
    /// The directive's tags.
    pub tags: &'a [String],
    /// The directive's priority: urgent, high, medium or low.
    pub priority: &'a str,
    /// The number of the attempt that ended the directive, from 1.
    pub attempt: i64,
}

/// A condition that has been read. Clones share it.
#[derive(Clone, Debug)]
pub struct Condition(Arc<Form>);

#[derive(Debug)]
enum Form {
    Seed(seed::Term),
    Cel(cel::Expression),
}

/// Why a text is no condition, or why a condition could not be evaluated: a sentence for the one who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConditionError(pub String);

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// It is blank, longer than [`MAX_LENGTH`], too deep, reads in neither form, asks for something unknown or can only
    /// be evaluated at too high a cost. The message says what is wrong, where, and what would be right.
    pub fn parse(text: &str) -> Result<Self, ConditionError> {
        if text.trim().is_empty() {
            return Err(ConditionError(format!("must not be blank: {FORMS}")));
        }
        if text.len() > MAX_LENGTH {
            return Err(ConditionError(format!("has {} bytes, more than the {MAX_LENGTH} allowed", text.len())));
        }
        let form = match seed::parse(text) {
            Ok(term) => Form::Seed(term),
            Err(fault) if fault.is_final => return Err(fault.report(text)),
            Err(seed_fault) => match cel::Expression::parse(text) {
                Ok(expression) => Form::Cel(expression),
                Err(cel_fault) if cel_fault.is_nearer_than(&seed_fault, text) => return Err(cel_fault.report(text)),
                Err(_) => return Err(seed_fault.report(text)),
            },
        };
        Ok(Condition(Arc::new(form)))
    }

    /// Whether the condition is true of these facts.
    ///
    /// # Errors
    /// It cannot be decided: a CEL expression that looks at something missing, divides by zero, is not true or false in
    /// the end, or would take more than [`MAX_STEPS`] steps on facts of this size. The rule then does not apply.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, ConditionError> {
        match &*self.0 {
            Form::Seed(term) => term.holds(facts),
            Form::Cel(expression) => expression.holds(facts),
        }
    }
}

const FORMS: &str = "write success, error, result.contains('text') joined by AND, OR, NOT and parentheses, or a CEL \
                     expression, joined by &&, || and !, such as success && metadata.count > 3";

/// What is wrong with a text, and where.
#[derive(Debug)]
struct ParseFault {
    /// Byte in the text at which it shows.
    offset: usize,
    /// What is wrong and what would be right.
    what: String,
    /// The form is beyond doubt, so that the other one need not be tried.
    is_final: bool,
}

impl ParseFault {
    fn new(offset: usize, what: impl Into<String>) -> Self {
        ParseFault { offset, what: what.into(), is_final: false }
    }

    fn of_this_form(self) -> Self {
        ParseFault { is_final: true, ..self }
    }

    /// Whether CEL, where this fault was found, is more likely what was meant than the simple form: it was understood
    /// further, and neither reading stumbled over one of the simple form's own words.
    fn is_nearer_than(&self, seed_fault: &ParseFault, text: &str) -> bool {
        let is_joint = |offset: usize| {
            let rest = text.get(offset..).unwrap_or("");
            let word = rest.split(|character: char| !character.is_alphanumeric()).next().unwrap_or("");
            ["and", "or", "not"].iter().any(|joint| word.eq_ignore_ascii_case(joint))
        };
        let is_further = self.offset > seed_fault.offset || text[..seed_fault.offset].trim().is_empty();
        (self.is_final || is_further) && !is_joint(self.offset) && !is_joint(seed_fault.offset)
    }

    fn report(self, text: &str) -> ConditionError {
        let advice = if self.is_final { String::new() } else { format!("; {FORMS}") };
        ConditionError(format!("at {}: {}{advice}", place(text, self.offset), self.what))
    }
}

/// Where a byte stands, in the words of an editor: lines and columns count from 1, columns in characters.
fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    if text.contains('\n') { format!("line {line}, column {column}") } else { format!("column {column}") }
}

/// The beginning of a text of strangers, fit to be quoted in a message.
fn excerpt(text: &str) -> String {
    shorten(text, 40).escape_debug().to_string()
}
