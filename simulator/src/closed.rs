//! The closed model: virtual users who wait for each reply, and think.

use crate::error::SimulationError;
use crate::options::Options;
use crate::report::Report;
use crate::requests::{Call, End, Ended};
use crate::system::System;
use lb_core::policy::Policy;
use lb_core::topology::RouteIndex;
use lb_core::workload::{
    ActionIndex, Next, Observer, Request, Sample, Scenario, Schedule, Step, StepIndex, StepReply, UserId,
    VirtualUser,
};
use lb_core::{Outcome, Span, Time};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// A scenario in virtual time, one phase after the other: warm-up, then measured.
pub struct Simulation {
    system: System,
    /// By step: where its requests go.
    targets: Vec<Target>,
    balancers: u32,
    warm_up: Span,
    duration: Span,
    request_timeout: Span,
}

/// Where the requests of a step go.
#[derive(Clone, Copy, Debug)]
struct Target {
    pool: u16,
    service: u16,
    route: RouteIndex,
}

impl Simulation {
    /// Prepares a scenario with one policy from `policy` per load balancer and pool.
    ///
    /// # Errors
    /// When the topology has problems or no pool answers for a service that a step calls.
    pub fn new(
        scenario: &Scenario,
        policy: &mut dyn FnMut() -> Box<dyn Policy>,
        options: &Options,
    ) -> Result<Self, SimulationError> {
        let topology = &scenario.topology;
        let mut services: Vec<String> = Vec::new();
        let named = topology.pools.iter().flat_map(|pool| &pool.services);
        let called = scenario.workload.steps().iter().filter_map(|step| step.service.as_ref());
        for service in named.chain(called) {
            if !services.contains(service) {
                services.push(service.clone());
            }
        }
        let system =
            System::new(Arc::clone(topology), services.clone(), scenario.request_timeout, policy, options)?;
        let target = |step: &Step| {
            let service = step.service.as_deref().unwrap_or_default();
            let pool = topology.pool_of(service).ok_or_else(|| SimulationError::NoPool {
                step: step.name.clone(),
                service: service.to_owned(),
                topology: topology.name.clone(),
            })?;
            let within = topology.services_of(pool, &services);
            let number = within.iter().position(|other| other == service);
            let path = step.path.split('?').next().unwrap_or_default();
            Ok(Target {
                pool: pool as u16,
                service: number.map_or(u16::MAX, |number| number as u16),
                route: topology.route(service, &step.method, path),
            })
        };
        Ok(Self {
            system,
            targets: scenario.workload.steps().iter().map(target).collect::<Result<_, _>>()?,
            balancers: u32::from(options.balancers),
            warm_up: scenario.warm_up,
            duration: scenario.duration,
            request_timeout: scenario.request_timeout,
        })
    }

    /// Prepares a scenario and runs its measured phase.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn run(
        scenario: &Scenario,
        schedule: &Schedule,
        policy: &mut dyn FnMut() -> Box<dyn Policy>,
        options: &Options,
        observer: &mut impl Observer,
    ) -> Result<Report, SimulationError> {
        Ok(Self::new(scenario, policy, options)?.measure(schedule, observer))
    }

    /// Runs the users of `schedule` for the scenario's warm-up, without faults and unobserved, until
    /// none of their requests is under way. What policies learn stays.
    pub fn warm_up(&mut self, schedule: &Schedule) {
        struct Nobody;
        impl Observer for Nobody {
            fn sample(&mut self, _sample: &Sample) {}
        }
        self.play(schedule, self.warm_up, &mut Nobody);
    }

    /// Runs the users of `schedule` for the scenario's duration, with its faults. Requests that are
    /// then under way still end; each gets its sample. Times begin at zero.
    pub fn measure(&mut self, schedule: &Schedule, observer: &mut impl Observer) -> Report {
        let epoch = self.system.now();
        self.system.begin_measuring(self.duration + self.request_timeout);
        let wakes = self.play(schedule, self.duration, observer);
        self.system.report(epoch, wakes)
    }

    /// Runs users from now on for `length`; returns how often one woke without sending.
    fn play(&mut self, schedule: &Schedule, length: Span, observer: &mut impl Observer) -> u64 {
        let epoch = self.system.now();
        let mut users = Users::new(schedule, epoch, length);
        while let Some(wake) = users.next_wake().or((!self.system.is_idle()).then_some(Time::MAX)) {
            if wake <= self.system.next_time() {
                let user = users.pop_wake();
                self.go_on(&mut users, user, None, wake);
            } else if let Some(ended) = self.system.step() {
                let (sample, reply) = users.ended(&ended);
                observer.sample(&sample);
                self.go_on(&mut users, ended.owner, Some(reply), ended.done);
            }
        }
        users.wakes
    }

    /// Lets a user do what comes next.
    fn go_on(&mut self, users: &mut Users<'_>, user: u32, reply: Option<StepReply<'_>>, now: Time) {
        if let Some((request, client_key)) = users.go_on(user, reply, now) {
            let target = &self.targets[usize::from(request.step.0)];
            let call = Call {
                owner: user,
                balancer: (user % self.balancers) as u16,
                pool: target.pool,
                service: target.service,
                route: target.route,
                key: request.key,
                client_key,
            };
            self.system.send(call, now);
        }
    }
}

