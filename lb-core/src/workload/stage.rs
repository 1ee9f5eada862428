//! User classes and stages: who is there, from when to when, and what they like to do.

use super::arrivals::Arrivals;
use super::choice::{self, Choice, Habits};
use super::compile::compile;
use super::digest;
use super::journey::{Journey, JourneyError, Step};
use super::plan::{Compiled, StepPlan};
use super::problem::Problems;
use super::request::{ActionIndex, StepIndex};
use crate::time::Span;
use std::collections::BTreeMap;

/// A kind of user.
#[derive(Clone, Debug, PartialEq)]
pub struct UserClass {
    /// Name in configs and results.
    pub name: String,
    /// Chance weights of actions, by name. Actions that it does not name it never does.
    pub actions: BTreeMap<String, f64>,
    /// Thinking time before each action, drawn evenly between the two, in seconds.
    pub think_time_s: [f64; 2],
    /// Actions in a session, drawn evenly.
    pub actions_per_session: [u32; 2],
    /// Longest session, in seconds, drawn evenly: no new action starts after it.
    pub session_duration_s: Option<[f64; 2]>,
    /// Chance that an action that can be abandoned is.
    pub abandonment: f64,
    /// In place of a step's own `repeat`, by step name (a bulk buyer adds more items).
    pub repeat: BTreeMap<String, [u32; 2]>,
    /// In place of a step's own `probability`, by step name (a careful shopper views more details).
    pub probability: BTreeMap<String, f64>,
}

/// A class within a stage.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassMix {
    /// Position in [`Workload::classes`].
    pub class: usize,
    /// Share of the stage's users, of the sum over the stage.
    pub share: f64,
    /// Weights of actions in this stage, by name; empty: the class's own. The config has already
    /// combined the stage's and the class's.
    pub actions: BTreeMap<String, f64>,
}

/// A number of users from one offset to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Name in configs and results.
    pub name: String,
    /// Offset from the start of the measured phase.
    pub start: Span,
    /// Length: users stop at its end, whatever they are doing.
    pub duration: Span,
    /// The users arrive evenly over this much of its beginning.
    pub ramp_up: Span,
    /// Users at once.
    pub users: u32,
    /// Who they are.
    pub classes: Vec<ClassMix>,
    /// The number of users wanders between `users x (1 - v)` and `users x (1 + v)`, redrawn every
    /// [`Stage::VARIANCE_PERIOD`] and never above the cap.
    pub user_variance: f64,
    /// Think times are multiplied by an even draw between `1 - v` and `1 + v`.
    pub think_time_variance: f64,
    /// Chance that an action is drawn evenly among all of the class's, not by weight.
    pub action_randomness: f64,
    /// Never more users than this, variance included.
    pub max_users: u32,
    /// Background traffic: counted and reported apart.
    pub background: bool,
    /// The open model in place of users, where there are arrivals: `users` and `ramp_up` then mean
    /// nothing.
    pub arrivals: Option<Arrivals>,
}

impl Stage {
    /// How often a wandering number of users is redrawn.
    pub const VARIANCE_PERIOD: Span = Span::from_secs(60);
}

/// All that users can and will do.
#[derive(Clone, Debug)]
pub struct Workload {
    pub(super) compiled: Compiled,
    pub(super) classes: Vec<UserClass>,
    pub(super) stages: Vec<Stage>,
    /// By class.
    pub(super) habits: Vec<Habits>,
    /// By stage, then by class.
    pub(super) choices: Vec<Vec<Option<Choice>>>,
    pub(super) identities: u32,
    /// All of the above as canonical text, for the schedule's hash.
    pub(super) definition: String,
}

impl Workload {
    /// Compiles a journey with classes and stages. `errors` gives the chance of each named error at
    /// each request that knows it; `identities` the number of accounts that sessions use in turn.
    /// All problems are reported at once.
    pub fn new(
        journey: &Journey,
        classes: Vec<UserClass>,
        stages: Vec<Stage>,
        errors: &BTreeMap<String, f64>,
        identities: u32,
    ) -> Result<Self, Vec<JourneyError>> {
        let mut problems = Problems::default();
        let compiled = compile(journey, errors, &mut problems);
        let habits = choice::habits(&compiled, &classes, &mut problems);
        let choices = choice::choices(journey, &compiled, &classes, &stages, &mut problems);
        if identities == 0 {
            problems.report("identities", "0 accounts are too few; must be at least 1");
        }
        if !problems.0.is_empty() {
            return Err(problems.0);
        }
        let definition = digest::definition(journey, &classes, &stages, errors, identities);
        Ok(Self { compiled, classes, stages, habits, choices, identities, definition })
    }

