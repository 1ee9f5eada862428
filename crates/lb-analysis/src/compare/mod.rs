//! Which algorithm is better, by how much, and how sure that is.
//!
//! The trial is the experimental unit: all that happens within one shares its noise. Trials of one block
//! met the same schedule at nearly the same time, so algorithms are compared block by block; a block in
//! which either has no valid trial is left out of that pair. Latencies and goodput are compared as
//! ratios (differences of logarithms), error rate and Jain's index as differences.
//!
//! - **Effect**: Hodges–Lehmann estimate, with a BCa bootstrap interval whose percentiles are expanded
//!   for few blocks. From eight blocks on it holds the truth in 94.7 to 96.5 of 100 cases, also with skewed
//!   and heavy-tailed noise; from five, in 92 to 94 (`tests/statistics/coverage.rs`).
//! - **Difference**: exact sign-flip test, over all pairs and metrics corrected by Holm. A verdict also asks
//!   that the interval exclude zero and that the effect exceed the noise floor, where one is known. Both
//!   only take alarms away, so the family-wise error rate stays below alpha.
//! - **Equivalence**: two one-sided t tests against the margin. These are claims too: a second family,
//!   corrected by Holm in the same way.
//! - **Planning**: what so many blocks could find, and how many it takes ([`lb_stats::Planning`]).
//!
//! Where both sides have no error in any block there is nothing to test: the metric counts as equivalent
//! and is in neither family. A ratio with a zero on either side leaves its block out for that metric.

pub(crate) mod judge;
mod options;
pub(crate) mod pairs;
mod plan;
pub(crate) mod sentence;
#[cfg(test)]
mod tests;

pub use judge::{compare, compare_some};
pub use options::CompareOptions;
pub use plan::{precise_enough, repetitions_for};
pub use sentence::signed;
