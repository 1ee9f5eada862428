//! Results as people publish them, which a first reader took for something else.

use lb_grading::{Analysis, Grade, Kind, analyze, analyze_content, gates, render};
use std::path::{Path, PathBuf};

const LOCUST: &str = "\"Type\",\"Name\",\"Request Count\",\"Failure Count\",\"Median Response Time\",\
\"Average Response Time\",\"Min Response Time\",\"Max Response Time\",\"Average Content Size\",\"Requests/s\",\
\"Failures/s\",\"50%\",\"66%\",\"75%\",\"80%\",\"90%\",\"95%\",\"98%\",\"99%\",\"99.9%\",\"99.99%\",\"99.999%\",\"100%\"\n";
const GET: &str = "\"GET\",\"/list\",30,0,70,72,60,95,2100,0.80,0.00,70,75,80,85,88,90,94,95,95,95,95,95\n";
const POST: &str =
    "\"POST\",\"/list\",10,5,300,320,280,400,150,0.25,0.12,300,330,340,350,390,400,400,400,400,400,400,400\n";
const TOTAL: &str =
    "\"\",\"Aggregated\",40,5,80,134,60,400,1600,1.05,0.12,80,90,95,300,330,400,400,400,400,400,400,400\n";

fn content(content: impl AsRef<[u8]>) -> Analysis {
    analyze_content(Path::new("run_stats.csv"), content.as_ref()).unwrap_or_else(|error| panic!("{error}"))
}

/// Requests, failures, requests per second and p95 of the first test.
fn totals(analysis: &Analysis) -> (Option<u64>, Option<u64>, Option<f64>, Option<f64>) {
    let summary = &analysis.tests[0].summary;
    (summary.total_requests, summary.total_failures, summary.rps, summary.p95)
}

fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).expect("a file can be written");
    }
    let path = folder.path().to_owned();
    (folder, path)
}

const EXPECTED: (Option<u64>, Option<u64>, Option<f64>, Option<f64>) =
    (Some(40), Some(5), Some(1.05), Some(400.0));

#[test]
fn a_row_none_aggregated_is_the_total_and_not_an_endpoint() {
    let analysis = content([LOCUST, GET, POST, &TOTAL.replace("\"\",", "\"None\",")].concat());
    assert_eq!(totals(&analysis), EXPECTED);
    assert_eq!(analysis.tests[0].endpoints.len(), 2);
}

#[test]
fn a_test_in_which_every_request_failed_has_no_latency_and_meets_no_limit_on_it() {
    let row = "GET,/x,500,500,1.0,1.2,0.8,4.1,0.0,50.0,50.0,1,1,1,1,2,2,3,4,4,4,4,4\n";
    let analysis = content([LOCUST, row, &row.replace("GET,/x", ",Aggregated")].concat());
    let test = &analysis.tests[0];
    assert_eq!((test.summary.p95, test.summary.performance_grade), (None, None));
    assert_eq!((test.summary.error_rate, test.summary.error_grade), (Some(100.0), Some(Grade::Poor)));
    assert!(test.notes[0].contains("(p95 2.0 ms) are those of failures"), "{:?}", test.notes);
    let threshold = |rule: &str| rule.parse().expect("a threshold");
    let found = gates(
        &analysis,
        &[threshold("http_req_duration: p(95)<200"), threshold("http_req_failed: rate<0.01")],
    );
    assert_eq!((found[0].ok, found[1].ok), (false, false));
    assert_eq!(found[0].reason, "100.0 % of the requests failed, so there is no latency to judge");
    assert_eq!(found[1].value, Some(1.0));
    assert!(render(&analysis, &found).contains("NOT MET (100.0 % of the requests failed"), "it is said");
}

