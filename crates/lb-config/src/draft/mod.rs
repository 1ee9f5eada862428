//! Turns raw types of every dialect into drafts, with times in seconds, the names of the journey, and a
//! timeline that is not scaled yet.

mod actions;
mod classes;
mod errors;
mod faults;
mod feeds;
pub(super) mod file;
mod flat;
pub(super) mod limits;
mod profiles;
mod quantity;
mod scenario;
mod sequence;
mod shared;
mod steady;
mod stress;
mod training;
pub(super) mod types;
