//! The names of a trace's columns, as the load balancer writes them.

/// The run that recorded.
pub(crate) const RUN: &str = "run_id";
/// The policy that decided.
pub(crate) const POLICY: &str = "policy_id";
/// What decided: a number for each view of each pool.
pub(crate) const BALANCER: &str = "lb_id";
/// When it decided, in nanoseconds from the beginning of the recording.
pub(crate) const SENT: &str = "ts_ns";
/// The ids of all backends of the pool, eligible or not.
pub(crate) const BACKEND_IDS: &str = "backend_ids";
/// The name of the features.
pub(crate) const FEATURE_SET: &str = "feature_set";
/// One row of numbers per backend.
pub(crate) const FEATURES: &str = "features";
/// Position of the chosen backend.
pub(crate) const ACTION: &str = "action";
/// The probability with which it was chosen.
pub(crate) const PROPENSITY: &str = "propensity";
/// Whether chance chose, for the sake of the trace.
pub(crate) const EXPLORE: &str = "explore";
/// Which backends could be chosen; the features of the others say nothing.
pub(crate) const MASK: &str = "mask";
/// The class of route.
pub(crate) const ROUTE: &str = "route_class";
/// How the request failed, or `none`.
pub(crate) const ERROR: &str = "error_kind";
/// From decision to end, in microseconds.
pub(crate) const LATENCY: &str = "latency_us";
/// What the backend says that it served, in microseconds.
pub(crate) const SERVICE: &str = "upstream_service_us";
/// Whether the outcome is not known.
pub(crate) const CENSORED: &str = "censored";
/// The next decision of the same load balancer.
pub(crate) const NEXT: &str = "next_decision_id";
/// What the decision earned.
pub(crate) const REWARD: &str = "reward";
