//! One connection before the load, so that a target that cannot be reached is explained once and in full. During
//! a phase, failed requests are data without a reason.

mod reached;

pub use reached::{Reached, SecuredBy, Unreachable};

use crate::certificate::{CertificateNames, explain};
use crate::target::{Target, in_turn};
use crate::tls::{ALPN_HTTP_2, Connector, TlsOptions};
use crate::transport::Scheme;
use lb_core::connections::HttpChoice;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError, DigitallySignedStruct, SignatureScheme};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The number of bytes of a reply that are read.
const MOST_READ: u64 = 256 * 1024;

/// How a client begins HTTP/2 (RFC 9113, 3.4), with settings that change nothing.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// The length of the head of a frame in bytes.
const HTTP2_FRAME_HEAD: usize = 9;

/// Opens one connection to the target at `url`, sends one `GET` and reads the reply. The request is for `page` below
/// the path of the URL, or for that path. Over HTTP/2, only the beginning of the protocol is exchanged. Each step may
/// take `limit`; a reply that takes longer is not waited for, and its status does not matter.
///
/// # Errors
/// When the target cannot be reached.
pub async fn reach(
    url: &str,
    page: Option<&str>,
    tls: &TlsOptions,
    http: HttpChoice,
    limit: Duration,
) -> Result<Reached, Unreachable> {
    let target = Target::read(url)?;
    let addresses = look_up(&target, limit).await?;
    let path = match format!("{}{}", target.prefix, page.unwrap_or_default()) {
        path if path.is_empty() => "/".to_owned(),
        path => path,
    };
    let attempt = Attempt { addresses, path, target: &target, tls, http, limit };
    match target.server_name().filter(|_| target.is_secure()) {
        Some(name) => attempt.reach_secured(name).await,
        None if http == HttpChoice::Two => attempt.reach_prior_knowledge().await,
        None => attempt.reach_plain().await,
    }
}

/// Looks up the host.
pub(crate) async fn look_up(target: &Target, limit: Duration) -> Result<Vec<SocketAddr>, Unreachable> {
    let name = target.name.as_str();
    let found = timeout(limit, tokio::net::lookup_host((name, target.port))).await;
    let found = found.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map(in_turn);
    let none = || Err(io::Error::other("it has no address"));
    found
        .and_then(|found| if found.is_empty() { none() } else { Ok(found) })
        .map_err(|why| Unreachable::NoSuchHost { name: name.to_owned(), why })
}

/// What is tried, and for how long.
struct Attempt<'a> {
    target: &'a Target,
    addresses: Vec<SocketAddr>,
    /// The path that is requested.
    path: String,
    tls: &'a TlsOptions,
    http: HttpChoice,
    limit: Duration,
}

