//! The hashing rules: one client, one backend, and few moves when the pool changes.

use crate::pool::{Pool, assert_proportions};
use lb_core::policy::BackendIndex;
use lb_core::rng::hash_name;

const CLIENTS: u64 = 20_000;

/// The backend that each client meets.
fn homes(pool: &mut Pool) -> Vec<u32> {
    (0..CLIENTS).map(|client| pool.send_for(hash_name(&client.to_le_bytes()))).collect()
}

fn count(homes: &[u32], backends: usize) -> Vec<u32> {
    let mut counts = vec![0; backends];
    for home in homes {
        counts[*home as usize] += 1;
    }
    counts
}

#[test]
fn a_client_always_meets_the_same_backend() {
    for algorithm in ["ip-hash", "consistent-hash"] {
        let mut pool = Pool::new(algorithm, &[1.0, 2.0, 3.0]);
        let before = homes(&mut pool);
        assert_eq!(before, homes(&mut pool), "{algorithm}: load does not move a client");
        let mut other = Pool::seeded(algorithm, &[1.0, 2.0, 3.0], 99);
        assert_eq!(before, homes(&mut other), "{algorithm}: nor does another balancer's seed");
    }
}

#[test]
fn clients_spread_by_weight() {
    let weights = [1.0, 2.0, 5.0];
    let mut pool = Pool::new("ip-hash", &weights);
    let counts = count(&homes(&mut pool), 3);
    assert_proportions(&counts, &weights, 18.4, "ip-hash follows the weights");
    let mut pool = Pool::new("consistent-hash", &weights);
    for (count, weight) in count(&homes(&mut pool), 3).iter().zip(weights) {
        let share = f64::from(*count) / CLIENTS as f64;
        let error = share / (weight / 8.0) - 1.0;
        assert!(error.abs() < 0.25, "a ring follows the weights roughly: {share} for {weight} of 8");
    }
}

#[test]
fn only_the_clients_of_a_lost_backend_move_and_they_spread() {
    for algorithm in ["ip-hash", "consistent-hash"] {
        let mut pool = Pool::new(algorithm, &[1.0; 8]);
        let before = homes(&mut pool);
        pool.set_healthy(3, false);
        let after = homes(&mut pool);
        let mut heirs = vec![0; 8];
        for (before, after) in before.iter().zip(&after) {
            if *before == 3 {
                heirs[*after as usize] += 1;
            } else {
                assert_eq!(before, after, "{algorithm}: nobody else moves");
            }
        }
        assert_eq!(heirs[3], 0, "{algorithm}: nobody meets a lost backend");
        let (least, most) = (heirs.iter().filter(|n| **n > 0).min(), heirs.iter().max());
        assert_eq!(heirs.iter().filter(|n| **n > 0).count(), 7, "{algorithm}: {heirs:?}");
        assert!(most.unwrap() < &(least.unwrap() * 4), "{algorithm}: all inherit alike: {heirs:?}");
        pool.set_healthy(3, true);
        assert_eq!(before, homes(&mut pool), "{algorithm}: all come home when it returns");
    }
}

#[test]
fn a_new_backend_takes_its_share_and_nothing_else_moves() {
    let mut pool = Pool::new("consistent-hash", &[1.0; 7]);
    let before = homes(&mut pool);
    let added = pool.balancer.add(1.0);
    let after = homes(&mut pool);
    let moved: Vec<u32> = before.iter().zip(&after).filter(|(a, b)| a != b).map(|(_, b)| *b).collect();
    assert!(moved.iter().all(|home| *home == added.0), "who moves, moves to the new one");
    let share = moved.len() as f64 / CLIENTS as f64;
    assert!((0.09..0.16).contains(&share), "about an eighth moves: {share}");
}

#[test]
fn one_left_of_many_takes_everyone() {
    for algorithm in ["ip-hash", "consistent-hash"] {
        let mut pool = Pool::new(algorithm, &[1.0; 40]);
        for backend in (0..40).filter(|backend| *backend != 17) {
            pool.balancer.set_healthy(BackendIndex(backend), false);
        }
        let homes = homes(&mut pool);
        assert!(homes.iter().all(|home| *home == 17), "{algorithm}: the last one takes all");
    }
}
