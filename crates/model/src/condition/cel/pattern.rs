//! Regular expressions in conditions: compiled once, when the condition is read, within bounds.

use std::{any::Any, sync::Arc};

use ::cel::{
    Env, ExecutionError,
    common::{
        types::{CelBool, CelString, STRING_TYPE, Type},
        value::{CowVal, StaticVal, Val},
    },
};
use regex::{Regex, RegexBuilder};
use regex_syntax::{
    ParserBuilder,
    hir::{Hir, HirKind},
};

/// Longest pattern, in bytes.
const MAX_LENGTH: usize = 512;
/// Largest compiled pattern, in bytes.
const MAX_SIZE: usize = 1 << 20;
/// Deepest nesting inside a pattern.
const MAX_NESTING: u32 = 32;

static PATTERN: Type = Type::new_unspecified_type("pattern");

/// A compiled regular expression, as a value in CEL.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    regex: Arc<Regex>,
    /// How many places in the pattern a search may be at, at the same time.
    places: u64,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// It is no pattern or too large a one; the message says why.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!("this pattern has {} bytes, more than the {MAX_LENGTH} allowed", text.len()));
        }
        let tree = ParserBuilder::new().nest_limit(MAX_NESTING).build().parse(text).map_err(|error| {
            let reason = match error {
                regex_syntax::Error::Parse(error) => error.kind().to_string(),
                regex_syntax::Error::Translate(error) => error.kind().to_string(),
                _ => "it cannot be read".to_owned(),
            };
            format!("this is no regular expression: {reason}")
        })?;
        let regex = RegexBuilder::new(text).size_limit(MAX_SIZE).dfa_size_limit(MAX_SIZE).build();
        let regex = regex.map_err(|_| "this pattern is too large".to_owned())?;
        Ok(Pattern { regex: Arc::new(regex), places: places(&tree) })
    }

    /// The most steps that a search may take through a text of this weight, which is its KiB.
    pub(super) fn steps(&self, weight: u64) -> u64 {
        weight.saturating_mul(self.places).saturating_mul(2)
    }
}

/// How many characters and classes there are in a pattern once its repetitions are written out.
fn places(tree: &Hir) -> u64 {
    match tree.kind() {
        HirKind::Empty => 0,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(_) | HirKind::Look(_) => 1,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1));
            places(&repetition.sub).saturating_mul(times.into())
        }
        HirKind::Capture(capture) => places(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().map(places).fold(1, u64::saturating_add),
    }
}

impl Val for Pattern {
    fn get_type(&self) -> &Type {
        &PATTERN
    }

    fn cel_type() -> &'static Type {
        &PATTERN
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Pattern {}

/// Makes `matches(text, pattern)` known.
pub(super) fn declare(env: &mut Env) {
    let declared = env.add_overload("matches", "text_matches_pattern", vec![STRING_TYPE, PATTERN.to_owned()], matches);
    declared.expect("the library knows no patterns");
}

fn matches<'b, 'v>(arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (Some(text), Some(pattern)) = (
        arguments.first().and_then(|text| text.downcast_ref::<CelString>()),
        arguments.get(1).and_then(|pattern| pattern.downcast_ref::<Pattern>()),
    ) else {
        return Err(ExecutionError::missing_argument_or_target());
    };
    Ok(CowVal::owned(CelBool::from(pattern.regex.is_match(text.inner()))))
}
