//! Thresholds: their grammar, what of it a plan accepts, and whether made-up trials keep them.

use lb_analysis::summarise;
use lb_analysis::threshold::{PRESETS, Threshold, evaluate, preset};
use lb_config::{Engine, Overrides, Plan, PlannedScenario, from_text, plan};
use lb_core::workload::{ActionIndex, Observer, Sample, StepIndex, UserId, UserPlan};
use lb_core::{Outcome, Span, Time};
use lb_record::{Population, Recording, RecordingSpec};
use lb_results::{ListedBackend, MachineUse, Trial};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Two actions, one of them of two requests; two scenarios.
fn config(bench: &Value) -> Value {
    let mut bench = bench.clone();
    bench["algorithms"] = json!(["round-robin", "least-connections"]);
    bench["topology"] = json!("situation-a");
    bench["journey"] = json!({"name": "two", "actions": {
        "buy": {"weight": 1, "steps": [{"name": "fill", "method": "POST", "path": "/a"}, {"name": "pay", "method": "POST", "path": "/b"}]},
        "look": {"weight": 1, "steps": [{"name": "see", "path": "/c"}]}}});
    json!({
        "base_url": "http://localhost:8080",
        "scenarios": [
            {"name": "day", "duration_minutes": 0.1, "concurrent_users": 2, "ramp_up_time_seconds": 2},
            {"name": "night", "duration_minutes": 0.05, "concurrent_users": 1}
        ],
        "bench": bench
    })
}

fn planned(bench: &Value, overrides: &Overrides) -> Result<Plan, String> {
    let loaded = from_text("test.json", &config(bench).to_string()).expect("the config can be read");
    plan(&loaded, overrides).map_err(|error| error.to_string())
}

fn day() -> PlannedScenario {
    planned(&json!({}), &Overrides::default()).expect("a good config").scenarios()[0].clone()
}

/// A request: second, latency in milliseconds, step, outcome, backend.
type Row = (u64, u64, u16, Outcome, u16);

/// Steps in the order of the journey: 0 `fill`, 1 `pay`, 2 `see`.
fn trial(rows: &[Row], cut_s: f64) -> Trial {
    let window = (Time::ZERO, Time::ZERO + Span::from_secs(6));
    let users = [UserPlan { id: UserId(0), stage: 0, class: 0, windows: vec![window] }];
    let population = Population::of(&users);
    let spec = RecordingSpec { steps: 3, backends: 2, population, ..RecordingSpec::default() };
    let (recording, mut recorders) = Recording::start(spec, 1);
    for &(second, latency_ms, step, outcome, backend) in rows {
        let done = Time::ZERO + Span::from_millis(second * 1000 + 999);
        let sent = Time::from_nanos(done.as_nanos().saturating_sub(latency_ms * 1_000_000));
        recorders[0].sample(&Sample {
            user: UserId(0),
            action: ActionIndex(0),
            step: StepIndex(step),
            intended: sent,
            sent,
            done,
            outcome,
            status: 200,
            backend: Some(backend),
            bytes: 0,
        });
    }
    Trial {
        scenario: 0,
        algorithm: "round-robin".parse().expect("a known algorithm"),
        label: "round-robin".to_owned(),
        attempt: 0,
        problems: Vec::new(),
        accepted: Vec::new(),
        cut_s,
        machine: MachineUse::default(),
        block: 0,
        position: 0,
        schedule_sha256: String::new(),
        started: jiff::Timestamp::UNIX_EPOCH,
        record: recording.finish(recorders, Span::from_secs(6)),
        backends: (0..2).map(|id| ListedBackend { id: id.to_string(), pool: 0, weight: 1.0 }).collect(),
        balancer: Vec::new(),
        retries: None,
        counted_by: None,
        steering: None,
        resources: None,
        guards: None,
        trace: None,
        processes: Vec::new(),
        workers: Vec::new(),
        evidence: Value::Null,
        notes: Vec::new(),
    }
}

/// What a threshold observes, and whether it held; none when it does not look at `day`.
fn observed(text: &str, trials: &[&Trial]) -> Option<(Option<f64>, bool)> {
    let threshold: Threshold = text.parse().unwrap_or_else(|error| panic!("{error}"));
    let results = evaluate(&[threshold], day().scope(), trials, "round-robin");
    results.first().map(|result| (result.observed, result.ok))
}

