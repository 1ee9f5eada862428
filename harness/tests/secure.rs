//! Load balancers behind TLS: what is verified, what is said, and what is never written.

mod common;

use common::{Bench, Running, algorithm, number, pair, text};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// The password that must not turn up anywhere.
const PASSWORD: &str = "open-sesame";

/// A program that speaks TLS before a load balancer, with a certificate of an authority of its own.
struct Front {
    port: u16,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Front {
    /// Starts it before `upstream`, such as `127.0.0.1:4000`. The certificate of the authority is written to
    /// `ca.pem` in the folder of `bench`.
    fn start(bench: &Bench, upstream: &str) -> Self {
        let config = server_config("Test CA", &bench.path("ca.pem"));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket of ours");
        let port = listener.local_addr().expect("a bound socket").port();
        let (end, ended) = oneshot::channel();
        let upstream = upstream.to_owned();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    () = forward(listener, TlsAcceptor::from(config), upstream) => {}
                    _ = ended => {}
                }
            });
        });
        Self { port, end: Some(end), thread: Some(thread) }
    }

    /// Returns the URL of the services, with a user and a password.
    fn entry(&self) -> String {
        format!("https://ann:{PASSWORD}@127.0.0.1:{}/proxy", self.port)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn forward(listener: TcpListener, tls: TlsAcceptor, upstream: String) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let (tls, upstream) = (tls.clone(), upstream.clone());
        tokio::spawn(async move {
            let (Ok(mut one), Ok(mut other)) = (tls.accept(stream).await, TcpStream::connect(upstream).await)
            else {
                return;
            };
            let _ = copy_bidirectional(&mut one, &mut other).await;
        });
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

/// Makes an authority of this name, writes its certificate to `ca`, and returns a server that it vouches for.
fn server_config(name: &str, ca: &Path) -> Arc<ServerConfig> {
    let mut params = CertificateParams::new(Vec::new()).expect("no names are needed");
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    std::fs::write(ca, params.self_signed(&key).expect("a certificate").pem()).expect("a writable folder");
    let issuer = Issuer::new(params, key);
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
    params.distinguished_name = named("Test shop");
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate").der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key in PKCS #8");
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions that ring offers");
    Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate], key).expect("they fit"))
}

/// Runs a second of load against `url`; the admin API is that of `running`.
fn drive(bench: &Bench, running: &Running, url: &str, more: &[&str]) -> Output {
    let settings = json!({ "algorithms": ["round-robin"], "warm_up_s": 0, "cool_down_s": 0 });
    let config = bench.config("short.json", &common::config(4, 1.0, &settings));
    let args = ["--config", &config, "--url", url, "--admin", &running.url, "--out", "out"];
    bench.run(&[&args[..], more].concat())
}

/// Asserts that no file below `folder` holds `secret`.
fn assert_nowhere(folder: &Path, secret: &str) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            assert_nowhere(&path, secret);
            continue;
        }
        let bytes = std::fs::read(&path).expect("a file");
        let held = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!held, "{} holds the password", path.display());
    }
}

#[test]
fn a_load_balancer_behind_tls_is_measured_and_its_password_is_never_written() {
    let bench = Bench::new();
    let running = Running::start(&bench, &pair(&bench));
    let front = Front::start(&bench, running.url.trim_start_matches("http://"));
    let reports = "html,markdown,junit,prometheus";
    let more = ["--ca", "ca.pem", "--verbose", "--report", reports, "--events", "events.jsonl"];
    let output = drive(&bench, &running, &front.entry(), &more);
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    let masked = format!("https://ann:***@127.0.0.1:{}/proxy", front.port);
    assert!(printed.starts_with(&format!("load balancer: {masked}")), "the first line names it: {printed}");
    assert!(printed.contains("Connections: "), "handshakes have a table: {printed}");
    assert!(!printed.contains(PASSWORD) && !said.contains(PASSWORD), "{printed}{said}");

    let summary = bench.json("out/summary.json");
    let result = algorithm(&summary, "round-robin");
    assert_eq!(number(result, "/error_rate"), 0.0, "nothing fails: {result}");
    let opened = number(result, "/connections/opened");
    assert!(opened >= 4.0, "one connection for each user: {opened}");
    assert_eq!(number(result, "/connections/handshakes"), opened, "each is secured");
    assert!(number(result, "/connections/handshake_ms/p50") > 0.0, "handshakes take time");
    assert_eq!(summary["unverified_tls"], false);
    let evidence = &result["switch_evidence"][0];
    assert_eq!(evidence["control_plane"]["verdict"], "confirmed", "{evidence}");
    assert_eq!(evidence["header"]["verdict"], "confirmed", "probes are sent over TLS: {evidence}");
    // A busy machine may leave it open.
    let behaviour = evidence["behaviour"]["verdict"].as_str();
    assert!(matches!(behaviour, Some("confirmed" | "consistent" | "not_tested")), "{evidence}");
    let detail = evidence["behaviour"]["detail"].to_string();
    assert!(!detail.contains("TLS") && !detail.contains("answered 4"), "probes get there: {evidence}");

    assert_nowhere(&bench.path("out"), PASSWORD);
    let events = std::fs::read_to_string(bench.path("events.jsonl")).expect("the event file");
    assert!(!events.contains(PASSWORD), "{events}");
    let report = std::fs::read_to_string(bench.path("out/report.md")).expect("a report");
    assert!(report.contains("### Connections"), "{report}");
}

