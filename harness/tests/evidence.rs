//! What `bench` says about differences, and when it refuses to say anything: whole runs in virtual
//! time, through the binary.

mod common;

use common::{Bench, algorithm, number, text};
use serde_json::{Value, json};

/// A short simulated run with further flags.
fn simulated<'a>(algorithms: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let flags = ["--engine", "sim", "--duration", "6s", "--no-oracles", "--algorithms", algorithms];
    [&flags[..], more].concat()
}

/// The only pair of the first scenario.
fn pair(summary: &Value) -> &Value {
    let pairs = summary["scenarios"][0]["comparison"]["pairs"].as_array().expect("compared pairs");
    assert_eq!(pairs.len(), 1, "two algorithms are one pair");
    &pairs[0]
}

fn metric<'a>(pair: &'a Value, name: &str) -> &'a Value {
    let metrics = pair["metrics"].as_array().expect("metrics");
    metrics.iter().find(|metric| metric["metric"] == name).unwrap_or_else(|| panic!("{name} is compared"))
}

/// The answer of `bench` to arguments with which it must end in `code`.
fn ends(bench: &Bench, args: &[&str], code: i32) -> (String, String) {
    let output = bench.run(args);
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}: {printed}{said}");
    (printed, said)
}

#[test]
fn a_difference_that_is_there_is_found_and_said_in_words() {
    let bench = Bench::new();
    let more = ["--topology", "situation-b", "--users", "200", "--repetitions", "10"];
    let summary = bench.summary("out", &simulated("round-robin,least-connections", &more));
    let pair = pair(&summary);
    assert_eq!(pair["verdict"], "better", "half of the backends are slow: {pair}");
    let p95 = metric(pair, "p95");
    assert!(number(p95, "/effect") < -0.05, "the effect is beyond the margin: {p95}");
    assert!(number(p95, "/p_adjusted") <= 0.05, "it is significant after the correction: {p95}");
    let mean = metric(pair, "mean");
    assert_eq!((&mean["exploratory"], &mean["p_adjusted"]), (&json!(true), &json!(null)), "{mean}");
    let answer = &summary["scenarios"][0]["answer"];
    assert_eq!(answer["leader"], "least-connections", "{answer}");
    assert_eq!(answer["beaten"][0]["label"], "round-robin", "{answer}");
    let sentence = pair["sentence"].as_str().expect("a sentence");
    assert!(sentence.starts_with("least-connections is better than round-robin"), "{sentence}");
    let (printed, _) = ends(&bench, &["report", "out"], 0);
    assert!(printed.contains("report.html"), "the report of a finished run can be written again: {printed}");
    let (printed, _) = ends(&bench, &["report", "out", "--report", "html", "--verbose"], 0);
    assert!(printed.contains("Slowest requests") && printed.contains("report.html"), "{printed}");
    let formats = [
        ("html", "report.html"),
        ("markdown", "report.md"),
        ("junit", "junit.xml"),
        ("step-summary", "step-summary.md"),
        ("go-benchmark", "benchmark.txt"),
        ("prometheus", "metrics.prom"),
    ];
    for (name, file) in formats {
        let (printed, _) = ends(&bench, &["report", "out", "--report", name], 0);
        assert!(
            printed.contains(file) && printed.lines().count() == 1,
            "`{name}` names one format: {printed}"
        );
    }
}

#[test]
fn too_few_repetitions_name_no_winner_and_say_how_many_are_needed() {
    let bench = Bench::new();
    let more = ["--topology", "situation-b", "--users", "200", "--repetitions", "2"];
    let summary = bench.summary("out", &simulated("round-robin,least-connections", &more));
    let pair = pair(&summary);
    assert_eq!(pair["verdict"], "not_enough_data", "two blocks are no evidence, however large the effect");
    let sentence = pair["sentence"].as_str().expect("a sentence");
    assert!(sentence.contains("--repetitions 6"), "the number is the way out: {sentence}");
}

