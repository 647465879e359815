//! The words of expressions: what may be looked at, called and written between operands.

use ::cel::common::ast::operators;

use crate::condition::excerpt;

/// What a value is, as far as the expression alone tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Number,
    Text,
    List,
    Map,
    Null,
    /// Known only when the expression is evaluated.
    Any,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Bool => "true or false",
            Kind::Number => "a number",
            Kind::Text => "a text",
            Kind::List => "a list",
            Kind::Map => "a map",
            Kind::Null => "null",
            Kind::Any => "anything",
        }
    }

    pub(super) fn may_be(self, wanted: &[Kind]) -> bool {
        self == Kind::Any || wanted.contains(&self)
    }
}

/// What a condition may look at, by name.
pub(super) const VARIABLES: [(&str, Kind); 8] = [
    ("success", Kind::Bool),
    ("result", Kind::Text),
    ("error", Kind::Text),
    ("metadata", Kind::Map),
    ("execution_time", Kind::Any),
    ("tags", Kind::List),
    ("priority", Kind::Text),
    ("attempt", Kind::Number),
];

/// Names of types, to be compared with `type(…)`.
pub(super) const TYPES: [&str; 10] =
    ["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];

/// A function and one way to call it.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// What `x` in `x.name(…)` must be, if it is called so.
    pub(super) target: Option<&'static [Kind]>,
    pub(super) arguments: &'static [&'static [Kind]],
    /// What comes out.
    pub(super) kind: Kind,
}

static FUNCTIONS: [Function; 15] = [
    global("size", &[SIZED], Kind::Number),
    member("size", SIZED, &[], Kind::Number),
    member("contains", TEXT, &[TEXT], Kind::Bool),
    member("startsWith", TEXT, &[TEXT], Kind::Bool),
    member("endsWith", TEXT, &[TEXT], Kind::Bool),
    member("matches", TEXT, &[TEXT], Kind::Bool),
    global("matches", &[TEXT, TEXT], Kind::Bool),
    global("bool", &[&[Kind::Bool, Kind::Text]], Kind::Bool),
    global("bytes", &[TEXT], Kind::Any),
    global("double", &[&[Kind::Number, Kind::Text]], Kind::Number),
    global("dyn", &[ALL], Kind::Any),
    global("int", &[&[Kind::Number, Kind::Text]], Kind::Number),
    global("string", &[&[Kind::Bool, Kind::Number, Kind::Text]], Kind::Text),
    global("type", &[ALL], Kind::Any),
    global("uint", &[&[Kind::Number, Kind::Text]], Kind::Number),
];

impl Function {
    fn shown(&self) -> String {
        let target = self.target.map_or("", |_| "x.");
        let arguments = ["y", "z"].into_iter().take(self.arguments.len()).collect::<Vec<_>>().join(", ");
        format!("{target}{}({arguments})", self.name)
    }
}

const fn global(name: &'static str, arguments: &'static [&'static [Kind]], kind: Kind) -> Function {
    Function { name, target: None, arguments, kind }
}

const fn member(
    name: &'static str,
    target: &'static [Kind],
    arguments: &'static [&'static [Kind]],
    kind: Kind,
) -> Function {
    Function { name, target: Some(target), arguments, kind }
}

/// Every kind.
pub(super) const ALL: &[Kind] = &[Kind::Bool, Kind::Number, Kind::Text, Kind::List, Kind::Map, Kind::Null];
const SIZED: &[Kind] = &[Kind::Text, Kind::List, Kind::Map];
const TEXT: &[Kind] = &[Kind::Text];

/// How an operator that the parser names is written.
pub(super) fn symbol(name: &str) -> Option<&'static str> {
    Some(match name {
        operators::CONDITIONAL => "? :",
        operators::LOGICAL_AND => "&&",
        operators::LOGICAL_OR => "||",
        operators::LOGICAL_NOT => "!",
        operators::NOT_STRICTLY_FALSE => "!",
        operators::EQUALS => "==",
        operators::NOT_EQUALS => "!=",
        operators::LESS => "<",
        operators::LESS_EQUALS => "<=",
        operators::GREATER => ">",
        operators::GREATER_EQUALS => ">=",
        operators::IN => "in",
        operators::INDEX => "[ ]",
        operators::ADD => "+",
        operators::SUBSTRACT | operators::NEGATE => "-",
        operators::MULTIPLY => "*",
        operators::DIVIDE => "/",
        operators::MODULO => "%",
        _ => return None,
    })
}

/// The function that is called by this name, on something or not, with so many arguments.
///
/// # Errors
/// There is none; the message says how it is called or which ones there are.
pub(super) fn function(name: &str, is_member: bool, arguments: usize) -> Result<&'static Function, String> {
    let ways: Vec<_> = FUNCTIONS.iter().filter(|function| function.name == name).collect();
    let fitting = ways.iter().find(|way| way.target.is_some() == is_member && way.arguments.len() == arguments);
    if let Some(function) = fitting {
        return Ok(function);
    }
    if !ways.is_empty() {
        let ways: Vec<_> = ways.iter().map(|way| way.shown()).collect();
        return Err(format!("{name} is written {}", ways.join(" or ")));
    }
    Err(match name {
        operators::HAS => "has is written has(metadata.key)".to_owned(),
        operators::MAP => "map is written list.map(x, value made of x)".to_owned(),
        operators::ALL | operators::EXISTS | operators::EXISTS_ONE | operators::FILTER => {
            format!("{name} is written list.{name}(x, condition on x)")
        }
        _ => {
            let mut known: Vec<_> = FUNCTIONS.iter().map(|function| function.name).collect();
            known.dedup();
            let (name, known) = (excerpt(name), known.join(", "));
            format!("unknown function `{name}`; known are {known}, has, all, exists, exists_one, map, filter")
        }
    })
}
