//! Changes are found in simulated nights, and none are invented. The model and its parameters are in
//! `examples/nights/model.rs`.

#[path = "../examples/nights/model.rs"]
mod model;

use lb_changes::{Change, Observation, Settings, change_points};
use model::{MODELS, Model, Step, USUAL};

const NIGHTS: usize = 60;
const SEEDS: u64 = 20;
const PLANTED: Step = (40, 0.05);

fn changes(series: &[Observation]) -> Vec<Change> {
    change_points(series, &Settings::ratio()).expect("simulated values are above zero")
}

/// Returns in how many seeds a planted step was found within three nights, and how many other changes were told.
fn planted(model: &Model, step: Step) -> (usize, usize) {
    let told: Vec<Vec<Change>> =
        (0..SEEDS).map(|seed| changes(&model.series(NIGHTS, Some(step), seed))).collect();
    let found = told.iter().filter(|all| all.iter().any(|one| one.at.abs_diff(step.0) <= 3)).count();
    (found, told.iter().map(Vec::len).sum::<usize>() - found)
}

fn clean(model: &Model) -> usize {
    (0..SEEDS).map(|seed| changes(&model.series(NIGHTS, None, seed)).len()).sum()
}

#[test]
fn a_slowdown_of_five_per_cent_is_found_within_three_nights_and_clean_nights_stay_clean() {
    let (found, others) = planted(&USUAL, PLANTED);
    assert!(found >= 18, "found in {found} of {SEEDS} seeds");
    assert!(others <= 1, "{others} other changes were told");
    let invented = clean(&USUAL);
    assert!(invented <= 1, "{invented} false changes in {} clean nights", NIGHTS as u64 * SEEDS);
}

#[test]
fn a_gain_is_found_as_well_as_a_loss() {
    let (found, others) = planted(&USUAL, (40, -0.05));
    assert!(found >= 18 && others <= 1, "found in {found} of {SEEDS} seeds, {others} other changes");
}

#[test]
fn heavier_noise_and_noisy_nights_invent_no_changes() {
    for model in MODELS.iter().filter(|model| model.drift == 0.0 && model.correlation == 0.0) {
        let invented = clean(model);
        assert!(invented <= 1, "{}: {invented} false changes", model.name);
    }
}

#[test]
fn the_size_is_told_with_an_interval_that_covers_it() {
    let sizes = (0..SEEDS).flat_map(|seed| {
        let all = changes(&USUAL.series(NIGHTS, Some(PLANTED), seed));
        all.into_iter().filter(|one| one.at == PLANTED.0)
    });
    let sizes: Vec<Change> = sizes.collect();
    let covered =
        sizes.iter().filter(|one| one.interval[0] <= PLANTED.1 && PLANTED.1 <= one.interval[1]).count();
    assert!(sizes.len() >= 8, "often the very night is found: {}", sizes.len());
    assert!(covered * 10 >= sizes.len() * 8, "95 % intervals: {covered} of {} cover it", sizes.len());
}

#[test]
fn intervals_help_where_nights_are_unequal() {
    let model = MODELS.iter().find(|model| model.name == "noisy nights").expect("it is listed");
    let without = |series: Vec<Observation>| -> Vec<Observation> {
        series.into_iter().map(|one| Observation::exact(one.value)).collect()
    };
    let found = |weighs: bool| {
        let hits = (0..100).filter(|seed| {
            let series = model.series(NIGHTS, Some((40, 0.03)), *seed);
            let series = if weighs { series } else { without(series) };
            changes(&series).iter().any(|one| one.at.abs_diff(40) <= 3)
        });
        hits.count()
    };
    let (with, bare) = (found(true), found(false));
    assert!(with > bare, "with intervals {with} of 100 are found, without them {bare}");
}

#[test]
fn a_long_series_is_examined_as_well() {
    let series = USUAL.series(1_000, Some((700, 0.05)), 1);
    let told = changes(&series);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].at.abs_diff(700) <= 3, "{told:?}");
}
