//! A comparison as JSON.

use super::change::{Change, changes};
use super::pair::{Comparison, Pair};
use crate::document::{SCHEMA_VERSION, TestDocument};
use crate::gate::Gate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A comparison of two sides as JSON.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ComparisonDocument {
    /// Version of this schema.
    pub schema_version: u32,
    /// When the comparison was made (RFC 3339).
    pub timestamp: String,
    /// Path of the first side, as it was given.
    pub baseline: String,
    /// Path of the second side, as it was given.
    pub improved: String,
    /// The tests that belong together.
    pub pairs: Vec<PairDocument>,
    /// The thresholds that were given with `--threshold`, for each test of the second side.
    pub gates: Vec<Gate>,
    /// Notes on the comparison.
    pub notes: Vec<String>,
}

/// Two tests that belong together.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PairDocument {
    /// Name of the pair.
    pub name: String,
    /// What the two tests show, in sentences.
    pub findings: Vec<String>,
    /// Every value of both tests, of the totals first.
    pub changes: Vec<Change>,
    /// The test before.
    pub baseline: TestDocument,
    /// The test after.
    pub improved: TestDocument,
}

impl Comparison {
    /// Returns the comparison as JSON, with the time `now` and the thresholds that the second side was held against.
    pub fn document(&self, now: jiff::Timestamp, gates: &[Gate]) -> ComparisonDocument {
        let pair = |pair: &Pair| PairDocument {
            name: pair.name.clone(),
            findings: pair.findings.clone(),
            changes: changes(&pair.baseline, &pair.improved),
            baseline: TestDocument::of(&pair.baseline),
            improved: TestDocument::of(&pair.improved),
        };
        ComparisonDocument {
            schema_version: SCHEMA_VERSION,
            timestamp: now.to_string(),
            baseline: self.baseline.clone(),
            improved: self.improved.clone(),
            pairs: self.pairs.iter().map(pair).collect(),
            gates: gates.to_vec(),
            notes: self.notes.clone(),
        }
    }
}
