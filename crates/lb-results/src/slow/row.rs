//! What a slow request is in a file and on a terminal.

use super::BackendName;
use lb_core::plain;
use lb_core::workload::Workload;
use lb_record::SlowRequest;

/// The columns of the file.
pub(super) const COLUMNS: [&str; 9] =
    ["started_at", "done_s", "name", "method", "latency_ms", "outcome", "status", "backend", "request_key"];

/// The names of what requests refer to by number, and when the phase began.
pub(super) struct Names {
    pub(super) started: jiff::Timestamp,
    /// Name and method by step.
    pub(super) steps: Vec<(String, String)>,
    pub(super) backend: BackendName,
}

impl Names {
    /// Takes the names of a phase that begins about now.
    pub(super) fn new(workload: &Workload, backend: BackendName) -> Self {
        let steps = workload.steps().iter().map(|step| (step.name.clone(), step.method.clone())).collect();
        Self { started: jiff::Timestamp::now(), steps, backend }
    }

    fn step(&self, request: &SlowRequest) -> (&str, &str) {
        let step = self.steps.get(usize::from(request.sample.step.0));
        step.map_or(("", ""), |(name, method)| (name.as_str(), method.as_str()))
    }

    /// Returns the name of the backend; empty if the reply names none.
    fn backend(&self, request: &SlowRequest) -> String {
        request.sample.backend.map_or_else(String::new, |number| (self.backend)(usize::from(number)))
    }

    pub(super) fn row(&self, request: &SlowRequest) -> [String; COLUMNS.len()] {
        let sample = &request.sample;
        let (name, method) = self.step(request);
        let started = self.started + std::time::Duration::from_nanos(sample.intended.as_nanos());
        [
            format!("{started:.3}"),
            format!("{:.3}", sample.done.as_secs_f64()),
            plain::cell(name).into_owned(),
            plain::cell(method).into_owned(),
            format!("{:.3}", sample.done.since(sample.intended).as_millis_f64()),
            sample.outcome.name().to_owned(),
            if sample.status > 0 { sample.status.to_string() } else { String::new() },
            plain::cell(&self.backend(request)).into_owned(),
            request.key.map_or_else(String::new, key_text),
        ]
    }

    pub(super) fn line(&self, request: &SlowRequest) -> String {
        let sample = &request.sample;
        let backend = self.backend(request);
        let at = if backend.is_empty() { String::new() } else { format!(" at {backend}") };
        let key = request.key.map_or_else(String::new, |key| format!(", key {}", key_text(key)));
        let status = if sample.status > 0 { format!(" {}", sample.status) } else { String::new() };
        let (name, method) = self.step(request);
        format!(
            "slow request: {method} {name} took {:.0} ms{at} ({}{status}{key}), {:.1} s into the load",
            sample.done.since(sample.intended).as_millis_f64(),
            sample.outcome.name(),
            sample.done.as_secs_f64()
        )
    }
}

/// Formats a key as it is sent in `x-request-key`.
fn key_text(key: u64) -> String {
    format!("{key:016x}")
}