const ROWS: [Row; 6] = [
    (0, 400, 0, Outcome::Ok, 0),
    (1, 100, 1, Outcome::Ok, 0),
    (2, 20, 2, Outcome::Ok, 0),
    (3, 40, 2, Outcome::ExpectedError, 1),
    (4, 30, 2, Outcome::Timeout, 1),
    (5, 10, 2, Outcome::Ok, 0),
];

#[test]
fn each_metric_is_measured_as_the_summary_measures_it() {
    let trial = trial(&ROWS, 0.0);
    for (text, value, ok) in [
        ("http_req_duration: avg<=114", 114.0, true),
        ("latency: min>=10ms", 10.0, true),
        ("http_req_duration: max<0.4s", 400.0, false),
        ("http_req_duration: med==40", 40.0, true),
        ("http_req_failed: rate<0.1", 1.0 / 6.0, false),
        ("http_reqs: count==6", 6.0, true),
        ("http_reqs: rate>=1", 1.0, true),
        ("backend_fairness: value>=0.9", 0.9, true),
        ("dropped: count==0", 0.0, true),
        ("http_req_duration{action:buy}: avg<300", 250.0, true),
        ("http_req_duration{action:pay}: max<101", 100.0, true),
        ("http_req_failed{method:GET}: rate==0.25", 0.25, true),
        ("http_reqs{method:post}: count!=2", 2.0, false),
        ("http_req_duration{scenario:day,algorithm:rr}: avg<1s", 114.0, true),
    ] {
        let (seen, held) = observed(text, &[&trial]).unwrap_or_else(|| panic!("{text} looks at this trial"));
        let seen = seen.unwrap_or_else(|| panic!("{text} has something to measure"));
        assert!((seen - value).abs() <= value * 0.001, "{text} observed {seen}, not {value}");
        // The median comes from a histogram that is exact to 0.1 %.
        assert!(held == ok || text.contains("med"), "{text} observed {seen}: {held}");
    }
}

/// Returns a trial whose replies name these backends, numbered from 2.
fn trial_with(rows: &[Row], names: &[&str]) -> Trial {
    let mut trial = trial(rows, 0.0);
    trial.record.unlisted_backends = names.iter().map(|name| (*name).to_owned()).collect();
    trial
}

fn backends(trials: &[&Trial]) -> Vec<(String, u64, f64)> {
    let summary = summarise(trials, &day().scenario().workload).expect("there are trials");
    summary.backends.into_iter().map(|backend| (backend.id, backend.requests, backend.share)).collect()
}

#[test]
fn backends_are_summed_by_name_and_replies_name_those_that_are_listed_otherwise() {
    let row = |second, backend| (second, 10, 0, Outcome::Ok, backend);
    let first = trial_with(&[row(0, 0), row(1, 2), row(2, 3)], &["x", "y"]);
    let second = trial_with(&[row(0, 1), row(1, 2), row(2, 2)], &["y"]);
    let expected = [("0", 1), ("1", 1), ("x", 1), ("y", 3)];
    let found = backends(&[&first, &second]);
    let found: Vec<(&str, u64)> = found.iter().map(|(id, requests, _)| (id.as_str(), *requests)).collect();
    assert_eq!(found, expected, "`y` is one backend, whatever its number");

    let mut strangers = trial_with(&[row(0, 2), row(1, 3), row(2, 3), row(3, 3)], &["shop-2", "shop-1"]);
    let note = strangers.list_by_replies().expect("no listed backend replied");
    assert!(note.contains("shop-1, shop-2, but the load balancer lists them as 0, 1"), "{note}");
    let expected = [("shop-1".to_owned(), 3, 0.75), ("shop-2".to_owned(), 1, 0.25)];
    assert_eq!(backends(&[&strangers]), expected, "rows that got nothing are gone");
    assert_eq!(strangers.list_by_replies(), None, "the names are listed now");
}

