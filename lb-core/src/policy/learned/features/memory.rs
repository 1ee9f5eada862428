//! What is remembered about one backend between decisions, apart from how it serves
//! ([`Serving`](crate::policy::serving::Serving)).

use super::logs::{ln, log_of_count};
use crate::policy::ReplyKind;
use crate::time::Time;

/// Weights of one reply in the fast and the slow means, which cover about the last seven and the last
/// fifty.
const FAST: f32 = 0.15;
const SLOW: f32 = 0.02;
/// Weight of one reply in the error rate, which covers about the last ten.
const ERRORS: f32 = 0.1;
/// A lower error rate counts as zero, after some hundred and thirty replies without an error.
const LEAST_ERROR_RATE: f32 = 1e-7;
/// Weight of one lower reply in the low mean, which falls within three replies and rises within two
/// hundred: about the latency of an unloaded backend.
const LOW_DOWN: f32 = 0.3;
const LOW_UP: f32 = 0.005;

/// State kept for one backend.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    pub(super) latency: Option<Latency>,
    pub(super) error_rate: f32,
    pub(super) log_consecutive_errors: f32,
    pub(super) consecutive_errors: u32,
    /// Mean gap between completions while busy, as the natural logarithm of nanoseconds.
    pub(super) gap: Option<f32>,
    pub(super) last_reply: Option<Time>,
    /// When the current busy period began.
    pub(super) busy_since: Time,
    pub(super) joined: Time,
    pub(super) log_weight: f32,
    pub(super) eligible: bool,
}

/// Means of natural logarithms of nanoseconds, relative to the predicted cost of the requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latency {
    pub(super) fast: f32,
    pub(super) slow: f32,
    pub(super) low: f32,
    /// Mean of ln(1 + in flight when sent), with the weight of `slow`.
    pub(super) log_in_flight: f32,
}

impl Memory {
    pub(super) fn new(now: Time) -> Self {
        Self {
            latency: None,
            error_rate: 0.0,
            log_consecutive_errors: 0.0,
            consecutive_errors: 0,
            gap: None,
            last_reply: None,
            busy_since: now,
            joined: now,
            log_weight: 0.0,
            eligible: false,
        }
    }

    pub(super) fn learn_outcome(&mut self, kind: ReplyKind) {
        let is_success = kind == ReplyKind::Success;
        let error = if is_success { 0.0 } else { 1.0 };
        self.error_rate += ERRORS * (error - self.error_rate);
        // Arithmetic on subnormal numbers takes about a hundred times as long.
        if self.error_rate < LEAST_ERROR_RATE {
            self.error_rate = 0.0;
        }
        self.consecutive_errors = if is_success { 0 } else { self.consecutive_errors + 1 };
        self.log_consecutive_errors = log_of_count(self.consecutive_errors);
    }

    pub(super) fn learn_latency(&mut self, log: f32, log_in_flight: f32) {
        self.latency = Some(match self.latency {
            None => Latency { fast: log, slow: log, low: log, log_in_flight },
            Some(old) => Latency {
                fast: old.fast + FAST * (log - old.fast),
                slow: old.slow + SLOW * (log - old.slow),
                low: old.low + if log < old.low { LOW_DOWN } else { LOW_UP } * (log - old.low),
                log_in_flight: old.log_in_flight + SLOW * (log_in_flight - old.log_in_flight),
            },
        });
    }

    pub(super) fn learn_gap(&mut self, now: Time) {
        let since = self.last_reply.map_or(self.busy_since, |last| last.max(self.busy_since));
        let log = ln(now.since(since).as_nanos().max(1) as f32);
        self.gap = Some(self.gap.map_or(log, |old| old + SLOW * (log - old)));
    }
}