#[test]
fn encodings_of_windows_keep_their_numbers() {
    let text = [LOCUST, GET, POST, TOTAL].concat();
    // `/列表` in GBK; an `é` in CP1252; UTF-16 as PowerShell writes it.
    let gbk: Vec<u8> = replaced(text.as_bytes(), b"/list", b"/\xc1\xd0\xb1\xed");
    let western = replaced(text.as_bytes(), b"/list", b"/\xe9");
    for bytes in [gbk, western] {
        let analysis = content(&bytes);
        assert_eq!(totals(&analysis), EXPECTED);
        let test = &analysis.tests[0];
        assert!(test.endpoints[0].name.contains('\u{fffd}'), "{:?}", test.endpoints[0].name);
        assert!(test.notes.iter().any(|note| note.contains("neither UTF-8 nor UTF-16")), "{:?}", test.notes);
    }
    let utf_16: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let analysis = content(&utf_16);
    assert_eq!((totals(&analysis), analysis.tests[0].notes.len()), (EXPECTED, 0));
}

fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut result = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(old.len()).position(|part| part == old) {
        result.extend_from_slice(&rest[..at]);
        result.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    result.extend_from_slice(rest);
    result
}

#[test]
fn locust_json_has_the_whole_histogram() {
    let json = r#"[{"name":"/a","method":"GET","last_request_timestamp":1700000010.0,"start_time":1700000000.0,
        "num_requests":100,"num_none_requests":0,"num_failures":1,"total_response_time":1450.0,"max_response_time":120.0,
        "min_response_time":1.0,"total_content_length":300,"response_times":{"10":90,"40":5,"90":4,"120":1},
        "num_reqs_per_sec":{"1700000000":50,"1700000001":50},"num_fail_per_sec":{"1700000001":1}}]"#;
    let analysis = content(json);
    let test = &analysis.tests[0];
    let summary = &test.summary;
    assert_eq!((test.kind, totals(&analysis)), (Kind::Locust, (Some(100), Some(1), Some(10.0), Some(40.0))));
    assert_eq!((summary.p50, summary.p99, summary.max_response_time), (Some(10.0), Some(90.0), Some(120.0)));
    assert_eq!((summary.avg_response_time, summary.min_response_time), (Some(14.5), Some(1.0)));
    assert_eq!(test.endpoints[0].stats.p95, Some(40.0));
    assert_eq!(test.course[1].failures_rps, 1.0);
}

