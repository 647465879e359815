//! How many steps an evaluation can take at most, worked out from the sizes of the data before it begins.
//!
//! Each node of the tree is given two bounds: the steps to evaluate it, and the [`Size`] of what comes out. A
//! comprehension takes the steps of its body as often as its range has items. Bounds may be too high, never too low:
//! both ways through a choice are counted as the costlier, and no loop is expected to end early.

use ::cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};

use super::{
    check::Checked,
    size::{Size, Sizes, text_weight},
};

/// The most steps that an evaluation may take on data of these sizes.
pub(super) fn steps(tree: &IdedExpr, checked: &Checked, sizes: &Sizes<'_>) -> u64 {
    let mut estimate = Estimate { checked, sizes, declared: Vec::new(), steps: sizes.steps_to_bind() };
    estimate.node(tree);
    estimate.steps
}

struct Estimate<'a> {
    checked: &'a Checked,
    sizes: &'a Sizes<'a>,
    /// The sizes of the variables of the comprehensions around this place.
    declared: Vec<(&'a str, Size<'a>)>,
    steps: u64,
}

impl<'a> Estimate<'a> {
    fn spend(&mut self, steps: u64) {
        self.steps = self.steps.saturating_add(steps);
    }

    /// Adds the steps of a node and gives the size of its value.
    fn node(&mut self, node: &'a IdedExpr) -> Size<'a> {
        self.spend(1);
        match &node.expr {
            Expr::Literal(LiteralValue::String(text)) => Size::Flat(text_weight(text.inner())),
            Expr::Literal(LiteralValue::Bytes(bytes)) => Size::Flat(1 + bytes.inner().len() as u64 / 1024),
            Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => Size::Flat(1),
            Expr::Ident(name) => {
                let declared = self.declared.iter().rev().find(|(declared, _)| declared == name);
                declared.map_or_else(|| self.sizes.of(name), |(_, size)| size.clone())
            }
            Expr::Select(select) => self.node(&select.operand).at_key(&select.field),
            Expr::List(list) => self.list(list.elements.iter()),
            Expr::Map(map) => self.list(map.entries.iter().flat_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(pair) => [&pair.key, &pair.value],
                EntryExpr::StructField(field) => [&field.value, &field.value],
            })),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
        }
    }

    /// A list or map of these elements, each of which is copied into it.
    fn list(&mut self, elements: impl Iterator<Item = &'a IdedExpr>) -> Size<'a> {
        let mut count = 0;
        let mut item = Size::Flat(0);
        for element in elements {
            let size = self.node(element);
            self.spend(size.weight());
            item = item.or(size);
            count += 1;
        }
        Size::List { count, item: Box::new(item) }
    }

    fn call(&mut self, call: &'a CallExpr) -> Size<'a> {
        if let (operators::CONDITIONAL, [condition, then, otherwise]) = (call.func_name.as_str(), call.args.as_slice())
        {
            self.node(condition);
            let before = self.steps;
            let size = self.node(then);
            let steps_of_then = self.steps - before;
            self.steps = before;
            let size = size.or(self.node(otherwise));
            self.steps = self.steps.max(before.saturating_add(steps_of_then));
            return size;
        }
        let operands: Vec<_> =
            call.target.as_deref().into_iter().chain(&call.args).map(|node| self.node(node)).collect();
        let weight = operands.iter().map(Size::weight).fold(0, u64::saturating_add);
        match (call.func_name.as_str(), operands.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, _) => Size::Flat(1),
            (operators::INDEX, [container, _]) => match &call.args[1].expr {
                Expr::Literal(LiteralValue::String(key)) => container.at_key(key.inner()),
                Expr::Literal(LiteralValue::Int(_)) => container.item(),
                // An index that does not fit is told in an error that copies the container.
                _ => {
                    self.spend(weight);
                    container.item()
                }
            },
            // Comparing with an item of another type copies the value, into an error that nobody sees.
            (operators::IN, [value, container]) => {
                self.spend(weight.saturating_add(value.weight().saturating_mul(container.count())));
                Size::Flat(1)
            }
            (operators::ADD, [left, right]) => {
                self.spend(weight);
                left.joined_with(right)
            }
            ("matches", [text, _]) => {
                let pattern = match &call.args[1].expr {
                    Expr::Ident(name) => self.checked.patterns.iter().find(|(known, _)| known == name),
                    _ => None,
                };
                let steps = pattern.map_or(u64::MAX, |(_, pattern)| pattern.steps(text.weight()));
                self.spend(steps);
                Size::Flat(1)
            }
            ("dyn", [value]) => value.clone(),
            ("size", [Size::Data(_) | Size::List { .. }]) => Size::Flat(1),
            // Whatever reads its operands through; the contains of texts is the slowest, at 4 steps a KiB.
            _ => {
                self.spend(weight.saturating_mul(4));
                let makes_text = matches!(call.func_name.as_str(), "string" | "bytes");
                Size::Flat(if makes_text { weight.saturating_add(1) } else { 1 })
            }
        }
    }

    fn comprehension(&mut self, node: &'a ComprehensionExpr) -> Size<'a> {
        let range = self.node(&node.iter_range);
        let start = self.node(&node.accu_init);
        let (count, item) = (range.count(), range.item());
        let before = self.steps;
        self.spend(item.weight().saturating_add(1));
        let outside = self.declared.len();
        self.declared.push((&node.iter_var, item));
        self.declared.push((&node.accu_var, start));
        self.node(&node.loop_cond);
        let grown = self.node(&node.loop_step);
        self.steps = before.saturating_add((self.steps - before).saturating_mul(count));
        self.node(&node.result);
        self.declared.truncate(outside);
        grown.times(count)
    }
}
