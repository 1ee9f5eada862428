//! What a schedule fixed: the plan of each user, and what all users of a schedule share.

use super::arrivals::Arrival;
use super::ids::UserId;
use super::workload::Workload;
use crate::rng::Seed;
use crate::time::Time;
use std::sync::{Arc, OnceLock};

/// When a virtual user is there, and who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPlan {
    /// The user's number.
    pub id: UserId,
    /// Position in [`super::Workload::stages`].
    pub stage: usize,
    /// Position in [`super::Workload::classes`].
    pub class: usize,
    /// From when to when it is active, ascending and disjoint; offsets from the start of the phase.
    pub windows: Vec<(Time, Time)>,
}

/// What all users of a schedule share.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) workload: Arc<Workload>,
    pub(super) seed: Seed,
    pub(super) users: Vec<UserPlan>,
    pub(super) arrivals: Vec<Arrival>,
    /// Made when it is first asked for: trials that replay a schedule do not pay for it.
    pub(super) sha256: OnceLock<String>,
}
