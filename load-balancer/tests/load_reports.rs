//! Backends that report their load, in replies and as answers to probes: what is read, what is refused, and that nobody
//! waits for it.

mod common;

use common::{Backend, Balancer, Client, command, eventually, get, reply};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The path that is asked.
const LOAD: &str = "/load";

fn start(backends: &[&Backend], reports: Value) -> Balancer {
    Balancer::with_backends("prequal", backends, json!({ "load_reports": reports }))
}

/// A backend whose replies carry this field.
fn reporting(field: &'static str) -> Backend {
    Backend::start(move |_, stream| reply(stream, 200, &format!("{field}\r\n"), b"x"))
}

/// A backend that answers requests at once, those below `/hang` never, and probes by `answer`, of which it counts the calls.
fn probed(answer: impl Fn(&mut TcpStream) -> bool + Send + Sync + 'static) -> (Backend, Arc<AtomicUsize>) {
    let probes = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&probes);
    let backend = Backend::start(move |request, stream| {
        if request.path == LOAD {
            count.fetch_add(1, Ordering::SeqCst);
            return answer(stream);
        }
        if request.path.contains("hang") {
            thread::park();
        }
        reply(stream, 200, "", b"x")
    });
    (backend, probes)
}

fn says(in_flight: u32, latency_ms: u32) -> impl Fn(&mut TcpStream) -> bool + Send + Sync + 'static {
    move |stream| {
        let text = format!("TEXT named_metrics.in_flight={in_flight}, named_metrics.latency_ms={latency_ms}");
        reply(stream, 200, "", text.as_bytes())
    }
}

fn probes(more: Value) -> Value {
    let mut probes = json!({ "path": LOAD });
    for (key, value) in more.as_object().into_iter().flatten() {
        probes[key] = value.clone();
    }
    json!({ "probes": probes })
}

/// The value of a series on the metrics page.
fn metric(balancer: &Balancer, series: &str) -> Option<f64> {
    let page = balancer.get("/actuator/prometheus").text();
    let line =
        page.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit(' ').next()?.parse().ok()
}

fn fault(balancer: &Balancer, id: &str, kind: &str) -> f64 {
    let series = format!("lb_load_report_faults_total{{pod_name=\"{id}\",fault=\"{kind}\"}}");
    metric(balancer, &series).unwrap_or_else(|| panic!("the page has no {series}"))
}

fn used(balancer: &Balancer, id: &str, source: &str) -> f64 {
    let series = format!("lb_load_reports_total{{pod_name=\"{id}\",source=\"{source}\"}}");
    metric(balancer, &series).unwrap_or_else(|| panic!("the page has no {series}"))
}

/// Sends requests one after the other on one connection, and counts who answered.
fn answered_by(balancer: &Balancer, count: usize, id: &str) -> usize {
    let mut client = Client::connect(balancer.address());
    let mut answered = 0;
    for _ in 0..count {
        let reply = client.ask("GET", "/proxy/svc/", "", b"");
        assert_eq!(reply.status, 200, "{}", reply.text());
        answered += usize::from(reply.field("x-backend").as_deref() == Some(id));
    }
    answered
}

#[test]
fn replies_that_report_a_crowd_keep_requests_away() {
    let crowded = reporting("endpoint-load-metrics: TEXT named_metrics.in_flight=90");
    let idle = reporting("endpoint-load-metrics: JSON {\"named_metrics\": {\"in_flight\": 0}}");
    let balancer = start(&[&crowded, &idle], json!({ "orca": true }));
    answered_by(&balancer, 20, "b0");
    let share = answered_by(&balancer, 100, "b0");
    assert!(share < 10, "{share} of 100 went to the backend that is crowded by others");
    assert!(used(&balancer, "b1", "orca") > 80.0);
    let age = metric(&balancer, "lb_load_report_age_seconds{pod_name=\"b1\"}").expect("it reported");
    assert!((0.0..60.0).contains(&age), "{age}");
}

#[test]
fn a_report_is_for_the_load_balancer_unless_it_says_otherwise() {
    for (config, reaches_client) in [
        (json!({ "orca": true }), false),
        (json!({ "orca": true, "strip": false }), true),
        (json!({}), true),
        (json!({ "probes": { "path": LOAD } }), true),
    ] {
        let backend =
            reporting("endpoint-load-metrics: cpu_utilization=0.5\r\nendpoint-load-metrics-bin: AAAA");
        let balancer = start(&[&backend], config.clone());
        let reply = get(&balancer.proxy("/"));
        for field in ["endpoint-load-metrics", "endpoint-load-metrics-bin"] {
            assert_eq!(reply.field(field).is_some(), reaches_client, "{field} with {config}");
        }
        assert_eq!(reply.text(), "x");
    }
}

