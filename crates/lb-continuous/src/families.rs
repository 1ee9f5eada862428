//! What a monitoring system reads while a load runs, as families of metrics. Both formats, that of Prometheus and
//! that of OpenTelemetry, are written from the same families.

use crate::marks::Marks;
use crate::window::Window;
use lb_core::{Outcome, Span};
use lb_record::{Cell, Snapshot, StepRecord, TrialRecord};

/// The upper ends of the buckets of latency, in seconds; the last bucket has no end.
const BOUNDS_S: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How long a slow request takes at least if nothing else is said.
pub const SLOW: Span = Span::from_secs(2);

/// A family of metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// The name for Prometheus, with unit and suffix.
    pub name: &'static str,
    /// The name for OpenTelemetry.
    pub dotted: &'static str,
    /// The unit for OpenTelemetry (UCUM): `s`, `By`, `1` or something in braces.
    pub unit: &'static str,
    /// What it shows, a sentence.
    pub help: &'static str,
    /// What kind of values it has.
    pub kind: Kind,
    /// The values.
    pub points: Vec<Point>,
}

/// What kind of values a family has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number that only grows.
    Counter,
    /// A number that rises and falls.
    Gauge,
    /// A distribution that only grows.
    Histogram,
}

/// One value of a family.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Names and values of its labels.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: Value,
}

/// The value of a point.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Count(u64),
    /// Any number.
    Number(f64),
    /// A distribution of latencies in seconds.
    Histogram {
        /// The upper ends of all buckets but the last.
        bounds: &'static [f64],
        /// The number of values in each bucket, not added up; one more than there are bounds.
        counts: Vec<u64>,
        /// The exact sum.
        sum: f64,
    },
}

/// The name of a step in results, and its method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepName {
    /// The name of the request.
    pub name: String,
    /// The method, such as `GET`.
    pub method: String,
}

/// Everything that is read at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// Labels that identify the run, such as its name and target, for the family with the constant 1.
    pub run: &'a [(&'static str, String)],
    /// The version and the commit of the program.
    pub build: [&'a str; 2],
    /// When the load began, in seconds since 1970.
    pub started_s: f64,
    /// Everything recorded since then.
    pub totals: &'a TrialRecord,
    /// The names of the steps, by number.
    pub steps: &'a [StepName],
    /// The names of the backends, by number; replies of further ones are left out.
    pub backends: &'a [String],
    /// The last complete window; `None` before the first.
    pub last: Option<&'a Window>,
    /// Users and requests in flight.
    pub now: Snapshot,
    /// The marks.
    pub marks: &'a Marks,
    /// How long a slow request takes at least, in seconds.
    pub slow_s: f64,
}

/// Lists all families.
pub fn families(reading: &Reading<'_>) -> Vec<Family> {
    let mut all = vec![
        Family {
            points: vec![Point {
                labels: vec![
                    ("version", reading.build[0].to_owned()),
                    ("revision", reading.build[1].to_owned()),
                ],
                value: Value::Count(1),
            }],
            ..gauge("lbbench_build_info", "lbbench.build.info", "1", "The build of bench; always 1.")
        },
        Family {
            points: vec![Point { labels: reading.run.to_vec(), value: Value::Count(1) }],
            ..gauge("lbbench_load_info", "lbbench.load.info", "1", "The running load; always 1.")
        },
        single(
            gauge(
                "lbbench_load_start_time_seconds",
                "lbbench.load.start_time",
                "s",
                "When the load began, in seconds since 1970.",
            ),
            reading.started_s,
        ),
        single(
            gauge(
                "lbbench_load_users",
                "lbbench.load.users",
                "{user}",
                "Users or sessions that are active now.",
            ),
            f64::from(reading.now.users),
        ),
        single(
            gauge(
                "lbbench_load_requests_in_flight",
                "lbbench.load.requests_in_flight",
                "{request}",
                "Requests that wait for their reply now.",
            ),
            f64::from(reading.now.in_flight),
        ),
    ];
    all.extend(requests(reading));
    all.extend(backends(reading));
    all.extend(windows(reading));
    all.push(Family {
        points: vec![Point { labels: Vec::new(), value: Value::Count(reading.marks.count()) }],
        ..counter(
            "lbbench_load_marks_total",
            "lbbench.load.marks",
            "{mark}",
            "Marks that were set from outside.",
        )
    });
    all
}

