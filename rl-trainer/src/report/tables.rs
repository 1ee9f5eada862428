//! Contents of the tables in reports, shared by all formats.

use super::data::{RunReport, TraceReport, TrafficReport};
use super::lists::Judged;
use super::numbers::{NONE, estimate, fixed, length, of_goal, outcome, percent};
use crate::curves::Update;
use crate::evaluate::goals::{Goal, Goals};
use crate::evaluate::{Estimate, Kind, LISTENING, Line, Standing, TEST_SHA256, league};
use crate::scenarios::about_situation;
use crate::train::BASELINE;
use lb_core::policy::GuardCounts;
use lb_report::parts::{Cell, Table, Tone, command_line, count};

fn plain(text: impl Into<String>) -> Cell {
    Cell::toned(text, Tone::Plain)
}

/// Returns the table of all judged goals.
pub(super) fn goals(goals: &[Goal]) -> Option<Table> {
    let mut table = Table::new(
        format!("Goals: ratios to {BASELINE} unless stated otherwise; a goal is met at or below its target"),
        &["Goal", "Of", "Target", "Measured (95 % interval)", "Outcome"],
    );
    for goal in goals {
        let tone = match (goal.met, goal.required) {
            (true, _) => Tone::Good,
            (false, true) => Tone::Bad,
            (false, false) => Tone::Care,
        };
        let target = of_goal(goal, Estimate { ratio: goal.target, interval: None });
        table.add_toned(
            Tone::Plain,
            vec![
                plain(&goal.goal),
                plain(&goal.metric),
                plain(target),
                plain(of_goal(goal, goal.measured)),
                Cell::toned(outcome(goal), tone),
            ],
        );
    }
    table.unless_empty()
}

/// Returns the table of situations, with targets if goals were given.
pub(super) fn situations(standing: &Standing, targets: Option<&Goals>) -> Table {
    let targets = targets.and_then(|goals| goals.situations.as_ref());
    let with_targets = |[mean, p99]: [Cell; 2], [mean_target, p99_target]: [Cell; 2]| match targets {
        Some(_) => vec![mean, mean_target, p99, p99_target],
        None => vec![mean, p99],
    };
    let mut header = vec!["Situation", "Mean", "p99"];
    if targets.is_some() {
        header = vec!["Situation", "Mean", "Target", "p99", "Target"];
    }
    header.extend(["Regret mean / p99", "Best classical mean / p99", "Errors (baseline)"]);
    let mut table = Table::new(
        format!(
            "Situations: ratios to {BASELINE}, averaged over {}; regret is relative to the best classical algorithm of each",
            policies(standing)
        ),
        &header,
    );
    for case in &standing.cases {
        let target = targets.and_then(|goals| goals.cases.get(&case.case));
        let (mean, p99) = (target.map(|target| target.mean), target.map(|target| target.p99));
        let title = about_situation(&case.case)
            .map_or_else(|| case.case.clone(), |about| format!("{}: {about}", case.case));
        let mut cells = vec![plain(title)];
        let limits = [mean, p99].map(|target| plain(fixed(target, 2)));
        cells.extend(with_targets([held(case.mean, mean), held(case.p99, p99)], limits));
        cells.extend([
            plain(format!("{:.3} / {:.3}", case.mean_regret, case.p99_regret)),
            plain(format!("{} / {}", case.best_mean, case.best_p99)),
            plain(format!("{} ({})", percent(case.error_rate, 2), percent(case.baseline_error_rate, 2))),
        ]);
        table.add_toned(Tone::Plain, cells);
    }
    let mut cells = vec![plain("geometric mean")];
    let means = [standing.mean, standing.p99].map(|measured| plain(estimate(measured)));
    cells.extend(with_targets(means, [plain(NONE), plain(NONE)]));
    cells.extend([
        plain(format!("{:.3} / {:.3}", standing.mean_to_best.ratio, standing.p99_to_best.ratio)),
        plain(NONE),
        plain(NONE),
    ]);
    table.add_toned(Tone::Apart, cells);
    table
}

/// Returns a cell with a ratio, coloured by whether it meets its target.
fn held(measured: Estimate, target: Option<f64>) -> Cell {
    let tone = match target {
        Some(target) if measured.ratio <= target => Tone::Good,
        Some(_) => Tone::Bad,
        None => Tone::Plain,
    };
    Cell::toned(estimate(measured), tone)
}

