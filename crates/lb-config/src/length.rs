//! How long load is sent: for a time, or until somebody stops it.

use super::engine::Engine;
use super::error::Findings;
use super::overrides::Overrides;
use super::raw::{Bench, LONGEST_SECONDS};
use super::said::Said;
use super::settings::Settings;
use super::timeline::SHORTEST_S;
use super::values;
use lb_core::algorithm::Algorithm;
use std::time::Duration;

/// The word for a load without end.
pub(crate) const FOREVER: &str = "forever";

/// How long load is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// For this long.
    For(Duration),
    /// Until it is stopped. Such a load plays the busiest moment of one scenario.
    Forever,
}

impl Length {
    /// Returns the time for which load is sent; `None` without an end.
    pub const fn duration(self) -> Option<Duration> {
        match self {
            Self::For(time) => Some(time),
            Self::Forever => None,
        }
    }
}

impl From<Duration> for Length {
    fn from(time: Duration) -> Self {
        Self::For(time)
    }
}

/// Resolves how long load is sent; `None` if neither a flag nor the config says so.
pub(crate) fn settle_length(
    bench: &Bench,
    flags: &Overrides,
    findings: &mut Findings,
) -> Option<Said<Length>> {
    const KEY: &str = "bench.duration";
    let read = bench.duration.as_deref().filter(|_| flags.duration.is_none()).and_then(|text| {
        let seconds = |length: Length| length.duration().map_or(SHORTEST_S, |time| time.as_secs_f64());
        match values::length(text) {
            Ok(length) if (SHORTEST_S..=LONGEST_SECONDS).contains(&seconds(length)) => Some(length),
            Ok(_) => {
                let limits =
                    format!("must be from {SHORTEST_S} to {LONGEST_SECONDS} seconds, or `{FOREVER}`");
                findings.wrong(KEY, text, limits);
                None
            }
            Err(problem) => {
                findings.wrong(KEY, text, problem);
                None
            }
        }
    });
    Said::first(("--duration", flags.duration), (KEY, read))
}

/// Rejects what a load without end cannot have, and notes what has no effect on it. `chosen` are the algorithms.
pub(crate) fn check_endless(settings: &Settings, chosen: &[Algorithm], findings: &mut Findings) {
    let Some(said) = settings.length.as_ref().filter(|said| said.value == Length::Forever) else {
        return;
    };
    if settings.engine == Some(Engine::Sim) {
        let message =
            "a simulation cannot be waited for without an end; use a time such as `10m`, or `--engine live`";
        findings.wrong(&said.at, FOREVER, message);
    }
    if settings.algorithms.is_flag() && chosen.len() > 1 {
        let names: Vec<&str> = settings.algorithms.value.iter().map(|name| name.value.as_str()).collect();
        let message =
            "a load without end runs one algorithm; name one, or none to leave the load balancer as it is";
        findings.wrong(&settings.algorithms.at, names.join(","), message);
    }
    if let Some(compared) = &settings.target.compared {
        let message = "a load without end goes to one load balancer; name it with --load-balancer";
        findings.wrong(&compared.at, compared.value.join(","), message);
    }
    if settings.passes.precision.is_some() || settings.passes.detect.is_some() {
        let message =
            "a load without end is not repeated, so a precision and a difference to detect have no effect";
        findings.note(&said.at, FOREVER, message);
    }
    if !settings.thresholds.is_empty() {
        let message = "thresholds are not judged; watch /metrics, or use a time such as `10m`";
        findings.note(&said.at, FOREVER, message);
    }
}
