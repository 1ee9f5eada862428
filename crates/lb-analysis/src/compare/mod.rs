//! Which algorithm is better, by how much, and how certain that is.
//!
//! The trial is the experimental unit, because all requests in a trial share its noise. Trials of one block
//! run the same schedule at nearly the same time, so algorithms are compared block by block; a block in which
//! either has no valid trial is left out of that pair. Latencies and goodput are compared as ratios
//! (differences of logarithms), error rate and Jain's index as differences.
//!
//! - **Effect**: Hodges–Lehmann estimate, with a BCa bootstrap interval whose percentiles are widened for few
//!   blocks. From eight blocks on it covers the true value in 94.7 to 96.5 of 100 cases, even with skewed and
//!   heavy-tailed noise; from five, in 92 to 94 (`tests/statistics/coverage.rs`).
//! - **Difference**: exact sign-flip tests of the primary metric, over all pairs at once by the step-down
//!   maximum method ([`lb_stats::StepDown`]). A verdict also requires that the interval exclude zero and that
//!   the effect exceed the noise floors of the pair's own algorithms, if known. Both only remove alarms, so
//!   the family-wise error rate stays below alpha.
//! - **Exploratory**: all other metrics are tested individually, without correction. They never make a
//!   winner; one that is worse by more than the margin turns a winner into a mixed verdict.
//! - **Equivalence**: two one-sided t tests of the primary metric against the margin. Equivalence is a claim
//!   too: its tests are a second family, corrected by Holm's method.
//! - **Answer**: the label with the best primary metric, and the labels that cannot be distinguished from it.
//!   Every pair is in the family, so choosing the best label from the data adds no error.
//! - **Planning**: what a number of blocks could find, and how many are needed ([`lb_stats::Planning`]).
//!
//! If neither side has an error in any block, there is nothing to test: the metric counts as equivalent and
//! is in neither family. For a metric compared as a ratio, blocks with a zero on either side are left out.

mod answer;
pub(crate) mod judge;
mod options;
pub(crate) mod pairs;
mod plan;
pub(crate) mod sentence;
#[cfg(test)]
mod tests;

pub use answer::answer;
pub use judge::{compare, compare_some};
pub use options::CompareOptions;
pub use plan::{detectable_with, fewest_blocks, precise_enough, repetitions_for};
pub use sentence::signed;
