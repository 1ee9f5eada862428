//! Certificates made here, and a client that speaks TLS with them.

use super::PATIENCE;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

/// A certificate authority of the test; what it signs lies in `cert.pem` and `key.pem` of its folder.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    folder: tempfile::TempDir,
}

/// A connection over TLS.
pub(crate) type Secure = StreamOwned<ClientConnection, TcpStream>;

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

impl Authority {
    /// Makes one, and signs a certificate for this machine.
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are needed");
        params.distinguished_name = named("Test CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("a writable folder");
        let authority =
            Self { certificate: certificate.der().clone(), issuer: Issuer::new(params, key), folder };
        let (certificate, key) = authority.sign("Test shop");
        authority.write("cert.pem", &certificate);
        authority.write("key.pem", &key);
        // As HAProxy reads them.
        authority.write("both.pem", &format!("{certificate}{key}"));
        authority
    }

    /// The path of one of its files.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).expect("a writable folder");
    }

    /// Signs a certificate for this machine and returns it with its key, both as PEM.
    pub(crate) fn sign(&self, name: &str) -> (String, String) {
        let hosts = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(hosts).expect("names of hosts");
        params.distinguished_name = named(name);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    /// What the config of a load balancer says of it.
    pub(crate) fn config(&self) -> serde_json::Value {
        serde_json::json!({ "certificate": self.file("cert.pem"), "key": self.file("key.pem") })
    }

    /// The settings of a client that trusts it and offers these protocols.
    pub(crate) fn client(&self, protocols: &[&str]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("a certificate");
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring offers them")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    /// Connects and shakes hands.
    pub(crate) fn connect(&self, address: SocketAddr, protocols: &[&str]) -> Secure {
        let stream = TcpStream::connect(address).expect("the load balancer accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit can be set");
        stream.set_nodelay(true).expect("no delay can be set");
        let name = ServerName::try_from("localhost").expect("a name");
        let session = ClientConnection::new(self.client(protocols), name).expect("settings that fit");
        let mut secure = StreamOwned::new(session, stream);
        while secure.conn.is_handshaking() {
            secure.conn.complete_io(&mut secure.sock).expect("the handshake succeeds");
        }
        secure
    }
}

/// The certificate that the other side has shown.
pub(crate) fn shown(secure: &Secure) -> CertificateDer<'static> {
    let chain = secure.conn.peer_certificates().expect("there are some");
    chain[0].clone().into_owned()
}
