//! What is wrong with an input: one [`Fault`] for each field, so that a caller can mend them all at once.

use serde::Serialize;
use utoipa::ToSchema;

/// One field that cannot be accepted, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// Path of the field, as `follow_up_rules[0].condition`.
    pub field: String,
    /// What is wrong and what would be right.
    pub detail: String,
}

/// Every fault that was found in one input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// Notes one more fault.
    pub fn add(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.0.push(Fault { field: field.into(), detail: detail.into() });
    }

    /// `Ok` when nothing was found.
    pub fn into_result(self) -> Result<(), Faults> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "; " };
            write!(f, "{gap}`{}`: {}", fault.field, fault.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
