//! Load over TLS, and why a target cannot be reached, against servers with certificates made here.

use super::{only, outcomes};
use crate::scenario::{Users, gets, plan_load, run};
use crate::server::{Answer, Server, reply, reply_of};
use lb_core::connections::HttpChoice;
use lb_core::workload::ArrivalStart;
use lb_core::{Outcome, Span};
use lb_load::{LoadError, LoadPlan, TlsIdentity, TlsOptions, reach};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Long enough for any step on a busy machine: nothing waits for it unless a test fails.
const LIMIT: Duration = Duration::from_secs(20);

/// A certificate authority of the test, with its certificate in a file.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    folder: tempfile::TempDir,
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("Test CA")
    }

    /// An authority that knows nothing of the others.
    fn stranger() -> Self {
        Self::named("Other CA")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are needed");
        params.distinguished_name = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("a writable folder");
        Self { certificate: certificate.der().clone(), issuer: Issuer::new(params, key), folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Signs a certificate that is valid for these hosts, and writes it and its key to files.
    fn sign(
        &self,
        hosts: &[&str],
        change: impl Fn(&mut CertificateParams),
    ) -> (CertificateDer<'static>, KeyPair) {
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        let mut params = CertificateParams::new(hosts).expect("names of hosts");
        params.distinguished_name = named("Test shop");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        std::fs::write(self.file("cert.pem"), certificate.pem()).expect("a writable folder");
        std::fs::write(self.file("key.pem"), key.serialize_pem()).expect("a writable folder");
        (certificate.der().clone(), key)
    }

    /// Returns the settings of a server with a certificate for these hosts.
    pub(crate) fn server(&self, hosts: &[&str]) -> Arc<ServerConfig> {
        self.server_with(hosts, |_| {}, rustls::ALL_VERSIONS, false)
    }

    fn server_with(
        &self,
        hosts: &[&str],
        change: impl Fn(&mut CertificateParams),
        versions: &[&'static SupportedProtocolVersion],
        asks_clients: bool,
    ) -> Arc<ServerConfig> {
        let (certificate, key) = self.sign(hosts, change);
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_protocol_versions(versions).expect("versions that ring offers");
        let builder = if asks_clients {
            let mut roots = RootCertStore::empty();
            roots.add(self.certificate.clone()).expect("a certificate");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("there is an authority"))
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key in PKCS #8");
        Arc::new(builder.with_single_cert(vec![certificate], key).expect("they belong together"))
    }

    /// Returns options that trust this authority.
    pub(crate) fn trusted(&self) -> TlsOptions {
        TlsOptions { ca: Some(self.file("ca.pem")), ..TlsOptions::default() }
    }
}

/// A server that answers every request with 200.
fn secured(config: Arc<ServerConfig>) -> Server {
    Server::start_secured(config, |_| Answer::Reply(reply_of("b-1", 200)))
}

/// Reaches for a target, and returns its description or the reason why it cannot be reached.
fn reach_for(url: &str, tls: &TlsOptions) -> Result<String, String> {
    reach_over(url, tls, HttpChoice::Auto)
}

/// Reaches for a target over this version of HTTP.
pub(crate) fn reach_over(url: &str, tls: &TlsOptions, http: HttpChoice) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime
        .block_on(reach(url, None, tls, http, LIMIT))
        .map(|reached| reached.to_string())
        .map_err(|reason| reason.to_string())
}

#[test]
fn requests_over_tls_are_sent_and_counted_like_plain_ones() {
    let authority = Authority::new();
    let server = secured(authority.server(&["127.0.0.1"]));
    let plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(3, 300, "get")]);
    let record = run(LoadPlan { tls: authority.trusted(), ..plan }).expect("the phase runs");
    let seen = server.seen();
    only(&record, Outcome::Ok);
    assert_eq!(record.requests(), seen.len() as u64, "what was sent is what is recorded");
    assert_eq!(record.backends[0].requests(), seen.len() as u64, "the header that names the backend is read");
    assert!(seen.iter().all(|seen| seen.path == "/entry/get"), "the path is the same as over plain HTTP");
    let connections: BTreeSet<usize> = seen.iter().map(|seen| seen.connection).collect();
    assert_eq!(connections.len(), 3, "each user keeps its connection");
    let times = &record.connections;
    assert_eq!((times.connect.count(), times.handshake.count()), (3, 3), "each was opened once");
    assert_eq!(times.resumed, 0, "nobody has a session to resume");
    let handshake = times.handshake.min().expect("there were handshakes");
    assert!(!handshake.is_zero(), "a handshake takes time");
}

