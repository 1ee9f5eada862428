//! Recorded requests: lists and their faults, no panic on any bytes, and what a plan makes of a recording.

use lb_config::{Dialect, Overrides, Plan, ReplayFlags, from_text, load, plan};
use lb_core::workload::{Next, Rendered, Schedule};
use lb_recording::{Play, ReadOptions, Recording, RecordingFormat, read};
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

fn trace(text: &str) -> Recording {
    read("t", text.as_bytes(), ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str, options: ReadOptions) -> String {
    read("t", text.as_bytes(), options).map(|_| ()).expect_err(text).to_string()
}

fn rows(trace: &Recording) -> Vec<(f64, &str, &str)> {
    trace.requests.iter().map(|row| (row.at.as_secs_f64(), row.action, row.path)).collect()
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
    for (text, format) in
        [(Q, RecordingFormat::Requests), (VEGETA, RecordingFormat::Vegeta), (K6, RecordingFormat::K6)]
    {
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
        (RecordingFormat::AccessLog, true),
        "logs know whole seconds only"
    );
    assert_eq!(rows(&log), expected(0.0));
}

#[test]
fn bodies_and_headers_are_kept_except_those_of_the_connection() {
    let trace = trace(VEGETA);
    let post = trace.requests.get(1).expect("a second request");
    assert_eq!(post.body, b"{\"a\":1}");
    let headers: Vec<(&str, &str)> = post.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(headers, [("X-A", "1"), ("X-A", "2")], "the host is the load balancer's");
}

#[test]
fn speed_divides_times_and_a_rate_stands_in_for_missing_ones() {
    let (fast, _) = trace(Q).play(Play { speed: 4.0, ..Play::default() });
    let at: Vec<f64> = fast.times().map(|at| at.as_secs_f64()).collect();
    assert_eq!(at, [0.0, 0.125, 0.5]);
    let untimed =
        "{\"method\":\"GET\",\"url\":\"http://h/a\"}\n{\"method\":\"GET\",\"url\":\"http://h/b\"}\n";
    let options = ReadOptions { rate: Some(4.0), ..ReadOptions::default() };
    let spaced = read("t", untimed.as_bytes(), options.clone()).expect("a rate is enough");
    assert_eq!(spaced.requests.get(1).map(|row| row.at.as_secs_f64()), Some(0.25));
    assert!(refused(untimed, ReadOptions::default()).contains("no row has a timestamp; give a rate"));
    let given = read("t", Q.as_bytes(), options).expect("times give way to a rate");
    assert_eq!(given.requests.times().map(|at| at.as_secs_f64()).collect::<Vec<_>>(), [0.0, 0.25, 0.5]);
}

#[test]
fn every_fault_is_named_with_its_line_and_the_way_out() {
    let q = |rows: &str| format!("[\n{rows}\n]");
    let row = |endpoint: &str, method: &str, time: &str| {
        format!("{{\"endpoint\": \"{endpoint}\", \"method\": \"{method}\", \"timestamp\": {time}}}")
    };
    let (one, half) = (row("/a", "GET", "1700000000"), row("/b", "GET", "1700000000.5"));
    for (text, reason) in [
        (String::new(), "is empty; a recording needs at least one request"),
        ("\n \n".to_owned(), "is empty"),
        ("[]".to_owned(), "has no requests; a recording needs at least one"),
        ("hello".to_owned(), "line 1: is not in a known format"),
        ("{\"a\": 1}".to_owned(), "line 1: is not in a known format"),
        ("[\n{\"endpoint\": \"/a\",\n".to_owned(), "line 2: the file is not a JSON list"),
        (q(&format!("{one},\n7")), "line 3: the row must be an object"),
        (
            q(&format!("{one},\n{{\"endpoint\": \"/a\", \"method\": \"GET\"}}")),
            "line 3: the timestamp is missing, but other rows have one",
        ),
        (
            q(&format!("{one},\n{}", row("/a", "GET", "\"2026-01-31 12:00:00\""))),
            "line 3: the timestamp is a time without a zone, but that of line 2 is Unix seconds; use one style for all of them",
        ),
        (
            q(&format!("{one},\n{}", row("/a", "GET", "\"noon\""))),
            "line 3: `noon` is not a timestamp; use RFC 3339",
        ),
        (q(&format!("{half},\n{half}")), "all 2 rows have the same timestamp; give a rate"),
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
        ("{\"metric\":\"vus\",\"type\":\"Point\",\"data\":{}}".to_owned(), "has no requests"),
    ] {
        let message = refused(&text, ReadOptions::default());
        assert!(message.contains(reason), "expected {reason:?} in: {message}");
    }
    let forced = ReadOptions { format: Some(RecordingFormat::K6), ..ReadOptions::default() };
    assert!(
        refused(VEGETA, forced).contains("line 1: `type` or `metric` is missing"),
        "a forced format is not guessed"
    );
}

#[test]
fn the_first_ten_faults_are_listed_and_the_others_counted() {
    let rows: Vec<String> =
        (0..25).map(|_| "{\"endpoint\": \"/a\", \"method\": \"EAT\", \"timestamp\": 1}".to_owned()).collect();
    let message = refused(&format!("[{}]", rows.join(",\n")), ReadOptions::default());
    assert!(message.contains("25 faults, the first 10 of which are:"), "{message}");
    assert_eq!(message.lines().count(), 11, "{message}");
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
    assert!(plan.notes().is_empty(), "nobody chose the topology: {:?}", plan.notes());
    let fast = planned(Q, &Overrides { speed: Some(2.0), ..Overrides::default() });
    assert_eq!(fast.scenarios()[0].scenario().duration.as_secs_f64(), 2.0);
    assert_eq!(from_text("q.json", Q).expect("a config").document(), json!({"requests": 3}));
}

#[test]
fn a_given_duration_leaves_out_what_lies_after_it() {
    let plan =
        planned(Q, &Overrides { duration: Some(Duration::from_secs(1).into()), ..Overrides::default() });
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
    let flag = Overrides { replay: vec![file.clone()], ..Overrides::default() };
    let loaded = load("default_benchmark_config.json").expect("a bundled config");
    let plan_of_flag = plan(&loaded, &flag).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(plan_of_flag.scenarios().len(), 1);
    assert_eq!(plan_of_flag.scenarios()[0].scenario().name, "targets");
    let notes_it = |plan: &Plan| plan.notes().iter().any(|note| note.key_path == "scenarios");
    assert!(!notes_it(&plan_of_flag), "a bundled config is not the user's: {:?}", plan_of_flag.notes());
    let own = dir.path().join("own.json");
    std::fs::write(&own, loaded.document().to_string()).expect("a config can be written");
    let own = load(&own.to_string_lossy()).expect("a config");
    let plan_of_own = plan(&own, &flag).unwrap_or_else(|error| panic!("{error}"));
    assert!(notes_it(&plan_of_own), "{:?}", plan_of_own.notes());
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
            sequence(json!("poisson:5")),
            Overrides { speed: Some(2.0), ..none.clone() },
            "--speed 2: applies only to a replay",
        ),
        (
            sequence(json!("poisson:5")),
            Overrides { recording: ReplayFlags { cycle: true, ..ReplayFlags::default() }, ..none.clone() },
            "--cycle: applies only to a replay",
        ),
        (
            Q.to_owned(),
            Overrides { recording: ReplayFlags { cycle: true, ..ReplayFlags::default() }, ..none.clone() },
            "--cycle true: repeats requests at a rate; give it",
        ),
        (
            Q.to_owned(),
            Overrides {
                recording: ReplayFlags { log_format: Some("$status".into()), ..ReplayFlags::default() },
                ..none.clone()
            },
            "--log-format $status: `$status` logs no request",
        ),
        (
            sequence(json!({"process": "replay", "file": "f", "fields": {"when": "ts"}})),
            none.clone(),
            "bench.arrivals.fields = \"when=ts\": `when` is not a field",
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

/// Writes a log and returns the plan of its replay.
fn replayed(log: &str, change: impl FnOnce(&mut Overrides)) -> Result<Plan, String> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("access.log");
    std::fs::write(&file, log).expect("a log can be written");
    let mut overrides = Overrides { replay: vec![file], ..Overrides::default() };
    change(&mut overrides);
    let loaded = load("default_benchmark_config.json").expect("a bundled config");
    plan(&loaded, &overrides).map_err(|error| error.to_string())
}

fn names(plan: &Plan) -> Vec<String> {
    plan.scenarios()[0].scenario().workload.action_names().to_vec()
}

fn notes(plan: &Plan) -> String {
    plan.notes().iter().map(|note| format!("{note}\n")).collect()
}

fn log(rows: &[(u32, &str, &str, u16)]) -> String {
    let line = |(second, method, path, status): &(u32, &str, &str, u16)| {
        format!(
            "203.0.113.50 - - [10/Oct/2024:13:55:{second}.000 +0000] \"{method} {path} HTTP/1.1\" {status} 5 \"-\" \"app/1\"\n"
        )
    };
    rows.iter().map(line).collect()
}

#[test]
fn one_path_with_two_methods_can_be_planned() {
    let plan = replayed(&log(&[(36, "GET", "/cart", 200), (37, "POST", "/cart", 201)]), |_| ());
    assert_eq!(names(&plan.expect("a plan")), ["GET /cart", "POST /cart"]);
}

#[test]
fn a_rate_and_a_duration_repeat_targets_without_times() {
    let targets =
        "{\"method\":\"GET\",\"url\":\"http://h/a\"}\n{\"method\":\"GET\",\"url\":\"http://h/b\"}\n";
    let refused = replayed(targets, |_| ()).map(|_| ()).expect_err("it has no times");
    assert!(refused.contains("give a rate, such as `--replay FILE --arrivals constant:50`"), "{refused}");
    for rate in [None, Some(50.0)] {
        let plan = replayed(targets, |overrides| {
            overrides.recording.rate = rate;
            overrides.arrivals = rate.is_none().then(|| "constant:50".to_owned());
        });
        let plan = plan.expect("what the message advises works");
        let schedule = Schedule::new(Arc::clone(&plan.scenarios()[0].scenario().workload), plan.seed());
        let at: Vec<f64> = schedule.arrivals().iter().map(|arrival| arrival.at.as_secs_f64()).collect();
        assert_eq!(at, [0.0, 0.02], "a request every 20 ms");
    }
    let plan = replayed(targets, |overrides| {
        overrides.recording = ReplayFlags { rate: Some(50.0), cycle: true, ..ReplayFlags::default() };
        overrides.duration = Some(Duration::from_secs(2).into());
    });
    let plan = plan.expect("a duration says how often");
    let schedule = Schedule::new(Arc::clone(&plan.scenarios()[0].scenario().workload), plan.seed());
    assert_eq!(schedule.arrivals().len(), 100);
}

#[test]
fn many_kinds_share_a_row_that_can_be_planned() {
    let rows: String = (0..1_100)
        .map(|n| format!("h - - [10/Oct/2024:13:55:36 +0000] \"GET /f{n}x.html HTTP/1.1\" 200 5\n"))
        .collect();
    let plan = replayed(&rows, |_| ()).expect("a plan");
    assert_eq!(names(&plan).len(), 1_000);
    assert!(names(&plan).contains(&"GET other".to_owned()));
    assert!(notes(&plan).contains("the rarest 101 kinds of requests"), "{}", notes(&plan));
}

#[test]
fn patterns_group_paths_as_the_user_says() {
    let rows =
        log(&[(36, "GET", "/user/ada", 200), (37, "GET", "/user/bob", 200), (38, "GET", "/item/7", 200)]);
    let plan = replayed(&rows, |overrides| {
        overrides.recording.patterns = vec!["/user/{name}".parse().expect("a pattern")];
    });
    assert_eq!(names(&plan.expect("a plan")), ["GET /item/{id}", "GET /user/{name}"]);
}

#[test]
fn a_route_with_the_full_path_matches_and_one_that_matches_nothing_is_noted() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("topology.json");
    let time = json!({"distribution": "constant", "mean_ms": 1000});
    let route = |path: &str| json!({"method": "GET", "path": path, "service_time": time});
    let topology = json!({
        "name": "t",
        "pools": [{"name": "main", "backends": [{"id": "a"}, {"id": "b"}]}],
        "routes": [route("/report"), route("/v1/report"), route("/nowhere")],
        "service_time": {"distribution": "constant", "mean_ms": 2}
    });
    std::fs::write(&file, topology.to_string()).expect("a topology can be written");
    let rows =
        log(&[(36, "GET", "/report", 200), (37, "GET", "/short", 200), (38, "GET", "/api/v1/report", 200)]);
    let plan = replayed(&rows, |overrides| overrides.topology = Some(file.to_string_lossy().into_owned()));
    let plan = plan.expect("a plan");
    let topology = &plan.scenarios()[0].scenario().topology;
    assert_eq!(topology.route("report", "GET", "/").0, 0, "the path as tables show it");
    assert_eq!(topology.route("api", "GET", "/v1/report").0, 1, "the path below its service");
    assert_eq!(topology.route("short", "GET", "/").0, 3);
    assert!(
        notes(&plan).contains("routes[2].path = \"/nowhere\": matches no recorded request"),
        "{}",
        notes(&plan)
    );
}

