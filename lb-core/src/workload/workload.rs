//! A workload: a journey with classes and stages, checked, compiled and ready to be scheduled.

use super::arrivals::{ArrivalProcess, ArrivalStart};
use super::check_arrivals;
use super::choice::{self, Choice, Habits};
use super::classes::{Stage, UserClass};
use super::compile::compile;
use super::definition;
use super::journey::{Journey, JourneyError, Step};
use super::plan::{Compiled, StepPlan};
use super::problem::Problems;
use super::process;
use super::replay;
use super::request::{ActionIndex, StepIndex};
use super::written::Source;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The compiled description of everything that users can do.
#[derive(Clone, Debug)]
pub struct Workload {
    pub(super) compiled: Compiled,
    pub(super) classes: Vec<UserClass>,
    pub(super) stages: Vec<Stage>,
    /// How each class differs from the journey, by class.
    pub(super) habits: Vec<Habits>,
    /// Choices of actions, by stage, then by class.
    pub(super) choices: Vec<Vec<Option<Choice>>>,
    /// The action of each recorded request, by stage, then by row.
    pub(super) rows: Vec<Vec<ActionIndex>>,
    pub(super) identities: u32,
    /// Canonical text of the inputs, for the schedule's hash.
    pub(super) definition: String,
    /// What was compiled, for the written form.
    pub(super) source: Arc<Source>,
}

impl Workload {
    /// Compiles a journey with classes and stages. `errors` holds the probability of each named error
    /// at each request that has it; `identities` is the number of accounts that sessions use in turn.
    /// All problems are reported at once.
    pub fn new(
        journey: &Journey,
        classes: Vec<UserClass>,
        stages: Vec<Stage>,
        errors: &BTreeMap<String, f64>,
        identities: u32,
    ) -> Result<Self, Vec<JourneyError>> {
        let mut problems = Problems::default();
        let mut compiled = compile(journey, errors, &mut problems);
        let habits = choice::habits(&compiled, &classes, &mut problems);
        let choices = choice::choices(journey, &compiled, &classes, &stages, &mut problems);
        check_arrivals::all(&compiled, &stages, &mut problems);
        if identities == 0 {
            problems.report("identities", "0 accounts are too few; must be at least 1");
        }
        if !problems.0.is_empty() {
            return Err(problems.0);
        }
        let rows: Vec<Vec<ActionIndex>> = stages.iter().map(|stage| replay::rows(&compiled, stage)).collect();
        for action in rows.iter().flatten() {
            let first = compiled.actions[usize::from(action.0)].first;
            compiled.plans[usize::from(first)].recorded = true;
        }
        let definition = definition::text(journey, &classes, &stages, errors, identities);
        let source = Arc::new(Source {
            journey: journey.clone(),
            classes: classes.clone(),
            stages: stages.clone(),
            errors: errors.clone(),
            identities,
        });
        Ok(Self { compiled, classes, stages, habits, choices, rows, identities, definition, source })
    }

    /// Returns the user classes, in the order of [`super::ClassMix::class`].
    pub fn classes(&self) -> &[UserClass] {
        &self.classes
    }

    /// Returns the stages, in the order of [`super::UserPlan::stage`].
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Returns the names of the actions, by [`super::ActionIndex`].
    pub fn action_names(&self) -> &[String] {
        &self.compiled.action_names
    }

    /// Returns all requests, by [`StepIndex`].
    pub fn steps(&self) -> &[Step] {
        &self.compiled.steps
    }

    /// Returns whether a step belongs to the opening of sessions.
    pub fn is_set_up(&self, step: StepIndex) -> bool {
        self.plan(step).set_up
    }

    /// Returns the position of a step in the opening of sessions, from 0; `None` if it does not belong
    /// to it.
    pub fn place_in_opening(&self, step: StepIndex) -> Option<usize> {
        let actions = self.compiled.open.iter().map(|action| &self.compiled.actions[usize::from(action.0)]);
        let mut steps = actions.flat_map(|action| action.first..action.first + action.steps);
        steps.position(|one| one == step.0)
    }

    /// Returns whether a step's request is the same every time, so that a driver can prepare it once.
    pub fn is_static(&self, step: StepIndex) -> bool {
        self.plan(step).is_static()
    }

    /// Returns whether a step looks at the bodies of its replies, so that a driver must keep them.
    pub fn needs_body(&self, step: StepIndex) -> bool {
        self.plan(step).looks.needs_body()
    }

    /// Returns the names of the headers that a step looks at in its replies, in lower case.
    pub fn headers(&self, step: StepIndex) -> &[String] {
        &self.plan(step).looks.headers
    }

    /// Returns the row of the redirects that a step follows, and the most that it follows for one request.
    /// `None` if it follows none.
    pub fn redirects(&self, step: StepIndex) -> Option<(StepIndex, u8)> {
        let row = self.plan(step).redirect?;
        Some((row, self.steps()[usize::from(step.0)].follow))
    }

