//! What a reader must know before the numbers: doubts, notes, and the checks that passed.

use super::text::{count, guards, percent};
use lb_results::{Engine, LoadModel, ScenarioSummary, Summary};

/// Above this share of busy CPU time, part of the latency may come from the machine rather than the load balancer.
const BUSY_SHARE: f64 = 0.9;

/// Above this share of decisions by the fallback, the results say too little about the learned policy itself.
const MUCH_FALLBACK: f64 = 0.05;

/// The weight of a caveat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Part of the numbers is in doubt.
    Serious,
    /// The reader must know it to understand the numbers.
    Know,
    /// A check passed.
    Fine,
}

impl Weight {
    /// Returns the word for it in reports.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Serious => "warning",
            Self::Know => "note",
            Self::Fine => "ok",
        }
    }
}

/// One caveat, or one thing that was checked and is in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caveat {
    pub(super) weight: Weight,
    pub(super) text: String,
}

/// Collects the caveats of a run, the heaviest first.
pub(super) fn caveats(summary: &Summary) -> Vec<Caveat> {
    let mut found = Vec::new();
    let mut add = |weight, text: String| found.push(Caveat { weight, text });
    if summary.interrupted {
        add(
            Weight::Serious,
            "The run was interrupted: the numbers cover only the trials that were completed.".to_owned(),
        );
    }
    match summary.engine {
        Engine::Sim => add(
            Weight::Know,
            "Simulated in virtual time, without sockets or a load balancer process: the numbers do not depend on this machine."
                .to_owned(),
        ),
        Engine::Live => machine(summary, &mut add),
    }
    for scenario in &summary.scenarios {
        let prefix = match summary.scenarios.len() {
            1 => String::new(),
            _ => format!("{}: ", scenario.name),
        };
        of_scenario(scenario, &mut |weight, text: String| add(weight, format!("{prefix}{text}")));
    }
    for note in &summary.notes {
        add(Weight::Know, note.clone());
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
                 Verdicts rest on the scatter between blocks alone."
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
    for skipped in &scenario.skipped {
        add(Weight::Know, format!("{} was skipped: {}.", skipped.name, skipped.reason.trim_end_matches('.')));
    }
}

fn trials(scenario: &ScenarioSummary, add: &mut impl FnMut(Weight, String)) {
    let all = scenario.trials.len();
    let invalid = scenario.trials.iter().filter(|trial| !trial.is_valid()).count();
    match (all, invalid) {
        (0, _) => add(Weight::Serious, "The run has no trials.".to_owned()),
        (1, 0) => add(Weight::Fine, "The only trial is valid.".to_owned()),
        (_, 0) => add(Weight::Fine, format!("All {all} trials are valid.")),
        _ => {
            let mut why: Vec<String> = Vec::new();
            for problem in scenario.trials.iter().flat_map(|trial| &trial.problems) {
                if !why.contains(problem) {
                    why.push(problem.clone());
                }
            }
            const SHOWN: usize = 3;
            let more = match why.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!("; and {}", count(more, "other reason")),
            };
            why.truncate(SHOWN);
            add(
                Weight::Serious,
                format!(
                    "{invalid} of {} are invalid and are left out: {}{more}.",
                    count(all, "trial"),
                    why.join("; ")
                ),
            );
        }
    }
    let wrong: u64 = scenario.trials.iter().map(|trial| trial.generator.named_wrong).sum();
    if wrong > 0 {
        add(
            Weight::Serious,
            format!("Replies that named another algorithm than the one under test: {wrong}."),
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

/// Says how busy the machine was during the valid trials; invalid ones name their problems themselves.
fn machine(summary: &Summary, add: &mut impl FnMut(Weight, String)) {
    let generators = || {
        summary
            .scenarios
            .iter()
            .flat_map(|scenario| &scenario.trials)
            .filter(|t| t.is_valid())
            .map(|t| &t.generator)
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

/// Says why there are no verdicts, where no pair was compared.
pub(super) fn nothing_compared(scenario: &ScenarioSummary) -> String {
    match scenario.algorithms.as_slice() {
        [] => "No algorithm has a valid trial, so there is no verdict.".to_owned(),
        [one] => format!("Only {} ran, so there is nothing to compare it with.", one.name),
        _ => "The algorithms were not compared, so there is no verdict on differences.".to_owned(),
    }
}