#[test]
fn locust_json_adds_histograms_and_never_averages_percentiles() {
    let entry = |name: &str, times: &str| {
        format!(
            r#"{{"name":"{name}","method":"GET","last_request_timestamp":20,"start_time":10,"num_requests":100,
            "num_failures":0,"total_response_time":1000,"max_response_time":500,"min_response_time":1,
            "response_times":{{{times}}}}}"#
        )
    };
    let analysis = content(format!("[{},{}]", entry("/a", r#""10":100"#), entry("/b", r#""500":8,"20":92"#)));
    // 8 of 200 requests took 500 ms: the p95 is 20 ms, not a mean of 10 ms and 500 ms.
    assert_eq!(totals(&analysis), (Some(200), Some(0), Some(20.0), Some(20.0)));
}

#[test]
fn locust_before_1_0_has_other_columns_and_percentiles_in_a_file_of_their_own() {
    let requests = "\"Method\",\"Name\",\"# requests\",\"# failures\",\"Median response time\",\"Average response time\",\"Min response time\",\"Max response time\",\"Average Content Size\",\"Requests/s\"\n\
        \"GET\",\"/\",51,1,4,3,2,6,12274,0.89\n\"None\",\"Total\",51,1,4,3,2,6,6389,0.89\n";
    let analysis = content(requests);
    assert_eq!(totals(&analysis), (Some(51), Some(1), Some(0.89), None));
    assert_eq!((analysis.tests[0].summary.p50, analysis.tests[0].endpoints.len()), (Some(4.0), 1));
    let distribution = "\"Name\",\"# requests\",\"50%\",\"66%\",\"75%\",\"80%\",\"90%\",\"95%\",\"98%\",\"99%\",\"100%\"\n\
        \"GET /\",51,4,4,5,5,5,6,6,6,6\n\"None Total\",51,4,4,5,5,5,6,6,6,6\n";
    let (_kept, path) = folder(&[("old_requests.csv", requests), ("old_distribution.csv", distribution)]);
    let analysis = analyze(&path).expect("a test");
    assert_eq!((analysis.tests.len(), analysis.tests[0].name.as_str()), (1, "old"));
    assert_eq!(totals(&analysis), (Some(51), Some(1), Some(0.89), Some(6.0)));
    assert_eq!(analysis.tests[0].endpoints[0].stats.p99, Some(6.0));
}

#[test]
fn downloads_of_the_web_ui_are_read_by_their_content() {
    let failures = "Method,Name,Error,Occurrences\nPOST,/list,timeout,5\n";
    let (_kept, path) = folder(&[
        ("requests_17.25.csv", &[LOCUST, GET, POST, TOTAL].concat()),
        ("failures_18.5.csv", failures),
    ]);
    let analysis = analyze(&path).expect("a test");
    assert_eq!((totals(&analysis), analysis.tests.len(), analysis.notes.len()), (EXPECTED, 1, 0));
    assert_eq!(analysis.tests[0].failures[0].error, "timeout");
}

/// A summary of k6, in the format of `handleSummary` or as it is exported.
fn k6(exported: bool) -> String {
    let value = |values: &str, rule: &str, ok: bool| match exported {
        // Exported thresholds are true where they were crossed.
        true => format!(r#"{{{values},"thresholds":{{"{rule}":{}}}}}"#, !ok),
        false => format!(r#"{{"type":"x","values":{{{values}}},"thresholds":{{"{rule}":{{"ok":{ok}}}}}}}"#),
    };
    let check = r#"{"name":"has token","passes":20,"fails":80}"#;
    let groups = match exported {
        true => format!(r#""groups":{{"login":{{"name":"login","checks":{{"has token":{check}}}}}}}"#),
        false => format!(r#""groups":[{{"name":"login","groups":[],"checks":[{check}]}}]"#),
    };
    format!(
        r#"{{"root_group":{{"name":"",{groups}}},"state":{{"testRunDurationMs":10000.5}},"metrics":{{
        "http_reqs":{},"checks":{},"http_req_duration":{},
        "http_req_failed":{}}}}}"#,
        value(r#""count":200,"rate":20"#, "rate>100", false),
        value(r#""rate":0.2,"value":0.2,"passes":20,"fails":80"#, "rate>0.95", false),
        value(r#""avg":10,"min":1,"med":9,"max":40,"p(90)":20,"p(95)":25"#, "p(95)<20", false),
        value(r#""rate":0,"value":0,"passes":0,"fails":200"#, "rate<0.01", true),
    )
}

#[test]
fn crossed_thresholds_and_failed_checks_of_k6_are_named() {
    for exported in [false, true] {
        let analysis = content(k6(exported));
        let test = &analysis.tests[0];
        let crossed: Vec<(&str, &str)> =
            test.crossed().map(|one| (one.metric.as_str(), one.condition.as_str())).collect();
        let expected =
            [("http_reqs", "rate>100"), ("checks", "rate>0.95"), ("http_req_duration", "p(95)<20")];
        assert_eq!(crossed, expected, "exported: {exported}");
        let checks: Vec<(&str, u64, u64)> =
            test.checks.iter().map(|one| (one.name.as_str(), one.passes, one.fails)).collect();
        assert_eq!(checks, [("login / has token", 20, 80)]);
        let shown = render(&analysis, &[]);
        for part in [
            "- checks: rate>0.95",
            "- login / has token: 20.0 % passed (20 of 100)",
            "Limits of the test's own",
        ] {
            assert!(shown.contains(part), "`{part}` is in {shown}");
        }
        assert!(!shown.contains("Nothing stands out"), "{shown}");
    }
}

#[test]
fn a_folder_may_mix_tools_and_what_is_unknown_is_named() {
    let oha = r#"{"summary":{"successRate":1.0,"total":2.0,"slowest":0.05,"fastest":0.001,"average":0.01,"requestsPerSec":500.0},
        "latencyPercentiles":{"p50":0.008,"p95":0.03,"p99":0.045},"statusCodeDistribution":{"200":990,"404":10},"errorDistribution":{}}"#;
    let files = [
        ("haproxy.json", oha),
        ("nginx.json", &k6(false)),
        ("caddy_stats.csv", &[LOCUST, TOTAL].concat()),
        ("caddy_exceptions.csv", "Count,Message,Traceback,Nodes\n"),
        ("readme.txt", "how it was run"),
        ("chart.png", "\u{0}\u{1}png"),
    ];
    let (_kept, path) = folder(&files);
    let analysis = analyze(&path).expect("three tests");
    let found: Vec<(&str, Kind)> =
        analysis.tests.iter().map(|test| (test.name.as_str(), test.kind)).collect();
    assert_eq!(found, [("caddy", Kind::Locust), ("haproxy", Kind::Oha), ("nginx", Kind::K6)]);
    assert_eq!(analysis.notes, ["files that hold no results of a known kind: `chart.png`, `readme.txt`"]);
    let shown = render(&analysis, &[]);
    let table = &shown[shown.find("ALL TESTS").expect("one table of all")..];
    for name in ["caddy", "haproxy", "nginx"] {
        assert!(table.contains(name), "{table}");
    }
}

#[test]
fn a_broken_file_in_a_folder_is_an_error_and_not_left_out() {
    let (_kept, path) = folder(&[
        ("good_stats.csv", &[LOCUST, TOTAL].concat()),
        ("bad_stats.csv", &[LOCUST, "GET,/x\n"].concat()),
    ]);
    let error = analyze(&path).expect_err("a gate must not pass because a file was left out").to_string();
    assert!(error.contains("bad_stats.csv") && error.contains("line 2"), "{error}");
}

#[test]
fn huge_negative_and_undefined_numbers_are_refused_by_name_or_kept_finite() {
    let table = [
        (r#"{"latencies":{"mean":-1},"status_codes":{},"requests":1}"#, "`latencies.mean` is `-1`"),
        (r#"{"latencies":{"mean":1},"status_codes":{}}"#, "`requests` is missing"),
        (r#"{"latencies":{"mean":"fast"},"status_codes":{},"requests":1}"#, "`latencies.mean` is `\"fast\"`"),
        ("timeStamp,elapsed,label,success\n1700000000000,NaN,a,true\n", "line 2, column `elapsed`: `NaN`"),
        ("timeStamp,elapsed,label,success\n1700000000000,-5,a,true\n", "line 2, column `elapsed`: `-5`"),
    ];
    for (text, part) in table {
        let error = analyze_content(Path::new("x"), text.as_bytes()).expect_err(text).to_string();
        assert!(error.contains(part), "`{part}` is in {error}");
    }
    let huge = "timeStamp,elapsed,label,success\n1,1e308,a,true\n9999999999999,1e308,a,true\n";
    let analysis = content(huge);
    let summary = &analysis.tests[0].summary;
    assert_eq!(
        (summary.total_requests, summary.avg_response_time),
        (Some(2), None),
        "an infinite sum is unknown"
    );
    let counts = format!(r#"{{"result":{{"req2xx":{0},"req4xx":{0},"timeTakenSeconds":1}}}}"#, u64::MAX);
    assert_eq!(content(counts).tests[0].summary.total_requests, Some(u64::MAX), "sums stay within the type");
}

#[test]
fn what_is_not_a_result_is_told_what_is_read() {
    for text in ["", "hello", "{}", "[1]", "a,b\n1,2\n", "{\"a\": 1}\n{\"b\": 2}\n", "<html></html>"] {
        let error = analyze_content(Path::new("x"), text.as_bytes()).expect_err(text).to_string();
        for tool in ["Locust", "k6", "JMeter", "Gatling", "Vegeta", "wrk2", "Nighthawk"] {
            assert!(error.contains(tool), "{tool} is named for `{text}`: {error}");
        }
    }
}
