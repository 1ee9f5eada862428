//! The names of the algorithms: one table, read by the load balancer, the simulator, the harness and
//! the docs.
//!
//! A name is a rule, and optionally the suffix `+ejection`: outlier ejection is a wrapper that every
//! rule can wear, and results name it. `_` counts as `-`.

use crate::policy::Policy;
use std::fmt;
use std::str::FromStr;

/// What decides, without wrappers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the table below describes each")]
pub enum Rule {
    RoundRobin,
    WeightedRoundRobin,
    Random,
    LeastConnections,
    P2c,
    PeakEwma,
    EwmaScan,
    ShortestExpectedDelay,
    Prequal,
    IpHash,
    ConsistentHash,
    Rl,
}

/// A rule with its wrappers, as results name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Algorithm {
    /// What decides.
    pub rule: Rule,
    /// Whether backends with consecutive errors are left out for a while.
    pub ejection: bool,
}

/// A line of the table of algorithms.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The rule.
    pub rule: Rule,
    /// Its name in configs and results.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// One line for `bench algorithms`.
    pub summary: &'static str,
}

/// Why a name is no algorithm that can run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlgorithmError {
    /// No such name.
    #[error("unknown algorithm `{name}`{}; known: {known}", did_you_mean(.suggestion))]
    Unknown {
        /// As typed.
        name: String,
        /// The nearest known name.
        suggestion: Option<String>,
        /// All names.
        known: String,
    },
    /// `rl` without a trained policy.
    #[error(
        "algorithm `rl` needs a trained policy file, and none is given; train one with `rl-train` or leave `rl` out"
    )]
    NoPolicyFile,
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

impl Algorithm {
    /// All rules, in the order in which `bench algorithms` lists them.
    pub fn table() -> &'static [Entry] {
        todo!()
    }

    /// A fresh policy of this algorithm. `rl` is refused until a policy file can be given.
    pub fn policy(self) -> Result<Box<dyn Policy>, AlgorithmError> {
        todo!()
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl FromStr for Algorithm {
    type Err = AlgorithmError;
    fn from_str(_name: &str) -> Result<Self, Self::Err> {
        todo!()
    }
}
