//! What the cost model learns from replies, how sure it is, and what nobody can make of it.

use lb_core::hints::{Hint, Hints, Said, hash};
use lb_core::policy::cost::CLASSES;
use lb_core::policy::{CostModel, RequestInfo};
use lb_core::{Rng, Seed};
use proptest::prelude::*;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// Standard deviation of the logarithm of a cost that no request tells.
const UNTOLD: f64 = 0.45;

/// Replies after which a law is known.
const LEARNT: u32 = 20_000;

fn number(name: &str, value: f64) -> Hint {
    Hint { name: hash(name.as_bytes()), said: Said::Number(value as f32) }
}

fn word(name: &str, text: &str) -> Hint {
    Hint { name: hash(name.as_bytes()), said: Said::Word(hash(text.as_bytes())) }
}

fn request(client_key: u64, route: u16, list: &[Hint]) -> RequestInfo {
    let mut hints = Hints::default();
    list.iter().for_each(|hint| hints.push(*hint));
    RequestInfo { client_key, route, hints }
}

fn normal(draws: &mut Rng) -> f64 {
    StandardNormal.sample(draws)
}

/// A value of which the logarithm varies by 0.9, around 100.
fn value(draws: &mut Rng) -> f64 {
    100.0 * (0.9 * normal(draws)).exp()
}

/// Requests of one kind after the other, with the logarithms of their true costs.
struct Source<F> {
    draws: Rng,
    draw: F,
}

impl<F: FnMut(&mut Rng) -> (RequestInfo, f64)> Source<F> {
    fn new(seed: u64, draw: F) -> Self {
        Self { draws: Seed(seed).stream(&[]), draw }
    }

    fn next(&mut self) -> (RequestInfo, f64) {
        (self.draw)(&mut self.draws)
    }

    /// Teaches a model, and returns it.
    fn teach(&mut self, model: &mut CostModel, replies: u32) {
        for _ in 0..replies {
            let (request, log) = self.next();
            model.learn(&request, (log + UNTOLD * normal(&mut self.draws)) as f32, 1.0);
        }
    }

    /// The mean square of errors of predictions, apart from what is ordinary.
    fn mean_square_error(&mut self, model: &CostModel) -> f64 {
        let errors: Vec<f64> = (0..4_000)
            .map(|_| {
                let (request, log) = self.next();
                f64::from(model.predict(&request).log_cost) - log
            })
            .collect();
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        errors.iter().map(|error| (error - mean).powi(2)).sum::<f64>() / errors.len() as f64
    }
}

/// The error of a model that learnt `law` of `query.limit`.
fn error_of(law: impl Fn(f64) -> f64) -> f64 {
    let mut source = Source::new(1, |draws: &mut Rng| {
        let value = value(draws);
        (request(draws.random(), 1, &[number("query.limit", value)]), law(value))
    });
    let mut model = CostModel::default();
    source.teach(&mut model, LEARNT);
    source.mean_square_error(&model).sqrt()
}

#[test]
fn smooth_laws_of_a_number_are_learnt() {
    let linear = error_of(|value| (value / 100.0).ln());
    let root = error_of(|value| 0.5 * (value / 100.0).ln());
    let inverse = error_of(|value| -(value / 100.0).ln());
    let affine = error_of(|value| (0.3 + 0.7 * value / 100.0).ln());
    let saturating = error_of(|value| (value / (value + 50.0)).ln());
    for (law, error) in [
        ("linear", linear),
        ("root", root),
        ("inverse", inverse),
        ("affine", affine),
        ("saturating", saturating),
    ] {
        assert!(error < 0.06, "{law}: root mean square error {error:.4}, where {UNTOLD} is not told");
    }
    let none = error_of(|_| 0.0);
    assert!(none < 0.03, "a number that tells nothing: {none:.4}");
    let jump = error_of(|value| if value < 100.0 { 0.0 } else { 1.0 });
    assert!(jump < 0.2, "a jump is blurred over half an octave: {jump:.4}");
}

#[test]
fn a_power_law_goes_on_beyond_what_was_seen() {
    let mut source = Source::new(2, |draws: &mut Rng| {
        let value = value(draws);
        (request(draws.random(), 1, &[number("query.limit", value)]), value.ln())
    });
    let mut model = CostModel::default();
    source.teach(&mut model, 3_000);
    let at = |value| f64::from(model.predict(&request(1, 1, &[number("query.limit", value)])).log_cost);
    let beyond = at(5_000.0) - at(100.0);
    assert!((beyond - 50f64.ln()).abs() < 0.8, "no request in ten thousand is as large: {beyond:.2}");
    let endless = at(1e30) - at(100.0);
    assert!(
        endless < 110f64.ln(),
        "but nobody gets more than about a hundred times for a number: {endless:.2}"
    );
}

