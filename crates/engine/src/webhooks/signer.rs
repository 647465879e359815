//! What signs calls to the `webhook` URLs of a principal's directives: one row for each principal, without a URL.

use baton_model::{principal::Scope, webhook::EndpointView};
use baton_store::webhook;

use super::{Showing, ensure_signer};
use crate::{Engine, Error, Principal, Result};

impl Engine {
    /// The caller's own row that signs, with its secrets; made if there is none yet, so that a receiver can be set up
    /// before the first directive.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub async fn webhook_signer(&self, who: &Principal) -> Result<EndpointView> {
        who.may(Scope::Submit)?;
        let owner = who.name.to_string();
        let known = self.inner.store.read(async move |tx| webhook::find(tx, &owner, "").await).await?;
        let id = match known {
            Some(known) => known.id,
            None => {
                let new = self.inner.new_signer(&who.name)?;
                let write = self.inner.store.write(async move |tx| {
                    ensure_signer(tx, &new).await?;
                    let signer = webhook::find(tx, &new.owner, "").await?;
                    signer
                        .map(|signer| signer.id)
                        .ok_or_else(|| Error::NotFound { what: "webhook", id: "signer".into() })
                });
                write.await?
            }
        };
        self.webhook(who, &id, Showing::WithSecrets).await
    }
}
