//! Draws of periods with replacement, by which the uncertainty of a fit and of a load is found (block bootstrap;
//! Künsch, Ann. Statist. 17, 1989).

use lb_core::rng::mix;

/// Number of periods into which a recording is divided.
pub(super) const PERIODS: usize = 24;

/// Draws as many periods as there are, with replacement. Returns how often each was drawn.
pub(super) fn drawn(key: u64, periods: usize) -> Vec<u32> {
    let mut weights = vec![0; periods];
    for draw in 0..periods {
        weights[(mix(key ^ mix(draw as u64)) % periods as u64) as usize] += 1;
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_periods_are_drawn_as_there_are() {
        let weights = drawn(7, 24);
        assert_eq!(weights.iter().sum::<u32>(), 24);
        assert!(weights.contains(&0) && weights.iter().any(|weight| *weight > 1), "{weights:?}");
        assert_ne!(weights, drawn(8, 24), "another key draws others");
    }
}
