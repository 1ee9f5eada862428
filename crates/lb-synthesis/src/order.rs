//! What is to be synthesised: by which method, when, for how long, how much.

use crate::document::TrafficModel;
use crate::error::SynthesisError;
use crate::list::List;
use crate::profile::Profile;
use crate::slots::{Piece, SECOND, Zone, cut};
use crate::{generate, resample};
use jiff::civil::{Date, DateTime, Time, Weekday};
use lb_core::Seed;

/// The longest list, in seconds.
const LONGEST_S: f64 = 366.0 * 86_400.0;
/// The most requests that a list is expected to have.
const MOST_REQUESTS: f64 = 5_000_000.0;
/// The most changes between bursts and calm times in a list.
const MOST_CHANGES: f64 = 2e7;
/// Seconds of a day.
const DAY_S: f64 = 86_400.0;

/// How requests are synthesised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// The baseline: draws observed requests of each hour with replacement and spreads them evenly over the hour.
    Resample,
    /// Draws visits from the fitted popularity, bursts and sessions.
    #[default]
    Model,
}

/// What is to be synthesised.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The method.
    pub method: Method,
    /// When the list begins: a date, a date and time, or a weekday. `None` for the day after the recording.
    pub day: Option<String>,
    /// Length in seconds. `None` for a day.
    pub length_s: Option<f64>,
    /// Factor of all rates, above 0.
    pub scale: f64,
    /// Determines all draws.
    pub seed: u64,
}

impl Default for Order {
    fn default() -> Self {
        Self { method: Method::default(), day: None, length_s: None, scale: 1.0, seed: 1 }
    }
}

/// Synthesises requests.
///
/// # Errors
/// A setting is invalid, or the model has no data for the time.
pub fn synthesise(model: &TrafficModel, order: &Order) -> Result<List, SynthesisError> {
    let wrong = |text: String| SynthesisError::Setting(text);
    let zone = Zone::parse(&model.source.time_zone).map_err(wrong)?;
    if !(order.scale.is_finite() && order.scale > 0.0) {
        return Err(wrong(format!("the scale must be above 0, such as 2 or 0.5, not `{}`", order.scale)));
    }
    let length_s = order.length_s.unwrap_or(DAY_S);
    if !(length_s > 0.0 && length_s <= LONGEST_S) {
        return Err(wrong(format!("the length must be above 0 and at most 366 days, not {length_s} s")));
    }
    let from = begin(model, &zone, order.day.as_deref())?;
    let to = from.checked_add((length_s * SECOND as f64) as i64);
    let to = to
        .ok_or_else(|| wrong("the list would end after the year 2262; choose an earlier --day".to_owned()))?;
    let pieces = cut(&zone, from, to);
    let profile = Profile::new(model, false);
    let note = profile.check(model, &pieces)?;
    let expected = expected(model, &profile, &pieces, order);
    if expected > MOST_REQUESTS {
        return Err(wrong(format!(
            "the list would have about {:.0} requests; the limit is {MOST_REQUESTS:.0}, so choose a lower --scale or a shorter --length",
            expected.min(1e15)
        )));
    }
    let changes =
        model.bursts.modulation.map_or(0.0, |found| 2.0 * length_s / (found.calm_s + found.burst_s));
    if changes > MOST_CHANGES {
        return Err(wrong(format!(
            "the model has about {changes:.0} bursts and calms in {length_s} s; the limit is {MOST_CHANGES:.0}, so choose a shorter --length"
        )));
    }
    let seed = Seed(order.seed);
    let mut requests = match order.method {
        Method::Resample => resample::draw(model, &pieces, &profile, order.scale, seed),
        Method::Model => generate::draw(model, &zone, &pieces, order.scale, seed),
    };
    requests.sort_by_key(|request| request.at);
    if requests.is_empty() {
        return Err(SynthesisError::NotCovered(format!(
            "no request was drawn, since {expected:.1} are expected in {length_s} s; choose a greater --length or --scale"
        )));
    }
    Ok(List { requests, notes: note.into_iter().collect() })
}

/// Returns the number of requests that a list is expected to have.
fn expected(model: &TrafficModel, profile: &Profile, pieces: &[Piece], order: &Order) -> f64 {
    let rows = profile.expected(pieces) * order.scale;
    let factor = model.bursts.modulation.map_or(1.0, |found| found.mean_factor());
    match (order.method, &model.sessions) {
        (Method::Resample, _) => rows,
        (Method::Model, None) => rows * factor,
        (Method::Model, Some(sessions)) => {
            Profile::new(model, true).expected(pieces) * order.scale * factor * sessions.table_length()
        }
    }
}

/// Returns when the list begins, as Unix time in nanoseconds.
fn begin(model: &TrafficModel, zone: &Zone, day: Option<&str>) -> Result<i64, SynthesisError> {
    let wrong = |text: &str| {
        SynthesisError::Setting(format!(
            "`{text}` is not a day; use a date such as `2026-01-31`, a date and time such as `2026-01-31T12:00`, or a weekday such as `monday` or `mondayT12:00`"
        ))
    };
    let end = model.source.to.parse::<jiff::Timestamp>().map_err(|_| {
        SynthesisError::Setting(format!(
            "the model's `source.to` is `{}`, which is not a time",
            model.source.to
        ))
    })?;
    let end = i64::try_from(end.as_nanosecond()).unwrap_or(0);
    let late =
        || SynthesisError::Setting("the day is beyond the year 2262; choose an earlier --day".to_owned());
    let Some(text) = day else { return zone.next_midnight(end).ok_or_else(late) };
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, time.parse::<Time>().map_err(|_| wrong(text))?),
        None => (text, Time::midnight()),
    };
    if let Some(weekday) = weekday(date) {
        let midnight = zone.next_weekday(end, weekday).ok_or_else(late)?;
        return zone.instant(zone.local(midnight).date().to_datetime(time)).ok_or_else(late);
    }
    let date: Date = date.parse().map_err(|_| wrong(text))?;
    zone.instant(DateTime::from_parts(date, time)).filter(|at| *at >= 0).ok_or_else(late)
}

/// Parses the name of a weekday, whole or by its first three letters.
fn weekday(text: &str) -> Option<Weekday> {
    const NAMES: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let text = text.to_ascii_lowercase();
    let place =
        NAMES.iter().position(|name| *name == text || (text.len() == 3 && name.starts_with(&text)))?;
    Weekday::from_monday_zero_offset(place as i8).ok()
}
