//! What `/api/benchmark` and Prometheus count: every data thread counts for itself, and the sums are right, with
//! shared views and with private ones.

mod common;

use common::{Backend, Balancer, Client, PATIENCE, eventually, get, reply};
use serde_json::{Value, json};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Longer than the two milliseconds that a histogram has when it does not grow.
const DELAY: Duration = Duration::from_millis(30);

/// Requests on connections of their own, which the kernel spreads over the threads.
const SPREAD: u64 = 32;

fn results(balancer: &Balancer, algorithm: &str) -> Value {
    let results = balancer.get("/api/benchmark/results").json();
    results["results"]["algorithmResults"][algorithm].clone()
}

fn number(stats: &Value, key: &str) -> f64 {
    stats[key].as_f64().unwrap_or_else(|| panic!("{key} is a number: {stats}"))
}

/// The value of a series of the Prometheus page.
fn series(balancer: &Balancer, series: &str) -> f64 {
    let page = balancer.get("/actuator/prometheus").text();
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series} is on the page: {page}")).parse().expect("a number")
}

#[test]
fn threads_count_for_themselves_and_sums_and_percentiles_are_right() {
    let sharing =
        [json!({ "threads": 1 }), json!({ "threads": 2 }), json!({ "threads": 2, "views": "per-thread" })];
    for more in sharing {
        let backend = Backend::start(|request, stream| {
            std::thread::sleep(DELAY);
            reply(stream, if request.path.contains("fail") { 503 } else { 200 }, "", b"x")
        });
        let balancer = Balancer::with_backends("round-robin", &[&backend], more.clone());
        assert_eq!(balancer.post("/api/benchmark/start").status, 200);
        for i in 0..SPREAD {
            get(&balancer.proxy(if i % 4 == 0 { "/fail" } else { "/x" }));
        }
        let stats = results(&balancer, "round-robin");
        assert_eq!(
            (&stats["requestCount"], &stats["errorCount"]),
            (&json!(SPREAD), &json!(SPREAD / 4)),
            "{more}"
        );
        assert_eq!(number(&stats, "errorRate"), 25.0);
        let least = DELAY.as_millis() as f64;
        assert!(number(&stats, "averageResponseTime") >= least, "{more}: {stats}");
        let values =
            ["minResponseTime", "p50ResponseTime", "p95ResponseTime", "p99ResponseTime", "maxResponseTime"]
                .map(|key| number(&stats, key));
        assert!(values[0] >= least, "{more}: no latency is cut off: {stats}");
        assert!(values.is_sorted(), "{more}: {stats}");

        let labels = "service=\"svc\",pod_name=\"b0\"";
        assert_eq!(
            series(&balancer, "lb_proxy_requests_total{service=\"svc\",status=\"200\"}"),
            24.0,
            "{more}"
        );
        assert_eq!(series(&balancer, "lb_proxy_requests_total{service=\"svc\",status=\"503\"}"), 8.0);
        assert_eq!(series(&balancer, &format!("lb_pod_requests_total{{{labels}}}")), 32.0);
        assert_eq!(series(&balancer, &format!("lb_pod_errors_total{{{labels}}}")), 8.0);
        let duration = "lb_proxy_request_duration_seconds";
        assert_eq!(series(&balancer, &format!("{duration}_count{{service=\"svc\"}}")), 32.0);
        assert_eq!(series(&balancer, &format!("{duration}_bucket{{service=\"svc\",le=\"0.025\"}}")), 0.0);

        assert_eq!(balancer.post("/api/benchmark/reset").status, 200);
        assert_eq!(results(&balancer, "round-robin")["requestCount"], 0, "{more}");
        get(&balancer.proxy("/x"));
        let stats = balancer.post("/api/benchmark/stop").json();
        let stats = &stats["results"]["algorithmResults"]["round-robin"];
        assert_eq!((&stats["requestCount"], &stats["errorCount"]), (&json!(1), &json!(0)), "{more}");
        assert!(number(stats, "p99ResponseTime") >= least, "{more}: {stats}");
    }
}

#[test]
fn a_request_counts_if_it_arrived_in_a_session_and_in_the_session_in_which_it_ends() {
    let (release, released) = channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let backend = Backend::start(move |request, stream| {
        if request.path.contains("hold") {
            let released = released.lock().expect("no holder panicked");
            released.recv_timeout(PATIENCE).expect("the test lets it go");
        }
        reply(stream, 200, "", b"x")
    });
    let balancer = Balancer::with_backends("round-robin", &[&backend], json!({}));
    let hold = || {
        let mut client = Client::connect(balancer.address());
        client.write("GET /proxy/svc/hold HTTP/1.1\r\nhost: x\r\n\r\n");
        eventually("it is in flight", || balancer.in_flight() == 1);
        client
    };
    let let_go = |client: Client| {
        release.send(()).expect("the backend waits");
        eventually("it has ended", || balancer.in_flight() == 0);
        drop(client);
    };

    let early = hold();
    assert_eq!(balancer.post("/api/benchmark/start").status, 200);
    let_go(early);
    assert_eq!(results(&balancer, "round-robin")["requestCount"], 0, "it arrived before the session");

    let late = hold();
    assert_eq!(balancer.post("/api/benchmark/stop").status, 200);
    assert_eq!(balancer.post("/api/benchmark/start").status, 200);
    let_go(late);
    assert_eq!(
        results(&balancer, "round-robin")["requestCount"],
        1,
        "it arrived in a session and ends in this"
    );
}
