//! The statistics behind the verdicts: when is a count too far from what chance allows?

/// The probability that a behavioural verification contradicts an algorithm that does route.
pub const FALSE_ALARM: f64 = 1e-6;

/// Returns the Kullback-Leibler divergence of a coin with chance `q` from one with chance `p`, in nats.
fn divergence(q: f64, p: f64) -> f64 {
    let term = |q: f64, p: f64| if q == 0.0 { 0.0 } else { q * (q / p).ln() };
    term(q, p) + term(1.0 - q, 1.0 - p)
}

/// Returns whether `hits` out of `draws` independent draws are rarer than `alpha` for every chance from `low`
/// to `high`, by Chernoff's bound.
pub(super) fn implausible(hits: usize, draws: usize, low: f64, high: f64, alpha: f64) -> bool {
    if draws == 0 {
        return false;
    }
    let share = hits as f64 / draws as f64;
    let nearest = share.clamp(low.max(0.0), high.min(1.0));
    draws as f64 * divergence(share, nearest) > -alpha.ln()
}

/// Returns the widest swing of any backend's running surplus (its answers so far, minus its share of all
/// answers) over the sequence: below 1 for a strict rotation, about `1.6 sqrt(m p (1 - p))` for m random
/// draws.
pub(super) fn swing(sequence: &[usize], shares: &[f64]) -> f64 {
    let mut widest: f64 = 0.0;
    for (backend, share) in shares.iter().enumerate() {
        let (mut surplus, mut low, mut high) = (0.0_f64, 0.0_f64, 0.0_f64);
        for answered in sequence {
            surplus += f64::from(u8::from(*answered == backend)) - share;
            low = low.min(surplus);
            high = high.max(surplus);
        }
        widest = widest.max(high - low);
    }
    widest
}

/// Counts the disjoint windows of `backends` answers that name every backend once, and all such windows.
pub(super) fn full_windows(sequence: &[usize], backends: usize) -> (usize, usize) {
    let windows = sequence.chunks_exact(backends.max(1));
    let total = windows.len();
    let full = windows.filter(|window| (0..backends).all(|backend| window.contains(&backend))).count();
    (full, total)
}

/// Returns the greatest probability that `backends` independent draws from one distribution are all
/// different: n! / n^n, reached when all are equally likely (Maclaurin's inequality).
pub(super) fn chance_of_full_window(backends: usize) -> f64 {
    (1..=backends).map(|k| k as f64 / backends as f64).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the sum of the binomial probabilities of at least `hits` of `draws`.
    fn upper_tail(hits: usize, draws: usize, p: f64) -> f64 {
        let mut term = (1.0 - p).powi(draws as i32);
        let mut tail = if hits == 0 { term } else { 0.0 };
        for k in 1..=draws {
            term *= (draws - k + 1) as f64 / k as f64 * p / (1.0 - p);
            if k >= hits {
                tail += term;
            }
        }
        tail
    }

    #[test]
    fn what_is_called_implausible_is_rarer_than_alpha() {
        for (draws, p) in [(60, 1.0 / 3.0), (160, 0.125), (160, 2.0 / 3.0), (160, 0.02)] {
            let first = (0..=draws)
                .find(|hits| *hits as f64 > draws as f64 * p && implausible(*hits, draws, p, p, 1e-6))
                .expect("all draws hitting is implausible");
            let tail = upper_tail(first, draws, p);
            assert!(
                tail <= 1e-6,
                "the exact tail at {first} of {draws} draws with chance {p} is within the bound: {tail}"
            );
            assert!(
                !implausible((draws as f64 * p).round() as usize, draws, p, p, 1e-6),
                "the expected count is plausible"
            );
        }
    }

    #[test]
    fn a_range_of_chances_is_as_lenient_as_its_nearest_end() {
        assert!(!implausible(90, 160, 0.5, 0.7, 1e-6), "inside the range");
        assert!(implausible(160, 160, 0.0, 0.5, 1e-6), "above it, against the upper end");
        assert!(!implausible(160, 160, 0.0, 1.0, 1e-6), "a chance of one allows every hit");
        assert!(implausible(5, 160, 0.0, 0.0, 1e-6), "a chance of none allows no hit");
    }

    #[test]
    fn a_rotation_swings_by_less_than_one_and_fills_every_window() {
        let rotation: Vec<usize> = (0..60).map(|i| (i + 1) % 3).collect();
        assert!(swing(&rotation, &[1.0 / 3.0; 3]) < 1.0, "each backend gets its turn in time");
        assert_eq!(full_windows(&rotation, 3), (20, 20), "each window names all");
        let weighted: Vec<usize> = (0..60).map(|i| [0, 1, 0, 2, 0][i % 5]).collect();
        assert!(swing(&weighted, &[0.6, 0.2, 0.2]) < 1.0, "weights have their rotation, too");
        assert!(swing(&[0; 60], &[0.5, 0.5]) >= 30.0, "one backend alone swings far");
    }

    #[test]
    fn a_window_of_random_draws_is_full_with_n_factorial_over_n_to_the_n() {
        assert!((chance_of_full_window(3) - 6.0 / 27.0).abs() < 1e-12, "3!/3^3");
        assert!((chance_of_full_window(2) - 0.5).abs() < 1e-12, "2!/2^2");
    }
}
