//! The number that identifies a virtual user in a schedule and in samples.

/// A virtual user's number, unique in its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub u32);

/// Identifies a session of a virtual user: no two sessions of one user have the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionKey(pub u64);