/// Returns the number of trained policies that figures are averaged over, in words.
pub(super) fn policies(standing: &Standing) -> String {
    match standing.policies.len() {
        1 => "one trained policy".to_owned(),
        count => format!("{count} trained policies"),
    }
}

/// Returns the table of trained policies, with one row for each and one for all of them.
pub(super) fn by_policy(judged: &Judged<'_>) -> Table {
    let evaluation = judged.evaluation;
    let mut table = Table::new(
        "Trained policies, each on its own: geometric means over all cases",
        &["Policy", "Mean", "p99", "Mean to best", "p99 to best", "Cases won, mean / p99"],
    );
    let row = |name: String, standing: &Standing| {
        vec![
            name,
            estimate(standing.mean),
            estimate(standing.p99),
            estimate(standing.mean_to_best),
            estimate(standing.p99_to_best),
            format!("{} / {}", percent(standing.mean_wins, 0), percent(standing.p99_wins, 0)),
        ]
    };
    for place in evaluation.of_kind(Kind::Trained) {
        if let Some(standing) = Standing::new(evaluation, &[place]) {
            table.add(row(evaluation.contestants[place].name.clone(), &standing));
        }
    }
    if table.rows.len() > 1 {
        let cells = row("all".to_owned(), &judged.standing);
        table.add_toned(Tone::Apart, cells.into_iter().map(Cell::from).collect());
    }
    table
}

/// Returns the table of all contestants of a list, ordered by mean, with oracles listed separately.
pub(super) fn contestants(judged: &Judged<'_>) -> Table {
    let mut table = Table::new(
        format!(
            "All contestants: geometric means of ratios to {BASELINE}, and the worst case against its best classical"
        ),
        &["Contestant", "Mean", "p99", "Worst regret mean", "Worst regret p99", "Errors"],
    );
    let mut lines: Vec<Line> = league(judged.evaluation);
    lines.sort_by(|one, other| {
        let rank = |line: &Line| (line.kind == Kind::Oracle, line.mean);
        rank(one).partial_cmp(&rank(other)).unwrap_or(std::cmp::Ordering::Equal)
    });
    for line in lines {
        let tone = match line.kind {
            Kind::Trained => Tone::Good,
            Kind::Oracle => Tone::Apart,
            Kind::Classical | Kind::Unhinted => Tone::Plain,
        };
        let name = if line.kind == Kind::Trained { Cell::toned(line.name, tone) } else { plain(line.name) };
        let number = |value: f64| plain(format!("{value:.3}"));
        let row_tone = if tone == Tone::Apart { Tone::Apart } else { Tone::Plain };
        table.add_toned(
            row_tone,
            vec![
                name,
                number(line.mean),
                number(line.p99),
                number(line.mean_regret),
                number(line.p99_regret),
                plain(percent(line.error_rate, 2)),
            ],
        );
    }
    table
}

/// Returns the table of the cases in which trained policies did worst compared with the best classical
/// algorithm.
pub(super) fn regrets(standing: &Standing, most: usize) -> Option<Table> {
    let mut table = Table::new(
        "Cases with the most regret: mean latency relative to that of the best classical algorithm of the case",
        &["Case", "Regret mean", "Regret p99", "Best classical mean / p99", "Mean", "p99", "Largest share"],
    );
    let mut cases: Vec<_> = standing.cases.iter().collect();
    cases.sort_by(|one, other| other.mean_regret.total_cmp(&one.mean_regret));
    for case in cases.into_iter().take(most) {
        table.add(vec![
            case.case.clone(),
            format!("{:.3}", case.mean_regret),
            format!("{:.3}", case.p99_regret),
            format!("{} / {}", case.best_mean, case.best_p99),
            estimate(case.mean),
            estimate(case.p99),
            percent(case.max_share, 0),
        ]);
    }
    table.unless_empty()
}