#[test]
fn repetitions_go_on_until_the_intervals_are_as_narrow_as_asked() {
    let bench = Bench::new();
    let of = |out: &str, precision: &str, most: &str| {
        let more =
            ["--users", "120", "--repetitions", "5", "--precision", precision, "--max-repetitions", most];
        let summary = bench.summary(out, &simulated("random,p2c", &more));
        algorithm(&summary, "p2c")["trials"].as_u64().expect("a number of trials")
    };
    assert_eq!(of("wide", "80%", "12"), 5, "a wide interval needs no more than the least");
    assert_eq!(of("narrow", "0.1%", "6"), 6, "the cap holds");
    let some = of("some", "12%", "60");
    assert!((6..60).contains(&some), "some more passes reach 12 %: {some}");
    let (_, said) = ends(&bench, &simulated("p2c", &["--precision", "4%"]), 2);
    assert!(
        said.contains("--precision") && said.contains("--algorithms"),
        "one algorithm has no pair: {said}"
    );
}

#[test]
fn an_algorithm_against_itself_differs_from_nothing_and_its_noise_is_used_later() {
    let bench = Bench::new();
    let more = ["--repetitions", "10", "--quiet", "--out", "runs/aa"];
    let (printed, _) = ends(&bench, &[&["aa"], &simulated("random", &more)[..]].concat(), 0);
    assert!(printed.contains("Noise of random over 10 pairs"), "{printed}");
    let aa = bench.json("runs/aa/summary.json");
    let pair = pair(&aa);
    assert_eq!(pair["baseline"].as_str().map(|label| label.contains("random")), Some(true), "{pair}");
    for metric in pair["metrics"].as_array().expect("metrics") {
        assert!(
            !["better", "worse", "different"].contains(&metric["verdict"].as_str().unwrap_or_default()),
            "equal algorithms do not differ: {metric}"
        );
    }
    let later = bench.summary("runs/later", &simulated("random,round-robin", &["--repetitions", "10"]));
    let comparison = &later["scenarios"][0]["comparison"];
    assert_eq!(comparison["noise_source"], aa["run_id"], "the same experiment uses the floor");
    let floor = number(metric(self::pair(&later), "p95"), "/noise_floor");
    assert!(floor > 0.0, "every measurement has some noise: {floor}");
    let other = bench
        .summary("runs/other", &simulated("random,round-robin", &["--repetitions", "2", "--users", "7"]));
    assert_eq!(
        other["scenarios"][0]["comparison"]["noise_source"],
        Value::Null,
        "another experiment has another noise"
    );
}

#[test]
fn round_robin_never_avoids_a_slow_backend_and_least_connections_does() {
    let bench = Bench::new();
    let args = [
        "--engine",
        "sim",
        "--topology",
        "situation-c",
        "--users",
        "200",
        "--duration",
        "30s",
        "--no-oracles",
        "--algorithms",
        "round-robin,least-connections",
        "--verbose",
        "--out",
        "out",
    ];
    let (printed, _) = ends(&bench, &args, 0);
    let summary = bench.json("out/summary.json");
    let faults = summary["scenarios"][0]["faults"].as_array().expect("marks");
    assert_eq!(faults.len(), 1, "one window of the fault lies within 30 s: {faults:?}");
    assert_eq!([number(&faults[0], "/start_s"), number(&faults[0], "/end_s")], [10.0, 20.0], "as written");
    let response = |name: &str| algorithm(&summary, name)["fault_responses"][0].clone();
    let [never, soon] = ["round-robin", "least-connections"].map(response);
    assert_eq!(never["time_to_avoid_s"], Value::Null, "round-robin looks at nothing: {never}");
    assert!(number(&never, "/share_during") > 0.1, "its share stays an eighth: {never}");
    assert_eq!(never["time_to_return_s"], Value::Null, "who never left cannot return: {never}");
    assert!(number(&soon, "/time_to_avoid_s") <= 1.0, "least-connections sees the queue: {soon}");
    assert!(number(&soon, "/time_to_return_s") <= 5.0, "and comes back: {soon}");
    let row = |name: &str, what: &str| {
        let row = printed.lines().find(|line| line.contains("b1 10-20 s") && line.contains(name));
        assert!(row.is_some_and(|row| row.contains(what)), "{name}: `{what}` stands in {printed}");
    };
    row("round-robin", "never avoided");
    row("least-connections", " s ");
}

