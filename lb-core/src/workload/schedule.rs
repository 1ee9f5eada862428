//! The schedule: all that virtual users will do, fixed by a seed and hashed.

use super::stage::Workload;
use super::user::VirtualUser;
use crate::rng::Seed;
use crate::time::Time;
use std::sync::Arc;

/// A virtual user's number, unique in its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub u32);

/// When a virtual user is there, and who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPlan {
    /// Who.
    pub id: UserId,
    /// Position in [`Workload::stages`].
    pub stage: usize,
    /// Position in [`Workload::classes`].
    pub class: usize,
    /// From when to when it is active, ascending and disjoint; offsets from the start of the phase.
    pub windows: Vec<(Time, Time)>,
}

/// All users of a phase.
#[derive(Clone, Debug)]
pub struct Schedule {
    // private: filled in by the implementation
}

impl Schedule {
    /// Fixes users, classes and windows.
    pub fn new(_workload: Arc<Workload>, _seed: Seed) -> Self {
        todo!()
    }

    /// The users, by [`UserId`].
    pub fn users(&self) -> &[UserPlan] {
        todo!()
    }

    /// A user at the beginning of its plan.
    pub fn virtual_user(&self, _id: UserId) -> VirtualUser {
        todo!()
    }

    /// Most users active at once.
    pub fn peak_users(&self) -> u32 {
        todo!()
    }

    /// SHA-256 in hex over the workload, the seed, every user's plan, and each user's first
    /// requests as they would be sent.
    pub fn sha256(&self) -> &str {
        todo!()
    }
}
