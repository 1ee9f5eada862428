//! What the clients talk to: the load balancer, or HAProxy, on a plain port and on one with TLS, before one backend.

use crate::common::secure::Authority;
use crate::common::{Backend, Balancer, PATIENCE, Received, config, reply};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The limit for every wait of either load balancer, in milliseconds.
pub(crate) const LIMIT_MS: u64 = 3_000;

/// The name of a load balancer, how it is started, and the program that it needs.
type Start = (&'static str, fn() -> Front, &'static str);

/// The load balancers.
pub(crate) const ALL: [Start; 2] = [("ours", Front::ours, ""), ("haproxy", Front::haproxy, "haproxy")];

/// A load balancer that is running, and what it needs.
pub(crate) struct Front {
    pub(crate) plain: SocketAddr,
    pub(crate) secure: SocketAddr,
    pub(crate) authority: Authority,
    /// Number of events that the client has seen; the backend sends the next one only then.
    pub(crate) seen: Arc<AtomicUsize>,
    _processes: Vec<Process>,
    _backend: Backend,
}

enum Process {
    Ours { _balancer: Balancer },
    Haproxy { child: Child, _config: tempfile::NamedTempFile },
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Self::Haproxy { child, .. } = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Front {
    fn ours() -> Self {
        let (authority, backend, seen) = parts();
        let limits = json!({ "head_ms": LIMIT_MS, "client_ms": LIMIT_MS, "response_ms": LIMIT_MS });
        let start = |more: serde_json::Value| {
            let mut config = config("round-robin", &[&backend], more);
            config["pools"][0]["at"] = "/".into();
            config["timeouts"] = limits.clone();
            Balancer::start(config)
        };
        let (plain, secure) = (start(json!({})), start(json!({ "tls": authority.config() })));
        Self {
            plain: plain.address(),
            secure: secure.address(),
            authority,
            seen,
            _processes: [plain, secure].map(|_balancer| Process::Ours { _balancer }).into(),
            _backend: backend,
        }
    }

    fn haproxy() -> Self {
        let (authority, backend, seen) = parts();
        // Another test may take a port before HAProxy does, which then ends.
        let started = (0..10).find_map(|_| start_haproxy(&authority, &backend));
        let (process, [plain, secure]) = started.expect("HAProxy listens");
        Self { plain, secure, authority, seen, _processes: vec![process], _backend: backend }
    }
}

/// Starts HAProxy on two ports; `None` if it ends.
fn start_haproxy(authority: &Authority, backend: &Backend) -> Option<(Process, [SocketAddr; 2])> {
    let [plain, secure] = free_ports();
    let text = format!(
        "global\n  nbthread 1\n\
         defaults\n  mode http\n  timeout connect 5s\n  timeout tunnel 1h\n\
         \x20 timeout client {LIMIT_MS}ms\n  timeout server {LIMIT_MS}ms\n\
         frontend in\n  bind {plain}\n  bind {secure} ssl crt {} alpn h2,http/1.1\n  default_backend all\n\
         backend all\n  server s0 {}\n",
        authority.file("both.pem").display(),
        backend.address,
    );
    let mut config = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    config.write_all(text.as_bytes()).expect("it can be written");
    let program = crate::find("haproxy").expect("HAProxy is installed");
    let mut command = Command::new(program);
    command.arg("-db").arg("-f").arg(config.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().expect("HAProxy starts");
    let mut process = Process::Haproxy { child, _config: config };
    let begin = Instant::now();
    loop {
        if let Process::Haproxy { child, .. } = &mut process
            && child.try_wait().expect("it can be waited for").is_some()
        {
            return None;
        }
        if [plain, secure].iter().all(|address| TcpStream::connect(address).is_ok()) {
            return Some((process, [plain, secure]));
        }
        assert!(begin.elapsed() < PATIENCE, "HAProxy does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn free_ports() -> [SocketAddr; 2] {
    let listen = || TcpListener::bind("127.0.0.1:0").expect("a port is free");
    [listen(), listen()].map(|listener| listener.local_addr().expect("it is bound"))
}

fn parts() -> (Authority, Backend, Arc<AtomicUsize>) {
    let seen = Arc::<AtomicUsize>::default();
    let told = Arc::clone(&seen);
    (Authority::new(), Backend::start(move |request, stream| serve(request, stream, &told)), seen)
}

fn serve(request: &Received, stream: &mut TcpStream, seen: &AtomicUsize) -> bool {
    match request.path.as_str() {
        "/upload" => reply(stream, 200, "", request.body.len().to_string().as_bytes()),
        "/events" => events(stream, seen),
        "/chat" => chat(request, stream),
        "/head" if request.method == "HEAD" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n").is_ok()
        }
        _ => reply(stream, 200, "", b"hello"),
    }
}

/// Sends three events, each after the client has seen the one before.
fn events(stream: &mut TcpStream, seen: &AtomicUsize) -> bool {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut sent = stream.write_all(head.as_bytes());
    for number in 0..3 {
        let begin = Instant::now();
        while seen.load(Ordering::SeqCst) < number && begin.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
        let event = format!("data: {number}\n\n");
        sent = sent.and_then(|()| stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()));
    }
    sent.and_then(|()| stream.write_all(b"0\r\n\r\n")).is_ok()
}

/// Accepts the sample key of RFC 6455, 1.3, and then sends every message back until it gets a close frame.
fn chat(request: &Received, stream: &mut TcpStream) -> bool {
    assert_eq!(request.field("sec-websocket-key").as_deref(), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("the load balancer reads");
    loop {
        // Masked frames of less than 126 bytes are all that the client sends.
        let mut head = [0; 6];
        if stream.read_exact(&mut head).is_err() {
            return false;
        }
        let mut text = vec![0; usize::from(head[1] & 0x7f)];
        stream.read_exact(&mut text).expect("the frame comes");
        text.iter_mut().enumerate().for_each(|(at, byte)| *byte ^= head[2 + at % 4]);
        let frame = [&[head[0], text.len() as u8], &text[..]].concat();
        stream.write_all(&frame).expect("the load balancer reads");
        if head[0] & 0x0f == 8 {
            return false;
        }
    }
}