#[test]
fn windows_and_cuts_leave_seconds_out() {
    let whole = trial(&ROWS, 0.0);
    for (text, value) in [
        ("http_reqs{window:2s-4s}: count>0", 2.0),
        ("http_reqs{window:2s-4s}: rate>0", 1.0),
        ("http_req_failed{window:4-5}: rate>0", 1.0),
        ("http_reqs{window:after-ramp-up}: count>0", 4.0),
        ("backend_fairness{window:3s-6s}: value>0", 0.9),
    ] {
        let (seen, _) = observed(text, &[&whole]).expect("it looks at this trial");
        assert_eq!(seen, Some(value), "{text}");
    }
    let cut = trial(&ROWS, 3.0);
    assert_eq!(observed("http_reqs: count>0", &[&cut]), Some((Some(3.0), true)), "the warm-up is cut off");
    assert_eq!(observed("http_reqs{window:0s-3s}: count>0", &[&cut]), Some((Some(0.0), false)));
    assert_eq!(
        observed("http_reqs{action:fill}: count>0", &[&cut]),
        Some((Some(1.0), true)),
        "actions keep no seconds"
    );
    let both = observed("http_reqs: rate>0", &[&cut, &whole]).expect("it looks at both");
    assert_eq!(both.0, Some(9.0 / 9.0), "3 requests in 3 s, and 6 in 6 s");
}

#[test]
fn a_threshold_that_measures_nothing_does_not_hold_and_a_foreign_one_says_nothing() {
    let failing = trial(&[(0, 5, 0, Outcome::Timeout, 0)], 0.0);
    assert_eq!(
        observed("http_req_duration: avg<200", &[&failing]),
        Some((None, false)),
        "no success, no latency"
    );
    assert_eq!(observed("http_req_failed{action:look}: rate==0", &[&failing]), Some((None, false)));
    for foreign in [
        "http_reqs{scenario:night}: count>0",
        "http_reqs{algorithm:p2c}: count>0",
        "http_reqs{action:sell}: count>0",
    ] {
        assert_eq!(observed(foreign, &[&failing]), None, "{foreign} is about something else");
    }
}

#[test]
fn mistakes_are_named_with_what_is_known() {
    for (text, reason) in [
        ("http_req_duration", "has no expression; write `metric{tag:value}: aggregation operator value`"),
        ("http_req_duration{algorithm:rl}", "has no expression"),
        (
            "http_req_durations: avg<1",
            "`http_req_durations` is not a known metric (did you mean `http_req_duration`?); known: `http_req_duration`, `http_req_failed`",
        ),
        (
            "http_req_duration{algo:rl}: avg<1",
            "`algo` is not a known tag (did you mean `algorithm`?); known: `algorithm`, `action`, `scenario`, `method`, `window`",
        ),
        ("http_req_duration{algorithm}: avg<1", "`algorithm` is not a tag; write `name:value`"),
        ("http_req_duration{algorithm:}: avg<1", "has no value"),
        ("http_req_duration{algorithm:a,algorithm:b}: avg<1", "duplicate tag `algorithm`; keep one"),
        ("http_req_duration{algorithm:a: avg<1", "the tags are not closed"),
        ("http_req_duration: mean<1", "`mean` is not a known aggregation of `http_req_duration`"),
        (
            "http_req_failed: p(95)<1",
            "`p(95)` is not a known aggregation of `http_req_failed`; known: `rate`",
        ),
        ("http_req_duration: p(101)<1", "`p(101)` is not a percentile; write a number from 0 to 100"),
        ("http_req_duration: p(N)<1", "is not a percentile"),
        ("http_req_duration: avg 200", "has no operator; known: `<`, `<=`"),
        ("http_req_duration: avg<", "`` is not a limit of `http_req_duration`; it must be milliseconds"),
        ("http_req_duration: avg<inf", "is not a limit"),
        (
            "http_req_failed: rate<5",
            "`5` is not a limit of `http_req_failed`; it must be a number from 0 to 1: 0.05 is 5 %",
        ),
        ("http_reqs: count>5ms", "`5ms` is not a limit of `http_reqs`; it must be a count"),
        ("http_reqs{window:later}: count>5", "`later` is not a window; write `after-ramp-up`"),
        ("http_reqs{window:9s-5s}: count>5", "ends before it begins"),
        ("http_reqs{window:1s-5s,action:buy}: count>5", "seconds are kept for all requests together"),
        ("backend_fairness{action:buy}: value>0.5", "backends are counted for all requests together"),
        ("dropped{window:1s-5s}: count==0", "counted for the whole trial"),
        ("recovery<soon", "`soon` is not a limit of `recovery`; it must be a time such as `30s`"),
        ("recovery: low<30s", "`low` is not a known aggregation of `recovery`; known: `value`, `high`"),
        ("recovery{action:buy}<30s", "latency after a peak is that of all requests together"),
        ("recovery{window:1s-5s}: value<30s", "`recovery` has no `window`: it is over the whole trial"),
        ("hit_ratio>50", "`50` is not a limit of `hit_ratio`; it must be a number from 0 to 1"),
        ("hit_gain{action:buy}: low>0", "it compares hits and misses over all kinds of requests"),
        ("share_spread{method:GET}<0.1", "backends are counted for all requests together"),
        ("http_reqs<5", "has no expression"),
    ] {
        let message = text.parse::<Threshold>().expect_err(text).to_string();
        assert!(message.contains(reason), "{text}: expected {reason:?} in: {message}");
    }
}

