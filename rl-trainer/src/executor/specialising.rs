//! Specialises a general policy on the twin of a pool, chooses among what came of it, and tests the choice on what was
//! never seen.

use super::fitting::Fitted;
use super::interrupted::interrupted;
use super::learning::{merged, train_once};
use super::run::Run;
use super::twin::Twin;
use crate::episode::PlayersLost;
use crate::evaluate::{GENERAL, SPECIALISED, Trained, Watch, evaluate};
use crate::report::{CandidateReport, ratios};
use crate::setting::Setting;
use crate::train::{Bout, CaseSource, Objective, Score, bouts, score};
use anyhow::anyhow;
use harness::exit::{ExitCode, Failure, OrExit};
use lb_core::policy::PolicyFile;
use lb_core::profile::PoolProfile;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// Replications of each case of the selection, and the number of the first: far from those of training and of the test.
/// Candidates differ by one or two per cent, which is as much as a single replication moves a 99th percentile.
const SELECTION_LUCKS: u64 = 8;
const FIRST_SELECTION_LUCK: u64 = 1 << 60;

/// A policy with its place in the choice.
struct Candidate {
    name: String,
    file: PolicyFile,
    score: Score,
}

/// A policy that was specialised, or the general one if nothing better came of it.
pub(super) struct Special {
    pub(super) file: Arc<PolicyFile>,
    /// What it is, for reports.
    pub(super) name: String,
}

/// Specialises `general` on a pool, whose report is at `place` among the run's twins.
pub(super) fn specialise(
    run: &mut Run,
    fitted: &Fitted,
    general: &PolicyFile,
    objective: (Objective, String),
    place: usize,
) -> Option<Special> {
    let Fitted { twin, profile } = fitted;
    let pool = run.report.twins[place].name.clone();
    let (objective, objective_from) = objective;
    run.report.twins[place].objective = objective.to_string();
    run.report.twins[place].objective_from = objective_from;
    let start = PolicyFile { profile: Some(profile.clone()), ..general.clone() };
    let cases = CaseSource::Around { fits: twin.fits(), cases: twin.training(run.settings.seed) };
    let plans = run.settings.specialised(&start, &cases, objective);
    let mut files = vec![
        ("general, without the profile".to_owned(), general.clone()),
        ("general, with the profile".to_owned(), start),
    ];
    for plan in plans {
        let folder = run.folder.specialising(&pool, plan.seed);
        let what = format!("specialised on `{pool}`");
        if let Some(trained) = train_once(run, &plan, &folder, &what) {
            files.push((format!("{what}, seed {}", plan.seed), trained.file));
        }
    }
    let candidates = run.step(&format!("choice for `{pool}`"), |run| {
        let candidates = rank(run, twin, profile, files, objective).or_exit(ExitCode::Preflight)?;
        let best = candidates.first().map_or("none", |best| best.name.as_str());
        let detail = format!("{best}, the best of {} on slices and draws of its own", candidates.len());
        Ok((candidates, detail))
    })?;
    let reports = candidates.iter().enumerate().map(|(rank, candidate)| CandidateReport {
        name: candidate.name.clone(),
        loss: candidate.score.loss,
        mean: candidate.score.mean,
        p99: candidate.score.p99,
        chosen: rank == 0,
    });
    run.report.twins[place].candidates = reports.collect();
    let Candidate { name, mut file, .. } = candidates.into_iter().next()?;
    mark(run, &file);
    if let Some(record) = test(run, twin, general, &file, place) {
        file.eval = merged(file.eval, record);
    }
    Some(Special { file: Arc::new(file), name })
}

/// Marks the training run whose policy was chosen.
fn mark(run: &mut Run, file: &PolicyFile) {
    for training in &mut run.report.trainings {
        training.chosen |= training.sha256 == file.sha256;
    }
}

