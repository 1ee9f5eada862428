//! Workloads derived from another one: its warm-up, its load at a given rate, and its rehearsal.

use super::arrivals::{ArrivalProcess, ArrivalStart, Arrivals, RateSegment, Spacing};
use super::choice::Choice;
use super::classes::{ClassMix, Stage, UserClass};
use super::replay;
use super::request::ActionIndex;
use super::workload::Workload;
use crate::time::Span;
use std::fmt::Write;

/// Seconds between two actions of a rehearsing user: short, but long enough not to spin when replies
/// fail fast.
const REHEARSAL_THINK_S: [f64; 2] = [0.05, 0.05];

impl Workload {
    /// Returns the busiest moment of this workload as a phase of its own: the stages that overlap at
    /// that moment, from the start and without ramp-up, for `length`. It brings connections and
    /// estimates to the state that the measured phase needs. Arrivals of open stages come as at the
    /// start of their stage.
    #[must_use]
    pub fn warm_up(&self, length: Span) -> Self {
        let busiest = self.busiest_stages();
        let mut warm_up = self.clone();
        for (number, stage) in warm_up.stages.iter_mut().enumerate() {
            stage.start = Span::ZERO;
            stage.ramp_up = Span::ZERO;
            stage.user_variance = 0.0;
            stage.duration = if busiest.contains(&number) { length } else { Span::ZERO };
        }
        warm_up.definition.push_str("\nwarm-up");
        warm_up
    }

    /// Returns the busiest moment of this workload as a load without end: the stages that overlap at that
    /// moment begin with their ramp-ups and go on for ever. Numbers of users do not vary. A rate curve is followed
    /// to its end, and its last rate goes on; a recording begins again each time it is over. There are at least
    /// `accounts` accounts if the load is open, so that this many concurrent sessions do not share one.
    #[must_use]
    pub fn endless(&self, accounts: u32) -> Self {
        let busiest = self.busiest_stages();
        let mut endless = self.clone();
        for (number, stage) in endless.stages.iter_mut().enumerate() {
            let is_played = busiest.contains(&number);
            stage.start = Span::ZERO;
            stage.user_variance = 0.0;
            stage.duration = if is_played { Span::MAX } else { Span::ZERO };
            if is_played && stage.arrivals.is_some() {
                endless.identities = endless.identities.max(accounts);
            }
        }
        let _ = write!(endless.definition, "\nendless with {} accounts", endless.identities);
        endless
    }

    /// Returns whether this load has no end: see [`Self::endless`].
    pub fn is_endless(&self) -> bool {
        self.stages.iter().any(|stage| stage.duration == Span::MAX)
    }

    /// Returns the busiest stage of this workload as a phase of its own in the open model: Poisson
    /// arrivals at `rate` per second for `length`. They perform sessions if the journey has opening
    /// actions, and single actions otherwise. There are at least `accounts` accounts, so that this many
    /// concurrent sessions do not share one. `None` for a recorded list, which has its own times.
    #[must_use]
    pub fn at_rate(&self, rate: f64, length: Span, accounts: u32) -> Option<Self> {
        let users = |number: &usize| self.stages[*number].users;
        let busiest = self.busiest_stages().into_iter().max_by_key(users)?;
        let start = match &self.stages[busiest].arrivals {
            Some(Arrivals { process: ArrivalProcess::Replay(_), .. }) => return None,
            Some(open) => open.start,
            None if self.compiled.open.is_empty() && self.compiled.sequence.is_empty() => {
                ArrivalStart::Action
            }
            None => ArrivalStart::Session,
        };
        let mut phase = self.warm_up(length);
        for (number, stage) in phase.stages.iter_mut().enumerate() {
            let there = number == busiest;
            stage.duration = if there { length } else { Span::ZERO };
            stage.users = 0;
            let segments = vec![RateSegment { duration: length, from: rate, to: rate }];
            let process = ArrivalProcess::Rates { segments, spacing: Spacing::Poisson };
            stage.arrivals = there.then_some(Arrivals { process, start });
        }
        phase.identities = phase.identities.max(accounts);
        let _ = write!(phase.definition, "\nat {rate} a second with {} accounts", phase.identities);
        Some(phase)
    }