#[test]
fn names_of_recorded_requests_may_hold_braces_and_colons() {
    let threshold: Threshold =
        "http_req_duration{action:GET /api/user/{id}}: p(95)<0.2s".parse().expect("a name");
    assert_eq!(threshold.selector().action.as_deref(), Some("GET /api/user/{id}"));
    assert!(threshold.holds(199.9) && !threshold.holds(200.0), "0.2 s are 200 ms");
}

#[test]
fn presets_are_the_targets_of_the_suites() {
    let of = |name| -> Vec<String> {
        preset(name).expect("a known set").iter().map(|threshold| threshold.text().to_owned()).collect()
    };
    assert_eq!(of("basic"), ["http_req_duration: avg<200", "http_req_failed: rate==0"]);
    assert_eq!(of("heavy"), ["http_req_duration: p(95)<500", "http_req_failed: rate<0.10"]);
    for set in PRESETS {
        assert_eq!(of(set.name).len(), set.thresholds.len(), "every threshold of `{}` can be read", set.name);
    }
    let message = preset("ligth").expect_err("no such set").to_string();
    assert!(message.contains("did you mean `light`?"), "{message}");
}

#[test]
fn a_plan_gathers_thresholds_and_flags_take_their_place() {
    let bench = json!({"threshold_presets": ["light"], "thresholds": {
        "http_req_duration{algorithm:rr}": ["p(95)<200", "avg<100"], "http_req_failed": ["rate<0.01"]}});
    let texts = |plan: &Plan| -> Vec<String> { plan.thresholds().iter().map(ToString::to_string).collect() };
    let plan = planned(&bench, &Overrides::default()).expect("a good config");
    assert_eq!(
        texts(&plan),
        [
            "http_req_duration: p(95)<100",
            "http_req_failed: rate<0.01",
            "http_req_duration{algorithm:rr}: p(95)<200",
            "http_req_duration{algorithm:rr}: avg<100",
        ],
        "the one that both name is held once"
    );
    assert_eq!(plan.to_json("sha")["thresholds"][1], "http_req_failed: rate<0.01");
    let flags = Overrides {
        thresholds: vec!["http_reqs: count>1".to_owned()],
        threshold_presets: vec!["basic".to_owned()],
        ..Overrides::default()
    };
    let flagged = planned(&bench, &flags).expect("good flags");
    assert_eq!(
        texts(&flagged),
        ["http_req_duration: avg<200", "http_req_failed: rate==0", "http_reqs: count>1"]
    );
}

