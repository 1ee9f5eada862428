//! The number by which a schedule, its users and its samples know a virtual user.

/// A virtual user's number, unique in its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub u32);