#[test]
fn what_a_client_sends_is_no_report_and_crosses() {
    let backend = Backend::echo();
    let balancer = start(&[&backend], json!({ "orca": true }));
    let fields = [("endpoint-load-metrics", "cpu_utilization=0.9")];
    let reply = common::send("GET", &balancer.proxy("/"), &fields, b"");
    assert!(reply.text().contains("endpoint-load-metrics: cpu_utilization=0.9"), "{}", reply.text());
    assert_eq!(used(&balancer, "b0", "orca"), 0.0);
}

#[test]
fn a_field_that_cannot_be_read_is_counted_and_fails_no_request() {
    let hostile = [
        "endpoint-load-metrics: TEXT hello",
        "endpoint-load-metrics: BIN CQAAAAAAAOA/",
        "endpoint-load-metrics-bin: CQAAAAAAAOA/",
        "endpoint-load-metrics: JSON {{{{{{{{",
        "endpoint-load-metrics: named_metrics.in_flight=-1",
    ];
    for field in hostile {
        let backend = reporting(field);
        let balancer = start(&[&backend], json!({ "orca": true }));
        assert_eq!(answered_by(&balancer, 5, "b0"), 5, "{field}");
        assert_eq!(fault(&balancer, "b0", "field"), 5.0, "{field}");
        assert_eq!(used(&balancer, "b0", "orca"), 0.0, "{field}");
    }
    let backend = reporting("endpoint-load-metrics: named_metrics.in_flight=1, cpu_utilization=1e99");
    let balancer = start(&[&backend], json!({ "orca": true }));
    answered_by(&balancer, 5, "b0");
    assert_eq!(metric(&balancer, "lb_load_report_ignored_total{pod_name=\"b0\"}"), Some(5.0));
    assert_eq!((used(&balancer, "b0", "orca"), fault(&balancer, "b0", "field")), (5.0, 0.0));
}

#[test]
fn probed_backends_get_requests_by_what_they_answer() {
    let (crowded, asked) = probed(says(90, 900));
    let (idle, _) = probed(says(0, 1));
    let balancer = start(&[&crowded, &idle], probes(json!({ "per_request": 2.0 })));
    answered_by(&balancer, 20, "b0");
    eventually("both have answered", || {
        answered_by(&balancer, 1, "b0");
        used(&balancer, "b0", "probes") > 0.0 && used(&balancer, "b1", "probes") > 0.0
    });
    let share = answered_by(&balancer, 100, "b0");
    assert!(share < 20, "{share} of 100 went to the crowded backend");
    assert!(asked.load(Ordering::SeqCst) > 10, "it is asked all the same");
}

#[test]
fn probes_are_as_many_as_configured_over_one_connection_each() {
    let (backend, asked) = probed(says(0, 1));
    let balancer = start(&[&backend], probes(json!({ "per_request": 0.25 })));
    let mut client = Client::connect(balancer.address());
    let mut sent = 0;
    // Slowly enough that each probe is answered before the next.
    for _ in 0..40 {
        sent += 1;
        assert_eq!(client.ask("GET", "/proxy/svc/", "", b"").status, 200);
        let wanted = sent / 4;
        eventually("the probes are answered", || asked.load(Ordering::SeqCst) >= wanted);
        eventually("and booked", || used(&balancer, "b0", "probes") >= wanted as f64);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 10, "a quarter of the requests");
    assert_eq!(backend.connections(), 2, "one for requests, one for probes");
}

#[test]
fn probes_keep_to_their_limit() {
    let (backend, asked) = probed(says(0, 1));
    let limited = probes(json!({ "per_request": 1.0, "per_second": 1.0 }));
    let balancer = start(&[&backend], limited);
    let begin = Instant::now();
    while asked.load(Ordering::SeqCst) < 16 && begin.elapsed() < Duration::from_secs(20) {
        answered_by(&balancer, 1, "b0");
    }
    answered_by(&balancer, 300, "b0");
    let most = 18 + begin.elapsed().as_secs() as usize;
    let count = asked.load(Ordering::SeqCst);
    assert!(count <= most, "{count} probes, at most {most} of which are allowed");
    let withheld = metric(&balancer, "lb_load_probes_withheld_total{pod_name=\"b0\"}");
    assert!(withheld > Some(200.0), "{withheld:?} were held back");
}

#[test]
fn a_probe_that_is_never_answered_holds_up_nobody() {
    let (hanging, asked) = probed(|_| {
        thread::park();
        false
    });
    let balancer = start(&[&hanging], probes(json!({ "per_request": 4.0, "timeout_ms": 30 })));
    let begin = Instant::now();
    assert_eq!(answered_by(&balancer, 200, "b0"), 200);
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?} for 200 requests", begin.elapsed());
    eventually("it is noticed", || {
        answered_by(&balancer, 1, "b0");
        fault(&balancer, "b0", "late") >= 2.0
    });
    // The lane waits 50 ms, 100 ms and so on between probes in vain.
    let most = 4 + (begin.elapsed().as_millis() / 50) as usize;
    assert!(asked.load(Ordering::SeqCst) <= most, "{} probes", asked.load(Ordering::SeqCst));
}

