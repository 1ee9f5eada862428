//! TLS: what the plan asks for ([`TlsOptions`]), and how a client opens it on a connection ([`Connector`]).
//!
//! Every client keeps the TLS sessions that it was given by itself, as browsers do: a user that comes for the
//! first time makes a full handshake, and resumes its session when it connects again.

use crate::error::LoadError;
use lb_core::connections::HttpChoice;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, HandshakeKind, RootCertStore, SignatureScheme};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// HTTP/2 in the negotiation of protocols (ALPN).
pub(crate) const ALPN_HTTP_2: &[u8] = b"h2";

/// How TLS is spoken with an `https` target. The files are read when a phase begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsOptions {
    /// A PEM file with the authorities that may sign the server's certificate, in place of those that the
    /// system trusts. `None` trusts those of the system.
    pub ca: Option<PathBuf>,
    /// The certificate with which clients identify themselves; `None` if they do not.
    pub identity: Option<TlsIdentity>,
    /// Whether any certificate is accepted, from anyone.
    pub insecure: bool,
    /// Whether a client that connects again resumes its session.
    pub resumption: bool,
}

/// The certificate and the private key with which clients identify themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsIdentity {
    /// A PEM file with the certificate, followed by those of the authorities between it and a trusted one.
    pub certificate: PathBuf,
    /// A PEM file with the private key.
    pub key: PathBuf,
}

impl Default for TlsOptions {
    /// Trusts the authorities of the system, and resumes sessions.
    fn default() -> Self {
        Self { ca: None, identity: None, insecure: false, resumption: true }
    }
}

impl TlsOptions {
    /// Reads the files, and returns how to open connections to the server `name`.
    pub(crate) fn connector(
        &self,
        name: &ServerName<'static>,
        http: HttpChoice,
    ) -> Result<Connector, LoadError> {
        let connector = Connector::new(self.config(self.verifier()?, http)?, name.clone());
        Ok(Connector { resumption: self.resumption, ..connector })
    }

    /// Reads the files, and returns how a client of HTTP/1.1 speaks TLS.
    ///
    /// # Errors
    /// A file cannot be read or used, or the system trusts no authority.
    pub fn client_config(&self) -> Result<ClientConfig, LoadError> {
        self.config(self.verifier()?, HttpChoice::One)
    }

    /// Returns the judge of the server's certificate.
    pub(crate) fn verifier(&self) -> Result<Arc<dyn ServerCertVerifier>, LoadError> {
        let provider = Arc::new(ring::default_provider());
        if self.insecure {
            return Ok(Arc::new(AcceptsAnyone(provider)));
        }
        let roots = match &self.ca {
            Some(ca) => roots_in(ca)?,
            None => system_roots()?,
        };
        let verifier: Arc<WebPkiServerVerifier> =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| LoadError::Tls(error.to_string()))?;
        Ok(verifier)
    }

    /// Returns the settings of all connections, with this judge of the server's certificate and an offer of these
    /// protocols.
    pub(crate) fn config(
        &self,
        verifier: Arc<dyn ServerCertVerifier>,
        http: HttpChoice,
    ) -> Result<ClientConfig, LoadError> {
        let wrong = |error: rustls::Error| LoadError::Tls(error.to_string());
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(wrong)?
            // Only the way to give a verifier of one's own is called dangerous; this one is webpki's unless
            // `insecure` is set.
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let chain = certificates_in(&identity.certificate, "certificate")?;
                let key = PrivateKeyDer::from_pem_file(&identity.key)
                    .map_err(|error| unreadable(&identity.key, "private key", error))?;
                builder.with_client_auth_cert(chain, key).map_err(|error| {
                    LoadError::Tls(format!(
                        "the private key in `{}` does not fit the certificate in `{}`: {error}",
                        identity.key.display(),
                        identity.certificate.display()
                    ))
                })?
            }
        };
        let offered: &[&[u8]] = match http {
            HttpChoice::Auto => &[ALPN_HTTP_2, b"http/1.1"],
            HttpChoice::One => &[b"http/1.1"],
            HttpChoice::Two => &[ALPN_HTTP_2],
        };
        config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

/// Opens TLS on connections to one server.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    resumption: bool,
}

impl Connector {
    /// Returns a connector that keeps no sessions.
    pub(crate) fn new(config: ClientConfig, name: ServerName<'static>) -> Self {
        Self { config: Arc::new(config), name, resumption: false }
    }

    /// Returns a connector with no sessions yet, for a client of its own.
    pub(crate) fn for_client(&self) -> Self {
        if !self.resumption {
            return self.clone();
        }
        let mut config = ClientConfig::clone(&self.config);
        config.resumption = Resumption::in_memory_sessions(1);
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// Opens TLS on a connection. Returns whether it resumed a session.
    pub(crate) async fn open(&self, stream: TcpStream) -> io::Result<(TlsStream<TcpStream>, bool)> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let stream = connector.connect(self.name.clone(), stream).await?;
        let resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
        Ok((stream, resumed))
    }
}

/// Reads the authorities in a PEM file.
fn roots_in(path: &Path) -> Result<RootCertStore, LoadError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates_in(path, "certificate of an authority")? {
        roots.add(certificate).map_err(|error| {
            LoadError::Tls(format!("a certificate in `{}` cannot be trusted: {error}", path.display()))
        })?;
    }
    Ok(roots)
}

/// Returns the authorities that the system trusts.
fn system_roots() -> Result<RootCertStore, LoadError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) };
        return Err(LoadError::Tls(format!(
            "this system trusts no authority{why}; install its `ca-certificates`, or name a file of authorities with \
             `--ca FILE`"
        )));
    }
    Ok(roots)
}

/// Reads all certificates in a PEM file; at least one.
fn certificates_in(path: &Path, what: &str) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| unreadable(path, what, error))?;
    if certificates.is_empty() {
        return Err(unreadable(path, what, pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

/// Returns the error for a PEM file that does not hold what it should.
fn unreadable(path: &Path, what: &str, error: pem::Error) -> LoadError {
    let path = path.display();
    LoadError::Tls(match error {
        pem::Error::Io(error) => format!("`{path}` cannot be read: {error}"),
        pem::Error::NoItemsFound => format!(
            "`{path}` holds no {what} in PEM; such a file has lines like `-----BEGIN {}-----`",
            if what == "private key" { "PRIVATE KEY" } else { "CERTIFICATE" }
        ),
        error => format!("`{path}` is not PEM: {error}"),
    })
}

/// Accepts the certificate of any server. Only that the server holds its key is verified.
#[derive(Debug)]
struct AcceptsAnyone(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptsAnyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
