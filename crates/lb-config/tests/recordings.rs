//! Recorded requests: every format to the same replay, every fault with its line, no panic on any
//! bytes, and what a plan makes of a recording.

use lb_config::{Dialect, Overrides, Plan, from_text, load, plan};
use lb_core::workload::Schedule;
use lb_recording::{Trace, TraceFormat, TraceOptions, read};
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const Q: &str = r#"[
  {"endpoint": "/api/v1/resource", "method": "GET", "timestamp": "2026-01-31T12:00:00Z"},
  {"endpoint": "http://localhost/api/v1/item/17?x=1", "method": "post", "timestamp": "2026-01-31T12:00:00.500Z"},
  {"endpoint": "api/v1/user/18", "method": "GET", "timestamp": "2026-01-31T12:00:02Z"}
]"#;

const VEGETA: &str = r#"{"method": "GET", "url": "http://host/api/v1/resource", "timestamp": "2026-01-31T12:00:00Z"}
{"method": "POST", "url": "http://host/api/v1/item/17?x=1", "body": "eyJhIjoxfQ==", "header": {"X-A": ["1", "2"], "Host": ["h"]}, "timestamp": "2026-01-31T12:00:00.5Z"}

{"method": "GET", "url": "http://host/api/v1/user/18", "timestamp": "2026-01-31T12:00:02Z"}
"#;

const K6: &str = r#"{"metric":"http_reqs","type":"Metric","data":{"name":"http_reqs","type":"counter"}}
{"metric":"http_reqs","type":"Point","data":{"time":"2026-01-31T13:00:00+01:00","value":1,"tags":{"method":"GET","url":"http://host/api/v1/resource","name":"group"}}}
{"metric":"http_req_duration","type":"Point","data":{"time":"2026-01-31T13:00:00+01:00","value":3.5,"tags":{"method":"GET","url":"http://host/api/v1/resource"}}}
{"metric":"http_reqs","type":"Point","data":{"time":"2026-01-31T13:00:00.5+01:00","value":1,"tags":{"method":"POST","url":"http://host/api/v1/item/17?x=1"}}}
{"metric":"http_reqs","type":"Point","data":{"time":"2026-01-31T13:00:02+01:00","value":1,"tags":{"method":"GET","url":"http://host/api/v1/user/18"}}}
"#;

const LOG: &str = r#"127.0.0.1 - frank [31/Jan/2026:12:00:00 +0000] "GET /api/v1/resource HTTP/1.1" 200 2326
127.0.0.1 - - [31/Jan/2026:12:00:00 +0000] "POST /api/v1/item/17?x=1 HTTP/1.1" 201 5 "http://ref/\"q\"" "Browser [x] \"y\""
127.0.0.1 - - [31/Jan/2026:12:00:02 +0000] "GET /api/v1/user/18 HTTP/1.0" 404 -
"#;

