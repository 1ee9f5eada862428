//! The names of the algorithms: one table, read by the load balancer, the simulator, the harness and
//! the docs.
//!
//! A name is a rule, and optionally the suffix `+ejection`: outlier ejection is a wrapper that fits
//! every rule, and results name it. Case does not matter, and `_` counts as `-`, so
//! `LEAST_CONNECTIONS+ejection` is `least-connections+ejection`.
//!
//! A new algorithm is one file in [`crate::policy`] and one entry of the table below, which makes the
//! variant of [`Rule`] as well.

use crate::policy::{self, Ejection, Limits, Policy, PolicyFile};
use crate::suggest;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Marks an algorithm with outlier ejection.
const EJECTION_SUFFIX: &str = "+ejection";

/// A name less similar than this to all known names gets no suggestion: below it the similarity pairs
/// words that have little in common.
const SUGGESTION_SIMILARITY: f64 = 0.75;

/// A rule with its wrappers, as results name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Algorithm {
    /// The rule that decides which backend is picked.
    pub rule: Rule,
    /// Whether backends with consecutive errors are left out for a while.
    pub ejection: bool,
}

/// How a rule shows in its choices: what a probe from outside can check a load
/// balancer's claim to run it against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Behaviour {
    /// One request at a time on an idle pool visits all backends in a fixed cycle.
    Rotation,
    /// A fixed cycle in which each backend appears in proportion to its weight.
    WeightedRotation,
    /// Equal shares in no particular order, regardless of load.
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
    /// Decided by training, so that choices alone prove nothing.
    Learned,
}

/// A fresh policy, or why there is none.
type Made = Result<Box<dyn Policy>, AlgorithmError>;

/// A line of the table of algorithms.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The rule that this entry describes.
    pub rule: Rule,
    /// Its name in configs and results.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// How its choices look from outside.
    pub behaviour: Behaviour,
    /// One line for `bench algorithms`.
    pub summary: &'static str,
    /// Makes a fresh policy: with outlier ejection or without, and from a trained policy where the
    /// rule needs one.
    make: fn(ejection: bool, trained: Option<&Arc<PolicyFile>>) -> Made,
}

/// Makes [`Rule`] and the table of its entries from one list, so that a rule without an entry, with
/// two, or in another place than its entry cannot be written.
macro_rules! algorithms {
    ($($rule:ident {
        name: $name:literal,
        aliases: $aliases:expr,
        behaviour: $behaviour:ident,
        summary: $summary:literal,
        make: $make:expr,
    })+) => {
        /// The rule of an algorithm, without wrappers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Rule {
            $(#[doc = concat!("`", $name, "`: ", $summary, ".")] $rule,)+
        }

        /// All rules, in the order of [`Rule`].
        static TABLE: &[Entry] = &[$(Entry {
            rule: Rule::$rule,
            name: $name,
            aliases: &$aliases,
            behaviour: Behaviour::$behaviour,
            summary: $summary,
            make: $make,
        },)+];
    };
}

