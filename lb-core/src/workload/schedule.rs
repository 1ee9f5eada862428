//! The schedule: all that virtual users will do, fixed by a seed and hashed.
//!
//! A stage's users are numbered in the order in which they arrive. Classes are dealt out so that
//! every beginning of that order has the stage's shares as nearly as whole users allow (largest
//! deficit first), because a ramp-up or a smaller number of users shows only a beginning of it.
//!
//! An open stage has no users but arrivals, numbered after all users in order of time. Their classes are
//! drawn: dealing them out in turn would tie classes to places in an even spacing.

use super::arrivals::{Arrival, ArrivalProcess};
use super::classes::{ClassMix, Stage};
use super::digest;
use super::draw::{Weights, between, derive};
use super::ids::UserId;
use super::label;
use super::process;
use super::scheduled::{Inner, UserPlan};
use super::user::VirtualUser;
use super::workload::Workload;
use crate::rng::Seed;
use crate::time::Time;
use std::sync::{Arc, OnceLock};

/// All users and arrivals of a phase.
#[derive(Clone, Debug)]
pub struct Schedule {
    inner: Arc<Inner>,
}

impl Schedule {
    /// Fixes users, arrivals, classes and windows.
    pub fn new(workload: Arc<Workload>, seed: Seed) -> Self {
        let (mut users, mut arrivals) = (Vec::new(), Vec::new());
        for (number, stage) in workload.stages().iter().enumerate() {
            if stage.arrivals.is_some() {
                stage_arrivals(number, stage, seed, &mut arrivals);
            } else {
                stage_users(number, stage, seed, &mut users);
            }
        }
        // Stable: of arrivals at one instant those of the first stage come first.
        arrivals.sort_by_key(|arrival| arrival.at);
        for (id, arrival) in (users.len() as u32..).zip(&mut arrivals) {
            arrival.id = UserId(id);
        }
        Self { inner: Arc::new(Inner { workload, seed, users, arrivals, sha256: OnceLock::new() }) }
    }

    /// The workload that the schedule follows.
    pub fn workload(&self) -> &Arc<Workload> {
        &self.inner.workload
    }

    /// The seed that the schedule was generated from.
    pub fn seed(&self) -> Seed {
        self.inner.seed
    }

    /// The users of closed stages, by [`UserId`].
    pub fn users(&self) -> &[UserPlan] {
        &self.inner.users
    }

    /// What arrives in open stages, in order of time. Their [`UserId`]s follow those of the users: the
    /// arrival at position `i` has the number `users().len() + i`.
    pub fn arrivals(&self) -> &[Arrival] {
        &self.inner.arrivals
    }

    /// A user at the beginning of its plan, or an arrival before it does what it came for: one
    /// session, one action or one recorded request. Windows and ends of stages do not cut an arrival
    /// short.
    ///
    /// # Panics
    /// When `id` is neither one of [`Self::users`] nor one of [`Self::arrivals`].
    pub fn virtual_user(&self, id: UserId) -> VirtualUser {
        VirtualUser::new(Arc::clone(&self.inner), id)
    }

    /// Most users of closed stages active at once. Arrivals do not count: how many of them are there
    /// depends on how fast they are served.
    pub fn peak_users(&self) -> u32 {
        let windows = self.users().iter().flat_map(|user| &user.windows);
        // At the same instant a user that leaves makes room for one that comes.
        let mut changes: Vec<(Time, i32)> =
            windows.flat_map(|(begin, end)| [(*begin, 1), (*end, -1)]).collect();
        changes.sort_unstable();
        let (mut active, mut peak) = (0, 0);
        for (_, change) in changes {
            active += change;
            peak = peak.max(active);
        }
        peak.unsigned_abs()
    }

    /// When the last user leaves, and nothing arrives any more.
    pub fn end(&self) -> Time {
        let ends = self.users().iter().filter_map(|user| user.windows.last()).map(|(_, end)| *end);
        let open = self.workload().stages().iter().filter(|stage| stage.arrivals.is_some());
        let closing = open.map(|stage| Time::ZERO + stage.start + stage.duration);
        ends.chain(closing).max().unwrap_or(Time::ZERO)
    }

    /// Names of the first `n` requests of a user, as if each were answered well at once.
    pub fn planned_actions(&self, user: UserId, n: usize) -> Vec<String> {
        let steps = self.workload().steps();
        let mut names = Vec::new();
        digest::walk(self.virtual_user(user), n, |_, request, _| {
            names.push(steps[usize::from(request.step.0)].name.clone());
        });
        names
    }

