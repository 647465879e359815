//! What an expression may say: known names, sensible kinds of values, patterns written out, few comprehensions in each
//! other.

use ::cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr};
use serde_json::{Map, Value};

use super::{
    pattern::Pattern,
    words::{self, ALL, Kind, TYPES, VARIABLES, symbol},
};
use crate::condition::excerpt;

/// Deepest nesting of comprehensions (`all`, `exists`, `exists_one`, `map`, `filter`).
const MAX_COMPREHENSIONS: usize = 2;
/// Deepest syntax tree, with comprehensions written out. Evaluating takes some 40 KiB of stack for each level in a
/// debug build.
const MAX_DEPTH: usize = 28;

/// What checking found out about an expression.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// The variables it looks at.
    pub(super) variables: Vec<&'static str>,
    /// What it looks at in the metadata.
    pub(super) metadata: Metadata,
    /// The patterns of its calls of `matches`, which stand in the tree as variables of these names.
    pub(super) patterns: Vec<(String, Pattern)>,
}

/// The part of the metadata that an expression looks at, so that the rest costs nothing.
#[derive(Debug)]
pub(super) enum Metadata {
    /// What stands under these keys.
    Keys(Vec<String>),
    All,
}

impl Default for Metadata {
    fn default() -> Self {
        Metadata::Keys(Vec::new())
    }
}

impl Metadata {
    fn add(&mut self, key: &str) {
        if let Metadata::Keys(keys) = self
            && !keys.iter().any(|known| known == key)
        {
            keys.push(key.to_owned());
        }
    }

    /// These entries of the metadata of a result.
    pub(super) fn pick<'v>(&self, metadata: &'v Map<String, Value>) -> Vec<(&'v String, &'v Value)> {
        match self {
            Metadata::Keys(keys) => keys.iter().filter_map(|key| metadata.get_key_value(key)).collect(),
            Metadata::All => metadata.iter().collect(),
        }
    }
}

/// What is wrong, and the id of the node at which it shows.
pub(super) type NodeFault = (u64, String);

/// Checks an expression that came from the parser. Calls of `matches` are left with a variable in the place of their
/// pattern.
pub(super) fn check(tree: &mut IdedExpr) -> Result<Checked, NodeFault> {
    let mut checker = Checker::default();
    let kind = checker.walk(tree)?;
    if !kind.may_be(&[Kind::Bool]) {
        return Err((tree.id, format!("a condition is true or false, but {} is {}", describe(tree), kind.name())));
    }
    Ok(checker.checked)
}

#[derive(Default)]
struct Checker {
    checked: Checked,
    /// Variables of the comprehensions around this place.
    declared: Vec<String>,
    depth: usize,
    comprehensions: usize,
    pattern_weight: u64,
}

