//! Metrics that are read beside the load: those of what `bench` starts, of stand-ins that lie and hang, and of a real
//! Prometheus server.
//!
//! Where there is no Prometheus on PATH, its tests are reported as ignored, which the standard test harness could not
//! decide at run time; where `BENCH_REQUIRE_LOAD_BALANCERS` is set, they run, and fail for want of it. `cargo xtask test
//! --install` installs it.

#[path = "../common/mod.rs"]
mod common;
mod prometheus;

use common::{Bench, Running, algorithm, pair, read_json, refused, text};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Set where no program may be missing.
const REQUIRED: &str = "BENCH_REQUIRE_LOAD_BALANCERS";

/// Flags of a run of one short trial.
const SHORT: [&str; 11] = [
    "--algorithms",
    "round-robin",
    "--duration",
    "3s",
    "--warm-up",
    "0s",
    "--users",
    "8",
    "--repetitions",
    "1",
    "--no-oracles",
];

fn main() -> ExitCode {
    let program = prometheus::program();
    if program.is_none() {
        eprintln!("there is no Prometheus on PATH; `cargo xtask test --install` installs it");
    }
    let ignored = program.is_none() && std::env::var_os(REQUIRED).is_none();
    let everywhere: [(&str, fn()); 4] = [
        ("what_bench_starts_is_read_beside_the_load_and_reported", own),
        ("a_target_that_lies_and_hangs_after_the_start_neither_ends_nor_invalidates_the_run", lies),
        ("what_cannot_be_read_is_refused_before_anything_runs", refusals),
        ("a_running_load_balancer_is_read_by_its_word", attached),
    ];
    let real: [(&str, fn()); 2] = [
        ("queries_to_a_prometheus_server_are_series", prometheus::queries),
        ("the_page_of_a_real_exporter_has_well_known_metrics", prometheus::page),
    ];
    let trial = |(name, test): (&'static str, fn())| {
        Trial::test(name, move || -> Result<(), Failed> {
            test();
            Ok(())
        })
    };
    let trials = everywhere.map(trial).into_iter();
    let trials = trials.chain(real.map(|one| trial(one).with_ignored_flag(ignored)));
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

/// Runs a short trial that reads these targets, and returns its summary and what it printed, on one line.
fn scraped(bench: &Bench, targets: &[&str], more: &[&str]) -> (Value, String) {
    let flags: Vec<&str> = targets.iter().flat_map(|target| ["--scrape", target]).collect();
    let output = bench.run(&[&SHORT[..], &["--out", "out", "--verbose"], more, &flags].concat());
    let printed = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{targets:?}: {printed}");
    let printed: Vec<&str> = printed.split_whitespace().collect();
    (bench.json("out/summary.json"), printed.join(" "))
}

/// Returns a series of the first algorithm.
fn series<'a>(summary: &'a Value, name: &str) -> &'a Value {
    let resources = summary["scenarios"][0]["algorithms"][0]["resources"].as_array().expect("a list");
    let names: Vec<&Value> = resources.iter().map(|one| &one["name"]).collect();
    resources.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name} is among {names:?}"))
}

fn own() {
    let bench = Bench::new();
    let targets =
        ["load-balancer", "backends", "errors=load-balancer#lb_proxy_requests_total{status=\"500\"}"];
    let (summary, printed) =
        scraped(&bench, &targets, &["--topology", &pair(&bench), "--report", "html,markdown"]);
    let requests = series(&summary, "load-balancer requests");
    assert_eq!(requests["unit"], "1/s");
    assert!(requests["mean"].as_f64() > Some(0.0), "{requests}");
    for backend in ["left", "right"] {
        assert!(series(&summary, &format!("{backend} service time"))["mean"].as_f64() > Some(0.0));
    }
    assert!(printed.contains("cannot be told"), "three seconds are too few to correlate: {printed}");
    assert!(printed.contains("`errors` is not at"), "no request failed before the run: {printed}");

    let csv =
        std::fs::read_dir(bench.path("out/trials")).expect("trials").flatten().map(|entry| entry.path());
    let csv = csv.filter(|path| path.to_string_lossy().ends_with("-resources.csv")).collect::<Vec<_>>();
    let rows = std::fs::read_to_string(&csv[0]).expect("samples");
    assert!(rows.starts_with("target,series,unit,at_s,value\r\n"), "{rows}");
    let kept = requests["samples"].as_u64().expect("a number") as usize;
    assert_eq!(rows.lines().filter(|row| row.contains(",load-balancer requests,")).count(), kept);
    let trial = csv[0].to_string_lossy().replace("-resources.csv", ".json");
    let trial = read_json(trial.as_ref());
    assert_eq!(trial["resources"]["interval_s"], 1.0);

    let page = std::fs::read_to_string(bench.path("out/report.html")).expect("a page");
    for part in ["Scraped series over time", "Resources and latency", "load-balancer requests (1/s)"] {
        assert!(page.contains(part), "the page has `{part}`");
    }
    let markdown = std::fs::read_to_string(bench.path("out/report.md")).expect("a report");
    assert!(markdown.contains("### Resources and latency"), "{markdown}");
}

