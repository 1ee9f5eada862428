//! The format of a trace: its columns, the names of outcomes, and the metadata of a file.
//!
//! The writer and the reader share these definitions, so they cannot diverge: the schema has exactly the
//! columns of [`Column`], and a reader can request no others. `docs/traces.md` explains the columns.

use lb_core::policy::ReplyKind;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::TypePtr;
use std::fmt::Write;
use std::sync::Arc;

/// The name of a trace's schema, which distinguishes traces from other Parquet files.
pub const MESSAGE: &str = "decisions";

/// Keys of a trace file's metadata.
pub mod metadata {
    /// Id of the run that recorded the trace.
    pub const RUN_ID: &str = "run_id";
    /// The name of the feature set.
    pub const FEATURE_SET: &str = "feature_set";
    /// The names of the features of one backend, as a JSON list.
    pub const FEATURES: &str = "features";
    /// The version of the reward's formula.
    pub const REWARD_VERSION: &str = "reward_version";
    /// Probability that exploration picks the backend instead of the policy.
    pub const EXPLORATION: &str = "exploration";
    /// When the recording began (RFC 3339); missing in simulations.
    pub const STARTED_AT: &str = "started_at";
}

/// A column of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// Id of the run that recorded the trace.
    RunId,
    /// The policy that made the decision.
    PolicyId,
    /// Number of the load balancer that decided; each view of each pool has its own.
    LbId,
    /// Number of the decision within its load balancer, from 0.
    DecisionId,
    /// When the decision was made, in nanoseconds from the beginning of the recording.
    TsNs,
    /// Number of backends in the pool.
    NBackends,
    /// The ids of all backends of the pool, eligible or not.
    BackendIds,
    /// The name of the feature set.
    FeatureSet,
    /// The features of all backends, one row of numbers per backend.
    Features,
    /// Index of the chosen backend in the pool.
    Action,
    /// The probability with which the backend was chosen; null if the policy does not know it.
    Propensity,
    /// Whether exploration drew the backend at random.
    Explore,
    /// Which backends could be chosen; the features of the others have no meaning.
    Mask,
    /// The route class of the request.
    RouteClass,
    /// The names of the request's hints, such as `query.limit`; empty if it says nothing, or nobody listened.
    HintNames,
    /// The numbers of the hints, in the order of their names; NaN for one that is a word.
    HintValues,
    /// The hashes of the hints that are words, in the order of their names; 0 for one that is a number.
    HintWords,
    /// How the request ended, see [`error_kind`]; null if unknown.
    ErrorKind,
    /// Time from the decision to the end of the request in microseconds; null if unknown.
    LatencyUs,
    /// When the request ended, in nanoseconds from the beginning of the recording; null if unknown.
    DoneTsNs,
    /// Whether the outcome is unknown.
    Censored,
    /// The number of the next decision of the same load balancer; null if unknown.
    NextDecisionId,
    /// The total time that all requests of the pool spent in the system until the next decision, in
    /// microseconds; null if there is no next decision.
    InSystemIntegralUs,
    /// The reward of the decision; null if the outcome is unknown.
    Reward,
    /// The version of the reward's formula.
    RewardVersion,
}

impl Column {
    /// All columns in the order of the schema.
    pub const ALL: [Self; 25] = [
        Self::RunId,
        Self::PolicyId,
        Self::LbId,
        Self::DecisionId,
        Self::TsNs,
        Self::NBackends,
        Self::BackendIds,
        Self::FeatureSet,
        Self::Features,
        Self::Action,
        Self::Propensity,
        Self::Explore,
        Self::Mask,
        Self::RouteClass,
        Self::HintNames,
        Self::HintValues,
        Self::HintWords,
        Self::ErrorKind,
        Self::LatencyUs,
        Self::DoneTsNs,
        Self::Censored,
        Self::NextDecisionId,
        Self::InSystemIntegralUs,
        Self::Reward,
        Self::RewardVersion,
    ];