impl Checker {
    fn walk(&mut self, node: &mut IdedExpr) -> Result<Kind, NodeFault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err((node.id, "this is nested too deep".to_owned()));
        }
        let id = node.id;
        let kind = match &mut node.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Kind::Bool,
                LiteralValue::Int(_) | LiteralValue::UInt(_) | LiteralValue::Double(_) => Kind::Number,
                LiteralValue::String(_) => Kind::Text,
                LiteralValue::Null => Kind::Null,
                LiteralValue::Bytes(_) => Kind::Any,
            },
            Expr::Ident(name) => {
                let kind = self.variable(id, name)?;
                if self.is_metadata(name) {
                    self.checked.metadata = Metadata::All;
                }
                kind
            }
            Expr::Select(select) => self.select(select)?,
            Expr::Call(call) => self.call(id, call)?,
            Expr::Comprehension(comprehension) => self.comprehension(id, comprehension)?,
            Expr::List(list) => {
                for element in &mut list.elements {
                    self.walk(element)?;
                }
                Kind::List
            }
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    let EntryExpr::MapEntry(pair) = &mut entry.expr else {
                        return Err((entry.id, "a map's entries are written as key: value".to_owned()));
                    };
                    self.walk(&mut pair.key)?;
                    self.walk(&mut pair.value)?;
                }
                Kind::Map
            }
            Expr::Struct(message) => {
                return Err((id, format!("unknown type `{}`: there are no messages here", message.type_name)));
            }
            Expr::Unspecified => return Err((id, "the expression is not complete".to_owned())),
        };
        self.depth -= 1;
        Ok(kind)
    }

    /// Walks a node that must be of one of the kinds, because of `reason`.
    fn walk_as(&mut self, node: &mut IdedExpr, wanted: &[Kind], reason: &str) -> Result<Kind, NodeFault> {
        let kind = self.walk(node)?;
        if kind.may_be(wanted) {
            return Ok(kind);
        }
        let names: Vec<_> = wanted.iter().map(|kind| kind.name()).collect();
        let mut what = format!("{reason} takes {}, but {} is {}", names.join(" or "), describe(node), kind.name());
        if matches!(&node.expr, Expr::Ident(name) if name == "error") {
            what.push_str(": in CEL write !success or error != '', or join with AND, OR, NOT");
        }
        Err((node.id, what))
    }

    fn variable(&mut self, id: u64, name: &str) -> Result<Kind, NodeFault> {
        if self.declared.iter().any(|declared| declared == name) || TYPES.contains(&name) {
            return Ok(Kind::Any);
        }
        let Some((name, kind)) = VARIABLES.into_iter().find(|(known, _)| *known == name) else {
            let known = VARIABLES.map(|(name, _)| name).join(", ");
            return Err((id, format!("unknown variable `{}`; known are {known}", excerpt(name))));
        };
        if !self.checked.variables.contains(&name) {
            self.checked.variables.push(name);
        }
        Ok(kind)
    }

    fn is_metadata(&self, name: &str) -> bool {
        name == "metadata" && !self.declared.iter().any(|declared| declared == name)
    }

    /// Walks what something is looked up in; under which key, if the expression says so.
    fn container(
        &mut self,
        node: &mut IdedExpr,
        key: Option<&str>,
        wanted: &[Kind],
        reason: &str,
    ) -> Result<(), NodeFault> {
        match (&node.expr, key) {
            (Expr::Ident(name), Some(key)) if self.is_metadata(name) => {
                self.variable(node.id, name)?;
                self.checked.metadata.add(key);
            }
            _ => drop(self.walk_as(node, wanted, reason)?),
        }
        Ok(())
    }

    fn select(&mut self, select: &mut SelectExpr) -> Result<Kind, NodeFault> {
        self.container(&mut select.operand, Some(&select.field), &[Kind::Map], &format!("`.{}`", select.field))?;
        Ok(if select.test { Kind::Bool } else { Kind::Any })
    }

    fn call(&mut self, id: u64, call: &mut CallExpr) -> Result<Kind, NodeFault> {
        if let Some(symbol) = symbol(&call.func_name) {
            return self.operator(id, symbol, call);
        }
        let function = words::function(&call.func_name, call.target.is_some(), call.args.len());
        let function = function.map_err(|what| (id, what))?;
        let reason = format!("{}()", function.name);
        if let (Some(target), Some(wanted)) = (&mut call.target, function.target) {
            self.walk_as(target, wanted, &reason)?;
        }
        for (argument, wanted) in call.args.iter_mut().zip(function.arguments) {
            self.walk_as(argument, wanted, &reason)?;
        }
        if function.name == "matches" {
            self.take_pattern(call)?;
        }
        Ok(function.kind)
    }

    /// Compiles the pattern of a call of `matches`, which becomes `matches(text, @pattern…)`.
    fn take_pattern(&mut self, call: &mut CallExpr) -> Result<(), NodeFault> {
        if let Some(target) = call.target.take() {
            call.args.insert(0, *target);
        }
        let Some(argument) = call.args.get_mut(1) else { return Ok(()) };
        let Expr::Literal(LiteralValue::String(text)) = &argument.expr else {
            return Err((argument.id, "the pattern of matches() must be written out as a text".to_owned()));
        };
        let pattern = Pattern::compile(text.inner(), &mut self.pattern_weight).map_err(|what| (argument.id, what))?;
        let name = format!("@pattern{}", self.checked.patterns.len());
        argument.expr = Expr::Ident(name.clone());
        self.checked.patterns.push((name, pattern));
        Ok(())
    }

    fn operator(&mut self, id: u64, symbol: &str, call: &mut CallExpr) -> Result<Kind, NodeFault> {
        let reason = format!("`{symbol}`");
        match (symbol, call.args.as_mut_slice()) {
            ("&&" | "||" | "!", operands) => {
                for operand in operands {
                    self.walk_as(operand, &[Kind::Bool], &reason)?;
                }
                Ok(Kind::Bool)
            }
            ("? :", [condition, then, otherwise]) => {
                self.walk_as(condition, &[Kind::Bool], &reason)?;
                let (then, otherwise) = (self.walk(then)?, self.walk(otherwise)?);
                Ok(if then == otherwise { then } else { Kind::Any })
            }
            ("in", [item, container]) => {
                self.walk(item)?;
                self.walk_as(container, &[Kind::List, Kind::Map], &reason)?;
                Ok(Kind::Bool)
            }
            ("[ ]", [container, index]) => {
                let key = match &index.expr {
                    Expr::Literal(LiteralValue::String(key)) => Some(key.inner()),
                    _ => None,
                };
                self.container(container, key, &[Kind::List, Kind::Map], &reason)?;
                self.walk(index)?;
                Ok(Kind::Any)
            }
            ("==" | "!=", [left, right]) => {
                self.pair(id, &reason, ALL, left, right)?;
                Ok(Kind::Bool)
            }
            ("<" | "<=" | ">" | ">=", [left, right]) => {
                self.pair(id, &reason, &[Kind::Number, Kind::Text, Kind::Bool], left, right)?;
                Ok(Kind::Bool)
            }
            ("+", [left, right]) => self.pair(id, &reason, &[Kind::Number, Kind::Text, Kind::List], left, right),
            (_, operands) => {
                for operand in operands {
                    self.walk_as(operand, &[Kind::Number], &reason)?;
                }
                Ok(Kind::Number)
            }
        }
    }

    /// Walks two operands that must be of the same kind.
    fn pair(
        &mut self,
        id: u64,
        reason: &str,
        wanted: &[Kind],
        left: &mut IdedExpr,
        right: &mut IdedExpr,
    ) -> Result<Kind, NodeFault> {
        let (first, second) = (self.walk_as(left, wanted, reason)?, self.walk_as(right, wanted, reason)?);
        if first == Kind::Any || second == Kind::Any {
            return Ok(Kind::Any);
        }
        if first != second {
            let (left, right) = (describe(left), describe(right));
            let what =
                format!("{reason} takes two of a kind, but {left} is {}, {right} {}", first.name(), second.name());
            return Err((id, what));
        }
        Ok(first)
    }

    fn comprehension(&mut self, id: u64, node: &mut ComprehensionExpr) -> Result<Kind, NodeFault> {
        self.walk_as(&mut node.iter_range, &[Kind::List, Kind::Map], "a comprehension")?;
        let kind = self.walk(&mut node.accu_init)?;
        self.comprehensions += 1;
        if self.comprehensions > MAX_COMPREHENSIONS {
            let what = format!("all, exists, exists_one, map and filter nest at most {MAX_COMPREHENSIONS} deep");
            return Err((id, what));
        }
        let outside = self.declared.len();
        self.declared.push(node.iter_var.clone());
        self.declared.push(node.accu_var.clone());
        self.walk(&mut node.loop_cond)?;
        self.walk(&mut node.loop_step)?;
        let result = self.walk(&mut node.result)?;
        self.declared.truncate(outside);
        self.comprehensions -= 1;
        Ok(if result == Kind::Any { kind } else { result })
    }
}

/// A node in the words of the one who wrote it.
fn describe(node: &IdedExpr) -> String {
    match &node.expr {
        Expr::Ident(name) if !name.starts_with('@') => format!("`{name}`"),
        Expr::Literal(LiteralValue::String(text)) => {
            format!("'{}'", excerpt(text.inner()))
        }
        Expr::Call(call) => match symbol(&call.func_name) {
            Some(symbol) => format!("what `{symbol}` gives"),
            None => format!("what {}() gives", call.func_name),
        },
        _ => "this".to_owned(),
    }
}
