//! TLS and HTTP/2 over real sockets, with certificates of an authority that only the tests trust.

mod support;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lb_core::topology::Topology;
use mock_backends::{Config, MockError, Mocks, TlsFiles};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use support::{FAST, SLOW, post, start, state, topology, wait_for};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::{Message, client};

/// A certificate for the address of the backends, with its key, in two files.
fn files(dir: &Path, name: &str) -> TlsFiles {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let files =
        TlsFiles { certificate: dir.join(format!("{name}.pem")), key: dir.join(format!("{name}.key")) };
    std::fs::write(&files.certificate, cert.pem()).expect("a file can be written");
    std::fs::write(&files.key, signing_key.serialize_pem()).expect("a file can be written");
    files
}

fn config(files: &TlsFiles) -> Config {
    let topology: Topology = serde_json::from_value(topology()).expect("the topology is valid");
    Config { tls: Some(files.clone()), ..Config::new(topology) }
}

/// A client that trusts this certificate and speaks these protocols.
fn client_config(files: &TlsFiles, protocols: &[&str]) -> Arc<ClientConfig> {
    let pem = std::fs::read(&files.certificate).expect("a certificate");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate.expect("a certificate")).expect("it can be trusted");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = builder.expect("versions").with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Arc::new(config)
}

fn name() -> ServerName<'static> {
    ServerName::try_from("127.0.0.1").expect("a name")
}

