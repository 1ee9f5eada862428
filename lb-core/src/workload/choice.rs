//! The actions that a user class chooses from in a stage, and the checks of classes and stages.

use super::classes::{ClassMix, Stage, UserClass};
use super::draw::{Weights, below, derive, unit};
use super::journey::Journey;
use super::plan::Compiled;
use super::problem::Problems;
use super::request::ActionIndex;
use std::collections::BTreeMap;

/// The actions of a class in a stage, with their weights.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    /// Actions with a weight above zero.
    pub(super) actions: Vec<ActionIndex>,
    /// Their weights, as fractions of 1.
    pub(super) shares: Vec<f64>,
    weights: Weights,
}

impl Choice {
    pub(super) fn new(weighted: &[(ActionIndex, f64)]) -> Option<Self> {
        let (actions, weights): (Vec<_>, Vec<_>) =
            weighted.iter().copied().filter(|(_, weight)| *weight > 0.0).unzip();
        let sum: f64 = weights.iter().sum();
        let shares = weights.iter().map(|weight| weight / sum).collect();
        Some(Self { actions, shares, weights: Weights::new(&weights)? })
    }

    /// Draws an action with `key`: by weight, or uniformly with probability `randomness`.
    pub(super) fn pick(&self, key: u64, randomness: f64) -> ActionIndex {
        let bits = derive(key, 0);
        let position = if randomness > 0.0 && unit(derive(key, 1)) < randomness {
            below(bits, self.actions.len() as u64) as usize
        } else {
            self.weights.pick(bits)
        };
        self.actions[position]
    }
}

/// How often a class sends each step of the journey, overriding the journey's own values.
#[derive(Clone, Debug)]
pub(super) struct Habits {
    /// Fewest and most repetitions, by step.
    pub(super) repeat: Vec<[u32; 2]>,
    /// Probability of sending, by step.
    pub(super) probability: Vec<f64>,
}

/// Checks classes and returns their habits.
pub(super) fn habits(compiled: &Compiled, classes: &[UserClass], problems: &mut Problems) -> Vec<Habits> {
    if classes.is_empty() {
        problems.report("classes", "is empty; name at least one user class");
    }
    let names: Vec<&str> = compiled.steps.iter().map(|step| step.name.as_str()).collect();
    let mut all = Vec::new();
    for class in classes {
        let path = format!("classes.{}", class.name);
        check_class(class, &path, problems);
        let mut habits = Habits {
            repeat: compiled.steps.iter().map(|step| step.repeat).collect(),
            probability: compiled.steps.iter().map(|step| step.probability).collect(),
        };
        for (name, range) in &class.repeat {
            let path = format!("{path}.repeat.{name}");
            problems.counts(&path, *range);
            if let Some(step) = problems.position(name, &names, "step", &path) {
                habits.repeat[step] = *range;
            }
        }
        for (name, chance) in &class.probability {
            let path = format!("{path}.probability.{name}");
            problems.chance(&path, *chance);
            if let Some(step) = problems.position(name, &names, "step", &path) {
                habits.probability[step] = *chance;
            }
        }
        all.push(habits);
    }
    all
}

fn check_class(class: &UserClass, path: &str, problems: &mut Problems) {
    problems.seconds(format!("{path}.think_time_s"), class.think_time_s);
    if let Some(range) = class.session_duration_s {
        problems.seconds(format!("{path}.session_duration_s"), range);
    }
    problems.counts(format!("{path}.actions_per_session"), class.actions_per_session);
    if class.actions_per_session[1] == 0 {
        problems.report(
            format!("{path}.actions_per_session"),
            "sessions of 0 actions do nothing; the maximum must be at least 1",
        );
    }
    problems.chance(format!("{path}.abandonment"), class.abandonment);
}

/// Checks stages and returns the choices of each class: by stage, then by class.
pub(super) fn choices(
    journey: &Journey,
    compiled: &Compiled,
    classes: &[UserClass],
    stages: &[Stage],
    problems: &mut Problems,
) -> Vec<Vec<Option<Choice>>> {
    if stages.is_empty() {
        problems.report("stages", "is empty; name at least one stage");
    }
    // A class's own weights are checked even where no stage uses them.
    for class in classes.iter().filter(|class| !class.actions.is_empty()) {
        choice(compiled, &class.actions, &format!("classes.{}.actions", class.name), problems);
    }
    let mut all = Vec::new();
    for stage in stages {
        let path = format!("stages.{}", stage.name);
        check_stage(stage, &path, problems);
        let mut by_class = vec![None; classes.len()];
        for (number, mix) in stage.classes.iter().enumerate() {
            let path = format!("{path}.classes[{number}]");
            let (Some(class), Some(entry)) = (classes.get(mix.class), by_class.get_mut(mix.class)) else {
                problems.report(path, format!("names class {}, which does not exist", mix.class));
                continue;
            };
            if entry.is_some() {
                let problem = format!("names class `{}` twice; combine the shares", class.name);
                problems.report(&path, problem);
            }
            *entry = choice_of_mix(journey, compiled, class, mix, &path, problems);
        }
        all.push(by_class);
    }
    all
}

fn check_stage(stage: &Stage, path: &str, problems: &mut Problems) {
    if stage.arrivals.is_none() && (stage.users == 0 || stage.max_users == 0) {
        problems.report(format!("{path}.users"), "0 users send nothing; must be at least 1");
    }
    if stage.duration.is_zero() {
        problems.report(format!("{path}.duration"), "0 s is too short; must be above 0");
    }
    problems.chance(format!("{path}.user_variance"), stage.user_variance);
    problems.chance(format!("{path}.think_time_variance"), stage.think_time_variance);
    problems.chance(format!("{path}.action_randomness"), stage.action_randomness);
    for (number, mix) in stage.classes.iter().enumerate() {
        problems.weight(format!("{path}.classes[{number}].share"), mix.share);
    }
    if !stage.classes.iter().any(|mix| mix.share > 0.0) {
        problems.report(format!("{path}.classes"), "give at least one class a share above 0");
    }
}

/// Returns the stage's weights for a class; if empty, the class's own; if empty as well, the journey's.
fn choice_of_mix(
    journey: &Journey,
    compiled: &Compiled,
    class: &UserClass,
    mix: &ClassMix,
    path: &str,
    problems: &mut Problems,
) -> Option<Choice> {
    if !mix.actions.is_empty() {
        return choice(compiled, &mix.actions, &format!("{path}.actions"), problems);
    }
    if !class.actions.is_empty() {
        // Already checked with the class.
        let path = format!("classes.{}.actions", class.name);
        return choice(compiled, &class.actions, &path, &mut Problems::default());
    }
    let own = journey.actions.iter().map(|(name, action)| (name.clone(), action.weight)).collect();
    choice(compiled, &own, "actions", problems)
}

fn choice(
    compiled: &Compiled,
    weights: &BTreeMap<String, f64>,
    path: &str,
    problems: &mut Problems,
) -> Option<Choice> {
    let names: Vec<&str> = compiled.action_names.iter().map(String::as_str).collect();
    let mut weighted = Vec::new();
    for (name, weight) in weights {
        let path = format!("{path}.{name}");
        problems.weight(&path, *weight);
        if let Some(action) = problems.position(name, &names, "action", &path) {
            weighted.push((ActionIndex(action as u16), *weight));
        }
    }
    if weights.values().all(|weight| *weight == 0.0) {
        problems.report(path, "all weights are zero; give one action a weight above 0");
    }
    Choice::new(&weighted)
}
