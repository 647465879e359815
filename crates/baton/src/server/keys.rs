//! The keys of a server: what encrypts secrets in its database, and what this machine's own commands show it.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use baton_engine::SecretKey;
use baton_model::{Rng, Secret};

use crate::{
    config::Settings,
    failure::{Failure, Result},
};

/// The file in the data directory with the key of an installation whose settings name none.
pub fn secret_key_file(data_dir: &Path) -> PathBuf {
    data_dir.join("secret.key")
}

/// What encrypts: `store.secret_key`, or else the data directory's own key, which is made at the first start.
///
/// # Errors
/// When the file cannot be read or made.
pub fn secret_key(settings: &Settings, data_dir: &Path, rng: &dyn Rng) -> Result<SecretKey> {
    if let Some(key) = &settings.store.secret_key {
        return Ok(SecretKey::new(key.expose()));
    }
    let file = secret_key_file(data_dir);
    let unusable = |error: std::io::Error| {
        Failure::failed(format!("cannot use the key in {}", file.display()))
            .because(error)
            .next("mend the file's permissions, or set `store.secret_key`")
    };
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => make(&file, rng).map_err(unusable)?,
        Err(error) => return Err(unusable(error)),
    };
    if text.trim().len() < 32 {
        return Err(Failure::failed(format!("the key in {} is too short", file.display()))
            .because("it was cut off, or written by something else")
            .next("put the right one back; without it, webhook secrets in the database cannot be read"));
    }
    Ok(SecretKey::new(text.trim()))
}

/// Writes a new key so that it is there whole or not at all, readable by its owner alone.
fn make(file: &Path, rng: &dyn Rng) -> std::io::Result<String> {
    let key = random(rng).expose().clone();
    let draft = file.with_extension("new");
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    out.write_all(key.as_bytes())?;
    out.sync_all()?;
    fs::rename(&draft, file)?;
    Ok(key)
}

/// 256 random bits as 64 hexadecimal digits.
pub fn random(rng: &dyn Rng) -> Secret<String> {
    let mut bytes = [0; 32];
    rng.fill(&mut bytes);
    Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use baton_model::SystemRng;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_nobody_else_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let (settings, rng) = (Settings::default(), SystemRng::seeded(1));
        secret_key(&settings, dir.path(), &rng).unwrap();
        let file = secret_key_file(dir.path());
        let made = fs::read_to_string(&file).unwrap();
        assert_eq!((made.len(), fs::metadata(&file).unwrap().mode() & 0o777), (64, 0o600));
        secret_key(&settings, dir.path(), &rng).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), made);
        fs::write(&file, "short").unwrap();
        assert!(secret_key(&settings, dir.path(), &rng).unwrap_err().to_string().contains("too short"));
    }
}
