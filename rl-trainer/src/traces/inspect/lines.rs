//! Counts the lines of `rl_experiences.jsonl`.

use super::report::{Malformed, MalformedLine};
use super::tally::{Range, Tally};
use crate::traces::original::{ERRORS, LATENCY, Line, lines};
use lb_traces::read::TraceError;
use serde_json::Value;
use std::path::Path;

/// Maximum number of malformed lines that are shown individually.
const SHOWN: usize = 5;

/// Counts one file; lines that are not experiences are counted separately.
pub(super) fn count(path: &Path, tally: &mut Tally, malformed: &mut Malformed) -> Result<(), TraceError> {
    lines(path, |number, text| match Line::parse(text) {
        Ok(line) => one(&line, tally),
        Err(problem) => {
            malformed.lines += 1;
            if malformed.first.len() < SHOWN {
                let file = path.display().to_string();
                malformed.first.push(MalformedLine { file, line: number, problem });
            }
        }
    })
}

fn one(line: &Line, tally: &mut Tally) {
    tally.experiences += 1;
    for (count, present) in tally.present.iter_mut().zip(line.present()) {
        *count += u64::from(present);
    }
    if let Some(action) = line.action() {
        tally.actions.entry(action.to_owned()).or_default().take(None);
    }
    for pod in line.state().into_iter().flat_map(|pods| pods.values()).filter_map(Value::as_object) {
        for (name, value) in pod.iter().filter_map(|(name, value)| Some((name, value.as_f64()?))) {
            range(tally, name).take(value);
        }
    }
    if let Some(status) = line.metadata().and_then(|metadata| metadata.get("status")).and_then(Value::as_u64)
    {
        tally.outcomes.take(&status.to_string());
    }
    if let Some(reward) = line.reward() {
        tally.rewards.take(reward);
        if let Some(latency) = line.of_chosen(LATENCY).filter(|latency| *latency >= 0.0) {
            tally.latency.take((1.0 + latency).ln(), reward);
        }
        if let Some(errors) = line.of_chosen(ERRORS) {
            tally.errors.take(errors, reward);
        }
    }
}

/// Returns the range of a metric, adding it if it is new; usually all metrics occur in the first line.
fn range<'a>(tally: &'a mut Tally, name: &str) -> &'a mut Range {
    let place = tally.features.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
        tally.features.push((name.to_owned(), Range::new(None)));
        tally.features.len() - 1
    });
    &mut tally.features[place].1
}
