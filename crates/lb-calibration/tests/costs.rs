//! What requests say about their cost, on recordings whose truth is known: queues that are simulated here.

use lb_calibration::costs::{CostError, CostReport, Law, Source, TimeSource, inspect};
use lb_calibration::log::Gatherer;
use lb_calibration::{CalibrationError, Resolution};
use lb_core::hints::{Hint, Hints, Reader, Said, hash};
use lb_core::rng::Rng;
use lb_core::{Seed, Span, Time};
use lb_recording::{Attempt, Entry};
use lb_traces::read::{End, Episode, Exchange, RecordedHints, Traces};
use rand::RngExt;

/// Speeds of the backends, each of which has two workers.
const SPEEDS: [f64; 3] = [1.0, 0.6, 1.4];
const WORKERS: usize = 2;
/// Typical service time at speed 1 in nanoseconds.
const TYPICAL: f64 = 10e6;
/// Mean time between arrivals in nanoseconds, at which backends are about half busy.
const APART: f64 = 6e6;
/// Time that a request spends beside its backend, in nanoseconds.
const OVERHEAD: f64 = 60e3;

/// A request as a test makes it up.
struct Made {
    route: u16,
    /// Names and values of its hints.
    says: Vec<(&'static str, Said)>,
    /// Logarithm of its cost.
    log: f64,
}

fn normal(rng: &mut Rng) -> f64 {
    // Box and Muller (1958).
    let (radius, angle): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// What a load balancer would have recorded if it had sent the requests to its backends in turn.
fn recorded(count: usize, routes: &[&str], make: impl Fn(&mut Rng, usize) -> Made) -> Traces {
    let mut rng = Seed(17).stream(&[]);
    let mut hints = RecordedHints::default();
    hints.were_read = true;
    let mut free = [[0.0_f64; WORKERS]; SPEEDS.len()];
    let (mut now, mut exchanges) = (0.0, Vec::with_capacity(count));
    for number in 0..count {
        now -= APART * (1.0 - rng.random::<f64>()).ln();
        let Made { route, says, log } = make(&mut rng, number);
        let backend = number % SPEEDS.len();
        let worker = free[backend].iter_mut().min_by(|one, other| one.total_cmp(other)).expect("workers");
        let came = now + OVERHEAD / 2.0;
        *worker = worker.max(came) + TYPICAL * log.exp() / SPEEDS[backend];
        let mut said = Hints::default();
        for (name, value) in says {
            said.push(Hint { name: hints.name(name), said: value });
        }
        exchanges.push(Exchange {
            sent: Time::from_nanos(now as u64),
            latency: Some(Span::from_nanos((*worker - came + OVERHEAD) as u64)),
            service: None,
            backend: backend as u16,
            route,
            balancer: 0,
            hints: hints.push(&said),
            end: End::Served,
        });
    }
    let names = (0..SPEEDS.len()).map(|backend| format!("b{backend}"));
    Traces {
        backends: names.collect(),
        weights: vec![1.0; SPEEDS.len()],
        routes: routes.iter().map(ToString::to_string).collect(),
        hints,
        episodes: vec![Episode { balancers: 1, exchanges, ..Episode::default() }],
    }
}

fn report(traces: &Traces) -> CostReport {
    inspect(traces, Resolution::default()).expect("something can be said")
}

fn source<'a>(report: &'a CostReport, name: &str) -> &'a Source {
    let found = report.sources.iter().find(|source| source.name == name);
    found.unwrap_or_else(|| panic!("`{name}` is a source: {:?}", report.sources))
}

/// A number that tells 80 % of the variance, another that tells nothing, and a word that is new each time.
fn telling(rng: &mut Rng, number: usize) -> Made {
    let told = 0.9 * normal(rng);
    let says = vec![
        ("query.limit", Said::Number((100.0 * told.exp()) as f32)),
        ("query.page", Said::Number((1_000.0 * rng.random::<f64>()) as f32)),
        ("query.id", Said::Word(number as u32)),
    ];
    Made { route: 0, says, log: told + 0.45 * normal(rng) }
}

