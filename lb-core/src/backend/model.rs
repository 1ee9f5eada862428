//! A backend with `c` workers, a bounded queue, a speed and a fault timeline.
//!
//! All requests in service advance at one common rate (`speed` under first come, first served;
//! `speed x min(1, c/n)` under processor sharing). The model keeps one *work clock* that advances at that
//! rate: a request that starts at clock `w` with demand `d` ends when the clock reaches `w + d`. A change
//! of speed changes the rate of the clock and updates no request. (Virtual clocks for processor sharing:
//! Kleinrock, Queueing Systems II, 1976, section 4.4.)

use super::clock::WorkClock;
use super::draw;
use super::job::{Arrival, Finished, Job, JobId, JobResult};
use crate::fault::{Condition, FaultTimeline};
use crate::time::{Span, Time};
use crate::topology::{BackendSpec, Discipline};
use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

/// A request in service.
#[derive(Clone, Copy, Debug)]
struct Running {
    /// Reading of the work clock at which the service ends.
    finish: f64,
    /// Breaks ties: the first started is the first finished.
    order: u64,
    id: JobId,
    started: Time,
    fails: bool,
    /// Whether the client has gone; the request is still served, but its end is not reported.
    cancelled: bool,
}

impl Ord for Running {
    /// Orders the next request to finish as the greatest, because [`BinaryHeap`] is a max-heap.
    fn cmp(&self, other: &Self) -> Ordering {
        other.finish.total_cmp(&self.finish).then(other.order.cmp(&self.order))
    }
}

impl PartialOrd for Running {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Running {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Running {}

/// A backend as a queueing model: workers, a queue, a speed and faults.
#[derive(Debug)]
pub struct BackendModel {
    workers: usize,
    queue_cap: usize,
    discipline: Discipline,
    base_speed: f64,
    outside_factor: f64,
    outside_up: bool,

    faults: FaultTimeline,
    /// Driver's time at which the timeline begins.
    origin: Time,
    /// Current phase of the timeline, and the time at which it ends.
    phase: usize,
    phase_end: Time,

    clock: WorkClock,
    running: BinaryHeap<Running>,
    started_count: u64,
    queue: VecDeque<Job>,
    hanging: Vec<JobId>,
    /// Time of the next end of service; [`Time::MAX`] if there is none.
    next_finish: Time,

    busy: Span,
    busy_until: Time,
}

impl BackendModel {
    /// Creates an idle backend whose timeline begins at the driver's time zero.
    pub fn new(spec: &BackendSpec, faults: FaultTimeline) -> Self {
        let mut model = Self {
            workers: spec.workers.max(1) as usize,
            queue_cap: spec.queue_cap as usize,
            discipline: spec.discipline,
            base_speed: spec.speed,
            outside_factor: 1.0,
            outside_up: true,
            faults,
            origin: Time::ZERO,
            phase: 0,
            phase_end: Time::MAX,
            clock: WorkClock::new(spec.speed),
            running: BinaryHeap::new(),
            started_count: 0,
            queue: VecDeque::new(),
            hanging: Vec::new(),
            next_finish: Time::MAX,
            busy: Span::ZERO,
            busy_until: Time::ZERO,
        };
        model.enter_phase(Time::ZERO, &mut Vec::new());
        model
    }

    /// Handles the arrival of a request. Call [`Self::advance`] for all events up to `now` first.
    pub fn arrive(&mut self, job: Job, now: Time) -> Arrival {
        if !self.is_up() {
            return Arrival::Down;
        }
        let condition = self.faults.condition_in(self.phase, job.service);
        if draw::fails_fast(job.key, condition.fast_fail) {
            return Arrival::FastFail;
        }
        if draw::hangs(job.key, condition.timeout_rate) {
            self.hanging.push(job.id);
            return Arrival::Hangs;
        }
        let places = match self.discipline {
            Discipline::Fcfs => self.workers,
            Discipline::ProcessorSharing => self.workers + self.queue_cap,
        };
        if self.running.len() < places {
            self.start(job, now);
            self.update(now);
        } else if self.discipline == Discipline::Fcfs && self.queue.len() < self.queue_cap {
            self.queue.push_back(job);
        } else {
            return Arrival::QueueFull;
        }
        Arrival::Accepted
    }

