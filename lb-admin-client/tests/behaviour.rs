//! The behavioural verdict, held against the policies themselves: who routes as claimed is never
//! contradicted, and who claims one thing and does another is found out.

use lb_admin_client::fake::Conduct;
use lb_admin_client::fingerprint::{Observations, PoolBackend, judge};
use lb_admin_client::{FakeAdmin, Layer, LoadBalancerAdmin, Verdict, VerifyOptions};
use lb_core::Algorithm;
use lb_core::algorithm::Behaviour;

const EQUAL: [f64; 8] = [1.0; 8];
const UNEQUAL: [f64; 8] = [3.0, 1.0, 1.0, 2.0, 5.0, 1.0, 1.0, 4.0];

fn algorithm(name: &str) -> Algorithm {
    name.parse().expect("the name is in the table")
}

/// The behavioural verdict on `claimed`, while `truth` routes.
async fn verdict(claimed: &str, truth: &str, weights: &[f64], seed: u64) -> Layer {
    let ids: Vec<String> = (0..weights.len()).map(|i| format!("backend-{i}")).collect();
    let backends: Vec<(&str, f64)> = ids.iter().map(String::as_str).zip(weights.iter().copied()).collect();
    let (claimed, truth) = (algorithm(claimed), algorithm(truth));
    let fake = FakeAdmin::new(&backends).with_conduct(Conduct::Lies(truth)).with_seed(seed);
    fake.switch(&claimed).await.expect("the fake accepts every switch");
    let options = VerifyOptions::new("http://127.0.0.1:1", "any").expect("the address is one");
    let evidence = fake.verify(&claimed, &options).await.expect("the fake can be verified");
    evidence.behaviour
}

#[tokio::test]
async fn what_routes_as_it_claims_is_never_contradicted() {
    for weights in [&EQUAL[..2], &EQUAL[..3], &EQUAL, &UNEQUAL[..2], &UNEQUAL[..3], &UNEQUAL] {
        for entry in Algorithm::table() {
            if Algorithm::plain(entry.rule).policy().is_err() {
                continue;
            }
            for seed in 0..200 {
                let layer = verdict(entry.name, entry.name, weights, seed).await;
                assert_ne!(
                    layer.verdict,
                    Verdict::Contradicted,
                    "{} on weights {weights:?} with seed {seed} is what it claims: {layer:?}",
                    entry.name
                );
            }
        }
    }
}

#[tokio::test]
async fn what_leaves_a_trace_of_its_own_is_confirmed() {
    // Least share of 100 probes that are confirmed; the rest is consistent.
    let table = [
        ("round-robin", 2, 100),
        ("round-robin", 8, 100),
        ("weighted-round-robin", 3, 100),
        ("least-connections", 2, 100),
        ("least-connections", 3, 100),
        ("least-connections", 8, 100),
        ("p2c", 3, 90),
        ("random", 3, 90),
        ("ip-hash", 3, 100),
        ("consistent-hash", 8, 100),
    ];
    for (name, backends, least) in table {
        let mut confirmed = 0;
        for seed in 0..100 {
            let layer = verdict(name, name, &EQUAL[..backends], seed).await;
            confirmed += usize::from(layer.verdict == Verdict::Confirmed);
        }
        assert!(
            confirmed >= least,
            "{name} on {backends} backends is confirmed {confirmed} times of 100, at least {least} expected"
        );
    }
}

#[tokio::test]
async fn what_routes_with_something_else_is_found_out() {
    // Claim, truth, backends, least number of 100 lies that are contradicted.
    let table = [
        ("least-connections", "round-robin", 2, 100),
        ("least-connections", "round-robin", 3, 100),
        ("least-connections", "round-robin", 8, 100),
        ("least-connections", "random", 3, 100),
        ("least-connections", "ip-hash", 3, 100),
        ("round-robin", "least-connections", 3, 100),
        ("round-robin", "random", 3, 90),
        ("round-robin", "p2c", 3, 100),
        ("random", "round-robin", 2, 100),
        ("random", "round-robin", 8, 100),
        ("random", "least-connections", 3, 100),
        ("random", "ip-hash", 2, 100),
        ("p2c", "round-robin", 2, 100),
        ("p2c", "round-robin", 3, 100),
        ("p2c", "ip-hash", 3, 100),
        ("ip-hash", "round-robin", 2, 100),
        ("ip-hash", "random", 3, 100),
        ("ip-hash", "least-connections", 2, 100),
        ("peak-ewma", "round-robin", 3, 100),
        ("prequal", "round-robin", 8, 100),
    ];
    for (claimed, truth, backends, least) in table {
        let mut contradicted = 0;
        for seed in 0..100 {
            let layer = verdict(claimed, truth, &EQUAL[..backends], seed).await;
            assert_ne!(
                layer.verdict,
                Verdict::Confirmed,
                "{truth} passes for {claimed} on {backends} backends with seed {seed}: {layer:?}"
            );
            contradicted += usize::from(layer.verdict == Verdict::Contradicted);
        }
        assert!(
            contradicted >= least,
            "{truth} that claims {claimed} on {backends} backends is found out {contradicted} times of 100, \
             at least {least} expected"
        );
    }
}

