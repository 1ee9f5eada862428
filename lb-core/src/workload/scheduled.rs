//! The contents of a schedule: the plan of each user, and the data that all its users share.

use super::arrivals::Arrival;
use super::ids::UserId;
use super::workload::Workload;
use crate::rng::Seed;
use crate::time::Time;
use std::sync::{Arc, OnceLock};

/// When a virtual user is active, and in which stage and class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPlan {
    /// Number of the user.
    pub id: UserId,
    /// Position in [`super::Workload::stages`].
    pub stage: usize,
    /// Position in [`super::Workload::classes`].
    pub class: usize,
    /// Times in which it is active, in ascending order and disjoint, relative to the start of the
    /// phase.
    pub windows: Vec<(Time, Time)>,
}

/// Data shared by all users of a schedule.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) workload: Arc<Workload>,
    pub(super) seed: Seed,
    pub(super) users: Vec<UserPlan>,
    pub(super) arrivals: Vec<Arrival>,
    /// Hash, computed when first needed, so that trials that replay a schedule do not compute it.
    pub(super) sha256: OnceLock<String>,
}
