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
    hir::{Class, Hir, HirKind},
};

/// Longest pattern, in bytes.
const MAX_LENGTH: usize = 256;
/// Largest compiled pattern, in bytes, and largest cache of its searches.
const MAX_SIZE: usize = 1 << 20;
/// Most that all patterns of one condition may weigh: what some 3 ms can compile. `\w` weighs some 770.
const MAX_WEIGHT: u64 = 10_000;
/// What a pattern weighs beside what is in it.
const LEAST_WEIGHT: u64 = 200;
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
    /// Compiles a pattern. It is taken into the weight of the patterns of the same condition.
    ///
    /// # Errors
    /// It is no pattern or too large a one; the message says why.
    pub(super) fn compile(text: &str, weight: &mut u64) -> Result<Self, String> {
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
        let too_large = || "this pattern is too large: repeat less, or write [a-z0-9] for \\w".to_owned();
        *weight = weight.saturating_add(LEAST_WEIGHT).saturating_add(count(&tree, ranges));
        if *weight > MAX_WEIGHT {
            return Err(too_large());
        }
        let regex = RegexBuilder::new(text).size_limit(MAX_SIZE).dfa_size_limit(MAX_SIZE).build();
        let regex = regex.map_err(|_| too_large())?;
        Ok(Pattern { regex: Arc::new(regex), places: count(&tree, |_| 1) })
    }

    /// The most steps that a search may take through a text of this weight, which is its KiB.
    pub(super) fn steps(&self, weight: u64) -> u64 {
        weight.saturating_mul(self.places).saturating_mul(2)
    }
}

/// How many characters there are in a pattern once its repetitions are written out; classes count as `of_class` says.
fn count(tree: &Hir, of_class: fn(&Class) -> u64) -> u64 {
    match tree.kind() {
        HirKind::Empty => 0,
        HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(class) => of_class(class),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1));
            count(&repetition.sub, of_class).saturating_mul(times.into())
        }
        HirKind::Capture(capture) => count(&capture.sub, of_class),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(|part| count(part, of_class)).fold(1, u64::saturating_add)
        }
    }
}

fn ranges(class: &Class) -> u64 {
    match class {
        Class::Unicode(class) => class.ranges().len() as u64,
        Class::Bytes(class) => class.ranges().len() as u64,
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
