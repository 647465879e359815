//! Which servers are trusted over TLS, where `BATON_CA_CERT` says it.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};

use crate::failure::{Failure, Result};

/// Trusts what a PEM file holds and nothing else: servers whose certificate an authority in the file has signed, and
/// servers that show a certificate which stands in the file itself, whatever name it bears. So the certificate of a
/// server that signed its own is all that a client needs.
///
/// # Errors
/// A file that cannot be read or holds no certificate (78).
pub fn only(file: &Path) -> Result<ClientConfig> {
    let unusable = |why: String| {
        Failure::config(format!("no certificates can be read from {}", file.display()))
            .because(why)
            .next("let BATON_CA_CERT name a PEM file with the server's certificate or its authority's")
    };
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| unusable(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(certificates.iter().cloned());
    if usable == 0 {
        return Err(unusable("there is none in it".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
    let authorities = authorities.map_err(|error| unusable(error.to_string()))?;
    build(provider, Arc::new(Trusted { certificates, authorities })).map_err(|error| unusable(error.to_string()))
}

fn build(provider: Arc<CryptoProvider>, trusted: Arc<Trusted>) -> std::result::Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    // "Dangerous" is the library's word for every verifier that is not its own.
    Ok(builder.dangerous().with_custom_certificate_verifier(trusted).with_no_client_auth())
}

/// The certificates of the file, as they are and as authorities.
#[derive(Debug)]
struct Trusted {
    certificates: Vec<CertificateDer<'static>>,
    authorities: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, Error> {
        // That the server holds the key of the certificate it shows is checked by its signature below.
        if self.certificates.iter().any(|known| known == shown) {
            return Ok(ServerCertVerified::assertion());
        }
        self.authorities.verify_server_cert(shown, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}
