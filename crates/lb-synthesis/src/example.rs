//! An invented log for those who have none: an API with three endpoints, peaks around midday and in the evening, quieter
//! weekends, bursts and sessions. It is drawn from a model whose parameters are written down here, so that tests can
//! compare what is learned with what was planted.

use crate::document::{
    Bursts, Hour, Kind, Modulation, Popularity, Rates, SCHEMA_VERSION, SessionLength, Sessions, Sizes,
    Source, Target, TrafficModel, Transition, Unit,
};
use crate::error::SynthesisError;
use crate::fits::quantiles;
use crate::list::Request;
use crate::order::{Method, Order, synthesise};
use crate::slots::Slot;
use crate::traffic::moment;
use lb_core::Seed;
use lb_core::rng::mix;
use lb_recording::Entry;
use rand::RngExt;
use rand_distr::{Distribution, LogNormal};
use statrs::distribution::{ContinuousCDF, LogNormal as Law};
use std::fmt::Write;

/// The first day, a Monday.
const FIRST_DAY: &str = "2026-01-05";
/// The last moment before the first day.
const BEFORE: &str = "2026-01-04T23:59:59.999Z";
/// The most days.
const MOST_DAYS: u32 = 365;
/// The most requests.
const MOST_REQUESTS: u32 = 2_000_000;

/// Endpoints and methods, with how often a session begins with each.
const KINDS: [(&str, &str, u64); 6] = [
    ("GET", "/api/v1/resource", 60),
    ("GET", "/api/v1/item", 20),
    ("GET", "/api/v1/user", 15),
    ("POST", "/api/v1/user", 3),
    ("POST", "/api/v1/item", 1),
    ("POST", "/api/v1/resource", 1),
];
/// How often each kind follows another.
const FOLLOWS: [[u64; 6]; 6] = [
    [40, 45, 8, 1, 5, 1],
    [35, 30, 5, 1, 27, 2],
    [50, 20, 15, 10, 3, 2],
    [60, 20, 20, 0, 0, 0],
    [30, 55, 10, 0, 5, 0],
    [70, 20, 5, 0, 5, 0],
];
/// Mean number of requests of a session, which is geometric, and the longest session.
const MEAN_LENGTH: f64 = 5.0;
const LONGEST: u32 = 60;
/// Think times: mean and standard deviation of the logarithm of seconds.
const THINK: [f64; 2] = [1.8, 0.9];
/// Sizes of replies: mean and standard deviation of the logarithm of bytes.
const REPLY: [f64; 2] = [7.2, 0.8];
/// One twelfth of the time is a burst, in which five times as many sessions begin as otherwise.
const BURST: Modulation = Modulation {
    calm_factor: 0.75,
    burst_factor: 3.75,
    calm_s: 660.0,
    burst_s: 60.0,
    interval_s: 1.0,
    preference: 0.0,
};
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/605.1",
    "okhttp/5.1.0",
];

/// What to invent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// Number of days, from a Monday on.
    pub days: u32,
    /// Expected number of requests in all days.
    pub requests: u32,
    /// Determines all draws.
    pub seed: u64,
}

impl Default for Example {
    fn default() -> Self {
        Self { days: 7, requests: 40_000, seed: 1 }
    }
}

/// An invented log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    request: Request,
    client: String,
    agent: &'static str,
    status: u16,
    bytes: u64,
}

/// Invents a log.
///
/// # Errors
/// There are no days or requests, or too many.
pub fn simulate(example: &Example) -> Result<Log, SynthesisError> {
    let within = |name: &str, value: u32, most: u32| match (1..=most).contains(&value) {
        true => Ok(()),
        false => Err(SynthesisError::Setting(format!("--{name} must be from 1 to {most}, not {value}"))),
    };
    within("days", example.days, MOST_DAYS)?;
    within("requests", example.requests, MOST_REQUESTS)?;
    let order = Order {
        method: Method::Model,
        day: Some(FIRST_DAY.to_owned()),
        length_s: Some(f64::from(example.days) * 86_400.0),
        scale: 1.0,
        seed: example.seed,
    };
    let list = synthesise(&planted(example), &order)?;
    let sizes = LogNormal::new(REPLY[0], REPLY[1]).map_err(|_| SynthesisError::Setting(String::new()))?;
    let mut rng = Seed(example.seed).stream(&[3]);
    let row = |request: Request| {
        let visitor = mix(u64::from(request.visit) ^ example.seed.rotate_left(32));
        let [a, b, c, agent, ..] = visitor.to_le_bytes();
        let is_post = request.method == "POST";
        let status = match rng.random_range(0..200) {
            0 => 404,
            1 => 500,
            _ if is_post => 201,
            _ => 200,
        };
        let bytes = sizes.sample(&mut rng).round() as u64;
        Row {
            client: format!("10.{a}.{b}.{c}"),
            agent: AGENTS[usize::from(agent) % AGENTS.len()],
            status,
            bytes,
            request,
        }
    };
    Ok(Log { rows: list.requests.into_iter().map(row).collect() })
}

/// Returns the relative rate of an hour of the week: peaks around midday and in the evening, quiet nights.
fn shape(slot: Slot) -> f64 {
    let peak = |centre: f64, width: f64| {
        let distance = (f64::from(slot.hour()) + 0.5 - centre).abs();
        (-(distance.min(24.0 - distance) / width).powi(2) / 2.0).exp()
    };
    let day = 0.15 + peak(12.5, 2.2) + 0.9 * peak(19.5, 1.8);
    if slot.is_weekend() { 0.6 * day } else { day }
}