    /// SHA-256 in hex over the workload, the seed, every user's plan, each user's first requests as
    /// they would be sent, and every arrival.
    pub fn sha256(&self) -> &str {
        self.inner.sha256.get_or_init(|| digest::sha256(&self.inner))
    }
}

/// Schedules are equal when they hash alike.
impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner) || self.sha256() == other.sha256()
    }
}

/// Adds the arrivals of one stage, as yet without their numbers.
fn stage_arrivals(number: usize, stage: &Stage, seed: Seed, arrivals: &mut Vec<Arrival>) {
    let Some(open) = &stage.arrivals else {
        return;
    };
    let shares: Vec<f64> = stage.classes.iter().map(|mix| mix.share).collect();
    let mix = Weights::new(&shares);
    let classes = seed.key(&[label::CLASS, number as u64]);
    let is_replay = matches!(open.process, ArrivalProcess::Replay(_));
    let mut row = 0;
    process::arrivals(&open.process, stage.duration, seed, number, |offset| {
        let place = mix.as_ref().map_or(0, |mix| mix.pick(derive(classes, u64::from(row))));
        arrivals.push(Arrival {
            at: Time::ZERO + stage.start + offset,
            id: UserId(0),
            stage: number as u16,
            class: stage.classes.get(place).map_or(0, |mix| mix.class as u16),
            row: if is_replay { row } else { Arrival::NO_ROW },
        });
        row += 1;
    });
}

/// Adds the users of one stage.
fn stage_users(number: usize, stage: &Stage, seed: Seed, users: &mut Vec<UserPlan>) {
    let periods = periods(number, stage, seed);
    let most = periods.iter().map(|(_, _, count)| *count).max().unwrap_or(0);
    let arriving = f64::from(stage.users.min(stage.max_users));
    let mut dealt = vec![0_u32; stage.classes.len()];
    for position in 0..most {
        let class = next_class(&stage.classes, &mut dealt, position);
        let share = (f64::from(position) / arriving).min(1.0);
        let arrival = Time::ZERO + stage.start + stage.ramp_up.mul_f64(share);
        let windows = windows_of(position, arrival, &periods);
        if !windows.is_empty() {
            users.push(UserPlan { id: UserId(users.len() as u32), stage: number, class, windows });
        }
    }
}

/// Begin, end and number of users of each period of a stage.
fn periods(number: usize, stage: &Stage, seed: Seed) -> Vec<(Time, Time, u32)> {
    let begin = Time::ZERO + stage.start;
    let users = stage.users.min(stage.max_users);
    if stage.user_variance <= 0.0 {
        return vec![(begin, begin + stage.duration, users)];
    }
    let key = seed.key(&[label::VARIANCE, number as u64]);
    let count = stage.duration.as_nanos().div_ceil(Stage::VARIANCE_PERIOD.as_nanos());
    (0..count)
        .map(|period| {
            let from = begin + Stage::VARIANCE_PERIOD * period;
            let to = (from + Stage::VARIANCE_PERIOD).min(begin + stage.duration);
            let variance = stage.user_variance;
            let factor = between(derive(key, period), [1.0 - variance, 1.0 + variance]);
            let wandered = (f64::from(stage.users) * factor).round() as u32;
            (from, to, wandered.clamp(1, stage.max_users))
        })
        .collect()
}

/// The class that lags its share most, so that every beginning of the order has the stage's mix.
fn next_class(mixes: &[ClassMix], dealt: &mut [u32], position: u32) -> usize {
    let total: f64 = mixes.iter().map(|mix| mix.share).sum();
    let lag =
        |number: usize| mixes[number].share / total * f64::from(position + 1) - f64::from(dealt[number]);
    let with_share = (0..mixes.len()).filter(|number| mixes[*number].share > 0.0);
    let chosen = with_share
        .reduce(|best, other| if lag(other) > lag(best) + 1e-9 { other } else { best })
        .unwrap_or(0);
    dealt[chosen] += 1;
    mixes[chosen].class
}

/// The windows of the user at `position`, who is there while more than `position` users are.
fn windows_of(position: u32, arrival: Time, periods: &[(Time, Time, u32)]) -> Vec<(Time, Time)> {
    let mut windows: Vec<(Time, Time)> = Vec::new();
    for (from, to, _) in periods.iter().filter(|(_, _, count)| position < *count) {
        let from = arrival.max(*from);
        if from >= *to {
            continue;
        }
        match windows.last_mut() {
            Some((_, end)) if *end == from => *end = *to,
            _ => windows.push((from, *to)),
        }
    }
    windows
}