/// The host and port of a backend.
fn address(mocks: &Mocks, index: usize) -> &str {
    let url = &mocks.announcement().backends[index].url;
    url.split_once("://").expect("a URL").1
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Speaks HTTP/2 on a plain connection, without asking first.
async fn prior_knowledge(address: &str) -> SendRequest<Full<Bytes>> {
    let stream = tokio::net::TcpStream::connect(address).await.expect("the backend listens");
    let (sender, connection) =
        handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("a handshake");
    tokio::spawn(connection);
    sender
}

/// Sends a request and returns status, backend and text of the reply.
async fn send(
    sender: &SendRequest<Full<Bytes>>,
    method: &str,
    url: String,
    body: &str,
) -> hyper::Result<(u16, String, String)> {
    let request = Request::builder().method(method).uri(url).header("content-type", "application/json");
    let request = request.body(Full::from(body.to_owned())).expect("a request");
    let reply = sender.clone().send_request(request).await?;
    assert_eq!(reply.version(), Version::HTTP_2);
    let backend = reply.headers()["x-backend"].to_str().expect("text").to_owned();
    let status = reply.status().as_u16();
    let body = reply.into_body().collect().await?.to_bytes();
    Ok((status, backend, String::from_utf8_lossy(&body).into_owned()))
}

#[test]
fn http2_is_spoken_on_plain_ports_to_clients_that_begin_with_it() {
    let mocks = start();
    let address = address(&mocks, 0);
    runtime().block_on(async {
        let sender = prior_knowledge(address).await;
        let ada = r#"{"firstName":"Ada","lastName":"L","email":"a@x.org","password":"p"}"#;
        let url = |path: &str| format!("http://{address}{path}");
        let (status, backend, _) =
            send(&sender, "POST", url("/user-service/api/users/register"), ada).await.expect("a reply");
        assert_eq!((status, backend.as_str()), (201, "b1"), "bodies arrive");
        let slow = || send(&sender, "GET", url("/api/hold?ms=20"), "");
        let (one, two, three) = tokio::join!(slow(), slow(), slow());
        for reply in [one, two, three] {
            assert_eq!(reply.expect("a reply").0, 200, "streams do not wait for each other");
        }
        let events = send(&sender, "GET", url("/api/events?ms=10&count=2"), "").await.expect("a stream").2;
        assert!(events.ends_with("id: 2\ndata: {\"event\":2,\"of\":2}\n\n"), "{events}");
        let steered = send(&sender, "POST", url("/api/degradation/stop-all"), "").await.expect("a reply");
        assert_eq!(steered.0, 200, "`:authority` names the host: {}", steered.2);
        let foreign = "http://evil.example/api/degradation/stop-all".to_owned();
        assert_eq!(send(&sender, "POST", foreign, "").await.expect("a reply").0, 403);
        let upgrade = send(&sender, "GET", url("/ws/echo"), "").await.expect("a reply");
        assert_eq!(upgrade.0, 426, "WebSockets need HTTP/1.1 here");
    });
}

#[test]
fn a_backend_that_goes_down_breaks_its_http2_connections() {
    let mocks = start();
    runtime().block_on(async {
        let sender = prior_knowledge(address(&mocks, 0)).await;
        let url = format!("http://{}{SLOW}", address(&mocks, 0));
        let waiting = tokio::spawn(async move { send(&sender, "GET", url, "").await });
        while state(&mocks, "b1")["in_system"] != 1 {
            tokio::task::yield_now().await;
        }
        post(&mocks.announcement().control, "/backends/b1/kill", "");
        waiting.await.expect("no panic").expect_err("the request was lost");
        let broken = wait_for(&mocks, "b1", "nothing left", |state| state["in_system"] == 0);
        assert_eq!(broken["counts"]["broken"], 1, "{broken}");
    });
}

#[test]
fn a_request_that_is_given_up_leaves_the_queue() {
    let mocks = start();
    runtime().block_on(async {
        let sender = prior_knowledge(address(&mocks, 0)).await;
        let url = format!("http://{}{SLOW}", address(&mocks, 0));
        let waiting = tokio::spawn(async move { send(&sender, "GET", url, "").await });
        while state(&mocks, "b1")["in_system"] != 1 {
            tokio::task::yield_now().await;
        }
        waiting.abort();
        let _ = waiting.await;
        for _ in 0..10_000 {
            if state(&mocks, "b1")["in_system"] == 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert_eq!(state(&mocks, "b1")["counts"]["cancelled"], 1, "{}", state(&mocks, "b1"));
    });
}

#[test]
fn over_tls_a_client_gets_the_protocol_that_it_asks_for() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = files(dir.path(), "own");
    let mocks = Mocks::start(config(&files)).expect("the backends start");
    let url = &mocks.announcement().backends[0].url;
    assert!(url.starts_with("https://"), "{url}");
    for protocols in [&[][..], &["http/1.1"]] {
        let tls = ClientConnection::new(client_config(&files, protocols), name()).expect("a client");
        let tcp = TcpStream::connect(address(&mocks, 0)).expect("the backend listens");
        let mut stream = StreamOwned::new(tls, tcp);
        let request = format!("GET {FAST} HTTP/1.1\r\nhost: b1\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        assert!(reply.starts_with("HTTP/1.1 200") && reply.contains("x-backend: b1"), "{reply}");
    }
    runtime().block_on(async {
        let tcp = tokio::net::TcpStream::connect(address(&mocks, 0)).await.expect("it listens");
        let connector = TlsConnector::from(client_config(&files, &["h2", "http/1.1"]));
        let stream = connector.connect(name(), tcp).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "HTTP/2 goes first");
        let (sender, connection) =
            handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("a handshake");
        tokio::spawn(connection);
        let reply = send(&sender, "GET", format!("{url}{FAST}"), "").await.expect("a reply");
        assert_eq!((reply.0, reply.1.as_str()), (200, "b1"));
    });
    let tls = ClientConnection::new(client_config(&files, &["http/1.1"]), name()).expect("a client");
    let stream = StreamOwned::new(tls, TcpStream::connect(address(&mocks, 1)).expect("it listens"));
    let (mut socket, _) =
        client(format!("wss://{}/ws/echo", address(&mocks, 1)), stream).expect("a handshake");
    socket.send(Message::text("hello")).expect("sent");
    assert_eq!(socket.read().expect("an echo"), Message::text("hello"));
    drop(socket);
    assert_eq!(state(&mocks, "b2")["counts"]["held"], 1, "the control API stays plain");
}

#[test]
fn a_client_without_tls_gets_nothing_and_the_next_one_is_served() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = files(dir.path(), "own");
    let mocks = Mocks::start(config(&files)).expect("the backends start");
    let mut plain = TcpStream::connect(address(&mocks, 0)).expect("it listens");
    plain.write_all(b"GET / HTTP/1.1\r\nhost: b1\r\n\r\n").expect("sent");
    let mut reply = Vec::new();
    let _ = plain.read_to_end(&mut reply);
    assert!(!reply.starts_with(b"HTTP/"), "no reply is sent in the clear");
    let tls = ClientConnection::new(client_config(&files, &[]), name()).expect("a client");
    let mut stream = StreamOwned::new(tls, TcpStream::connect(address(&mocks, 0)).expect("it listens"));
    stream
        .write_all(b"GET /actuator/health HTTP/1.1\r\nhost: b1\r\nconnection: close\r\n\r\n")
        .expect("sent");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
}

#[test]
fn files_that_cannot_be_used_are_named_with_what_is_wrong() {
    let dir = tempfile::tempdir().expect("a folder");
    let (own, other) = (files(dir.path(), "own"), files(dir.path(), "other"));
    let missing = dir.path().join("missing.pem");
    let broken = dir.path().join("broken.pem");
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").expect("written");
    for (certificate, key, parts) in [
        (&missing, &own.key, ["missing.pem", "name a PEM file with a certificate"]),
        (&own.key, &own.key, ["own.key", "holds no certificate"]),
        (&broken, &own.key, ["broken.pem", "is no PEM file"]),
        (&own.certificate, &missing, ["missing.pem", "name a PEM file with a private key"]),
        (&own.certificate, &own.certificate, ["own.pem", "holds no private key"]),
        (&own.certificate, &other.key, ["other.key", "not the private key of the certificate in"]),
    ] {
        let files = TlsFiles { certificate: certificate.clone(), key: key.clone() };
        let error = Mocks::start(config(&files)).expect_err("it is refused");
        assert!(matches!(error, MockError::File { .. }) && error.exit_code() == 2, "{error:?}");
        let error = error.to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}