#[test]
fn the_handshake_is_not_part_of_the_latency_of_users() {
    let authority = Authority::new();
    let bye = || {
        let mut bye = reply(200, "bye");
        bye.headers_mut().insert("connection", "close".parse().expect("a value"));
        Answer::Reply(bye)
    };
    let server = Server::start_secured(authority.server(&["127.0.0.1"]), move |_| bye());
    let plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(1, 300, "get")]);
    let record = run(LoadPlan { tls: authority.trusted(), ..plan }).expect("the phase runs");
    only(&record, Outcome::Ok);
    // Requests follow each other without a pause, so what latencies leave over was spent on connecting.
    let spent = record.total().sum() + record.connections.connect.sum() + record.connections.handshake.sum();
    assert!(record.connections.handshake.count() >= record.requests(), "a handshake for each request");
    assert!(spent <= record.last_done.since(lb_core::Time::ZERO), "the two do not overlap: {spent:?}");
}

#[test]
fn large_bodies_pass_in_both_directions() {
    let authority = Authority::new();
    let large = "x".repeat(300_000);
    let body = large.clone();
    let server =
        Server::start_secured(authority.server(&["127.0.0.1"]), move |_| Answer::Reply(reply(200, &body)));
    let journey = serde_json::json!({"name": "up", "actions": {"up": {"steps": [
        {"name": "up", "method": "POST", "path": "/up", "body": {"data": large}}
    ]}}});
    let plan = plan_load(&server.url(), journey, &[Users::busy(2, 200, "up")]);
    let record = run(LoadPlan { tls: authority.trusted(), ..plan }).expect("the phase runs");
    only(&record, Outcome::Ok);
    assert_eq!(record.total().bytes(), record.requests() * 300_000, "every byte of the replies arrived");
}

#[test]
fn users_resume_their_own_sessions_unless_told_not_to() {
    let authority = Authority::new();
    for versions in [&[&rustls::version::TLS13][..], &[&rustls::version::TLS12]] {
        let config = authority.server_with(&["127.0.0.1"], |_| {}, versions, false);
        let server = Server::start_secured(config, |_| {
            let mut bye = reply(200, "");
            bye.headers_mut().insert("connection", "close".parse().expect("a value"));
            Answer::Reply(bye)
        });
        for resumption in [true, false] {
            let plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(2, 300, "get")]);
            let tls = TlsOptions { resumption, ..authority.trusted() };
            let record = run(LoadPlan { tls, ..plan }).expect("the phase runs");
            only(&record, Outcome::Ok);
            let times = &record.connections;
            let expected = if resumption { times.handshake.count() - 2 } else { 0 };
            assert_eq!(times.resumed, expected, "all but the first of each user: {versions:?}, {resumption}");
            assert!(times.handshake.count() > 2, "users connect again");
        }
    }
}

#[test]
fn a_server_that_is_not_trusted_refuses_users_like_one_that_is_not_there() {
    let authority = Authority::new();
    let server = secured(authority.server(&["127.0.0.1"]));
    let stranger = Authority::stranger();
    let plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(1, 200, "get")]);
    let record = run(LoadPlan { tls: stranger.trusted(), ..plan.clone() }).expect("it is data, not an error");
    only(&record, Outcome::Refused);
    assert!(record.requests() <= 6, "users rest before they try again: {:?}", outcomes(&record));
    assert_eq!(record.connections.handshake.count(), 0, "a handshake that failed is not a connection");
    let insecure = TlsOptions { insecure: true, ..TlsOptions::default() };
    only(&run(LoadPlan { tls: insecure, ..plan }).expect("the phase runs"), Outcome::Ok);
}

