//! Clients that are slow, idle, gone or too many: nothing of it is held for ever, and nothing of it is booked on a
//! backend.

mod common;

use common::limited::{start_with_limit, two_ports};
use common::{Backend, Balancer, Client, eventually, get, reply};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

fn number(backend: &Value, key: &str) -> u64 {
    backend[key].as_u64().unwrap_or_else(|| panic!("{key} is a number"))
}

/// The number of requests that ended because of their client.
fn aborts(balancer: &Balancer) -> u64 {
    let page = balancer.get("/actuator/prometheus").text();
    let line = page.lines().find_map(|line| line.strip_prefix("lb_client_aborts_total{service=\"svc\"} "));
    line.unwrap_or_else(|| panic!("the series is on the page: {page}")).parse().expect("a number")
}

/// Asserts that a request was released, and that only its client is to blame.
fn assert_clients_fault(balancer: &Balancer, what: &str) {
    eventually(what, || balancer.in_flight() == 0);
    let backend = balancer.backend("b0");
    assert_eq!(number(&backend, "errors"), 0, "{what}: it is not the backend's error");
    eventually(what, || aborts(balancer) == 1);
    assert_eq!(backend["ejected"], json!(false), "{what}: nobody is ejected");
}

/// Settings in which a single error ejects a backend, and clients have little time.
fn hasty(timeouts: Value) -> Value {
    json!({ "timeouts": timeouts })
}

#[test]
fn half_a_head_gets_408() {
    let backend = Backend::fixed("x");
    let balancer = Balancer::with_backends(
        "round-robin",
        &[&backend],
        hasty(json!({ "head_ms": 150, "idle_ms": 60_000 })),
    );
    for part in ["G", "GET /proxy/svc/ HTTP/1.1\r\n", "GET /proxy/svc/ HTTP/1.1\r\nHost: x\r\nX: y\r\n"] {
        let mut client = Client::connect(balancer.address());
        client.write(part);
        let reply = client.read().expect("a reply comes");
        assert_eq!((reply.status, reply.field("connection").as_deref()), (408, Some("close")), "{part:?}");
        assert_eq!(client.stream.read(&mut [0]).ok(), Some(0), "{part:?}: the connection ends");
    }
    let mut client = Client::connect(balancer.address());
    assert_eq!(client.ask("GET", "/proxy/svc/", "", b"").status, 200);
    client.write("GET /proxy/svc/ HT");
    assert_eq!(client.read().map(|reply| reply.status), Some(408), "the same for a later request");
}

