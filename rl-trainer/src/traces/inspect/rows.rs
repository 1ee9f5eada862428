//! Counts the rows of a Parquet trace.

use super::super::clock::Clocks;
use super::tally::{Range, Tally};
use lb_core::policy::ReplyKind;
use lb_core::policy::learned::features::{FEATURE_SET, FEATURES};
use lb_traces::format::{Column, error_kind};
use lb_traces::read::{Batch, ParquetFile, TraceError};
use std::path::Path;

/// The required fields of an experience and the columns that correspond to each.
pub(super) const FIELDS: [(&str, &[&str]); 5] = [
    ("state", &[Column::Features.name()]),
    ("action", &[Column::Action.name()]),
    ("reward", &[Column::Reward.name()]),
    ("next_state", &[Column::NextDecisionId.name()]),
    ("metadata", &[Column::TsNs.name(), Column::RouteClass.name(), Column::ErrorKind.name()]),
];

/// Columns that are required for training.
const REQUIRED: [Column; 9] = [
    Column::TsNs,
    Column::Features,
    Column::Action,
    Column::Propensity,
    Column::RouteClass,
    Column::ErrorKind,
    Column::LatencyUs,
    Column::NextDecisionId,
    Column::Reward,
];
/// Columns that are inspected if present.
const OPTIONAL: [Column; 6] = [
    Column::PolicyId,
    Column::BackendIds,
    Column::FeatureSet,
    Column::Mask,
    Column::Explore,
    Column::Censored,
];

/// Absolute value at which features are clipped.
const CLAMP: f64 = 6.0;

/// Counts one file.
pub(super) fn count(path: &Path, tally: &mut Tally) -> Result<(), TraceError> {
    let file = ParquetFile::open(path)?;
    file.require(&REQUIRED)?;
    let mut columns: Vec<Column> = REQUIRED.into_iter().chain(OPTIONAL).collect();
    columns.extend(Clocks::COLUMNS.into_iter().filter(|column| !REQUIRED.contains(column)));
    if tally.features.is_empty() {
        tally.features = FEATURES.iter().map(|name| ((*name).to_owned(), Range::new(Some(CLAMP)))).collect();
    }
    file.read(&columns, |batch| (0..batch.rows).for_each(|row| one(batch, row, tally)))?;
    tally.clocks.end_of_file();
    Ok(())
}

fn one(batch: &Batch, row: usize, tally: &mut Tally) {
    let column = |name| batch.column(name);
    let features = column(Column::Features).list(row);
    let action = column(Column::Action).integer(row);
    let reward = column(Column::Reward).number(row);
    let latency = column(Column::LatencyUs).integer(row);
    let error = column(Column::ErrorKind).text(row).map(|text| &**text);
    let censored = column(Column::Censored).flag(row).unwrap_or(error.is_none());
    tally.experiences += 1;
    tally.clocks.take(batch, row);
    let metadata = column(Column::TsNs).integer(row).is_some()
        && column(Column::RouteClass).text(row).is_some()
        && error.is_some();
    let present = [
        !features.is_empty(),
        action.is_some(),
        reward.is_some(),
        column(Column::NextDecisionId).integer(row).is_some(),
        metadata,
    ];
    for (count, present) in tally.present.iter_mut().zip(present) {
        *count += u64::from(present);
    }
    if let Some(policy) = column(Column::PolicyId).text(row) {
        tally.policies.take(policy);
    }
    let propensity = propensity(column(Column::Propensity).number(row), tally);
    if let Some(action) = action {
        let ids = column(Column::BackendIds).texts(row);
        let id = usize::try_from(action).ok().and_then(|place| ids.get(place));
        let name = id.map_or_else(|| action.to_string(), |id| id.to_string());
        tally.actions.entry(name).or_default().take(propensity);
    }
    let set = column(Column::FeatureSet).text(row).map_or(FEATURE_SET, |set| &**set);
    tally.feature_sets.take(set);
    // Features of another set have a different meaning.
    let features = if set == FEATURE_SET { features } else { &[] };
    let mask = column(Column::Mask).list(row);
    for (place, backend) in features.chunks_exact(FEATURES.len()).enumerate() {
        if mask.get(place) == Some(&0.0) {
            continue;
        }
        for ((_, range), value) in tally.features.iter_mut().zip(backend) {
            range.take(*value);
        }
    }
    tally.explored += u64::from(column(Column::Explore).flag(row).unwrap_or(false));
    tally.censored += u64::from(censored);
    if censored {
        return tally.outcomes.take("censored");
    }
    let failed = error != Some(error_kind(ReplyKind::Success));
    tally.outcomes.take(if failed { error.unwrap_or("unknown") } else { "success" });
    if let Some(reward) = reward {
        tally.rewards.take(reward);
        if let Some(latency) = latency.filter(|_| !failed) {
            tally.latency.take((1.0 + latency as f64).ln(), reward);
        }
        tally.errors.take(f64::from(u8::from(failed)), reward);
    }
}

/// Counts an invalid propensity, or returns a valid one.
fn propensity(value: Option<f64>, tally: &mut Tally) -> Option<f64> {
    match value {
        None => tally.propensities.missing += 1,
        Some(value) if value <= 0.0 => tally.propensities.not_positive += 1,
        Some(value) if value > 1.0 => tally.propensities.above_one += 1,
        Some(value) => return Some(value),
    }
    None
}
