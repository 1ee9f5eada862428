//! The schedule: everything that virtual users will do, determined by a seed and identified by a hash.
//!
//! A stage's users are numbered in order of arrival. Classes are assigned so that the first users,
//! however many, have the stage's shares as closely as whole users allow (largest deficit first),
//! because only the first users are active during a ramp-up or while the number of users is smaller.
//!
//! An open stage has arrivals instead of users, numbered after all users in order of time. Their
//! classes are drawn at random: assigning them in turn would tie classes to positions in even spacing.

use super::arrivals::{Arrival, ArrivalProcess};
use super::classes::{ClassMix, Stage};
use super::digest;
use super::draw::{between, derive};
use super::ids::UserId;
use super::label;
use super::process;
use super::scheduled::{Inner, UserPlan};
use super::stream::{of_stage, stream};
use super::user::VirtualUser;
use super::workload::Workload;
use crate::rng::Seed;
use crate::time::{Span, Time};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// All users and arrivals of a phase.
#[derive(Clone, Debug)]
pub struct Schedule {
    inner: Arc<Inner>,
}

impl Schedule {
    /// Generates the users, arrivals, classes and windows of `workload` from `seed`.
    pub fn new(workload: Arc<Workload>, seed: Seed) -> Self {
        let (mut users, mut arrivals) = (Vec::new(), Vec::new());
        for (number, stage) in workload.stages().iter().enumerate() {
            if let Some(open) = &stage.arrivals {
                if stage.duration == Span::MAX {
                    // They have no end, and are made while they are played.
                    continue;
                }
                if let ArrivalProcess::Replay(_) = &open.process {
                    // Their number is known; growing step by step would take half as much again.
                    let count = process::expected_count(&open.process, stage.duration);
                    arrivals.reserve_exact(count as usize);
                }
                arrivals.extend(of_stage(number, stage, seed));
            } else {
                stage_users(number, stage, seed, &mut users);
            }
        }
        // The sort is stable: of arrivals at the same time, those of the first stage come first.
        arrivals.sort_by_key(|arrival| arrival.at);
        for (id, arrival) in (users.len() as u32..).zip(&mut arrivals) {
            arrival.id = UserId(id);
        }
        Self { inner: Arc::new(Inner { workload, seed, users, arrivals, sha256: OnceLock::new() }) }
    }

    /// Generates a schedule without end in which the number of users can be changed while it is played: `most` users, or
    /// as many as the workload asks for if that is more, all of whom could be there from the beginning to the end.
    ///
    /// Which of them are there is up to the driver: the first ones, however many there should be. So users of several
    /// stages take turns, and any number of first users has the stages and the classes in their shares. In a workload
    /// with one stage, each user does exactly what it does in the schedule of [`Self::new`].
    pub fn with_room(workload: Arc<Workload>, seed: Seed, most: u32) -> Self {
        let closed: Vec<(usize, &Stage)> = workload
            .stages()
            .iter()
            .enumerate()
            .filter(|(_, stage)| stage.arrivals.is_none() && stage.duration == Span::MAX)
            .collect();
        let planned = |stage: &Stage| stage.users.min(stage.max_users);
        let mixes: Vec<ClassMix> = closed
            .iter()
            .enumerate()
            .map(|(place, (_, stage))| ClassMix {
                class: place,
                share: f64::from(planned(stage)),
                actions: BTreeMap::new(),
            })
            .collect();
        let asked: u32 = closed.iter().map(|(_, stage)| planned(stage)).sum();
        let mut of_stages = vec![0_u32; closed.len()];
        let mut dealt: Vec<Vec<u32>> = closed.iter().map(|(_, stage)| vec![0; stage.classes.len()]).collect();
        let mut users = Vec::new();
        for position in 0..if asked > 0 { most.max(asked) } else { 0 } {
            let place = next_class(&mixes, &mut of_stages, position);
            let (stage, plan) = closed[place];
            let class = next_class(&plan.classes, &mut dealt[place], of_stages[place] - 1);
            users.push(UserPlan {
                id: UserId(position),
                stage,
                class,
                windows: vec![(Time::ZERO, Time::MAX)],
            });
        }
        let arrivals = Vec::new();
        Self { inner: Arc::new(Inner { workload, seed, users, arrivals, sha256: OnceLock::new() }) }
    }

    /// Returns the workload of the schedule.
    pub fn workload(&self) -> &Arc<Workload> {
        &self.inner.workload
    }

