//! Decides whether observations fit a behaviour. This is a pure function, tested with tables and
//! against the policies themselves.

use crate::fingerprint::observe::{Observations, Tally};
use crate::fingerprint::statistics::{FALSE_ALARM, chance_of_full_window, implausible};
use lb_core::algorithm::Behaviour;
use lb_core::switch_evidence::{Layer, Verdict};

/// The minimum number of short requests. Of 60 random choices between two backends, 2 series in 10,000 pass
/// for a rotation; with more backends, fewer do.
pub(super) const FEWEST_REQUESTS: usize = 60;

/// Largest swing of a rotation: its running surplus varies by less than 1, and each request of another client
/// adds at most 1.
const ROTATION_SWING: f64 = 2.0;

/// Below this swing, every request is in its turn.
const STRICT_SWING: f64 = 1.0;

/// Above this swing, the sequence is not a rotation, even with up to four requests of other clients in
/// between.
const NO_ROTATION_SWING: f64 = 5.0;

/// Share of answers from the least loaded backends that confirms a least-loaded algorithm.
const LEAST_LOADED_SHARE: f64 = 0.95;

/// Share of requests that may go to a busier backend for reasons outside the probe.
const LEAST_LOADED_SLACK: f64 = 0.02;

/// Tolerance for the share of two choices, since in-flight counts may go down late.
const TWO_CHOICES_SLACK: f64 = 0.05;

/// Share of answers from one backend below which there is no affinity.
const AFFINITY_SHARE: f64 = 0.9;

/// To confirm a behaviour, its trace must be less probable than this under other behaviours. This limit is
/// less strict than [`FALSE_ALARM`], since an error overstates the confidence but does not invalidate a
/// trial.
const OTHERWISE: f64 = 1e-2;

/// Decides whether `seen` fits `behaviour`.
pub fn judge(behaviour: Behaviour, seen: &Observations) -> Layer {
    let tally = Tally::new(seen);
    let (verdict, detail) = match unfit(behaviour, &tally) {
        Some(reason) => (Verdict::NotTested, reason),
        None => match behaviour {
            Behaviour::Rotation => rotation(&tally, true),
            Behaviour::WeightedRotation => rotation(&tally, false),
            Behaviour::Random => random(&tally),
            Behaviour::LeastLoaded => least_loaded(&tally),
            Behaviour::TwoChoices => two_choices(&tally),
            Behaviour::LatencyAware => latency_aware(&tally),
            Behaviour::Affinity => affinity(&tally),
            Behaviour::Learned => learned(&tally),
            Behaviour::Unknown => {
                return Layer::not_tested("how the algorithm chooses is not known here");
            }
        },
    };
    numbers(Layer::new(verdict, detail), &tally)
}

/// Returns the reason why the observations allow no verdict, if there is one.
fn unfit(behaviour: Behaviour, tally: &Tally) -> Option<String> {
    if tally.requests() < FEWEST_REQUESTS {
        return Some(format!(
            "only {} short requests were answered; at least {FEWEST_REQUESTS} are needed",
            tally.requests()
        ));
    }
    // If the size of the pool is unknown, affinity may be the reason why only one backend answered.
    let alone = tally.backends() < 2 && (tally.complete || behaviour != Behaviour::Affinity);
    alone.then(|| "only one backend answers, so all algorithms look alike".to_owned())
}

/// Returns whether the sequence is a strict rotation, by equal shares or by weights.
fn rotates(tally: &Tally) -> bool {
    let (equal, weighted) = tally.swings();
    equal.min(weighted) <= ROTATION_SWING
}

fn rotation(tally: &Tally, may_ignore_weights: bool) -> (Verdict, String) {
    let (equal, weighted) = tally.swings();
    let swing = if may_ignore_weights { equal.min(weighted) } else { weighted };
    if swing <= ROTATION_SWING {
        let told = "every backend answers in its turn, however many requests it holds".to_owned();
        (Verdict::Confirmed, told)
    } else if swing > NO_ROTATION_SWING {
        let told = format!(
            "not a rotation: a backend is {swing:.1} requests off its turn, and {}",
            rounds_text(tally)
        );
        (Verdict::Contradicted, told)
    } else {
        let told = format!("nearly a rotation: a backend is {swing:.1} requests off its turn");
        (Verdict::Consistent, told)
    }
}

