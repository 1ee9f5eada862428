//! Labels of the random streams under a schedule's seed.

/// Numbers of users that wander, by stage and period.
pub(super) const VARIANCE: u64 = 1;
/// All choices of one user.
pub(super) const USER: u64 = 2;
/// Gaps between the arrivals of an open stage, by stage.
pub(super) const GAPS: u64 = 3;
/// Stays in the states of bursts, by stage.
pub(super) const STAYS: u64 = 4;
/// Classes of arrivals, by stage.
pub(super) const CLASS: u64 = 5;