#[test]
fn a_server_that_never_completes_the_handshake_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("https://{}", listener.local_addr().expect("a bound socket"));
    let insecure = TlsOptions { insecure: true, ..TlsOptions::default() };
    let arrivals = Users::arriving(20.0, 100, ArrivalStart::Action);
    let plan = plan_load(&url, gets(&["get"]), &[arrivals]);
    let plan = LoadPlan { tls: insecure, connect_timeout: Span::from_millis(50), ..plan };
    let record = run(plan).expect("the phase runs");
    only(&record, Outcome::Timeout);
    let shortest = record.total().min().expect("there are requests");
    assert!(shortest >= Span::from_millis(50), "no timeout before its time: {shortest:?}");
    assert!(shortest < Span::from_secs(60), "the request timeout is longer");
    drop(listener);
}

#[test]
fn credentials_in_the_url_are_sent_with_every_request_that_has_none_of_its_own() {
    let server = Server::start(|_| Answer::Reply(reply(200, "")));
    let journey = serde_json::json!({"name": "j", "actions": {"go": {"steps": [
        {"name": "plain", "path": "/plain"},
        {"name": "own", "path": "/own", "headers": {"Authorization": "Bearer t"}}
    ]}}});
    let url = server.url().replace("http://", "http://ann:open%20sesame@");
    let record = run(plan_load(&url, journey, &[Users::busy(1, 100, "go")])).expect("the phase runs");
    only(&record, Outcome::Ok);
    for seen in server.seen() {
        // "ann:open sesame" in base64.
        let expected = if seen.path == "/entry/own" { "Bearer t" } else { "Basic YW5uOm9wZW4gc2VzYW1l" };
        assert_eq!(seen.authorization, expected, "{}", seen.path);
    }
}

#[test]
fn a_target_that_answers_over_tls_is_described() {
    let authority = Authority::new();
    let server = secured(authority.server(&["127.0.0.1", "localhost"]));
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("https://{host}:{}/entry", server.port());
        let said = reach_for(&url, &authority.trusted()).expect("it is trusted");
        let expected = format!(
            "127.0.0.1:{} over TLSv1_3, TLS13_AES_256_GCM_SHA384, certificate with subject `CN=Test shop`, issuer \
             `CN=Test CA`",
            server.port()
        );
        assert_eq!(said, expected);
    }
    let seen: Vec<String> = server.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(seen, ["/entry", "/entry"], "one request for the path of the URL, and nothing else");
}

#[test]
fn a_certificate_that_does_not_verify_is_explained_with_the_way_out() {
    let authority = Authority::new();
    let stranger = Authority::stranger();
    let now = |_: &mut CertificateParams| {};
    let expired = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 2, 3);
    };
    let future = |params: &mut CertificateParams| params.not_before = date_time_ymd(4000, 1, 1);
    let names = "(subject `CN=Test shop`, issuer `CN=Test CA`)";
    let server = |hosts: &[&str], change: &dyn Fn(&mut CertificateParams)| {
        secured(authority.server_with(hosts, change, rustls::ALL_VERSIONS, false))
    };
    let cases: [(Server, TlsOptions, String); 4] = [
        (
            server(&["127.0.0.1"], &now),
            stranger.trusted(),
            format!(
                "its certificate does not verify: no trusted authority signed it {names}; name the file with its \
                 authority with `--ca FILE`, where another one is named now, or accept any certificate with \
                 `--insecure`"
            ),
        ),
        (
            server(&["shop.example", "*.shop.example"], &now),
            authority.trusted(),
            format!(
                "its certificate is for `shop.example`, `*.shop.example`, not for `127.0.0.1` {names}; use a name of the \
                 certificate in the URL, or accept any certificate with `--insecure`"
            ),
        ),
        (
            server(&["127.0.0.1"], &expired),
            authority.trusted(),
            format!(
                "its certificate expired at 2021-02-03T00:00:00Z {names}; renew it, or accept any certificate with \
                 `--insecure`"
            ),
        ),
        (
            server(&["127.0.0.1"], &future),
            authority.trusted(),
            format!(
                "its certificate is not valid before 4000-01-01T00:00:00Z {names}; set the clocks of both machines, or \
                 accept any certificate with `--insecure`"
            ),
        ),
    ];
    for (server, tls, expected) in cases {
        assert_eq!(reach_for(&server.url(), &tls).expect_err(&expected), expected);
        assert!(server.seen().is_empty(), "nothing is sent to a server that is not trusted");
        let insecure = TlsOptions { insecure: true, ..tls };
        reach_for(&server.url(), &insecure).expect("anyone is accepted now");
    }
}