#[test]
fn thresholds_are_accepted_as_k6_writes_them() {
    let k6 = json!({"thresholds": {
        "http_req_duration": [{"threshold": "p(95)<500", "abortOnFail": true, "delayAbortEval": "10s"}, "avg<200"],
        "http_req_duration{expected_response:true}": ["p(95)<300"],
        "http_req_failed": ["rate===0", {"threshold": "rate!==1"}]}});
    let plan = planned(&k6, &Overrides::default()).expect("k6 accepts it");
    let texts: Vec<&str> = plan.thresholds().iter().map(Threshold::text).collect();
    assert_eq!(
        texts,
        [
            "http_req_duration: p(95)<500",
            "http_req_duration: avg<200",
            "http_req_duration{expected_response:true}: p(95)<300",
            "http_req_failed: rate===0",
            "http_req_failed: rate!==1",
        ]
    );
    assert!(plan.thresholds()[3].holds(0.0) && !plan.thresholds()[3].holds(0.1), "`===` is equality");
    assert!(plan.thresholds()[4].holds(0.0) && !plan.thresholds()[4].holds(1.0), "`!==` is inequality");
    let note = plan.notes().iter().find(|note| note.key_path.ends_with("abortOnFail")).expect("it is noted");
    assert_eq!(note.key_path, "bench.thresholds.http_req_duration[0].abortOnFail");

    for (key, condition, expected) in [
        (
            "http_req_duration{expected_response:false}",
            json!("avg<1"),
            "limit the other responses by `http_req_failed`",
        ),
        (
            "http_reqs{expected_response:true}",
            json!("count>1"),
            "`http_reqs` does not support `expected_response`",
        ),
        ("http_reqs", json!({"threshold": "count>1", "abortOnFial": true}), "did you mean `abortOnFail`?"),
        ("http_reqs", json!({"abortOnFail": true}), "threshold: missing"),
    ] {
        let refused = planned(&json!({"thresholds": {key: [condition]}}), &Overrides::default());
        let message = refused.expect_err("k6 would measure something else");
        assert!(message.contains(expected), "{key}: must say {expected:?}, and says:\n{message}");
    }
}

#[test]
fn a_threshold_on_nothing_that_runs_is_refused() {
    let with = |text: &str| {
        let flags = Overrides { thresholds: vec![text.to_owned()], ..Overrides::default() };
        planned(&json!({}), &flags).map(|_| ()).expect_err(text)
    };
    for (text, reason) in [
        (
            "http_reqs{algorithm:p2c}: count>1",
            "no algorithm `p2c` runs; these do: `least-connections`, `round-robin`",
        ),
        ("http_reqs{scenario:dayy}: count>1", "no scenario `dayy` runs (did you mean `day`?)"),
        (
            "http_reqs{action:lok}: count>1",
            "no action or request is called `lok` (did you mean `look`?); known: `buy`, `fill`",
        ),
        ("http_reqs{action:look,method:POST}: count>1", "no such request is sent with the method `POST`"),
        ("http_reqs{window:60s-90s}: count>1", "the window begins after the end of every scenario"),
        ("http_req_duration: avg>>1", "--threshold http_req_duration: avg>>1: `>1` is not a limit"),
    ] {
        let message = with(text);
        assert!(message.contains(reason), "expected {reason:?} in: {message}");
    }
    let message =
        planned(&json!({"thresholds": {"http_reqs{scenario:x}": ["count>1"]}}), &Overrides::default())
            .map(|_| ())
            .expect_err("no such scenario");
    assert!(message.contains("bench.thresholds[\"http_reqs{scenario:x}\"]"), "the key is named: {message}");
}

#[test]
fn a_metric_with_a_single_value_needs_no_aggregation() {
    for (short, long) in [
        ("recovery<30s", "recovery: value<30s"),
        ("recovery{scenario:day} <= 1m30s", "recovery{scenario:day}: value<=90s"),
        ("recovery: <500ms", "recovery: value<0.5"),
        ("share_spread<0.1", "share_spread: value<0.1"),
        ("hit_ratio{action:buy}>=0.8", "hit_ratio{action:buy}: value>=0.8"),
    ] {
        let [short, long] =
            [short, long].map(|text| text.parse::<Threshold>().unwrap_or_else(|e| panic!("{e}")));
        assert_eq!(short.selector(), long.selector());
        assert_eq!(short.aggregation(), long.aggregation());
        for value in [0.0, 0.1, 0.49, 0.5, 0.79, 0.8, 29.0, 30.0, 90.0, 91.0] {
            assert_eq!(short.holds(value), long.holds(value), "{short} and {long} at {value}");
        }
    }
}

