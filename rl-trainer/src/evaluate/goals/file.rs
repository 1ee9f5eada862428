//! The file of goals: its keys, and the checks that make it trustworthy.

use crate::scenarios::situations;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What `--goals` reads. A part that is left out is not judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goals {
    /// Where the limits come from, for people.
    #[serde(default)]
    pub description: String,
    /// Limits for the situations A to I.
    pub situations: Option<SituationGoals>,
    /// Limits for the held-out random cases.
    pub held_out: Option<HeldOutGoals>,
}

/// Upper limits of a ratio of mean latencies and of a ratio of 99th percentiles.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// Limit of the mean.
    pub mean: f64,
    /// Limit of the 99th percentile.
    pub p99: f64,
}

/// Upper limits in one situation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SituationGoal {
    /// Limit of the mean latency to the baseline's.
    pub mean: f64,
    /// Limit of the 99th percentile to the baseline's.
    pub p99: f64,
    /// Limit of the share of requests that fail, from 0 to 1; `None` sets no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<f64>,
}

/// Upper limits for the situations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SituationGoals {
    /// Limits by the name of the situation, such as `situation-a`.
    pub cases: BTreeMap<String, SituationGoal>,
    /// Limits of the geometric means over all situations.
    pub all: Option<Pair>,
    /// Limits in the worst situation, to the best classical algorithm there.
    pub worst_to_best: Option<Pair>,
    /// Limit of the mean in the worst situation.
    pub worst_mean: Option<f64>,
    /// Limit of the share of requests that fail beyond the baseline's, in the worst situation.
    pub excess_errors: Option<f64>,
}

/// Upper limits for the held-out random cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOutGoals {
    /// Limits of the geometric means over all cases.
    pub all: Option<Pair>,
    /// Limits to the best classical algorithm of each case.
    pub to_best: Option<Pair>,
    /// Limits that are aimed at and not required.
    pub aim: Option<Pair>,
    /// Limits to the best classical algorithm of each case that are aimed at and not required.
    pub aim_to_best: Option<Pair>,
    /// Limit of the mean in the worst case.
    pub worst_mean: Option<f64>,
    /// Limit of the share of requests that fail beyond the baseline's, in the worst case.
    pub excess_errors: Option<f64>,
}

/// Why there are no goals.
#[derive(Debug, thiserror::Error)]
pub enum GoalsError {
    /// The file cannot be read.
    #[error("--goals {path}: failed to read the file: {source}; give a JSON file like configs/learner-goals.json", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not JSON, or a key does not belong there.
    #[error("--goals {path}: {key}: {problem}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The path of the key at which reading stopped; `.` for the whole file.
        key: String,
        /// What the parser says, with line and column.
        problem: String,
    },
    /// Values are not limits.
    #[error("--goals {path}: {problems}", path = path.display(), problems = problems.join("; "))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Each with its key, its value and the way out.
        problems: Vec<String>,
    },
}

impl Goals {
    /// Reads a file of goals.
    ///
    /// # Errors
    /// See [`GoalsError`]; all invalid values are named at once.
    pub fn read(path: &Path) -> Result<Self, GoalsError> {
        let text = fs::read_to_string(path)
            .map_err(|source| GoalsError::Unreadable { path: path.to_owned(), source })?;
        let goals: Self = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(&text))
            .map_err(|error| GoalsError::Malformed {
                path: path.to_owned(),
                key: error.path().to_string(),
                problem: error.into_inner().to_string(),
            })?;
        let problems = goals.problems();
        if problems.is_empty() {
            return Ok(goals);
        }
        Err(GoalsError::Invalid { path: path.to_owned(), problems })
    }

    fn problems(&self) -> Vec<String> {
        let mut found = Problems::default();
        if self.situations.is_none() && self.held_out.is_none() {
            found.0.push("sets no goal; give `situations` or `held_out`".to_owned());
        }
        if let Some(goals) = &self.situations {
            let known: Vec<String> = situations().into_iter().map(|case| case.name).collect();
            for (name, goal) in &goals.cases {
                let key = format!("situations.cases.{name}");
                if !known.contains(name) {
                    found.0.push(format!("{key}: unknown situation; use one of {}", known.join(", ")));
                }
                found.pair(&key, Some(Pair { mean: goal.mean, p99: goal.p99 }));
                found.share(&format!("{key}.errors"), goal.errors);
            }
            found.pair("situations.all", goals.all);
            found.pair("situations.worst_to_best", goals.worst_to_best);
            found.ratio("situations.worst_mean", goals.worst_mean);
            found.share("situations.excess_errors", goals.excess_errors);
        }
        if let Some(goals) = &self.held_out {
            found.pair("held_out.all", goals.all);
            found.pair("held_out.to_best", goals.to_best);
            found.pair("held_out.aim", goals.aim);
            found.pair("held_out.aim_to_best", goals.aim_to_best);
            found.ratio("held_out.worst_mean", goals.worst_mean);
            found.share("held_out.excess_errors", goals.excess_errors);
        }
        found.0
    }
}

#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn ratio(&mut self, key: &str, value: Option<f64>) {
        if let Some(value) = value.filter(|value| *value <= 0.0) {
            self.0.push(format!("{key} = {value}: not a ratio; use a number above 0"));
        }
    }

    fn share(&mut self, key: &str, value: Option<f64>) {
        if let Some(value) = value.filter(|value| !(0.0..=1.0).contains(value)) {
            self.0.push(format!("{key} = {value}: not a share of requests; use a number from 0 to 1"));
        }
    }

    fn pair(&mut self, key: &str, pair: Option<Pair>) {
        self.ratio(&format!("{key}.mean"), pair.map(|pair| pair.mean));
        self.ratio(&format!("{key}.p99"), pair.map(|pair| pair.p99));
    }
}