#[test]
fn a_number_that_tells_is_found_with_its_law_and_noise_is_not_believed() {
    let traces = recorded(12_000, &["GET /items"], telling);
    let report = report(&traces);
    assert_eq!((report.requests, report.times), (12_000, TimeSource::Replay));
    assert!(report.timed > 11_000, "{}", report.timed);
    assert!((report.deviation - 1.0).abs() < 0.1, "as drawn: {}", report.deviation);
    assert!((report.told.share - 0.8).abs() < 0.05 && report.told.error < 0.03, "{:?}", report.told);
    let limit = source(&report, "query.limit");
    assert!(limit.beyond.matters() && (limit.alone.share - 0.8).abs() < 0.05, "{limit:?}");
    let Some(Law::Number { points, exponent: Some(exponent) }) = &limit.law else { panic!("{limit:?}") };
    assert!((exponent - 1.0).abs() < 0.1, "the cost is proportional: {exponent}");
    assert!((points[1].value / 100.0 - 1.0).abs() < 0.1 && points[1].factor == 1.0, "{points:?}");
    let ratio = points[2].value / points[1].value;
    assert!((points[2].factor / ratio - 1.0).abs() < 0.15, "{points:?}");
    for (name, values) in [("query.page", 10_000), ("query.id", 10_000)] {
        let noise = source(&report, name);
        assert!(noise.alone.share <= 0.005 && noise.beyond.share <= 0.005, "{noise:?}");
        assert!(!noise.alone.matters() && !noise.beyond.matters(), "{noise:?}");
        assert_eq!((noise.requests, noise.values), (report.timed, values), "{name}");
    }
    assert_eq!(report.sources[1].name, "query.limit", "the most telling hint comes first");
    assert!(report.verdict.contains("`query.limit`") && !report.verdict.contains("query.id"), "{report:?}");
    assert!(report.notes.iter().any(|note| note.contains("one route only")), "{:?}", report.notes);
}

#[test]
fn the_predictor_of_the_load_balancer_comes_close() {
    let report = report(&recorded(12_000, &["GET /items"], telling));
    assert!(
        report.predictor > 0.9 * report.told.share && report.predictor < report.told.share + 0.05,
        "{} of {:?}",
        report.predictor,
        report.told
    );
}