/// Returns whether there are too many full windows for independent choices, whatever their probabilities.
fn too_regular(tally: &Tally, alpha: f64) -> bool {
    let (full, windows) = tally.windows();
    let chance = chance_of_full_window(tally.backends());
    implausible(full, windows, 0.0, chance, alpha)
}

/// Returns whether independent choices with the probabilities `shares` can explain the answers.
fn fits(tally: &Tally, shares: &[f64], alpha: f64) -> bool {
    let each = alpha / (2 * tally.backends()) as f64;
    let mut pairs = tally.answers.iter().zip(shares);
    pairs.all(|(hits, share)| !implausible(*hits, tally.requests(), *share, *share, each))
}

/// Returns whether choices may be independent and blind to load, with equal probabilities or by weights.
fn blind(tally: &Tally, alpha: f64) -> bool {
    fits(tally, &tally.equal(), alpha) || fits(tally, &tally.weights, alpha)
}

fn random(tally: &Tally) -> (Verdict, String) {
    // Two hypotheses are tested, so each gets half of the error budget.
    let alpha = FALSE_ALARM / 2.0;
    if too_regular(tally, alpha) {
        let told = format!("too regular for chance: {}", rounds_text(tally));
        return (Verdict::Contradicted, told);
    }
    if !blind(tally, alpha) {
        let told = format!("not blind to load: {}", shares_text(tally));
        return (Verdict::Contradicted, told);
    }
    let readings = readings(tally);
    let prefers_none = !readings.is_empty()
        && readings.iter().all(|free| {
            let (low, high) = two_choices_chances(tally, free);
            implausible(tally.hits(free), tally.requests(), low, high, OTHERWISE)
        });
    if prefers_none && !rotates(tally) {
        let told = format!("irregular and blind to load: {}", shares_text(tally));
        (Verdict::Confirmed, told)
    } else {
        let told = format!("consistent with random choices: {}", shares_text(tally));
        (Verdict::Consistent, told)
    }
}

/// Lists the sets of least loaded backends under each definition of load, except those that contain all
/// backends.
fn readings(tally: &Tally) -> Vec<Vec<bool>> {
    let sets = tally.least_loaded(&tally.held).into_iter();
    sets.filter(|set| set.contains(&false)).collect()
}

const ALIKE: &str = "the held requests loaded all backends alike";

fn least_loaded(tally: &Tally) -> (Verdict, String) {
    let free = tally.any_least_loaded(&tally.held);
    if !free.contains(&false) {
        return (Verdict::Consistent, ALIKE.to_owned());
    }
    let (hits, requests) = (tally.hits(&free), tally.requests());
    let told = format!("{hits} of {requests} short requests went to the least-loaded backend");
    let if_blind = sum_of(&tally.equal(), &free).max(sum_of(&tally.weights, &free));
    let preferred = |alpha| implausible(hits, requests, 0.0, if_blind, alpha);
    if rotates(tally) && !preferred(0.5) {
        let told = format!("rotates regardless of load: only {told}");
        (Verdict::Contradicted, told)
    } else if implausible(tally.inexplicable(), requests, 0.0, LEAST_LOADED_SLACK, FALSE_ALARM) {
        let told = format!("ignores load: only {told}");
        (Verdict::Contradicted, told)
    } else if hits as f64 >= LEAST_LOADED_SHARE * requests as f64 && preferred(FALSE_ALARM) {
        (Verdict::Confirmed, told)
    } else {
        (Verdict::Consistent, told)
    }
}

/// Returns the sum of the shares of the backends in `set`.
fn sum_of(shares: &[f64], set: &[bool]) -> f64 {
    let members = shares.iter().zip(set).filter(|(_, member)| **member);
    members.map(|(share, _)| share).sum()
}

/// Returns the lowest and highest probability that one of two choices is among the `free` backends, over the
/// ways in which the two are drawn: with or without replacement, evenly or by weight.
fn two_choices_chances(tally: &Tally, free: &[bool]) -> (f64, f64) {
    let busy: Vec<bool> = free.iter().map(|free| !free).collect();
    let (mut low, mut high) = (1.0_f64, 0.0_f64);
    for draws in [tally.equal(), tally.weights.clone()] {
        let once = sum_of(&draws, &busy);
        let other_busy = |draw: &f64| draw * (once - draw) / (1.0 - draw);
        let twice: Vec<f64> = draws.iter().map(other_busy).collect();
        low = low.min(1.0 - once * once);
        high = high.max(1.0 - sum_of(&twice, &busy));
    }
    (low, high)
}