#[test]
fn a_certificate_signed_by_itself_is_said_to_be_so() {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
    params.distinguished_name = named("Lone shop");
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key in PKCS #8");
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions that ring offers");
    let config = builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key);
    let server = secured(Arc::new(config.expect("they belong together")));
    let authority = Authority::new();
    let said = reach_for(&server.url(), &authority.trusted()).expect_err("nobody vouches for it");
    let expected = "its certificate does not verify: it is signed by itself (subject `CN=Lone shop`, issuer \
                    `CN=Lone shop`); name";
    assert!(said.starts_with(expected), "{said}");
    std::fs::write(authority.file("lone.pem"), certificate.pem()).expect("a writable folder");
    let tls = TlsOptions { ca: Some(authority.file("lone.pem")), ..TlsOptions::default() };
    reach_for(&server.url(), &tls).expect("it can be trusted by name");
}

#[test]
fn a_client_certificate_is_shown_when_there_is_one() {
    let authority = Authority::new();
    let client = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    };
    let identity_of = |signer: &Authority| {
        signer.sign(&[], client);
        TlsIdentity { certificate: signer.file("cert.pem"), key: signer.file("key.pem") }
    };
    let other = Authority::stranger();
    let stranger = identity_of(&other);
    for versions in [&[&rustls::version::TLS13][..], &[&rustls::version::TLS12]] {
        let server = secured(authority.server_with(&["127.0.0.1"], |_| {}, versions, true));
        let none = reach_for(&server.url(), &authority.trusted()).expect_err("a certificate is asked for");
        let expected = "the server asks for a client certificate; name yours with `--cert FILE` and its key with \
                        `--key FILE`";
        assert_eq!(none, expected);
        let foreign = TlsOptions { identity: Some(stranger.clone()), ..authority.trusted() };
        let refused = reach_for(&server.url(), &foreign).expect_err("it is not trusted there");
        assert!(
            refused.starts_with("the server does not accept the client certificate (UnknownCA)"),
            "{refused}"
        );
        let own = TlsOptions { identity: Some(identity_of(&authority)), ..authority.trusted() };
        reach_for(&server.url(), &own).expect("it is trusted there");
        let plan = plan_load(&server.url(), gets(&["get"]), &[Users::busy(1, 100, "get")]);
        only(&run(LoadPlan { tls: own, ..plan }).expect("the phase runs"), Outcome::Ok);
    }
}