#[test]
fn a_table_of_words_is_learnt_for_each_route() {
    let kinds = ["summary", "list", "full", "export"];
    let law = |route: u16, kind: usize| match route {
        1 => [-1.0, 0.0, 0.5, 2.0][kind],
        2 => [1.0, 1.0, 1.0, 1.0][kind],
        _ => [0.5, -0.5, 0.5, -0.5][kind],
    };
    let mut source = Source::new(3, |draws: &mut Rng| {
        let (route, kind) = (draws.random_range(1..4), draws.random_range(0..4));
        (request(draws.random(), route, &[word("query.kind", kinds[kind])]), law(route, kind))
    });
    let mut model = CostModel::default();
    source.teach(&mut model, LEARNT);
    let error = source.mean_square_error(&model).sqrt();
    assert!(error < 0.05, "{error:.4}");
    let predict = |route, kind: &str| model.predict(&request(1, route, &[word("query.kind", kind)]));
    let (known, new) = (predict(2, "full").log_cost, predict(2, "never-seen").log_cost);
    assert!((known - new).abs() < 0.3, "an unknown word costs what its route does: {new:.2}, not {known:.2}");
    let unknown = predict(9, "export");
    assert_eq!((unknown.log_cost, unknown.cost), (0.0, 1.0), "an unknown route is ordinary");
}

#[test]
fn parts_add_up() {
    let mut source = Source::new(4, |draws: &mut Rng| {
        let (limit, bytes, deep) = (value(draws), value(draws), draws.random::<bool>());
        let hints = [
            number("query.limit", limit),
            number("body.bytes", bytes),
            word("query.depth", if deep { "deep" } else { "flat" }),
        ];
        let log = 0.7 * limit.ln() + 0.3 * bytes.ln() + if deep { 1.0 } else { 0.0 };
        (request(draws.random(), 1, &hints), log)
    });
    let mut model = CostModel::default();
    source.teach(&mut model, LEARNT);
    let error = source.mean_square_error(&model).sqrt();
    assert!(error < 0.06, "{error:.4}");
}

#[test]
fn costs_are_relative_to_the_mean_of_all_and_calibrated() {
    let draw = |draws: &mut Rng| {
        let (value, route) = (value(draws), draws.random_range(1..4));
        let log = value.ln() + 0.5 * f64::from(route);
        (request(draws.random(), route, &[number("query.limit", value)]), log)
    };
    let mut source = Source::new(5, draw);
    let mut model = CostModel::default();
    source.teach(&mut model, LEARNT);
    let mut pairs: Vec<(f64, f64)> = (0..30_000)
        .map(|_| {
            let (request, log) = source.next();
            let cost = (log + UNTOLD * normal(&mut source.draws)).exp();
            (f64::from(model.predict(&request).cost), cost)
        })
        .collect();
    let mean_of = |pairs: &[(f64, f64)]| {
        let (predicted, true_cost) =
            pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
        (predicted / pairs.len() as f64, true_cost / pairs.len() as f64)
    };
    let (predicted, ordinary) = mean_of(&pairs);
    assert!((predicted - 1.0).abs() < 0.05, "the mean of all predicted costs is 1: {predicted:.3}");
    pairs.sort_by(|one, other| one.0.total_cmp(&other.0));
    for tenth in pairs.chunks(3_000) {
        let (predicted, true_cost) = mean_of(tenth);
        let ratio = predicted / (true_cost / ordinary);
        assert!((0.9..1.1).contains(&ratio), "predicted {predicted:.3}, {ratio:.3} of the truth");
    }
    let deviation = f64::from(model.predict(&source.next().0).deviation);
    assert!((deviation / UNTOLD - 1.0).abs() < 0.05, "it knows how much it does not know: {deviation:.3}");
}

#[test]
fn what_is_not_known_is_told() {
    let mut model = CostModel::default();
    let one = request(1, 1, &[number("query.limit", 100.0)]);
    let ignorant = model.predict(&one);
    assert_eq!((ignorant.log_cost, ignorant.cost, ignorant.deviation), (0.0, 1.0, 1.0));
    for certainty in [0.0, -1.0, f32::NAN] {
        model.learn(&one, 5.0, certainty);
    }
    for log in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        model.learn(&one, log, 1.0);
    }
    assert_eq!(model.predict(&one), ignorant, "nothing was taught");
    let mut source = Source::new(6, |draws: &mut Rng| {
        let value = value(draws);
        (request(draws.random(), 1, &[number("query.limit", value)]), f64::ln(value))
    });
    let mut before = f32::INFINITY;
    for replies in [30, 300, 3_000] {
        source.teach(&mut model, replies);
        let deviation = model.predict(&one).deviation;
        assert!(deviation < before, "it gets surer: {deviation:.3} after {before:.3}");
        before = deviation;
    }
}