algorithms! {
    RoundRobin {
        name: "round-robin",
        aliases: ["rr"],
        behaviour: Rotation,
        summary: "each backend in turn",
        make: untrained::<policy::RoundRobin>,
    }
    WeightedRoundRobin {
        name: "weighted-round-robin",
        aliases: ["wrr"],
        behaviour: WeightedRotation,
        summary: "each backend in turn, in proportion to its weight, evenly interleaved",
        make: untrained::<policy::WeightedRoundRobin>,
    }
    Random {
        name: "random",
        aliases: [],
        behaviour: Random,
        summary: "any backend, uniformly at random",
        make: untrained::<policy::Random>,
    }
    LeastConnections {
        name: "least-connections",
        aliases: ["least-conn", "lc"],
        behaviour: LeastLoaded,
        summary: "fewest requests in flight per weight, ties broken at random",
        make: untrained::<policy::LeastConnections>,
    }
    P2c {
        name: "p2c",
        aliases: ["power-of-two-choices"],
        behaviour: TwoChoices,
        summary: "the less busy of two backends drawn at random",
        make: untrained::<policy::P2c>,
    }
    PeakEwma {
        name: "peak-ewma",
        aliases: [],
        behaviour: LatencyAware,
        summary: "of two backends drawn at random, the lower peak-sensitive latency x (in-flight + 1)",
        make: untrained::<policy::PeakEwma>,
    }
    EwmaScan {
        name: "ewma-scan",
        aliases: ["ewma"],
        behaviour: LatencyAware,
        summary: "lowest mean latency x (in-flight + 1) of all backends",
        make: untrained::<policy::EwmaScan>,
    }
    ShortestExpectedDelay {
        name: "shortest-expected-delay",
        aliases: ["sed"],
        behaviour: LatencyAware,
        summary: "lowest (in-flight + 1) / observed service rate of all backends",
        make: untrained::<policy::ShortestExpectedDelay>,
    }
    Prequal {
        name: "prequal",
        aliases: [],
        behaviour: LatencyAware,
        summary: "lowest latency among backends that are not crowded, else fewest in flight",
        make: untrained::<policy::Prequal>,
    }
    IpHash {
        name: "ip-hash",
        aliases: [],
        behaviour: Affinity,
        summary: "the client's hash on the weights: one client, one backend",
        make: untrained::<policy::IpHash>,
    }
    ConsistentHash {
        name: "consistent-hash",
        aliases: ["ring-hash"],
        behaviour: Affinity,
        summary: "the client's place on a ring of backends: few clients move when backends come and go",
        make: untrained::<policy::ConsistentHash>,
    }
    Rl {
        name: "rl",
        aliases: ["rl-agent"],
        behaviour: Learned,
        summary: "the trained policy",
        make: learned,
    }
}

/// Makes a policy that needs no training.
fn untrained<P: Policy + Default + 'static>(ejection: bool, _: Option<&Arc<PolicyFile>>) -> Made {
    Ok(dress(P::default(), ejection))
}

/// Makes the policy that follows a trained one.
fn learned(ejection: bool, trained: Option<&Arc<PolicyFile>>) -> Made {
    let file = trained.ok_or(AlgorithmError::NoPolicyFile)?;
    Ok(dress(policy::Learned::new(Arc::clone(file)), ejection))
}

/// Wraps a policy in outlier ejection if it is asked for.
fn dress<P: Policy + 'static>(policy: P, ejection: bool) -> Box<dyn Policy> {
    if ejection { Box::new(Ejection::new(policy, Limits::default())) } else { Box::new(policy) }
}

/// Why there is no policy for a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlgorithmError {
    /// The name is not in the table.
    #[error("unknown algorithm `{name}`{}; known: {known}", suggest::hint(.suggestion.as_deref()))]
    Unknown {
        /// The name as it was typed.
        name: String,
        /// The nearest known name; `None` if none is near.
        suggestion: Option<String>,
        /// All names, as a list for the message.
        known: String,
    },
    /// `rl` without a trained policy.
    #[error(
        "algorithm `rl` needs a trained policy file, and none is given; train one with `rl-train` or leave `rl` out"
    )]
    NoPolicyFile,
}

impl Rule {
    fn entry(self) -> &'static Entry {
        // Both come from one list, so they are in the same order.
        &TABLE[self as usize]
    }

    fn of_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|line| line.name == name || line.aliases.contains(&name)).map(|line| line.rule)
    }
}

impl Algorithm {
    /// The rule without wrappers.
    pub const fn plain(rule: Rule) -> Self {
        Self { rule, ejection: false }
    }

    /// All rules, in the order in which `bench algorithms` lists them.
    pub fn table() -> &'static [Entry] {
        TABLE
    }

    /// The names of all rules, joined by commas, for messages.
    pub fn all_names() -> String {
        TABLE.iter().map(|line| line.name).collect::<Vec<_>>().join(", ")
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
        (self.rule.entry().make)(self.ejection, trained)
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
    let known = TABLE.iter().flat_map(|line| std::iter::once(&line.name).chain(line.aliases)).copied();
    let rule = suggest::nearest_above(SUGGESTION_SIMILARITY, rule, known)?;
    let suffix = if wrapper.starts_with('e') { EJECTION_SUFFIX } else { "" };
    Some(format!("{rule}{suffix}"))
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
