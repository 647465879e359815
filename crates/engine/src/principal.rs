//! Who asks, and what they may.

use std::sync::Arc;

use baton_model::State;
use baton_model::principal::{LOCAL, Scope, Scopes};
use baton_store::directive::DirectiveRow;

use crate::{Error, Result};

/// Who asks. Every use case takes one and says which scope it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Owner of the rows it makes.
    pub name: Arc<str>,
    /// What it may do.
    pub scopes: Scopes,
    /// The id of the token that it showed, if it needed one.
    pub token: Option<Arc<str>>,
}

impl Principal {
    /// The operator of this machine: a call from here without a token, where none is required.
    pub fn local() -> Self {
        Principal { name: LOCAL.into(), scopes: Scopes::ADMIN, token: None }
    }

    /// Whether everybody's rows are its business.
    pub fn is_admin(&self) -> bool {
        self.scopes.allow(Scope::Admin)
    }

    /// Refuses what `scope` is needed for and not held.
    pub(crate) fn may(&self, scope: Scope) -> Result<()> {
        if self.scopes.allow(scope) { Ok(()) } else { Err(Error::Forbidden { scope }) }
    }

    /// Whether an owner's rows are its business. Others are to it as if they were not there.
    pub(crate) fn sees(&self, owner: &str) -> bool {
        self.is_admin() || *self.name == *owner
    }

    /// Whether it may look at a directive: its own, or one that it holds now.
    pub(crate) fn sees_directive(&self, row: &DirectiveRow) -> bool {
        let holds = || row.lease.as_ref().is_some_and(|lease| lease.holder.as_deref() == Some(&self.name));
        self.sees(&row.owner) || (row.state == State::Leased && holds())
    }

    /// What lists are narrowed to: its own rows, unless everybody's are its business.
    pub(crate) fn only(&self) -> Option<String> {
        (!self.is_admin()).then(|| self.name.to_string())
    }
}