/// The users of one phase.
struct Users<'a> {
    schedule: &'a Schedule,
    /// When the phase began, in the system's time.
    epoch: Time,
    /// When users stop, whatever they are doing.
    end: Time,
    /// By user; none before its first window and after its last.
    users: Vec<Option<Seat>>,
    wake_times: BinaryHeap<Reverse<(Time, u32)>>,
    wakes: u64,
}

/// A user and what it sent last.
struct Seat {
    user: VirtualUser,
    client_key: u64,
    request: Request,
}

impl<'a> Users<'a> {
    fn new(schedule: &'a Schedule, epoch: Time, length: Span) -> Self {
        let first = |(id, plan): (usize, &lb_core::workload::UserPlan)| {
            let begin = plan.windows.first()?.0;
            (begin < Time::ZERO + length).then_some(Reverse((in_system(epoch, begin), id as u32)))
        };
        Self {
            schedule,
            epoch,
            end: epoch + length,
            users: schedule.users().iter().map(|_| None).collect(),
            wake_times: schedule.users().iter().enumerate().filter_map(first).collect(),
            wakes: 0,
        }
    }

    /// When the next user wakes.
    fn next_wake(&self) -> Option<Time> {
        self.wake_times.peek().map(|Reverse((at, _))| *at)
    }

    /// That user wakes.
    fn pop_wake(&mut self) -> u32 {
        self.wakes += 1;
        self.wake_times.pop().map_or(0, |Reverse((_, user))| user)
    }

    /// Asks a user what comes next; returns the request that it sends, if it does, and its identity.
    fn go_on(&mut self, user: u32, reply: Option<StepReply<'_>>, now: Time) -> Option<(Request, u64)> {
        let seat = &mut self.users[user as usize];
        if now >= self.end {
            *seat = None;
            return None;
        }
        let occupied = seat.get_or_insert_with(|| {
            let user = self.schedule.virtual_user(UserId(user));
            Seat { client_key: user.client_key(), user, request: NO_REQUEST }
        });
        match occupied.user.next(reply, Time::ZERO + now.since(self.epoch)) {
            Next::Wait(until) => {
                let at = in_system(self.epoch, until).max(now);
                if at < self.end {
                    self.wake_times.push(Reverse((at, user)));
                }
                None
            }
            Next::Send(request) => {
                occupied.request = request;
                Some((request, occupied.client_key))
            }
            Next::Done => {
                *seat = None;
                None
            }
        }
    }

    /// What is to be recorded of a request that is over, and what its user hears of it.
    fn ended(&self, ended: &Ended) -> (Sample, StepReply<'static>) {
        let seat = self.users[ended.owner as usize].as_ref();
        let sender = seat.map_or_else(Sender::default, |seat| Sender {
            user: UserId(ended.owner),
            request: seat.request,
            expected: seat.user.expected(&seat.request),
        });
        let sample = sample(ended, self.epoch, &sender);
        (sample, StepReply { outcome: sample.outcome, body: None })
    }
}

/// A point of the phase in the system's time.
fn in_system(epoch: Time, at: Time) -> Time {
    epoch + at.since(Time::ZERO)
}

const NO_REQUEST: Request = Request { step: StepIndex(0), action: ActionIndex(0), key: 0, injected: None };

/// Who sent a request, and what was expected of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender<'a> {
    pub(crate) user: UserId,
    pub(crate) request: Request,
    pub(crate) expected: &'a [u16],
}

impl Default for Sender<'_> {
    fn default() -> Self {
        Self { user: UserId(0), request: NO_REQUEST, expected: &[] }
    }
}

/// What is to be recorded of a request that is over. A served request gets the first status that is
/// expected of it: the simulated application does what the journey expects.
pub(crate) fn sample(ended: &Ended, epoch: Time, sender: &Sender<'_>) -> Sample {
    let status = match ended.end {
        End::Served => sender.expected.first().copied().unwrap_or(200),
        End::Failed => 500,
        End::Refused | End::NoBackend => 503,
        End::Unreachable | End::Broken => 502,
        End::TimedOut => 0,
    };
    let outcome = if ended.end == End::TimedOut {
        Outcome::Timeout
    } else {
        let injected = sender.request.injected.is_some();
        Outcome::of_status(status, sender.expected, injected, ended.backend.is_some())
    };
    let sent = Time::ZERO + ended.sent.since(epoch);
    Sample {
        user: sender.user,
        action: sender.request.action,
        step: sender.request.step,
        intended: sent,
        sent,
        done: Time::ZERO + ended.done.since(epoch),
        outcome,
        status,
        backend: ended.backend,
        bytes: 0,
    }
}
