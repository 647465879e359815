//! Access tokens: making, listing and revoking them, and telling by one who calls.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use baton_model::{
    Millis, clock,
    ids::sha256_hex,
    principal::{Scope, TokenMade, TokenRequest, TokenView},
};
use baton_store::token::{self, Token};
use tokio::sync::watch;

use crate::{Engine, Error, Inner, Principal, Result};

/// What every token begins with, so that people and scanners know it for what it is.
const PREFIX: &str = "baton_";
/// How often the last use of a token is noted.
const NOTE_EVERY: Millis = 60_000;

/// Who is let in without a token.
#[derive(Clone, Debug, Default)]
pub struct Entrance {
    /// Whether everybody needs one.
    pub token: TokenRule,
    /// What this machine's own commands show: it changes with every start, and stands in the lock file.
    pub local_key: Option<Arc<str>>,
}

/// Whether calls need a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenRule {
    /// Calls without one are the operator's: nobody else can reach the address.
    #[default]
    Optional,
    /// Every call needs one.
    Required,
}

/// The tokens that are let in. Read from the table when one is needed, and again when they change.
pub(crate) struct Known {
    by_hash: Mutex<Option<Arc<ByHash>>>,
    /// How often they changed.
    changes: watch::Sender<u64>,
}

type ByHash = HashMap<String, Holder>;

/// Whose token it is.
struct Holder {
    id: Arc<str>,
    principal: Principal,
    expires_at: Option<Millis>,
    noted_at: AtomicI64,
}

impl Engine {
    /// Makes a token. Only its SHA-256 is kept, so this answer is the one chance to see it.
    ///
    /// # Errors
    /// [`Error::Forbidden`] unless an admin asks; [`Error::Invalid`].
    pub async fn create_token(&self, who: &Principal, request: TokenRequest) -> Result<TokenMade> {
        who.may(Scope::Admin)?;
        request.check()?;
        let inner = &self.inner;
        let mut secret = [0; 32];
        inner.rng.fill(&mut secret);
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
        let now = inner.clock.now();
        let new = Token {
            id: inner.new_id(),
            principal: request.principal.clone(),
            hash: sha256_hex(text.as_bytes()),
            scopes: request.scopes,
            description: request.description.clone(),
            created_at: now,
            created_by: who.name.to_string(),
            expires_at: request.expires_at(now),
            revoked_at: None,
            last_used_at: None,
        };
        let view = view(&new, now);
        inner.store.write(async move |tx| token::insert(tx, &new).await).await?;
        Ok(TokenMade { token: text, view })
    }

    /// Every token that was ever made, oldest first.
    ///
    /// # Errors
    /// [`Error::Forbidden`] unless an admin asks.
    pub async fn tokens(&self, who: &Principal) -> Result<Vec<TokenView>> {
        who.may(Scope::Admin)?;
        let now = self.inner.clock.now();
        let all = self.inner.store.read(async move |tx| token::all(tx).await).await?;
        Ok(all.iter().map(|token| view(token, now)).collect())
    }

    /// Revokes a token: when this answers, it is let in no more. Once more changes nothing.
    ///
    /// # Errors
    /// [`Error::Forbidden`] unless an admin asks; [`Error::NotFound`].
    pub async fn revoke_token(&self, who: &Principal, id: &str) -> Result<TokenView> {
        who.may(Scope::Admin)?;
        let (id, now) = (id.to_owned(), self.inner.clock.now());
        let write = self.inner.store.write(async move |tx| {
            token::revoke(tx, &id, now).await?;
            token::get(tx, &id).await?.ok_or_else(|| Error::NotFound { what: "token", id: id.clone() })
        });
        Ok(view(&write.await?, now))
    }

    /// Whether any token is let in now.
    ///
    /// # Errors
    /// If the store is unavailable.
    pub async fn has_valid_token(&self) -> Result<bool> {
        let now = self.inner.clock.now();
        let known = self.inner.tokens.read(&self.inner).await?;
        Ok(known.values().any(|holder| holder.expires_at.is_none_or(|end| end > now)))
    }

    /// Who calls, by the token that was shown.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for one that is not let in, or none where one is needed; [`Error::TooMany`] for a
    /// principal that asks more often than it may.
    pub async fn authenticate(&self, shown: Option<&str>) -> Result<Principal> {
        let who = self.identify(shown).await?;
        self.inner.limits.admit(&who)?;
        Ok(who)
    }

