//! Labels of the random streams of a schedule's seed.

/// Label of varying numbers of users, by stage and period.
pub(super) const VARIANCE: u64 = 1;
/// Label of all choices of one user.
pub(super) const USER: u64 = 2;
/// Label of the gaps between arrivals of an open stage, by stage.
pub(super) const GAPS: u64 = 3;
/// Label of the times spent in burst states, by stage.
pub(super) const STAYS: u64 = 4;
/// Label of the classes of arrivals, by stage.
pub(super) const CLASS: u64 = 5;
