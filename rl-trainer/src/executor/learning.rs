//! Trains with several seeds and chooses the policy that is best on the validation set.

use super::interrupted::interrupted;
use super::run::Run;
use crate::curves;
use crate::evaluate::Trained;
use crate::files::write_whole;
use crate::report::TrainingReport;
use crate::train::{TrainError, TrainOrWrite, train_to_file};
use anyhow::anyhow;
use harness::exit::{ExitCode, OrExit};
use lb_core::policy::PolicyFile;
use std::sync::Arc;

/// Trains with every seed and returns the policies; a failed training does not stop the others. The chosen
/// policy is marked in the report and written to the run's folder.
pub(super) fn learn(run: &mut Run) -> Vec<Trained> {
    let plans = run.settings.trainings.clone();
    let mut files: Vec<PolicyFile> = Vec::new();
    for plan in &plans {
        let trained = run.step(&format!("training with seed {}", plan.seed), |run| {
            let folder = run.folder.training(plan.seed);
            let stop = run.interrupt.flag();
            let name = format!("seed {}: ", plan.seed);
            let shown = train_to_file(plan, &folder, &stop, &mut |progress| {
                run.observer.progress(&format!("{name}{progress}"));
            });
            run.observer.progress_ended();
            let trained = match shown {
                Ok(trained) => trained,
                Err(TrainOrWrite::Train(TrainError::Stopped(_))) => return Err(interrupted()),
                Err(error) => return Err(error).or_exit(ExitCode::Preflight),
            };
            let (_, curve) = curves::read(&folder.join(curves::CSV)).or_exit(ExitCode::Internal)?;
            let detail = format!(
                "validation ratio to least-connections+ejection: mean {:.3}, p99 {:.3}; \
                 {} steps, {:.0} steps/s",
                trained.validation.mean, trained.validation.p99, trained.env_steps, trained.steps_per_second
            );
            Ok(((trained, curve), detail))
        });
        let Some((trained, curve)) = trained else { continue };
        run.report.trainings.push(TrainingReport {
            seed: plan.seed,
            validation: trained.validation,
            env_steps: trained.env_steps,
            steps_per_second: trained.steps_per_second,
            seconds: trained.seconds,
            sha256: trained.file.sha256.clone(),
            chosen: false,
            curve,
        });
        files.push(trained.file);
    }
    choose(run, &files);
    Trained::all(files.into_iter().map(Arc::new))
}

/// Marks the training with the lowest loss on the validation set and writes its policy.
fn choose(run: &mut Run, files: &[PolicyFile]) {
    let trainings = run.report.trainings.iter().enumerate();
    let best = trainings.min_by(|one, other| one.1.validation.loss.total_cmp(&other.1.validation.loss));
    let Some((best, _)) = best else { return };
    run.report.trainings[best].chosen = true;
    let (seed, bytes) = (run.report.trainings[best].seed, files[best].to_bytes());
    run.step("choice", |run| {
        let path = run.folder.policy();
        write_whole(&path, &bytes).or_exit(ExitCode::Preflight)?;
        let why = if run.report.trainings.len() > 1 { ", the best on the validation set" } else { "" };
        Ok(((), format!("policy of seed {seed}{why}")))
    });
}

/// Writes the chosen policy again, together with its evaluation results.
pub(super) fn export(run: &mut Run, policies: &[Trained]) {
    let Some(sha256) = run.report.chosen().map(|training| training.sha256.clone()) else { return };
    let Some(chosen) = policies.iter().find(|policy| policy.file.sha256 == sha256) else { return };
    let mut file = PolicyFile::clone(&chosen.file);
    file.eval = super::proof::record(&run.report.evaluations, &chosen.name);
    run.step("export", |run| {
        let (path, bytes) = (run.folder.policy(), file.to_bytes());
        let again = PolicyFile::from_bytes(&bytes).or_exit(ExitCode::Internal)?;
        if again.sha256 != sha256 {
            return Err(anyhow!("the policy file does not match the training run"))
                .or_exit(ExitCode::Internal);
        }
        write_whole(&path, &bytes).or_exit(ExitCode::Preflight)?;
        Ok(((), format!("{} ({})", path.display(), again.short_hash())))
    });
}