#[test]
fn the_highest_rate_is_searched_and_confirmed_per_algorithm() {
    let bench = Bench::new();
    let config = bench.config(
        "rates.json",
        &json!({
            "base_url": "http://localhost:1",
            "scenarios": [{ "name": "rates", "duration_minutes": 0.1, "concurrent_users": 4 }],
            "user_profiles": { "client": { "actions": [{ "name": "get", "weight": 1 }] } },
            "bench": { "topology": "situation-b", "journey": "single_get" }
        }),
    );
    let args = [
        "--config",
        &config,
        "--engine",
        "sim",
        "--algorithms",
        "round-robin,least-connections",
        "--arrivals",
        "poisson:50",
        "--max-rate",
        "p(95)<100",
    ];
    let summary = bench.summary("out", &args);
    let found = summary["scenarios"][0]["max_rates"].as_array().expect("rates");
    let rate = |name: &str| {
        let row = found.iter().find(|row| row["algorithm"] == name).expect("each algorithm has a rate");
        number(row, "/rate_per_s")
    };
    let (blind, seeing) = (rate("round-robin"), rate("least-connections"));
    assert!(blind > 50.0, "the search goes up from the rate of the config: {blind}");
    assert!(seeing > blind, "who sees queues can use the fast backends more: {seeing} and {blind}");
}

#[test]
fn a_threshold_that_does_not_hold_has_its_exit_code_and_the_results_stay() {
    let bench = Bench::new();
    let strict =
        simulated("p2c", &["--quiet", "--out", "strict", "--threshold", "http_req_duration: p(95)<1"]);
    let (printed, _) = ends(&bench, &strict, 99);
    assert!(printed.contains("http_req_duration") && printed.contains("p(95)<1"), "{printed}");
    assert_eq!(bench.json("strict/summary.json")["thresholds"][0]["ok"], false);
    ends(&bench, &simulated("p2c", &["--quiet", "--out", "lax", "--threshold-preset", "heavy"]), 0);
    let unknown = simulated("p2c", &["--threshold", "http_req_duratoin: p(95)<1"]);
    let (_, said) = ends(&bench, &unknown, 2);
    for part in ["http_req_duratoin", "http_req_duration", "http_req_failed"] {
        assert!(said.contains(part), "the message names the known metrics: {said}");
    }
}

#[test]
fn two_runs_are_compared_when_they_are_one_experiment_and_refused_when_not() {
    let bench = Bench::new();
    let algorithms = "round-robin,least-connections";
    let run = |out: &str, more: &[&str]| {
        bench.summary(out, &simulated(algorithms, &[&["--repetitions", "8"], more].concat()));
    };
    run("base", &[]);
    run("same", &[]);
    run("other-seed", &["--seed", "7"]);
    run("more-users", &["--users", "90"]);
    let (printed, _) = ends(&bench, &["compare", "base", "same", "--json", "cmp.json"], 0);
    assert!(!printed.contains("worse"), "equal runs do not differ: {printed}");
    assert!(bench.json("cmp.json")["verdict"].is_string(), "the comparison is kept as JSON");
    for (other, part) in [("other-seed", "--seed"), ("more-users", "users")] {
        let (_, said) = ends(&bench, &["compare", "base", other], 2);
        assert!(said.contains(part), "{other}: the difference is named: {said}");
    }
    let mut old = bench.json("same/summary.json");
    old["schema_version"] = json!(1);
    std::fs::write(bench.path("same/summary.json"), old.to_string()).expect("a summary");
    let (_, said) = ends(&bench, &["compare", "base", "same"], 2);
    assert!(said.contains("version 1"), "the schema version is named: {said}");
    let (_, said) = ends(&bench, &["compare", "base", "nowhere"], 2);
    assert!(said.contains("nowhere"), "{said}");
}

