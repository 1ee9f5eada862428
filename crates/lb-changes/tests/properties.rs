//! What holds for any series.

use lb_changes::{Change, Observation, Settings, change_points, changes_by_host};
use proptest::prelude::*;

/// Fewer permutations and a level that they can reach, so that many series are tried.
fn settings() -> Settings {
    Settings { split_level: 0.01, permutations: 299, ..Settings::ratio() }
}

fn changes(series: &[Observation]) -> Vec<Change> {
    change_points(series, &settings()).expect("values are above zero")
}

/// Any values between 1 and 1000, some with intervals.
fn any_series() -> impl Strategy<Value = Vec<Observation>> {
    let one = (1.0..1000.0_f64, proptest::option::of(0.0..0.5_f64)).prop_map(|(value, half)| Observation {
        value,
        interval: half.map(|half| [value * (1.0 - half), value * (1.0 + half)]),
    });
    proptest::collection::vec(one, 0..60)
}

/// A level, where it changes, by what factor, and small noise.
fn stepped() -> impl Strategy<Value = (Vec<Observation>, usize, f64)> {
    let factor = prop_oneof![0.5..0.9_f64, 1.1..2.0_f64];
    let noise = proptest::collection::vec(-0.01..0.01_f64, 20..60);
    (noise, factor, 0.2..0.8_f64).prop_map(|(noise, factor, place)| {
        let at = (noise.len() as f64 * place) as usize;
        let level = |night: usize| if night < at { 10.0 } else { 10.0 * factor };
        let values = noise.iter().enumerate().map(|(night, noise)| level(night) * (1.0 + noise));
        (values.map(Observation::exact).collect(), at, factor - 1.0)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changes_are_in_order_apart_and_as_sure_and_large_as_settings_ask(series in any_series()) {
        let found = changes(&series);
        let shortest = settings().shortest;
        let bounds = [0].into_iter().chain(found.iter().map(|one| one.at)).chain([series.len()]);
        let bounds: Vec<usize> = bounds.collect();
        if !found.is_empty() {
            prop_assert!(bounds.windows(2).all(|pair| pair[0] + shortest <= pair[1]), "{bounds:?}");
        }
        for one in &found {
            prop_assert!(one.split_p <= 0.01 && one.step_p <= 0.01 && one.effect.abs() >= 0.02, "{one:?}");
            prop_assert!(one.interval[0] <= one.effect && one.effect <= one.interval[1], "{one:?}");
            prop_assert!((one.after / one.before - 1.0 - one.effect).abs() < 1e-9, "{one:?}");
        }
        for pair in found.windows(2) {
            prop_assert!((pair[0].after / pair[1].before - 1.0).abs() < 1e-9, "one stretch lies between: {pair:?}");
        }
    }

    #[test]
    fn a_clear_step_is_found_where_it_is((series, at, effect) in stepped()) {
        let found = changes(&series);
        prop_assert_eq!(found.len(), 1, "{:?}", found);
        prop_assert_eq!(found[0].at, at);
        prop_assert!((found[0].effect - effect).abs() < 0.03, "{:?} and not {}", found, effect);
    }

    #[test]
    fn the_unit_does_not_matter((series, _, _) in stepped(), unit in 0.001..1000.0_f64) {
        let scaled: Vec<Observation> =
            series.iter().map(|one| Observation::exact(one.value * unit)).collect();
        let (ours, theirs) = (changes(&series), changes(&scaled));
        prop_assert_eq!(ours.len(), theirs.len());
        for (one, other) in ours.iter().zip(&theirs) {
            prop_assert_eq!(one.at, other.at);
            prop_assert!((one.effect - other.effect).abs() < 1e-9);
        }
    }

    #[test]
    fn another_host_where_the_step_is_explains_it((series, at, _) in stepped()) {
        let told: Vec<_> = series.iter().enumerate().map(|(night, one)| (night < at, *one)).collect();
        prop_assert_eq!(changes_by_host(&told, &settings()), Ok(Vec::new()));
        let told: Vec<_> = series.iter().map(|one| ((), *one)).collect();
        let one = changes_by_host(&told, &settings()).expect("values are above zero");
        prop_assert_eq!(one.iter().map(|found| found.change).collect::<Vec<_>>(), changes(&series));
    }

    #[test]
    fn a_floor_above_the_step_hides_it((series, _, effect) in stepped()) {
        let floor = Settings { noise_floor: Some(effect.abs() + 0.03), ..settings() };
        prop_assert_eq!(change_points(&series, &floor), Ok(Vec::new()));
    }
}