#[test]
fn a_certificate_that_nobody_vouches_for_ends_the_run_before_it_begins() {
    let bench = Bench::new();
    let running = Running::start(&bench, &pair(&bench));
    let front = Front::start(&bench, running.url.trim_start_matches("http://"));
    std::fs::rename(bench.path("ca.pem"), bench.path("right.pem")).expect("a file");
    server_config("Other CA", &bench.path("other.pem"));
    let output = drive(&bench, &running, &front.entry(), &["--ca", "other.pem"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let expected = format!(
        "failed to reach `https://ann:***@127.0.0.1:{}/proxy`: its certificate does not verify: no trusted authority \
         signed it (subject `CN=Test shop`, issuer `CN=Test CA`); name the file with its authority with `--ca FILE`, \
         where another one is named now, or accept any certificate with `--insecure`",
        front.port
    );
    assert!(said.contains(&expected), "{said}");
    assert_eq!(running.routes(), "round-robin", "nothing was touched");
    assert!(!bench.path("out/summary.json").exists(), "there are no results");
    assert_nowhere(&bench.path("out"), PASSWORD);
}

#[test]
fn a_run_that_accepts_any_certificate_says_so_everywhere() {
    let bench = Bench::new();
    let running = Running::start(&bench, &pair(&bench));
    let front = Front::start(&bench, running.url.trim_start_matches("http://"));
    let output = drive(&bench, &running, &front.entry(), &["--insecure", "--report", "html,markdown"]);
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    let warning = "TLS certificates were not verified";
    assert!(printed.contains(&format!("WARNING: {warning} (--insecure)")), "{printed}");
    assert!(said.contains("TLS certificates are NOT verified (--insecure)"), "before it begins: {said}");
    for report in ["report.html", "report.md"] {
        let text = std::fs::read_to_string(bench.path("out").join(report)).expect("a report");
        assert!(text.contains(warning), "{report}: {text}");
    }
    assert_eq!(bench.json("out/summary.json")["unverified_tls"], true);
}

#[test]
fn the_wrong_scheme_and_an_address_without_a_server_are_explained() {
    let bench = Bench::new();
    let running = Running::start(&bench, &pair(&bench));
    let front = Front::start(&bench, running.url.trim_start_matches("http://"));
    let free = common::free_port();
    let plain = running.url.trim_start_matches("http://");
    let port = front.port;
    for (url, expected) in [
        (
            format!("http://127.0.0.1:{port}/proxy"),
            format!("the server speaks TLS there, not plain HTTP; use `https://127.0.0.1:{port}/proxy`"),
        ),
        (
            format!("https://{plain}/proxy"),
            format!("the server speaks plain HTTP there, not TLS; use `http://{plain}/proxy`"),
        ),
        (
            format!("https://127.0.0.1:{free}/proxy"),
            format!("connections to 127.0.0.1:{free} are refused; start"),
        ),
        (
            "http://no-such-host.invalid/proxy".to_owned(),
            "the name `no-such-host.invalid` does not resolve".to_owned(),
        ),
    ] {
        let output = drive(&bench, &running, &url, &["--ca", "ca.pem"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{url}: {said}");
        assert!(said.contains(&format!("failed to reach `{url}`: {expected}")), "{url}: {said}");
        let _ = std::fs::remove_dir_all(bench.path("out"));
    }
}

#[test]
fn the_doctor_and_the_plan_say_how_a_load_balancer_is_reached() {
    let bench = Bench::new();
    let running = Running::start(&bench, &pair(&bench));
    let front = Front::start(&bench, running.url.trim_start_matches("http://"));
    let settings = json!({ "algorithms": ["round-robin"], "tls": { "ca": "ca.pem", "resumption": false } });
    let config = bench.config("short.json", &common::config(4, 1.0, &settings));
    let url = front.entry();
    let args = ["--config", &config, "--url", &url, "--admin", &running.url];
    let output = bench.run(&[&["plan"][..], &args].concat());
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for line in [
        format!("load balancer: running at https://ann:***@127.0.0.1:{}/proxy", front.port),
        "TLS: trusts the authorities in ca.pem, resumes no session".to_owned(),
        "connections: each user keeps its own (per-user), opened within 30 s, to all addresses in turn; its name is looked up every 30 s"
            .to_owned(),
    ] {
        assert!(printed.lines().any(|printed| printed == line), "`{line}` is in {printed}");
    }
    assert!(!printed.contains(PASSWORD), "{printed}");
    let output = bench.run(&[&["doctor"][..], &args].concat());
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{printed}{}", text(&output.stderr));
    let expected = format!(
        "ok    connection: 127.0.0.1:{} over TLSv1_3, TLS13_AES_256_GCM_SHA384, certificate with subject `CN=Test shop`",
        front.port
    );
    assert!(printed.contains(&expected), "{printed}");
}