fn gauge(name: &'static str, dotted: &'static str, unit: &'static str, help: &'static str) -> Family {
    Family { name, dotted, unit, help, kind: Kind::Gauge, points: Vec::new() }
}

fn counter(name: &'static str, dotted: &'static str, unit: &'static str, help: &'static str) -> Family {
    Family { kind: Kind::Counter, ..gauge(name, dotted, unit, help) }
}

/// Returns the family with one value without labels.
fn single(family: Family, value: f64) -> Family {
    Family { points: vec![Point { labels: Vec::new(), value: Value::Number(value) }], ..family }
}

/// Returns the steps that were requested, with their labels.
fn steps<'a>(
    reading: &Reading<'a>,
) -> impl Iterator<Item = (Vec<(&'static str, String)>, &'a StepRecord)> + Clone + use<'a> {
    let labels = |name: &StepName| vec![("request", name.name.clone()), ("method", name.method.clone())];
    let seen = |step: &&StepRecord| step.outcomes.iter().any(Option::is_some);
    reading
        .steps
        .iter()
        .zip(&reading.totals.steps)
        .filter(move |(_, step)| seen(step))
        .map(move |(name, step)| (labels(name), step))
}

fn requests(reading: &Reading<'_>) -> Vec<Family> {
    let mut total = counter(
        "lbbench_load_requests_total",
        "lbbench.load.requests",
        "{request}",
        "Requests that ended, by request and outcome.",
    );
    let mut duration = Family {
        kind: Kind::Histogram,
        ..gauge(
            "lbbench_load_request_duration_seconds",
            "lbbench.load.request.duration",
            "s",
            "Latency of requests, by request and whether they got the expected reply.",
        )
    };
    let mut bytes = counter(
        "lbbench_load_response_bytes_total",
        "lbbench.load.response.size",
        "By",
        "Size of reply bodies, by request.",
    );
    let mut slow = counter(
        "lbbench_load_slow_requests_total",
        "lbbench.load.slow_requests",
        "{request}",
        "Requests that took at least as long as the limit of slow requests, by request.",
    );
    for (labels, step) in steps(reading) {
        let with = |name: &'static str, value: &str| {
            let mut labels = labels.clone();
            labels.push((name, value.to_owned()));
            labels
        };
        for outcome in Outcome::ALL {
            if let Some(cell) = step.outcome(outcome) {
                let value = Value::Count(cell.count());
                total.points.push(Point { labels: with("outcome", outcome.name()), value });
            }
        }
        for (word, expected) in [("success", true), ("failure", false)] {
            let cell = step.over(|outcome| outcome.is_success() == expected);
            if cell.count() > 0 {
                duration.points.push(Point { labels: with("result", word), value: histogram(&cell) });
            }
        }
        let all = step.all();
        bytes.points.push(Point { labels: labels.clone(), value: Value::Count(all.bytes()) });
        slow.points
            .push(Point { labels: labels.clone(), value: Value::Count(slow_ones(&all, reading.slow_s)) });
    }
    let dropped = Family {
        points: vec![Point { labels: Vec::new(), value: Value::Count(reading.totals.arrivals.dropped) }],
        ..counter(
            "lbbench_load_arrivals_dropped_total",
            "lbbench.load.arrivals_dropped",
            "{arrival}",
            "Arrivals of the open model that were dropped because too many sessions were in flight.",
        )
    };
    let limit = gauge(
        "lbbench_load_slow_limit_seconds",
        "lbbench.load.slow_limit",
        "s",
        "How long a slow request takes at least.",
    );
    vec![total, duration, bytes, slow, single(limit, reading.slow_s), dropped]
}

