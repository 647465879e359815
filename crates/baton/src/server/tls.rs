//! TLS on the listener: a certificate and its key from PEM files, read at the start and again on SIGHUP.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    config::Settings,
    failure::{Failure, Result},
};

/// How long a client may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// What is spoken inside (RFC 7301).
const ALPN: &[u8] = b"http/1.1";

/// What a listener shakes hands with. TLS 1.2 and 1.3.
pub struct Tls {
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the certificate and the key that the settings name; `None` where they name none.
    ///
    /// # Errors
    /// A file that cannot be read or holds something else, a key that is not the certificate's (78).
    pub fn open(settings: &Settings) -> Result<Option<Self>> {
        let Some((cert, key)) = settings.server.tls() else { return Ok(None) };
        Ok(Some(Tls { config: RwLock::new(read(cert, key)?) }))
    }

    /// Takes over what the files hold now, for the connections to come.
    ///
    /// # Errors
    /// As for [`Self::open`]; then the certificate stays as it was.
    pub fn reload(&self, settings: &Settings) -> Result {
        if let Some((cert, key)) = settings.server.tls() {
            let fresh = read(cert, key)?;
            *self.config.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
        Ok(())
    }

    /// Shakes hands.
    ///
    /// # Errors
    /// When the client speaks something else, does not trust the certificate, goes away or takes too long.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner).clone();
        timeout(HANDSHAKE, TlsAcceptor::from(config).accept(stream)).await?
    }
}

fn read(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>> {
    let file = |setting: &'static str, path: &Path| PemFile { setting, path: path.to_owned() };
    let (cert, key) = (file("server.tls_cert", cert), file("server.tls_key", key));
    let chain: Vec<_> = CertificateDer::pem_file_iter(&cert.path)
        .and_then(Iterator::collect)
        .map_err(|error| cert.unusable(error, "a certificate (`-----BEGIN CERTIFICATE-----`)"))?;
    if chain.is_empty() {
        return Err(cert.unusable(pem::Error::NoItemsFound, "a certificate (`-----BEGIN CERTIFICATE-----`)"));
    }
    let secret = PrivateKeyDer::from_pem_file(&key.path)
        .map_err(|error| key.unusable(error, "a private key without a passphrase (`-----BEGIN PRIVATE KEY-----`)"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, secret))
        .map_err(|error| {
            Failure::config(format!("cannot speak TLS with {} and {}", cert.path.display(), key.path.display()))
                .because(error)
                .next("name a certificate and the key that belongs to it, the server's own certificate first")
        })?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

/// A file that a setting names.
struct PemFile {
    setting: &'static str,
    path: PathBuf,
}

impl PemFile {
    fn unusable(&self, error: pem::Error, wanted: &str) -> Failure {
        let why = match error {
            pem::Error::Io(error) => error.to_string(),
            pem::Error::NoItemsFound => format!("it holds no {}", wanted.trim_start_matches("a ")),
            other => format!("this is no PEM: {other}"),
        };
        Failure::config(format!("`{}`: {} cannot be used", self.setting, self.path.display()))
            .because(why)
            .next(format!("name a PEM file with {wanted}"))
    }
}