/// Returns the table of ratios to particular opponents, by list: it shows what listening to requests is worth, and that
/// it is not the prediction alone that wins.
pub(super) fn opponents<'a>(lists: impl Iterator<Item = &'a Judged<'a>>) -> Option<Table> {
    let mut table = Table::new(
        "What requests say: ratios of mean / p99, geometric means over all cases",
        &[
            "List",
            "To the best classical",
            "To the best content-blind classical",
            &format!("To {LISTENING}+ejection"),
            "To themselves without hints and routes",
        ],
    );
    for Judged { evaluation, standing } in lists {
        let pair = |ratios: Option<[Estimate; 2]>| match ratios {
            Some([mean, p99]) => format!("{} / {}", estimate(mean), estimate(p99)),
            None => NONE.to_owned(),
        };
        table.add(vec![
            evaluation.list.clone(),
            pair(Some([standing.mean_to_best, standing.p99_to_best])),
            pair(standing.to_blind),
            pair(standing.to_listening),
            pair(standing.to_unhinted),
        ]);
    }
    table.unless_empty()
}

/// Returns the table of how often guards overrode the trained policies.
pub(super) fn guards<'a>(
    lists: impl Iterator<Item = &'a Judged<'a>>,
    scenarios: &[TrafficReport],
) -> Option<Table> {
    let mut table = Table::new(
        "Guards: decisions in which a guard overrode a trained policy",
        &["Where", "Decisions", "Minimum share", "Silence", "Not a number", "Distrust of the profile"],
    );
    let row = |name: String, counts: GuardCounts| {
        let share = |part: u64| percent(part as f64 / counts.picks.max(1) as f64, 3);
        vec![
            name,
            counts.picks.to_string(),
            share(counts.minimum_share),
            share(counts.stale),
            share(counts.not_finite),
            counts.distrusted.to_string(),
        ]
    };
    for judged in lists {
        let counts = judged.evaluation.cases.iter().map(|case| case.guards);
        let counts = counts.fold(GuardCounts::default(), GuardCounts::plus);
        table.add(row(judged.evaluation.list.clone(), counts));
    }
    for scenario in scenarios {
        for algorithm in &scenario.algorithms {
            if let Some(guards) = &algorithm.guards {
                let counts = GuardCounts {
                    picks: guards.decisions,
                    minimum_share: guards.minimum_share,
                    stale: guards.stale,
                    not_finite: guards.not_finite,
                    distrusted: guards.distrusted,
                };
                table
                    .add(row(format!("{} ({}), {}", scenario.name, scenario.engine, algorithm.name), counts));
            }
        }
    }
    table.unless_empty()
}

/// Returns the table of training runs.
pub(super) fn trainings(run: &RunReport) -> Option<Table> {
    let mut table = Table::new(
        format!("Training runs: ratios to {BASELINE} on the validation set, by which the policy is chosen"),
        &[
            "Training",
            "Seed",
            "Validation mean",
            "Validation p99",
            "Steps",
            "Steps/s",
            "Time",
            "Beats the baseline after",
            "Policy",
            "",
        ],
    );
    for training in &run.trainings {
        let beats = beats_baseline(&training.curve);
        table.add(vec![
            training.of.clone(),
            training.seed.to_string(),
            format!("{:.3}", training.validation.mean),
            format!("{:.3}", training.validation.p99),
            training.env_steps.to_string(),
            format!("{:.0}", training.steps_per_second),
            length(training.seconds),
            beats.map_or_else(
                || NONE.to_owned(),
                |(step, seconds)| format!("{step} steps, {}", length(seconds)),
            ),
            training.sha256.chars().take(12).collect(),
            if training.chosen { "chosen" } else { "" }.to_owned(),
        ]);
    }
    table.unless_empty()
}

/// Returns the step and time of the first validation at which mean and 99th percentile are both below the
/// baseline's.
fn beats_baseline(curve: &[Update]) -> Option<(u64, f64)> {
    let value = |update: &Update, name: &str| {
        update.values.iter().find(|(column, _)| column == name).map(|(_, value)| *value)
    };
    let beats = |update: &&Update| {
        value(update, "validation_mean_ratio").is_some_and(|ratio| ratio < 1.0)
            && value(update, "validation_p99_ratio").is_some_and(|ratio| ratio < 1.0)
    };
    curve.iter().find(beats).map(|update| (update.step, update.wall_s))
}

