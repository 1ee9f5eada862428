//! What the clients do, and what they must see through any load balancer.

use crate::front::{Front, LIMIT_MS};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

/// What curl says after the body.
const SAYS: [&str; 2] = ["--write-out", "\n%{http_version} %{http_code}"];

/// Runs a program and returns what it prints.
fn run(program: &str, args: &[&str]) -> String {
    let mut command = Command::new(crate::find(program).unwrap_or_else(|| program.into()));
    let output = command.args(args).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("`{program}` cannot be run: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout);
    assert!(output.status.success(), "{program} {args:?}: {said}{}", text(&output.stderr));
    said
}

fn curl(args: &[&str]) -> String {
    run("curl", &[&["--silent", "--show-error", "--max-time", "60", SAYS[0], SAYS[1]], args].concat())
}

fn url(address: SocketAddr, path: &str) -> String {
    format!("http://{address}{path}")
}

pub(crate) fn prior_knowledge(front: &Front) {
    let at = |path| url(front.plain, path);
    let ask = |args: &[&str]| curl(&[&["--http2-prior-knowledge"], args].concat());
    assert_eq!(ask(&[&at("/")]), "hello\n2 200");
    assert_eq!(ask(&["--data", "four", &at("/upload")]), "4\n2 200");
    let head = ask(&["--head", &at("/head")]);
    assert!(head.starts_with("HTTP/2 200") && head.contains("content-length: 12\r\n"), "{head}");
}

pub(crate) fn over_tls(front: &Front) {
    let ca = front.authority.file("ca.pem").display().to_string();
    let place = format!("https://localhost:{}/", front.secure.port());
    let resolve = format!("localhost:{}:127.0.0.1", front.secure.port());
    let ask = |version: &str| curl(&[version, "--cacert", &ca, "--resolve", &resolve, &place]);
    assert_eq!(ask("--http2"), "hello\n2 200");
    assert_eq!(ask("--http1.1"), "hello\n1.1 200");
    let insecure = Command::new("curl").args(["--silent", "--resolve", &resolve, &place]).output();
    assert!(
        !insecure.expect("curl runs").status.success(),
        "a client that does not know the authority refuses"
    );
}

pub(crate) fn upgrade_to_h2c(front: &Front) {
    assert_eq!(curl(&["--http2", &url(front.plain, "/")]), "hello\n1.1 200");
}

pub(crate) fn many_streams(front: &Front) {
    for place in [url(front.plain, "/"), format!("https://{}/", front.secure)] {
        let said = run("h2load", &["--requests=2000", "--clients=4", "--max-concurrent-streams=16", &place]);
        let expected = "2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout";
        assert!(said.contains(expected), "{place}: {said}");
        assert!(said.contains("status codes: 2000 2xx"), "{place}: {said}");
    }
}

pub(crate) fn websocket(front: &Front) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/websocket.py");
    let said = run("python3", &[script, &front.plain.port().to_string()]);
    assert_eq!(said, "one\ntwo\nthree\nclosed\n");
}

pub(crate) fn long_upload(front: &Front) {
    const BYTES: usize = 900_000;
    const RATE: usize = 20_000;
    const { assert!(BYTES / RATE == 45, "it takes 45 seconds, and much longer than any wait may") };
    const { assert!(LIMIT_MS < 5_000) };
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(&[b'x'; BYTES]).expect("it can be written");
    let (path, place) = (format!("@{}", file.path().display()), url(front.plain, "/upload"));
    let upload =
        |version: &str| curl(&[version, "--limit-rate", &RATE.to_string(), "--data-binary", &path, &place]);
    std::thread::scope(|scope| {
        let second = scope.spawn(|| upload("--http2-prior-knowledge"));
        assert_eq!(upload("--http1.1"), format!("{BYTES}\n1.1 200"));
        assert_eq!(second.join().expect("no panic"), format!("{BYTES}\n2 200"));
    });
}

pub(crate) fn events(front: &Front) {
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        front.seen.store(0, Ordering::SeqCst);
        let mut command = Command::new("curl");
        command.args(["--silent", "--no-buffer", "--max-time", "60", version, &url(front.plain, "/events")]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("curl runs");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut number = 0;
        for line in lines.map_while(Result::ok).filter(|line| !line.is_empty()) {
            assert_eq!(line, format!("data: {number}"), "{version}");
            number += 1;
            // The next one is sent only now, so none is held back on the way.
            front.seen.store(number, Ordering::SeqCst);
        }
        assert_eq!((number, child.wait().expect("it ends").success()), (3, true), "{version}: all, in order");
    }
}
