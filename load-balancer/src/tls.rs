//! TLS towards clients: the certificate and the key of the config, which are read again when their files change.
//!
//! A certificate that was renewed must not need a restart. The files are looked at once a second; what they hold is
//! used for connections that come after it was found valid. Anything else keeps what there was, with a warning: a pair
//! of files is replaced one after the other, and does not fit together in between.

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ProducesTickets;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The longest file of certificates or keys, in bytes.
const LONGEST: u64 = 1 << 20;
/// Time between two looks at the files.
const INTERVAL: Duration = Duration::from_secs(1);
/// The protocols on offer, the preferred one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Who the load balancer is to clients that speak TLS.
#[derive(Debug)]
pub(crate) struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    /// Makes the tickets with which clients resume sessions. It stays when the certificate changes.
    tickets: Arc<dyn ProducesTickets>,
    current: RwLock<Arc<ServerConfig>>,
}

/// The reason why certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("`tls.{key}`: failed to read `{}`: {source}", path.display())]
    Unreadable { key: &'static str, path: PathBuf, source: std::io::Error },
    #[error("`tls.{key}`: `{}` {problem}", path.display())]
    Unusable { key: &'static str, path: PathBuf, problem: String },
    #[error("`tls.key`: the key in `{}` does not belong to the certificate in `{}`", key.display(), certificate.display())]
    Strangers { key: PathBuf, certificate: PathBuf },
    #[error("`tls`: {0}")]
    Library(rustls::Error),
}

impl Identity {
    /// Reads the files, which must hold a chain of certificates and a private key as PEM.
    pub(crate) fn read(certificate: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let tickets = ring::Ticketer::new().map_err(TlsError::Library)?;
        let current = RwLock::new(load(&certificate, &key, &tickets)?);
        Ok(Self { certificate, key, tickets, current })
    }

    /// Returns the settings of new connections.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read())
    }

    /// Replaces certificate and key by what the files hold now.
    fn reload(&self) -> Result<(), TlsError> {
        *self.current.write() = load(&self.certificate, &self.key, &self.tickets)?;
        Ok(())
    }

    /// Returns what changes with the files, as far as their folders tell.
    fn signs(&self) -> [Option<Sign>; 2] {
        [sign(&self.certificate), sign(&self.key)]
    }

    /// Reads the files again whenever they change, until it is cancelled.
    pub(crate) async fn watch(&self) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut known = self.signs();
        // What was read at the start may be older than its signs.
        let mut is_due = true;
        loop {
            ticks.tick().await;
            let signs = self.signs();
            if signs == known && !is_due {
                continue;
            }
            let (is_news, is_first) = (signs != known, is_due);
            (known, is_due) = (signs, false);
            match self.reload() {
                Ok(()) if is_first && !is_news => {}
                Ok(()) => {
                    tracing::info!(certificate = %self.certificate.display(), "the certificate was read again");
                }
                Err(error) => tracing::warn!("{error}; the certificate and key from before are kept"),
            }
        }
    }
}

/// Inode, length and time of the last change of a file.
type Sign = (u64, u64, i64, i64);

fn sign(path: &Path) -> Option<Sign> {
    let file = std::fs::metadata(path).ok()?;
    Some((file.ino(), file.len(), file.mtime(), file.mtime_nsec()))
}

fn load(
    certificate: &Path,
    key: &Path,
    tickets: &Arc<dyn ProducesTickets>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = chain(certificate)?;
    let secret = secret(key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Library)?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::Strangers { key: key.to_owned(), certificate: certificate.to_owned() }
            }
            rustls::Error::InvalidCertificate(problem) => TlsError::Unusable {
                key: "certificate",
                path: certificate.to_owned(),
                problem: format!("holds a certificate that cannot be used: {problem}"),
            },
            other => TlsError::Unusable {
                key: "key",
                path: key.to_owned(),
                problem: format!("holds a key that cannot be used: {other}"),
            },
        })?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    config.ticketer = Arc::clone(tickets);
    Ok(Arc::new(config))
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    lb_io::read(path, LONGEST).map_err(|source| TlsError::Unreadable { key, path: path.to_owned(), source })
}

/// Reads a chain of certificates, the load balancer's own first.
fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unusable =
        |problem: String| TlsError::Unusable { key: "certificate", path: path.to_owned(), problem };
    let text = read("certificate", path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| unusable(format!("is not PEM: {error}")))?;
    if chain.is_empty() {
        let problem = "holds no certificate; it must be a PEM file with `-----BEGIN CERTIFICATE-----`, the \
                       load balancer's own first";
        return Err(unusable(problem.to_owned()));
    }
    Ok(chain)
}

/// Reads a private key.
fn secret(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(&read("key", path)?).map_err(|error| {
        let problem = match error {
            pem::Error::NoItemsFound => {
                "holds no private key; it must be a PEM file with `-----BEGIN PRIVATE \
                                         KEY-----`, not encrypted"
                    .to_owned()
            }
            error => format!("is not PEM: {error}"),
        };
        TlsError::Unusable { key: "key", path: path.to_owned(), problem }
    })
}