    /// Returns whether a step has conditions for its replies with this status.
    #[inline]
    pub fn checks(&self, step: StepIndex, status: u16) -> bool {
        self.plan(step).looks.checks(status)
    }

    /// Returns whether users keep the cookies of a session.
    pub fn keeps_cookies(&self) -> bool {
        self.compiled.cookies
    }

    /// Returns the requests per second that one active user of a stage sends on average if replies take
    /// no time: (requests in a session) / (think time in a session). `None` without think times,
    /// because only replies then limit the rate.
    ///
    /// An open stage has no users: for it, this is the average rate of the whole stage, (arrivals per
    /// second) x (requests per arrival).
    ///
    /// # Panics
    /// Panics if `stage` is not a position in [`Self::stages`].
    pub fn expected_rate(&self, stage: usize) -> Option<f64> {
        let Some(arrivals) = &self.stages[stage].arrivals else {
            return self.mean_over_classes(stage, |class| {
                let session = self.mean_session(stage, class)?;
                let seconds = session.thinking_s + middle(self.classes[class].think_time_s);
                (seconds > 0.0).then(|| session.requests / seconds)
            });
        };
        let length = self.stages[stage].duration;
        let arriving = process::expected_count(&arrivals.process, length) / length.as_secs_f64();
        let requests = self.mean_over_classes(stage, |class| match (&arrivals.process, arrivals.start) {
            (ArrivalProcess::Replay(_), _) => Some(1.0),
            (_, ArrivalStart::Session) => Some(self.mean_session(stage, class)?.requests),
            (_, ArrivalStart::Action) => Some(self.mean_action(stage, class)?.requests),
        })?;
        (arriving.is_finite() && arriving > 0.0).then_some(arriving * requests)
    }

    fn mean_over_classes(&self, stage: usize, of: impl Fn(usize) -> Option<f64>) -> Option<f64> {
        let mixes = &self.stages[stage].classes;
        let total: f64 = mixes.iter().map(|mix| mix.share).sum();
        let mut mean = 0.0;
        for mix in mixes.iter().filter(|mix| mix.share > 0.0) {
            mean += mix.share / total * of(mix.class)?;
        }
        Some(mean)
    }

    /// Returns the mean requests and think time of an action that a session chooses.
    fn mean_action(&self, stage: usize, class: usize) -> Option<Mean> {
        let (user, choice) = (&self.classes[class], self.choices[stage][class].as_ref()?);
        let evenness = self.stages[stage].action_randomness;
        let even = 1.0 / choice.actions.len() as f64;
        let pause = middle(user.think_time_s);
        let mut mean = Mean { requests: 0.0, thinking_s: 0.0 };
        for (action, share) in choice.actions.iter().zip(&choice.shares) {
            let chance = share * (1.0 - evenness) + even * evenness;
            let own = self.compiled.actions[usize::from(action.0)].think_time_s;
            mean.requests += chance * self.mean_requests(class, *action);
            mean.thinking_s += chance * own.map_or(pause, middle);
        }
        Some(mean)
    }

    /// Returns the mean requests and think time of a session, without the pause after it.
    fn mean_session(&self, stage: usize, class: usize) -> Option<Mean> {
        let (user, each) = (&self.classes[class], self.mean_action(stage, class)?);
        let [fewest, most] = user.actions_per_session;
        let mut actions = f64::from(fewest + most) / 2.0;
        if !self.compiled.sequence.is_empty() {
            return Some(self.mean_sequence(class));
        }
        if let Some(longest) = user.session_duration_s
            && each.thinking_s > 0.0
        {
            actions = actions.min(middle(longest) / each.thinking_s);
        }
        let ends = self.compiled.open.iter().chain(&self.compiled.close);
        let ends: f64 = ends.map(|action| self.mean_requests(class, *action)).sum();
        Some(Mean { requests: ends + actions * each.requests, thinking_s: actions * each.thinking_s })
    }

    /// Returns the mean requests and think time of a session that follows a sequence.
    fn mean_sequence(&self, class: usize) -> Mean {
        let compiled = &self.compiled;
        let all = compiled.open.iter().chain(&compiled.sequence).chain(&compiled.close);
        let requests = all.map(|action| self.mean_requests(class, *action)).sum();
        let pause = self.classes[class].think_time_s;
        let own =
            |action: &ActionIndex| compiled.actions[usize::from(action.0)].think_time_s.unwrap_or(pause);
        let thinking_s = compiled.sequence.iter().map(|action| middle(own(action))).sum();
        Mean { requests, thinking_s }
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

/// Mean number of requests and mean think time.
#[derive(Clone, Copy, Debug)]
struct Mean {
    requests: f64,
    thinking_s: f64,
}

fn middle([low, high]: [f64; 2]) -> f64 {
    (low + high) / 2.0
}
