//! Bounds on how large values are.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::condition::{ConditionError, Facts, MAX_STEPS};

/// Deepest nesting of metadata that is looked at.
const MAX_DEPTH: usize = 128;

/// How much a text weighs: a step to touch it, and one for each KiB to copy it.
pub(super) fn text_weight(text: &str) -> u64 {
    1 + text.len() as u64 / 1024
}

/// A bound on the size of a value. Its weight is the steps it takes to copy it, at least one for each value in it.
#[derive(Clone, Debug)]
pub(super) enum Size<'a> {
    /// Part of the metadata, known exactly.
    Data(&'a Shape<'a>),
    /// A list or map made by the expression, of at most so many items of at most this size.
    List { count: u64, item: Box<Size<'a>> },
    /// Anything of at most this weight. What is in it weighs no more.
    Flat(u64),
}

impl<'a> Size<'a> {
    pub(super) fn weight(&self) -> u64 {
        match self {
            Size::Data(shape) => shape.weight,
            Size::List { count, item } => count.saturating_mul(item.weight().saturating_add(1)).saturating_add(1),
            Size::Flat(weight) => *weight,
        }
    }

    /// The most items it can have.
    pub(super) fn count(&self) -> u64 {
        match self {
            Size::Data(shape) => shape.count,
            Size::List { count, .. } => *count,
            Size::Flat(weight) => *weight,
        }
    }

    /// The largest of its items or keys.
    pub(super) fn item(&self) -> Size<'a> {
        match self {
            Size::Data(shape) => Size::Flat(shape.heaviest),
            Size::List { item, .. } => Size::clone(item),
            Size::Flat(weight) => Size::Flat(*weight),
        }
    }

    /// What is under a key.
    pub(super) fn at_key(&self, key: &str) -> Size<'a> {
        match self {
            Size::Data(shape) => shape.entries.get(key).map_or(Size::Flat(0), Size::Data),
            _ => self.item(),
        }
    }

    /// The larger of two.
    pub(super) fn or(self, other: Size<'a>) -> Size<'a> {
        match (self, other) {
            (Size::Flat(0), size) | (size, Size::Flat(0)) => size,
            (Size::List { count, item }, Size::List { count: other_count, item: other_item }) => {
                Size::List { count: count.max(other_count), item: Box::new(item.or(*other_item)) }
            }
            (one, other) => Size::Flat(one.weight().max(other.weight())),
        }
    }

    /// What `+` makes of two.
    pub(super) fn joined_with(&self, other: &Size<'a>) -> Size<'a> {
        match (self, other) {
            (Size::List { count, item }, Size::List { count: other_count, item: other_item }) => Size::List {
                count: count.saturating_add(*other_count),
                item: Box::new(Size::clone(item).or(Size::clone(other_item))),
            },
            (one, other) => Size::Flat(one.weight().saturating_add(other.weight())),
        }
    }

    /// What a loop makes that adds this much each time.
    pub(super) fn times(self, count: u64) -> Size<'a> {
        match self {
            Size::List { count: each, item } => Size::List { count: each.saturating_mul(count), item },
            other => other,
        }
    }
}

/// The size of a part of the metadata.
#[derive(Debug, Default)]
pub(super) struct Shape<'a> {
    weight: u64,
    count: u64,
    /// The weight of the heaviest item or key.
    heaviest: u64,
    /// What is under its keys, if it is a map.
    entries: BTreeMap<&'a str, Shape<'a>>,
}

/// Measures JSON, and gives up on what would take too many steps to look at in any case.
struct Measure {
    depth: usize,
    values: u64,
}

impl Measure {
    fn shape<'a>(&mut self, value: &'a Value) -> Result<Shape<'a>, ConditionError> {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(Shape::of_weight(1)),
            Value::String(text) => Ok(Shape::of_weight(text_weight(text))),
            Value::Array(items) => self.container(items.iter().map(|item| (None, item))),
            Value::Object(entries) => self.container(entries.iter().map(|(key, item)| (Some(key.as_str()), item))),
        }
    }

    fn container<'a>(
        &mut self,
        items: impl Iterator<Item = (Option<&'a str>, &'a Value)>,
    ) -> Result<Shape<'a>, ConditionError> {
        self.depth += 1;
        let mut shape = Shape::of_weight(1);
        for (key, item) in items {
            self.values += 1;
            if self.depth > MAX_DEPTH || self.values > MAX_STEPS {
                let what = "the metadata that the condition looks at is too large or nested too deep";
                return Err(ConditionError(what.to_owned()));
            }
            let inner = self.shape(item)?;
            shape.count += 1;
            shape.weight = shape.weight.saturating_add(inner.weight);
            shape.heaviest = shape.heaviest.max(inner.weight);
            if let Some(key) = key {
                shape.weight = shape.weight.saturating_add(text_weight(key));
                shape.heaviest = shape.heaviest.max(text_weight(key));
                shape.entries.insert(key, inner);
            }
        }
        self.depth -= 1;
        Ok(shape)
    }
}

impl Shape<'_> {
    fn of_weight(weight: u64) -> Self {
        Shape { weight, ..Shape::default() }
    }
}

/// The sizes of the facts.
#[derive(Debug, Default)]
pub(super) struct Sizes<'a> {
    result: u64,
    error: u64,
    tags: u64,
    heaviest_tag: u64,
    priority: u64,
    metadata: Shape<'a>,
}

impl<'a> Sizes<'a> {
    /// Measures facts, with these entries of the metadata.
    ///
    /// # Errors
    /// The metadata is too large or nested too deep.
    pub(super) fn measure(facts: &Facts<'a>, metadata: &[(&'a String, &'a Value)]) -> Result<Self, ConditionError> {
        let entries = metadata.iter().map(|(key, item)| (Some(key.as_str()), *item));
        Ok(Sizes {
            result: text_weight(facts.result),
            error: text_weight(facts.error.unwrap_or("")),
            tags: facts.tags.len() as u64,
            heaviest_tag: facts.tags.iter().map(|tag| text_weight(tag)).max().unwrap_or(0),
            priority: text_weight(facts.priority),
            metadata: Measure { depth: 0, values: 0 }.container(entries)?,
        })
    }

    /// The size of a fact, by name.
    pub(super) fn of(&'a self, name: &str) -> Size<'a> {
        match name {
            "result" => Size::Flat(self.result),
            "error" => Size::Flat(self.error),
            "tags" => Size::List { count: self.tags, item: Box::new(Size::Flat(self.heaviest_tag)) },
            "priority" => Size::Flat(self.priority),
            "metadata" => Size::Data(&self.metadata),
            _ => Size::Flat(1),
        }
    }

    /// The steps it takes to hand the facts to the evaluation.
    pub(super) fn steps_to_bind(&self) -> u64 {
        self.metadata.weight.saturating_mul(2).saturating_add(self.tags)
    }
}
