//! A log that cannot be written does not end a data thread.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// The most open files of the process: few enough that a test uses them up.
const DESCRIPTORS: usize = 40;

fn status(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET /proxy/none/ HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    Ok(reply.lines().next().unwrap_or_default().to_owned())
}

#[test]
fn warnings_that_cannot_be_logged_leave_the_data_port_open() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("config.json");
    let text = r#"{ "listen": "127.0.0.1:0", "threads": 1, "health": { "enabled": false } }"#;
    std::fs::write(&config, text).expect("a config can be written");
    let full = std::fs::File::options().write(true).open("/dev/full").expect("the device exists");
    let mut child = Command::new("sh")
        .args(["-c", &format!("ulimit -n {DESCRIPTORS} && exec \"$0\" \"$@\"")])
        .args([env!("CARGO_BIN_EXE_load-balancer"), "--exit-with-parent", "--config"])
        .arg(&config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(full)
        .spawn()
        .expect("the load balancer can be started");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("standard output");
    BufReader::new(stdout).read_line(&mut line).expect("the line that says where it listens");
    let ready: serde_json::Value = serde_json::from_str(&line).expect("it is JSON");
    let address = ready["url"].as_str().expect("an address").trim_start_matches("http://").to_owned();

    // More connections than it has descriptors: accepting fails, and each failure is a warning.
    let idle: Vec<TcpStream> =
        (0..2 * DESCRIPTORS).map(|_| TcpStream::connect(&address).expect("the system accepts it")).collect();
    drop(idle);
    let reply = status(&address).expect("the data thread still serves");
    assert!(reply.starts_with("HTTP/1.1 404") || reply.starts_with("HTTP/1.1 503"), "{reply}");

    drop(child.stdin.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "no thread has died");
}
