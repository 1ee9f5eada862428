//! The record of the training run that policy files carry.

use super::args::Args;
use super::source::CaseSource;
use super::state::{Position, State, StateError};
use super::validation::{BASELINE, Score};
use crate::checkpoint::Checkpoint;
use lb_core::policy::learned::{Action, PolicyFile};
use serde_json::json;

/// Returns the best network so far of the training in a checkpoint, as a policy.
///
/// # Errors
/// Fails if the checkpoint does not belong to a training run.
pub fn policy_of(checkpoint: &Checkpoint) -> Result<PolicyFile, StateError> {
    let State { position, best, .. } = State::load(checkpoint, Action::default(), tch::Device::Cpu)?;
    let mut file = PolicyFile::new(best, Action::default());
    file.train = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "from": "a checkpoint",
        "seed": position.seed,
        "env_steps": position.env_steps,
        "updates": position.updates,
        "generations": position.generations,
        "seconds": (position.seconds * 10.0).round() / 10.0,
        "validation": position.best,
    });
    Ok(file)
}

/// Returns the training record of a policy file. Its keys are those of existing policy files rather than the
/// names of [`Args`], for compatibility.
pub(super) fn record(args: &Args, position: &Position, validation: &Score) -> serde_json::Value {
    let phases = [
        ("lessons of an oracle", position.lessons),
        ("ppo", position.updates),
        ("evolution strategies", position.generations),
    ];
    let phases: Vec<&str> = phases.iter().filter(|(_, rounds)| *rounds > 0).map(|(name, _)| *name).collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "algorithms": phases,
        "seed": args.seed,
        "lessons": position.lessons,
        "env_steps": position.env_steps,
        "updates": position.updates,
        "generations": position.generations,
        "seconds": (position.seconds * 10.0).round() / 10.0,
        "horizons_in_service_times": [args.horizons.0, args.horizons.1],
        "lambdas": [args.gae_lambdas.0, args.gae_lambdas.1],
        "learning_rate": args.learning_rate,
        "clip": args.ppo.clip_coef,
        "epochs": args.ppo.update_epochs,
        "minibatch": args.ppo.minibatch_size,
        "entropy": args.ent_coef,
        "evolution": {
            "pairs": args.evolution.pairs,
            "sigma": args.evolution.sigma,
            "rate": args.evolution.learning_rate,
            "requests": args.evolution.requests,
        },
        "objective": args.objective.to_string(),
        "share_of_output": position.share,
        "start": args.start.as_ref().map(|start| start.sha256.clone()),
        "validation": { "against": BASELINE, "mean_ratio": validation.mean, "p99_ratio": validation.p99 },
        "training_cases": match &args.cases {
            CaseSource::Random => "rl_trainer::scenarios::Family::Training".to_owned(),
            CaseSource::Around { cases, .. } => format!("{} cases around a fit", cases.len()),
        },
    })
}