    /// Returns a phase of `length` with one user for each action of sessions. Each user repeats its
    /// action, with all of its requests and without deliberate errors, which shows whether each request
    /// can succeed. Where sessions follow a sequence, a single user repeats it, since later actions may need
    /// values from earlier ones.
    #[must_use]
    pub fn rehearsal(&self, length: Span) -> Self {
        let mut rehearsal = self.clone();
        let ends = || self.compiled.open.iter().chain(&self.compiled.close);
        let actions: Vec<ActionIndex> = match self.compiled.sequence.first() {
            Some(first) => vec![*first],
            None => (0..self.compiled.actions.len())
                .map(|action| ActionIndex(action as u16))
                .filter(|action| !ends().any(|end| end == action))
                .collect(),
        };
        for action in &self.compiled.sequence {
            rehearsal.compiled.actions[usize::from(action.0)].think_time_s = None;
        }
        for plan in &mut rehearsal.compiled.plans {
            plan.chances.clear();
        }
        self.write_recorded_once(&mut rehearsal);
        let mut habits = self.habits[0].clone();
        habits.probability.fill(1.0);
        for repeat in &mut habits.repeat {
            *repeat = [1, 1];
        }
        rehearsal.classes = actions.iter().map(|action| self.rehearsing_class(*action)).collect();
        rehearsal.habits = vec![habits; actions.len()];
        rehearsal.choices = vec![actions.iter().map(|action| Choice::new(&[(*action, 1.0)])).collect()];
        rehearsal.stages = vec![rehearsal_stage(actions.len(), length)];
        rehearsal.rows = vec![Vec::new()];
        rehearsal.identities = actions.len() as u32;
        rehearsal.definition.push_str("\nrehearsal");
        rehearsal
    }

    /// Sets the text of each recorded action to that of its first recorded request.
    fn write_recorded_once(&self, rehearsal: &mut Self) {
        for (stage, actions) in self.stages.iter().zip(&self.rows) {
            let Some(ArrivalProcess::Replay(replay)) = stage.arrivals.as_ref().map(|open| &open.process)
            else {
                continue;
            };
            for (action, request) in actions.iter().zip(replay.iter()) {
                let first = usize::from(self.compiled.actions[usize::from(action.0)].first);
                let plan = &mut rehearsal.compiled.plans[first];
                if plan.recorded {
                    plan.right = replay::fixed(&request);
                    plan.recorded = false;
                }
            }
        }
    }

    fn rehearsing_class(&self, action: ActionIndex) -> UserClass {
        let name = self.compiled.action_names[usize::from(action.0)].clone();
        UserClass {
            actions: [(name.clone(), 1.0)].into(),
            name,
            think_time_s: REHEARSAL_THINK_S,
            ..UserClass::default()
        }
    }

    /// Returns the positions of the stages that are active at the moment with the most users, after
    /// ramp-up. If any stage is open, it is the moment with the most requests per second.
    fn busiest_stages(&self) -> Vec<usize> {
        let at = |moment: Span| -> Vec<usize> {
            let there = |stage: &Stage| stage.start <= moment && moment < stage.start + stage.duration;
            (0..self.stages.len()).filter(|number| there(&self.stages[*number])).collect()
        };
        let any_open = self.stages.iter().any(|stage| stage.arrivals.is_some());
        let load_of = |number: &usize| {
            let stage = &self.stages[*number];
            let users = if stage.arrivals.is_some() { 1.0 } else { f64::from(stage.users) };
            // In a stage without think times, each user counts as one request per second.
            let rate = if any_open { self.expected_rate(*number).unwrap_or(1.0) } else { 1.0 };
            users * rate
        };
        let load = |stages: &[usize]| -> f64 { stages.iter().map(load_of).sum() };
        // The number of active stages only rises where one begins, so those moments are enough.
        let sets = self.stages.iter().map(|stage| at(stage.start));
        sets.max_by(|one, other| load(one).total_cmp(&load(other))).unwrap_or_default()
    }
}

fn rehearsal_stage(users: usize, length: Span) -> Stage {
    let mix = |class| ClassMix { class, share: 1.0, actions: [].into() };
    Stage {
        name: "rehearsal".to_owned(),
        start: Span::ZERO,
        duration: length,
        ramp_up: Span::ZERO,
        users: users as u32,
        classes: (0..users).map(mix).collect(),
        user_variance: 0.0,
        think_time_variance: 0.0,
        action_randomness: 0.0,
        max_users: users as u32,
        background: false,
        arrivals: None,
    }
}