/// Returns the table of played scenarios.
pub(super) fn traffic(scenarios: &[TrafficReport]) -> Option<Table> {
    let mut table = Table::new(
        "Traffic: latency of all requests, failures included",
        &["Scenario", "For", "Algorithm", "Requests", "Mean (ms)", "p99 (ms)", "Errors"],
    );
    for scenario in scenarios {
        for algorithm in &scenario.algorithms {
            table.add(vec![
                format!("{} ({}, {})", scenario.name, scenario.engine, length(scenario.duration_s)),
                scenario.purpose.clone(),
                algorithm.name.clone(),
                algorithm.requests.to_string(),
                fixed(algorithm.mean_ms, 2),
                fixed(algorithm.p99_ms, 2),
                percent(algorithm.error_rate, 2),
            ]);
        }
    }
    table.unless_empty()
}

/// Returns the table of steps.
pub(super) fn steps(run: &RunReport) -> Option<Table> {
    let mut table = Table::new("Steps", &["Step", "Outcome", "Time", "Detail"]);
    for step in &run.steps {
        let (word, tone) = if step.success { ("done", Tone::Good) } else { ("failed", Tone::Bad) };
        let cells = vec![
            plain(&step.name),
            Cell::toned(word, tone),
            plain(length(step.seconds)),
            plain(&step.detail),
        ];
        table.add_toned(Tone::Plain, cells);
    }
    table.unless_empty()
}

/// Returns the table of traces.
pub(super) fn traces(traces: &[TraceReport]) -> Option<Table> {
    let mut table = Table::new(
        "Traces: can a policy be trained on them?",
        &["Traces", "Experiences", "Completeness", "Outcome unknown", "Made at random", "Actions", "Verdict"],
    );
    for trace in traces {
        let all: u64 = trace.actions.iter().map(|(_, count)| count).sum();
        let action = |(name, count): &(String, u64)| {
            format!("{name} {}", percent(*count as f64 / all.max(1) as f64, 1))
        };
        let (fit, tone) = if trace.fit_for_training {
            ("fit for training", Tone::Good)
        } else {
            ("not fit for training", Tone::Bad)
        };
        let verdict: Vec<&str> =
            std::iter::once(fit).chain(trace.warnings.iter().map(String::as_str)).collect();
        table.add_toned(
            Tone::Plain,
            vec![
                plain(&trace.path),
                plain(trace.experiences.to_string()),
                plain(format!("{:.1} % {}", trace.completeness, trace.verdict)),
                plain(trace.censored.to_string()),
                plain(trace.exploration.map_or_else(|| NONE.to_owned(), |share| percent(share, 2))),
                plain(trace.actions.iter().map(action).collect::<Vec<_>>().join(", ")),
                Cell::toned(verdict.join("; "), tone),
            ],
        );
    }
    table.unless_empty()
}

/// Returns the table of the information needed to repeat the run.
pub(super) fn environment<'a>(run: &RunReport, lists: impl Iterator<Item = &'a Judged<'a>>) -> Table {
    let mut table = Table::new("What is needed to repeat the run", &["What", "Value"]);
    let mut add = |what: &str, value: String| table.add(vec![what.to_owned(), value]);
    add("Run", run.run_id.clone());
    add("Command", command_line(&run.command));
    add("Started", run.started_at.clone());
    add("Version", format!("{} (commit {})", run.version, run.commit));
    add("libtorch", run.libtorch.clone());
    add("Host", format!("{}, {}, kernel {}", run.host.name, run.host.os, run.host.kernel));
    add("CPU", format!("{}, cores: {}", run.host.cpu, run.host.cores));
    for judged in lists {
        let evaluation = judged.evaluation;
        let frozen = match evaluation.list.as_str() {
            "test" if evaluation.list_sha256 == TEST_SHA256 => ", as frozen",
            "test" => ", NOT the frozen list",
            _ => "",
        };
        let requests = evaluation.cases.first().map_or(0, |case| case.requests);
        let hash = &evaluation.list_sha256;
        add(
            &format!("List \"{}\"", evaluation.list),
            format!(
                "SHA-256 {hash}{frozen}; {} of {}, {} of {}",
                evaluation.cases.len(),
                count(evaluation.planned_cases, "case"),
                count(evaluation.lucks as usize, "replication"),
                count(requests as usize, "request")
            ),
        );
    }
    if let Some(exported) = &run.exported {
        let profile = if exported.profile { ", with the profile of its pool" } else { "" };
        add("Policy", format!("{}{profile}; weights SHA-256 {}", exported.name, exported.sha256));
    }
    table
}
