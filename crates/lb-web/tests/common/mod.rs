//! A server with a program that speaks the protocol of a run, and a client that sends exactly what a test says.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part of this module")]

use lb_web::{Access, Choice, Choices, ModeChoice, Options, PackChoice, Program};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::task::LocalSet;

/// Longer than anything takes, so that a test that would wait for ever fails.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How often a test looks again before it gives up.
const LOOKS: usize = 600;

/// A server, which ends with the test.
pub struct Site {
    pub address: SocketAddr,
    pub dir: tempfile::TempDir,
    /// What was told on the terminal.
    pub told: Arc<Mutex<Vec<String>>>,
    stop: tokio::sync::mpsc::UnboundedSender<()>,
    thread: Option<JoinHandle<()>>,
}

/// A reply.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.head, self.text()))
    }

    /// The value of a field; empty without it.
    pub fn field(&self, name: &str) -> String {
        let line = self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        });
        line.unwrap_or_default()
    }
}

fn choices() -> Choices {
    let named = |name: &str| Choice { name: name.to_owned(), ..Choice::default() };
    let mode = ModeChoice { name: "steady".to_owned(), default: true, ..ModeChoice::default() };
    Choices {
        packs: vec![PackChoice { name: "boutique".to_owned(), modes: vec![mode], ..PackChoice::default() }],
        configs: vec![named("quick.json")],
        algorithms: vec![named("p2c")],
        load_balancers: vec!["reference".to_owned()],
        ..Choices::default()
    }
}

impl Site {
    pub fn new() -> Self {
        Self::with(Access::Everybody, &[])
    }

    pub fn with(access: Access, hosts: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let (results, heard) = (dir.path().join("results"), Arc::clone(&told));
        let history = dir.path().join("history");
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        let (stop, stopped) = tokio::sync::mpsc::unbounded_channel();
        let (bound, is_bound) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let options = Options {
                listen: "127.0.0.1".parse().expect("an address"),
                port: 0,
                hosts,
                access,
                results,
                tell: Box::new(move |text| {
                    heard.lock().expect("no test panics with it").push(text.to_owned())
                }),
            };
            let port = options.bind().expect("a free port");
            bound.send(port.address()).expect("the test waits for it");
            let exe = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake/bench");
            let trend = Box::new(move || history.exists().then(|| vec!["trend".to_owned()]));
            let program = Program { exe, name: "bench".to_owned(), choices: Box::new(choices), trend };
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime
                .block_on(LocalSet::new().run_until(port.serve(program, stopped)))
                .expect("it serves to its end");
        });
        let address = is_bound.recv_timeout(PATIENCE).expect("it listens");
        Self { address, dir, told, stop, thread: Some(thread) }
    }

    /// Makes a history, of which the program draws a trend.
    pub fn record(&self) {
        std::fs::write(self.dir.path().join("history"), "").expect("it can be written");
    }

    /// The folder of results.
    pub fn results(&self) -> PathBuf {
        self.dir.path().join("results")
    }

    /// Sends the bytes of a request, and reads the reply to the end of the connection.
    pub fn send(&self, request: &str) -> Reply {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut all = Vec::new();
        stream.read_to_end(&mut all).expect("it answers");
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").expect("the end of a head");
        let head = String::from_utf8_lossy(&all[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        Reply { status, head, body: all[end + 4..].to_vec() }
    }

    /// Sends a request with further fields, such as `cookie: a=b\r\n`.
    pub fn call(&self, method: &str, path: &str, fields: &str, body: &str) -> Reply {
        let host = self.address;
        let length =
            if method == "POST" { format!("content-length: {}\r\n", body.len()) } else { String::new() };
        self.send(&format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{length}{fields}\r\n{body}"
        ))
    }

    pub fn get(&self, path: &str) -> Reply {
        self.call("GET", path, "", "")
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.call("POST", path, "content-type: application/json\r\n", &body.to_string())
    }

    /// Starts a run with a label, and gives the reply.
    pub fn start(&self, label: &str) -> Reply {
        let form = serde_json::json!({ "kind": "url", "url": "http://127.0.0.1:1/", "label": label });
        self.post("/api/runs", &form)
    }

    /// The board.
    pub fn board(&self) -> Value {
        self.get("/api/state").json()
    }

    /// Waits until the board is as a test needs it.
    pub fn until(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let mut board = Value::Null;
        for _ in 0..LOOKS {
            board = self.board();
            if fits(&board) {
                return board;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{what}: {board:#}");
    }

    /// Waits until the run is in a state.
    pub fn until_state(&self, state: &str) -> Value {
        self.until(state, |board| board["run"]["state"] == state)
    }

    /// Ends the server as so many presses of Ctrl-C do, and waits for its end.
    pub fn end(&mut self, presses: usize) {
        for _ in 0..presses {
            let _ = self.stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server ends in order");
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A stream of server-sent events.
pub struct Stream {
    reader: BufReader<TcpStream>,
    pub head: String,
}

impl Stream {
    pub fn open(site: &Site, fields: &str) -> Self {
        let stream = TcpStream::connect(site.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        let host = site.address;
        (&stream)
            .write_all(format!("GET /api/live HTTP/1.1\r\nhost: {host}\r\n{fields}\r\n").as_bytes())
            .expect("it reads");
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).expect("it answers") > 0, "the head ends: {head}");
        }
        Self { reader, head }
    }

    /// The next event: its name and data. `None` at the end of the stream. Comments are passed over.
    pub fn next(&mut self) -> Option<(String, Value)> {
        let (mut name, mut data) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).expect("it tells") == 0 {
                return None;
            }
            let line = line.trim_end();
            if let Some(text) = line.strip_prefix("event: ") {
                name = text.to_owned();
            } else if let Some(text) = line.strip_prefix("data: ") {
                data = text.to_owned();
            } else if line == "0" && name.is_empty() {
                // The last chunk of the transfer coding.
                return None;
            }
            if !data.is_empty() {
                let value = serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error}: {data}"));
                return Some((name, value));
            }
        }
    }
}
