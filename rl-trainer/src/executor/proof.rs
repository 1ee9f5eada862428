//! The proof on the lists of cases, and a check of the chosen policy in live traffic.

use super::args::{Mode, TrafficKind};
use super::interrupted::interrupted;
use super::run::Run;
use super::scenarios::{self, Found};
use super::traffic::{Order, play};
use crate::evaluate::{Evaluation, List, Standing, Trained, Watch, evaluate};
use crate::train::BASELINE;
use anyhow::anyhow;
use harness::exit::{ExitCode, Failure, OrExit};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

/// Evaluates the policies on all lists of cases.
pub(super) fn prove(run: &mut Run, policies: &[Trained]) {
    if policies.is_empty() {
        return;
    }
    for list in List::all() {
        let list =
            run.settings.cases.map_or_else(|| list.clone(), |cases| list.clone().first(cases as usize));
        let list = match run.settings.requests {
            Some(requests) => list.with_requests(requests),
            None => list,
        };
        let begun = Instant::now();
        let played = run.step(&format!("proof on list `{}`", list.name), |run| of_list(run, &list, policies));
        if let Some(text) = played {
            run.record("evaluation", list.name, begun, Ok((text, String::new())));
        }
    }
}

fn of_list(run: &mut Run, list: &List, policies: &[Trained]) -> Result<(String, String), Failure> {
    let stop = run.interrupt.flag();
    let observer = Mutex::new(&mut run.observer);
    let progress = |done: usize, all: usize| {
        if let Ok(mut observer) = observer.lock() {
            observer.progress(&format!("list `{}`: {done} of {all} rounds", list.name));
        }
    };
    let evaluation = evaluate(policies, list, run.settings.lucks, Watch { stop: &stop, progress: &progress });
    run.observer.progress_ended();
    let places = evaluation.of_kind(crate::evaluate::Kind::Trained);
    let standing = Standing::new(&evaluation, &places);
    // Cases that were completed before an interrupt are kept.
    run.report.evaluations.push(evaluation);
    if run.interrupt.is_set() {
        return Err(interrupted());
    }
    let Some(standing) = standing else {
        return Err(anyhow!("the list has no cases")).or_exit(ExitCode::Internal);
    };
    let detail = format!(
        "ratio to {BASELINE}: mean {:.3}, p99 {:.3}; ratio to the best classical: mean {:.3}, p99 {:.3}",
        standing.mean.ratio, standing.p99.ratio, standing.mean_to_best.ratio, standing.p99_to_best.ratio
    );
    Ok((detail.clone(), detail))
}

/// Returns the evaluation record of a policy file: the ratios for each list, and their origin.
pub(super) fn record(evaluations: &[Evaluation], policy: &str) -> Value {
    let of_list = |evaluation: &Evaluation| {
        let standing = Standing::new(evaluation, &[evaluation.place(policy)?])?;
        let case = |case: &crate::evaluate::CaseStanding| {
            (case.case.clone(), json!({ "mean": case.mean.ratio, "p99": case.p99.ratio }))
        };
        let few = standing.cases.len() <= 10;
        let cases: serde_json::Map<String, Value> = standing.cases.iter().filter(|_| few).map(case).collect();
        let record = json!({
            "against": evaluation.baseline,
            "list_sha256": evaluation.list_sha256,
            "cases": standing.cases.len(),
            "lucks": evaluation.lucks,
            "mean": standing.mean,
            "p99": standing.p99,
            "mean_to_best_classical": standing.mean_to_best,
            "p99_to_best_classical": standing.p99_to_best,
            "by_case": cases,
        });
        Some((evaluation.list.clone(), record))
    };
    evaluations.iter().filter_map(of_list).collect::<serde_json::Map<String, Value>>().into()
}

/// Algorithms that are compared in the scenarios, including the policy.
const RIVALS: [&str; 4] = ["rl", BASELINE, "ewma-scan+ejection", "shortest-expected-delay+ejection"];