/// Scores policies on the cases of the selection, and returns them, the best first.
fn rank(
    run: &Run,
    twin: &Twin,
    profile: &PoolProfile,
    files: Vec<(String, PolicyFile)>,
    objective: Objective,
) -> Result<Vec<Candidate>, PlayersLost> {
    let known = Arc::new(profile.clone());
    let settings = twin.validation(run.settings.requests).into_iter().flat_map(|case| {
        let known = Arc::clone(&known);
        (0..SELECTION_LUCKS).map(move |luck| Setting {
            case: case.clone().with_luck(FIRST_SELECTION_LUCK + luck),
            profile: Some(Arc::clone(&known)),
        })
    });
    let with_profile = bouts(settings.collect(), objective);
    let blind = |bout: &Bout| {
        let setting = Setting { profile: None, ..bout.setting.clone() };
        Bout { setting, ..bout.clone() }
    };
    let without: Vec<Bout> = with_profile.iter().map(blind).collect();
    let mut candidates: Vec<Candidate> = files
        .into_iter()
        .map(|(name, file)| {
            let played = if file.profile.is_some() { &with_profile } else { &without };
            let found = score(&file.network, file.action, objective, played, &*run.players)?;
            Ok(Candidate { name, file, score: found })
        })
        .collect::<Result<_, PlayersLost>>()?;
    candidates.sort_by(|one, other| one.score.loss.total_cmp(&other.score.loss));
    Ok(candidates)
}

/// Compares the chosen policy with the general one, all classical algorithms and the oracles, on slices and draws that
/// were never seen. Returns the record for the policy file.
fn test(
    run: &mut Run,
    twin: &Twin,
    general: &PolicyFile,
    chosen: &PolicyFile,
    place: usize,
) -> Option<Value> {
    let pool = run.report.twins[place].name.clone();
    let list = twin.test(run.settings.requests);
    let is_general = chosen.profile.is_none() && chosen.sha256 == general.sha256;
    let named = |name: &str, file: &PolicyFile| Trained {
        name: name.to_owned(),
        seed: None,
        file: Arc::new(file.clone()),
    };
    let mut policies = vec![named(GENERAL, general)];
    if !is_general {
        policies.push(named(SPECIALISED, chosen));
    }
    run.step(&format!("test on the twin of `{pool}`"), |run| {
        let stop = run.interrupt.flag();
        let evaluation = {
            let observer = Mutex::new(&mut run.observer);
            let progress = |done: usize, all: usize| {
                if let Ok(mut observer) = observer.lock() {
                    observer.progress(&format!("twin of `{pool}`: {done} of {all} rounds"));
                }
            };
            evaluate(&policies, &list, run.settings.twin_lucks, Watch { stop: &stop, progress: &progress })
        };
        run.observer.progress_ended();
        if run.interrupt.is_set() {
            return Err(interrupted());
        }
        let found = ratios(&evaluation);
        let Some(first) = found.first() else { return Err(no_cases()) };
        let text = |ratio: &crate::report::RatioReport| {
            format!("{} to {}: mean {:.3}, p99 {:.3}", ratio.of, ratio.to, ratio.mean.ratio, ratio.p99.ratio)
        };
        let best = found.iter().find(|ratio| ratio.of == first.of && ratio.to.starts_with("best"));
        let detail: Vec<String> = std::iter::once(first).chain(best).map(text).collect();
        let record = json!({
            "twin": {
                "pool": pool,
                "list_sha256": evaluation.list_sha256,
                "cases": evaluation.cases.len(),
                "lucks": evaluation.lucks,
                "ratios": found,
            }
        });
        let report = &mut run.report.twins[place];
        (report.ratios, report.evaluation) = (found, Some(evaluation));
        Ok((record, detail.join("; ")))
    })
}

fn no_cases() -> Failure {
    Failure { code: ExitCode::Internal, error: anyhow!("the twin has no cases") }
}

/// Writes a special policy and its profile to `path`, and names both in the report at `place` among the run's twins.
pub(super) fn write(
    run: &mut Run,
    special: &Special,
    profile: &PoolProfile,
    path: &std::path::Path,
    place: usize,
) {
    let pool = run.report.twins[place].name.clone();
    run.step(&format!("profile of `{pool}`"), |run| {
        let beside = path.with_file_name(PROFILE);
        let text = serde_json::to_vec_pretty(profile).or_exit(ExitCode::Internal)?;
        crate::files::write_whole(&beside, &text).or_exit(ExitCode::Preflight)?;
        crate::files::write_whole(path, &special.file.to_bytes()).or_exit(ExitCode::Preflight)?;
        let inside = if special.file.profile.is_some() { ", also inside the policy" } else { "" };
        let shown = [path, beside.as_path()].map(|path| run.folder.shown(path));
        run.report.twins[place].exported = shown.to_vec();
        Ok(((), format!("{} backends in {}{inside}", profile.backends.len(), beside.display())))
    });
}

/// Name of the file with the profile of a pool, beside the policy.
const PROFILE: &str = "profile.json";