impl Attempt<'_> {
    /// Connects to the first address that accepts.
    async fn connect(&self) -> Result<(TcpStream, SocketAddr), Unreachable> {
        let listed: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        let addresses = listed.join(", ");
        let connected = match timeout(self.limit, TcpStream::connect(self.addresses.as_slice())).await {
            Ok(connected) => connected.and_then(|stream| stream.peer_addr().map(|address| (stream, address))),
            Err(_) => return Err(Unreachable::NoAnswer { addresses, limit: self.limit }),
        };
        connected.map_err(|why| match why.kind() {
            io::ErrorKind::ConnectionRefused => Unreachable::Refused { addresses },
            io::ErrorKind::TimedOut => Unreachable::NoAnswer { addresses, limit: self.limit },
            _ => Unreachable::Connect { addresses, why },
        })
    }

    async fn reach_plain(&self) -> Result<Reached, Unreachable> {
        let (stream, address) = self.connect().await?;
        let secured = match self.ask(stream).await {
            Ok(reply) if reply.is_empty() => self.answers_tls().await,
            Ok(reply) if is_http2_settings(&reply) => return Err(Unreachable::OnlyHttp2 { address }),
            Ok(reply) => is_tls_record(&reply) || demands_tls(&reply),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => false,
            Err(_) => self.answers_tls().await,
        };
        if secured {
            let instead = Target { scheme: Scheme::Https, ..self.target.clone() }.url();
            return Err(Unreachable::SpeaksTls { instead });
        }
        Ok(Reached { address, secured: None, http2: false })
    }

    /// Begins HTTP/2 without having negotiated it.
    async fn reach_prior_knowledge(&self) -> Result<Reached, Unreachable> {
        let (mut stream, address) = self.connect().await?;
        match self.begin_http2(&mut stream).await {
            Ok(true) => Ok(Reached { address, secured: None, http2: true }),
            _ if self.answers_tls().await => {
                let instead = Target { scheme: Scheme::Https, ..self.target.clone() }.url();
                Err(Unreachable::SpeaksTls { instead })
            }
            _ if self.answers_plainly().await => {
                Err(Unreachable::NoHttp2 { address, spoke: "it answers in HTTP/1.1" })
            }
            Ok(false) => Err(Unreachable::NoHttp2 { address, spoke: "it answers in another protocol" }),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                Err(Unreachable::NoHttp2 { address, spoke: "it does not answer" })
            }
            Err(_) => Err(Unreachable::NoHttp2 { address, spoke: "it closes the connection" }),
        }
    }

    /// Sends the preface of HTTP/2 and no settings; returns whether the server sends its own, as it must.
    async fn begin_http2<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut S) -> io::Result<bool> {
        let mut frame = [0; HTTP2_FRAME_HEAD];
        let exchange = async {
            stream.write_all(HTTP2_PREFACE).await?;
            stream.flush().await?;
            stream.read_exact(&mut frame).await
        };
        let ended = timeout(self.limit, exchange).await;
        ended.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        Ok(is_http2_settings(&frame))
    }

    async fn reach_secured(&self, name: ServerName<'static>) -> Result<Reached, Unreachable> {
        let witness = Arc::new(Witness { judge: self.tls.verifier()?, seen: Mutex::default() });
        let connector = Connector::new(self.tls.config(Arc::<Witness>::clone(&witness), self.http)?, name);
        let (stream, address) = self.connect().await?;
        let opened = timeout(self.limit, connector.open(stream)).await;
        let certificate = witness.names();
        let mut stream = match opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok((stream, _)) => stream,
            Err(error) => return Err(self.why_not(&error, &certificate, address).await),
        };
        let http2 = stream.get_ref().1.alpn_protocol() == Some(ALPN_HTTP_2);
        if self.http == HttpChoice::Two && !http2 {
            return Err(Unreachable::NoHttp2 {
                address,
                spoke: "it does not choose it in the TLS handshake (ALPN)",
            });
        }
        // Since TLS 1.3, a server refuses a client's certificate only after the handshake.
        let answer = if http2 {
            self.begin_http2(&mut stream).await.map(|_| ())
        } else {
            self.ask(&mut stream).await.map(|_| ())
        };
        match answer {
            Err(error) if tls_error(&error).is_some() => {
                Err(self.why_not(&error, &certificate, address).await)
            }
            _ => {
                let session = stream.get_ref().1;
                let named = |known: Option<String>| known.unwrap_or_default();
                let secured = Some(SecuredBy {
                    version: named(session.protocol_version().map(|version| format!("{version:?}"))),
                    cipher: named(
                        session.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite())),
                    ),
                    certificate,
                });
                Ok(Reached { address, secured, http2 })
            }
        }
    }

    /// Explains why TLS could not be opened.
    async fn why_not(
        &self,
        error: &io::Error,
        certificate: &CertificateNames,
        address: SocketAddr,
    ) -> Unreachable {
        match tls_error(error) {
            Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => match self.http {
                HttpChoice::Two => {
                    Unreachable::NoHttp2 { address, spoke: "it refuses it in the TLS handshake (ALPN)" }
                }
                _ => Unreachable::OnlyHttp2 { address },
            },
            Some(rustls::Error::InvalidCertificate(fault)) => Unreachable::Certificate {
                why: explain(fault, certificate),
                way_out: way_out(fault, self.tls.ca.is_some()),
            },
            Some(rustls::Error::AlertReceived(AlertDescription::CertificateRequired)) => {
                Unreachable::AsksForCertificate
            }
            Some(rustls::Error::AlertReceived(alert)) if self.tls.identity.is_some() && blames(*alert) => {
                Unreachable::RefusesCertificate { why: format!("{alert:?}") }
            }
            Some(rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)) => Unreachable::Handshake {
                why: "the server speaks no TLS 1.2 or 1.3, and older versions are not safe; enable one of them there"
                    .to_owned(),
            },
            _ if self.answers_plainly().await => {
                let instead = Target { scheme: Scheme::Http, ..self.target.clone() }.url();
                Unreachable::SpeaksPlainHttp { instead }
            }
            Some(error) => Unreachable::Handshake { why: error.to_string() },
            None => Unreachable::Handshake {
                why: match error.kind() {
                    io::ErrorKind::TimedOut => {
                        format!("no answer within {} s", self.limit.as_secs_f64())
                    }
                    io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
                    _ => error.to_string(),
                },
            },
        }
    }

    /// Returns whether the server answers a plain request, and not with the advice to use TLS.
    async fn answers_plainly(&self) -> bool {
        let Ok((stream, _)) = self.connect().await else { return false };
        let reply = self.ask(stream).await.unwrap_or_default();
        reply.starts_with(b"HTTP/") && !demands_tls(&reply)
    }

    /// Returns whether the server completes a TLS handshake, with whatever certificate.
    async fn answers_tls(&self) -> bool {
        let anyone = TlsOptions { insecure: true, identity: None, ..self.tls.clone() };
        let connector =
            self.target.server_name().and_then(|name| anyone.connector(&name, HttpChoice::Auto).ok());
        let (Some(connector), Ok((stream, _))) = (connector, self.connect().await) else { return false };
        matches!(timeout(self.limit, connector.open(stream)).await, Ok(Ok(_)))
    }

    /// Sends a request, and reads the beginning of the reply; empty if the server closed the connection.
    async fn ask<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: S) -> io::Result<Vec<u8>> {
        let Target { host, credentials, .. } = self.target;
        let path = &self.path;
        let authorization = credentials
            .as_ref()
            .map_or_else(String::new, |known| format!("authorization: {}\r\n", known.authorization.reveal()));
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{authorization}connection: close\r\n\r\n");
        let mut reply = Vec::new();
        let exchange = async {
            stream.write_all(request.as_bytes()).await?;
            stream.flush().await?;
            stream.take(MOST_READ).read_to_end(&mut reply).await
        };
        match timeout(self.limit, exchange).await {
            // What was read before the end, however it came, is the answer.
            _ if !reply.is_empty() => Ok(reply),
            Ok(Ok(_)) => Ok(reply),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// Returns the error of TLS in an error of a stream.
fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Returns whether an alert may concern the client's certificate.
fn blames(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    matches!(
        alert,
        Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::DecryptError
    )
}

/// Returns how to get on with a certificate that does not verify.
fn way_out(fault: &CertificateError, has_ca: bool) -> &'static str {
    match fault {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "use a name of the certificate in the URL, or accept any certificate with `--insecure`"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "renew it, or accept any certificate with `--insecure`"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "set the clocks of both machines, or accept any certificate with `--insecure`"
        }
        _ if has_ca => {
            "name the file with its authority with `--ca FILE`, where another one is named now, or accept any certificate \
             with `--insecure`"
        }
        _ => "name a file with its authority with `--ca FILE`, or accept any certificate with `--insecure`",
    }
}