#[test]
fn what_cannot_be_judged_is_no_success() {
    let bench = Bench::new();
    for out in ["base", "new"] {
        bench.summary(out, &simulated("p2c", &["--repetitions", "1"]));
    }
    let (printed, _) = ends(&bench, &["compare", "base", "new"], 3);
    for part in ["+0.0 %", "1 block is too few to estimate noise", "not enough data: no metric has a verdict"]
    {
        assert!(printed.contains(part), "`{part}` in {printed}");
    }
    // One run each of Locust, whose files ours look like.
    let [base, new] = ["base", "new"].map(|run| format!("{run}/locust/read-heavy-traffic-p2c"));
    let files = [format!("{base}_stats.csv"), format!("{new}_stats_history.csv")];
    let (printed, _) = ends(&bench, &["compare", &files[0], &files[1], "--json", "locust.json"], 3);
    for part in ["Requests/s", "P95 (ms)", "not enough data for a verdict: each side is one run"] {
        assert!(printed.contains(part), "`{part}` in {printed}");
    }
    assert_eq!(bench.json("locust.json")["pairs"].as_array().map(Vec::len), Some(1));
    let (_, said) = ends(&bench, &["compare", "base", &files[1]], 2);
    assert!(said.contains("is of Locust and `base` is not"), "{said}");
}

#[test]
fn a_run_that_became_worse_has_its_exit_code() {
    let bench = Bench::new();
    // The same experiment, with results made slower afterwards: what is tested is the judgement.
    bench.summary("base", &simulated("p2c", &["--repetitions", "10"]));
    let mut slower = bench.json("base/summary.json");
    let trials = slower["scenarios"][0]["trials"].as_array_mut().expect("trials");
    for metric in trials.iter_mut().flat_map(|trial| trial["metrics"].as_array_mut().expect("metrics")) {
        if ["mean", "p50", "p95", "p99"].contains(&metric["metric"].as_str().unwrap_or_default()) {
            metric["value"] = json!(metric["value"].as_f64().map(|value| value * 1.3));
        }
    }
    std::fs::create_dir(bench.path("slower")).expect("a folder");
    std::fs::write(bench.path("slower/summary.json"), slower.to_string()).expect("a summary");
    let (printed, _) = ends(&bench, &["compare", "base", "slower"], 98);
    assert!(printed.contains("worse"), "{printed}");
    let (printed, _) = ends(&bench, &["compare", "slower", "base"], 0);
    assert!(printed.contains("better"), "{printed}");
}

#[test]
fn recorded_requests_are_replayed_at_their_times() {
    let bench = Bench::new();
    let rows: Vec<Value> = (0..400)
        .map(|row| {
            json!({
                "endpoint": if row % 2 == 0 { "/products/1" } else { "/cart" },
                "method": "GET",
                "timestamp": 1_700_000_000.0 + f64::from(row) * 0.01
            })
        })
        .collect();
    let config = bench.config("list.json", &json!(rows));
    let args =
        ["--config", &config, "--engine", "sim", "--no-oracles", "--algorithms", "p2c", "--speed", "2"];
    let summary = bench.summary("out", &args);
    let scenario = &summary["scenarios"][0];
    assert_eq!(scenario["model"], "open", "recorded times wait for nobody");
    assert_eq!(scenario["duration_s"], 2.995, "4 s at twice the speed, and a second for the last reply");
    assert_eq!(algorithm(&summary, "p2c")["total_requests"], 400, "each request is sent once");
    std::fs::write(bench.path("bad.log"), "GET /\nnothing\n").expect("a file");
    let (_, said) = ends(&bench, &["--replay", "bad.log"], 2);
    assert!(said.contains("bad.log, line 1"), "the line is named: {said}");
}
