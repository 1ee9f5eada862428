//! The names of the algorithms: one table, read by the load balancer, the simulator, the harness and
//! the docs.
//!
//! A name is that of a rule, optionally with the suffix `+ejection`: outlier ejection is a wrapper
//! around any rule. Case does not matter, and `_` counts as `-`, so `LEAST_CONNECTIONS+ejection` is
//! `least-connections+ejection`.
//!
//! To add an algorithm, write one file in [`crate::policy`] and add one entry to the table below, which
//! also generates the variant of [`Rule`].

use crate::policy::{self, Ejection, Limits, Policy, PolicyFile};
use crate::suggest;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

/// Marks an algorithm with outlier ejection.
const EJECTION_SUFFIX: &str = "+ejection";

/// Marks a name in results that only the load balancer under test knows.
const FOREIGN_PREFIX: &str = "foreign:";

/// Least similarity at which a known name is suggested: less similar names have little in common.
const SUGGESTION_SIMILARITY: f64 = 0.75;

/// A rule with its wrappers, as results name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Algorithm {
    /// The rule that decides which backend is picked.
    pub rule: Rule,
    /// Whether backends with consecutive errors are excluded for a while.
    pub ejection: bool,
}

/// The name of an algorithm that only the load balancer under test knows.
///
/// Names are kept for the life of the process, so that an [`Algorithm`] stays a small value; a run has a few
/// of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ForeignName(&'static str);

impl ForeignName {
    /// Returns the name with this text. Equal texts share their memory.
    pub fn new(text: &str) -> Self {
        static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.get(text) {
            return Self(known);
        }
        let kept: &'static str = Box::leak(text.into());
        names.insert(kept);
        Self(kept)
    }

    /// Returns the name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Debug for ForeignName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How an algorithm's choices look from outside. A probe compares a load balancer's actual choices with
/// this.
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
    /// Prefers backends with low latency.
    LatencyAware,
    /// Sends the same client to the same backend every time.
    Affinity,
    /// Depends on training, so the choices alone prove nothing.
    Learned,
    /// Not known, so the choices prove nothing.
    Unknown,
}

/// A new policy, or the reason why it cannot be made.
type Made = Result<Box<dyn Policy>, AlgorithmError>;

/// One entry in the table of algorithms.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The rule that this entry describes.
    pub rule: Rule,
    /// Name of the rule in configs and results.
    pub name: &'static str,
    /// Other accepted names of the rule.
    pub aliases: &'static [&'static str],
    /// How the rule's choices look from outside.
    pub behaviour: Behaviour,
    /// One-line description for `bench algorithms`.
    pub summary: &'static str,
    /// Makes a new policy, with or without outlier ejection. A rule that needs training takes its
    /// policy file from `trained`.
    make: fn(ejection: bool, trained: Option<&Arc<PolicyFile>>) -> Made,
}

/// Generates [`Rule`] and the table of entries from one list, so that each rule has exactly one entry,
/// at its own position.
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
            /// A rule of a load balancer under test that is not in the table: it can be measured, but
            /// neither simulated nor verified.
            Foreign(ForeignName),
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
        summary: "of two backends drawn at random, the one with the lower peak latency x (in-flight + 1)",
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
    LeastPredictedWork {
        name: "least-predicted-work",
        aliases: ["lpw"],
        behaviour: LatencyAware,
        summary: "lowest (predicted work in flight + predicted cost) / observed speed of all backends",
        make: untrained::<policy::LeastPredictedWork>,
    }
    IpHash {
        name: "ip-hash",
        aliases: [],
        behaviour: Affinity,
        summary: "the backend given by a hash of the client, in proportion to weight",
        make: untrained::<policy::IpHash>,
    }
    ConsistentHash {
        name: "consistent-hash",
        aliases: ["ring-hash"],
        behaviour: Affinity,
        summary: "the next backend on a hash ring: few clients move when backends come and go",
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

/// Makes the learned policy from a trained policy file.
fn learned(ejection: bool, trained: Option<&Arc<PolicyFile>>) -> Made {
    let file = trained.ok_or(AlgorithmError::NoPolicyFile)?;
    Ok(dress(policy::Learned::new(Arc::clone(file)), ejection))
}

/// Wraps a policy in outlier ejection if `ejection` is set.
fn dress<P: Policy + 'static>(policy: P, ejection: bool) -> Box<dyn Policy> {
    if ejection { Box::new(Ejection::new(policy, Limits::default())) } else { Box::new(policy) }
}