#[test]
fn uncertain_replies_teach_less() {
    let taught = |certainty: f32| {
        let mut model = CostModel::default();
        for i in 0..200u64 {
            let dear = i % 2 == 0;
            let log = if dear { 1.0 } else { -1.0 };
            let hints = [word("query.kind", if dear { "dear" } else { "cheap" })];
            model.learn(&request(i, 1, &hints), log, certainty);
        }
        model.predict(&request(1, 1, &[word("query.kind", "dear")])).log_cost
    };
    let (full, tenth) = (taught(1.0), taught(0.1));
    assert!(full > 0.8 && tenth > 0.1 && tenth < 0.9 * full, "{full:.2} against {tenth:.2}");
}

#[test]
fn a_change_is_followed_within_some_thousand_replies() {
    let law = |exponent: f64| {
        move |draws: &mut Rng| {
            let value = value(draws);
            (request(draws.random(), 1, &[number("query.limit", value)]), exponent * (value / 100.0).ln())
        }
    };
    let mut model = CostModel::default();
    Source::new(7, law(1.0)).teach(&mut model, LEARNT);
    let mut changed = Source::new(8, law(-0.5));
    let at_first = changed.mean_square_error(&model).sqrt();
    changed.teach(&mut model, 3_000);
    let halfway = changed.mean_square_error(&model).sqrt();
    changed.teach(&mut model, 17_000);
    let at_last = changed.mean_square_error(&model).sqrt();
    assert!(at_first > 1.2, "the law was turned round: {at_first:.3}");
    assert!(halfway < 0.5 * at_first, "after 3,000 replies: {halfway:.3}");
    assert!(at_last < 0.08, "after 20,000 replies: {at_last:.3}");
}

#[test]
fn hints_that_tell_nothing_hardly_hurt() {
    /// Adds seven hints that tell nothing: numbers, words of a few, and ids.
    fn with_noise(draws: &mut Rng, numbers: usize, words: usize) -> Vec<Hint> {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let noise = names.iter().enumerate().map(|(place, name)| match place {
            place if place < numbers => number(name, value(draws)),
            place if place < numbers + words => word(name, &format!("w{}", draws.random_range(0..20))),
            _ => word(name, &format!("{:x}", draws.random::<u64>())),
        });
        noise.collect()
    }
    for (numbers, words) in [(7, 0), (0, 7), (0, 0), (3, 2)] {
        let mut source = Source::new(9, |draws: &mut Rng| {
            let value = value(draws);
            let mut hints = vec![number("query.limit", value)];
            hints.extend(with_noise(draws, numbers, words));
            (request(draws.random(), 1, &hints), (value / 100.0).ln())
        });
        let mut model = CostModel::default();
        source.teach(&mut model, LEARNT);
        let excess = source.mean_square_error(&model) / (UNTOLD * UNTOLD);
        assert!(
            excess < 0.05,
            "{numbers} numbers, {words} words, {} ids: {excess:.4} of the variance that is not told",
            7 - numbers - words
        );
    }
}

/// Root mean square and largest distance between the predictions of a model that one client tried to poison, and one
/// that it did not, for requests of others. The client sends a tenth of the requests.
fn moved_by_poison(lie: impl Fn(f64) -> (f64, f64)) -> (f64, f64) {
    let client = 77;
    let honest = |draws: &mut Rng| {
        let value = value(draws);
        (value, (value / 100.0).ln())
    };
    let mut draws = Seed(10).stream(&[]);
    let (mut clean, mut poisoned) = (CostModel::default(), CostModel::default());
    let asking = |client, value| request(client, 1, &[number("query.limit", value)]);
    for reply in 0..u64::from(LEARNT) {
        let (value, log) = honest(&mut draws);
        let log = (log + UNTOLD * normal(&mut draws)) as f32;
        let one = asking(1_000 + reply % 5_000, value);
        clean.learn(&one, log, 1.0);
        poisoned.learn(&one, log, 1.0);
        if reply % 9 == 0 {
            let (value, log) = lie(value);
            poisoned.learn(&asking(client, value), log as f32, 1.0);
        }
    }
    let distances: Vec<f64> = (0..2_000)
        .map(|_| {
            let one = asking(1, honest(&mut draws).0);
            f64::from(poisoned.predict(&one).log_cost - clean.predict(&one).log_cost).abs()
        })
        .collect();
    let mean_square = distances.iter().map(|one| one * one).sum::<f64>() / distances.len() as f64;
    (mean_square.sqrt(), distances.iter().copied().fold(0.0, f64::max))
}

