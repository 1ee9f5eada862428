//! Enums that describe a run: its engine, its load model, how the warm-up was left out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The engine that drives trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Real HTTP over real sockets, in real time.
    Live,
    /// Simulation of the same rules in virtual time.
    Sim,
}

/// The load model of one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StageModel {
    /// Users wait for each reply before they continue.
    Closed,
    /// Requests arrive on a schedule, whether or not earlier ones were answered.
    Open,
}

/// The load model of a whole scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LoadModel {
    /// All stages are closed: users wait for each reply.
    #[default]
    Closed,
    /// All stages are open: requests arrive on a schedule.
    Open,
    /// Some stages are open, others closed.
    Mixed,
}

/// How the warm-up was left out of the measured phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WarmUp {
    /// A phase of fixed length ran before the measured one.
    #[default]
    #[serde(rename = "fixed")]
    Fixed,
    /// The beginning of each trial was cut off at the point where latency became steady, by the rule MSER-5.
    #[serde(rename = "mser-5")]
    Mser5,
}

/// The position of a phase relative to a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FaultPhase {
    /// From the end of the previous fault, or the start of the measured phase, to the start of the fault.
    Before,
    /// While the fault lasts.
    During,
    /// From the end of the fault to the next fault or the end of the measured phase.
    After,
}

/// The purpose of a probe in a search for the highest rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProbeStage {
    /// Doubles or halves the rate until the outcome changes.
    Exponential,
    /// Halves the interval between a rate that met the objective and one that did not.
    Binary,
    /// Repeats a rate on other schedules until it is decided whether it meets the objective.
    Decide,
    /// Runs the highest rate that met the objective again, for longer.
    Confirm,
}

impl Engine {
    /// Returns the name in files, sentences and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Sim => "sim",
        }
    }
}

impl LoadModel {
    /// Returns the model of a scenario with these stages; closed if there are none.
    pub fn of(stages: impl IntoIterator<Item = StageModel>) -> Self {
        let (mut open, mut closed) = (false, false);
        for stage in stages {
            match stage {
                StageModel::Open => open = true,
                StageModel::Closed => closed = true,
            }
        }
        match (open, closed) {
            (true, true) => Self::Mixed,
            (true, false) => Self::Open,
            (false, _) => Self::Closed,
        }
    }

    /// Returns the name in files, sentences and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::Mixed => "mixed",
        }
    }
}

impl WarmUp {
    /// Returns the name in files and sentences.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Mser5 => "mser-5",
        }
    }
}

impl FaultPhase {
    /// Returns the name in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::During => "during",
            Self::After => "after",
        }
    }
}

impl ProbeStage {
    /// Returns the name in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exponential => "exponential",
            Self::Binary => "binary",
            Self::Decide => "decide",
            Self::Confirm => "confirm",
        }
    }
}

macro_rules! displayed_by_name {
    ($($kind:ty),*) => {
        $(impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        })*
    };
}

displayed_by_name!(Engine, LoadModel, WarmUp, FaultPhase, ProbeStage);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_displayed_as_it_is_written_in_files() {
        let table = [
            (serde_json::json!([Engine::Live, Engine::Sim]), format!("{} {}", Engine::Live, Engine::Sim)),
            (
                serde_json::json!([LoadModel::Closed, LoadModel::Open, LoadModel::Mixed]),
                format!("{} {} {}", LoadModel::Closed, LoadModel::Open, LoadModel::Mixed),
            ),
            (
                serde_json::json!([WarmUp::Fixed, WarmUp::Mser5]),
                format!("{} {}", WarmUp::Fixed, WarmUp::Mser5),
            ),
            (
                serde_json::json!([FaultPhase::Before, FaultPhase::During, FaultPhase::After]),
                format!("{} {} {}", FaultPhase::Before, FaultPhase::During, FaultPhase::After),
            ),
            (
                serde_json::json!([ProbeStage::Exponential, ProbeStage::Binary, ProbeStage::Decide]),
                format!("{} {} {}", ProbeStage::Exponential, ProbeStage::Binary, ProbeStage::Decide),
            ),
            (serde_json::json!([ProbeStage::Confirm]), ProbeStage::Confirm.to_string()),
        ];
        for (json, text) in table {
            let words: Vec<&str> = text.split(' ').collect();
            assert_eq!(json, serde_json::json!(words), "one word in files and in sentences");
        }
    }

    #[test]
    fn a_scenario_with_open_and_closed_stages_is_mixed() {
        use StageModel::{Closed, Open};
        let table: [(&[StageModel], LoadModel); 4] = [
            (&[], LoadModel::Closed),
            (&[Closed, Closed], LoadModel::Closed),
            (&[Open, Open], LoadModel::Open),
            (&[Closed, Open], LoadModel::Mixed),
        ];
        for (stages, model) in table {
            assert_eq!(LoadModel::of(stages.iter().copied()), model, "{stages:?}");
        }
    }
}
