//! What the tests share: the real binary as a child process, backends with real sockets, and raw
//! clients that see every byte. Everything on 127.0.0.1, on ports that the system gives.

#![allow(dead_code, reason = "no test file uses all of it")]

pub(crate) mod limited;
pub(crate) mod secure;
pub(crate) mod soak;

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Longest wait for anything that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running load balancer; it stops when this is dropped.
pub(crate) struct Balancer {
    pub(crate) child: Child,
    pub(crate) url: String,
    pub(crate) admin: String,
    /// Held open: its end tells the process to stop.
    pub(crate) stdin: Option<ChildStdin>,
    _config: tempfile::NamedTempFile,
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes `config` to a file and makes the command that reads it.
pub(crate) fn command(config: &str) -> (Command, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(config.as_bytes()).expect("it can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_load-balancer"));
    command.arg("--config").arg(file.path()).arg("--exit-with-parent");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    (command, file)
}

impl Balancer {
    /// Starts a load balancer with what `config` says and a free port.
    pub(crate) fn start(mut config: Value) -> Self {
        config["listen"] = "127.0.0.1:0".into();
        let (mut command, file) = command(&config.to_string());
        let mut child = command.stderr(Stdio::null()).spawn().expect("the binary starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("stdout is piped");
        BufReader::new(out).read_line(&mut line).expect("the binary speaks");
        let start: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("the first line is JSON, but is {line:?}: {error}"));
        let text = |key: &str| start[key].as_str().expect("start line has both URLs").to_owned();
        let (url, admin) = (text("url"), text("admin"));
        let stdin = child.stdin.take();
        Self { child, url, admin, stdin, _config: file }
    }

    /// Starts one with these backends, `b0`, `b1` and so on, in one pool for service `svc`, and
    /// without active health checks.
    pub(crate) fn with_backends(algorithm: &str, backends: &[&Backend], more: Value) -> Self {
        Self::start(config(algorithm, backends, more))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.url
            .trim_start_matches("https://")
            .trim_start_matches("http://")
            .parse()
            .expect("the URL has an address")
    }

    pub(crate) fn proxy(&self, rest: &str) -> String {
        format!("{}/proxy/svc{rest}", self.url)
    }

    /// The part of the snapshot about one backend.
    pub(crate) fn backend(&self, id: &str) -> Value {
        let snapshot = get(&format!("{}/api/lb/snapshot", self.admin)).json();
        let pools = snapshot["pools"].as_array().expect("snapshot has pools");
        let mut backends = pools.iter().flat_map(|pool| pool["backends"].as_array().expect("list"));
        backends.find(|backend| backend["id"] == id).expect("the backend is listed").clone()
    }

    pub(crate) fn in_flight(&self) -> u64 {
        let reply = get(&format!("{}/api/lb/in-flight", self.admin)).json();
        reply["in_flight"].as_u64().expect("a number")
    }

    pub(crate) fn post(&self, path: &str) -> Reply {
        send("POST", &format!("{}{path}", self.admin), &[], b"")
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        get(&format!("{}{path}", self.admin))
    }
}

/// The config of a load balancer with these backends.
pub(crate) fn config(algorithm: &str, backends: &[&Backend], more: Value) -> Value {
    let backends: Vec<_> = backends
        .iter()
        .enumerate()
        .map(|(i, backend)| json!({ "id": format!("b{i}"), "url": backend.url() }))
        .collect();
    let mut config = json!({
        "algorithm": algorithm,
        "pools": [{ "name": "pool", "services": ["svc"], "backends": backends }],
        "health": { "enabled": false },
        "timeouts": { "response_ms": 10_000 },
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        config[key] = value.clone();
    }
    config
}

/// Waits until `condition` holds.
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < PATIENCE, "never happened: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A request as a backend received it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// The lines of its trailers.
    pub(crate) trailers: String,
}

impl Received {
    /// The values of a header field, joined.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        field(&self.head, name)
    }
}

fn field(head: &str, name: &str) -> Option<String> {
    let values: Vec<_> = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
        .collect();
    (!values.is_empty()).then(|| values.join(", "))
}

type Handler = dyn Fn(&Received, &mut TcpStream) -> bool + Send + Sync;

/// A backend that answers on a thread per connection. A handler writes the reply, byte for byte, and
/// says whether the connection stays open.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicUsize>,
    pub(crate) requests: Arc<AtomicUsize>,
}

impl Backend {
    pub(crate) fn start(handler: impl Fn(&Received, &mut TcpStream) -> bool + Send + Sync + 'static) -> Self {
        Self::start_on("127.0.0.1:0", handler)
    }