#[test]
fn one_client_cannot_poison_the_predictions_of_others() {
    // The standard deviation of the logarithms of all costs is 1.
    for (name, moved) in [
        ("everything is dear", moved_by_poison(|value| (value, 9.0))),
        ("everything is cheap", moved_by_poison(|value| (value, -9.0))),
        ("the law is turned round", moved_by_poison(|value| (value, -(value / 100.0).ln() * 5.0))),
        ("one value is dear", moved_by_poison(|_| (100.0, 9.0))),
    ] {
        let (typical, most) = moved;
        assert!(typical < 0.1, "{name}: moved by {typical:.3}, at most {most:.3}");
    }
}

#[test]
fn one_client_has_some_influence_on_what_others_seldom_send() {
    // One request in two hundred of the others is as large.
    let (typical, most) = moved_by_poison(|_| (1_000.0, -9.0));
    assert!(typical < 0.2 && most < 2.0, "moved by {typical:.3}, at most {most:.3}");
}

#[test]
fn a_single_client_teaches_everything() {
    let mut source = Source::new(11, |draws: &mut Rng| {
        let value = value(draws);
        (request(0, 1, &[number("query.limit", value)]), (value / 100.0).ln())
    });
    let mut model = CostModel::default();
    source.teach(&mut model, LEARNT);
    let error = source.mean_square_error(&model).sqrt();
    assert!(error < 0.08, "a proxy in front may make all requests look like one client's: {error:.4}");
}

#[test]
fn routes_without_a_class_of_their_own_share_the_last() {
    let mut model = CostModel::default();
    for reply in 0..4_000u64 {
        let dear = reply % 2 == 0;
        let route = if dear { CLASSES as u16 + 7 } else { 3 };
        model.learn(&request(reply, route, &[]), if dear { 1.0 } else { -1.0 }, 1.0);
    }
    for route in [CLASSES as u16 - 1, CLASSES as u16 + 7, u16::MAX] {
        let log_cost = model.predict(&request(1, route, &[])).log_cost;
        assert!((log_cost - 1.0).abs() < 0.1, "{route}: {log_cost:.3}");
    }
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        any::<f32>().prop_map(Said::Number),
        (0u32..9).prop_map(Said::Word),
        any::<u32>().prop_map(Said::Word),
        (-9i32..9).prop_map(|number| Said::Number(number as f32)),
    ]
}

fn any_request() -> impl Strategy<Value = RequestInfo> {
    let hints = prop::collection::vec((0u32..4, said()).prop_map(|(name, said)| Hint { name, said }), 0..12);
    (0u64..3, prop_oneof![0u16..3, any::<u16>()], hints)
        .prop_map(|(client, route, hints)| request(client, route, &hints))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever clients say and however long it takes, predictions are finite and within their limits.
    #[test]
    fn predictions_are_finite(
        lessons in prop::collection::vec((any_request(), any::<f32>(), any::<f32>(), 1u32..40), 1..60),
        asked in any_request(),
    ) {
        let mut model = CostModel::default();
        for (request, log, certainty, times) in &lessons {
            for _ in 0..*times {
                model.learn(request, *log, *certainty);
                model.learn(request, log % 30.0, certainty.abs() % 1.0);
            }
            for request in [request, &asked] {
                let predicted = model.predict(request);
                prop_assert!((-5.0..=5.0).contains(&predicted.log_cost), "{predicted:?}");
                prop_assert!((0.006..=150.0).contains(&predicted.cost), "{predicted:?}");
                prop_assert!((0.0..=3.0).contains(&predicted.deviation), "{predicted:?}");
            }
        }
        prop_assert!(model.log_mean_cost().is_finite());
    }
}

#[test]
fn the_share_of_the_variance_that_requests_tell_is_known() {
    let mut model = CostModel::default();
    assert_eq!(model.told(), 0.0, "nothing is known");
    let law = |value: f64| 0.9 * (value / 100.0).ln();
    let mut source = Source::new(31, |draws: &mut Rng| {
        let value = value(draws);
        (request(draws.random(), 1, &[number("query.limit", value)]), law(value))
    });
    source.teach(&mut model, LEARNT);
    // 0.9 x 0.9 is the deviation of what is told, `UNTOLD` that of the rest.
    let share = 0.81_f64.powi(2) / (0.81_f64.powi(2) + UNTOLD.powi(2));
    assert!((f64::from(model.told()) - share).abs() < 0.06, "{} of {share}", model.told());

    let mut model = CostModel::default();
    let mut silent = Source::new(32, |draws: &mut Rng| (request(draws.random(), 1, &[]), 0.0));
    silent.teach(&mut model, LEARNT);
    assert!(model.told() < 0.05, "{}", model.told());
}
