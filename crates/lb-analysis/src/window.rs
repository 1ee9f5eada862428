//! A part of a trial's measured phase: its requests, errors and latencies, from the records of its seconds.
//!
//! Histograms are kept for each second, so windows begin and end at whole seconds.

use hdrhistogram::Histogram;
use lb_record::{IntervalClass, TrialRecord};
use lb_results::Latency;

/// Requests, errors and latencies of a window.
#[derive(Clone, Debug)]
pub struct Window {
    /// Length in seconds of the part of the window in which requests were sent.
    pub seconds: f64,
    /// Number of requests that ended in the window.
    pub requests: u64,
    /// Number of requests without the expected reply.
    pub errors: u64,
    /// Latencies of successful requests, in microseconds.
    pub successes: Histogram<u64>,
    /// Number of replies of each backend.
    pub backends: Vec<u64>,
}

impl Window {
    /// Makes an empty window, to which others are added.
    pub fn empty() -> Self {
        let successes = lb_record::latency_histogram();
        Self { seconds: 0.0, requests: 0, errors: 0, successes, backends: Vec::new() }
    }

    /// Makes a window of the seconds of `record` that begin in `from_s..to_s`.
    pub fn of(record: &TrialRecord, from_s: f64, to_s: f64) -> Self {
        let mut window = Self::empty();
        window.add(record, from_s, to_s);
        window
    }

    /// Adds the seconds of another record that begin in `from_s..to_s`.
    pub fn add(&mut self, record: &TrialRecord, from_s: f64, to_s: f64) {
        let inside = |at_s: f64| from_s <= at_s && at_s < to_s;
        let sent_until = record.wall.as_secs_f64().min(to_s);
        self.seconds += (sent_until - from_s).max(0.0);
        for second in record.seconds.iter().filter(|second| inside(f64::from(second.second))) {
            self.requests += second.requests;
            self.errors += second.errors;
            if self.backends.len() < second.backends.len() {
                self.backends.resize(second.backends.len(), 0);
            }
            for (sum, replies) in self.backends.iter_mut().zip(&second.backends) {
                *sum += u64::from(*replies);
            }
        }
        let successes = record.intervals.iter().filter(|interval| interval.class == IntervalClass::Ok);
        for interval in successes.filter(|interval| inside(interval.start.as_secs_f64())) {
            self.successes.add(interval.histogram()).expect("an auto-resizing histogram takes any other");
        }
    }

    /// Returns the mean latency of successes in milliseconds, within 0.1 %. `None` without successes.
    pub fn mean_ms(&self) -> Option<f64> {
        (!self.successes.is_empty()).then(|| self.successes.mean() / 1e3)
    }

    /// Returns a quantile (0..=1) of the latency of successes in milliseconds. `None` without successes.
    pub fn quantile_ms(&self, quantile: f64) -> Option<f64> {
        let at = |quantile: f64| self.successes.value_at_quantile(quantile).min(self.successes.max());
        (!self.successes.is_empty()).then(|| at(quantile) as f64 / 1e3)
    }

    /// Returns the latencies as a row of results. `None` without successes.
    pub fn latency(&self) -> Option<Latency> {
        let at = |quantile: f64| self.quantile_ms(quantile).unwrap_or(0.0);
        Some(Latency {
            mean: self.mean_ms()?,
            min: self.successes.min() as f64 / 1e3,
            p50: at(0.50),
            p90: at(0.90),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max: self.successes.max() as f64 / 1e3,
        })
    }

    /// Returns the share of requests that failed; 0 without requests.
    pub fn error_rate(&self) -> f64 {
        if self.requests > 0 { self.errors as f64 / self.requests as f64 } else { 0.0 }
    }

    /// Returns requests per second; 0 if the window has no length.
    pub fn throughput_rps(&self) -> f64 {
        if self.seconds > 0.0 { self.requests as f64 / self.seconds } else { 0.0 }
    }
}