/// Error when no policy can be made for a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlgorithmError {
    /// The name is not in the table.
    #[error("unknown algorithm `{name}`{}; known: {known}", suggest::hint(.suggestion.as_deref()))]
    Unknown {
        /// The name as typed.
        name: String,
        /// The most similar known name; `None` if none is similar enough.
        suggestion: Option<String>,
        /// All known names, joined by commas.
        known: String,
    },
    /// `rl` was requested without a trained policy.
    #[error(
        "algorithm `rl` needs a trained policy file, but none was given; train one with `rl-train` or leave `rl` out"
    )]
    NoPolicyFile,
    /// Only the load balancer under test knows the algorithm.
    #[error(
        "`{name}` is known to the load balancer under test only, so it can neither be simulated nor served here"
    )]
    Foreign {
        /// The name in results.
        name: String,
    },
}

impl Rule {
    /// Returns the entry of the rule; `None` for a foreign one.
    fn entry(self) -> Option<&'static Entry> {
        TABLE.iter().find(|entry| entry.rule == self)
    }

    fn of_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|line| line.name == name || line.aliases.contains(&name)).map(|line| line.rule)
    }
}

impl Algorithm {
    /// Creates an algorithm from a rule, without wrappers.
    pub const fn plain(rule: Rule) -> Self {
        Self { rule, ejection: false }
    }

    /// Creates an algorithm that only the load balancer under test knows, with this name in results.
    pub fn foreign(name: &str) -> Self {
        Self::plain(Rule::Foreign(ForeignName::new(name)))
    }

    /// Returns whether only the load balancer under test knows the algorithm.
    pub const fn is_foreign(self) -> bool {
        matches!(self.rule, Rule::Foreign(_))
    }

    /// Returns all rules in the order in which `bench algorithms` lists them.
    pub fn table() -> &'static [Entry] {
        TABLE
    }

    /// Returns the names of all rules, joined by commas, for messages.
    pub fn all_names() -> String {
        TABLE.iter().map(|line| line.name).collect::<Vec<_>>().join(", ")
    }

    /// Returns how the choices look from outside. Ejection only changes which backends may be chosen.
    pub fn behaviour(self) -> Behaviour {
        self.rule.entry().map_or(Behaviour::Unknown, |entry| entry.behaviour)
    }

    /// Makes a new policy of this algorithm.
    ///
    /// # Errors
    /// Fails for `rl`, which needs a trained policy: use [`Self::policy_with`].
    pub fn policy(self) -> Result<Box<dyn Policy>, AlgorithmError> {
        self.policy_with(None)
    }

    /// Makes a new policy of this algorithm; for `rl`, from `trained`.
    ///
    /// # Errors
    /// Fails for `rl` if `trained` is `None`, and for foreign algorithms.
    pub fn policy_with(self, trained: Option<&Arc<PolicyFile>>) -> Result<Box<dyn Policy>, AlgorithmError> {
        let Some(entry) = self.rule.entry() else {
            return Err(AlgorithmError::Foreign { name: self.to_string() });
        };
        (entry.make)(self.ejection, trained)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rule, self.rule.entry()) {
            (Rule::Foreign(name), _) => f.write_str(name.as_str())?,
            (_, entry) => f.write_str(entry.map_or("", |entry| entry.name))?,
        }
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

/// Returns the known name most similar to `name`, with the wrapper of `name`.
fn nearest(name: &str) -> Option<String> {
    let (rule, wrapper) = name.split_once('+').unwrap_or((name, ""));
    let known = TABLE.iter().flat_map(|line| std::iter::once(&line.name).chain(line.aliases)).copied();
    let rule = suggest::nearest_above(SUGGESTION_SIMILARITY, rule, known)?;
    let suffix = if wrapper.starts_with('e') { EJECTION_SUFFIX } else { "" };
    Some(format!("{rule}{suffix}"))
}

impl Serialize for Algorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.rule {
            Rule::Foreign(name) => serializer.collect_str(&format_args!("{FOREIGN_PREFIX}{}", name.as_str())),
            _ => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        match text.strip_prefix(FOREIGN_PREFIX) {
            Some(name) => Ok(Self::foreign(name)),
            None => text.parse().map_err(de::Error::custom),
        }
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
