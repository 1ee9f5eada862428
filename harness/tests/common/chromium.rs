//! What the tests in a real browser share: where Chromium is, how it is started, and a site of a stranger whose pages
//! make calls.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part of this module")]

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// Set where no program may be missing.
pub const REQUIRED: &str = "BENCH_REQUIRE_LOAD_BALANCERS";
/// The names under which the browser is installed.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// Arguments that keep the browser from the network, from the user's settings and from other habits.
const QUIET: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
];

/// Returns the browser on PATH, if there is one.
pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    BROWSERS
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|it| it.is_file())
}

/// Returns the browser, or its usual name if there is none, and whether tests that need it are left out.
pub fn found_or_ignored() -> (PathBuf, bool) {
    let found = find();
    if found.is_none() {
        eprintln!("there is no Chromium on PATH; `cargo xtask test --install` installs it");
    }
    let ignored = found.is_none() && std::env::var_os(REQUIRED).is_none();
    (found.unwrap_or_else(|| BROWSERS[0].into()), ignored)
}

/// Returns the arguments of a browser that keeps its profile in a folder and for which these names are on this machine.
pub fn arguments(profile: &Path, names: &[&str]) -> Vec<String> {
    let mut rules: Vec<String> = names.iter().map(|name| format!("MAP {name} 127.0.0.1")).collect();
    rules.extend(["MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1", "EXCLUDE localhost"].map(str::to_owned));
    let mut arguments: Vec<String> = QUIET.map(str::to_owned).into();
    arguments.push(format!("--user-data-dir={}", profile.display()));
    arguments.push(format!("--host-resolver-rules={}", rules.join(", ")));
    arguments
}

/// Starts a browser's command line with such a profile and such names.
pub fn command(program: &Path, profile: &Path, names: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments(profile, names)).env("HOME", profile);
    command
}

/// Serves a page at `/page` of a free port, which makes the calls that `attempts` gives for the origin of the page.
/// Returns that origin, under the name `host`. Whatever else is asked of it is passed on to `target`, as if the name
/// were bound to it now.
pub fn stranger(host: &str, target: &str, attempts: impl FnOnce(&str) -> Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let origin = format!("http://{host}:{}", listener.local_addr().expect("an address").port());
    let page = include_str!("stranger.html").replace("ATTEMPTS", &attempts(&origin).to_string());
    let page = Arc::new(page);
    let target = target.trim_start_matches("http://").to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (page, target) = (Arc::clone(&page), target.clone());
            // A browser may break off.
            std::thread::spawn(move || drop(answer(stream, &page, &target)));
        }
    });
    origin
}

/// Answers one request of the browser: the page, or what `target` says.
fn answer(mut stream: TcpStream, page: &str, target: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    if head.starts_with("GET /page ") {
        let length = page.len();
        let fields = "content-type: text/html\r\nconnection: close\r\n";
        return write!(stream, "HTTP/1.1 200 OK\r\n{fields}content-length: {length}\r\n\r\n{page}");
    }
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let mut through = TcpStream::connect(target)?;
    through.write_all(head.replace("Connection: keep-alive", "Connection: close").as_bytes())?;
    through.write_all(&body)?;
    std::io::copy(&mut through, &mut stream).map(drop)
}

/// Reads what came of the calls of a stranger's page, in order, from the text of its element `outcome`.
pub fn outcomes(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("the page told: {text:?}: {error}"))
}

/// Makes a call as command lines do. Returns the status and the body.
pub fn request(method: &str, url: &str, path: &str, body: &str) -> (u16, String) {
    request_with(method, url, path, body, "")
}

/// Makes a call as command lines do, with further header fields, each with its line end. Returns the status and the body.
pub fn request_with(method: &str, url: &str, path: &str, body: &str, fields: &str) -> (u16, String) {
    let authority = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(authority).expect("it listens");
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: {authority}\r\n{kind}{fields}Connection: close\r\n");
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).expect("it reads");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    let status = reply.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, reply.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}