    /// Returns the seed of the schedule.
    pub fn seed(&self) -> Seed {
        self.inner.seed
    }

    /// Returns the users of closed stages, by [`UserId`].
    pub fn users(&self) -> &[UserPlan] {
        &self.inner.users
    }

    /// Returns the arrivals of open stages, in order of time. Their [`UserId`]s follow those of the
    /// users: the arrival at position `i` has the number `users().len() + i`.
    pub fn arrivals(&self) -> &[Arrival] {
        &self.inner.arrivals
    }

    /// Returns the arrivals in order of time, as [`Self::arrivals`] lists them. Those of a schedule without end are
    /// made as they are asked for: their numbers begin again once all have been given to one.
    pub fn stream(&self) -> Box<dyn Iterator<Item = Arrival> + '_> {
        if self.is_endless() {
            return Box::new(stream(&self.inner));
        }
        Box::new(self.inner.arrivals.iter().copied())
    }

    /// Returns whether the schedule has no end: see [`Workload::endless`].
    pub fn is_endless(&self) -> bool {
        self.inner.workload.is_endless()
    }

    /// Returns whether the schedule has arrivals of open stages.
    pub fn is_open(&self) -> bool {
        !self.inner.arrivals.is_empty() || self.is_endless() && self.stream().next().is_some()
    }

    /// Creates the user of an arrival, before its session, action or recorded request.
    pub fn visitor(&self, arrival: Arrival) -> VirtualUser {
        VirtualUser::of_arrival(Arc::clone(&self.inner), arrival)
    }

    /// Creates a user at the beginning of its plan, or an arrival before its session, action or
    /// recorded request. Windows and ends of stages do not cut an arrival short.
    ///
    /// # Panics
    /// Panics if `id` is neither one of [`Self::users`] nor one of [`Self::arrivals`].
    pub fn virtual_user(&self, id: UserId) -> VirtualUser {
        VirtualUser::new(Arc::clone(&self.inner), id)
    }

    /// Returns the highest number of concurrent users of closed stages. Arrivals do not count: how many
    /// are active depends on how fast they are served.
    pub fn peak_users(&self) -> u32 {
        let windows = self.users().iter().flat_map(|user| &user.windows);
        // At the same instant, a user that leaves makes room for one that arrives.
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

    /// Returns the time at which the last user leaves and no more arrivals come.
    pub fn end(&self) -> Time {
        let ends = self.users().iter().filter_map(|user| user.windows.last()).map(|(_, end)| *end);
        let open = self.workload().stages().iter().filter(|stage| stage.arrivals.is_some());
        let closing = open.map(|stage| Time::ZERO + stage.start + stage.duration);
        ends.chain(closing).max().unwrap_or(Time::ZERO)
    }

    /// Returns the names of a user's first `n` requests, as if each succeeded at once.
    pub fn planned_actions(&self, user: UserId, n: usize) -> Vec<String> {
        let steps = self.workload().steps();
        let mut names = Vec::new();
        digest::walk(self.virtual_user(user), n, |_, request, _| {
            names.push(steps[usize::from(request.step.0)].name.clone());
        });
        names
    }

    /// Returns how long a user is busy, from its first window or its arrival to its last request, and how
    /// many requests it sends, at most `most`, as if each were answered immediately with success.
    pub fn planned_visit(&self, user: UserId, most: usize) -> (Span, usize) {
        let begin = match self.users().get(user.0 as usize) {
            Some(plan) => plan.windows.first().map(|(begin, _)| *begin),
            None => self.arrivals().get(user.0 as usize - self.users().len()).map(|arrival| arrival.at),
        };
        let begin = begin.unwrap_or(Time::ZERO);
        let (mut last, mut requests) = (begin, 0);
        digest::walk(self.virtual_user(user), most, |_, _, now| {
            last = now.max(begin);
            requests += 1;
        });
        (last.since(begin), requests)
    }

    /// Returns the SHA-256, in hex, over the workload, the seed, every user's plan, each user's first
    /// requests as sent, and every arrival.
    pub fn sha256(&self) -> &str {
        self.inner.sha256.get_or_init(|| digest::sha256(&self.inner))
    }
}

/// Schedules are equal if their hashes are equal.
impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner) || self.sha256() == other.sha256()
    }
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

/// Returns the start, end and number of users of each period of a stage.
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

/// Returns the class with the largest deficit, so that the first users always have the stage's mix.
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

/// Returns the windows of the user at `position`, who is active while there are more than `position`
/// users.
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
