//! Reads a traffic model, and checks that it does not contradict itself and that what it asks for is bounded.

use crate::document::{Modulation, SCHEMA_VERSION, Sessions, TrafficModel};
use crate::error::SynthesisError;
use std::ops::RangeInclusive;
use std::path::Path;

/// The longest model that is read, in bytes.
const LONGEST: u64 = 64 << 20;
/// The most JSON values in a model.
const MOST_VALUES: usize = 4_000_000;

/// The longest session that is synthesised, in requests.
const LONGEST_SESSION: u64 = 1_000_000;
/// Mean lengths of calm times and bursts, in seconds.
const LENGTHS_S: RangeInclusive<f64> = 0.001..=1e9;
/// The least precise times, in seconds.
const LEAST_PRECISE_S: f64 = 60.0;
/// The highest factor of a modulation.
const HIGHEST_FACTOR: f64 = 1e6;

/// Reads a model from a file.
///
/// # Errors
/// The file cannot be read, is not a model, is of another version, or contradicts itself.
pub fn read_model(path: &Path) -> Result<TrafficModel, SynthesisError> {
    let name = path.display().to_string();
    match lb_io::read_text(path, LONGEST) {
        Ok(text) => parse_model(&name, &text),
        Err(error) => Err(SynthesisError::Model { name, problem: format!("it cannot be read: {error}") }),
    }
}

/// Reads a model from its JSON. `name` is used in messages.
///
/// # Errors
/// The text is not a model, is of another version, or contradicts itself.
pub fn parse_model(name: &str, text: &str) -> Result<TrafficModel, SynthesisError> {
    let checked = lb_io::check_json(text.as_bytes(), MOST_VALUES).map_err(|problem| format!("it {problem}"));
    checked
        .and_then(|()| parse(text))
        .map_err(|problem| SynthesisError::Model { name: name.to_owned(), problem })
}

fn parse(text: &str) -> Result<TrafficModel, String> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    match value.get("schema_version").and_then(serde_json::Value::as_u64) {
        None => return Err("`schema_version` is missing".to_owned()),
        Some(version) if version != u64::from(SCHEMA_VERSION) => {
            return Err(format!(
                "`schema_version` is {version}, but this version of bench reads {SCHEMA_VERSION}"
            ));
        }
        Some(_) => {}
    }
    let model: TrafficModel = serde_path_to_error::deserialize(value)
        .map_err(|error| format!("`{}`: {}", error.path(), error.inner()))?;
    model.check().map(|()| model)
}

impl TrafficModel {
    /// Checks that numbers are in range and that places refer to something.
    fn check(&self) -> Result<(), String> {
        if self.kinds.is_empty() {
            return Err("`kinds` is empty; a model has at least one kind of request".to_owned());
        }
        for (number, kind) in self.kinds.iter().enumerate() {
            let usable = !kind.targets.is_empty() && kind.targets.iter().any(|target| target.requests > 0);
            if !usable {
                return Err(format!("`kinds[{number}].targets` names no target with requests"));
            }
        }
        if !(0.0..=LEAST_PRECISE_S).contains(&self.source.resolution_s) {
            return Err(format!("`source.resolution_s` must be from 0 to {LEAST_PRECISE_S}"));
        }
        let is_slot = |weekday: u8, hour: u8| (1..=7).contains(&weekday) && hour < 24;
        for (number, hour) in self.hours.iter().enumerate() {
            let rates = [hour.per_second, hour.sessions_per_second.unwrap_or(0.0), hour.observed_s];
            let sane =
                is_slot(hour.weekday, hour.hour) && rates.iter().all(|rate| rate.is_finite() && *rate >= 0.0);
            if !sane || hour.observed_s <= 0.0 {
                return Err(format!(
                    "`hours[{number}]` needs a weekday from 1 to 7, an hour from 0 to 23, a time above 0 and rates of at least 0"
                ));
            }
        }
        let known = |kind: u32| (kind as usize) < self.kinds.len();
        if let Some(number) =
            self.cells.iter().position(|cell| !known(cell.kind) || !is_slot(cell.weekday, cell.hour))
        {
            return Err(format!("`cells[{number}]` names a kind, a weekday or an hour that does not exist"));
        }
        if let Some(modulation) = &self.bursts.modulation {
            let Modulation { calm_factor, burst_factor, calm_s, burst_s, .. } = *modulation;
            let sane = [calm_s, burst_s].iter().all(|length| LENGTHS_S.contains(length))
                && [calm_factor, burst_factor].iter().all(|factor| (0.0..=HIGHEST_FACTOR).contains(factor));
            if !sane {
                return Err(format!(
                    "`bursts.modulation` needs lengths from {} to {} seconds and factors from 0 to {HIGHEST_FACTOR}",
                    LENGTHS_S.start(),
                    LENGTHS_S.end()
                ));
            }
        }
        self.sessions.as_ref().map_or(Ok(()), |sessions| self.check_sessions(sessions))
    }

    fn check_sessions(&self, sessions: &Sessions) -> Result<(), String> {
        let known = |kind: u32| (kind as usize) < self.kinds.len();
        if sessions.first.len() != self.kinds.len() || sessions.first.iter().all(|count| *count == 0) {
            return Err("`sessions.first` needs one number per kind, and one above 0".to_owned());
        }
        if sessions.transitions.iter().any(|one| !known(one.from) || !known(one.to)) {
            return Err("`sessions.transitions` names a kind that does not exist".to_owned());
        }
        let lengths = &sessions.lengths;
        let sane = lengths.iter().all(|one| (1..=LONGEST_SESSION).contains(&one.requests));
        if !sane || lengths.iter().all(|one| one.sessions == 0) {
            return Err(format!(
                "`sessions.lengths` needs lengths from 1 to {LONGEST_SESSION} with their numbers of sessions"
            ));
        }
        let think = &sessions.think_times_s;
        let sane = think.iter().all(|time| time.is_finite() && *time >= 0.0);
        if !sane || (think.is_empty() && lengths.iter().any(|one| one.requests > 1)) {
            return Err("`sessions.think_times_s` needs times of at least 0".to_owned());
        }
        Ok(())
    }
}

impl Sessions {
    /// Returns the mean length by the table of lengths.
    pub(crate) fn table_length(&self) -> f64 {
        let (requests, sessions) = self.lengths.iter().fold((0.0, 0.0), |(requests, sessions), one| {
            (requests + one.requests as f64 * one.sessions as f64, sessions + one.sessions as f64)
        });
        requests / f64::max(sessions, 1.0)
    }
}
