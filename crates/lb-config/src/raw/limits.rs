//! Limits that all dialects share.

/// Upper limit for concurrent users: with more, one process runs out of ports for one address.
pub(crate) const MOST_USERS: u32 = 100_000;
/// Upper limit for all lengths of time, in minutes: seven days. Anything longer is almost certainly a typo.
pub(crate) const LONGEST_MINUTES: f64 = 10_080.0;
/// Upper limit for all lengths of time, in seconds.
pub(crate) const LONGEST_SECONDS: f64 = 604_800.0;
