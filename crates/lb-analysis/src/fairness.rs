//! How evenly requests were spread.
//!
//! Jain's index (Jain, Chiu and Hawe, DEC-TR-301, 1984): `(sum x)^2 / (n * sum x^2)` over n shares, 1
//! when all are equal, 1/n when one backend has everything. With unequal weights a fair share is a
//! share in proportion to the weight, so x is requests divided by weight.

/// The requests of one backend, with its pool and weight.
#[derive(Clone, Copy, Debug)]
pub struct PoolShare {
    /// Index of the backend's pool; backends of different pools never compete.
    pub pool: usize,
    /// Number of requests that the backend served.
    pub requests: u64,
    /// Configured weight of the backend, above zero.
    pub weight: f64,
}

/// Computes how far the share of a backend is from its fair share at most, as a part of that: 0.1 means that each backend
/// got from 90 % to 110 % of its fair share, which follows from the weights. `None` without any request.
pub fn share_spread(shares: &[PoolShare]) -> Option<f64> {
    let mut spread: Option<f64> = None;
    for share in shares {
        let members = || shares.iter().filter(|other| other.pool == share.pool);
        let requests: u64 = members().map(|other| other.requests).sum();
        let weights: f64 = members().map(|other| other.weight).sum();
        if requests > 0 {
            let fair = requests as f64 * share.weight / weights;
            let off = (share.requests as f64 / fair - 1.0).abs();
            spread = Some(spread.map_or(off, |widest| widest.max(off)));
        }
    }
    spread
}

/// Computes Jain's index of each pool, averaged over pools by their requests. `None` without any request.
pub fn jain_index(shares: &[PoolShare]) -> Option<f64> {
    let pools = shares.iter().map(|share| share.pool).max()? + 1;
    let mut weighted = 0.0;
    let mut total = 0.0;
    for pool in 0..pools {
        let members = || shares.iter().filter(|share| share.pool == pool);
        let requests: u64 = members().map(|share| share.requests).sum();
        if requests == 0 {
            continue;
        }
        let normal = || members().map(|share| share.requests as f64 / share.weight);
        let sum: f64 = normal().sum();
        let squares: f64 = normal().map(|x| x * x).sum();
        weighted += requests as f64 * sum * sum / (members().count() as f64 * squares);
        total += requests as f64;
    }
    (total > 0.0).then(|| weighted / total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(shares: &[(usize, u64, f64)]) -> Option<f64> {
        let shares: Vec<_> =
            shares.iter().map(|&(pool, requests, weight)| PoolShare { pool, requests, weight }).collect();
        jain_index(&shares)
    }

    #[test]
    fn equal_shares_are_fair_and_a_monopoly_is_one_over_n() {
        assert_eq!(index(&[(0, 10, 1.0), (0, 10, 1.0)]), Some(1.0));
        assert_eq!(index(&[(0, 10, 1.0), (0, 0, 1.0), (0, 0, 1.0), (0, 0, 1.0)]), Some(0.25));
    }

    #[test]
    fn shares_in_proportion_to_weights_are_fair() {
        assert_eq!(index(&[(0, 30, 3.0), (0, 10, 1.0)]), Some(1.0));
    }

    #[test]
    fn pools_do_not_compete_with_each_other() {
        assert_eq!(index(&[(0, 90, 1.0), (0, 90, 1.0), (1, 10, 1.0), (1, 10, 1.0)]), Some(1.0));
    }

    #[test]
    fn the_spread_is_the_greatest_distance_from_a_fair_share() {
        let spread = |shares: &[(usize, u64, f64)]| {
            let shares: Vec<_> =
                shares.iter().map(|&(pool, requests, weight)| PoolShare { pool, requests, weight }).collect();
            share_spread(&shares)
        };
        assert_eq!(spread(&[(0, 10, 1.0), (0, 10, 1.0)]), Some(0.0));
        assert_eq!(spread(&[(0, 30, 3.0), (0, 10, 1.0)]), Some(0.0), "weights decide what is fair");
        let uneven = spread(&[(0, 12, 1.0), (0, 10, 1.0), (0, 8, 1.0)]).expect("there are requests");
        assert!((uneven - 0.2).abs() < 1e-9, "{uneven}");
        assert_eq!(spread(&[(0, 10, 1.0), (0, 0, 1.0)]), Some(1.0), "one of two gets everything");
        assert_eq!(spread(&[(0, 5, 1.0), (0, 5, 1.0), (1, 0, 1.0)]), Some(0.0), "an idle pool has no shares");
        assert_eq!(spread(&[]), None);
    }

    #[test]
    fn without_requests_there_is_no_index() {
        assert_eq!(index(&[(0, 0, 1.0)]), None);
        assert_eq!(index(&[]), None);
    }
}