/// Starts a site that lasts as long as the test. Its n-th request is answered by `answer`; `None` hangs.
fn site(answer: impl Fn(usize) -> Option<String> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/metrics", listener.local_addr().expect("an address"));
    let (answer, turn) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (answer, turn) = (Arc::clone(&answer), Arc::clone(&turn));
            std::thread::spawn(move || reply(stream, &*answer, &turn));
        }
    });
    url
}

fn reply(mut stream: TcpStream, answer: &dyn Fn(usize) -> Option<String>, turn: &AtomicUsize) {
    let mut head = BufReader::new(stream.try_clone().expect("a second handle")).lines().map_while(Result::ok);
    if head.find(String::is_empty).is_none() {
        return;
    }
    match answer(turn.fetch_add(1, Ordering::SeqCst)) {
        Some(body) => {
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            );
        }
        // Ends when the other side gives up.
        None => drop(head.next()),
    }
}

fn lies() {
    let bench = Bench::new();
    let hanging = site(|number| (number == 0).then(|| "jobs 1\n".to_owned()));
    let lying = site(|number| {
        let page = match number {
            0 | 1 => "# TYPE jobs gauge\njobs 5\n",
            _ => "# TYPE jobs counter\njobs 1e400\njobs 7\njobs 8\nnonsense here\n",
        };
        Some(page.to_owned())
    });
    let web = site(|number| Some(if number == 0 { "jobs 1\n" } else { "<html>gone</html>" }.to_owned()));
    let targets = [("hanging", hanging), ("lying", lying), ("web", web)]
        .map(|(name, url)| format!("{name}={url}#jobs"));
    let targets = targets.each_ref().map(String::as_str);
    let (summary, printed) = scraped(&bench, &targets, &["--topology", &pair(&bench)]);
    assert_eq!(summary["scenarios"][0]["trials"].as_array().map(Vec::len), Some(1), "no trial is repeated");
    assert_eq!(summary["scenarios"][0]["trials"][0]["problems"], json!([]));
    assert!(algorithm(&summary, "round-robin")["total_requests"].as_u64() > Some(0));
    assert_eq!(series(&summary, "lying")["max"], 7.0, "the first finite value counts");
    let notes: Vec<&str> =
        summary["notes"].as_array().expect("notes").iter().filter_map(Value::as_str).collect();
    for part in [
        "of `hanging` (http://127.0.0.1:",
        "did not end within 800 ms",
        "had values that are not finite numbers, which are left out",
        "listed a series more than once; its first value is taken",
        "had lines that are not in the text format of Prometheus, which are left out",
        "declared a metric as another kind than at first; it is read as before",
        "failed: the answer is a web page (HTML), not metrics",
    ] {
        let found = notes.iter().filter(|note| note.contains(part)).count();
        assert_eq!(found, 1, "`{part}` is told once: {notes:#?}");
    }
    assert!(printed.contains("did not end within 800 ms"), "and printed: {printed}");
}

fn refusals() {
    let bench = Bench::new();
    let of = |target: &str, code: i32, parts: &[&str]| {
        refused(&bench, &[&SHORT[..], &["--scrape", target]].concat(), code, parts);
    };
    let nobody = format!("http://127.0.0.1:{}/metrics", common::free_port());
    of(
        &format!("queue={nobody}"),
        3,
        &["failed to scrape `queue`", &nobody, "refused", "leave this target out"],
    );
    of(&site(|_| None), 3, &["readings did not end within 800 ms"]);
    of(&site(|_| Some("<html>".to_owned())), 3, &["is a web page (HTML), not metrics"]);
    of(
        &site(|_| Some("jobs 1\n".to_owned())),
        3,
        &["none of the well-known metrics but `jobs`", "ADDRESS#METRIC"],
    );
    of("loadbalancer", 2, &["--scrape loadbalancer", "did you mean `load-balancer`?"]);
    of("https://h/metrics", 2, &["read over plain HTTP"]);
    of(&format!("{nobody}#a b"), 2, &["`a b` is not a selector"]);
    refused(
        &bench,
        &[&SHORT[..], &["--scrape", "load-balancer", "--scrape-interval", "500ms"]].concat(),
        2,
        &["--scrape-interval 0.5: must be from 1 to 3600 seconds"],
    );
    let page = site(|_| Some("ok".to_owned()));
    let flags = ["--url", &page, "--duration", "1s", "--scrape", "backends"];
    refused(&bench, &flags, 2, &["`backends` stands for backends that `bench` starts"]);
}

fn attached() {
    let bench = Bench::new();
    let running = Running::start(&bench, &pair(&bench));
    let entry = running.entry();
    let flags = ["--url", &entry, "--load-balancer", "reference"];
    let (summary, _) = scraped(&bench, &["load-balancer", "x=load-balancer#lb_active_connections"], &flags);
    assert!(series(&summary, "load-balancer requests")["samples"].as_u64() > Some(0));
    assert!(series(&summary, "x")["max"].as_f64() > Some(0.0));
}
