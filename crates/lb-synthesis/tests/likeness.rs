//! What a validation says: lists of one process pass, and lists that differ in one respect fail in that respect.

use lb_recording::Entry;
use lb_synthesis::{
    Example, List, Log, Measure, Method, Order, Traffic, Validation, Zone, learn, simulate, synthesise,
    validate,
};

fn log(days: u32, requests: u32, seed: u64) -> Log {
    simulate(&Example { days, requests, seed }).expect("a log")
}

fn traffic(log: &Log) -> Traffic {
    Traffic::collect(log.entries()).expect("requests")
}

fn of_list(list: &List) -> Traffic {
    let entry = |request: &lb_synthesis::Request| Entry {
        at: Some(i128::from(request.at)),
        method: request.method.clone(),
        target: request.endpoint.clone(),
        ..Entry::default()
    };
    Traffic::collect(list.requests.iter().map(entry)).expect("requests")
}

fn compare(real: &Traffic, synthetic: &Traffic) -> Validation {
    validate(real, synthetic, &Zone::utc()).expect("enough of both")
}

fn value(validation: &Validation, measure: Measure) -> f64 {
    let found = validation.measures.iter().find(|judged| judged.measure == measure);
    found.and_then(|judged| judged.value).expect("the measure has a value")
}

fn passed(validation: &Validation, measure: Measure) -> Option<bool> {
    validation.measures.iter().find(|judged| judged.measure == measure).and_then(|judged| judged.passed)
}

#[test]
fn two_draws_of_one_process_seldom_fail() {
    let real = traffic(&log(7, 10_000, 1_000));
    let failed: Vec<u64> = (0..20)
        .filter(|seed| {
            // A fresh recording for every fourth list, since all limits come from the recording.
            let other;
            let real = if seed % 4 == 0 {
                other = traffic(&log(7, 10_000, 2_000 + seed));
                &other
            } else {
                &real
            };
            !compare(real, &traffic(&log(1, 1_613, *seed))).passed
        })
        .collect();
    assert!(failed.len() <= 2, "of 20 pairs of one process, those of these seeds differ: {failed:?}");
}

#[test]
fn both_methods_keep_hours_and_the_model_is_nearer_in_dispersion() {
    let real = traffic(&log(7, 40_000, 1));
    let model = learn(&real, &Zone::utc(), 1_800.0).expect("a model");
    for seed in 1..=3 {
        let order = |method| Order { method, day: Some("monday".to_owned()), seed, ..Order::default() };
        let list = |method| of_list(&synthesise(&model, &order(method)).expect("a list"));
        let baseline = compare(&real, &list(Method::Resample));
        let improved = compare(&real, &list(Method::Model));
        for (name, validation) in [("baseline", &baseline), ("improved", &improved)] {
            assert_eq!(
                passed(validation, Measure::Hours),
                Some(true),
                "seed {seed}, {name}: {:?}",
                validation.measures
            );
            assert_eq!(
                passed(validation, Measure::Peaks),
                Some(true),
                "seed {seed}, {name}: {:?}",
                validation.measures
            );
        }
        let (far, near) = (value(&baseline, Measure::Dispersion), value(&improved, Measure::Dispersion));
        assert!(near < far / 2.0, "seed {seed}: {near} against {far}");
        assert_eq!(
            passed(&baseline, Measure::Dispersion),
            Some(false),
            "seed {seed}: {:?}",
            baseline.measures
        );
        assert!(improved.passed, "seed {seed}: {:?}", improved.measures);
    }
}

#[test]
fn shifted_hours_and_swapped_endpoints_fail_where_they_differ() {
    let real = traffic(&log(7, 20_000, 1));
    let other = log(1, 3_000, 2);
    let shifted =
        other.entries().map(|entry| Entry { at: entry.at.map(|at| at + 5 * 3_600_000_000_000), ..entry });
    let validation = compare(&real, &Traffic::collect(shifted).expect("requests"));
    assert_eq!(passed(&validation, Measure::Hours), Some(false), "{:?}", validation.measures);
    assert!(!validation.passed);
    let swapped = other.entries().map(|entry| match entry.target.as_str() {
        "/api/v1/item" => Entry { target: "/api/v1/user".to_owned(), ..entry },
        _ => entry,
    });
    let validation = compare(&real, &Traffic::collect(swapped).expect("requests"));
    assert_eq!(passed(&validation, Measure::Endpoints), Some(false), "{:?}", validation.measures);
    assert_eq!(passed(&validation, Measure::Hours), Some(true), "{:?}", validation.measures);
}

#[test]
fn a_scaled_list_is_as_like_as_an_unscaled_one() {
    let real = traffic(&log(7, 40_000, 1));
    let model = learn(&real, &Zone::utc(), 1_800.0).expect("a model");
    let order = Order { scale: 3.0, day: Some("tuesday".to_owned()), ..Order::default() };
    let validation = compare(&real, &of_list(&synthesise(&model, &order).expect("a list")));
    let ratio = validation.synthetic.per_second / validation.real.per_second;
    assert!((ratio - 3.0).abs() < 0.4, "three times the rate of working days: {ratio}");
    assert_eq!(passed(&validation, Measure::Hours), Some(true), "{:?}", validation.measures);
    assert_eq!(passed(&validation, Measure::Endpoints), Some(true), "{:?}", validation.measures);
}

#[test]
fn lists_that_cannot_be_compared_are_refused() {
    let real = traffic(&log(1, 2_000, 1));
    let request =
        lb_synthesis::Request { at: 0, method: "GET".to_owned(), endpoint: "/".to_owned(), visit: 0 };
    let few = of_list(&List { requests: vec![request], notes: Vec::new() });
    let error = validate(&real, &few, &Zone::utc()).expect_err("one request").to_string();
    assert_eq!(error, "the synthetic list has 1 requests; a comparison needs at least 50");
}
