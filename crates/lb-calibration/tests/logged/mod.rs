//! Access logs of simulated load balancers, whose truth is known.

use super::simulated::{episode, episode_of};
use lb_calibration::log::{AccessLog, Gatherer, LogError};
use lb_core::policy::Policy;
use lb_core::topology::Topology;
use lb_core::{Span, Time};
use lb_recording::{Attempt, Entry};
use lb_traces::read::{End, Exchange};
use simulator::OpenLoad;

/// When the log begins, in Unix nanoseconds.
const BEGAN: i128 = 1_790_000_000_000_000_000;
const MILLI: u64 = 1_000_000;

/// Who wrote a log, and so how its times were cut off to milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Durations are differences of clock times.
    Nginx,
    /// Durations are timers.
    HaProxy,
}

impl Style {
    /// Writes an exchange as one log entry.
    pub(crate) fn entry(self, number: usize, exchange: &Exchange, routes: &[String]) -> Entry {
        let sent = exchange.sent.as_nanos();
        let latency = exchange.latency.map_or(0, Span::as_nanos);
        let began = sent / MILLI * MILLI;
        let took = match self {
            Self::Nginx => (sent + latency) / MILLI * MILLI - began,
            Self::HaProxy => latency / MILLI * MILLI,
        };
        let took = Some(Span::from_nanos(took));
        let (status, of_backend) = match exchange.end {
            End::Served => (Some(200), Some(200)),
            End::Failed => (Some(503), Some(503)),
            End::TimedOut => (Some(504), Some(504)),
            End::Disconnected => (Some(502), None),
            End::Censored => (Some(499), None),
        };
        let answered = matches!(exchange.end, End::Served | End::Failed);
        let attempt = Attempt {
            backend: format!("10.0.0.{}:8080", exchange.backend + 1),
            group: None,
            status: of_backend,
            queued: (self == Self::HaProxy).then_some(Span::ZERO),
            connect: Some(Span::ZERO),
            head: took.filter(|_| answered),
            whole: took,
        };
        Entry {
            line: number + 1,
            at: Some(BEGAN + i128::from(began)),
            method: "GET".to_owned(),
            target: format!("{}?page={number}", routes[usize::from(exchange.route)]),
            client: Some(format!("192.0.2.{}", number % 250)),
            status,
            duration: took,
            attempts: vec![attempt],
            ..Entry::default()
        }
    }
}

/// The entries that a load balancer would have logged on a topology under a load.
pub(crate) fn entries(topology: &Topology, load: &OpenLoad, policy: &str, style: Style) -> Vec<Entry> {
    delayed_entries(topology, load, policy, style, |_| Span::ZERO)
}

/// The same, if each reply takes longer than the backend needs for it. `delay` maps the number of a request to a time.
pub(crate) fn delayed_entries(
    topology: &Topology,
    load: &OpenLoad,
    policy: &str,
    style: Style,
    delay: impl Fn(u64) -> Span,
) -> Vec<Entry> {
    let mut exchanges = episode(topology, load, 1, policy).exchanges;
    for (number, exchange) in exchanges.iter_mut().enumerate() {
        exchange.latency = exchange.latency.map(|latency| latency + delay(number as u64));
    }
    written(topology, exchanges, style)
}

/// The entries of a policy that has no name.
pub(crate) fn entries_of(
    topology: &Topology,
    load: &OpenLoad,
    style: Style,
    policy: &dyn Fn() -> Box<dyn Policy>,
) -> Vec<Entry> {
    written(topology, episode_of(topology, load, 1, "of no name", 0, policy).exchanges, style)
}

/// Writes exchanges as entries, in the order of a log.
fn written(topology: &Topology, mut exchanges: Vec<Exchange>, style: Style) -> Vec<Entry> {
    let routes: Vec<String> = match topology.routes.is_empty() {
        true => vec!["/all".to_owned()],
        false => topology.routes.iter().map(|route| route.path.clone()).collect(),
    };
    // Logs are written when requests end.
    exchanges.sort_by_key(|one| one.sent + one.latency.unwrap_or(Span::ZERO));
    let entry = |(number, exchange): (usize, &Exchange)| style.entry(number, exchange, &routes);
    exchanges.iter().enumerate().map(entry).collect()
}

/// Gathers entries.
pub(crate) fn gather(entries: &[Entry]) -> Result<AccessLog, LogError> {
    let mut gatherer = Gatherer::default();
    entries.iter().for_each(|entry| gatherer.take(entry));
    gatherer.finish(None)
}

/// The log of a load balancer on a topology under a load.
pub(crate) fn log(topology: &Topology, load: &OpenLoad, policy: &str, style: Style) -> AccessLog {
    gather(&entries(topology, load, policy, style)).expect("a log")
}

/// Mean and 99th percentile, in milliseconds, of the latency of what a load balancer would have served.
pub(crate) fn truth(topology: &Topology, load: &OpenLoad, policy: &str) -> [f64; 2] {
    figures(&episode(topology, load, 1, policy).exchanges)
}

/// The same of a policy that has no name, with a luck of its own.
pub(crate) fn truth_of(
    topology: &Topology,
    load: &OpenLoad,
    luck: u64,
    policy: &dyn Fn() -> Box<dyn Policy>,
) -> [f64; 2] {
    figures(&episode_of(topology, load, 1, "of no name", luck, policy).exchanges)
}

fn figures(exchanges: &[Exchange]) -> [f64; 2] {
    let served = exchanges.iter().filter(|one| one.end == End::Served && one.sent >= Time::ZERO);
    let mut ms: Vec<f64> = served.filter_map(|one| Some(one.latency?.as_millis_f64())).collect();
    ms.sort_by(f64::total_cmp);
    let mean = ms.iter().sum::<f64>() / ms.len() as f64;
    [mean, ms[(ms.len() * 99).div_ceil(100) - 1]]
}