#[test]
fn whole_seconds_are_spread_by_default_and_the_note_says_so() {
    let rows: String = ["/a", "/b"]
        .iter()
        .map(|path| format!("h - - [10/Oct/2024:13:55:36 +0000] \"GET {path} HTTP/1.1\" 200 5\n"))
        .collect();
    let at = |spread: Option<&str>| {
        let plan = replayed(&rows, |overrides| {
            overrides.recording.spread = spread.map(|text| text.parse().expect("a way"))
        });
        let plan = plan.expect("a plan");
        let schedule = Schedule::new(Arc::clone(&plan.scenarios()[0].scenario().workload), plan.seed());
        let times: Vec<f64> = schedule.arrivals().iter().map(|arrival| arrival.at.as_secs_f64()).collect();
        (times, notes(&plan))
    };
    let (times, notes) = at(None);
    assert_eq!(times, [0.0, 0.5]);
    assert!(notes.contains("the requests of each second are spread evenly over it"), "{notes}");
    assert_eq!(at(Some("none")).0, [0.0, 0.0]);
}

#[test]
fn hosts_and_statuses_are_as_the_flags_say() {
    let targets = "{\"method\":\"GET\",\"url\":\"http://url.example/a\",\"header\":{\"Host\":[\"shop.example\"],\"X-Forwarded-For\":[\"203.0.113.9\"]},\"timestamp\":1}\n{\"method\":\"GET\",\"url\":\"http://url.example/b\",\"timestamp\":2}\n";
    let hosts = |host: Option<&str>| -> Vec<String> {
        let plan = replayed(targets, |overrides| {
            overrides.recording.host = host.map(|text| text.parse().expect("a choice"))
        });
        let plan = plan.expect("a plan");
        let schedule = Schedule::new(Arc::clone(&plan.scenarios()[0].scenario().workload), plan.seed());
        let sent = schedule.arrivals().iter().map(|arrival| {
            let mut user = schedule.virtual_user(arrival.id);
            let Next::Send(request) = user.next(None, arrival.at) else { panic!("it is sent") };
            let mut out = Rendered::default();
            user.render(&request, &mut out);
            assert!(out.headers.is_empty(), "the client and the host are not headers beside");
            format!("{} {}", out.host, out.forwarded_for)
        });
        sent.collect()
    };
    assert_eq!(hosts(None), ["shop.example 203.0.113.9", " "]);
    assert_eq!(hosts(Some("recorded")), ["shop.example 203.0.113.9", "url.example "]);
    assert_eq!(hosts(Some("target")), [" 203.0.113.9", " "]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), which in 0..16_usize) {
        let format = RecordingFormat::ALL.get(which).copied();
        let _ = read("t", &bytes, ReadOptions { format, ..ReadOptions::default() });
    }

    #[test]
    fn no_damage_to_a_good_recording_makes_a_reader_panic(which in 0..4_usize, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = [Q, VEGETA, K6, LOG][which].as_bytes().to_vec();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        if let Ok(trace) = read("t", &bytes, ReadOptions::default()) {
            prop_assert!(trace.requests.times().is_sorted(), "what is accepted is in order");
            prop_assert!(trace.requests.iter().all(|request| request.path.starts_with('/')));
        }
    }
}