/// Returns the model that logs are drawn from.
pub(crate) fn planted(example: &Example) -> TrafficModel {
    let stay: f64 = 1.0 - 1.0 / MEAN_LENGTH;
    let lengths = (1..=LONGEST).map(|length| {
        let share = stay.powi(length as i32 - 1) / MEAN_LENGTH;
        SessionLength { requests: u64::from(length), sessions: (share * 1e7).round() as u64 }
    });
    let lengths: Vec<SessionLength> = lengths.collect();
    let total: u64 = lengths.iter().map(|one| one.sessions).sum();
    let mean_length =
        lengths.iter().map(|one| (one.requests * one.sessions) as f64).sum::<f64>() / total as f64;
    let week: Vec<Slot> = Slot::all().collect();
    let observed = week.iter().cycle().take(24 * example.days as usize);
    let unit = f64::from(example.requests)
        / mean_length
        / (3_600.0 * observed.map(|slot| shape(*slot)).sum::<f64>());
    let hour = |slot: &Slot| Hour {
        weekday: slot.weekday() + 1,
        hour: slot.hour(),
        observed_s: 3_600.0,
        requests: 0,
        per_second: unit * shape(*slot) * mean_length,
        low: 0.0,
        high: 0.0,
        sessions_per_second: Some(unit * shape(*slot)),
    };
    let kind = |(method, endpoint, requests): &(&str, &str, u64)| Kind {
        method: (*method).to_owned(),
        endpoint: (*endpoint).to_owned(),
        requests: *requests,
        share: *requests as f64 / 100.0,
        targets: vec![Target { target: (*endpoint).to_owned(), requests: *requests }],
    };
    let transitions = (0..6_u32)
        .flat_map(|from| (0..6_u32).map(move |to| (from, to)))
        .map(|(from, to)| Transition { from, to, requests: FOLLOWS[from as usize][to as usize] });
    TrafficModel {
        schema_version: SCHEMA_VERSION,
        source: Source {
            requests: u64::from(example.requests),
            from: BEFORE.to_owned(),
            to: BEFORE.to_owned(),
            time_zone: "UTC".to_owned(),
            resolution_s: 0.001,
            notes: Vec::new(),
        },
        kinds: KINDS.iter().map(kind).collect(),
        hours: week.iter().map(hour).collect(),
        cells: Vec::new(),
        rates: Rates { overdispersion: 1.0, between_days: 0.0, explained: None },
        popularity: Popularity { items: 6, zipf: None },
        bursts: Bursts {
            unit: Unit::Sessions,
            requests: Vec::new(),
            fitted: Vec::new(),
            modulation: Some(BURST),
        },
        sessions: Some(Sessions {
            gap_s: 1_800.0,
            sessions: total,
            visitors: total,
            mean_length,
            lengths,
            geometric_distance: 0.0,
            first: KINDS.iter().map(|(_, _, count)| *count).collect(),
            transitions: transitions.collect(),
            chain_g: 0.0,
            chain_degrees: 0,
            chain_p_value: 0.0,
            think_times_s: think_times(),
            think_fit: None,
        }),
        sizes: Sizes::default(),
    }
}

/// Returns quantiles of the log-normal think times, without the longest thousandth.
fn think_times() -> Vec<f64> {
    let Ok(law) = Law::new(THINK[0], THINK[1]) else { return vec![0.0] };
    let points: Vec<f64> =
        (0..=200).map(|step| law.inverse_cdf(0.0005 + 0.999 * f64::from(step) / 200.0)).collect();
    quantiles(&points, 200)
}

impl Log {
    /// Returns the requests as a recording has them.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.rows.iter().enumerate().map(|(place, row)| Entry {
            line: place + 1,
            at: Some(i128::from(row.request.at)),
            method: row.request.method.clone(),
            target: row.request.endpoint.clone(),
            client: Some(row.client.clone()),
            user_agent: Some(row.agent.to_owned()),
            status: Some(row.status),
            bytes: Some(row.bytes),
            ..Entry::default()
        })
    }

    /// Returns the number of requests.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether there are no requests.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Renders the log as Vegeta's JSON targets, one per line, with the time of each request. Clients are in the field
    /// `X-Forwarded-For`.
    pub fn to_json_lines(&self) -> String {
        self.rendered(|text, row| {
            let target = serde_json::json!({
                "method": row.request.method,
                "url": format!("http://shop.example{}", row.request.endpoint),
                "header": { "User-Agent": [row.agent], "X-Forwarded-For": [row.client] },
                "timestamp": moment(row.request.at),
            });
            let _ = writeln!(text, "{target}");
        })
    }

    /// Renders the log in the combined log format. Its times are whole seconds.
    pub fn to_combined(&self) -> String {
        self.rendered(|text, row| {
            let time =
                jiff::Timestamp::from_millisecond(row.request.at.div_euclid(1_000_000)).unwrap_or_default();
            let time = time.strftime("%d/%b/%Y:%H:%M:%S +0000");
            let Row { request: Request { method, endpoint, .. }, client, agent, status, bytes } = row;
            let _ = writeln!(
                text,
                "{client} - - [{time}] \"{method} {endpoint} HTTP/1.1\" {status} {bytes} \"-\" \"{agent}\""
            );
        })
    }

    /// Renders the log as a JSON list of `{endpoint, method, timestamp}`, which does not say who sent a request.
    pub fn to_list(&self) -> String {
        let requests = self.rows.iter().map(|row| row.request.clone()).collect();
        crate::list::List { requests, notes: Vec::new() }.to_json()
    }

    fn rendered(&self, line: impl Fn(&mut String, &Row)) -> String {
        let mut text = String::new();
        self.rows.iter().for_each(|row| line(&mut text, row));
        text
    }
}
