//! What the scraped series of a scenario say about latency, in sentences.

use lb_results::{ResourceCorrelation, ScenarioSummary};

/// Says which scraped series move with latency, those with the smallest p values first, or that none does. Empty if
/// nothing was scraped.
pub fn resource_sentences(scenario: &ScenarioSummary) -> Vec<String> {
    let all = || {
        scenario.algorithms.iter().flat_map(|algorithm| {
            algorithm.resources.iter().map(move |resource| (algorithm.name.as_str(), resource))
        })
    };
    let mut judged: Vec<(&str, &str, &ResourceCorrelation)> = all()
        .filter_map(|(algorithm, one)| Some((algorithm, one.name.as_str(), one.correlation.as_ref()?)))
        .collect();
    if all().next().is_none() {
        return Vec::new();
    }
    if judged.is_empty() {
        return vec![
            "Whether a scraped series moves with latency cannot be told: none has 20 parts of a trial in which it changes."
                .to_owned(),
        ];
    }
    judged.sort_by(|one, other| one.2.p.total_cmp(&other.2.p));
    let moving: Vec<String> = judged
        .iter()
        .filter(|(.., one)| one.moves)
        .map(|(algorithm, name, one)| sentence(algorithm, name, one))
        .collect();
    if moving.is_empty() {
        return vec![format!(
            "No series moves with latency: none of {} has an adjusted p value of at most 5 %.",
            count(judged.len())
        )];
    }
    moving
}

fn count(series: usize) -> String {
    if series == 1 { "the 1 scraped series".to_owned() } else { format!("the {series} scraped series") }
}

fn sentence(algorithm: &str, name: &str, one: &ResourceCorrelation) -> String {
    let direction = if one.r > 0.0 { "rises" } else { "falls" };
    let lag = match one.lag_s {
        0.0 => String::new(),
        lag_s => format!(" {lag_s:.0} s earlier"),
    };
    let [low, high] = one.interval;
    format!(
        "Under {algorithm}, {} {direction} with `{name}`{lag}: r = {:.2} ({low:.2} to {high:.2}), adjusted p {}.",
        one.latency,
        one.r,
        if one.p_adjusted < 0.001 { "< 0.001".to_owned() } else { format!("= {:.3}", one.p_adjusted) },
    )
}