#[test]
fn a_head_that_comes_in_single_bytes_has_no_more_time() {
    let backend = Backend::fixed("x");
    let balancer = Balancer::with_backends("round-robin", &[&backend], hasty(json!({ "head_ms": 300 })));
    let mut client = Client::connect(balancer.address());
    let mut reader = client.stream.try_clone().expect("a socket can be shared");
    let status = thread::spawn(move || {
        let mut line = [0; 12];
        reader.read_exact(&mut line).map(|()| String::from_utf8_lossy(&line).into_owned())
    });
    let head = format!("GET /proxy/svc/ HTTP/1.1\r\nHost: x\r\nX: {}", "y".repeat(100_000));
    for byte in head.bytes() {
        if client.stream.write_all(&[byte]).is_err() || status.is_finished() {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    let status = status.join().expect("the reader does not panic").expect("a reply comes");
    assert_eq!(status, "HTTP/1.1 408");
}

#[test]
fn an_upload_without_progress_gets_408_and_is_the_clients_fault() {
    let backend = Backend::fixed("x");
    for head in ["Content-Length: 100\r\n\r\nhalf of it", "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"] {
        let limits = json!({ "client_ms": 200, "response_ms": 20_000 });
        let balancer = Balancer::with_backends("least-connections+ejection", &[&backend], hasty(limits));
        let mut client = Client::connect(balancer.address());
        client.write(format!("POST /proxy/svc/ HTTP/1.1\r\nHost: x\r\n{head}"));
        assert_eq!(client.read().map(|reply| reply.status), Some(408), "{head:?}");
        assert_clients_fault(&balancer, head);
    }
}

#[test]
fn an_upload_that_makes_progress_has_all_the_time_it_needs() {
    let backend = Backend::echo();
    let limits = json!({ "client_ms": 400, "response_ms": 400, "idle_ms": 400, "head_ms": 400 });
    let balancer = Balancer::with_backends("round-robin", &[&backend], hasty(limits));
    let mut client = Client::connect(balancer.address());
    client.write("POST /proxy/svc/ HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\n");
    for _ in 0..15 {
        thread::sleep(Duration::from_millis(100));
        client.write("x");
    }
    let reply = client.read().expect("a reply comes");
    assert_eq!((reply.status, reply.json()["body"].as_str()), (200, Some("xxxxxxxxxxxxxxx")));
}

#[test]
fn a_backend_that_is_slow_after_a_slow_upload_is_still_the_backends_fault() {
    let backend = Backend::silent();
    let limits = json!({ "client_ms": 20_000, "response_ms": 200 });
    let balancer = Balancer::with_backends("round-robin", &[&backend], hasty(limits));
    let mut client = Client::connect(balancer.address());
    client.write("POST /proxy/svc/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n");
    for _ in 0..3 {
        thread::sleep(Duration::from_millis(150));
        client.write("x");
    }
    assert_eq!(client.read().map(|reply| reply.status), Some(504));
    assert_eq!((number(&balancer.backend("b0"), "errors"), aborts(&balancer)), (1, 0));
}

#[test]
fn a_malformed_upload_is_the_clients_fault() {
    let backend = Backend::fixed("x");
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let mut client = Client::connect(balancer.address());
    client.write(
        "POST /proxy/svc/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n",
    );
    assert_eq!(client.read().map(|reply| reply.status), Some(400));
    assert_clients_fault(&balancer, "a malformed body");
}

/// A body that fits into no buffer of the system.
const LARGE: usize = 64 * 1024 * 1024;

/// A backend that sends a large body, with or without a length.
fn large(is_chunked: bool) -> Backend {
    Backend::start(move |_, stream| {
        let part = vec![b'x'; 1 << 20];
        let head = if is_chunked {
            "Transfer-Encoding: chunked".to_owned()
        } else {
            format!("Content-Length: {LARGE}")
        };
        if stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n").as_bytes()).is_err() {
            return false;
        }
        for _ in 0..LARGE / part.len() {
            let framed = if is_chunked { [b"100000\r\n", &part[..], b"\r\n"].concat() } else { part.clone() };
            if stream.write_all(&framed).is_err() {
                return false;
            }
        }
        !is_chunked || stream.write_all(b"0\r\n\r\n").is_ok()
    })
}

#[test]
fn a_client_that_does_not_read_is_left_and_is_the_one_to_blame() {
    for is_chunked in [false, true] {
        let backend = large(is_chunked);
        let limits = json!({ "client_ms": 300, "response_ms": 20_000 });
        let balancer = Balancer::with_backends("least-connections+ejection", &[&backend], hasty(limits));
        let mut client = Client::connect(balancer.address());
        client.write("GET /proxy/svc/ HTTP/1.1\r\nHost: x\r\n\r\n");
        eventually("it is in flight", || balancer.in_flight() == 1);
        assert_clients_fault(&balancer, "a client that does not read");
        // It reads what the systems had buffered, and then the connection is broken.
        assert!(client.read().is_none(), "the reply is not whole");
    }
}

#[test]
fn a_client_that_reads_slowly_is_served_and_nobody_is_to_blame() {
    let backend = large(false);
    let limits = json!({ "client_ms": 1_000, "response_ms": 200 });
    let balancer = Balancer::with_backends("round-robin", &[&backend], hasty(limits));
    let mut client = Client::connect(balancer.address());
    client.write("GET /proxy/svc/ HTTP/1.1\r\nHost: x\r\n\r\n");
    let (mut buffer, mut total) = (vec![0; LARGE / 8], 0);
    while total < LARGE {
        thread::sleep(Duration::from_millis(300));
        let part = buffer.len().min(LARGE - total);
        client.stream.read_exact(&mut buffer[..part]).expect("the reply goes on");
        total += part;
    }
    eventually("it is released", || balancer.in_flight() == 0);
    assert_eq!((number(&balancer.backend("b0"), "errors"), aborts(&balancer)), (0, 0));
}

#[test]
fn a_client_that_goes_away_is_noticed_and_is_the_one_to_blame() {
    for reset in [false, true] {
        let backend = Backend::silent();
        let balancer = Balancer::with_backends("least-connections+ejection", &[&backend], json!({}));
        let mut client = Client::connect(balancer.address());
        client.write("GET /proxy/svc/ HTTP/1.1\r\nHost: x\r\n\r\n");
        eventually("it is in flight", || balancer.in_flight() == 1);
        if reset {
            socket2::SockRef::from(&client.stream).set_linger(Some(Duration::ZERO)).expect("it can be set");
        }
        drop(client);
        assert_clients_fault(&balancer, if reset { "a reset" } else { "an end" });
    }
}

#[test]
fn interim_replies_without_end_do_not_prolong_the_wait() {
    let backend = Backend::start(|_, stream| {
        while stream.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n").is_ok() {}
        false
    });
    let balancer = Balancer::with_backends("round-robin", &[&backend], hasty(json!({ "response_ms": 300 })));
    let mut client = Client::connect(balancer.address());
    client.write("GET /proxy/svc/ HTTP/1.1\r\nHost: x\r\n\r\n");
    let last = std::iter::from_fn(|| client.read()).find(|reply| reply.status >= 200);
    assert_eq!(last.map(|reply| reply.status), Some(504), "after many that were passed on");
    assert_eq!((balancer.in_flight(), number(&balancer.backend("b0"), "errors")), (0, 1));
}

#[test]
fn a_body_is_asked_for_when_it_is_needed() {
    let backend = Backend::echo();
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let mut client = Client::connect(balancer.address());
    client
        .write("POST /proxy/none/ HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    let reply = client.read().expect("a reply comes");
    assert_eq!(
        (reply.status, reply.field("connection").as_deref()),
        (503, Some("close")),
        "nobody needs the body"
    );
}

#[test]
fn idle_strangers_and_half_heads_use_up_neither_the_admin_api_nor_the_data_port() {
    let backend = Backend::fixed("x");
    let (_process, address, admin) = start_with_limit(256, &two_ports(&[&backend], json!({})), Stdio::null());
    let ready = || get(&format!("{admin}/actuator/health/liveness")).status;
    assert_eq!(ready(), 200);
    let strangers: Vec<_> = (0..600)
        .map(|number| {
            let mut stream = TcpStream::connect(address).expect("the system accepts");
            if number % 2 == 0 {
                // It may have been sent away already.
                let _ = stream.write_all(b"GET /proxy/svc/ HTTP/1.1\r\nHost: x\r\nX: ");
            }
            if number % 50 == 0 {
                assert_eq!(ready(), 200, "the admin API answers after {number} strangers");
            }
            stream
        })
        .collect();
    let mut clients: Vec<_> = (0..40).map(|_| Client::connect(address)).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.ask("GET", "/proxy/svc/", "", b"").status, 200, "client {number} is served");
        assert_eq!(ready(), 200);
    }
    assert_eq!(strangers.len(), 600, "they are all still there");
}