    pub(crate) fn start_on(
        address: &str,
        handler: impl Fn(&Received, &mut TcpStream) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).expect("a port is free");
        let backend = Self {
            address: listener.local_addr().expect("it is bound"),
            connections: Arc::default(),
            requests: Arc::default(),
        };
        let handler: Arc<Handler> = Arc::new(handler);
        let (connections, requests) = (backend.connections.clone(), backend.requests.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                connections.fetch_add(1, Ordering::SeqCst);
                let (handler, requests) = (Arc::clone(&handler), Arc::clone(&requests));
                thread::spawn(move || serve(stream, &*handler, &requests));
            }
        });
        backend
    }

    /// One that answers everything with 200 and `body`.
    pub(crate) fn fixed(body: &'static str) -> Self {
        Self::start(move |_, stream| reply(stream, 200, "", body.as_bytes()))
    }

    /// One that answers with what it received, as JSON.
    pub(crate) fn echo() -> Self {
        Self::start(|request, stream| {
            let body = json!({
                "method": request.method,
                "path": request.path,
                "head": request.head,
                "body": String::from_utf8_lossy(&request.body),
            });
            reply(stream, 200, "content-type: application/json\r\n", body.to_string().as_bytes())
        })
    }

    /// One that answers after a while.
    pub(crate) fn slow(delay: Duration) -> Self {
        Self::start(move |_, stream| {
            thread::sleep(delay);
            reply(stream, 200, "", b"late")
        })
    }

    /// One that never answers.
    pub(crate) fn silent() -> Self {
        Self::start(|_, stream| {
            let _ = stream.read(&mut [0; 1]);
            false
        })
    }

    /// An address where nothing listens.
    pub(crate) fn absent() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        Self {
            address: listener.local_addr().expect("it is bound"),
            connections: Arc::default(),
            requests: Arc::default(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Writes a reply with a length; the connection stays open.
pub(crate) fn reply(stream: &mut TcpStream, status: u16, fields: &str, body: &[u8]) -> bool {
    let head = format!("HTTP/1.1 {status} Some Reason\r\n{fields}content-length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).is_ok()
}

fn serve(mut stream: TcpStream, handler: &Handler, requests: &AtomicUsize) {
    // Replies in several writes must not wait for delayed acknowledgements.
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream.try_clone().expect("a socket can be shared"));
    while let Some(request) = receive(&mut reader) {
        requests.fetch_add(1, Ordering::SeqCst);
        if !handler(&request, &mut stream) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

/// Reads one request; none at the end of the connection.
fn receive(reader: &mut impl BufRead) -> Option<Received> {
    let head = read_head(reader)?;
    let mut words = head.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (body, trailers) = read_body(reader, &head, false)?;
    Some(Received { method, path, head, body, trailers })
}

fn read_head(reader: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

/// Reads a body and the lines of its trailers.
fn read_body(reader: &mut impl BufRead, head: &str, to_end: bool) -> Option<(Vec<u8>, String)> {
    let (mut body, mut trailers) = (Vec::new(), String::new());
    if field(head, "transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
            let size = usize::from_str_radix(line.trim(), 16).ok()?;
            let mut chunk = vec![0; size];
            reader.read_exact(&mut chunk).ok()?;
            if size == 0 {
                loop {
                    line.clear();
                    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
                    if line == "\r\n" {
                        return Some((body, trailers));
                    }
                    trailers.push_str(&line);
                }
            }
            body.extend_from_slice(&chunk);
            reader.read_exact(&mut [0; 2]).ok()?;
        }
    }
    match field(head, "content-length") {
        Some(length) => {
            body.resize(length.parse().ok()?, 0);
            reader.read_exact(&mut body).ok()?;
        }
        None if to_end => {
            reader.read_to_end(&mut body).ok()?;
        }
        None => {}
    }
    Some((body, trailers))
}

/// A reply as a client received it.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// The lines of its trailers.
    pub(crate) trailers: String,
}

impl Reply {
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        field(&self.head, name)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("body is JSON, but is {:?}: {error}", self.text()))
    }
}

/// A client connection that sees every byte.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the load balancer accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit can be set");
        stream.set_nodelay(true).expect("no delay can be set");
        let reader = BufReader::new(stream.try_clone().expect("a socket can be shared"));
        Self { stream, reader }
    }

    pub(crate) fn write(&mut self, text: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(text.as_ref()).expect("the load balancer reads");
        self
    }

    /// The next reply; none if the connection ends before or in it.
    pub(crate) fn read(&mut self) -> Option<Reply> {
        self.read_reply_to("GET")
    }

    pub(crate) fn read_reply_to(&mut self, method: &str) -> Option<Reply> {
        let head = read_head(&mut self.reader)?;
        let status = head.split_whitespace().nth(1)?.parse().ok()?;
        let bodiless = method == "HEAD" || status == 204 || status == 304 || status < 200;
        let (body, trailers) =
            if bodiless { Default::default() } else { read_body(&mut self.reader, &head, true)? };
        Some(Reply { status, head, body, trailers })
    }

    /// Sends a request and reads its reply. `fields` may bring a `host:` of their own, in lower case.
    pub(crate) fn ask(&mut self, method: &str, path: &str, fields: &str, body: &[u8]) -> Reply {
        let length =
            if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        let own = fields.starts_with("host:") || fields.contains("\nhost:");
        let host = if own { "" } else { "host: localhost\r\n" };
        let head = format!("{method} {path} HTTP/1.1\r\n{host}{length}{fields}\r\n");
        self.write([head.as_bytes(), body].concat());
        self.read_reply_to(method).expect("there is a reply")
    }

    /// Reads bytes that are no reply.
    pub(crate) fn read_exact(&mut self, bytes: &mut [u8]) {
        self.reader.read_exact(bytes).expect("the bytes come");
    }

    /// The next line of a reply that is looked at while it comes.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("a line comes");
        line
    }
}

/// What a body has to be declared as.
pub(crate) const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// One request on a connection of its own.
pub(crate) fn send(method: &str, url: &str, fields: &[(&str, &str)], body: &[u8]) -> Reply {
    let rest = url.strip_prefix("http://").expect("an http URL");
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let mut text: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    text.push_str("connection: close\r\n");
    let path = if path.is_empty() { "/" } else { path };
    Client::connect(authority.parse().expect("an address")).ask(method, path, &text, body)
}

pub(crate) fn get(url: &str) -> Reply {
    send("GET", url, &[], b"")
}