    async fn identify(&self, shown: Option<&str>) -> Result<Principal> {
        let inner = &self.inner;
        let Some(shown) = shown else {
            return match inner.entrance.token {
                TokenRule::Optional => Ok(inner.operator.clone()),
                TokenRule::Required => {
                    Err(Error::Unauthenticated("a token is needed: `Authorization: Bearer baton_…`"))
                }
            };
        };
        let hash = sha256_hex(shown.as_bytes());
        if inner.local_key_hash.as_ref().is_some_and(|key| *key == hash) {
            return Ok(inner.operator.clone());
        }
        let now = inner.clock.now();
        let known = inner.tokens.read(inner).await?;
        let holder = known.get(&hash).filter(|holder| holder.expires_at.is_none_or(|end| end > now));
        let Some(holder) = holder else {
            return Err(Error::Unauthenticated("this token is unknown, expired or revoked"));
        };
        let noted = holder.noted_at.load(Ordering::Relaxed);
        let is_first = || holder.noted_at.compare_exchange(noted, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if now - noted >= NOTE_EVERY && is_first() {
            let id = holder.id.clone();
            inner.store.write_unattended(async move |tx| token::note_use(tx, &id, now).await);
        }
        Ok(holder.principal.clone())
    }
}

impl Default for Known {
    fn default() -> Self {
        Known { by_hash: Mutex::default(), changes: watch::channel(0).0 }
    }
}

impl Known {
    async fn read(&self, inner: &Inner) -> Result<Arc<ByHash>> {
        loop {
            if let Some(known) = &*self.by_hash.lock().unwrap_or_else(PoisonError::into_inner) {
                return Ok(known.clone());
            }
            let change = *self.changes.borrow();
            let all = inner.store.read(async move |tx| token::all(tx).await).await?;
            let let_in = all.into_iter().filter(|token| token.revoked_at.is_none());
            let read = Arc::new(let_in.map(holder).collect::<ByHash>());
            let mut kept = self.by_hash.lock().unwrap_or_else(PoisonError::into_inner);
            // What was read before a change may lack it.
            if *self.changes.borrow() == change {
                *kept = Some(read.clone());
                return Ok(read);
            }
        }
    }

    /// Tells that tokens were made or revoked.
    pub fn forget(&self) {
        let mut kept = self.by_hash.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = None;
        self.changes.send_modify(|changes| *changes += 1);
    }
}

fn holder(token: Token) -> (String, Holder) {
    let id: Arc<str> = token.id.into();
    let principal = Principal { name: token.principal.into(), scopes: token.scopes, token: Some(id.clone()) };
    let noted_at = AtomicI64::new(token.last_used_at.unwrap_or(0));
    (token.hash, Holder { id, principal, expires_at: token.expires_at, noted_at })
}

/// How long a caller is let in, for calls that go on for long.
pub(crate) struct Admission {
    token: Option<Arc<str>>,
    expires_at: Option<Millis>,
    changes: watch::Receiver<u64>,
}

impl Inner {
    /// Begins to watch whether a caller is still let in.
    pub(crate) fn admission(&self, who: &Principal) -> Admission {
        let mut changes = self.tokens.changes.subscribe();
        // The first look finds out when the token ends.
        changes.mark_changed();
        Admission { token: who.token.clone(), expires_at: None, changes }
    }
}

impl Admission {
    /// Whether the token is neither revoked nor expired.
    pub async fn holds(&mut self, inner: &Inner) -> Result<bool> {
        let Some(id) = &self.token else { return Ok(true) };
        if self.changes.has_changed().unwrap_or(true) {
            self.changes.mark_unchanged();
            let known = inner.tokens.read(inner).await?;
            let holder = known.values().find(|holder| holder.id == *id);
            // What was revoked stays so.
            self.expires_at = holder.map_or(Some(Millis::MIN), |holder| holder.expires_at);
        }
        Ok(self.expires_at.is_none_or(|end| end > inner.clock.now()))
    }

    /// Waits until the token is revoked or expires. Dropping the future loses nothing.
    ///
    /// # Errors
    /// If the store is unavailable.
    pub async fn ended(&mut self, inner: &Inner) -> Result<()> {
        if self.token.is_none() {
            return std::future::pending().await; // the operator's admission has no end
        }
        while self.holds(inner).await? {
            let left = self.expires_at.map(|end| end.saturating_sub(inner.clock.now()));
            let expired = async {
                match left.and_then(|left| u64::try_from(left).ok()) {
                    Some(left) => tokio::time::sleep(Duration::from_millis(left)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = self.changes.changed() => {
                    // The sender lives as long as the engine; what has changed is looked at above.
                    if changed.is_ok() {
                        self.changes.mark_changed();
                    }
                }
                () = expired => {}
            }
        }
        Ok(())
    }
}

fn view(token: &Token, now: Millis) -> TokenView {
    TokenView {
        id: token.id.clone(),
        principal: token.principal.clone(),
        scopes: token.scopes,
        description: token.description.clone(),
        created_at: clock::iso(token.created_at),
        created_by: token.created_by.clone(),
        expires_at: token.expires_at.map(clock::iso),
        revoked_at: token.revoked_at.map(clock::iso),
        last_used_at: token.last_used_at.map(clock::iso),
        valid: token.is_valid(now),
    }
}
