//! The names of the algorithms: one table, read by the load balancer, the simulator, the harness and
//! the docs.
//!
//! A name is a rule, and optionally the suffix `+ejection`: outlier ejection is a wrapper that every
//! rule can wear, and results name it. Case does not matter, and `_` counts as `-`, so
//! `LEAST_CONNECTIONS+ejection` is `least-connections+ejection`.
//!
//! A new algorithm is one file in [`crate::policy`], one [`Rule`], one line of `TABLE` and one arm
//! in `Rule::policy`.

use crate::policy::{self, Ejection, Limits, Policy, PolicyFile};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Marks an algorithm that wears outlier ejection.
const EJECTION_SUFFIX: &str = "+ejection";

/// A name further than this from all known names gets no suggestion: below it `strsim`'s
/// Jaro-Winkler similarity pairs words that have little in common.
const SUGGESTION_SIMILARITY: f64 = 0.75;

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

/// The trace that a rule leaves in its choices: what a probe from outside can hold against a load
/// balancer's claim to run it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Behaviour {
    /// One request at a time on an idle pool visits all backends in a fixed cycle.
    Rotation,
    /// A fixed cycle in which each backend appears in proportion to its weight.
    WeightedRotation,
    /// Equal shares, no order, blind to load.
    Random,
    /// Never picks a busier backend while a less busy one of equal weight exists.
    LeastLoaded,
    /// Picks the less busy of two backends drawn at random: of three backends of which two are
    /// busy, the idle one gets two thirds.
    TwoChoices,
    /// Prefers backends that answered fast.
    LatencyAware,
    /// One client always meets the same backend.
    Affinity,
    /// Whatever training made of it: choices alone prove nothing.
    Learned,
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
    /// How its choices look from outside.
    pub behaviour: Behaviour,
    /// One line for `bench algorithms`.
    pub summary: &'static str,
}

const fn entry(
    rule: Rule,
    name: &'static str,
    aliases: &'static [&'static str],
    behaviour: Behaviour,
    summary: &'static str,
) -> Entry {
    Entry { rule, name, aliases, behaviour, summary }
}

/// All rules, in the order of [`Rule`]'s declaration, which [`Rule::entry`] relies on.
static TABLE: [Entry; 12] = [
    entry(Rule::RoundRobin, "round-robin", &["rr"], Behaviour::Rotation, "each backend in turn"),
    entry(
        Rule::WeightedRoundRobin,
        "weighted-round-robin",
        &["wrr"],
        Behaviour::WeightedRotation,
        "each backend in turn, in proportion to its weight, evenly interleaved",
    ),
    entry(Rule::Random, "random", &[], Behaviour::Random, "any backend, uniformly at random"),
    entry(
        Rule::LeastConnections,
        "least-connections",
        &["least-conn", "lc"],
        Behaviour::LeastLoaded,
        "fewest requests in flight per weight, ties broken at random",
    ),
    entry(
        Rule::P2c,
        "p2c",
        &["power-of-two-choices"],
        Behaviour::TwoChoices,
        "the less busy of two backends drawn at random",
    ),
    entry(
        Rule::PeakEwma,
        "peak-ewma",
        &[],
        Behaviour::LatencyAware,
        "of two backends drawn at random, the lower peak-sensitive latency x (in-flight + 1)",
    ),
    entry(
        Rule::EwmaScan,
        "ewma-scan",
        &["ewma"],
        Behaviour::LatencyAware,
        "lowest mean latency x (in-flight + 1) of all backends",
    ),
    entry(
        Rule::ShortestExpectedDelay,
        "shortest-expected-delay",
        &["sed"],
        Behaviour::LatencyAware,
        "lowest (in-flight + 1) / observed service rate of all backends",
    ),
    entry(
        Rule::Prequal,
        "prequal",
        &[],
        Behaviour::LatencyAware,
        "lowest latency among backends that are not crowded, else fewest in flight",
    ),
    entry(
        Rule::IpHash,
        "ip-hash",
        &[],
        Behaviour::Affinity,
        "the client's hash on the weights: one client, one backend",
    ),
    entry(
        Rule::ConsistentHash,
        "consistent-hash",
        &["ring-hash"],
        Behaviour::Affinity,
        "the client's place on a ring of backends: few clients move when backends come and go",
    ),
    entry(Rule::Rl, "rl", &["rl-agent"], Behaviour::Learned, "the trained policy"),
];

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