    /// Returns the name of the column in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RunId => "run_id",
            Self::PolicyId => "policy_id",
            Self::LbId => "lb_id",
            Self::DecisionId => "decision_id",
            Self::TsNs => "ts_ns",
            Self::NBackends => "n_backends",
            Self::BackendIds => "backend_ids",
            Self::FeatureSet => "feature_set",
            Self::Features => "features",
            Self::Action => "action",
            Self::Propensity => "propensity",
            Self::Explore => "explore",
            Self::Mask => "mask",
            Self::RouteClass => "route_class",
            Self::HintNames => "hint_names",
            Self::HintValues => "hint_values",
            Self::HintWords => "hint_words",
            Self::ErrorKind => "error_kind",
            Self::LatencyUs => "latency_us",
            Self::DoneTsNs => "done_ts_ns",
            Self::Censored => "censored",
            Self::NextDecisionId => "next_decision_id",
            Self::InSystemIntegralUs => "in_system_integral_us",
            Self::Reward => "reward",
            Self::RewardVersion => "reward_version",
        }
    }

    /// Returns the column's declaration in the Parquet schema language, with `$` in place of its name.
    const fn declaration(self) -> &'static str {
        const TEXT: &str = "required binary $ (STRING);";
        const U16: &str = "required int32 $ (INTEGER(16, false));";
        const U64_OR_NULL: &str = "optional int64 $ (INTEGER(64, false));";
        match self {
            Self::RunId | Self::PolicyId | Self::FeatureSet | Self::RouteClass => TEXT,
            Self::LbId | Self::NBackends | Self::Action | Self::RewardVersion => U16,
            Self::DecisionId => "required int64 $ (INTEGER(64, false));",
            Self::TsNs => "required int64 $;",
            Self::DoneTsNs => "optional int64 $;",
            Self::BackendIds | Self::HintNames => {
                "required group $ (LIST) { repeated group list { required binary element (STRING); } }"
            }
            Self::HintWords => {
                "required group $ (LIST) { repeated group list { required int32 element (INTEGER(32, false)); } }"
            }
            Self::Features | Self::HintValues => {
                "required group $ (LIST) { repeated group list { required float element; } }"
            }
            Self::Mask => "required group $ (LIST) { repeated group list { required boolean element; } }",
            Self::Propensity | Self::Reward => "optional float $;",
            Self::Explore | Self::Censored => "required boolean $;",
            Self::ErrorKind => "optional binary $ (STRING);",
            Self::LatencyUs => "optional int32 $ (INTEGER(32, false));",
            Self::NextDecisionId | Self::InSystemIntegralUs => U64_OR_NULL,
        }
    }
}

/// Returns the schema of every trace.
pub fn schema() -> TypePtr {
    let mut text = format!("message {MESSAGE} {{ ");
    for column in Column::ALL {
        let declaration = column.declaration().replace('$', column.name());
        write!(text, "{declaration} ").expect("a string takes all that is written to it");
    }
    text.push('}');
    Arc::new(parse_message_type(&text).expect("the declarations above make a schema"))
}

/// Returns the name of a hint whose text is not known, such as `#1f00c3a4`: its hash.
pub fn nameless_hint(hash: u32) -> String {
    format!("#{hash:08x}")
}

/// Returns the hash of a hint's name in [`Column::HintNames`].
pub fn hint_hash(name: &str) -> u32 {
    let nameless = name.strip_prefix('#').filter(|digits| digits.len() == 8);
    let hash = nameless.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    hash.unwrap_or_else(|| lb_core::hints::hash(name.as_bytes()))
}

/// Returns the name of a kind of reply in [`Column::ErrorKind`].
pub const fn error_kind(kind: ReplyKind) -> &'static str {
    match kind {
        ReplyKind::Success => "none",
        ReplyKind::ServerError => "5xx",
        ReplyKind::Timeout => "timeout",
        ReplyKind::ConnectionError => "connection",
    }
}

/// Returns the kind of reply with this name; `None` if this version does not know the name.
pub fn reply_kind(name: &str) -> Option<ReplyKind> {
    let all = [ReplyKind::Success, ReplyKind::ServerError, ReplyKind::Timeout, ReplyKind::ConnectionError];
    all.into_iter().find(|kind| error_kind(*kind) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_exactly_the_columns_in_their_order() {
        let schema = schema();
        let names: Vec<_> = schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
        assert_eq!(names, Column::ALL.map(Column::name));
        for (place, column) in Column::ALL.into_iter().enumerate() {
            assert_eq!(column as usize, place, "{column:?} is listed where it is declared");
        }
    }

    #[test]
    fn hints_are_known_by_their_names_or_by_their_hashes() {
        let hash = lb_core::hints::hash(b"query.limit");
        assert_eq!(hint_hash("query.limit"), hash);
        assert_eq!(hint_hash(&nameless_hint(hash)), hash, "{}", nameless_hint(hash));
        assert_eq!(nameless_hint(7), "#00000007");
        assert_ne!(hint_hash("#7"), 7, "a name that merely begins like a hash");
    }

    #[test]
    fn names_of_ends_can_be_read_back() {
        for kind in
            [ReplyKind::Success, ReplyKind::ServerError, ReplyKind::Timeout, ReplyKind::ConnectionError]
        {
            assert_eq!(reply_kind(error_kind(kind)), Some(kind));
        }
        assert_eq!(reply_kind("anything else"), None);
    }
}
