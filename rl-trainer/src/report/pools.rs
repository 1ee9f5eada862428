//! Tables about specialised policies on their own pools.

use super::numbers::{NONE, estimate, fixed};
use crate::evaluate::{Estimate, GENERAL, Kind, OnPools, Opponent, SPECIALISED, WrongProfile};
use lb_report::parts::Table;
use std::ops::Range;

/// Returns each pool with its place, and all of them together if there are several.
fn rows(played: &OnPools) -> Vec<(String, Range<usize>)> {
    let cases = &played.evaluation.cases;
    let mut rows: Vec<(String, Range<usize>)> =
        cases.iter().enumerate().map(|(place, case)| (case.name.clone(), place..place + 1)).collect();
    if rows.len() > 1 {
        rows.push(("geometric mean".to_owned(), 0..cases.len()));
    }
    rows
}

/// Returns the table of the specialised policies against the general one and the best classical algorithm.
pub(super) fn specialised(played: &OnPools) -> Option<Table> {
    let mut table = Table::new(
        "Specialised policies on their own pools: ratios with 95 % intervals",
        &["Pool", "Mean to general", "p99 to general", "Mean to best classical", "p99 to best classical"],
    );
    for (name, pools) in rows(played) {
        let mut cells = vec![name];
        for opponent in [Opponent::Named(GENERAL), Opponent::BestClassical] {
            let found = played.ratio(SPECIALISED, opponent, pools.clone());
            cells.extend(found.map_or_else(|| [NONE; 2].map(str::to_owned), |pair| pair.map(estimate)));
        }
        table.add(cells);
    }
    table.unless_empty()
}

/// Returns the table of the general policy and the oracles against the best classical algorithm.
pub(super) fn others(played: &OnPools) -> Option<Table> {
    let contestants = &played.evaluation.contestants;
    let oracles = contestants.iter().filter(|one| one.kind == Kind::Oracle && one.name.contains("fpi"));
    let names: Vec<&str> = std::iter::once(GENERAL).chain(oracles.map(|one| one.name.as_str())).collect();
    let mut header = vec!["Pool", "Best classical mean / p99"];
    header.extend(&names);
    let mut table = Table::new("For comparison: ratios of mean / p99 to the best classical", &header);
    for (name, pools) in rows(played) {
        let best = played.best(pools.start).filter(|_| pools.len() == 1);
        let mut cells = vec![name, best.map_or_else(|| NONE.to_owned(), |best| best.join(" / "))];
        cells.extend(names.iter().map(|of| pair(played.ratio(of, Opponent::BestClassical, pools.clone()))));
        table.add(cells);
    }
    table.unless_empty()
}

/// Returns the table of the minute under wrong profiles.
pub(super) fn wrong(played: &OnPools) -> Option<Table> {
    let mut table = Table::new(
        "The first minute under profiles with the speeds of other backends: ratios to the general policy",
        &["Pool", "Profiles", "Mean", "Mean, worst profile", "p99", "p99, worst profile"],
    );
    for WrongProfile { case, mean, p99 } in &played.wrong {
        let mut cells = vec![case.clone(), mean.len().to_string()];
        let figures = [mean, p99].map(|ratios| WrongProfile::typical_and_worst(ratios));
        cells.extend(figures.as_flattened().iter().map(|ratio| fixed(Some(*ratio), 3)));
        table.add(cells);
    }
    table.unless_empty()
}

/// Formats the ratios of mean and 99th percentile.
fn pair(found: Option<[Estimate; 2]>) -> String {
    found.map_or_else(|| NONE.to_owned(), |[mean, p99]| format!("{:.3} / {:.3}", mean.ratio, p99.ratio))
}
