//! Pure functions over finished results: no I/O, no clock, no randomness.

pub mod runs;
pub mod threshold;

mod aa;
mod compare;
mod curves;
mod fairness;
mod fault_response;
mod overhead;
mod steering;
mod summarise;
mod trial_metrics;
mod validity;
mod window;

pub use aa::{aa, aa_sentence};
pub use compare::signed;
pub use compare::{CompareOptions, compare, compare_some, precise_enough, repetitions_for};
pub(crate) use compare::{Pair, compare_pairs, valid_trials};
pub use curves::{distribution, series, tenth_means};
pub use fairness::{PoolShare, jain_index};
pub use fault_response::{fault_marks, fault_responses};
pub use overhead::overheads;
pub use steering::steering;
pub use summarise::{latency, summarise};
pub use trial_metrics::trial_summary;
pub use validity::problems;
pub use window::Window;
