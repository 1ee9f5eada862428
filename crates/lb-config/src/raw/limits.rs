//! Limits that all dialects share.

/// Most users at once: beyond it one process runs out of ports to one address.
pub(crate) const MOST_USERS: u32 = 100_000;
/// Seven days: longer is a typing error, not an experiment.
pub(crate) const LONGEST_MINUTES: f64 = 10_080.0;
/// The same in seconds.
pub(crate) const LONGEST_SECONDS: f64 = 604_800.0;
