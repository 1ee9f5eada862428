//! Exchanges, a quarter of which are broken off in one way or another, and what they leave behind.

use super::{Backend, Balancer, Client, eventually, reply};
use serde_json::json;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Clients at once.
const CLIENTS: u64 = 4;

/// A load balancer with two data threads and three backends, some of whose replies break off.
pub(crate) struct Soak {
    pub(crate) balancer: Balancer,
    _backends: [Backend; 3],
    /// Exchanges so far.
    pub(crate) exchanges: AtomicU64,
    /// Those that were broken off.
    pub(crate) broken: AtomicU64,
}

/// What the process holds when nothing is going on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) memory_kib: u64,
    pub(crate) descriptors: u64,
    pub(crate) in_flight: u64,
}

fn backend() -> Backend {
    Backend::start(|request, stream| match request.path.as_str() {
        "/large" => reply(stream, 200, "", &[b'x'; 300_000]),
        "/chunks" => {
            let text = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
            stream.write_all(text).is_ok()
        }
        "/breaks" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
            false
        }
        "/closes" => false,
        _ => reply(stream, 200, "", b"ok"),
    })
}

impl Soak {
    pub(crate) fn start() -> Self {
        let backends = [backend(), backend(), backend()];
        let listed: Vec<_> = backends.iter().collect();
        let more = json!({
            "threads": 2,
            "timeouts": { "response_ms": 2_000, "head_ms": 2_000, "client_ms": 2_000, "idle_ms": 2_000 },
        });
        let balancer = Balancer::with_backends("least-connections", &listed, more);
        let (exchanges, broken) = Default::default();
        Self { balancer, _backends: backends, exchanges, broken }
    }

    /// Lets clients work while `goes_on` of the number of exchanges of each client.
    pub(crate) fn work(&self, goes_on: impl Fn(u64) -> bool + Sync) {
        thread::scope(|scope| {
            for number in 0..CLIENTS {
                let goes_on = &goes_on;
                scope.spawn(move || {
                    let mut kept = Client::connect(self.balancer.address());
                    let mut count = 0;
                    while goes_on(count) {
                        let turn = count + number;
                        if turn % 4 == 3 {
                            self.break_off(turn / 4);
                            self.broken.fetch_add(1, Ordering::Relaxed);
                        } else {
                            self.ask(&mut kept, turn);
                        }
                        self.exchanges.fetch_add(1, Ordering::Relaxed);
                        count += 1;
                    }
                });
            }
        });
    }

    /// An exchange that ends as it should.
    fn ask(&self, kept: &mut Client, turn: u64) {
        let path = ["/proxy/svc/", "/proxy/svc/large", "/proxy/svc/chunks"][turn as usize % 3];
        let body: &[u8] = if turn.is_multiple_of(2) { b"" } else { b"some body" };
        let reply = kept.ask(if body.is_empty() { "GET" } else { "POST" }, path, "", body);
        assert_eq!(reply.status, 200, "{path}");
    }

    /// An exchange that somebody breaks off.
    fn break_off(&self, way: u64) {
        let mut client = Client::connect(self.balancer.address());
        let get = |path: &str| format!("GET /proxy/svc{path} HTTP/1.1\r\nhost: x\r\n\r\n");
        let post = "POST /proxy/svc/ HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\nhalf";
        let mut send = |text: &str| client.stream.write_all(text.as_bytes());
        // The load balancer may be quicker to end the connection.
        let _ = match way % 8 {
            0 => send(&get("/")),
            1 => send("GET /proxy/svc/ HTTP/1.1\r\nho"),
            2 => send(post),
            3 => send(&get("/large")).and_then(|()| client.stream.read(&mut [0; 1000]).map(drop)),
            4 => send(&get("/breaks")).map(|()| drop(client.read())),
            5 => send(&get("/closes")).map(|()| drop(client.read())),
            6 => send("nonsense\r\n\r\n"),
            _ => {
                let reset = socket2::SockRef::from(&client.stream).set_linger(Some(Duration::ZERO));
                reset.and_then(|()| client.stream.write_all(post.as_bytes()))
            }
        };
    }

    /// Waits until nothing is going on, and returns what is held then.
    pub(crate) fn held(&self) -> Held {
        eventually("nothing is in flight", || self.balancer.in_flight() == 0);
        eventually("all connections are closed", || {
            let text = self.balancer.get("/actuator/prometheus").text();
            // The connection that asks is one.
            text.contains("\nlb_active_connections 1\n")
        });
        // Idle connections to backends end, too.
        thread::sleep(Duration::from_millis(2_500));
        let pid = self.balancer.child.id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux has it");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it says so");
        let memory = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
        let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("Linux has it").count();
        Held { memory_kib: memory, descriptors: descriptors as u64, in_flight: self.balancer.in_flight() }
    }
}