#[test]
fn a_client_waits_when_all_others_are_busy_and_none_of_them_is_broken_off() {
    let held = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&held);
    let backend = Backend::start(move |request, stream| {
        if request.path.contains("hold") {
            count.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(1_500));
        }
        reply(stream, 200, "", b"held")
    });
    // With so few descriptors, a data thread has the least number of connections.
    let (_process, address, _) = start_with_limit(64, &two_ports(&[&backend], json!({})), Stdio::null());
    let mut busy: Vec<_> = (0..4).map(|_| Client::connect(address)).collect();
    for client in &mut busy {
        client.write("GET /proxy/svc/hold HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    eventually("all are busy", || held.load(Ordering::SeqCst) == 4);
    let mut next = Client::connect(address);
    next.write("GET /proxy/svc/ HTTP/1.1\r\nHost: x\r\n\r\n");
    for client in &mut busy {
        assert_eq!(client.read().map(|reply| reply.text()).as_deref(), Some("held"));
    }
    assert_eq!(next.read().map(|reply| reply.status), Some(200), "then there is room");
}

#[test]
fn neither_a_full_log_nor_a_lack_of_descriptors_stops_the_data_port() {
    let backend = Backend::fixed("x");
    let absent = Backend::absent();
    let full =
        || Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it"));
    // So few that the reserve is not enough: accepting fails, and each failure is to be logged. It has 25 itself.
    let config = two_ports(&[&backend], json!({}));
    let (mut process, address, _) = start_with_limit(28, &config, full());
    let strangers: Vec<_> =
        (0..60).map(|_| TcpStream::connect(address).expect("the system accepts")).collect();
    thread::sleep(Duration::from_millis(300));
    drop(strangers);
    eventually("it serves again", || {
        let mut client = Client::connect(address);
        client.stream.set_read_timeout(Some(Duration::from_millis(500))).expect("a limit can be set");
        let _ = client.stream.write_all(b"GET /proxy/svc/ HTTP/1.1\r\nHost: x\r\n\r\n");
        client.read().is_some_and(|reply| reply.status == 200)
    });
    assert!(process.child.try_wait().expect("it can be waited for").is_none(), "it has not ended");
    // A refused connection is logged by the data thread.
    let more = json!({ "health": { "enabled": true, "interval_ms": 60_000, "unhealthy_after": 1_000 } });
    let (_process, address, _) = start_with_limit(1024, &two_ports(&[&absent], more), full());
    let reply = Client::connect(address).ask("GET", "/proxy/svc/", "", b"");
    assert!([502, 503].contains(&reply.status), "{}", reply.text());
}

#[test]
fn a_connection_that_is_ended_after_an_error_lets_the_client_read_the_error() {
    let balancer = Balancer::with_backends("round-robin", &[], json!({}));
    let mut client = Client::connect(balancer.address());
    client.write("POST /proxy/svc/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n");
    let mut writer = client.stream.try_clone().expect("a socket can be shared");
    // The client goes on sending, although the reply is on its way.
    let sender = thread::spawn(move || {
        let part = [b'x'; 10_000];
        (0..50).take_while(|_| writer.write_all(&part).is_ok()).count()
    });
    assert_eq!(client.read().map(|reply| reply.status), Some(503));
    assert!(sender.join().expect("the sender does not panic") > 0);
}