/// Plays the scenarios again in virtual time with the policy of the run, or with the one that was specialised on the
/// scenario.
pub(super) fn compare(run: &mut Run, found: &[Found], special: &[(String, PathBuf)]) {
    if run.exported.is_none() {
        return;
    }
    for scenario in found {
        let own = special.iter().find(|(name, _)| *name == scenario.name);
        let policy = own.map_or_else(|| run.folder.policy(), |(_, path)| path.clone());
        run.step(&format!("`{}` with the policy", scenario.name), |run| {
            let order = Order {
                scenario,
                purpose: "comparison of the policy with other algorithms",
                folder: format!("compare-{}", scenario.name),
                kind: TrafficKind::Sim,
                algorithms: &RIVALS,
                repetitions: 1,
                duration: run.settings.duration,
                policy: Some(policy),
                record: None,
            };
            let report = play(run, &order)?.report(&order);
            let figures = report.algorithms.iter().map(|algorithm| {
                let figure =
                    |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |ms| format!("{ms:.1}"));
                format!("{} {}/{} ms", algorithm.name, figure(algorithm.mean_ms), figure(algorithm.p99_ms))
            });
            let detail = format!("mean/p99 {}", figures.collect::<Vec<_>>().join(", "));
            run.report.scenarios.push(report);
            Ok(((), detail))
        });
    }
}

/// Largest excess of the error rate over the baseline's in the live check: 0.2 %, more than random variation
/// causes in a few thousand requests.
const MAX_EXCESS_ERRORS: f64 = 0.002;

/// Checks for a short time over real sockets that the exported policy serves requests as reliably as the baseline: in a
/// custom run in its scenario, since a policy that was specialised belongs to one pool.
pub(super) fn live_check(run: &mut Run, found: &[Found]) {
    let length = run.settings.live_check;
    if run.exported.is_none() || length.is_zero() || run.settings.mode == Mode::Validation {
        return;
    }
    let scenario = match (run.settings.mode, found.first()) {
        (Mode::Custom, None) => {
            run.say(
                "no live check: traces alone do not start the pool; add --scenario to check the policy in it",
            );
            return;
        }
        (Mode::Custom, Some(scenario)) => Ok(scenario.clone()),
        _ => scenarios::find("quick_validation", None),
    };
    let begun = Instant::now();
    let mut tables = String::new();
    let mut checked = String::new();
    let done = run.step("live check", |run| {
        let scenario = scenario?;
        checked.clone_from(&scenario.name);
        let order = Order {
            scenario: &scenario,
            purpose: "check of the policy over real sockets",
            folder: "live-check".to_owned(),
            kind: TrafficKind::Live,
            algorithms: &["rl", BASELINE],
            repetitions: 1,
            duration: Some(run.settings.duration.map_or(length, |duration| duration.min(length))),
            policy: Some(run.folder.policy()),
            record: None,
        };
        let played = play(run, &order)?;
        tables = played.tables();
        let report = played.report(&order);
        let of = |name: &str| report.algorithms.iter().find(|algorithm| algorithm.name == name);
        let errors = |name: &str| {
            of(name).map(|algorithm| (algorithm.error_rate, algorithm.requests)).unwrap_or_default()
        };
        let ((policy, served), (baseline, _)) = (errors("rl"), errors(BASELINE));
        let figures = |name: &str| {
            let [mean, p99] = of(name).map_or([None; 2], |algorithm| [algorithm.mean_ms, algorithm.p99_ms]);
            let text = |ms: Option<f64>| ms.map_or_else(|| "–".to_owned(), |ms| format!("{ms:.1}"));
            format!("{name} {}/{} ms", text(mean), text(p99))
        };
        let detail = format!(
            "{served} requests, {:.2} % failed; mean/p99 {}, {}",
            policy * 100.0,
            figures("rl"),
            figures(BASELINE)
        );
        run.report.scenarios.push(report);
        if policy > baseline + MAX_EXCESS_ERRORS || served == 0 {
            return Err(anyhow!(
                "{:.2} % of {served} requests failed under the policy and {:.2} % under {BASELINE}",
                policy * 100.0,
                baseline * 100.0
            ))
            .or_exit(ExitCode::InvalidTrials);
        }
        Ok(((), detail))
    });
    let came = match (done, run.report.steps.last()) {
        (Some(()), _) => Ok((tables, String::new())),
        (None, Some(step)) => Err((step.detail.clone(), ExitCode::InvalidTrials)),
        (None, None) => return,
    };
    if !run.interrupt.is_set() {
        run.record("live_check", &checked, begun, came);
    }
}
