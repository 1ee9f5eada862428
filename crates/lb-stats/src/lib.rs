//! The statistics behind verdicts, each method in its own file with its source.
//!
//! Everything here works on paired differences, one per block: the trial is the experimental unit, not
//! the request, and a block is what both trials of a pair share. All functions are pure; those that
//! draw take a seed, so the same results give the same numbers.

mod bootstrap;
mod hodges_lehmann;
mod holm;
mod mser;
mod paired_t;
mod power;
mod sign_flip;

pub use bootstrap::{Percentiles, bca};
pub use hodges_lehmann::hodges_lehmann;
pub use holm::holm;
pub use mser::{common_cut, mser5};
pub use paired_t::{Moments, equivalence_p, paired_t_p};
pub use power::{Planning, deviation_bound, noncentral_t_power};
pub use sign_flip::{SignFlips, smallest_p};

/// The median. None of an empty list.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    let middle = values.len().checked_sub(1)? / 2;
    let even = values.len().is_multiple_of(2);
    let (_, lower, above) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let lower = *lower;
    if !even {
        return Some(lower);
    }
    let upper = above.iter().copied().min_by(f64::total_cmp)?;
    Some(lower.midpoint(upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_an_even_number_is_the_mean_of_the_two_in_the_middle() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[9.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[]), None, "nothing has no median");
    }
}