fn backends(reading: &Reading<'_>) -> Vec<Family> {
    let mut replies = counter(
        "lbbench_load_backend_replies_total",
        "lbbench.load.backend.replies",
        "{reply}",
        "Replies that named their backend.",
    );
    let mut errors = counter(
        "lbbench_load_backend_errors_total",
        "lbbench.load.backend.errors",
        "{reply}",
        "Replies of a backend that were not the expected ones.",
    );
    let mut shares = gauge(
        "lbbench_load_backend_share_ratio",
        "lbbench.load.backend.share",
        "1",
        "Share of a backend in the replies of the last window.",
    );
    let in_window = reading.last.map_or(&[][..], |window| &window.figures.backends);
    let all: u64 = in_window.iter().sum();
    for (number, name) in reading.backends.iter().enumerate() {
        let labels = || vec![("backend", name.clone())];
        let Some(backend) = reading.totals.backends.get(number) else { continue };
        replies.points.push(Point { labels: labels(), value: Value::Count(backend.requests()) });
        errors.points.push(Point { labels: labels(), value: Value::Count(backend.errors) });
        let own = in_window.get(number).copied().unwrap_or(0);
        if all > 0 {
            shares.points.push(Point { labels: labels(), value: Value::Number(own as f64 / all as f64) });
        }
    }
    vec![replies, errors, shares]
}

/// Returns the figures of the last complete window; none before there is one.
fn windows(reading: &Reading<'_>) -> Vec<Family> {
    let Some(figures) = reading.last.map(|window| &window.figures) else { return Vec::new() };
    let mut latency = gauge(
        "lbbench_load_window_latency_seconds",
        "lbbench.load.window.latency",
        "s",
        "Latency of successful requests in the last window, by percentile.",
    );
    for (percentile, ms) in [("50", figures.p50_ms), ("95", figures.p95_ms), ("99", figures.p99_ms)] {
        if let Some(ms) = ms {
            let labels = vec![("percentile", percentile.to_owned())];
            latency.points.push(Point { labels, value: Value::Number(ms / 1e3) });
        }
    }
    let rate = gauge(
        "lbbench_load_window_requests_per_second",
        "lbbench.load.window.request_rate",
        "{request}/s",
        "Requests per second in the last window.",
    );
    let errors = gauge(
        "lbbench_load_window_error_ratio",
        "lbbench.load.window.error_ratio",
        "1",
        "Share of requests in the last window that did not get the expected reply.",
    );
    let end = gauge(
        "lbbench_load_window_end_time_seconds",
        "lbbench.load.window.end_time",
        "s",
        "When the last window ended, in seconds since 1970.",
    );
    vec![
        latency,
        single(rate, figures.requests_per_s),
        single(errors, figures.error_rate),
        single(end, reading.started_s + figures.end_s()),
    ]
}

/// Counts the latencies of a cell by bucket.
fn histogram(cell: &Cell) -> Value {
    let mut counts = vec![0; BOUNDS_S.len() + 1];
    for value in cell.histogram().iter_recorded() {
        let seconds = value.value_iterated_to() as f64 / 1e6;
        counts[BOUNDS_S.partition_point(|bound| *bound < seconds)] += value.count_at_value();
    }
    Value::Histogram { bounds: &BOUNDS_S, counts, sum: cell.sum().as_secs_f64() }
}

/// Counts the requests of a cell that took at least so many seconds, within the precision of its histogram.
fn slow_ones(cell: &Cell, limit_s: f64) -> u64 {
    let slow =
        cell.histogram().iter_recorded().filter(|value| value.value_iterated_to() as f64 / 1e6 >= limit_s);
    slow.map(|value| value.count_at_value()).sum()
}