fn trace(text: &str) -> Trace {
    read("t", text.as_bytes(), TraceOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str, options: TraceOptions) -> String {
    read("t", text.as_bytes(), options).map(|_| ()).expect_err(text).to_string()
}

fn rows(trace: &Trace) -> Vec<(f64, &str, &str)> {
    let row = |request: &'_ lb_core::workload::ReplayRequest| request.at.as_secs_f64();
    trace.requests.iter().map(|r| (row(r), r.action.as_str(), r.path.as_str())).collect()
}

#[test]
fn every_format_comes_to_the_same_replay() {
    let expected = |second: f64| {
        [
            (0.0, "GET /api/v1/resource", "/api/v1/resource"),
            (second, "POST /api/v1/item/{id}", "/api/v1/item/17?x=1"),
            (2.0, "GET /api/v1/user/{id}", "/api/v1/user/18"),
        ]
    };
    for (text, format) in [(Q, TraceFormat::Requests), (VEGETA, TraceFormat::Vegeta), (K6, TraceFormat::K6)] {
        let trace = trace(text);
        assert_eq!(
            (trace.format, trace.whole_seconds),
            (format, false),
            "the format is told from the content"
        );
        assert_eq!(rows(&trace), expected(0.5), "{}", format.name());
    }
    let log = trace(LOG);
    assert_eq!(
        (log.format, log.whole_seconds),
        (TraceFormat::AccessLog, true),
        "logs know whole seconds only"
    );
    assert_eq!(rows(&log), expected(0.0));
}

#[test]
fn bodies_and_headers_are_kept_except_those_of_the_connection() {
    let trace = trace(VEGETA);
    let post = &trace.requests[1];
    assert_eq!(post.body, b"{\"a\":1}");
    let headers: Vec<(&str, &str)> = post.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(headers, [("X-A", "1"), ("X-A", "2")], "the host is the load balancer's");
}

#[test]
fn speed_divides_times_and_a_rate_stands_in_for_missing_ones() {
    let fast = trace(Q).replay(4.0);
    let at: Vec<f64> = fast.requests.iter().map(|request| request.at.as_secs_f64()).collect();
    assert_eq!(at, [0.0, 0.125, 0.5]);
    let untimed =
        "{\"method\":\"GET\",\"url\":\"http://h/a\"}\n{\"method\":\"GET\",\"url\":\"http://h/b\"}\n";
    let options = TraceOptions { rate: Some(4.0), format: None };
    let spaced = read("t", untimed.as_bytes(), options).expect("a rate is enough");
    assert_eq!(spaced.requests[1].at.as_secs_f64(), 0.25);
    assert!(refused(untimed, TraceOptions::default()).contains("no row has a timestamp; give a rate"));
    assert!(refused(Q, options).contains("a rate contradicts them"));
}

#[test]
fn every_fault_is_named_with_its_line_and_the_way_out() {
    let q = |rows: &str| format!("[\n{rows}\n]");
    let row = |endpoint: &str, method: &str, time: &str| {
        format!("{{\"endpoint\": \"{endpoint}\", \"method\": \"{method}\", \"timestamp\": {time}}}")
    };
    let (one, two) = (row("/a", "GET", "1700000000"), row("/b", "GET", "1700000001"));
    let log = |time: &str, request: &str| format!("h - - [{time}] \"{request}\" 200 1");
    let good = log("31/Jan/2026:12:00:00 +0000", "GET /a HTTP/1.1");
    for (text, reason) in [
        (String::new(), "is empty; a recording needs at least one request"),
        ("\n \n".to_owned(), "is empty"),
        ("[]".to_owned(), "has no requests; a recording needs at least one"),
        ("hello".to_owned(), "line 1: is not in a known format"),
        ("{\"a\": 1}".to_owned(), "line 1: is not in a known format"),
        ("[\n{\"endpoint\": \"/a\",\n".to_owned(), "line 3: the file is not a JSON list"),
        (
            q(&format!("{two},\n{one}")),
            "line 3: the timestamp `1700000000` is earlier than `1700000001` on line 2; sort the rows by time",
        ),
        (q(&format!("{one},\n7")), "line 3: the row must be an object"),
        (
            q(&format!("{one},\n{{\"endpoint\": \"/a\", \"method\": \"GET\"}}")),
            "line 3: the timestamp is missing, but other rows have one",
        ),
        (
            q(&format!("{one},\n{}", row("/a", "GET", "\"2026-01-31 12:00:00\""))),
            "line 3: the timestamp `2026-01-31 12:00:00` is a time without a zone, but line 2 has Unix seconds (`1700000000`); use one style for all of them",
        ),
        (
            q(&format!("{one},\n{}", row("/a", "GET", "\"noon\""))),
            "line 3: `noon` is not a timestamp; use RFC 3339",
        ),
        (
            q(&format!("{one},\n{one}")),
            "all 2 rows have the timestamp `1700000000`; remove the timestamps and give a rate",
        ),
        (q(&row("/a", "FETCH", "1")), "line 2: the method `FETCH` is not one of GET, HEAD"),
        (q(&row("/a", "", "1")), "the method `` is not one of"),
        (q(&row("", "GET", "1")), "line 2: `` is not a path"),
        (q(&row("ftp://h/a", "GET", "1")), "is not an HTTP address"),
        (q("{\"method\": \"GET\", \"timestamp\": 1}"), "line 2: `endpoint` is missing"),
        (q("{\"endpoint\": 5, \"method\": \"GET\", \"timestamp\": 1}"), "`endpoint` must be text, not `5`"),
        (format!("{VEGETA}not json\n"), "line 5: is not JSON (column"),
        (format!("{VEGETA}{{\"method\": \"GET\"}}\n"), "line 5: `url` is missing"),
        ("{\"method\":\"GET\",\"url\":\"/a\",\"body\":\"***\"}".to_owned(), "line 1: `body` is not base64"),
        ("{\"method\":\"GET\",\"url\":\"/a\",\"header\":{\"A\\n\":[\"b\"]}}".to_owned(), "cannot be sent"),
        (format!("{K6}{{\"a\": 1}}"), "line 6: `type` or `metric` is missing"),
        ("{\"metric\":\"vus\",\"type\":\"Point\",\"data\":{}}".to_owned(), "has no requests"),
        (format!("{good}\nnonsense"), "line 2: is not a line of an access log"),
        (
            format!("{good}\n{}", log("31/Jan/2026:12:00:01 +0000", "-")),
            "line 2: `-` is not a request; remove the line",
        ),
        (
            format!("{good}\n{}", log("31/Foo/2026:12:00:01 +0000", "GET /a HTTP/1.1")),
            "line 2: `31/Foo/2026:12:00:01 +0000` is not an access log time",
        ),
    ] {
        let message = refused(&text, TraceOptions::default());
        assert!(message.contains(reason), "expected {reason:?} in: {message}");
    }
    let forced = TraceOptions { format: Some(TraceFormat::K6), rate: None };
    assert!(
        refused(VEGETA, forced).contains("line 1: `type` or `metric` is missing"),
        "a forced format is not guessed"
    );
    let message =
        read("t", b"abc\n\xff", TraceOptions::default()).map(|_| ()).expect_err("no text").to_string();
    assert!(message.contains("line 2: is not UTF-8 text"), "{message}");
}

#[test]
fn the_first_ten_faults_are_listed_and_the_others_counted() {
    let rows: Vec<String> =
        (0..25).map(|_| "{\"endpoint\": \"/a\", \"method\": \"EAT\", \"timestamp\": 1}".to_owned()).collect();
    let message = refused(&format!("[{}]", rows.join(",\n")), TraceOptions::default());
    assert!(
        message.contains("26 faults, the first 10 of which are:"),
        "25 methods, and all times alike: {message}"
    );
    assert_eq!(message.lines().count(), 11, "{message}");
}

#[test]
fn more_than_a_thousand_kinds_of_requests_are_too_many() {
    let text = |kinds: usize| -> String {
        let row = |n: usize| format!("{{\"method\":\"GET\",\"url\":\"/page-{n}x\",\"timestamp\":{n}}}\n");
        (0..kinds).map(row).collect()
    };
    assert_eq!(trace(&text(1000)).requests.len(), 1000);
    let message = refused(&text(1003), TraceOptions::default());
    assert!(message.contains("line 1001: more than 1000 kinds of requests"), "{message}");
    assert_eq!(message.lines().count(), 2, "it is said once: {message}");
}

fn planned(text: &str, overrides: &Overrides) -> Plan {
    let loaded = from_text("requests.json", text).unwrap_or_else(|error| panic!("{error}"));
    plan(&loaded, overrides).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_list_of_requests_is_a_config_that_plays_itself() {
    let plan = planned(Q, &Overrides::default());
    assert_eq!(plan.dialect(), Dialect::Requests);
    let scenario = &plan.scenarios()[0];
    assert_eq!(scenario.scenario().name, "requests", "named after the file");
    assert_eq!(scenario.scenario().duration.as_secs_f64(), 3.0, "a second for the last reply");
    assert!((scenario.patterns()[0].expected_rps() - 1.0).abs() < 1e-9, "three requests in three seconds");
    let schedule = Schedule::new(Arc::clone(&scenario.scenario().workload), plan.seed());
    let at: Vec<f64> = schedule.arrivals().iter().map(|arrival| arrival.at.as_secs_f64()).collect();
    assert_eq!(at, [0.0, 0.5, 2.0], "requests come at their recorded times");
    let step = &scenario.scenario().workload.steps()[0];
    assert_eq!((step.service.as_deref(), step.path.as_str()), (Some("api"), "/v1/resource"));
    assert!(scenario.scenario().topology.pool_of("api").is_some(), "some pool answers");
    assert!(plan.notes().iter().any(|note| note.key_path == "bench.topology"), "{:?}", plan.notes());
    let fast = planned(Q, &Overrides { speed: Some(2.0), ..Overrides::default() });
    assert_eq!(fast.scenarios()[0].scenario().duration.as_secs_f64(), 2.0);
    assert_eq!(from_text("q.json", Q).expect("a config").document(), json!({"requests": 3}));
}

#[test]
fn a_given_duration_leaves_out_what_lies_after_it() {
    let plan = planned(Q, &Overrides { duration: Some(Duration::from_secs(1)), ..Overrides::default() });
    assert_eq!(plan.scenarios()[0].scenario().duration.as_secs_f64(), 1.0);
    let schedule = Schedule::new(Arc::clone(&plan.scenarios()[0].scenario().workload), plan.seed());
    assert_eq!(schedule.arrivals().len(), 2);
    let note = plan.notes().iter().find(|note| note.key_path == "--duration").expect("it is reported");
    assert!(note.message.contains("1 of 3 recorded requests come later"), "{note}");
}

#[test]
fn a_replay_takes_the_place_of_all_scenarios() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("targets.json");
    std::fs::write(&file, VEGETA).expect("a recording can be written");
    let flag = Overrides { replay: Some(file.clone()), ..Overrides::default() };
    let loaded = load("default_benchmark_config.json").expect("a bundled config");
    let plan_of_flag = plan(&loaded, &flag).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(plan_of_flag.scenarios().len(), 1);
    assert_eq!(plan_of_flag.scenarios()[0].scenario().name, "targets");
    assert!(
        plan_of_flag.notes().iter().any(|note| note.key_path == "scenarios"),
        "{:?}",
        plan_of_flag.notes()
    );
    let config = dir.path().join("c.json");
    let arrivals = json!({"process": "replay", "file": "targets.json", "speed": 2, "format": "vegeta"});
    let text = json!({"scenarios": [{"name": "x", "duration_minutes": 1, "concurrent_users": 1}], "bench": {"arrivals": arrivals}});
    std::fs::write(&config, text.to_string()).expect("a config can be written");
    let loaded = load(&config.to_string_lossy()).expect("the config can be read");
    let plan_of_config = plan(&loaded, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        plan_of_config.scenarios()[0].scenario().duration.as_secs_f64(),
        2.0,
        "found beside the config, twice as fast"
    );
    let json = plan_of_config.to_json("sha");
    assert_eq!(json["scenarios"][0]["patterns"][0]["arrivals"]["requests"], 3, "counted, not listed");
}

#[test]
fn what_a_replay_cannot_do_is_refused() {
    let message = |text: &str, overrides: &Overrides| {
        let refused = from_text("requests.json", text).and_then(|loaded| plan(&loaded, overrides));
        refused.map(|_| ()).expect_err("it must be refused").to_string()
    };
    let none = Overrides::default();
    let sequence = |arrivals: serde_json::Value| {
        json!({"scenarios": [{"name": "x", "duration_minutes": 1, "concurrent_users": 1}], "bench": {"arrivals": arrivals}}).to_string()
    };
    for (text, overrides, reason) in [
        (Q.to_owned(), Overrides { users: Some(3), ..none.clone() }, "--users 3: arrivals take the place"),
        (
            Q.to_owned(),
            Overrides { time_scale: Some(2.0), ..none.clone() },
            "--time-scale 2: does not affect recorded times",
        ),
        (
            Q.to_owned(),
            Overrides { arrivals: Some("poisson:5".into()), ..none.clone() },
            "a replay has its own times; only `constant:RATE`",
        ),
        (
            Q.to_owned(),
            Overrides { arrivals: Some("constant:5".into()), ..none.clone() },
            "a rate contradicts them",
        ),
        (
            sequence(json!("poisson:5")),
            Overrides { speed: Some(2.0), ..none.clone() },
            "--speed 2: applies only to a replay",
        ),
        (sequence(json!({"process": "replay"})), none.clone(), "bench.arrivals.file = null: missing"),
        (
            sequence(json!({"process": "replay", "file": "no-such-file"})),
            none.clone(),
            "bench.arrivals.file = \"no-such-file\": cannot be read",
        ),
        (
            sequence(json!({"process": "replay", "file": "f", "start": "action"})),
            none.clone(),
            "bench.arrivals.start = null: has no effect on a replay",
        ),
        (
            "[{\"endpoint\": \"/a\", \"method\": \"GET\", \"timestamp\": \"x\"}]".to_owned(),
            none,
            "requests.json, line 1: `x` is not a timestamp",
        ),
    ] {
        let message = message(&text, &overrides);
        assert!(message.contains(reason), "expected {reason:?} in: {message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), which in 0..5_usize) {
        let formats = [None, Some(TraceFormat::Requests), Some(TraceFormat::Vegeta), Some(TraceFormat::K6), Some(TraceFormat::AccessLog)];
        let _ = read("t", &bytes, TraceOptions { format: formats[which], rate: None });
    }

    #[test]
    fn no_damage_to_a_good_recording_makes_a_reader_panic(which in 0..4_usize, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = [Q, VEGETA, K6, LOG][which].as_bytes().to_vec();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        if let Ok(trace) = read("t", &bytes, TraceOptions::default()) {
            prop_assert!(trace.requests.windows(2).all(|pair| pair[0].at <= pair[1].at), "what is accepted is in order");
            prop_assert!(trace.requests.iter().all(|request| request.path.starts_with('/')));
        }
    }
}