    /// Cancels a request whose client went away. A waiting or hanging request leaves at once. A request
    /// in service keeps its worker to the end, as on most real servers, and its end is not reported.
    pub fn cancel(&mut self, job: JobId, _now: Time) {
        if let Some(place) = self.hanging.iter().position(|id| *id == job) {
            self.hanging.swap_remove(place);
        } else if let Some(place) = self.queue.iter().position(|waiting| waiting.id == job) {
            self.queue.remove(place);
        } else if self.running.iter().any(|running| running.id == job) {
            let mut all = std::mem::take(&mut self.running).into_vec();
            for running in all.iter_mut().filter(|running| running.id == job) {
                running.cancelled = true;
            }
            self.running = BinaryHeap::from(all);
        }
    }

    /// Returns the time of the next event if no request arrives: an end of service, or the beginning or
    /// end of a fault. `None` if the backend is idle and no fault lies ahead.
    pub fn next_event(&self) -> Option<Time> {
        let next = self.next_finish.min(self.phase_end);
        (next < Time::MAX).then_some(next)
    }

    /// Advances to `now`, applies all changes in order, and appends the requests that left to
    /// `finished`. If both happen at the same instant, a request finishes before a fault begins.
    pub fn advance(&mut self, now: Time, finished: &mut Vec<Finished>) {
        while let Some(next) = self.next_event().filter(|next| *next <= now) {
            if next == self.next_finish {
                self.finish_one(next, finished);
            } else {
                self.enter_phase(next, finished);
            }
        }
    }

    /// Sets a speed factor from outside (the degradation API), in addition to the timeline's. Zero
    /// freezes the backend.
    pub fn set_speed_factor(&mut self, factor: f64, now: Time) {
        self.outside_factor = factor.max(0.0);
        self.update(now);
    }

    /// Takes the backend down or up from outside. Going down breaks the connection of every request in
    /// it.
    pub fn set_up(&mut self, up: bool, now: Time, finished: &mut Vec<Finished>) {
        self.outside_up = up;
        self.break_all_if_down(now, finished);
    }

    /// Replaces the fault timeline with one that begins at `now`. Drivers that run a warm-up first
    /// start the faults with the measured phase.
    pub fn start_faults(&mut self, faults: FaultTimeline, now: Time, finished: &mut Vec<Finished>) {
        self.faults = faults;
        self.origin = now;
        self.enter_phase(now, finished);
    }

    /// Replaces the fault timeline at `now` by one that began when the current one did, so that faults can join those
    /// that are under way.
    pub fn replace_faults(&mut self, faults: FaultTimeline, now: Time, finished: &mut Vec<Finished>) {
        self.faults = faults;
        self.enter_phase(now, finished);
    }

    /// Returns the time at which the current fault timeline began.
    pub const fn faults_began(&self) -> Time {
        self.origin
    }

    /// Returns whether the backend is up, according to faults and [`Self::set_up`].
    pub fn is_up(&self) -> bool {
        self.outside_up && self.faults.is_up_in(self.phase)
    }

    /// Returns the number of requests in service and in the queue, including those whose
    /// client has gone.
    pub fn in_system(&self) -> usize {
        self.running.len() + self.queue.len()
    }

    /// Returns the number of requests that hang until their clients give up.
    pub fn hanging(&self) -> usize {
        self.hanging.len()
    }

    /// Returns the current speed, as if the backend were up. At speed 1 a request is served in exactly
    /// its demand.
    pub fn speed(&self) -> f64 {
        self.base_speed * self.faults.speed_in(self.phase) * self.outside_factor
    }

    /// Returns the number of requests that can be served at once.
    pub const fn workers(&self) -> usize {
        self.workers
    }

    /// Returns how requests share the workers.
    pub const fn discipline(&self) -> Discipline {
        self.discipline
    }

    /// Returns the current condition of a service under the active faults.
    pub fn condition(&self, service: usize) -> Condition {
        self.faults.condition_in(self.phase, service)
    }

