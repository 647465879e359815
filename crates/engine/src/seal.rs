//! Secrets that must be read again, encrypted for the table.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use baton_model::{Rng, ids::sha256_hex};
use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};

use crate::{Error, Result};

/// Bytes of a nonce; random ones of this length never meet (draft-irtf-cfrg-xchacha-03, section 3.1).
const NONCE: usize = 24;

/// What encrypts (XChaCha20-Poly1305). Made of the operator's `store.secret_key` or of the data directory's own key.
#[derive(Clone)]
pub struct SecretKey(XChaCha20Poly1305);

impl SecretKey {
    /// From a text that nobody can guess: the key is its SHA-256.
    pub fn new(text: &str) -> Self {
        let hash = sha256_hex(text.as_bytes());
        let bytes: Vec<u8> =
            (0..32).filter_map(|at| u8::from_str_radix(hash.get(2 * at..2 * at + 2)?, 16).ok()).collect();
        let mut key = Key::default();
        key.copy_from_slice(&bytes);
        SecretKey(XChaCha20Poly1305::new(&key))
    }

    /// Encrypts a text for the row that `context` names; elsewhere it cannot be read.
    pub(crate) fn seal(&self, text: &str, context: &str, rng: &dyn Rng) -> Result<String> {
        let mut nonce = [0; NONCE];
        rng.fill(&mut nonce);
        let payload = Payload { msg: text.as_bytes(), aad: context.as_bytes() };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| Error::Unavailable("a secret could not be encrypted".to_owned()))?;
        Ok(STANDARD_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// Reads what [`SecretKey::seal`] made.
    pub(crate) fn open(&self, sealed: &str, context: &str) -> Result<String> {
        let opened = STANDARD_NO_PAD.decode(sealed).ok().and_then(|bytes| {
            let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
            let payload = Payload { msg: sealed, aad: context.as_bytes() };
            String::from_utf8(self.0.decrypt(&XNonce::from(*nonce), payload).ok()?).ok()
        });
        opened.ok_or_else(|| {
            let why = "a secret cannot be read: `store.secret_key` (or the data directory's `secret.key`) is another \
                       one than when it was written";
            Error::Unavailable(why.to_owned())
        })
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use baton_model::SystemRng;

    use super::*;

    #[test]
    fn what_is_sealed_is_read_with_the_same_key_in_the_same_place_alone() {
        let (rng, key) = (SystemRng::seeded(1), SecretKey::new("correct horse battery staple, and more"));
        let sealed = key.seal("whsec_abc", "webhook 1", &rng).unwrap();
        assert!(!sealed.contains("whsec"));
        assert_ne!(sealed, key.seal("whsec_abc", "webhook 1", &rng).unwrap());
        assert_eq!(key.open(&sealed, "webhook 1").unwrap(), "whsec_abc");
        assert!(key.open(&sealed, "webhook 2").is_err());
        assert!(SecretKey::new("another").open(&sealed, "webhook 1").is_err());
        assert!(key.open("garbage", "webhook 1").is_err());
        assert_eq!(format!("{key:?}"), "SecretKey(***)");
    }
}