impl Rule {
    fn entry(self) -> &'static Entry {
        &TABLE[self as usize]
    }

    fn of_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|line| line.name == name || line.aliases.contains(&name)).map(|line| line.rule)
    }

    /// A fresh policy of this rule, with ejection or without.
    fn policy(
        self,
        ejection: bool,
        trained: Option<&Arc<PolicyFile>>,
    ) -> Result<Box<dyn Policy>, AlgorithmError> {
        fn dress<P: Policy + 'static>(policy: P, ejection: bool) -> Box<dyn Policy> {
            if ejection { Box::new(Ejection::new(policy, Limits::default())) } else { Box::new(policy) }
        }
        Ok(match self {
            Self::RoundRobin => dress(policy::RoundRobin::default(), ejection),
            Self::WeightedRoundRobin => dress(policy::WeightedRoundRobin::default(), ejection),
            Self::Random => dress(policy::Random::default(), ejection),
            Self::LeastConnections => dress(policy::LeastConnections, ejection),
            Self::P2c => dress(policy::P2c, ejection),
            Self::PeakEwma => dress(policy::PeakEwma::default(), ejection),
            Self::EwmaScan => dress(policy::EwmaScan::default(), ejection),
            Self::ShortestExpectedDelay => dress(policy::ShortestExpectedDelay::default(), ejection),
            Self::Prequal => dress(policy::Prequal::default(), ejection),
            Self::IpHash => dress(policy::IpHash::default(), ejection),
            Self::ConsistentHash => dress(policy::ConsistentHash::default(), ejection),
            Self::Rl => match trained {
                Some(file) => dress(policy::Learned::new(Arc::clone(file)), ejection),
                None => return Err(AlgorithmError::NoPolicyFile),
            },
        })
    }
}

impl Algorithm {
    /// The rule without wrappers.
    pub const fn plain(rule: Rule) -> Self {
        Self { rule, ejection: false }
    }

    /// All rules, in the order in which `bench algorithms` lists them.
    pub fn table() -> &'static [Entry] {
        &TABLE
    }

    /// The names of all rules, joined by commas, for messages.
    pub fn all_names() -> String {
        TABLE.map(|line| line.name).join(", ")
    }

    /// How its choices look from outside; ejection changes who may be chosen, not how.
    pub fn behaviour(self) -> Behaviour {
        self.rule.entry().behaviour
    }

    /// A fresh policy of this algorithm.
    ///
    /// # Errors
    /// `rl` is refused: it needs [`Self::policy_with`].
    pub fn policy(self) -> Result<Box<dyn Policy>, AlgorithmError> {
        self.policy_with(None)
    }

    /// A fresh policy of this algorithm; `rl` follows `trained`.
    ///
    /// # Errors
    /// The algorithm is `rl` and there is no policy file.
    pub fn policy_with(self, trained: Option<&Arc<PolicyFile>>) -> Result<Box<dyn Policy>, AlgorithmError> {
        self.rule.policy(self.ejection, trained)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule.entry().name)?;
        if self.ejection { f.write_str(EJECTION_SUFFIX) } else { Ok(()) }
    }
}

impl FromStr for Algorithm {
    type Err = AlgorithmError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let normal = name.trim().to_lowercase().replace('_', "-");
        let (rule, ejection) = match normal.strip_suffix(EJECTION_SUFFIX) {
            Some(rule) => (rule, true),
            None => (normal.as_str(), false),
        };
        Rule::of_name(rule).map(|rule| Self { rule, ejection }).ok_or_else(|| AlgorithmError::Unknown {
            name: name.to_owned(),
            suggestion: nearest(&normal),
            known: format!("{}, each also with `{EJECTION_SUFFIX}`", Self::all_names()),
        })
    }
}

/// The known name that is most like `name`, with the wrapper that `name` asks for.
fn nearest(name: &str) -> Option<String> {
    let (rule, wrapper) = name.split_once('+').unwrap_or((name, ""));
    let (similarity, rule) = TABLE
        .iter()
        .flat_map(|line| std::iter::once(&line.name).chain(line.aliases))
        .map(|known| (strsim::jaro_winkler(rule, known), known))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    let suffix = if wrapper.starts_with('e') { EJECTION_SUFFIX } else { "" };
    (similarity >= SUGGESTION_SIMILARITY).then(|| format!("{rule}{suffix}"))
}

impl Serialize for Algorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Algorithm {
    fn schema_name() -> Cow<'static, str> {
        "Algorithm".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": format!(
                "Name of an algorithm, optionally with the suffix `{EJECTION_SUFFIX}`: {}. Case does not matter; `_` counts as `-`.",
                Self::all_names(),
            ),
            "examples": ["round-robin", "least-connections+ejection"],
        })
    }
}