#[test]
fn routes_words_and_headers_have_shares_of_their_own() {
    let traces = recorded(12_000, &["GET /fast", "GET /slow"], |rng, number| {
        let (route, word, batch) = ((number / 7 % 2) as u16, number / 3 % 3, normal(rng));
        let says = vec![
            ("query.sort", Said::Word(hash(&[word as u8]))),
            ("header.x-batch", Said::Number((20.0 * batch.exp()) as f32)),
            ("header.x-trace", Said::Number(rng.random())),
        ];
        // The header matters on one of the routes only.
        let log = 1.2 * f64::from(route)
            + 0.5 * (word as f64 - 1.0)
            + if route == 1 { 0.6 * batch } else { 0.0 }
            + 0.3 * normal(rng);
        Made { route, says, log }
    });
    let report = report(&traces);
    for name in ["route", "query.sort", "header.x-batch"] {
        assert!(source(&report, name).beyond.matters(), "{name}: {report:?}");
    }
    assert!(!source(&report, "header.x-trace").beyond.matters(), "{report:?}");
    let Some(Law::Word { low, high }) = source(&report, "query.sort").law else { panic!("words") };
    assert!((high / low - 1.0_f64.exp()).abs() < 0.4, "{low} to {high}");
    let [fast, slow] = ["GET /fast", "GET /slow"].map(|name| {
        let found = report.routes.iter().find(|route| route.name == name);
        found.unwrap_or_else(|| panic!("{name} is shown: {:?}", report.routes))
    });
    assert!((slow.factor / fast.factor - 1.2_f64.exp()).abs() < 0.3, "{slow:?} {fast:?}");
    assert!(slow.told.share > fast.told.share, "the header tells more of this route: {slow:?} {fast:?}");
    let advice = report.advice.join(" ");
    assert!(advice.contains(r#""headers": ["x-batch"]"#), "{advice}");
    assert!(advice.contains("Leave `x-trace` out"), "{advice}");
}

#[test]
fn where_nothing_is_told_it_is_said_so() {
    let traces = recorded(6_000, &["GET /items"], |rng, _| {
        let says = vec![("query.limit", Said::Number((1_000.0 * rng.random::<f64>()) as f32))];
        Made { route: 0, says, log: 0.8 * normal(rng) }
    });
    let report = report(&traces);
    assert!(!report.told.matters() && report.told.share < 0.01, "{:?}", report.told);
    assert!(report.verdict.starts_with("Nothing is told"), "{}", report.verdict);
    assert!(!report.advice.join(" ").contains("Use `least-predicted-work`"), "{:?}", report.advice);
}

#[test]
fn traces_without_hints_show_their_routes_or_are_refused() {
    let silent = |rng: &mut Rng, number: usize| Made {
        route: (number % 2) as u16,
        says: Vec::new(),
        log: (number % 2) as f64 + 0.5 * normal(rng),
    };
    let mut traces = recorded(6_000, &["GET /a", "GET /b"], silent);
    traces.hints.were_read = false;
    let old = report(&traces);
    assert_eq!(old.sources.len(), 1);
    assert!((old.told.share - 0.5).abs() < 0.1, "{:?}", old.told);
    assert!(old.notes.iter().any(|note| note.contains("did not listen")), "{:?}", old.notes);

    for exchange in &mut traces.episodes[0].exchanges {
        exchange.route = 0;
    }
    let refused = inspect(&traces, Resolution::default()).expect_err("there is nothing to compare");
    assert_eq!(refused, CostError::NothingSaid { were_read: false });
    assert!(refused.to_string().contains("record again with `bench --traces`"), "{refused}");
    traces.hints.were_read = true;
    let refused = inspect(&traces, Resolution::default()).expect_err("there is nothing to compare");
    assert!(refused.to_string().contains("`\"hints\": { \"headers\": [\"x-batch-size\"] }`"), "{refused}");
}

#[test]
fn too_little_and_nothing_are_refused() {
    let short = recorded(300, &["GET /items"], telling);
    let refused = inspect(&short, Resolution::default()).expect_err("half of it is 150");
    assert!(matches!(refused, CostError::TooFew { requests: 300, needed: 400, .. }), "{refused}");
    assert!(refused.to_string().contains("record for longer"), "{refused}");
    let refused = inspect(&Traces::default(), Resolution::default()).expect_err("there is nothing");
    assert_eq!(refused, CostError::Traces(CalibrationError::Empty));
    let mut equal = recorded(2_000, &["GET /items"], telling);
    for (number, exchange) in equal.episodes[0].exchanges.iter_mut().enumerate() {
        exchange.sent = Time::from_nanos(number as u64 * 1_000_000_000);
        exchange.latency = Some(Span::from_nanos((TYPICAL / SPEEDS[usize::from(exchange.backend)]) as u64));
    }
    let refused = inspect(&equal, Resolution::default()).expect_err("all take equally long");
    assert_eq!(refused, CostError::Equal);
}

#[test]
fn latencies_at_idle_backends_stand_in_where_queues_cannot_be_replayed() {
    // Within each service comes a request whose end is not known.
    let mut traces = recorded(3_000, &["GET /items"], telling);
    let mut exchanges = Vec::new();
    for (number, exchange) in traces.episodes[0].exchanges.iter().enumerate() {
        let sent = Time::from_nanos(number as u64 * 1_000_000_000);
        let unknown = Exchange {
            sent: sent + Span::from_micros(50),
            latency: None,
            end: End::Censored,
            hints: Default::default(),
            ..*exchange
        };
        exchanges.extend([Exchange { sent, ..*exchange }, unknown]);
    }
    traces.episodes[0].exchanges = exchanges;
    let report = report(&traces);
    assert_eq!((report.times, report.timed), (TimeSource::Idle, 3_000));
    assert!(report.notes.iter().any(|note| note.contains("found their backend idle")), "{:?}", report.notes);
    assert!(source(&report, "query.limit").beyond.matters(), "{report:?}");
}

#[test]
fn access_logs_say_what_is_in_their_targets_and_headers() {
    const BEGAN: i128 = 1_790_000_000_000_000_000;
    let traces = recorded(6_000, &["GET /items"], telling);
    let reader = Reader::new(&["x-batch".to_owned()]).expect("a header that is no secret");
    let mut gatherer = Gatherer::default().listening(reader);
    for (line, exchange) in traces.episodes[0].exchanges.iter().enumerate() {
        let hints = traces.hints.at(exchange.hints);
        let Said::Number(limit) = hints[0].said else { panic!("a number") };
        let whole = exchange.latency;
        let backend = format!("10.0.0.{}:80", exchange.backend);
        gatherer.take(&Entry {
            line: line + 1,
            at: Some(BEGAN + i128::from(exchange.sent.as_nanos())),
            method: "GET".to_owned(),
            target: format!("/items?limit={limit}&id={line}"),
            status: Some(200),
            duration: whole,
            headers: vec![("X-Batch".to_owned(), "7".to_owned()), ("Cookie".to_owned(), "a=1".to_owned())],
            attempts: vec![Attempt { backend, status: Some(200), whole, ..Attempt::default() }],
            ..Entry::default()
        });
    }
    let log = gatherer.finish(None).expect("a log");
    let report = inspect(&log.traces, log.resolution).expect("something is said");
    let mut names: Vec<&str> = report.sources.iter().map(|source| source.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["header.x-batch", "query.id", "query.limit", "route"], "and no cookie");
    assert!((source(&report, "query.limit").alone.share - 0.8).abs() < 0.06, "{report:?}");
    assert_eq!(source(&report, "header.x-batch").values, 1);
}
