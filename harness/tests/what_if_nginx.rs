//! `bench what-if` on a log as nginx writes it, of a pool whose truth is known.

mod common;

use common::{Bench, text};
use serde_json::Value;

/// Workers of each backend, and how long a request takes there on average, in milliseconds.
const BACKENDS: [(usize, f64); 3] = [(2, 40.0), (2, 40.0), (2, 20.0)];
const REQUESTS: u32 = 16_000;
/// Mean time between requests in milliseconds: the slow backends are busy for 80 % of the time.
const GAP: f64 = 8.4;

/// Exponential draws with mean 1, from a linear congruential generator.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        -(1.0 - (self.0 >> 11) as f64 / (1u64 << 53) as f64).ln()
    }
}

/// A log of round-robin over backends that serve first come, first served.
fn log() -> String {
    let mut draws = Draws(7);
    let mut free: Vec<Vec<f64>> = BACKENDS.iter().map(|(workers, _)| vec![0.0; *workers]).collect();
    let mut now = 0.0;
    let mut lines = Vec::new();
    for number in 0..REQUESTS {
        now += GAP * draws.next();
        let backend = number as usize % BACKENDS.len();
        let worker = free[backend].iter_mut().min_by(|one, other| one.total_cmp(other)).expect("a worker");
        let done = worker.max(now) + BACKENDS[backend].1 * draws.next();
        *worker = done;
        // The clock of nginx has milliseconds.
        let took = (done.floor() - now.floor()) / 1e3;
        let msec = 1_790_000_000.0 + done.floor() / 1e3;
        lines.push((
            done,
            format!(
                r#"{{"msec":"{msec:.3}","remote_addr":"192.0.2.{}","request_method":"GET","request_uri":"/item/{number}","status":"200","request_time":"{took:.3}","upstream_addr":"10.0.0.{}:8080","upstream_status":"200","upstream_connect_time":"0.000","upstream_header_time":"{took:.3}","upstream_response_time":"{took:.3}"}}"#,
                number % 200,
                backend + 1
            ),
        ));
    }
    lines.sort_by(|one, other| one.0.total_cmp(&other.0));
    lines.into_iter().map(|(_, line)| line + "\n").collect()
}

#[test]
fn a_log_of_nginx_tells_what_least_connections_would_have_done() {
    let bench = Bench::new();
    std::fs::write(bench.path("access.log"), log()).expect("a log");
    let asked = ["what-if", "access.log", "--algorithms", "round-robin,least-connections"];
    let output = bench.run(&[&asked[..], &["--json", "--topology-out", "pool.json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["routing"]["algorithm"], "round-robin");
    assert_eq!(json["fit_holds"], true);
    let backends = json["topology"]["pools"][0]["backends"].as_array().expect("backends");
    let speeds: Vec<f64> = backends.iter().filter_map(|backend| backend["speed"].as_f64()).collect();
    assert!(backends.iter().all(|backend| backend["workers"] == 2), "{backends:?}");
    assert!((speeds[2] / speeds[0] - 2.0).abs() < 0.1, "the third is twice as fast: {speeds:?}");
    let predicted = json["prediction"]["predicted"].as_array().expect("predictions");
    let mean = |place: usize| predicted[place]["mean_ms"]["estimate"].as_f64().expect("a mean");
    let logged = json["prediction"]["logged"]["mean_ms"].as_f64().expect("a mean");
    assert!((mean(0) / logged - 1.0).abs() < 0.1, "round-robin took {logged} ms, predicted {}", mean(0));
    assert!(mean(1) < 0.8 * mean(0), "least connections takes {} ms", mean(1));
    assert_eq!(json["verdicts"][1], "better");

    let table = bench.run(&asked);
    let printed = text(&table.stdout);
    for part in ["recorded under: round-robin", "THE FIT", "10.0.0.3:8080", "WHAT IF", "The log cannot tell"]
    {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let plan = bench.run(&[
        "plan",
        "--topology",
        "pool.json",
        "--config",
        "quick_test_config.json",
        "--engine",
        "sim",
    ]);
    assert_eq!(plan.status.code(), Some(0), "the topology can be used: {}", text(&plan.stderr));
    assert_eq!(bench.json("pool.json")["pools"][0]["backends"][0]["id"], "10-0-0-1-8080");

    for (args, parts) in [
        (&["--kill", "b9@10s"][..], &["no such backend", "10.0.0.1:8080, 10.0.0.2:8080"][..]),
        (&["--scale", "0"], &["`--scale 0`", "above 0"]),
        (&["--pool-of", "b9"], &["no backend `b9`"]),
    ] {
        let refused = bench.run(&[&asked[..], args].concat());
        assert_eq!(refused.status.code(), Some(2), "{args:?}");
        let message = text(&refused.stderr);
        assert!(parts.iter().all(|part| message.contains(part)), "{args:?}: {message}");
    }
}
