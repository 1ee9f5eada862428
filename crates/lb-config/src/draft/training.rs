//! Drafts training configs: scenarios of overlapping patterns, with or without user profiles.

use super::scenario::draft_scenario;
use super::shared::{STRESS, TRAINING, base_url, note_base, shared};
use super::stress;
use super::types::{Context, Draft};
use crate::document::join;
use crate::error::Findings;
use crate::raw::TrainingFile;
use serde_json::Value;

pub(super) fn draft(file: &TrainingFile, context: &Context<'_>, findings: &mut Findings) -> Draft {
    let stress = file.stress_test_scenarios.as_ref();
    let training = file.rl_training_scenarios.as_ref();
    let own_base = training.and_then(|training| training.base_config.as_ref());
    let (base, base_path) = match (own_base, stress.and_then(|stress| stress.base_config.as_ref())) {
        (None, Some(base)) => (Some(base), join(STRESS, "base_config")),
        (base, _) => (base, join(TRAINING, "base_config")),
    };
    note_base(base, &base_path, findings);
    let shared = shared(file, (base, &base_path), context, findings);
    let mut draft = Draft { base_url: base_url(base, &base_path), ..Draft::default() };
    if let Some(training) = training {
        let key = join(TRAINING, "training_scenarios");
        let direct = training.direct.iter().map(|(name, scenario)| (TRAINING.to_owned(), name, scenario));
        let listed = training.training_scenarios.iter().map(|(name, scenario)| (key.clone(), name, scenario));
        for (parent, name, scenario) in direct.chain(listed) {
            let path = join(&parent, name);
            if draft.scenarios.iter().any(|known| known.name == name) {
                findings.note(&path, name, "duplicate; only the first scenario with this name is used");
                continue;
            }
            let mut scenario = scenario.clone();
            if let Some(stress) = stress {
                stress::fill_in(&mut scenario, name, stress, findings);
            }
            draft.scenarios.push(draft_scenario(&path, name, &scenario, base, &shared, context, findings));
        }
        if let Some(strategies) = &training.load_balancer_routing_strategies {
            draft.algorithms = Some(stress::strategies(
                strategies,
                &join(TRAINING, "load_balancer_routing_strategies"),
                findings,
            ));
        }
        if let Some(spec) = &training.rl_training_data_collection {
            let keys: Vec<&str> =
                spec.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
            findings.note(
                &join(TRAINING, "rl_training_data_collection"),
                keys,
                "applies only to training; runs record all requests anyway",
            );
        }
    }
    if let Some(stress) = stress {
        stress::draft(stress, base, &shared, context, &mut draft, findings);
    }
    if draft.scenarios.is_empty() && !findings.has_problems() {
        let message = "has no scenarios; add at least one under `training_scenarios`";
        findings.wrong(if training.is_some() { TRAINING } else { STRESS }, Value::Null, message);
    }
    draft
}