#[test]
fn the_spread_of_shares_is_that_of_the_listed_backends_or_of_those_that_replies_name() {
    let listed = trial(&ROWS, 0.0);
    // Four replies of one backend and two of the other: a third more and a third less than half.
    let (spread, ok) = observed("share_spread<0.4", &[&listed]).expect("it is about `day`");
    assert!((spread.expect("a value") - 1.0 / 3.0).abs() < 1e-9 && ok, "{spread:?}");
    let mut named = trial_with(&[(0, 10, 0, Outcome::Ok, 2), (1, 10, 0, Outcome::Ok, 3)], &["x", "y"]);
    named.backends.clear();
    assert_eq!(observed("share_spread<0.1", &[&named]), Some((Some(0.0), true)));
    assert_eq!(
        observed("backend_fairness: value>=0.9", &[&named]),
        Some((None, false)),
        "one may be missing"
    );
}

#[test]
fn thresholds_on_hits_need_a_header_and_sockets_and_those_on_recovery_a_peak() {
    let with = |text: &str, observe: Option<&str>, engine| {
        let flags = Overrides {
            thresholds: vec![text.to_owned()],
            observe: observe.map(str::to_owned),
            engine,
            ..Overrides::default()
        };
        planned(&json!({}), &flags)
    };
    let refused = with("hit_ratio>0.5", None, None).map(|_| ()).expect_err("no header");
    assert!(refused.contains("add `--observe X-Cache-Status` or `bench.observe`"), "{refused}");
    let live = with("hit_ratio>0.5", Some("X-Cache"), None).expect("a header");
    assert_eq!(live.thresholds().len(), 1);
    let sim = with("hit_gain: low>0", Some("X-Cache"), Some(Engine::Sim)).expect("a note suffices");
    assert!(sim.thresholds().is_empty());
    let notes: Vec<String> = sim.notes().iter().map(ToString::to_string).collect();
    assert!(
        notes.iter().any(|note| note.contains("is not evaluated: in virtual time replies have no headers")),
        "{notes:?}"
    );
    let flat = with("recovery<30s", None, None).map(|_| ()).expect_err("no peak");
    assert!(flat.contains("rises to a peak and falls to less than half of it again"), "{flat}");
}

#[test]
fn a_header_is_observed_as_the_config_or_the_flag_says() {
    let config = json!({"observe": {"header": "X-Cache", "hit": ["yes"], "miss": ["no"]}});
    let observe = |flag: Option<&str>| {
        let flags = Overrides { observe: flag.map(str::to_owned), ..Overrides::default() };
        planned(&config, &flags).expect("a good header").observe().cloned().expect("a header")
    };
    assert_eq!((observe(None).header.as_str(), observe(None).hit), ("X-Cache", vec!["yes".to_owned()]));
    assert_eq!(observe(Some("x-cache")).hit, ["yes"], "the flag names the header that the config explains");
    let other = observe(Some("CF-Cache-Status"));
    assert_eq!((other.header.as_str(), other.hit[0].as_str()), ("CF-Cache-Status", "HIT"));
    for (bench, reason) in [
        (json!({"observe": {"header": "Set-Cookie"}}), "holds secrets, which must not get into results"),
        (
            json!({"observe": {"header": "a b"}}),
            "is not the name of a header; use one such as `X-Cache-Status`",
        ),
        (json!({"observe": {"header": "X", "hits": ["HIT"]}}), "did you mean `hit`?"),
        (json!({"slow_s": 0}), "slow_s"),
    ] {
        let message = planned(&bench, &Overrides::default()).map(|_| ()).expect_err("a mistake");
        assert!(message.contains(reason), "{message}");
    }
    let slow = Overrides { slow: Some(std::time::Duration::from_secs(2)), ..Overrides::default() };
    assert_eq!(planned(&json!({}), &slow).expect("a limit").slow(), Some(Span::from_secs(2)));
    assert_eq!(
        planned(&json!({"slow_s": 0.5}), &Overrides::default()).expect("a limit").slow(),
        Some(Span::from_millis(500))
    );
}

proptest! {
    #[test]
    fn no_text_breaks_the_grammar(text in "\\PC{0,60}", selector in "(latency|http_reqs|dropped)?[{:,} a-z0-9-]{0,30}", expression in "[a-z(0-9.)<>=! ]{0,20}") {
        let _ = text.parse::<Threshold>();
        if let Ok(threshold) = Threshold::new(&selector, &expression) {
            let again: Threshold = threshold.text().parse().expect("what was read can be read again");
            prop_assert_eq!(again, threshold);
        }
    }
}
