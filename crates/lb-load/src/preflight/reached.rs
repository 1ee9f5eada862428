//! What is said about a target: how it was reached, or why it cannot be.

use crate::certificate::CertificateNames;
use crate::error::LoadError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// A target that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The address that accepted the connection.
    pub address: SocketAddr,
    /// How the connection is secured; `None` without TLS.
    pub secured: Option<SecuredBy>,
    /// Whether HTTP/2 is spoken there; otherwise HTTP/1.1 is.
    pub http2: bool,
}

/// How a connection is secured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecuredBy {
    /// The version of TLS, such as `TLSv1_3`.
    pub version: String,
    /// The cipher suite, such as `TLS13_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// The names in the server's certificate.
    pub certificate: CertificateNames,
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        if let Some(SecuredBy { version, cipher, certificate }) = &self.secured {
            write!(f, " over {version}, {cipher}, certificate with {certificate}")?;
        }
        if self.http2 { f.write_str(", speaking HTTP/2") } else { Ok(()) }
    }
}

/// The reason why a target cannot be reached, with the way out. A fragment that fits after "failed to reach X: ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreachable {
    /// The URL or the options of TLS cannot be used.
    #[error(transparent)]
    Unusable(#[from] LoadError),
    /// The host's name does not resolve.
    #[error("the name `{name}` does not resolve ({why}); correct the name, or add it to DNS or `/etc/hosts`")]
    NoSuchHost {
        /// The name.
        name: String,
        /// The error of the system.
        why: io::Error,
    },
    /// Nothing listens there.
    #[error("connections to {addresses} are refused; start what should listen there, or correct the port")]
    Refused {
        /// The addresses of the host.
        addresses: String,
    },
    /// Nothing answers there.
    #[error(
        "{addresses} did not answer within {} s; correct the address, or look for a firewall on the way",
        .limit.as_secs_f64()
    )]
    NoAnswer {
        /// The addresses of the host.
        addresses: String,
        /// How long they had.
        limit: Duration,
    },
    /// The system could not connect for another reason.
    #[error("the connection to {addresses} failed: {why}")]
    Connect {
        /// The addresses of the host.
        addresses: String,
        /// The error of the system.
        why: io::Error,
    },
    /// The certificate does not verify.
    #[error("{why}; {way_out}")]
    Certificate {
        /// What is wrong with the certificate, and whose it is.
        why: String,
        /// How to get on.
        way_out: &'static str,
    },
    /// The server asks for a client certificate, and was shown none.
    #[error(
        "the server asks for a client certificate; name yours with `--cert FILE` and its key with `--key FILE`"
    )]
    AsksForCertificate,
    /// The server does not accept the client certificate.
    #[error(
        "the server does not accept the client certificate ({why}); name another one with `--cert` and `--key`"
    )]
    RefusesCertificate {
        /// The reason that the server gives.
        why: String,
    },
    /// The TLS handshake failed for another reason.
    #[error("the TLS handshake failed: {why}")]
    Handshake {
        /// What went wrong.
        why: String,
    },
    /// The URL says `https`, but the server does not speak TLS.
    #[error("the server speaks plain HTTP there, not TLS; use `{instead}`")]
    SpeaksPlainHttp {
        /// The URL that would do.
        instead: String,
    },
    /// HTTP/2 was demanded, but the server does not speak it.
    #[error("{address} does not speak HTTP/2: {spoke}; use `--http 1.1`, or enable HTTP/2 there")]
    NoHttp2 {
        /// The address that was tried.
        address: SocketAddr,
        /// What it did instead.
        spoke: &'static str,
    },
    /// HTTP/1.1 was demanded, but the server speaks only HTTP/2.
    #[error("{address} speaks only HTTP/2; use `--http 2`")]
    OnlyHttp2 {
        /// The address that was tried.
        address: SocketAddr,
    },
    /// The URL says `http`, but the server speaks TLS.
    #[error("the server speaks TLS there, not plain HTTP; use `{instead}`")]
    SpeaksTls {
        /// The URL that would do.
        instead: String,
    },
}
