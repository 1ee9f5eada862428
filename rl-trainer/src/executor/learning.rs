//! Gets the general policy: the one that comes with `bench`, one from a file, or the best of several training runs on the
//! validation set.

use super::args::General;
use super::interrupted::interrupted;
use super::run::Run;
use crate::curves;
use crate::evaluate::Trained;
use crate::report::TrainingReport;
use crate::train::{self, TrainError, TrainOrWrite, train_to_file};
use anyhow::anyhow;
use harness::exit::{ExitCode, OrExit};
use lb_config::TrainedPolicy;
use lb_core::policy::PolicyFile;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// A general policy.
pub(super) struct Known {
    pub(super) file: Arc<PolicyFile>,
    /// What it is, for reports.
    pub(super) name: String,
    /// Policies to prove: it, or all training runs that it was chosen from.
    pub(super) all: Vec<Trained>,
}

/// Gets the general policy.
pub(super) fn general(run: &mut Run) -> Option<Known> {
    let ready = |file: Arc<PolicyFile>, name: String| {
        let all = Trained::all([Arc::clone(&file)]);
        Some(Known { file, name, all })
    };
    match run.settings.general.clone() {
        General::Scratch => learn(run),
        General::File(path, file) => ready(Arc::from(file), format!("the policy in `{path}`")),
        General::Bundled => match TrainedPolicy::bundled() {
            Ok(bundled) => ready(bundled.file, "the bundled policy".to_owned()),
            Err(error) => {
                run.say(&format!("note: the bundled policy cannot be used, so one is trained: {error}"));
                learn(run)
            }
        },
    }
}

/// Trains with every seed and chooses the best; a failed training does not stop the others.
fn learn(run: &mut Run) -> Option<Known> {
    let plans = run.settings.trainings.clone();
    let mut files: Vec<Arc<PolicyFile>> = Vec::new();
    let first = run.report.trainings.len();
    for plan in &plans {
        let folder = run.folder.training(plan.seed);
        files.extend(train_once(run, plan, &folder, GENERAL).map(|trained| Arc::new(trained.file)));
    }
    let trainings = run.report.trainings[first..].iter().enumerate();
    let best = trainings.min_by(|one, other| one.1.validation.loss.total_cmp(&other.1.validation.loss));
    let best = best?.0;
    let training = &mut run.report.trainings[first + best];
    training.chosen = true;
    let name = format!("the policy of seed {}", training.seed);
    let why = if files.len() > 1 { ", the best on the validation set" } else { "" };
    run.step("choice", |_| Ok(((), format!("{name}{why}"))));
    let file = Arc::clone(&files[best]);
    Some(Known { file, name, all: Trained::all(files) })
}

/// What a general training run is called in reports.
const GENERAL: &str = "general";

/// Trains once, as a step of the run, and adds it to the report. `what` says what is trained.
pub(super) fn train_once(
    run: &mut Run,
    plan: &train::Args,
    folder: &Path,
    what: &str,
) -> Option<train::Trained> {
    let name = match what {
        GENERAL => format!("training with seed {}", plan.seed),
        special => format!("training with seed {}, {special}", plan.seed),
    };
    let (trained, curve) = run.step(&name, |run| {
        let (stop, players) = (run.interrupt.flag(), Arc::clone(&run.players));
        let shown = train_to_file(plan, folder, &*players, &stop, &mut |progress| {
            run.observer.progress(&format!("seed {}: {progress}", plan.seed));
        });
        run.observer.progress_ended();
        let trained = match shown {
            Ok(trained) => trained,
            Err(TrainOrWrite::Train(TrainError::Stopped(_))) => return Err(interrupted()),
            Err(error) => return Err(error).or_exit(ExitCode::Preflight),
        };
        let (_, curve) = curves::read(&folder.join(curves::CSV)).or_exit(ExitCode::Internal)?;
        let detail = format!(
            "validation ratio to {}: mean {:.3}, p99 {:.3}; {} steps, {:.0} steps/s",
            train::BASELINE,
            trained.validation.mean,
            trained.validation.p99,
            trained.env_steps,
            trained.steps_per_second
        );
        Ok(((trained, curve), detail))
    })?;
    run.report.trainings.push(TrainingReport {
        of: what.to_owned(),
        seed: plan.seed,
        validation: trained.validation,
        env_steps: trained.env_steps,
        steps_per_second: trained.steps_per_second,
        seconds: trained.seconds,
        sha256: trained.file.sha256.clone(),
        chosen: false,
        curve,
    });
    Some(trained)
}

/// Writes the policy of the run again, together with its evaluation results.
pub(super) fn export(run: &mut Run) {
    let Some(exported) = run.exported.clone() else { return };
    let mut file = PolicyFile::clone(&exported);
    let Some(name) = run.report.exported.as_ref().map(|exported| exported.proved.clone()) else { return };
    let lists = super::proof::record(&run.report.evaluations, &name);
    file.eval = merged(file.eval, lists);
    run.step("export", |run| {
        let (path, bytes) = (run.folder.policy(), file.to_bytes());
        let again = PolicyFile::from_bytes(&bytes).or_exit(ExitCode::Internal)?;
        if again.sha256 != exported.sha256 {
            return Err(anyhow!("the policy file does not match the training run"))
                .or_exit(ExitCode::Internal);
        }
        crate::files::write_whole(&path, &bytes).or_exit(ExitCode::Preflight)?;
        Ok(((), format!("{} ({})", path.display(), again.short_hash())))
    });
}

/// Adds the keys of `more` to those of a JSON object; what is no object is replaced.
pub(super) fn merged(base: Value, more: Value) -> Value {
    match (base, more) {
        (Value::Object(mut base), Value::Object(more)) => {
            base.extend(more);
            base.into()
        }
        (_, more) => more,
    }
}
