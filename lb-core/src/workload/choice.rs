//! What a class of users chooses in a stage, and the checks of classes and stages.

use super::compile::{Compiled, bad_range};
use super::draw::{Weights, below, derive, unit};
use super::journey::{Journey, JourneyError};
use super::stage::{ClassMix, Stage, UserClass};
use super::template::suggestion;
use super::user::ActionIndex;
use std::collections::BTreeMap;

/// The actions that a class does in a stage, by weight.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    /// Only actions that have a weight.
    pub(super) actions: Vec<ActionIndex>,
    /// Their weights, as fractions of 1.
    pub(super) shares: Vec<f64>,
    weights: Weights,
}

impl Choice {
    fn new(weighted: &[(ActionIndex, f64)]) -> Option<Self> {
        let (actions, weights): (Vec<_>, Vec<_>) = weighted
            .iter()
            .copied()
            .filter(|(_, weight)| *weight > 0.0)
            .unzip();
        let sum: f64 = weights.iter().sum();
        let shares = weights.iter().map(|weight| weight / sum).collect();
        Some(Self {
            actions,
            shares,
            weights: Weights::new(&weights)?,
        })
    }

    /// The action that `key` draws: by weight, or with chance `randomness` evenly.
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

/// How often a class sends each step of the journey, in place of the steps' own figures.
#[derive(Clone, Debug)]
pub(super) struct Habits {
    /// By step.
    pub(super) repeat: Vec<[u32; 2]>,
    /// By step.
    pub(super) probability: Vec<f64>,
}

/// Checks classes and gives their habits.
pub(super) fn habits(
    compiled: &Compiled,
    classes: &[UserClass],
    problems: &mut Vec<JourneyError>,
) -> Vec<Habits> {
    if classes.is_empty() {
        report(
            problems,
            "classes",
            "is empty; name at least one user class",
        );
    }
    let step_names: Vec<&str> = compiled
        .steps
        .iter()
        .map(|step| step.name.as_str())
        .collect();
    classes
        .iter()
        .map(|class| {
            let path = format!("classes.{}", class.name);
            check_class(class, &path, problems);
            let mut repeat: Vec<_> = compiled.steps.iter().map(|step| step.repeat).collect();
            let mut probability: Vec<_> =
                compiled.steps.iter().map(|step| step.probability).collect();
            for (name, range) in &class.repeat {
                let path = format!("{path}.repeat.{name}");
                if range[0] > range[1] {
                    report(
                        problems,
                        &path,
                        format!("{range:?} must be [min, max], min at most max"),
                    );
                }
                if let Some(step) = position(name, &step_names, "step", &path, problems) {
                    repeat[step] = *range;
                }
            }
            for (name, chance) in &class.probability {
                let path = format!("{path}.probability.{name}");
                if !(0.0..=1.0).contains(chance) {
                    report(problems, &path, format!("{chance} must lie in 0 to 1"));
                }
                if let Some(step) = position(name, &step_names, "step", &path, problems) {
                    probability[step] = *chance;
                }
            }
            Habits {
                repeat,
                probability,
            }
        })
        .collect()
}

fn check_class(class: &UserClass, path: &str, problems: &mut Vec<JourneyError>) {
    let ranges = [
        ("think_time_s", Some(class.think_time_s)),
        ("session_duration_s", class.session_duration_s),
    ];
    for (key, range) in ranges {
        if let Some(problem) = range.and_then(bad_range) {
            report(problems, format!("{path}.{key}"), problem);
        }
    }
    let [low, high] = class.actions_per_session;
    if low > high || high == 0 {
        report(
            problems,
            format!("{path}.actions_per_session"),
            format!("[{low}, {high}] must be [min, max] with min at most max and max at least 1"),
        );
    }
    if !(0.0..=1.0).contains(&class.abandonment) {
        report(
            problems,
            format!("{path}.abandonment"),
            format!("{} must lie in 0 to 1", class.abandonment),
        );
    }
}

/// Checks stages and gives what each class does in each: by stage, then by class.
pub(super) fn choices(
    journey: &Journey,
    compiled: &Compiled,
    classes: &[UserClass],
    stages: &[Stage],
    problems: &mut Vec<JourneyError>,
) -> Vec<Vec<Option<Choice>>> {
    if stages.is_empty() {
        report(problems, "stages", "is empty; name at least one stage");
    }
    // A class's own weights are checked even where no stage uses them.
    for class in classes.iter().filter(|class| !class.actions.is_empty()) {
        let path = format!("classes.{}.actions", class.name);
        choice(compiled, &class.actions, &path, problems);
    }
    stages
        .iter()
        .map(|stage| {
            let path = format!("stages.{}", stage.name);
            check_stage(stage, &path, problems);
            let mut by_class = vec![None; classes.len()];
            let mut share_sum = 0.0;
            for (number, mix) in stage.classes.iter().enumerate() {
                let path = format!("{path}.classes[{number}]");
                if mix.share.is_finite() && mix.share >= 0.0 {
                    share_sum += mix.share;
                } else {
                    report(
                        problems,
                        format!("{path}.share"),
                        format!("{} must not be negative", mix.share),
                    );
                }
                match (classes.get(mix.class), by_class.get_mut(mix.class)) {
                    (Some(class), Some(entry @ None)) => {
                        *entry = choice_of_mix(journey, compiled, class, mix, &path, problems);
                    }
                    (Some(class), _) => report(
                        problems,
                        path,
                        format!(
                            "names class `{}` a second time; add up the shares",
                            class.name
                        ),
                    ),
                    (None, _) => {
                        report(
                            problems,
                            path,
                            format!("names class {}, which is not there", mix.class),
                        );
                    }
                }
            }
            if stage.classes.is_empty() || share_sum <= 0.0 {
                report(
                    problems,
                    format!("{path}.classes"),
                    "shares must not all be zero; give one class a share",
                );
            }
            by_class
        })
        .collect()
}

fn check_stage(stage: &Stage, path: &str, problems: &mut Vec<JourneyError>) {
    if stage.users == 0 || stage.max_users == 0 {
        report(
            problems,
            format!("{path}.users"),
            "0 users send nothing; must be at least 1",
        );
    }
    if stage.duration.is_zero() {
        report(
            problems,
            format!("{path}.duration"),
            "0 s leaves no time; must be above 0",
        );
    }
    for (key, value) in [
        ("user_variance", stage.user_variance),
        ("think_time_variance", stage.think_time_variance),
        ("action_randomness", stage.action_randomness),
    ] {
        if !(0.0..=1.0).contains(&value) {
            report(
                problems,
                format!("{path}.{key}"),
                format!("{value} must lie in 0 to 1"),
            );
        }
    }
}

/// The stage's weights for a class, or else the class's own, or else the journey's.
fn choice_of_mix(
    journey: &Journey,
    compiled: &Compiled,
    class: &UserClass,
    mix: &ClassMix,
    path: &str,
    problems: &mut Vec<JourneyError>,
) -> Option<Choice> {
    if !mix.actions.is_empty() {
        return choice(compiled, &mix.actions, &format!("{path}.actions"), problems);
    }
    if !class.actions.is_empty() {
        // Already checked with the class.
        let path = format!("classes.{}.actions", class.name);
        return choice(compiled, &class.actions, &path, &mut Vec::new());
    }
    let own = journey
        .actions
        .iter()
        .map(|(name, action)| (name.clone(), action.weight))
        .collect();
    choice(compiled, &own, "actions", problems)
}

fn choice(
    compiled: &Compiled,
    weights: &BTreeMap<String, f64>,
    path: &str,
    problems: &mut Vec<JourneyError>,
) -> Option<Choice> {
    let names: Vec<&str> = compiled.action_names.iter().map(String::as_str).collect();
    let mut weighted = Vec::new();
    for (name, weight) in weights {
        let path = format!("{path}.{name}");
        if !weight.is_finite() || *weight < 0.0 {
            report(
                problems,
                &path,
                format!("weight {weight} must not be negative"),
            );
        }
        if let Some(action) = position(name, &names, "action", &path, problems) {
            weighted.push((ActionIndex(action as u16), *weight));
        }
    }
    if weights.values().all(|weight| *weight == 0.0) {
        report(
            problems,
            path,
            "weights are all zero; give one action a weight above 0",
        );
    }
    Choice::new(&weighted)
}

fn position(
    name: &str,
    known: &[&str],
    kind: &str,
    path: &str,
    problems: &mut Vec<JourneyError>,
) -> Option<usize> {
    let found = known.iter().position(|candidate| *candidate == name);
    if found.is_none() {
        let hint = suggestion(name, known);
        let listed = known.join(", ");
        report(
            problems,
            path,
            format!("no {kind} is called `{name}`{hint}; known: {listed}"),
        );
    }
    found
}

fn report(problems: &mut Vec<JourneyError>, path: impl Into<String>, problem: impl Into<String>) {
    let problem = JourneyError {
        path: path.into(),
        problem: problem.into(),
    };
    if !problems.contains(&problem) {
        problems.push(problem);
    }
}
