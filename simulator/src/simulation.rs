//! Simulates a scenario in virtual time: virtual users who wait for each reply and think (closed
//! model), arrivals that do not depend on earlier ones (open model), or both at once.

use crate::decider::Decider;
use crate::error::SimulationError;
use crate::options::Options;
use crate::oracle::Oracle;
use crate::population::Population;
use crate::report::Report;
use crate::request_costs::{RequestCosts, StepText};
use crate::requests::Call;
use crate::system::System;
use lb_core::policy::Policy;
use lb_core::topology::{RouteIndex, Topology};
use lb_core::workload::{Observer, Sample, Scenario, Schedule, Step, StepIndex, StepReply};
use lb_core::{Span, Time};
use std::sync::Arc;

/// A scenario in virtual time, with its phases one after the other: warm-up, then measured phase.
pub struct Simulation {
    system: System,
    /// Target of each step's requests.
    targets: Vec<Target>,
    /// What requests say and cost; `None` if the topology has no costs.
    request_costs: Option<RequestCosts>,
    balancers: u32,
    warm_up: Span,
    duration: Span,
    request_timeout: Span,
    max_sessions: u32,
}

/// Where the requests of a step are sent.
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
    /// Fails if the topology has problems or no pool serves a service that a step calls.
    pub fn new(
        scenario: &Scenario,
        policy: &mut dyn FnMut() -> Box<dyn Policy>,
        options: &Options,
    ) -> Result<Self, SimulationError> {
        Self::with_decider(scenario, Decider::Policies(policy), options)
    }

    /// Prepares a scenario in which an oracle picks all backends.
    ///
    /// # Errors
    /// Fails in the same cases as [`Self::new`].
    pub fn with_oracle(
        scenario: &Scenario,
        oracle: Oracle,
        options: &Options,
    ) -> Result<Self, SimulationError> {
        Self::with_decider(scenario, Decider::Oracle(oracle), options)
    }

    fn with_decider(
        scenario: &Scenario,
        decider: Decider<'_>,
        options: &Options,
    ) -> Result<Self, SimulationError> {
        let topology = &scenario.topology;
        let mut services: Vec<String> = Vec::new();
        let named = topology.pools.iter().flat_map(|pool| &pool.services).map(String::as_str);
        let called = scenario.workload.steps().iter().map(|step| service_and_path(step, topology).0);
        for service in named.chain(called.filter(|service| !service.is_empty())) {
            if !services.iter().any(|known| known == service) {
                services.push(service.to_owned());
            }
        }
        let system =
            System::new(Arc::clone(topology), services.clone(), scenario.request_timeout, decider, options)?;
        let steps = scenario.workload.steps().iter();
        let targets: Vec<Target> =
            steps.clone().map(|step| target(step, topology, &services)).collect::<Result<_, _>>()?;
        let texts = steps.zip(&targets).enumerate().map(|(number, (step, target))| StepText {
            prefix: prefix(step, topology),
            route: target.route,
            is_static: scenario.workload.is_static(StepIndex(number as u16)),
        });
        Ok(Self {
            system,
            request_costs: RequestCosts::new(topology, texts),
            targets,
            balancers: u32::from(options.balancers),
            warm_up: scenario.warm_up,
            duration: scenario.duration,
            request_timeout: scenario.request_timeout,
            max_sessions: scenario.max_in_flight,
        })
    }

    /// Prepares a scenario and runs its measured phase.
    ///
    /// # Errors
    /// Fails in the same cases as [`Self::new`].
    pub fn run(
        scenario: &Scenario,
        schedule: &Schedule,
        policy: &mut dyn FnMut() -> Box<dyn Policy>,
        options: &Options,
        observer: &mut impl Observer,
    ) -> Result<Report, SimulationError> {
        Ok(Self::new(scenario, policy, options)?.measure(schedule, observer))
    }

    /// Runs the users and arrivals of `schedule` for the scenario's warm-up, without faults and without
    /// samples, until no request is in flight. Policies keep what they learn.
    pub fn warm_up(&mut self, schedule: &Schedule) {
        struct Nobody;
        impl Observer for Nobody {
            fn sample(&mut self, _sample: &Sample) {}
        }
        self.play(schedule, self.warm_up, &mut Nobody);
    }

    /// Returns the current time as policies see it. Before [`Self::measure`], it is the time at which
    /// the measured phase will begin.
    pub fn now(&self) -> Time {
        self.system.now()
    }

    /// Runs the users and arrivals of `schedule` for the scenario's duration, with its faults. Requests
    /// that are then in flight run to their end and get a sample. Times begin at zero.
    pub fn measure(&mut self, schedule: &Schedule, observer: &mut impl Observer) -> Report {
        let epoch = self.system.now();
        self.system.begin_measuring(self.duration + self.request_timeout);
        let played = self.play(schedule, self.duration, observer);
        let report = self.system.report(epoch, played.wakes);
        Report { arrivals: played.arrivals, ..report }
    }

    /// Runs users and arrivals from now on for `length`.
    fn play<'a>(
        &mut self,
        schedule: &'a Schedule,
        length: Span,
        observer: &mut impl Observer,
    ) -> Population<'a> {
        let mut population = Population::new(schedule, self.system.now(), length, self.max_sessions);
        while let Some(next) = population.next_time().or((!self.system.is_idle()).then_some(Time::MAX)) {
            let event = self.system.next_time();
            if next <= event {
                if let Some(owner) = population.pop() {
                    self.go_on(&mut population, owner, None, next);
                }
            } else if let Some(ended) = self.system.step(event) {
                let (sample, reply) = population.ended(&ended);
                observer.sample(&sample);
                self.go_on(&mut population, ended.owner, Some(reply), ended.done);
            }
        }
        population
    }

    /// Advances a user to the next action.
    fn go_on(
        &mut self,
        population: &mut Population<'_>,
        owner: u32,
        reply: Option<StepReply<'_>>,
        now: Time,
    ) {
        if let Some(sending) = population.go_on(owner, reply, now) {
            let target = &self.targets[usize::from(sending.request.step.0)];
            let saying = self.request_costs.as_mut().map(|costs| {
                costs.of(sending.request.step, |out| population.write(owner, &sending.request, out))
            });
            let call = Call {
                owner,
                balancer: (sending.user.0 % self.balancers) as u16,
                pool: target.pool,
                service: target.service,
                route: target.route,
                cost: saying.map_or(1.0, |saying| saying.cost),
                key: sending.request.key,
                client_key: sending.client_key,
            };
            self.system.send(call, saying.as_ref().map(|saying| &saying.hints), now);
        }
    }
}