    /// Returns the work of a request with this demand if it started now, in nanoseconds of service at
    /// speed 1.
    pub fn work_of(&self, demand: Span, service: usize) -> f64 {
        let condition = self.condition(service);
        // Added time is time on the worker, not work: a slow backend does not stretch it. A frozen
        // backend spends it at its own speed later.
        let speed = self.speed();
        let pace = if speed > 0.0 { speed } else { self.base_speed };
        demand.as_nanos() as f64 * condition.service_factor + condition.added.as_nanos() as f64 * pace
    }

    /// Returns the remaining work of each request in service, in nanoseconds of service at speed 1.
    pub fn running_work(&self, now: Time) -> impl Iterator<Item = f64> {
        let done = self.clock.at(now);
        self.running.iter().map(move |running| (running.finish - done).max(0.0))
    }

    /// Returns the work of each request in the queue, in order of arrival, in nanoseconds of service at
    /// speed 1.
    pub fn waiting_work(&self) -> impl Iterator<Item = f64> {
        self.queue.iter().map(|job| self.work_of(job.demand, job.service))
    }

    /// Returns the worker time spent so far, summed over the workers. Exact at the time of the latest
    /// start, end or change.
    pub const fn busy(&self) -> Span {
        self.busy
    }

    /// Returns the worker time spent until `now`. No event may lie between the latest change and `now`.
    pub fn busy_at(&self, now: Time) -> Span {
        self.busy + now.since(self.busy_until) * self.running.len().min(self.workers) as u64
    }

    /// Starts service of a request on a free worker. The caller must call [`Self::update`] afterwards.
    fn start(&mut self, job: Job, now: Time) {
        self.account(now);
        if self.running.is_empty() {
            self.clock.reset(now);
        }
        let condition = self.faults.condition_in(self.phase, job.service);
        let work = self.work_of(job.demand, job.service);
        self.started_count += 1;
        self.running.push(Running {
            finish: self.clock.at(now) + work,
            order: self.started_count,
            id: job.id,
            started: now,
            fails: draw::fails(job.key, condition.error_rate),
            cancelled: false,
        });
    }

    /// Ends the next request in service and starts the first request in the queue.
    fn finish_one(&mut self, now: Time, finished: &mut Vec<Finished>) {
        self.account(now);
        if let Some(done) = self.running.pop()
            && !done.cancelled
        {
            let result = if done.fails { JobResult::Failed } else { JobResult::Served };
            finished.push(Finished { id: done.id, started: done.started, at: now, result });
        }
        if let Some(next) = self.queue.pop_front() {
            self.start(next, now);
        }
        self.update(now);
    }

    /// Enters the phase of the timeline at `now`.
    fn enter_phase(&mut self, now: Time, finished: &mut Vec<Finished>) {
        self.phase = self.faults.phase_at(Time::ZERO + now.since(self.origin));
        self.phase_end =
            self.faults.end_of(self.phase).map_or(Time::MAX, |end| self.origin + end.since(Time::ZERO));
        self.update(now);
        self.break_all_if_down(now, finished);
    }

    fn break_all_if_down(&mut self, now: Time, finished: &mut Vec<Finished>) {
        if self.is_up() {
            return;
        }
        self.account(now);
        let broken = |id, started| Finished { id, started, at: now, result: JobResult::Broken };
        let mut running = std::mem::take(&mut self.running).into_vec();
        running.sort_unstable_by_key(|running| running.order);
        let heard = running.iter().filter(|running| !running.cancelled);
        finished.extend(heard.map(|running| broken(running.id, running.started)));
        finished.extend(self.queue.drain(..).map(|job| broken(job.id, now)));
        finished.extend(self.hanging.drain(..).map(|id| broken(id, now)));
        self.update(now);
    }

    /// Adds the worker time since the last change. Called before each change of `running`.
    fn account(&mut self, now: Time) {
        self.busy = self.busy_at(now);
        self.busy_until = now;
    }

    /// Updates the rate of the clock and the next end of service after a change.
    fn update(&mut self, now: Time) {
        let share = match self.discipline {
            Discipline::Fcfs => 1.0,
            Discipline::ProcessorSharing => (self.workers as f64 / self.running.len().max(1) as f64).min(1.0),
        };
        self.clock.set_rate(self.speed() * share, now);
        self.next_finish = match self.running.peek() {
            Some(next) => self.clock.when(next.finish).max(now),
            None => Time::MAX,
        };
    }
}
