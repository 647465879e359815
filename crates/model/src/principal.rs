//! Who calls, and what a token lets them do.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::ToSchema;

use crate::{
    Millis,
    bounds::{check_name, check_positive_seconds},
    clock,
    fault::Faults,
};

/// The principal of calls from this machine that need no token.
pub const LOCAL: &str = "local";

/// What a token lets its holder do. Each of them also lets read what is one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Everything, for everybody's rows; and to make tokens.
    Admin,
    /// Add directives, change one's own, manage one's own webhooks.
    Submit,
    /// Take directives, whoever submitted them, and report on them.
    Work,
    /// Nothing but read what is one's own, and metrics.
    Read,
}

impl Scope {
    /// All of them, the mightiest first.
    pub const ALL: [Scope; 4] = [Scope::Admin, Scope::Submit, Scope::Work, Scope::Read];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Admin => "admin",
            Scope::Submit => "submit",
            Scope::Work => "work",
            Scope::Read => "read",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Scope::ALL.into_iter().find(|scope| scope.as_str() == text)
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Some scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// What the operator of this machine may do.
    pub const ADMIN: Scopes = Scopes(1 << Scope::Admin as u8);

    /// Whether what needs `scope` is allowed: by that scope itself or as `admin`. Reading one's own is always allowed.
    pub fn allow(self, scope: Scope) -> bool {
        match scope {
            Scope::Read => self.0 != 0,
            scope => self.0 & (scope.bit() | Scope::Admin.bit()) != 0,
        }
    }

    /// In the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & scope.bit() != 0)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Scopes(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        let scopes = words.iter().map(|word| {
            let wrong = || D::Error::custom(format!("`{word}` is no scope; use admin, submit, work or read"));
            Scope::parse(word).ok_or_else(wrong)
        });
        scopes.collect()
    }
}

/// A token as somebody asks for it: the body of `POST /api/tokens`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"principal": "ci", "scopes": ["submit"], "expires_in_seconds": 7776000}))]
pub struct TokenRequest {
    /// Whose it is: the owner of what is made with it. Several tokens may have the same.
    #[schema(min_length = 1, max_length = 255)]
    pub principal: String,
    /// What it lets do.
    #[schema(value_type = Vec<Scope>, min_items = 1)]
    pub scopes: Scopes,
    /// What it is for, in words for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 255)]
    pub description: Option<String>,
    /// How long it is valid, in seconds from now; for ever if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.001, maximum = 315360000)]
    pub expires_in_seconds: Option<f64>,
}

impl TokenRequest {
    /// Checks the bounds that types cannot say.
    ///
    /// # Errors
    /// All faults at once.
    pub fn check(&self) -> Result<(), Faults> {
        let mut faults = Faults::default();
        check_name("principal", &self.principal, &mut faults);
        if self.principal == LOCAL && self.scopes != Scopes::ADMIN {
            faults.add("principal", "`local` is the operator of this machine and has every scope: take another name");
        }
        if self.scopes == Scopes::default() {
            faults.add("scopes", "must name at least one: admin, submit, work or read");
        }
        if let Some(description) = &self.description {
            check_name("description", description, &mut faults);
        }
        if let Some(seconds) = self.expires_in_seconds {
            check_positive_seconds("expires_in_seconds", seconds, &mut faults);
        }
        faults.into_result()
    }

    /// When it ends, if it does.
    pub fn expires_at(&self, now: Millis) -> Option<Millis> {
        self.expires_in_seconds.map(|seconds| now + clock::millis(seconds))
    }
}

/// A token as it is listed: never the token itself.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TokenView {
    /// Names it when it is revoked; no secret.
    pub id: String,
    /// Whose it is.
    pub principal: String,
    /// What it lets do.
    #[schema(value_type = Vec<Scope>)]
    pub scopes: Scopes,
    /// What it is for.
    pub description: Option<String>,
    /// When it was made: ISO 8601, UTC.
    pub created_at: String,
    /// Who made it.
    pub created_by: String,
    /// When it ends.
    pub expires_at: Option<String>,
    /// When it was revoked.
    pub revoked_at: Option<String>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<String>,
    /// Whether it is let in now.
    pub valid: bool,
}

/// A token that was just made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TokenMade {
    /// The token. It is shown this once: only its SHA-256 is kept.
    pub token: String,
    /// What is kept of it.
    #[serde(flatten)]
    pub view: TokenView,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_let_do_what_they_say_and_read() {
        for (given, asked, allowed) in [
            (vec![Scope::Admin], Scope::Submit, true),
            (vec![Scope::Admin], Scope::Admin, true),
            (vec![Scope::Submit], Scope::Submit, true),
            (vec![Scope::Submit], Scope::Read, true),
            (vec![Scope::Submit], Scope::Work, false),
            (vec![Scope::Work, Scope::Submit], Scope::Admin, false),
            (vec![Scope::Read], Scope::Submit, false),
            (vec![], Scope::Read, false),
        ] {
            let scopes: Scopes = given.iter().copied().collect();
            assert_eq!(scopes.allow(asked), allowed, "{given:?} for {asked}");
            assert_eq!(scopes.iter().count(), given.len());
        }
        let read: Scopes = serde_json::from_str(r#"["work","read"]"#).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), r#"["work","read"]"#);
        assert!(serde_json::from_str::<Scopes>(r#"["root"]"#).unwrap_err().to_string().contains("use admin, submit"));
    }
}