/// Returns the service that a step calls and the path below it. The service is that of the step, or
/// otherwise the one with which its path begins.
fn service_and_path<'a>(step: &'a Step, topology: &Topology) -> (&'a str, &'a str) {
    let path = step.path.split('?').next().unwrap_or_default();
    if let Some(service) = &step.service {
        return (service, path);
    }
    let first = path.split('/').nth(1).unwrap_or_default();
    let mut named = topology.pools.iter().flat_map(|pool| &pool.services);
    match named.any(|service| service == first) {
        true => (first, &path[first.len() + 1..]),
        false => (topology.meant(""), path),
    }
}

/// Returns what comes before the path below the service in the requests of a step.
fn prefix(step: &Step, topology: &Topology) -> String {
    match &step.service {
        Some(service) => format!("/{service}"),
        None => {
            let path = step.path.split('?').next().unwrap_or_default();
            let (_, below) = service_and_path(step, topology);
            path[..path.len() - below.len()].to_owned()
        }
    }
}

fn target(step: &Step, topology: &Topology, services: &[String]) -> Result<Target, SimulationError> {
    let (service, path) = service_and_path(step, topology);
    let pool = topology.pool_of(service).ok_or_else(|| SimulationError::NoPool {
        step: step.name.clone(),
        service: service.to_owned(),
        topology: topology.name.clone(),
    })?;
    let within = topology.services_of(pool, services);
    let number = within.iter().position(|other| other == service);
    Ok(Target {
        pool: pool as u16,
        service: number.map_or(u16::MAX, |number| number as u16),
        route: topology.route(service, &step.method, path),
    })
}
