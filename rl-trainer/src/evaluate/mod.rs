//! The proof: compares trained policies with the classical algorithms on cases that were not used in
//! training.
//!
//! Every contestant plays every case with the same random draws: the same arrivals, sizes and failures
//! ([`crate::scenarios::Case::with_luck`]), so that ratios are paired. Contestants are the trained policies
//! (one per training seed), the same policies without what requests say, all classical rules with and without
//! ejection, and oracles. Oracles use
//! information that a load balancer does not have; they are bounds, not competitors. *The best classical*
//! algorithm of a case is chosen in hindsight among all rules, including those with client affinity; the best
//! *content-blind* one among those that ignore what requests say about their cost.
//!
//! [`evaluate`] simulates the cases, [`on_pools`] those of specialised policies, [`Standing`] summarises the results, and [`goals`] compares them with
//! limits that a user sets.

mod contestants;
pub mod goals;
mod interval;
mod lists;
mod play;
mod pools;
mod standing;

pub use contestants::{Contestant, GENERAL, Kind, LISTENING, SPECIALISED, Trained, classical};
pub use interval::{LEVEL, crossed};
pub use lists::{List, TEST_SHA256};
pub use play::{CaseResult, Evaluation, SCHEMA_VERSION, Watch, evaluate};
pub use pools::{OnPool, OnPools, Opponent, WrongProfile, on_pools};
pub use standing::{CaseStanding, Estimate, Line, Standing, league, paired};

/// Default number of replications per case: with fewer, one bad draw can dominate the 99th percentile.
pub const LUCKS: u64 = 5;
