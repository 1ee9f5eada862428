//! The events of a run, as far as the page needs them. docs/events.md describes all of them.
//!
//! Only the fields that are shown are read: a `run_finished` holds the whole summary, which would take many times its
//! length in memory.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

/// An event with the time at which it was written.
#[derive(Clone, Debug)]
pub(crate) struct Dated {
    /// When the event was written; `None` if it does not say so.
    pub(crate) at: Option<Timestamp>,
    /// What happened.
    pub(crate) event: Event,
}

/// What happened.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    RunStarted(RunStarted),
    ScenarioStarted(ScenarioStarted),
    BlockStarted(BlockStarted),
    Phase(Phase),
    Note(Text),
    Slow(Slow),
    TrialFinished(Box<TrialFinished>),
    Figures(Box<Figures>),
    Statistics(Box<Statistics>),
    Fault(Fault),
    Mark(Mark),
    Paused,
    Resumed,
    Steerable(Box<Value>),
    Answered(Answered),
    RunFinished(RunFinished),
    /// An event that the page does not show.
    Other,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RunStarted {
    pub(crate) load_balancer: String,
    pub(crate) engine: String,
    pub(crate) mode: String,
    pub(crate) results: String,
    pub(crate) scenarios: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ScenarioStarted {
    pub(crate) scenario: String,
    pub(crate) trials: Option<u32>,
    pub(crate) trial_s: Option<f64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BlockStarted {
    pub(crate) scenario: String,
    pub(crate) block: u32,
}

/// `phase_started` or `pulse`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Phase {
    pub(crate) trial: String,
    pub(crate) phase: String,
    pub(crate) elapsed_s: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Text {
    pub(crate) text: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Slow {
    pub(crate) lines: Vec<String>,
    pub(crate) left_out: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TrialFinished {
    pub(crate) scenario: String,
    pub(crate) block: u32,
    pub(crate) interrupted: bool,
    pub(crate) summary: TrialSummary,
    pub(crate) problems: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TrialSummary {
    pub(crate) name: String,
    pub(crate) throughput_rps: Option<f64>,
    pub(crate) error_rate: Option<f64>,
    pub(crate) latency_ms: Option<Latency>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Latency {
    pub(crate) mean: Option<f64>,
    pub(crate) p50: Option<f64>,
    pub(crate) p95: Option<f64>,
    pub(crate) p99: Option<f64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Figures {
    pub(crate) trial: String,
    pub(crate) algorithm: Option<String>,
    pub(crate) users: f64,
    pub(crate) aim: Option<f64>,
    pub(crate) in_flight: f64,
    pub(crate) requests: f64,
    pub(crate) failures: f64,
    pub(crate) latency_ms: Option<Latency>,
    pub(crate) endpoints: Vec<EndpointFigures>,
    pub(crate) backends: Vec<BackendFigures>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct EndpointFigures {
    pub(crate) method: String,
    pub(crate) name: String,
    pub(crate) requests: f64,
    pub(crate) failures: f64,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p95_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BackendFigures {
    pub(crate) id: String,
    pub(crate) replies: f64,
}

/// The rows are passed on as they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Statistics {
    pub(crate) trial: String,
    pub(crate) phase: String,
    pub(crate) seconds: Option<f64>,
    pub(crate) endpoints: Vec<Value>,
    pub(crate) total: Value,
    pub(crate) failures: Vec<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fault {
    pub(crate) backend: String,
    pub(crate) text: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Mark {
    pub(crate) name: String,
}

/// The answer to a command.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Answered {
    pub(crate) id: Option<u64>,
    pub(crate) ok: bool,
    pub(crate) text: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RunFinished {
    pub(crate) ended: String,
    pub(crate) error: Option<String>,
    pub(crate) results: String,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default)]
    at: Option<Cow<'a, str>>,
}

/// Reads a line of the event stream.
///
/// # Errors
/// The line is not an event, or a known event with fields of other types.
pub(crate) fn parse(line: &str) -> Result<Dated, serde_json::Error> {
    let head: Head<'_> = serde_json::from_str(line)?;
    let of = line;
    let event = match head.event.as_ref() {
        "run_started" => Event::RunStarted(serde_json::from_str(of)?),
        "scenario_started" => Event::ScenarioStarted(serde_json::from_str(of)?),
        "block_started" => Event::BlockStarted(serde_json::from_str(of)?),
        "phase_started" | "pulse" => Event::Phase(serde_json::from_str(of)?),
        "note" => Event::Note(serde_json::from_str(of)?),
        "slow_requests" => Event::Slow(serde_json::from_str(of)?),
        "trial_finished" => Event::TrialFinished(serde_json::from_str(of)?),
        "figures" => Event::Figures(serde_json::from_str(of)?),
        "statistics" => Event::Statistics(serde_json::from_str(of)?),
        "fault" => Event::Fault(serde_json::from_str(of)?),
        "mark" => Event::Mark(serde_json::from_str(of)?),
        "paused" => Event::Paused,
        "resumed" => Event::Resumed,
        "steerable" => Event::Steerable(serde_json::from_str(of)?),
        "answered" => Event::Answered(serde_json::from_str(of)?),
        "run_finished" => Event::RunFinished(serde_json::from_str(of)?),
        _ => Event::Other,
    };
    Ok(Dated { at: head.at.and_then(|at| at.parse().ok()), event })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_events_are_read_others_are_passed_over_and_garbage_is_an_error() {
        let read = parse(
            r#"{"version":1,"at":"2026-11-28T22:00:00.5Z","event":"note","text":"a \"note\"","new":[1]}"#,
        )
        .expect("a note");
        assert_eq!(read.at.map(|at| at.to_string()).as_deref(), Some("2026-11-28T22:00:00.5Z"));
        assert!(matches!(read.event, Event::Note(Text { text }) if text == "a \"note\""));
        let other = parse(r#"{"event":"something_new","x":1}"#).expect("an event");
        assert!(matches!((other.at, other.event), (None, Event::Other)));
        let quiet =
            parse(r#"{"event":"figures","trial":"load","latency_ms":null,"aim":null}"#).expect("no requests");
        assert!(matches!(quiet.event, Event::Figures(figures) if figures.latency_ms.is_none()));
        for garbage in ["", "hello", "[]", "{}", r#"{"event":1}"#, r#"{"event":"note","text":5}"#] {
            assert!(parse(garbage).is_err(), "{garbage}");
        }
    }
}
