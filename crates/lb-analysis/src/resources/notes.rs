//! Notes on readings of scraped targets that failed or were not what they should be, once for each reason.

use lb_results::{ScrapedTarget, Trial};

/// Lists what was wrong with the readings of the trials of a scenario: once for each target and reason, with counts.
pub fn scrape_notes(trials: &[Trial]) -> Vec<String> {
    let targets = || trials.iter().filter_map(|trial| trial.resources.as_ref()).flat_map(|one| &one.targets);
    let mut names: Vec<&str> = Vec::new();
    for target in targets() {
        if !names.contains(&target.name.as_str()) {
            names.push(&target.name);
        }
    }
    names
        .into_iter()
        .flat_map(|name| of_target(&targets().filter(|one| one.name == name).collect::<Vec<_>>()))
        .collect()
}

/// Lists what was wrong with the readings of one target, which differ in their trials.
fn of_target(readings: &[&ScrapedTarget]) -> Vec<String> {
    let Some(first) = readings.first() else { return Vec::new() };
    let who = format!("`{}` ({})", first.name, first.url);
    let all: u64 = readings.iter().map(|one| one.readings).sum();
    let mut reasons: Vec<(&str, u64)> = Vec::new();
    for trouble in readings.iter().flat_map(|one| &one.troubles) {
        match reasons.iter_mut().find(|(what, _)| *what == trouble.what) {
            Some((_, count)) => *count += trouble.readings,
            None => reasons.push((&trouble.what, trouble.readings)),
        }
    }
    let mut notes: Vec<String> = reasons
        .into_iter()
        .map(|(what, count)| format!("scrape: {count} of {all} readings of {who} {what}"))
        .collect();
    let left_out = readings.iter().map(|one| one.left_out).max().unwrap_or(0);
    if left_out > 0 {
        notes.push(format!(
            "scrape: {who} has {left_out} series more than are kept; choose some of them, as in `#metric{{label=\"value\"}}` \
             after the address"
        ));
    }
    notes
}
