//! The HTTP interface of [`crate::degradation`], on each backend under `/api/degradation`:
//!
//! | POST | Parameters (default) |
//! |---|---|
//! | `cpu/start` | `intensityPercent` (50), `durationSeconds` (300) |
//! | `memory/start` | `memoryPercent` (70), `durationSeconds` (300) |
//! | `latency/start` | `delayMs` (100), `durationSeconds` (300) |
//! | `errors/start` | `errorRatePercent` (30), `durationSeconds` (300) |
//! | `gradual/start` | `totalDurationSeconds` (600), `phases` (4) |
//! | `{kind}/stop`, `stop-all` | none |
//!
//! and `GET status`. All replies carry the status. Calls are answered outside the workers, so that
//! degradation can be stopped even on a degraded backend.

use crate::degradation::{Degradation, Effect, KINDS};
use crate::engine::Engine;
use crate::reply::Answer;
use crate::uri::parameter;
use http::Method;
use lb_core::{Span, Time};
use serde_json::{Value, json};

/// Longest degradation: a day.
const MAX_SECONDS: u64 = 86_400;
/// Longest delay: ten minutes, longer than any client timeout.
const MAX_DELAY_MS: u64 = 600_000;

/// Executes a call of the degradation API; `call` is the path below it.
pub(crate) fn answer(engine: &Engine, unit: usize, method: &Method, call: &str, query: &str) -> Answer {
    let change = |act: &dyn Fn(&mut Degradation, Time) -> Value| {
        Answer::json(200, &engine.degradation(unit, |degradation, now| act(degradation, now)))
    };
    let report = |message: String, degradation: &Degradation, now: Time| json!({ "message": message, "status": degradation.status(now) });
    match (method, call.split_once('/')) {
        (&Method::GET, None) if call == "status" => change(&|degradation, now| degradation.status(now)),
        (&Method::POST, None) if call == "stop-all" => change(&|degradation, now| {
            degradation.stop_all();
            report("all stopped".to_owned(), degradation, now)
        }),
        (&Method::POST, Some((kind, "stop"))) if KINDS.contains(&kind) => change(&|degradation, now| {
            let stopped = degradation.stop(kind, now);
            let what = if stopped { "stopped" } else { "was not running" };
            report(format!("{kind} {what}"), degradation, now)
        }),
        (&Method::POST, Some((kind, "start"))) if KINDS.contains(&kind) => match parse(kind, query) {
            Ok((effect, duration)) => change(&|degradation, now| {
                degradation.start(effect, duration, now);
                report(format!("{kind} started"), degradation, now)
            }),
            Err(problem) => Answer::error(400, &problem),
        },
        _ => Answer::error(404, "unknown call; use status, stop-all, {kind}/start or {kind}/stop"),
    }
}

fn parse(kind: &str, query: &str) -> Result<(Effect, Span), String> {
    let number = |name: &str, default: u64, most: u64| match parameter(query, name) {
        None => Ok(default),
        Some(text) => match text.parse() {
            Ok(number) if number <= most => Ok(number),
            _ => Err(format!("{name} is {text:?}, not a whole number from 0 to {most}")),
        },
    };
    let share = |name, default| Ok::<_, String>(number(name, default, 100)? as f64 / 100.0);
    let seconds = |name, default| Ok::<_, String>(Span::from_secs(number(name, default, MAX_SECONDS)?));
    let effect = match kind {
        "cpu" => Effect::Cpu(share("intensityPercent", 50)?),
        "memory" => Effect::Memory(share("memoryPercent", 70)?),
        "latency" => Effect::Latency(Span::from_millis(number("delayMs", 100, MAX_DELAY_MS)?)),
        "errors" => Effect::Errors(share("errorRatePercent", 30)?),
        _ => {
            let phases = number("phases", 4, 100)?.max(1);
            return Ok((Effect::Gradual(phases as u32), seconds("totalDurationSeconds", 600)?));
        }
    };
    Ok((effect, seconds("durationSeconds", 300)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_defaults_and_limits() {
        let secs = Span::from_secs;
        for (kind, query, expected) in [
            ("cpu", "", Ok((Effect::Cpu(0.5), secs(300)))),
            ("memory", "memoryPercent=20&durationSeconds=5", Ok((Effect::Memory(0.2), secs(5)))),
            ("latency", "delayMs=40", Ok((Effect::Latency(Span::from_millis(40)), secs(300)))),
            ("errors", "errorRatePercent=100", Ok((Effect::Errors(1.0), secs(300)))),
            ("gradual", "phases=2", Ok((Effect::Gradual(2), secs(600)))),
            (
                "cpu",
                "intensityPercent=101",
                Err("intensityPercent is \"101\", not a whole number from 0 to 100".to_owned()),
            ),
            (
                "latency",
                "delayMs=-5",
                Err("delayMs is \"-5\", not a whole number from 0 to 600000".to_owned()),
            ),
        ] {
            assert_eq!(parse(kind, query), expected, "{kind}/start?{query}");
        }
    }
}