#[tokio::test]
async fn a_rotation_that_ignores_weights_is_a_rotation_but_not_a_weighted_one() {
    let weights = &UNEQUAL[..5];
    let plain = verdict("round-robin", "round-robin", weights, 1).await;
    assert_eq!(plain.verdict, Verdict::Confirmed, "round-robin may ignore weights: {plain:?}");
    let weighted = verdict("round-robin", "weighted-round-robin", weights, 1).await;
    assert_eq!(weighted.verdict, Verdict::Confirmed, "and may honour them: {weighted:?}");
    let ignored = verdict("weighted-round-robin", "round-robin", weights, 1).await;
    assert_eq!(ignored.verdict, Verdict::Contradicted, "a weight that is ignored is found: {ignored:?}");
}

fn observed(pool: Option<usize>, held: &[usize], sequence: impl Iterator<Item = usize>) -> Observations {
    let id = |i: usize| ["a", "b", "c", "d"][i].to_owned();
    Observations {
        pool: pool.map(|n| (0..n).map(|i| PoolBackend { id: id(i), weight: 1.0 }).collect()),
        held: held.iter().copied().map(id).collect(),
        sequence: sequence.map(id).collect(),
    }
}

#[test]
fn the_table_of_verdicts() {
    use Behaviour::{Affinity, LatencyAware, Learned, LeastLoaded, Random, Rotation, TwoChoices};
    use Verdict::{Confirmed, Consistent, Contradicted, NotTested};
    let rotation = || (0..120).map(|i| i % 3);
    let one = || std::iter::repeat_n(2, 120);
    // A request too many of somebody else, now and then.
    let disturbed = || (0..120).map(|i| (i + i / 60) % 3);
    // As least connections choose when counts go down late: whoever is free, and after it anybody.
    let late = || (0..120).map(|i| if i % 2 == 0 { 2 } else { (i / 2) % 3 });
    let table = [
        (Rotation, observed(Some(3), &[0, 1], rotation()), Confirmed, "in its turn"),
        (Rotation, observed(None, &[0, 1], rotation()), Confirmed, "in its turn"),
        (Rotation, observed(Some(3), &[0, 1], disturbed()), Confirmed, "in its turn"),
        (Rotation, observed(Some(3), &[0, 1], one()), Contradicted, "0 of 40 rounds"),
        (LeastLoaded, observed(Some(3), &[0, 1], rotation()), Contradicted, "rotates regardless of load"),
        (LeastLoaded, observed(None, &[0, 1], rotation()), Contradicted, "rotates regardless of load"),
        (LeastLoaded, observed(Some(3), &[0, 1], disturbed()), Contradicted, "rotates regardless of load"),
        (LeastLoaded, observed(Some(3), &[0, 1], one()), Confirmed, "120 of 120"),
        (LeastLoaded, observed(Some(3), &[0, 1], late()), Consistent, "80 of 120"),
        (LeastLoaded, observed(Some(3), &[0, 2], one()), Contradicted, "ignores load: only 0 of 120"),
        (LeastLoaded, observed(Some(3), &[0, 1, 2], rotation()), Consistent, "loaded all backends alike"),
        (TwoChoices, observed(Some(3), &[0, 1], rotation()), Contradicted, "40 of 40 rounds"),
        (TwoChoices, observed(Some(3), &[0, 1], one()), Contradicted, "two choices would send 67 to 80"),
        (Random, observed(Some(3), &[0, 1], rotation()), Contradicted, "too regular for chance"),
        (Random, observed(Some(3), &[0, 1], one()), Contradicted, "not blind to load"),
        (Affinity, observed(Some(3), &[2, 2], one()), Confirmed, "122 of 122"),
        (Affinity, observed(None, &[2, 2], one()), Consistent, "122 of 122"),
        (Affinity, observed(Some(3), &[0, 1], rotation()), Contradicted, "40 of 122"),
        (LatencyAware, observed(Some(3), &[], rotation()), Contradicted, "rotates regardless of reply times"),
        (LatencyAware, observed(Some(3), &[], one()), Consistent, "no unique trace"),
        (Learned, observed(Some(3), &[], rotation()), NotTested, "as a fallback to round-robin would"),
        (Rotation, observed(Some(1), &[], std::iter::repeat_n(0, 120)), NotTested, "only one backend"),
        (Rotation, observed(Some(3), &[0, 1], (0..59).map(|i| i % 3)), NotTested, "only 59 short requests"),
        (Rotation, observed(None, &[], std::iter::empty()), NotTested, "only 0 short requests"),
    ];
    for (line, (behaviour, seen, verdict, told)) in table.into_iter().enumerate() {
        let layer = judge(behaviour, &seen);
        assert_eq!(layer.verdict, verdict, "line {line}, {behaviour:?}: {layer:?}");
        assert!(layer.detail.contains(told), "line {line} says why (`{told}`): {}", layer.detail);
    }
}

#[test]
fn a_pool_of_other_names_than_those_in_replies_is_not_believed() {
    let mut seen = observed(Some(4), &[0, 1], (0..120).map(|i| i % 3));
    let layer = judge(Behaviour::Rotation, &seen);
    assert_eq!(layer.verdict, Verdict::Contradicted, "the fourth backend never had its turn: {layer:?}");
    for backend in seen.pool.iter_mut().flatten() {
        backend.id = format!("10.0.0.1:{}", backend.id);
    }
    let layer = judge(Behaviour::Rotation, &seen);
    assert_eq!(layer.verdict, Verdict::Confirmed, "only those that answered are known: {layer:?}");
    assert_eq!(layer.numbers["backends"], 3.0, "and they are three");
}
