//! The state that all threads share: the pools with their balancers, the table from service to pool, and the
//! current algorithm.
//!
//! The table is replaced, never changed: data threads keep a reference, and check one atomic number per
//! request to learn that a newer one exists. What changes with every request (in-flight counts, the policy's
//! memory) is in the balancers of each pool, behind one lock each, which is held for the decision only.

mod booking;
mod change;
mod change_error;
mod decisions;
mod hint_names;
mod pool;
mod route_class;
mod shared;
mod table;
mod traces;

#[cfg(test)]
pub(crate) use booking::AlgorithmStats;
pub(crate) use booking::{Session, Stats};
pub(crate) use change_error::ChangeError;
pub(crate) use decisions::Decisions;
pub(crate) use hint_names::MetHints;
pub(crate) use pool::{Backend, Label, Pool, Tally, ViewLabel};
pub(crate) use route_class::MetClasses;
pub(crate) use shared::State;
pub(crate) use table::{Member, Route};
pub(crate) use traces::Traces;
