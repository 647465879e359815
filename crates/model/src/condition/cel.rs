//! Conditions in CEL, the Common Expression Language.
//!
//! The library parses and evaluates; what makes that safe with expressions of strangers stands here: [`tokens`] refuses
//! what would overflow the stack, [`check`] what is unknown or senseless, and [`cost`] works out, from the sizes of
//! the very data at hand, how many steps an evaluation can take at most, before it begins.

use std::{
    fmt::{self, Write},
    sync::{Arc, LazyLock},
};

use ::cel::{
    Context, Env, ExecutionError, Value,
    common::{ast::IdedExpr, value::Val},
    parser::{ParseErrors, PrattParser},
};

use self::{check::Checked, size::Sizes};
use super::{ConditionError, Facts, MAX_STEPS, ParseFault, excerpt};

mod check;
mod cost;
mod data;
mod pattern;
mod size;
mod tokens;
mod words;

/// The standard functions of CEL, and `matches` on a compiled pattern.
static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::default().with_optional_support(false).with_stdlib();
    pattern::declare(&mut env);
    Arc::new(env)
});

/// A CEL expression that has been checked.
#[derive(Debug)]
pub(super) struct Expression {
    tree: IdedExpr,
    checked: Checked,
}

impl Expression {
    /// Parses and checks an expression.
    pub(super) fn parse(text: &str) -> Result<Self, ParseFault> {
        tokens::check(text)?;
        let mut tree = PrattParser::new().parse(text).map_err(|errors| syntax_fault(text, errors))?;
        let checked = check::check(&mut tree)
            .map_err(|(node, what)| ParseFault::new(offset_of(text, node), what).of_this_form())?;
        if cost::steps(&tree, &checked, &Sizes::default()) > MAX_STEPS {
            let what = format!("this could take more than {MAX_STEPS} steps whatever the result is");
            return Err(ParseFault::new(0, what).of_this_form());
        }
        Ok(Expression { tree, checked })
    }

    /// Evaluates the expression.
    pub(super) fn holds(&self, facts: &Facts<'_>) -> Result<bool, ConditionError> {
        let metadata = self.checked.metadata.pick(facts.metadata);
        let sizes = Sizes::measure(facts, &metadata)?;
        if cost::steps(&self.tree, &self.checked, &sizes) > MAX_STEPS {
            let what = format!("on a result of this size it could take more than {MAX_STEPS} steps");
            return Err(ConditionError(what));
        }
        let mut context = Context::with_env(Arc::clone(&ENV));
        for name in &self.checked.variables {
            context.add_variable_as_val(*name, data::value(name, facts, &metadata));
        }
        for (name, pattern) in &self.checked.patterns {
            context.add_variable_as_val(name, pattern.clone_as_boxed());
        }
        match Value::resolve(&self.tree, &context) {
            Ok(Value::Bool(decided)) => Ok(decided),
            Ok(other) => {
                let what = format!("comes out as a value of type {}, not as true or false", other.type_of());
                Err(ConditionError(what))
            }
            Err(error) => Err(ConditionError(reason(&error))),
        }
    }
}

/// The first thing that the parser found wrong, in plain words.
fn syntax_fault(text: &str, errors: ParseErrors) -> ParseFault {
    let Some(error) = errors.errors.into_iter().next() else {
        return ParseFault::new(0, "this cannot be read");
    };
    let (line, column) = (error.pos.0.max(1) as usize, error.pos.1.max(1) as usize);
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let offset = (before + column - 1).min(text.len());
    let found = match text.get(offset..).map(str::trim_start) {
        Some("") | None => "the end".to_owned(),
        Some(rest) => {
            format!("`{}`", rest.split_whitespace().next().map_or_else(String::new, excerpt))
        }
    };
    let what = match error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg) {
        "unexpected token" => format!("expected a value instead of {found}"),
        message if message.ends_with("expecting <EOF>") => {
            format!("expected an operator or the end instead of {found}")
        }
        message if message.ends_with("expecting expression") => "expected a value instead of the end".to_owned(),
        "invalid argument to has() macro" => "has takes a key of something, as in has(metadata.key)".to_owned(),
        "argument must be a simple name" => "this must be a simple name, as x in list.exists(x, x > 1)".to_owned(),
        "unable to unescape string" => r"a backslash here means nothing; write \\ for one, or r'…'".to_owned(),
        message => message.replace("mismatched input", "found").replace("expecting", "but expected"),
    };
    ParseFault::new(offset, what)
}

/// The byte at which a node of the parsed text stands. The parser tells this only beside an error, so one is provoked
/// after the end of the text; up to there it numbers the nodes as it did before.
fn offset_of(text: &str, node: u64) -> usize {
    let errors = PrattParser::new().parse(&format!("{text}\n)")).err();
    let source = errors.and_then(|errors| errors.errors.into_iter().find_map(|error| error.source_info));
    source.and_then(|source| source.offset_for(node)).map_or(0, |(start, _)| start as usize)
}

/// Why an evaluation failed, in at most some 300 characters: the library's messages quote whole values.
fn reason(error: &ExecutionError) -> String {
    let mut text = Bounded(String::new());
    match error {
        ExecutionError::NoSuchKey(key) => write!(text, "there is no key `{}`: ask has(…) first", key.escape_debug()),
        ExecutionError::NoSuchOverload(found) => {
            let (function, types) = (found.function().trim_matches(['_', '@']), found.argument_types().join(", "));
            write!(text, "`{function}` cannot be applied to ({types})")
        }
        other => write!(text, "{other}"),
    }
    .map_or_else(|_| format!("{}…", text.0), |()| text.0.clone())
}

/// A text that takes no more once it is long.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = 300_usize.saturating_sub(self.0.len());
        let end = text.floor_char_boundary(room);
        self.0.push_str(&text[..end]);
        if end < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}
