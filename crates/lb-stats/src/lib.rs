//! The statistics behind verdicts, each method in its own file with its source.
//!
//! Nearly everything here works on paired differences, one per block: the trial is the experimental unit, not the
//! request, and both trials of a pair share a block. Only `blocks` and the correlation of two quantities over time look
//! into a trial. All functions are pure; those that draw at random take a
//! seed, so the same results give the same numbers. The crate uses `lb-core` for seeds and does not depend on
//! records or files.
//!
//! ```
//! use lb_core::Seed;
//! use lb_stats::{Percentiles, SignFlips, bca, hodges_lehmann};
//!
//! // The p99 of two algorithms in milliseconds, block by block.
//! let one = [31.0, 28.5, 33.2, 30.1, 29.7, 32.4, 30.8, 31.9];
//! let other = [27.2, 26.9, 28.8, 27.5, 26.1, 28.0, 27.7, 28.3];
//! let differences: Vec<f64> = one.iter().zip(other).map(|(one, other)| other - one).collect();
//!
//! let estimate = hodges_lehmann(&differences).expect("there are blocks");
//! let [low, high] =
//!     bca(&differences, 0.95, Percentiles::Expanded, 2_000, Seed(1)).expect("two blocks or more");
//! assert!(low < estimate && estimate < high && high < 0.0, "the other one is faster");
//!
//! let p = SignFlips::new(&differences, Seed(1)).p_value(differences.iter().sum());
//! assert_eq!(p, 2.0 / 256.0, "all eight blocks agree: two of 2^8 assignments are as extreme");
//! ```

mod benjamini_hochberg;
mod blocks;
mod bootstrap;
mod hodges_lehmann;
mod holm;
mod mser;
mod order;
mod paired_t;
mod power;
mod rank_correlation;
mod sign_flip;
mod step_down;
mod welch;

pub use benjamini_hochberg::benjamini_hochberg;
pub use blocks::{block_length, draw_blocks, percentile_interval};
pub use bootstrap::{Percentiles, bca};
pub use hodges_lehmann::hodges_lehmann;
pub use holm::holm;
pub use mser::{common_cut, mser5};
pub use order::{median, quantile};
pub use paired_t::{Moments, equivalence_p, paired_t_p};
pub use power::{Planning, deviation_bound, noncentral_t_power};
pub use rank_correlation::{FEWEST_MOMENTS, RankCorrelation, rank_correlation};
pub use sign_flip::{SignFlips, smallest_p};
pub use step_down::{StepDown, smallest_adjusted_p};
pub use welch::{Welch, lag_one_correlation};
