//! Sets of thresholds by name, for common kinds of load tests.
//!
//! `basic` and `stress` are the targets of load tests of a scaled web service behind nginx (quick check:
//! answers below 200 ms on average and no errors; sustained load: 95th percentile below 500 ms, below 1 %
//! errors, and an even spread over the instances, taken here as a Jain's index of at least 0.9). `light`,
//! `medium` and `heavy` are the targets of the three load levels of a model-serving API.

use super::{Threshold, ThresholdError, unknown};

/// A named set of thresholds.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// Name of the set.
    pub name: &'static str,
    /// Thresholds of the set.
    pub thresholds: &'static [&'static str],
}

/// All named sets.
pub const PRESETS: [Preset; 5] = [
    Preset { name: "basic", thresholds: &["http_req_duration: avg<200", "http_req_failed: rate==0"] },
    Preset {
        name: "stress",
        thresholds: &[
            "http_req_duration: p(95)<500",
            "http_req_failed: rate<0.01",
            "backend_fairness: value>=0.9",
        ],
    },
    Preset { name: "light", thresholds: &["http_req_duration: p(95)<100", "http_req_failed: rate<0.01"] },
    Preset { name: "medium", thresholds: &["http_req_duration: p(95)<200", "http_req_failed: rate<0.05"] },
    Preset { name: "heavy", thresholds: &["http_req_duration: p(95)<500", "http_req_failed: rate<0.10"] },
];

/// Returns the thresholds of a set.
pub fn preset(name: &str) -> Result<Vec<Threshold>, ThresholdError> {
    let Some(found) = PRESETS.iter().find(|preset| preset.name == name) else {
        let names = PRESETS.map(|preset| preset.name);
        return Err(ThresholdError {
            text: name.to_owned(),
            problem: unknown("set of thresholds", name, &names),
        });
    };
    found.thresholds.iter().map(|text| text.parse()).collect()
}
