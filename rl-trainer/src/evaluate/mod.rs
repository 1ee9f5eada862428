//! The proof: trained policies against the classical algorithms, on cases that they were not trained on.
//!
//! Every contestant meets every case with the same random draws: the same arrivals, sizes and failures
//! ([`crate::scenarios::Case::with_luck`]), so that ratios are paired. Contestants are the trained policies,
//! one per training seed, all classical rules with ejection and without, and oracles, which know what no load
//! balancer does and are bounds, not competitors. *The best classical* of a case is chosen in hindsight
//! among all rules, those with affinity to clients included: they seldom win, and leaving them out would only
//! make the choice look more precise than it is.
//!
//! [`evaluate`] plays; [`Standing`] sums up; [`goals`] judges it by limits that a user gives.

mod contestants;
pub mod goals;
mod interval;
mod lists;
mod play;
mod standing;

pub use contestants::{Contestant, Kind, Trained, classical};
pub use interval::{LEVEL, crossed};
pub use lists::{List, TEST_SHA256};
pub use play::{CaseResult, Evaluation, SCHEMA_VERSION, Watch, evaluate};
pub use standing::{CaseStanding, Estimate, Line, Standing, league, paired};

/// Default number of replications per case: with fewer, one bad draw can dominate the 99th percentile.
pub const LUCKS: u64 = 5;