/// Returns whether bytes begin the settings of an HTTP/2 server: a frame of type 4 on stream 0, with whole settings of
/// six bytes each.
fn is_http2_settings(bytes: &[u8]) -> bool {
    matches!(bytes, [0, high, low, 4, _, 0, 0, 0, 0, ..] if u16::from_be_bytes([*high, *low]) % 6 == 0)
}

/// Returns whether bytes begin an alert or a handshake of TLS.
fn is_tls_record(reply: &[u8]) -> bool {
    matches!(reply, [0x15 | 0x16, 0x03, ..])
}

/// Returns whether a server tells a client of plain HTTP that it expects TLS, as nginx, Apache and Go do.
fn demands_tls(reply: &[u8]) -> bool {
    let is_refusal = reply.starts_with(b"HTTP/1.1 400") || reply.starts_with(b"HTTP/1.0 400");
    is_refusal && reply.windows(b"HTTPS".len()).any(|word| word == b"HTTPS")
}

/// Keeps the certificate that a server shows, and leaves the judgement to another.
#[derive(Debug)]
struct Witness {
    judge: Arc<dyn ServerCertVerifier>,
    seen: Mutex<CertificateNames>,
}

impl Witness {
    /// Returns the names in the certificate that was shown; empty if none was.
    fn names(&self) -> CertificateNames {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = CertificateNames::of(certificate);
        self.judge.verify_server_cert(certificate, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}
