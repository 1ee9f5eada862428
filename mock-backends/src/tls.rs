//! TLS of the backends: the certificate that all of them show.

use crate::config::{MockError, TlsFiles};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// The protocol that a client and a backend agree on for HTTP/2.
pub(crate) const HTTP2: &[u8] = b"h2";
/// Largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

impl TlsFiles {
    /// Reads the files, and returns how connections are accepted: with TLS 1.2 or 1.3, and HTTP/2 or HTTP/1.1.
    ///
    /// # Errors
    /// [`MockError::File`] if a file cannot be read or does not hold what it should, or if the key is not that of the
    /// certificate.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, MockError> {
        let chain = certificates(&self.certificate)?;
        let key = key(&self.key)?;
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&self.certificate, error.to_string()))?;
        let mut config =
            builder.with_no_client_auth().with_single_cert(chain, key).map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => wrong(
                    &self.key,
                    format!(
                        "this is not the private key of the certificate in {}; name the files of one pair",
                        self.certificate.display()
                    ),
                ),
                rustls::Error::InvalidCertificate(error) => wrong(&self.certificate, format!("{error:?}")),
                error => wrong(&self.key, error.to_string()),
            })?;
        config.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn wrong(path: &Path, problem: String) -> MockError {
    MockError::File { path: path.to_owned(), problem }
}

fn text(path: &Path, what: &str) -> Result<Vec<u8>, MockError> {
    let unread = |error: std::io::Error| wrong(path, format!("{error}; name a PEM file with {what}"));
    lb_io::read(path, LARGEST).map_err(unread)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, MockError> {
    let text = text(path, "a certificate")?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match chain {
        Ok(chain) if chain.is_empty() => {
            Err(wrong(path, "it holds no certificate: no line `-----BEGIN CERTIFICATE-----`".to_owned()))
        }
        Ok(chain) => Ok(chain),
        Err(error) => Err(wrong(path, format!("it is no PEM file: {error}"))),
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, MockError> {
    let text = text(path, "a private key")?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            wrong(path, "it holds no private key: no line such as `-----BEGIN PRIVATE KEY-----`".to_owned())
        }
        error => wrong(path, format!("it is no PEM file: {error}")),
    })
}
