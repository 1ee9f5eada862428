//! Counts the rows of a Parquet trace.

use super::tally::{Range, Tally};
use crate::traces::columns as c;
use crate::traces::error::TraceError;
use crate::traces::parquet::{Batch, ParquetFile};
use lb_core::policy::learned::features::{FEATURE_SET, FEATURES};
use std::path::Path;

/// What stands for each required field of an experience.
pub(super) const FIELDS: [(&str, &[&str]); 5] = [
    ("state", &[c::FEATURES]),
    ("action", &[c::ACTION]),
    ("reward", &[c::REWARD]),
    ("next_state", &[c::NEXT]),
    ("metadata", &[c::SENT, c::ROUTE, c::ERROR]),
];

/// Without these there is nothing to train on.
const REQUIRED: [&str; 9] =
    [c::SENT, c::FEATURES, c::ACTION, c::PROPENSITY, c::ROUTE, c::ERROR, c::LATENCY, c::NEXT, c::REWARD];
/// These are looked at where they are.
const OPTIONAL: [&str; 6] = [c::POLICY, c::BACKEND_IDS, c::FEATURE_SET, c::MASK, c::EXPLORE, c::CENSORED];

/// Where features are cut off.
const CLAMP: f64 = 6.0;

/// Counts one file.
pub(super) fn count(path: &Path, tally: &mut Tally) -> Result<(), TraceError> {
    let file = ParquetFile::open(path)?;
    file.require(&REQUIRED)?;
    let columns: Vec<&'static str> = REQUIRED.into_iter().chain(OPTIONAL).collect();
    if tally.features.is_empty() {
        tally.features = FEATURES.iter().map(|name| ((*name).to_owned(), Range::new(Some(CLAMP)))).collect();
    }
    file.read(&columns, |batch| (0..batch.rows).for_each(|row| one(batch, row, tally)))
}

fn one(batch: &Batch, row: usize, tally: &mut Tally) {
    let column = |name| batch.column(name);
    let features = column(c::FEATURES).list(row);
    let action = column(c::ACTION).integer(row);
    let reward = column(c::REWARD).number(row);
    let latency = column(c::LATENCY).integer(row);
    let error = column(c::ERROR).text(row).map(|text| &**text);
    let censored = column(c::CENSORED).flag(row).unwrap_or(error.is_none());
    tally.experiences += 1;
    let metadata =
        column(c::SENT).integer(row).is_some() && column(c::ROUTE).text(row).is_some() && error.is_some();
    let present = [
        !features.is_empty(),
        action.is_some(),
        reward.is_some(),
        column(c::NEXT).integer(row).is_some(),
        metadata,
    ];
    for (count, present) in tally.present.iter_mut().zip(present) {
        *count += u64::from(present);
    }
    if let Some(policy) = column(c::POLICY).text(row) {
        tally.policies.take(policy);
    }
    let propensity = propensity(column(c::PROPENSITY).number(row), tally);
    if let Some(action) = action {
        let ids = column(c::BACKEND_IDS).texts(row);
        let id = usize::try_from(action).ok().and_then(|place| ids.get(place));
        let name = id.map_or_else(|| action.to_string(), |id| id.to_string());
        tally.actions.entry(name).or_default().take(propensity);
    }
    let set = column(c::FEATURE_SET).text(row).map_or(FEATURE_SET, |set| &**set);
    tally.feature_sets.take(set);
    // Numbers of another set mean something else.
    let features = if set == FEATURE_SET { features } else { &[] };
    let mask = column(c::MASK).list(row);
    for (place, backend) in features.chunks_exact(FEATURES.len()).enumerate() {
        if mask.get(place) == Some(&0.0) {
            continue;
        }
        for ((_, range), value) in tally.features.iter_mut().zip(backend) {
            range.take(*value);
        }
    }
    tally.explored += u64::from(column(c::EXPLORE).flag(row).unwrap_or(false));
    tally.censored += u64::from(censored);
    if censored {
        return tally.outcomes.take("censored");
    }
    let failed = error != Some("none");
    tally.outcomes.take(if failed { error.unwrap_or("unknown") } else { "success" });
    if let Some(reward) = reward {
        tally.rewards.take(reward);
        if let Some(latency) = latency.filter(|_| !failed) {
            tally.latency.take((1.0 + latency as f64).ln(), reward);
        }
        tally.errors.take(f64::from(u8::from(failed)), reward);
    }
}

/// Counts what is wrong with a probability, and gives it when nothing is.
fn propensity(value: Option<f64>, tally: &mut Tally) -> Option<f64> {
    match value {
        None => tally.propensities.missing += 1,
        Some(value) if value <= 0.0 => tally.propensities.not_positive += 1,
        Some(value) if value > 1.0 => tally.propensities.above_one += 1,
        Some(value) => return Some(value),
    }
    None
}
