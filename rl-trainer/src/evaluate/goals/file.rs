//! The goals file: its keys and their validation.

use crate::scenarios::situations;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file that `--goals` reads. A section that is left out is not judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goals {
    /// Description of where the limits come from, for human readers.
    #[serde(default)]
    pub description: String,
    /// Limits for the situations A to I.
    pub situations: Option<SituationGoals>,
    /// Limits for the held-out random cases.
    pub held_out: Option<HeldOutGoals>,
    /// Limits for the situations whose requests tell most of their size.
    pub sized: Option<SizedGoals>,
}

/// Upper limits for a ratio of mean latencies and for a ratio of 99th percentiles.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// Limit for the ratio of means.
    pub mean: f64,
    /// Limit for the ratio of 99th percentiles.
    pub p99: f64,
}

/// Upper limits in one situation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SituationGoal {
    /// Limit for the ratio of the mean latency to the baseline's.
    pub mean: f64,
    /// Limit for the ratio of the 99th percentile to the baseline's.
    pub p99: f64,
    /// Limit for the share of failed requests, from 0 to 1; `None` for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<f64>,
}

/// Upper limits for the situations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SituationGoals {
    /// Limits by name of the situation, such as `situation-a`.
    pub cases: BTreeMap<String, SituationGoal>,
    /// Limits for the geometric means over all situations.
    pub all: Option<Pair>,
    /// Limits for the ratios to the best classical algorithm in the worst situation.
    pub worst_to_best: Option<Pair>,
    /// Limit for the ratio of means in the worst situation.
    pub worst_mean: Option<f64>,
    /// Limit for the excess of the error rate over the baseline's in the worst situation, as a fraction.
    pub excess_errors: Option<f64>,
    /// Limits for the ratios to the same policies without what requests say. Requests of the situations say nothing,
    /// so that listening must not cost anything.
    pub to_unhinted: Option<Pair>,
}

/// Upper limits for geometric means over the situations whose requests tell most of their size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizedGoals {
    /// Limits for the ratios to the best classical algorithm of each situation that ignores what requests say.
    pub to_blind: Option<Pair>,
    /// Limits for the ratios to least-predicted-work with ejection.
    pub to_listening: Option<Pair>,
}

/// Upper limits for the held-out random cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOutGoals {
    /// Limits for the geometric means over all cases.
    pub all: Option<Pair>,
    /// Limits for the ratios to the best classical algorithm of each case.
    pub to_best: Option<Pair>,
    /// Targets for the geometric means over all cases that are not required.
    pub aim: Option<Pair>,
    /// Targets for the ratios to the best classical algorithm of each case that are not required.
    pub aim_to_best: Option<Pair>,
    /// Limit for the ratio of means in the worst case.
    pub worst_mean: Option<f64>,
    /// Limit for the excess of the error rate over the baseline's in the worst case, as a fraction.
    pub excess_errors: Option<f64>,
}

/// Reasons why goals cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum GoalsError {
    /// The file cannot be read.
    #[error("--goals {path}: failed to read the file: {source}; use a JSON file like configs/learner-goals.json", path = path.display())]
    Unreadable {
        /// Path of the file.
        path: PathBuf,
        /// The underlying error.
        source: std::io::Error,
    },
    /// The file is not JSON, or a key is unknown.
    #[error("--goals {path}: {key}: {problem}", path = path.display())]
    Malformed {
        /// Path of the file.
        path: PathBuf,
        /// Path of the key at which parsing failed; `.` for the whole file.
        key: String,
        /// Message of the parser, with line and column.
        problem: String,
    },
    /// Some values are not valid limits.
    #[error("--goals {path}: {problems}", path = path.display(), problems = problems.join("; "))]
    Invalid {
        /// Path of the file.
        path: PathBuf,
        /// Problems, each with its key, its value and how to fix it.
        problems: Vec<String>,
    },
}

impl Goals {
    /// Reads a file of goals.
    ///
    /// # Errors
    /// See [`GoalsError`]; all invalid values are reported at once.
    pub fn read(path: &Path) -> Result<Self, GoalsError> {
        let text = lb_io::read_json(path)
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
        if self.situations.is_none() && self.held_out.is_none() && self.sized.is_none() {
            found.0.push("sets no goals; add `situations`, `held_out` or `sized`".to_owned());
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
            found.pair("situations.to_unhinted", goals.to_unhinted);
        }
        if let Some(goals) = &self.sized {
            found.pair("sized.to_blind", goals.to_blind);
            found.pair("sized.to_listening", goals.to_listening);
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