    /// The classes.
    pub fn classes(&self) -> &[UserClass] {
        &self.classes
    }

    /// The stages.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Names of the actions, by [`super::ActionIndex`].
    pub fn action_names(&self) -> &[String] {
        &self.compiled.action_names
    }

    /// All requests, by [`StepIndex`].
    pub fn steps(&self) -> &[Step] {
        &self.compiled.steps
    }

    /// Whether a step belongs to the opening of sessions.
    pub fn is_set_up(&self, step: StepIndex) -> bool {
        self.plan(step).set_up
    }

    /// Whether a step's request is the same every time, so that a driver can prepare it once.
    pub fn is_static(&self, step: StepIndex) -> bool {
        self.plan(step).is_static()
    }

    /// Whether a step keeps values of its replies, so that a driver must hand over their bodies.
    pub fn extracts(&self, step: StepIndex) -> bool {
        !self.plan(step).extract.is_empty()
    }

    /// Requests per second that one active user of a stage sends on average while replies take no
    /// time: (requests in a session) / (thinking in a session). None when it never thinks, so that
    /// only replies slow it down.
    ///
    /// # Panics
    /// When `stage` is not a position in [`Self::stages`].
    pub fn expected_rate(&self, stage: usize) -> Option<f64> {
        let mixes = &self.stages[stage].classes;
        let total: f64 = mixes.iter().map(|mix| mix.share).sum();
        let mut rate = 0.0;
        for mix in mixes.iter().filter(|mix| mix.share > 0.0) {
            rate += mix.share / total * self.class_rate(stage, mix.class)?;
        }
        Some(rate)
    }

    fn class_rate(&self, stage: usize, class: usize) -> Option<f64> {
        let (user, choice) = (&self.classes[class], self.choices[stage][class].as_ref()?);
        let evenness = self.stages[stage].action_randomness;
        let even = 1.0 / choice.actions.len() as f64;
        let pause = middle(user.think_time_s);
        let (mut requests, mut thinking) = (0.0, 0.0);
        for (action, share) in choice.actions.iter().zip(&choice.shares) {
            let chance = share * (1.0 - evenness) + even * evenness;
            let own = self.compiled.actions[usize::from(action.0)].think_time_s;
            requests += chance * self.mean_requests(class, *action);
            thinking += chance * own.map_or(pause, middle);
        }
        let [fewest, most] = user.actions_per_session;
        let mut actions = f64::from(fewest + most) / 2.0;
        if let Some(longest) = user.session_duration_s
            && thinking > 0.0
        {
            actions = actions.min(middle(longest) / thinking);
        }
        let ends = self.compiled.open.iter().chain(&self.compiled.close);
        let ends: f64 = ends.map(|action| self.mean_requests(class, *action)).sum();
        let seconds = actions * thinking + pause;
        (seconds > 0.0).then(|| (ends + actions * requests) / seconds)
    }

    fn mean_requests(&self, class: usize, action: ActionIndex) -> f64 {
        let plan = &self.compiled.actions[usize::from(action.0)];
        let habits = &self.habits[class];
        let steps = usize::from(plan.first)..usize::from(plan.first + plan.steps);
        let sent: f64 = steps
            .map(|step| {
                let [fewest, most] = habits.repeat[step];
                let plan = &self.compiled.plans[step];
                let wrong = plan.chances.last().map_or(0.0, |(sum, _)| *sum);
                let again = if plan.is_put_right() { wrong } else { 0.0 };
                habits.probability[step] * f64::from(fewest + most) / 2.0 * (1.0 + again)
            })
            .sum();
        let abandonment = if plan.can_be_abandoned { self.classes[class].abandonment } else { 0.0 };
        sent * (1.0 - abandonment)
    }

    pub(super) fn plan(&self, step: StepIndex) -> &StepPlan {
        &self.compiled.plans[usize::from(step.0)]
    }
}

fn middle([low, high]: [f64; 2]) -> f64 {
    (low + high) / 2.0
}
