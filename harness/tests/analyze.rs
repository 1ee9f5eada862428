//! `bench analyze` as users meet it: what it reads, what it says, and how it refuses.

mod common;

use common::{Bench, number, text};
use serde_json::{Value, json};

const HEADER: &str = "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,\
Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,\
99.99%,100%";
const HEALTH: &str = "GET,/health,900,0,10,12.5,2.0,90.0,20.0,15.0,0.0,10,11,12,13,20,30,40,45,80,90,90";
const LOGIN: &str =
    "POST,/login,100,10,200,250.5,20.0,900.0,20.0,2.0,0.2,200,220,240,260,400,600,700,800,900,900,900";
const AGGREGATED: &str =
    ",Aggregated,1000,10,11,36.3,2.0,900.0,20.0,17.0,0.2,11,12,14,16,150,180,400,500,850,900,900";

/// A file as Locust writes it: CRLF, also at the end.
fn csv(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

fn bench_with(files: &[(&str, &str)]) -> Bench {
    let bench = Bench::new();
    for (name, contents) in files {
        let path = bench.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        std::fs::write(path, contents).expect("a file can be written");
    }
    bench
}

/// Analyses a path: what it prints, and the JSON that it writes.
fn analyze(bench: &Bench, path: &str) -> (String, Value) {
    let output = bench.run(&["analyze", path, "--json", "analysis.json"]);
    assert_eq!(output.status.code(), Some(0), "{path} is analysed: {}", text(&output.stderr));
    (text(&output.stdout), bench.json("analysis.json"))
}

/// Expects a refusal that holds every part.
fn refused(bench: &Bench, path: &str, parts: &[&str]) {
    let output = bench.run(&["analyze", path, "--json", "analysis.json"]);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{path}: {message}");
    for part in parts {
        assert!(message.contains(part), "{path}: the message holds `{part}`: {message}");
    }
    assert!(!bench.path("analysis.json").exists(), "{path}: nothing is written of what cannot be read");
}

/// Every value of the summary, in the order of the arguments.
fn assert_summary(json: &Value, expected: &Value) {
    for (key, value) in expected.as_object().expect("an object") {
        let found = &json["analysis"]["summary"][key];
        let same = match (found.as_f64(), value.as_f64()) {
            (Some(found), Some(value)) => (found - value).abs() < 1e-9 * value.abs().max(1.0),
            _ => found == value,
        };
        assert!(same, "`analysis.summary.{key}` is {value}: {found}");
    }
}

#[test]
fn locust_stats_are_graded_with_what_lies_beside_them() {
    let history = "Timestamp,User Count,Type,Name,Requests/s\r\n1760000000,1,,Aggregated,0.0\r\n\
                   1760000030,25,,Aggregated,17.0\r\n1760000060,5,,Aggregated,17.0\r\n";
    let failures =
        "Method,Name,Error,Occurrences\r\nPOST,/login,timeout,3\r\nPOST,/login,\"HTTPError('500', x)\",7\r\n";
    let bench = bench_with(&[
        ("light_stats.csv", &csv(&[HEADER, HEALTH, LOGIN, AGGREGATED])),
        ("light_stats_history.csv", history),
        ("light_failures.csv", failures),
    ]);
    let (report, json) = analyze(&bench, "light_stats.csv");
    assert_summary(
        &json,
        &json!({
            "total_requests": 1000, "total_failures": 10, "error_rate": 1.0, "error_grade": "Acceptable",
            "avg_response_time": 36.3, "min_response_time": 2.0, "max_response_time": 900.0,
            "p50": 11.0, "p95": 180.0, "p99": 500.0, "rps": 17.0, "performance_grade": "Acceptable",
        }),
    );
    let login = &json["analysis"]["/login"];
    assert_eq!(login["performance_grade"], "Critical", "each endpoint has its own grade: {login}");
    assert_eq!(login["error_rate"], 10.0, "in percent");

    let found: Vec<(&str, &str)> = json["bottlenecks"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|found| (found["endpoint"].as_str().unwrap_or(""), found["metric"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(found, [("POST /login", "error_rate"), ("POST /login", "p95")], "what stands out");

    let test = &json["tests"][0];
    assert_eq!((&test["name"], &test["kind"]), (&json!("light"), &json!("locust")), "named by its prefix");
    assert_eq!(test["started_at"], "2025-10-09T08:53:20Z", "the history tells when: {test}");
    assert_eq!((number(test, "/duration_s"), number(test, "/peak_users")), (60.0, 25.0));
    let first = &test["failures"][0];
    assert_eq!(
        (&first["error"], &first["occurrences"]),
        (&json!("HTTPError('500', x)"), &json!(7)),
        "most frequent first"
    );

    let order =
        ["test  light", "OVERALL SUMMARY", "ENDPOINT BREAKDOWN", "IDENTIFIED BOTTLENECKS", "RECOMMENDATIONS"];
    let places: Vec<Option<usize>> = order.iter().map(|heading| report.find(heading)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "the parts in order: {report}");
    assert!(report.contains("- 7 × POST /login: HTTPError"), "failures are listed: {report}");
}

#[test]
fn values_that_are_missing_are_null_and_named_never_zero() {
    let header = HEADER.replace(",98%,99%,99.9%,99.99%", "");
    let short = ",Aggregated,1000,0,11,36.3,2.0,900.0,20.0,17.0,0.2,11,12,14,16,150,N/A,900";
    let bench = bench_with(&[("run_stats.csv", &csv(&[&header, short]))]);
    let (report, json) = analyze(&bench, "run_stats.csv");
    assert_summary(&json, &json!({ "p95": null, "p99": null, "performance_grade": null, "p50": 11.0 }));
    assert_eq!(json["tests"][0]["missing"], json!(["p95", "p99"]));
    assert!(report.contains("missing, so neither graded nor judged: p95, p99"), "{report}");
    let advice = json["recommendations"][0].as_str().unwrap_or_default();
    assert!(advice.contains("missing values were not judged"), "no all-clear on half the numbers: {advice}");
}

#[test]
fn a_test_without_a_request_has_no_latency_and_no_error_rate() {
    let empty = ",Aggregated,0,0,0,0.0,0,0,0,0.0,0.0,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A,N/A";
    let bench = bench_with(&[("run_stats.csv", &csv(&[HEADER, empty]))]);
    let (_, json) = analyze(&bench, "run_stats.csv");
    let unknown = json!({ "total_requests": 0, "error_rate": null, "avg_response_time": null, "p95": null });
    assert_summary(&json, &unknown);
    assert!(json["recommendations"][0].as_str().is_some_and(|text| text.starts_with("No request ended")));
}

#[test]
fn without_the_aggregated_row_only_what_can_be_summed_is_summed() {
    let bench = bench_with(&[("cut_stats.csv", &csv(&[HEADER, HEALTH, LOGIN]))]);
    let (report, json) = analyze(&bench, "cut_stats.csv");
    assert_summary(
        &json,
        &json!({
            "total_requests": 1000, "total_failures": 10, "rps": 17.0, "min_response_time": 2.0,
            "max_response_time": 900.0, "avg_response_time": (900.0 * 12.5 + 100.0 * 250.5) / 1000.0,
            "p50": null, "p95": null, "p99": null,
        }),
    );
    assert!(report.contains("`Aggregated` is missing") && report.contains("percentiles cannot"), "{report}");
}

#[test]
fn a_folder_gives_each_test_and_a_summary_whose_limits_all_tests_keep() {
    let slow = AGGREGATED.replace(",150,180,", ",150,420,");
    let failing = AGGREGATED.replace("Aggregated,1000,10,", "Aggregated,100,50,");
    let bench = bench_with(&[
        ("out/b_stats.csv", &csv(&[HEADER, &failing])),
        ("out/a_stats.csv", &csv(&[HEADER, HEALTH, &slow])),
        ("out/a_stats_history.csv", "Timestamp,User Count\r\n"),
        ("out/notes.txt", "not a test"),
    ]);
    let (report, json) = analyze(&bench, "out");
    assert_summary(
        &json,
        &json!({ "p95": 420.0, "error_rate": 50.0, "total_requests": 1100, "total_failures": 60, "error_grade": "Poor" }),
    );
    assert_eq!(number(&json, "/analysis/a/p95"), 420.0, "the tests lie beside the summary");
    assert_eq!(number(&json, "/tests/0/analysis/~1health/p95"), 30.0, "endpoints lie under their test");
    let names: Vec<&Value> =
        json["tests"].as_array().expect("a list").iter().map(|test| &test["name"]).collect();
    assert_eq!(names, ["a", "b"], "in the order of their names");
    assert!(json["notes"][0].as_str().is_some_and(|note| note.contains("worst value")), "it is said: {json}");
    let advice = json["recommendations"][0].as_str().unwrap_or_default();
    assert!(advice.starts_with("Errors:") && advice.ends_with("(b)"), "advice names its tests: {advice}");
    assert!(report.contains("ALL TESTS"), "{report}");
}

#[test]
fn k6_summaries_are_read_in_each_of_their_shapes() {
    let duration =
        json!({ "avg": 20.5, "min": 1.0, "med": 15.0, "max": 300.0, "p(90)": 40.0, "p(95)": 60.0 });
    let login =
        json!({ "avg": 100.0, "min": 50.0, "med": 90.0, "max": 300.0, "p(90)": 200.0, "p(95)": 250.0 });
    // In k6, `passes` of http_req_failed are the requests that failed.
    let exported = json!({
        "root_group": {},
        "metrics": {
            "http_reqs": { "count": 400, "rate": 40.0 },
            "http_req_failed": { "value": 0.02, "passes": 8, "fails": 392 },
            "http_req_duration": duration,
            "http_req_duration{expected_response:true}": duration,
            "http_req_duration{name:login}": login,
        }
    });
    let value = |values: &Value| json!({ "type": "x", "contains": "x", "values": values });
    let handled = json!({
        "state": { "testRunDurationMs": 10000.0 },
        "metrics": {
            "http_reqs": value(&json!({ "count": 400, "rate": 40.0 })),
            "http_req_failed": value(&json!({ "rate": 0.02, "passes": 8, "fails": 392 })),
            "http_req_duration": value(&duration),
            "http_req_duration{name:login}": value(&login),
        }
    });
    let named = |name: &str, values: &Value| json!({ "name": name, "values": values });
    let machine = json!({
        "version": "1.0.0", "config": { "duration": 10.0 },
        "results": { "metrics": [
            named("http_reqs", &json!({ "count": 400 })),
            named("http_req_failed", &json!({ "rate": 0.02, "matches": 8, "total": 400 })),
            named("http_req_duration", &duration),
            named("http_req_duration{name:login}", &login),
        ]}
    });
    for (shape, summary) in [("exported", exported), ("handled", handled), ("machine-readable", machine)] {
        let bench = bench_with(&[("any.name", &summary.to_string())]);
        let (report, json) = analyze(&bench, "any.name");
        assert_eq!(json["tests"][0]["kind"], "k6", "{shape}: told from its content");
        assert_summary(
            &json,
            &json!({
                "total_requests": 400, "total_failures": 8, "error_rate": 2.0, "avg_response_time": 20.5,
                "p50": 15.0, "p95": 60.0, "p99": null, "rps": 40.0, "performance_grade": "Good",
            }),
        );
        assert_eq!(number(&json, "/analysis/name:login/p95"), 250.0, "{shape}: sub-metrics are endpoints");
        assert_eq!(json["analysis"].as_object().map(serde_json::Map::len), Some(2), "{shape}: and no others");
        assert!(report.contains("--summary-trend-stats"), "{shape}: how to get the p99: {report}");
    }
}

#[test]
fn oha_reports_are_read_in_milliseconds_and_bad_statuses_are_failures() {
    let report = json!({
        "summary": {
            "successRate": 0.99, "total": 10.0, "slowest": 0.9, "fastest": 0.001, "average": 0.02, "requestsPerSec": 100.0
        },
        "latencyPercentiles": { "p50": 0.015, "p95": 0.0425, "p99": 0.07 },
        "statusCodeDistribution": { "200": 960, "404": 5, "503": 25 },
        "errorDistribution": { "connection refused": 10, "aborted due to deadline": 50 }
    });
    let bench = bench_with(&[("oha.json", &report.to_string())]);
    let (text, json) = analyze(&bench, "oha.json");
    assert_summary(
        &json,
        &json!({
            "total_requests": 1000, "total_failures": 40, "error_rate": 4.0, "avg_response_time": 20.0,
            "min_response_time": 1.0, "max_response_time": 900.0, "p50": 15.0, "p95": 42.5, "p99": 70.0, "rps": 100.0,
            "performance_grade": "Excellent", "error_grade": "Acceptable",
        }),
    );
    assert!(text.contains("50 requests were in flight") && text.contains("25 × status 503"), "{text}");

    let mut none = report;
    none["statusCodeDistribution"] = json!({});
    none["latencyPercentiles"] = json!({ "p50": null, "p95": null, "p99": null });
    none["summary"] = json!({ "successRate": 0.0, "total": 1.0, "requestsPerSec": 10.0, "average": null });
    let bench = bench_with(&[("oha.json", &none.to_string())]);
    let (_, json) = analyze(&bench, "oha.json");
    assert_summary(&json, &json!({ "error_rate": 100.0, "p95": null, "avg_response_time": null }));
}

#[test]
fn results_of_bench_are_graded_by_algorithm_and_so_are_its_locust_files() {
    let bench = Bench::new();
    let config = bench.config("config.json", &common::config(8, 20.0, &json!({ "engine": "sim" })));
    let args = ["--config", config.as_str(), "--algorithms", "round-robin,least-connections", "--no-oracles"];
    let summary = bench.summary("out", &args);
    let (_, json) = analyze(&bench, "out");
    let slowest = ["round-robin", "least-connections"]
        .map(|name| number(common::algorithm(&summary, name), "/latency_ms/p95"))
        .into_iter()
        .fold(0.0, f64::max);
    assert_eq!(number(&json, "/analysis/summary/p95"), slowest, "of several algorithms the worst stands");
    let robin = common::algorithm(&summary, "round-robin");
    for (ours, theirs) in
        [("p95", "/latency_ms/p95"), ("rps", "/throughput_rps"), ("total_requests", "/total_requests")]
    {
        let ours = &json["analysis"]["test / round-robin"][ours];
        assert_eq!(ours.as_f64(), Some(number(robin, theirs)), "what the summary says");
    }

    let (_, csv) = analyze(&bench, "out/locust/test-round-robin_stats.csv");
    let p95 = number(&csv, "/analysis/summary/p95");
    assert_eq!(number(&csv, "/analysis/summary/total_requests"), number(robin, "/total_requests"));
    assert!(
        (p95 - number(robin, "/latency_all_ms/p95")).abs() <= 0.5,
        "whole milliseconds in Locust's format: {p95}"
    );
    assert_eq!(csv["tests"][0]["missing"], json!([]), "our Locust files lack nothing");
    let (_, folder) = analyze(&bench, "out/locust");
    assert_eq!(folder["tests"].as_array().map(Vec::len), Some(2), "a test for each algorithm");
}

#[test]
fn broken_values_are_refused_with_line_column_value_and_the_way_out() {
    let table: [(String, &[&str]); 7] = [
        (
            csv(&[HEADER, HEALTH, &LOGIN.replace(",600,", ",fast,"), AGGREGATED]),
            &["line 3", "`95%`", "`fast`", "`N/A`"],
        ),
        (
            csv(&[HEADER, &HEALTH.replace("900,0,", "many,0,")]),
            &["line 2", "`Request Count`", "`many`", "whole number"],
        ),
        (csv(&[HEADER, &HEALTH.replace("12.5", "-1")]), &["line 2", "`Average Response Time`", "`-1`"]),
        (
            csv(&[HEADER, &LOGIN.replace("100,10,", "100,101,")]),
            &["line 2", "`Failure Count`", "`101`", "more than"],
        ),
        (csv(&[HEADER, HEALTH, "POST,/log"]), &["line 3", "2 values", "22", "cut off"]),
        (csv(&[HEADER, AGGREGATED, AGGREGATED]), &["line 3", "`Aggregated`", "duplicate"]),
        (csv(&[HEADER]), &["no row below the header", "finished test"]),
    ];
    for (contents, parts) in table {
        let bench = bench_with(&[("run_stats.csv", &contents)]);
        refused(&bench, "run_stats.csv", parts);
    }
    let header = HEADER.replace("Failure Count", "Failed");
    let bench = bench_with(&[("run_stats.csv", &csv(&[&header, HEALTH]))]);
    refused(&bench, "run_stats.csv", &["line 1", "no column `Failure Count`"]);
}

#[test]
fn what_is_no_test_is_refused_by_what_it_is() {
    let sample = r#"{"metric":"vus","type":"Metric","data":{}}"#;
    let two = format!("{sample}\n{sample}\n");
    let accepted = "give results of Locust";
    let table: [(&str, &str, &[&str]); 12] = [
        (
            "a.json",
            r#"{"colour": 1, "size": 2}"#,
            &["a JSON object with `colour`, `size`", accepted, "oha", "k6"],
        ),
        ("a.json", "{}", &["an empty JSON object", accepted]),
        ("a.json", r#"{"metrics": "#, &["not JSON", accepted]),
        ("a.json", &two, &["k6's points without one of `http_req_duration`", "sends HTTP requests"]),
        ("a.json", r#"{"metrics": {"iterations": {"count": 1}}}"#, &["no metric `http_req_duration`"]),
        ("a.json", r#"{"analysis": {}, "bottlenecks": []}"#, &["already an analysis"]),
        (
            "a.json",
            r#"{"latencyPercentiles": {"p50": "fast"}}"#,
            &["not a valid oha report", "--output-format json"],
        ),
        ("a_stats.csv", "name;value\n1;2\n", &["it begins with `name;value`", accepted]),
        ("a_stats.csv", "", &["an empty file", accepted]),
        ("a_stats_history.csv", "Timestamp,User Count\n", &["Locust's history", "`_stats.csv` next to it"]),
        (
            "a_failures.csv",
            "Method,Name,Error,Occurrences\n",
            &["list of failures", "`_stats.csv` next to it"],
        ),
        ("sub/notes.txt", "x", &["does not exist", accepted]),
    ];
    for (name, contents, parts) in table {
        let bench = bench_with(&[(name, contents)]);
        let path = if name.starts_with("sub/") { "nowhere" } else { name };
        refused(&bench, path, parts);
    }
    let bench = bench_with(&[("sub/notes.txt", "x"), ("sub/run/summary.json", "{}")]);
    refused(&bench, "sub", &["a folder without results of a load test", "`notes.txt`, `run/`", accepted]);
    refused(&bench, "sub/run", &["it holds `summary.json`"]);
    let bench = bench_with(&[("run/summary.json", r#"{"schema_version": 1, "scenarios": []}"#)]);
    refused(&bench, "run", &["schema version 1", "run it again"]);
}

#[test]
fn what_lies_beside_is_left_out_when_broken_and_that_is_said() {
    let bench = bench_with(&[
        ("run_stats.csv", &csv(&[HEADER, AGGREGATED])),
        ("run_failures.csv", "Method,Name,Error,Occurrences\r\nGET,/,x,often\r\n"),
    ]);
    let (report, json) = analyze(&bench, "run_stats.csv");
    assert_eq!(number(&json, "/analysis/summary/p95"), 180.0, "the grades do not need it");
    for part in ["left out", "run_failures.csv", "line 2", "`often`"] {
        assert!(report.contains(part), "the report holds `{part}`: {report}");
    }
}

#[test]
fn json_that_cannot_be_written_is_an_error_that_names_the_file() {
    let bench = bench_with(&[("run_stats.csv", &csv(&[HEADER, AGGREGATED]))]);
    let output = bench.run(&["analyze", "run_stats.csv", "--json", "no/such/folder.json"]);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{message}");
    assert!(message.contains("no/such/folder.json") && message.contains("--json"), "{message}");
}

#[test]
fn names_that_look_like_formulas_are_marked_by_a_run_and_read_back_without_the_mark() {
    let bench = Bench::new();
    let name = "=HYPERLINK(\"http://evil.example\",\"x\")";
    let steps = json!([{ "name": name, "path": "/" }]);
    let journey = json!({ "name": "j", "actions": { "a": { "weight": 1, "steps": steps } } });
    let config = json!({
        "scenarios": [{ "name": "s", "duration_minutes": 0.1, "concurrent_users": 2 }],
        "bench": { "journey": journey, "topology": "situation-a" },
    });
    let config = bench.config("config.json", &config);
    let args = ["--config", &config, "--engine", "sim", "--algorithms", "random", "--repetitions", "1"];
    bench.summary("out", &[&args[..], &["--record-actions", "--no-oracles"]].concat());

    let stats = std::fs::read_to_string(bench.path("out/locust/s-random_stats.csv")).expect("it was written");
    let marked = "GET,\"'=HYPERLINK(\"\"http://evil.example\"\",\"\"x\"\")\",";
    assert!(stats.contains(marked), "a spreadsheet takes it for text: {stats}");
    let actions =
        std::fs::read_to_string(bench.path("out/trials/s-random-0-actions.csv")).expect("it was written");
    assert!(actions.contains("0,0,\"'=HYPERLINK("), "{actions}");
    let (shown, json) = analyze(&bench, "out/locust");
    assert!(shown.contains(" =HYPERLINK("), "the name as it was: {shown}");
    assert!(json.to_string().contains("\"=HYPERLINK("), "{json}");
}

#[test]
fn what_a_terminal_would_obey_is_shown_as_an_escape() {
    let row = HEALTH.replace("/health", "\u{1b}]0;owned\u{7}/health");
    let bench = bench_with(&[("t_stats.csv", &csv(&[HEADER, &row, LOGIN, AGGREGATED]))]);
    let (shown, _) = analyze(&bench, "t_stats.csv");
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{7}'), "{shown:?}");
    assert!(shown.contains("\\u{1b}]0;owned\\u{7}/health"), "{shown}");
    refused(&Bench::new(), "none\u{1b}[2J.csv", &["none\\u{1b}[2J.csv"]);
}

/// A test of k6 as points: when, for how long, which endpoint, and whether it failed.
fn k6_points(requests: &[(u32, f64, &str, &str, bool)]) -> String {
    let mut text =
        "metric_name,timestamp,metric_value,error,expected_response,method,name,status,url,extra_tags\n"
            .to_owned();
    for (second, ms, method, path, ok) in requests {
        let (time, status) = (1_760_000_000 + second, if *ok { 200 } else { 500 });
        text += &format!(
            "http_req_duration,{time},{ms},,{ok},{method},http://h{path},{status},http://h{path},\n"
        );
    }
    text
}

#[test]
fn two_sides_are_compared_in_numbers_sentences_and_charts() {
    let before = k6_points(&[
        (0, 40.0, "GET", "/api/v1/item", true),
        (1, 60.0, "GET", "/api/v1/item", true),
        (2, 90.0, "POST", "/api/v1/user", false),
        (4, 90.0, "POST", "/api/v1/user", true),
    ]);
    let after = k6_points(&[
        (0, 40.0, "GET", "/api/v1/item", true),
        (1, 40.0, "GET", "/api/v1/item", true),
        (2, 40.0, "GET", "/api/v1/item", true),
        (4, 60.0, "POST", "/api/v1/user", true),
    ]);
    let bench = bench_with(&[("base/k6_1.csv", &before), ("new/improved_k6_1.csv", &after)]);
    let args = ["analyze", "base", "new", "--json", "c.json", "--html", "c.html"];
    let output = bench.run(&args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    let sentences = [
        "The mean response time fell from 70.0 ms to 45.0 ms (-35.7 %).",
        "The slowest endpoint is POST /api/v1/user in both; its mean fell from 90.0 ms to 60.0 ms (-33.3 %).",
        "The busiest endpoint is GET /api/v1/item in both: 50.0 % of the requests before, 75.0 % after.",
        "The error rate went from 25.00 % to 0.00 %.",
    ];
    for sentence in sentences {
        assert!(shown.contains(sentence), "`{sentence}` is in {shown}");
    }
    assert!(shown.contains("bench compare"), "one run each is no proof: {shown}");
    let json = bench.json("c.json");
    let p95 =
        json["pairs"][0]["changes"].as_array().expect("a list").iter().find(|one| one["metric"] == "p95");
    let p95 = p95.expect("p95 is compared");
    assert_eq!(
        (&p95["endpoint"], &p95["baseline"], &p95["improved"]),
        (&json!("summary"), &json!(90.0), &json!(60.0))
    );
    assert_eq!(json["pairs"][0]["baseline"]["analysis"]["summary"]["total_requests"], 4);
    let page = std::fs::read_to_string(bench.path("c.html")).expect("a page");
    for part in [
        "Response time over time",
        "Throughput over time",
        "Error rate over time",
        "Mean response time by endpoint and method",
        "Spread of the response time",
        "POST /api/v1/user · improved",
        sentences[0],
    ] {
        assert!(page.contains(part), "the page has `{part}`");
    }
    for banned in ["<script", "http-equiv=\"refresh", "NaN", "inf%", "https://"] {
        assert!(!page.contains(banned), "the page has `{banned}`");
    }
}

#[test]
fn the_page_of_one_side_has_its_charts() {
    let bench = bench_with(&[("run_stats.csv", &csv(&[HEADER, HEALTH, LOGIN, AGGREGATED]))]);
    let output = bench.run(&["analyze", "run_stats.csv", "--html", "page.html"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let page = std::fs::read_to_string(bench.path("page.html")).expect("a page");
    for part in
        ["Throughput by endpoint", "Error rate by endpoint", "the source has no quartiles", "POST /login"]
    {
        assert!(page.contains(part), "the page has `{part}`");
    }
    let failed = bench.run(&["analyze", "run_stats.csv", "--html", "no/such/page.html"]);
    assert_eq!(failed.status.code(), Some(3));
    assert!(text(&failed.stderr).contains("--html"), "{}", text(&failed.stderr));
}

#[test]
fn thresholds_decide_the_exit_code() {
    let bench = bench_with(&[("run_stats.csv", &csv(&[HEADER, HEALTH, LOGIN, AGGREGATED]))]);
    let code = |rules: &[&str]| {
        let mut args = vec!["analyze", "run_stats.csv"];
        args.extend(rules.iter().flat_map(|rule| ["--threshold", rule]));
        let output = bench.run(&args);
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    let (held, shown) = code(&["http_req_duration: p(95)<200", "http_req_failed: rate<0.02"]);
    assert_eq!(held, Some(0), "{shown}");
    assert!(shown.contains("- run: http_req_duration: p(95)<200 held (180)"), "{shown}");
    let (crossed, shown) = code(&["http_req_duration: p(95)<100", "http_req_failed: rate<0.02"]);
    assert_eq!(crossed, Some(99), "{shown}");
    assert!(shown.contains("p(95)<100 NOT MET (180)"), "{shown}");
    let (unknown, shown) = code(&["http_req_duration{action:/login}: p(90)<1000"]);
    assert_eq!(unknown, Some(99), "a value that is not reported meets no limit: {shown}");
    let (of_one, shown) = code(&["http_req_duration{action:/health}: p(95)<31"]);
    assert_eq!(of_one, Some(0), "{shown}");
    let (wrong, shown) = code(&["p95 < 200"]);
    assert_eq!(wrong, Some(2), "{shown}");
}

#[test]
fn sides_without_a_common_test_are_refused() {
    let bench = bench_with(&[
        ("a/x_stats.csv", &csv(&[HEADER, AGGREGATED])),
        ("a/y_stats.csv", &csv(&[HEADER, AGGREGATED])),
        ("b/v_stats.csv", &csv(&[HEADER, AGGREGATED])),
        ("b/w_stats.csv", &csv(&[HEADER, AGGREGATED])),
    ]);
    let output = bench.run(&["analyze", "a", "b"]);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("the first one holds `x`, `y`, the second one `v`, `w`"), "{message}");
}