fn two_choices(tally: &Tally) -> (Verdict, String) {
    let alpha = FALSE_ALARM / 2.0;
    let readings = readings(tally);
    let Some(free) = readings.first() else {
        return (Verdict::Consistent, ALIKE.to_owned());
    };
    let requests = tally.requests();
    let (low, high) = two_choices_chances(tally, free);
    let told = format!(
        "{} of {requests} short requests went to the least-loaded backend; two choices would send {:.0} to {:.0}",
        tally.hits(free),
        low * requests as f64,
        high * requests as f64,
    );
    let possible = |slack: f64, alpha: f64| {
        readings.iter().any(|free| {
            let (low, high) = two_choices_chances(tally, free);
            !implausible(tally.hits(free), requests, low - slack, high + slack, alpha)
        })
    };
    if too_regular(tally, alpha) {
        let told = format!("too regular for chance: {}", rounds_text(tally));
        (Verdict::Contradicted, told)
    } else if !possible(TWO_CHOICES_SLACK, alpha) {
        (Verdict::Contradicted, told)
    } else if possible(0.0, OTHERWISE) && !blind(tally, FALSE_ALARM) {
        (Verdict::Confirmed, told)
    } else {
        (Verdict::Consistent, told)
    }
}

fn latency_aware(tally: &Tally) -> (Verdict, String) {
    let (equal, weighted) = tally.swings();
    if equal.min(weighted) < STRICT_SWING {
        let told = format!("rotates regardless of reply times: {}", rounds_text(tally));
        (Verdict::Contradicted, told)
    } else {
        let told = format!(
            "not a rotation, and latency-aware choices leave no unique trace: {}",
            shares_text(tally)
        );
        (Verdict::Consistent, told)
    }
}

fn affinity(tally: &Tally) -> (Verdict, String) {
    let held: usize = tally.held.iter().sum();
    let all = tally.requests() + held;
    let home = (0..tally.backends()).max_by_key(|i| tally.answers[*i]);
    let met = home.map_or(0, |home| tally.answers[home] + tally.held[home]);
    let told = format!("{met} of {all} requests of one client reached the same backend");
    // Held requests come from the same client: a load balancer that sends them elsewhere avoids load.
    let held_elsewhere = held > 0 && home.is_some_and(|home| tally.held[home] == 0);
    if held_elsewhere || (met as f64) < AFFINITY_SHARE * all as f64 {
        (Verdict::Contradicted, told)
    } else if met == all && tally.complete && held > 0 {
        (Verdict::Confirmed, told)
    } else {
        (Verdict::Consistent, told)
    }
}

fn learned(tally: &Tally) -> (Verdict, String) {
    let hint = if rotates(tally) { " (it rotates, as a fallback to round-robin would)" } else { "" };
    let told = format!("any choice fits a learned policy{hint}: {}", shares_text(tally));
    (Verdict::NotTested, told)
}

fn rounds_text(tally: &Tally) -> String {
    let (full, windows) = tally.windows();
    format!("{full} of {windows} rounds name every backend once")
}

fn shares_text(tally: &Tally) -> String {
    let each = (0..tally.backends())
        .map(|i| format!("{} got {} with {} held", tally.ids[i], tally.answers[i], tally.held[i]));
    each.collect::<Vec<_>>().join(", ")
}

/// Attaches all counts to a layer.
fn numbers(layer: Layer, tally: &Tally) -> Layer {
    let requests = tally.requests() as f64;
    let mut layer = layer.with("requests", requests).with("backends", tally.backends() as f64);
    if requests == 0.0 || tally.backends() == 0 {
        return layer;
    }
    let (full, windows) = tally.windows();
    let (equal, weighted) = tally.swings();
    let free = tally.any_least_loaded(&tally.held);
    layer = layer
        .with("windows", windows as f64)
        .with("full_windows", full as f64)
        .with("swing", equal.min(weighted))
        .with("least_loaded_share", tally.hits(&free) as f64 / requests);
    for (i, id) in tally.ids.iter().enumerate() {
        layer = layer
            .with(format!("share.{id}"), tally.answers[i] as f64 / requests)
            .with(format!("held.{id}"), tally.held[i] as f64);
    }
    layer
}
