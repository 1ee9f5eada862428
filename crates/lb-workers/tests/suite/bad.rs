//! What cannot work is refused before anything is measured, and says what to do.

use crate::place::{Place, text};
use crate::server::{Server, free_port};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("too_few_workers_are_counted_and_named", too_few),
    ("a_second_leader_is_refused_and_the_first_goes_on", two_leaders),
    ("a_worker_of_another_version_is_named_and_not_used", other_version),
    ("a_server_that_cannot_be_used_is_refused_with_advice", no_server),
    ("what_workers_cannot_do_is_refused", impossible),
    ("a_server_that_asks_for_a_password_gets_it_and_nobody_else_sees_it", password),
];

/// Runs a leader that is refused with this exit code and a message that holds all parts; nothing is written.
fn refused(place: &Place, args: &[&str], code: i32, parts: &[&str]) {
    let output = place.run(args);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {message}");
    for part in parts {
        assert!(message.contains(part), "{args:?}: the message holds `{part}`: {message}");
    }
    assert!(!message.contains("panicked"), "{message}");
    assert!(!place.path("out").exists(), "nothing is written");
}

fn too_few() {
    let place = Place::new();
    let _worker = place.worker("w1");
    let args = place.lead("3", "out", &["--workers-wait", "2s"]);
    let args: Vec<&str> = without(&args, "--workers-wait", "30s");
    let join = format!("bench worker --join {}", place.server.url);
    refused(&place, &args, 3, &["1 of 3 workers are at", "(w1)", &join, "--expect-workers"]);
}

/// Leaves out a flag and its value.
fn without<'a>(args: &[&'a str], flag: &str, value: &str) -> Vec<&'a str> {
    let at = args.windows(2).position(|pair| pair == [flag, value]).expect("it is there");
    [&args[..at], &args[at + 2..]].concat()
}

fn two_leaders() {
    let place = Place::new();
    let _workers = place.workers(1);
    let flags = place.lead("2", "first", &[]);
    let loud: Vec<&str> = flags.into_iter().filter(|flag| *flag != "--quiet").collect();
    // It says who it waits for.
    let mut first = place.start(&loud);
    first.read_until("waiting for workers");
    refused(
        &place,
        &place.lead("1", "out", &[]),
        3,
        &["another leader uses the workers `default`", "process ", "/NAME"],
    );
    let _second = place.worker("w2");
    let (code, said) = first.wait();
    assert_eq!(code, Some(0), "the first one goes on: {said}");
    let again = place.run(&place.lead("2", "again", &[]));
    assert!(again.status.success(), "the right to lead was given back: {}", text(&again.stderr));
}

fn other_version() {
    let place = Place::new();
    let _worker = place.worker("w1");
    let is_over = Arc::new(AtomicBool::new(false));
    let stranger = std::thread::spawn({
        let (url, is_over) = (place.server.url.clone(), Arc::clone(&is_over));
        move || stranger(&url, &is_over)
    });
    refused(
        &place,
        &place.lead("2", "out", &[]),
        3,
        &[
            "1 of 2 workers",
            "worker old-1 runs bench 0.0.1 (abc, protocol 0)",
            "install the same version everywhere",
        ],
    );
    is_over.store(true, Ordering::Relaxed);
    stranger.join().expect("it only speaks");
}

/// Speaks as a worker of another version until the test is over.
fn stranger(url: &str, is_over: &AtomicBool) {
    use std::io::Write as _;
    let address = url.trim_start_matches("nats://");
    let mut stream = std::net::TcpStream::connect(address).expect("it listens");
    let said = r#"{"worker":"0ld","news":{"here":{"name":"old-1","version":"0.0.1 (abc, protocol 0)","threads":1,"phase":null,"now":{"users":0,"in_flight":0,"requests":0,"errors":0,"seconds":0,"last_requests":0,"last_p95":0}}}}"#;
    write!(stream, "CONNECT {{\"verbose\":false}}\r\n").expect("it is open");
    while !is_over.load(Ordering::Relaxed) {
        write!(stream, "PUB bench.default.leader {}\r\n{said}\r\n", said.len()).expect("it is open");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

fn no_server() {
    let place = Place::new();
    let nobody = format!("nats://127.0.0.1:{}", free_port());
    refused(
        &place,
        &["--workers", &nobody, "--out", "out"],
        3,
        &["failed to reach the NATS server", "nats-server -js"],
    );
    let worker = place.run(&["worker", "--join", &nobody]);
    assert_eq!(worker.status.code(), Some(3));
    assert!(text(&worker.stderr).contains("nats-server -js"), "{}", text(&worker.stderr));
    let forgetful = Server::start_with(&[]);
    refused(
        &place,
        &["--workers", &forgetful.url, "--out", "out"],
        3,
        &["cannot store plans", "JetStream", "nats-server -js"],
    );
}

fn impossible() {
    let place = Place::new();
    let url = place.server.url.as_str();
    for (flags, part) in [
        (vec!["--workers", "http://127.0.0.1"], "only `nats://` and `tls://`"),
        (vec!["--workers", url, "--engine", "sim"], "a simulation sends no load"),
        (vec!["--workers", url, "--record-requests"], "not of each request"),
        (vec!["--workers", url, "--slow", "1s"], "leave out --slow"),
        (vec!["--workers", url, "--max-rate", "p(95)<200"], "a search for rates"),
        (vec!["--workers", url, "--duration", "forever"], "a load without end"),
        (vec!["--expect-workers", "2"], "--workers"),
        (vec!["--workers", url, "--expect-workers", "0"], "--expect-workers"),
    ] {
        refused(&place, &[&flags[..], &["--out", "out"]].concat(), 2, &[part]);
    }
}

fn password() {
    let place = Place::new();
    let server = Server::start_with(&["-js", "--user", "ann", "--pass", "s3:cret"]);
    refused(
        &place,
        &["--workers", &server.url, "--out", "out"],
        3,
        &["failed to reach the NATS server", "authorization"],
    );
    let url = server.url.replace("nats://", "nats://ann:s3%3Acret@");
    let mut worker = place.start(&["worker", "--join", &url, "--name", "w1", "--threads", "1"]);
    let waits = worker.read_until("waits for leaders");
    assert!(waits.contains("ann:") && !waits.contains("s3"), "{waits}");
    let args = ["--workers", &url, "--expect-workers", "2", "--workers-wait", "1s", "--out", "out"];
    refused(&place, &args, 3, &["1 of 2 workers are at nats://ann:", "(w1)"]);
    assert!(!text(&place.run(&args).stderr).contains("s3"));
}