#[test]
fn answers_that_say_nothing_are_refused_by_kind() {
    type Answer = fn(&mut TcpStream) -> bool;
    let answers: [(&str, Answer); 6] = [
        ("answer", |stream| reply(stream, 404, "", b"")),
        ("answer", |stream| reply(stream, 200, "", b"<html>busy</html>")),
        ("answer", |stream| reply(stream, 200, "", b"")),
        ("answer", |stream| reply(stream, 200, "", &[b'x'; 100_000])),
        ("unreachable", |stream| stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").is_err()),
        ("unreachable", |_| false),
    ];
    for (number, (kind, answer)) in answers.into_iter().enumerate() {
        let (backend, _) = probed(answer);
        let balancer = start(&[&backend], probes(json!({})));
        eventually("the fault is counted", || {
            assert_eq!(answered_by(&balancer, 1, "b0"), 1);
            fault(&balancer, "b0", kind) > 0.0
        });
        assert_eq!(used(&balancer, "b0", "probes"), 0.0, "answer {number} is of no use");
    }
}

#[test]
fn a_backend_that_denies_what_this_balancer_sent_is_not_believed() {
    let (liar, _) = probed(says(0, 1));
    let balancer = start(&[&liar], probes(json!({})));
    let mut held: Vec<Client> = (0..20).map(|_| Client::connect(balancer.address())).collect();
    for client in &mut held {
        client.write("GET /proxy/svc/hang HTTP/1.1\r\nhost: x\r\n\r\n");
    }
    eventually("twenty are in flight", || balancer.in_flight() == 20);
    eventually("the lie is noticed", || {
        answered_by(&balancer, 1, "b0");
        fault(&balancer, "b0", "contradiction") > 0.0
    });
}

#[test]
fn a_fault_is_named_in_the_log_once() {
    let (backend, _) = probed(|stream| reply(stream, 500, "", b""));
    let mut config = common::config("prequal", &[&backend], json!({ "load_reports": probes(json!({})) }));
    config["load_reports"]["orca"] = true.into();
    config["listen"] = "127.0.0.1:0".into();
    let (mut command, _file) = command(&config.to_string());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("the binary starts");
    let mut line = String::new();
    let out = child.stdout.take().expect("stdout is piped");
    BufReader::new(out).read_line(&mut line).expect("the binary speaks");
    let start: Value = serde_json::from_str(&line).expect("the first line is JSON");
    let url = start["url"].as_str().expect("a URL").to_owned();
    let page = || get(&format!("{url}/actuator/prometheus")).text();
    eventually("several probes failed", || {
        assert_eq!(get(&format!("{url}/proxy/svc/")).status, 200);
        let page = page();
        let line = page.lines().find(|line| line.contains("fault=\"answer\"")).expect("the series is there");
        line.rsplit(' ').next().and_then(|count| count.parse().ok()) > Some(2.0)
    });
    child.kill().expect("it runs");
    let mut log = String::new();
    child.stderr.take().expect("stderr is piped").read_to_string(&mut log).expect("it is text");
    child.wait().expect("it ended");
    assert_eq!(log.matches("no use for a load report").count(), 1, "{log}");
    assert!(log.contains("b0") && log.contains("status 500"), "{log}");
}

#[test]
fn each_private_view_hears_its_own_probes() {
    let (crowded, _) = probed(says(90, 900));
    let (idle, _) = probed(says(0, 1));
    let config =
        json!({ "threads": 2, "views": "per-thread", "load_reports": probes(json!({ "per_request": 2.0 })) });
    let balancer = Balancer::with_backends("prequal", &[&crowded, &idle], config);
    // Connections of their own, which the kernel spreads over the threads.
    let share = |count: usize| {
        let to_crowded = (0..count).filter(|_| {
            let reply = get(&balancer.proxy("/"));
            thread::sleep(Duration::from_millis(2));
            reply.field("x-backend").as_deref() == Some("b0")
        });
        to_crowded.count()
    };
    share(50);
    let late = share(100);
    assert!(late < 35, "{late} of 100 went to the crowded backend");
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    for (reports, words) in [
        (
            json!({ "orca": true, "strips": false }),
            "`load_reports.strips` is not a known key (did you mean `strip`?)",
        ),
        (json!({ "orca": true, "max_age_ms": 0 }), "`load_reports.max_age_ms` is 0: must be from 1"),
        (json!({ "probes": { "path": "load" } }), "`load_reports.probes.path` is `load`: must be a path"),
        (
            json!({ "probes": { "per_request": 0 } }),
            "`load_reports.probes.per_request` is 0: must be above 0, at most 16",
        ),
        (
            json!({ "probes": { "per_second": -1 } }),
            "`load_reports.probes.per_second` is -1: must be above 0",
        ),
        (json!({ "probes": { "timeout_ms": 0 } }), "`load_reports.probes.timeout_ms` is 0: must be from 1"),
    ] {
        let config = json!({ "load_reports": reports }).to_string();
        let error = load_balancer::Config::parse(&config, std::path::Path::new("")).expect_err(words);
        assert!(error.to_string().contains(words), "{error}");
    }
}
