//! Caveats that a reader must know before the numbers: doubts, notes, and passed checks.

use super::notes::notes;
use super::pinning::pinned;
use super::text::{UNVERIFIED_TLS, capitalised, guards, index_left_out, percent, retries};
use super::trial_faults::{busy_machine, lines, tally};
use lb_results::{Engine, LoadModel, ScenarioSummary, Summary};

/// Above this share of busy CPU time, part of the latency may come from the machine instead of the load
/// balancer.
const BUSY_SHARE: f64 = 0.9;

/// Above this share of decisions by the fallback, the results say too little about the learned policy itself.
const MUCH_FALLBACK: f64 = 0.05;

/// The severity of a caveat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Part of the numbers is in doubt.
    Serious,
    /// A note that the reader needs to understand the numbers.
    Know,
    /// A check passed.
    Fine,
}

impl Weight {
    /// All weights, the heaviest first.
    pub(super) const ALL: [Self; 3] = [Self::Serious, Self::Know, Self::Fine];

    /// Returns what a caveat of this weight means for the reader.
    pub(super) const fn meaning(self) -> &'static str {
        match self {
            Self::Serious => "some of the numbers are in doubt",
            Self::Know => "needed to read the numbers correctly",
            Self::Fine => "a check that passed",
        }
    }

    /// Returns the word for this weight in reports.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Serious => "warning",
            Self::Know => "note",
            Self::Fine => "ok",
        }
    }
}

/// A caveat, or a check that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caveat {
    pub(super) weight: Weight,
    pub(super) text: String,
}

/// Collects the caveats of a run, the most serious first.
pub(super) fn caveats(summary: &Summary) -> Vec<Caveat> {
    let mut found = Vec::new();
    let mut add = |weight, text: String| found.push(Caveat { weight, text });
    if summary.interrupted {
        add(
            Weight::Serious,
            "The run was interrupted: the numbers cover only the trials that were completed.".to_owned(),
        );
    }
    if summary.unverified_tls {
        add(Weight::Serious, UNVERIFIED_TLS.to_owned());
    }
    match summary.engine {
        Engine::Sim => add(
            Weight::Know,
            "Simulated in virtual time, without sockets or a load balancer process: the numbers do not depend on this machine."
                .to_owned(),
        ),
        Engine::Live => match busy_machine(summary) {
            Some(busy) => add(Weight::Serious, busy),
            None => machine(summary, &mut add),
        },
    }
    for scenario in &summary.scenarios {
        let prefix = match summary.scenarios.len() {
            1 => String::new(),
            _ => format!("{}: ", scenario.name),
        };
        of_scenario(scenario, &mut |weight, text: String| add(weight, format!("{prefix}{text}")));
    }
    for note in notes(summary) {
        add(Weight::Know, note);
    }
    found.sort_by_key(|caveat| caveat.weight);
    found
}

fn of_scenario(scenario: &ScenarioSummary, add: &mut impl FnMut(Weight, String)) {
    trials(scenario, add);
    match scenario.model {
        LoadModel::Open => add(
            Weight::Know,
            "Open model: requests arrive whether or not earlier ones were answered; latency counts from when \
             a request was due."
                .to_owned(),
        ),
        LoadModel::Mixed => add(
            Weight::Know,
            "Mixed model: open stages count latency from when a request was due, closed stages from sending; in \
             closed stages a slow algorithm is sent fewer requests."
                .to_owned(),
        ),
        LoadModel::Closed => add(
            Weight::Know,
            "Closed model: users wait for each reply, latency counts from sending, and a slow algorithm is \
             sent fewer requests. Read latency together with throughput."
                .to_owned(),
        ),
    }
    if let Some(comparison) = &scenario.comparison {
        match &comparison.noise_source {
            Some(source) => add(Weight::Fine, format!("The noise floor is known from the A/A run {source}.")),
            None => add(
                Weight::Know,
                "The noise floor is unknown: no A/A comparison of this set-up was found (`bench aa` makes one). \
                 Verdicts are based only on the variation between blocks."
                    .to_owned(),
            ),
        }
    }
    for algorithm in &scenario.algorithms {
        if let Some(line) = guards(algorithm) {
            let fallback = algorithm.guards.as_ref().map_or(0.0, |guards| guards.fallback_share);
            let weight = if fallback > MUCH_FALLBACK { Weight::Serious } else { Weight::Know };
            add(weight, format!("{}: {line}.", algorithm.name));
        }
    }
    for algorithm in &scenario.algorithms {
        if let Some(line) = retries(algorithm) {
            add(Weight::Serious, format!("{}: {line}.", algorithm.name));
        }
    }
    for algorithm in &scenario.algorithms {
        if let Some(line) = pinned(algorithm) {
            add(Weight::Know, format!("{}: {line}.", algorithm.name));
        }
    }
    if let Some(line) = scenario.algorithms.iter().find_map(index_left_out) {
        add(Weight::Know, format!("{}.", capitalised(line)));
    }
    for skipped in &scenario.skipped {
        add(Weight::Know, format!("{} was skipped: {}.", skipped.name, skipped.reason.trim_end_matches('.')));
    }
}

fn trials(scenario: &ScenarioSummary, add: &mut impl FnMut(Weight, String)) {
    match (scenario.trials.len(), tally(scenario)) {
        (0, _) => add(Weight::Serious, "The run has no trials.".to_owned()),
        (1, None) => add(Weight::Fine, "The only trial is valid.".to_owned()),
        (all, None) => add(Weight::Fine, format!("All {all} trials are valid.")),
        (_, Some(tally)) => {
            add(Weight::Serious, format!("{tally}. {}.", capitalised(&lines(scenario).join(". "))));
        }
    }
    let wrong: u64 = scenario.trials.iter().map(|trial| trial.generator.named_wrong).sum();
    if wrong > 0 {
        add(
            Weight::Serious,
            format!("Replies that named an algorithm other than the one under test: {wrong}."),
        );
    }
    let dropped: u64 = scenario.trials.iter().map(|trial| trial.generator.dropped).sum();
    if dropped > 0 {
        add(
            Weight::Serious,
            format!("Arrivals dropped because too many sessions were in flight: {dropped}."),
        );
    }
}

/// Says how busy the machine was during all trials, whether they count or not.
fn machine(summary: &Summary, add: &mut impl FnMut(Weight, String)) {
    let generators = || {
        let trials = summary.scenarios.iter().flat_map(|scenario| &scenario.trials);
        trials.map(|trial| &trial.generator)
    };
    let busiest = generators().filter_map(|generator| generator.machine_busy_share).reduce(f64::max);
    let longest_wait = generators().filter_map(|generator| generator.cpu_wait_share).reduce(f64::max);
    let wait = longest_wait.map_or_else(String::new, |share| {
        format!(" Generator threads waited for a CPU in at most {} of the time.", percent(share, 1))
    });
    match busiest {
        Some(share) if share >= BUSY_SHARE => add(
            Weight::Serious,
            format!(
                "The CPUs of the generator were busy up to {} of the time: part of the latency may come from the machine rather than the load balancer.{wait}",
                percent(share, 0)
            ),
        ),
        Some(share) => {
            add(
                Weight::Fine,
                format!(
                    "The CPUs of the generator were busy at most {} of the time.{wait}",
                    percent(share, 0)
                ),
            );
        }
        None => add(Weight::Know, "How busy the machine was is unknown.".to_owned()),
    }
}