#[test]
fn the_wrong_scheme_is_explained_with_the_right_one() {
    let plain = Server::start(|_| Answer::Reply(reply(200, "")));
    let authority = Authority::new();
    let said = reach_for(&format!("https://ann:secret@127.0.0.1:{}/x", plain.port()), &authority.trusted());
    let expected = format!(
        "the server speaks plain HTTP there, not TLS; use `http://ann:***@127.0.0.1:{}/x`",
        plain.port()
    );
    assert_eq!(said.expect_err("it is not TLS"), expected);

    let secured = secured(authority.server(&["127.0.0.1"]));
    let said = reach_for(&format!("http://127.0.0.1:{}/x", secured.port()), &TlsOptions::default());
    let expected =
        format!("the server speaks TLS there, not plain HTTP; use `https://127.0.0.1:{}/x`", secured.port());
    assert_eq!(said.expect_err("it is TLS"), expected);
}

#[test]
fn a_server_that_advises_tls_in_plain_http_is_understood() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client comes");
        let mut request = [0; 1024];
        let count = stream.read(&mut request).expect("it sends");
        let advice = "HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port";
        stream.write_all(advice.as_bytes()).expect("it reads");
        count
    });
    let said = reach_for(&format!("http://{address}"), &TlsOptions::default()).expect_err("it wants TLS");
    assert_eq!(said, format!("the server speaks TLS there, not plain HTTP; use `https://{address}`"));
    assert!(server.join().expect("no panic") > 0, "a request was sent");
}

#[test]
fn a_target_that_is_not_there_is_explained() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    drop(listener);
    for scheme in ["http", "https"] {
        let insecure = TlsOptions { insecure: true, ..TlsOptions::default() };
        let said = reach_for(&format!("{scheme}://{address}"), &insecure).expect_err("nothing listens");
        let expected = format!(
            "connections to {address} are refused; start what should listen there, or correct the port"
        );
        assert_eq!(said, expected);
    }
    let said = reach_for("http://no-such-host.invalid/", &TlsOptions::default()).expect_err("no such name");
    assert!(said.starts_with("the name `no-such-host.invalid` does not resolve ("), "{said}");
    assert!(said.ends_with("correct the name, or add it to DNS or `/etc/hosts`"), "{said}");
}

#[test]
fn files_of_certificates_that_cannot_be_used_are_named() {
    let authority = Authority::new();
    authority.sign(&["127.0.0.1"], |_| {});
    std::fs::write(authority.file("empty.pem"), "nothing\n").expect("a writable folder");
    let other = Authority::new();
    other.sign(&["127.0.0.1"], |_| {});
    let identity = |certificate: PathBuf, key: PathBuf| Some(TlsIdentity { certificate, key });
    let at = |name: &str| authority.file(name);
    let shown = |name: &str| at(name).display().to_string();
    let cases = [
        (
            TlsOptions { ca: Some(at("missing.pem")), ..TlsOptions::default() },
            format!("set up TLS: `{}` cannot be read: No such file", shown("missing.pem")),
        ),
        (
            TlsOptions { ca: Some(at("empty.pem")), ..TlsOptions::default() },
            format!(
                "set up TLS: `{}` holds no certificate of an authority in PEM; such a file has lines like `-----BEGIN \
                 CERTIFICATE-----`",
                shown("empty.pem")
            ),
        ),
        (
            TlsOptions { identity: identity(at("cert.pem"), at("cert.pem")), ..authority.trusted() },
            format!(
                "set up TLS: `{}` holds no private key in PEM; such a file has lines like `-----BEGIN PRIVATE KEY-----`",
                shown("cert.pem")
            ),
        ),
        (
            TlsOptions { identity: identity(at("cert.pem"), other.file("key.pem")), ..authority.trusted() },
            format!(
                "set up TLS: the private key in `{}` does not fit the certificate in `{}`",
                other.file("key.pem").display(),
                shown("cert.pem")
            ),
        ),
    ];
    for (tls, expected) in cases {
        let plan = plan_load("https://127.0.0.1:1", gets(&["get"]), &[Users::busy(1, 100, "get")]);
        let error = run(LoadPlan { tls, ..plan }).expect_err(&expected);
        assert!(matches!(error, LoadError::Tls(_)), "{error:?}");
        assert!(error.to_string().starts_with(&expected), "{error} should begin with {expected}");
    }
}
