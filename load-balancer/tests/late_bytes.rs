//! Backends that send bytes nobody asked for: they must not become the reply to another client's request.

mod common;

use common::{Backend, Balancer, Client, eventually, reply};
use serde_json::json;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const POISON: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison";

/// A backend whose replies to `/late` are followed by another reply, after `delay`, and how many were sent.
fn poisoner(delay: Duration) -> (Backend, Arc<AtomicUsize>) {
    let sent: Arc<AtomicUsize> = Arc::default();
    let count = Arc::clone(&sent);
    let backend = Backend::start(move |request, stream| {
        let replied = reply(stream, 200, "", b"own");
        if request.path == "/late" {
            let count = Arc::clone(&count);
            let mut stream = stream.try_clone().expect("a socket can be shared");
            let mut send = move || {
                thread::sleep(delay);
                let _ = stream.write_all(POISON);
                count.fetch_add(1, Ordering::SeqCst);
            };
            if delay.is_zero() { send() } else { drop(thread::spawn(send)) }
        }
        replied
    });
    (backend, sent)
}

#[test]
fn late_bytes_reach_no_client_that_has_just_come() {
    for delay in [0, 1, 2, 5, 10] {
        let (backend, _) = poisoner(Duration::from_millis(delay));
        let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
        for round in 0..40 {
            let mut attacker = Client::connect(balancer.address());
            assert_eq!(attacker.ask("GET", "/proxy/svc/late", "", b"").status, 200);
            let mut victim = Client::connect(balancer.address());
            // At different moments before and after the bytes.
            thread::sleep(Duration::from_micros(300 * (round % 8)));
            let got = victim.ask("GET", "/proxy/svc/victim", "", b"").text();
            assert_eq!(got, "own", "{delay} ms, round {round}");
        }
        assert_eq!(balancer.backend("b0")["errors"], 0);
    }
}

#[test]
fn a_connection_with_bytes_that_answer_no_request_is_not_used_again() {
    let (backend, sent) = poisoner(Duration::from_millis(1));
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let mut client = Client::connect(balancer.address());
    for round in 0..20 {
        assert_eq!(client.ask("GET", "/proxy/svc/late", "", b"").text(), "own", "round {round}");
        // Then they have arrived, whether or not anything has looked at them.
        eventually("the late bytes are sent", || sent.load(Ordering::SeqCst) == round + 1);
        assert_eq!(client.ask("GET", "/proxy/svc/next", "", b"").text(), "own", "round {round}");
    }
    assert_eq!(backend.connections(), 21, "each time, the next request came over another connection");
}

#[test]
fn bytes_that_come_with_a_reply_end_its_connection() {
    let backend = Backend::start(|_, stream| {
        let whole = [&b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nown"[..], POISON].concat();
        stream.write_all(&whole).is_ok()
    });
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let mut client = Client::connect(balancer.address());
    for round in 1..=10 {
        assert_eq!(client.ask("GET", "/proxy/svc/", "", b"").text(), "own");
        assert_eq!(backend.connections(), round, "it is not used again");
    }
}

#[test]
fn a_body_where_none_belongs_does_not_become_the_next_reply() {
    let backend = Backend::start(|request, stream| {
        let head: &[u8] = match request.path.as_str() {
            "/204" => b"HTTP/1.1 204 No Content\r\n\r\n",
            "/304" => b"HTTP/1.1 304 Not Modified\r\n\r\n",
            _ => b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n",
        };
        let body: &[u8] = if request.path == "/" && request.method == "GET" { b"own" } else { POISON };
        stream.write_all(&[head, body].concat()).is_ok()
    });
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let mut client = Client::connect(balancer.address());
    for (method, path) in [("HEAD", "/"), ("GET", "/204"), ("GET", "/304")] {
        client.ask(method, &format!("/proxy/svc{path}"), "", b"");
        assert_eq!(client.ask("GET", "/proxy/svc/", "", b"").text(), "own", "after {method} {path}");
    }
}

#[test]
fn the_first_request_of_a_client_replaces_an_idle_connection() {
    let backend = Backend::fixed("x");
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let mut clients = Vec::new();
    for count in 1..=30 {
        let mut client = Client::connect(balancer.address());
        for _ in 0..3 {
            assert_eq!(client.ask("GET", "/proxy/svc/", "", b"").status, 200);
        }
        assert_eq!(backend.connections(), count, "one for each client, whose later requests share it");
        clients.push(client);
    }
    let open = || {
        let sockets = std::fs::read_dir(format!("/proc/{}/fd", balancer.child.id())).expect("Linux has it");
        sockets.count()
    };
    drop(clients);
    eventually("only one connection to the backend is left", || open() < 30);
}
