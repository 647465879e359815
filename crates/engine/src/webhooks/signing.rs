//! What signs (Standard Webhooks 1.0): secrets of endpoints, sealed in the table, and the headers of one call.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use baton_model::Millis;
use baton_store::{
    Tx,
    webhook::{self, Endpoint},
};
use serde::{Deserialize, Serialize};
use standardwebhooks::Webhook;

use crate::{Error, Inner, Result};

/// What every secret begins with.
const PREFIX: &str = "whsec_";
/// How long an old secret still signs beside the new one: a day.
pub(super) const OVERLAP: Millis = 24 * 3600 * 1000;

/// Secrets of one endpoint, the newest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Secrets(pub Vec<Secret>);

/// One secret.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Secret {
    /// `whsec_…`
    pub text: String,
    /// When it stops to sign; the newest does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl Secrets {
    /// One secret alone.
    pub fn of(text: String) -> Self {
        Secrets(vec![Secret { text, until: None }])
    }

    /// Those that sign now.
    pub fn present(&self, now: Millis) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |secret| secret.until.is_none_or(|until| until > now)).map(|one| one.text.as_str())
    }

    /// Puts a new secret first; those before it go on signing for a day.
    pub fn rotate(&mut self, text: String, now: Millis) {
        self.0.retain(|secret| secret.until.is_none_or(|until| until > now) && secret.text != text);
        for before in &mut self.0 {
            before.until.get_or_insert(now + OVERLAP);
        }
        self.0.insert(0, Secret { text, until: None });
    }

    /// The `webhook-signature` of a message: one signature for each secret, so that receivers may change theirs in
    /// their own time.
    pub fn sign(&self, id: &str, now: Millis, body: &str) -> Result<String> {
        let signed = self.present(now).map(|secret| {
            let signer = Webhook::new(secret).map_err(|error| Error::Unavailable(error.to_string()))?;
            signer.sign(id, now / 1000, body.as_bytes()).map_err(|error| Error::Unavailable(error.to_string()))
        });
        Ok(signed.collect::<Result<Vec<_>>>()?.join(" "))
    }
}

/// Refuses what cannot sign: `whsec_` and the base64 of 24 to 64 bytes it must be (Standard Webhooks, "Signature
/// scheme").
pub(super) fn check(field: &str, text: &str) -> Result<()> {
    let bytes = text.strip_prefix(PREFIX).and_then(|encoded| STANDARD.decode(encoded).ok());
    match bytes {
        Some(bytes) if (24..=64).contains(&bytes.len()) => Ok(()),
        _ => {
            Err(Error::field(field, "must be `whsec_` and the base64 of 24 to 64 bytes; leave it out and one is made"))
        }
    }
}

impl Inner {
    /// A new secret of 256 bits.
    pub(super) fn new_signing_secret(&self) -> String {
        let mut bytes = [0; 32];
        self.rng.fill(&mut bytes);
        format!("{PREFIX}{}", STANDARD.encode(bytes))
    }

    pub(super) fn seal_secrets(&self, secrets: &Secrets, endpoint: &str) -> Result<String> {
        let text = serde_json::to_string(secrets).map_err(|error| Error::Unavailable(error.to_string()))?;
        self.secret_key.seal(&text, &format!("webhook {endpoint}"), &*self.rng)
    }

    pub(super) fn open_secrets(&self, endpoint: &Endpoint) -> Result<Secrets> {
        let text = self.secret_key.open(&endpoint.secrets, &format!("webhook {}", endpoint.id))?;
        serde_json::from_str(&text).map_err(|error| Error::Unavailable(error.to_string()))
    }

    /// The row that signs calls to the `webhook` URLs of a principal's directives.
    pub(crate) fn new_signer(&self, owner: &str) -> Result<Endpoint> {
        let (id, now) = (self.new_id(), self.clock.now());
        Ok(Endpoint {
            secrets: self.seal_secrets(&Secrets::of(self.new_signing_secret()), &id)?,
            id,
            owner: owner.to_owned(),
            url: String::new(),
            events: Vec::new(),
            everybody: false,
            description: Some("signs calls to the URLs in directives".to_owned()),
            enabled: true,
            reason: None,
            created_at: now,
            changed_at: now,
        })
    }
}

impl Inner {
    /// Makes the signer for what an older Baton left in the queue, before anything else is written: such a database
    /// knows no owner but the operator.
    pub(crate) fn sign_for_old_directives(&self) {
        let signer = match self.new_signer(&self.operator.name) {
            Ok(signer) => signer,
            Err(error) => return tracing::error!("calls for older directives cannot be signed: {error}"),
        };
        self.store.write_unattended(async move |tx| {
            if webhook::lacks_signer(tx, &signer.owner).await? {
                webhook::insert(tx, &signer).await?;
            }
            Ok(())
        });
    }
}

/// Keeps a principal's signer unless there is one.
pub(crate) async fn ensure_signer(tx: &mut Tx<'_>, signer: &Endpoint) -> Result<()> {
    if webhook::find(tx, &signer.owner, "").await?.is_none() {
        webhook::insert(tx, signer).await?;
    }
    Ok(())
}
