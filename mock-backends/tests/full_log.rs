//! A log that cannot be written does not end the backends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

#[test]
fn backends_serve_although_their_log_is_full() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("the device exists");
    let mut child = Command::new(env!("CARGO_BIN_EXE_mock-backends"))
        .args(["--base-port", "0", "--control-port", "0", "--exit-with-parent"])
        .env("RUST_LOG", "trace")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(full)
        .spawn()
        .expect("the backends can be started");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("standard output");
    BufReader::new(stdout).read_line(&mut line).expect("the line that says where they listen");
    let ready: serde_json::Value = serde_json::from_str(&line).expect("it is JSON");
    let url = ready["backends"][0]["url"].as_str().expect("an address");
    let address = url.trim_start_matches("http://");
    // A connection that is broken off is noted in the log.
    drop(TcpStream::connect(address).and_then(|mut stream| stream.write_all(b"GET / HT")));
    let mut stream = TcpStream::connect(address).expect("the backend still listens");
    write!(stream, "GET /api/inventory/all HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n")
        .expect("it reads");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    assert!(reply.starts_with("HTTP/1.1 200 OK"), "{reply}");
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("they end").code(), Some(0));
}
