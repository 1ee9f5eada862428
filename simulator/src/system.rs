//! Load balancers, network links and backends: everything that happens to a request from start to end.

use crate::decider::{self, Decider, Lesson};
use crate::error::SimulationError;
use crate::health::Health;
use crate::next_events::NextEvents;
use crate::options::Options;
use crate::oracle::{Coming, Seer, View};
use crate::report::{ArrivalCounts, BackendReport, Report};
use crate::reports::{Probe, Reporting};
use crate::requests::{Call, End, Ended, Requests, Stage, slot_of};
use lb_core::backend::{Arrival, BackendModel, Finished, Job, JobResult, demand_at_cost};
use lb_core::balancer::Balancer;
use lb_core::fault::FaultTimeline;
use lb_core::hints::Hints;
use lb_core::policy::{BackendIndex, Reply, ReplyKind, RequestInfo};
use lb_core::rng::mix;
use lb_core::topology::{RouteIndex, Topology};
use lb_core::{Span, Time};
use std::collections::VecDeque;
use std::sync::Arc;

/// A backend and its state outside the model.
#[derive(Debug)]
struct Site {
    model: BackendModel,
    /// Requests on their way to the backend, oldest first, for oracles.
    coming: VecDeque<Coming>,
    in_flight: u32,
    peak_in_flight: u32,
    requests: u64,
    /// Worker time spent before the measured phase.
    busy_before: Span,
}

/// Load balancers, network links and backends.
pub(crate) struct System {
    topology: Arc<Topology>,
    /// Names of all services, for the fault timelines.
    services: Vec<String>,
    delay: Span,
    now: Time,
    events: u64,
    /// One balancer per load balancer and pool, pool by pool; empty under an oracle.
    balancers: Vec<Balancer>,
    /// One oracle per pool; empty under policies without a teacher.
    seers: Vec<Seer>,
    /// Receives the oracles' cost estimates, under a teacher.
    lesson: Option<Lesson>,
    /// Buffer for those estimates.
    costs: Vec<f64>,
    /// Value mixed into the key of each request, if any.
    luck: Option<u64>,
    /// Backends, pool by pool, as results number them.
    sites: Vec<Site>,
    /// Number of each pool's first backend.
    pool_start: Vec<u16>,
    next_events: NextEvents,
    requests: Requests,
    /// What each request says about its cost, by slot; empty until one says something. They are not in the slots because
    /// most simulations have none, and slots are copied often.
    hints: Vec<Hints>,
    /// Messages in transit with their arrival times. All take the same time, so they arrive in the order in
    /// which they were sent.
    wire: VecDeque<(Time, u32)>,
    /// Reports of backends; `None` if there are none.
    reporting: Option<Reporting>,
    health: Health,
    finished: Vec<Finished>,
}

impl System {
    /// Creates an idle system, not yet with faults. `services` holds the names of all services that are
    /// called.
    pub(crate) fn new(
        topology: Arc<Topology>,
        services: Vec<String>,
        timeout: Span,
        decider: Decider<'_>,
        options: &Options,
    ) -> Result<Self, SimulationError> {
        let problems = topology.problems();
        if !problems.is_empty() {
            return Err(SimulationError::Topology { name: topology.name.clone(), problems });
        }
        if options.balancers == 0 {
            return Err(SimulationError::NoBalancer);
        }
        let mut pool_start = Vec::with_capacity(topology.pools.len());
        let mut sites = Vec::new();
        for pool in &topology.pools {
            pool_start.push(sites.len() as u16);
            sites.extend(pool.backends.iter().map(|spec| Site {
                model: BackendModel::new(spec, FaultTimeline::default()),
                coming: VecDeque::new(),
                in_flight: 0,
                peak_in_flight: 0,
                requests: 0,
                busy_before: Span::ZERO,
            }));
        }
        let seers = |oracle| topology.pools.iter().map(|_| Seer::new(oracle, timeout)).collect();
        let (balancers, seers, lesson): (_, Vec<Seer>, _) = match decider {
            Decider::Policies(policy) => (decider::balancers(&topology, policy, options), Vec::new(), None),
            Decider::Oracle(oracle) => (Vec::new(), seers(oracle), None),
            Decider::Taught { policy, teacher, lesson } => {
                (decider::balancers(&topology, policy, options), seers(teacher), Some(lesson))
            }
        };
        let reporting = Reporting::new(options.reports, options.seed, sites.len(), balancers.len());
        Ok(Self {
            reporting,
            services,
            delay: options.network_delay,
            now: Time::ZERO,
            events: 0,
            balancers,
            seers,
            lesson,
            costs: Vec::new(),
            luck: (options.luck != 0).then(|| mix(options.luck)),
            pool_start,
            next_events: NextEvents::new(sites.len()),
            requests: Requests::new(timeout),
            hints: Vec::new(),
            wire: VecDeque::new(),
            health: Health::new(options.health, sites.len()),
            finished: Vec::new(),
            sites,
            topology,
        })
    }

    /// Begins the measured phase: starts the faults and resets the counts.
    pub(crate) fn begin_measuring(&mut self, length: Span) {
        let timelines: Vec<FaultTimeline> = self
            .topology
            .backends(&self.services)
            .map(|placed| {
                FaultTimeline::new(&self.topology.faults, &placed.spec.id, &placed.services, length)
            })
            .collect();
        for (backend, timeline) in timelines.into_iter().enumerate() {
            let site = &mut self.sites[backend];
            site.model.start_faults(timeline, self.now, &mut self.finished);
            site.requests = 0;
            site.peak_in_flight = site.in_flight;
            site.busy_before = site.model.busy_at(self.now);
            self.send_back_finished(self.now);
            self.note_next_event(backend);
        }
        self.events = 0;
    }

    pub(crate) fn now(&self) -> Time {
        self.now
    }

    /// Returns whether no request is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.requests.is_empty()
    }

    /// Returns the time of the next event.
    pub(crate) fn next_time(&self) -> Time {
        let wire = self.wire.front().map_or(Time::MAX, |(at, _)| *at);
        let timeout = self.requests.first_timeout().map_or(Time::MAX, |(at, _)| at);
        let next = wire.min(timeout).min(self.next_events.first_time()).min(self.health.next());
        match &self.reporting {
            None => next,
            Some(reporting) => next.min(reporting.next_time()),
        }
    }

    /// Returns the request that the next event brings to a load balancer, if it is such an event.
    /// The time of the next event is given, since it is known to those who ask.
    pub(crate) fn next_to_place(&self, next: Time) -> Option<u32> {
        let (at, slot) = *self.wire.front()?;
        let is_next = at == next && at != self.next_events.first_time();
        (is_next && self.requests[slot].stage == Stage::ToBalancer).then_some(slot)
    }

    /// Returns the call of a request in flight.
    pub(crate) fn call(&self, slot: u32) -> &Call {
        &self.requests[slot].call
    }

    /// Returns the load balancer and pool that serve a call; there are none under an oracle.
    pub(crate) fn balancer_of(&self, call: &Call) -> &Balancer {
        &self.balancers[self.number_of_balancer(call)]
    }

    /// Sends a request of a client at `now`, with what it says about its cost, if anything. No earlier event may be
    /// pending.
    pub(crate) fn send(&mut self, mut call: Call, hints: Option<&Hints>, now: Time) {
        if let Some(luck) = self.luck {
            call.key = mix(call.key ^ luck);
        }
        self.now = now;
        self.events += 1;
        let slot = self.requests.insert(call, now);
        if hints.is_some() || !self.hints.is_empty() {
            self.note_hints(slot, hints);
        }
        self.put_on_wire(slot, Stage::ToBalancer);
    }

    /// Keeps what a request says.
    fn note_hints(&mut self, slot: u32, hints: Option<&Hints>) {
        let slot = slot as usize;
        if self.hints.len() <= slot {
            self.hints.resize(slot + 1, Hints::default());
        }
        self.hints[slot] = hints.copied().unwrap_or_default();
    }

    /// Processes the next event, which is due at [`Self::next_time`]. At the same instant, backends come first, so that
    /// arriving requests see their current state; then messages, then probes, then timeouts, then health checks.
    pub(crate) fn step(&mut self, now: Time) -> Option<Ended> {
        debug_assert_eq!(now, self.next_time(), "events are processed in order");
        self.now = now;
        self.events += 1;
        if self.next_events.first_time() == now {
            self.advance_backend(self.next_events.first_backend(), now);
            return None;
        }
        if let Some((_, slot)) = self.wire.pop_front_if(|(at, _)| *at == now) {
            return self.deliver(slot, now);
        }
        if let Some(reporting) = &mut self.reporting
            && reporting.next_time() == now
            && let Some(probe) = reporting.pop()
        {
            self.deliver_probe(probe, now);
            return None;
        }
        if let Some((_, slot)) = self.requests.first_timeout().filter(|(at, _)| *at == now) {
            return Some(self.time_out(slot, now));
        }
        self.check_health();
        None
    }

    /// Reports on the phase that began at `epoch`.
    pub(crate) fn report(&self, epoch: Time, other_events: u64) -> Report {
        let specs = self.topology.pools.iter().flat_map(|pool| &pool.backends);
        Report {
            events: self.events + other_events,
            ended_at: Time::ZERO + self.now.since(epoch),
            arrivals: ArrivalCounts::default(),
            backends: specs
                .zip(&self.sites)
                .map(|(spec, site)| BackendReport {
                    id: spec.id.clone(),
                    requests: site.requests,
                    peak_in_flight: site.peak_in_flight,
                    busy: site.model.busy_at(self.now) - site.busy_before,
                })
                .collect(),
        }
    }

    fn put_on_wire(&mut self, slot: u32, stage: Stage) {
        self.requests[slot].stage = stage;
        self.wire.push_back((self.now + self.delay, slot));
    }

    fn balancer(&mut self, call: &Call) -> &mut Balancer {
        let number = self.number_of_balancer(call);
        &mut self.balancers[number]
    }

    /// Returns the position of a call's load balancer and pool, in the order in which policies were made.
    pub(crate) fn number_of_balancer(&self, call: &Call) -> usize {
        usize::from(call.balancer) * self.pool_start.len() + usize::from(call.pool)
    }

    fn backend(&self, call: &Call, place: BackendIndex) -> usize {
        usize::from(self.pool_start[usize::from(call.pool)]) + place.get()
    }

    /// Delivers a message.
    fn deliver(&mut self, slot: u32, now: Time) -> Option<Ended> {
        match self.requests[slot].stage {
            Stage::ToBalancer => self.place(slot, now),
            Stage::ToBackend => self.arrive(slot, now),
            Stage::BackToBalancer => {
                let kind = match self.requests[slot].end {
                    End::Failed | End::Refused => ReplyKind::ServerError,
                    End::Unreachable | End::Broken => ReplyKind::ConnectionError,
                    End::Served | End::NoBackend | End::TimedOut => ReplyKind::Success,
                };
                self.learn(slot, kind, now);
                self.hear(slot, now);
                self.put_on_wire(slot, Stage::BackToClient);
            }
            Stage::BackToClient => {
                let ended = self.ended(slot, now);
                self.requests.remove(slot);
                return Some(ended);
            }
            Stage::Abandoned | Stage::InBackend => self.requests.remove(slot),
        }
        None
    }

    /// Picks a backend for a request.
    fn place(&mut self, slot: u32, now: Time) {
        let call = self.requests[slot].call;
        let Some(place) = self.pick(slot, now) else {
            self.requests[slot].end = End::NoBackend;
            self.put_on_wire(slot, Stage::BackToClient);
            return;
        };
        let request = &mut self.requests[slot];
        request.place = place;
        request.picked = now;
        let backend = self.backend(&call, place);
        let site = &mut self.sites[backend];
        site.requests += 1;
        site.in_flight += 1;
        site.peak_in_flight = site.peak_in_flight.max(site.in_flight);
        self.put_on_wire(slot, Stage::ToBackend);
        if self.reporting.is_some() {
            self.ask(&call, now);
        }
    }

    /// Sends the probes that are due with a request.
    fn ask(&mut self, call: &Call, now: Time) {
        let (balancer, pool) = (self.number_of_balancer(call), usize::from(call.pool));
        let count = self.topology.pools[pool].backends.len();
        if let Some(reporting) = &mut self.reporting
            && !self.balancers.is_empty()
        {
            reporting.ask(balancer, usize::from(self.pool_start[pool]), count, now + self.delay);
        }
    }

    /// Delivers a probe to its backend, or an answer to the load balancer that asked.
    fn deliver_probe(&mut self, probe: Probe, now: Time) {
        match (&probe.answer, &mut self.reporting) {
            (Some(report), _) => self.balancers[probe.balancer].report(probe.place, report, now),
            (None, Some(reporting)) => {
                reporting.answer(probe, &self.sites[probe.site].model, now, now + self.delay);
            }
            (None, None) => {}
        }
    }

    /// Tells the load balancer what the reply to a request reports.
    fn hear(&mut self, slot: u32, now: Time) {
        let request = &self.requests[slot];
        let by_backend = matches!(request.end, End::Served | End::Failed | End::Refused);
        let Some(report) = self.reporting.as_ref().filter(|_| by_backend).and_then(|all| all.read(slot))
        else {
            return;
        };
        let (number, place) = (self.number_of_balancer(&request.call), request.place);
        if let Some(balancer) = self.balancers.get_mut(number) {
            balancer.report(place, &report, now);
        }
    }

    fn pick(&mut self, slot: u32, now: Time) -> Option<BackendIndex> {
        let call = self.requests[slot].call;
        if !self.seers.is_empty() {
            self.see(slot, now);
        }
        let place = if self.balancers.is_empty() {
            self.seers[usize::from(call.pool)].cheapest(&self.costs)
        } else {
            if let Some(lesson) = &mut self.lesson {
                lesson(&self.costs);
            }
            let info = self.info(slot);
            self.balancer(&call).pick(&info, now)
        }?;
        if !self.seers.is_empty() {
            let coming = self.coming(slot);
            let backend = self.backend(&call, place);
            self.sites[backend].coming.push_back(coming);
        }
        Some(place)
    }

    /// Returns what a load balancer reads of a request before it picks.
    pub(crate) fn info(&self, slot: u32) -> RequestInfo {
        let call = &self.requests[slot].call;
        let hints = self.hints.get(slot as usize).copied().unwrap_or_default();
        RequestInfo { client_key: call.client_key, route: self.class(call.route), hints }
    }

    /// Computes an oracle's cost estimate for each backend.
    fn see(&mut self, slot: u32, now: Time) {
        let pool = usize::from(self.requests[slot].call.pool);
        let first = usize::from(self.pool_start[pool]);
        let count = self.topology.pools[pool].backends.len();
        let request = self.coming(slot);
        let sites = &self.sites[first..first + count];
        let views = sites.iter().map(|site| View { model: &site.model, coming: &site.coming });
        self.seers[pool].see(request, views, now, &mut self.costs);
    }

    /// Returns the class of route for policies: from 1 on for the routes of the topology. A request
    /// that matches no route gets 0, as in a load balancer without a number for its route.
    fn class(&self, route: RouteIndex) -> u16 {
        if usize::from(route.0) < self.topology.routes.len() { route.0 + 1 } else { 0 }
    }

    fn coming(&self, slot: u32) -> Coming {
        let call = &self.requests[slot].call;
        Coming { slot, demand: self.demand(call), service: usize::from(call.service) }
    }

    fn demand(&self, call: &Call) -> Span {
        demand_at_cost(self.topology.service_time(call.route), call.key, call.cost)
    }

    /// Delivers a request to its backend.
    fn arrive(&mut self, slot: u32, now: Time) {
        let request = self.requests[slot];
        let call = &request.call;
        let backend = self.backend(call, request.place);
        let job = Job {
            id: self.requests.job(slot),
            demand: self.demand(call),
            service: usize::from(call.service),
            key: call.key,
        };
        self.no_longer_coming(slot, backend);
        if let Some(reporting) = &mut self.reporting {
            reporting.arrived(slot, &self.sites[backend].model, now);
        }
        let end = match self.sites[backend].model.arrive(job, now) {
            Arrival::Accepted => {
                self.requests[slot].stage = Stage::InBackend;
                return self.note_next_event(backend);
            }
            Arrival::Hangs => {
                self.requests[slot].stage = Stage::InBackend;
                return;
            }
            Arrival::QueueFull | Arrival::FastFail => End::Refused,
            Arrival::Down => End::Unreachable,
        };
        self.requests[slot].end = end;
        if let Some(reporting) = &mut self.reporting {
            reporting.write(slot, backend, &self.sites[backend].model, now);
        }
        self.put_on_wire(slot, Stage::BackToBalancer);
    }

    /// Removes a request from those on their way: it reached its backend, or its client went away.
    fn no_longer_coming(&mut self, slot: u32, backend: usize) {
        let coming = &mut self.sites[backend].coming;
        if let Some(place) = coming.iter().position(|coming| coming.slot == slot) {
            coming.remove(place);
        }
    }

    fn advance_backend(&mut self, backend: usize, now: Time) {
        self.sites[backend].model.advance(now, &mut self.finished);
        self.note_next_event(backend);
        self.send_back_finished(now);
    }

    /// Sends the replies of all requests that have just finished, in order.
    fn send_back_finished(&mut self, now: Time) {
        for i in 0..self.finished.len() {
            let done = self.finished[i];
            debug_assert!(done.at == now, "no end of service may be missed");
            let slot = slot_of(done.id);
            self.requests[slot].end = match done.result {
                JobResult::Served => End::Served,
                JobResult::Failed => End::Failed,
                JobResult::Broken => End::Broken,
            };
            if self.reporting.is_some() {
                self.note_reply(slot, done.result, now);
            }
            self.put_on_wire(slot, Stage::BackToBalancer);
        }
        self.finished.clear();
    }

    /// Records a reply for the reports of its backend, and writes the one that it carries.
    fn note_reply(&mut self, slot: u32, result: JobResult, now: Time) {
        let request = &self.requests[slot];
        let backend = self.backend(&request.call, request.place);
        if let Some(reporting) = &mut self.reporting {
            if result == JobResult::Served {
                reporting.served(slot, backend, now);
            }
            reporting.write(slot, backend, &self.sites[backend].model, now);
        }
    }

    fn note_next_event(&mut self, backend: usize) {
        let next = self.sites[backend].model.next_event().unwrap_or(Time::MAX);
        self.next_events.set(backend, next);
    }

    /// Tells the load balancer how a request ended.
    fn learn(&mut self, slot: u32, kind: ReplyKind, now: Time) {
        let request = self.requests[slot];
        if !self.balancers.is_empty() {
            let reply = Reply { kind, latency: now.since(request.picked) };
            self.balancer(&request.call).reply(request.place, &reply, now);
        }
        let backend = self.backend(&request.call, request.place);
        self.sites[backend].in_flight -= 1;
    }

    /// Times out a request: the client stops waiting, and the load balancer gives the request up.
    fn time_out(&mut self, slot: u32, now: Time) -> Ended {
        self.requests[slot].end = End::TimedOut;
        let ended = self.ended(slot, now);
        let stage = self.requests[slot].stage;
        if matches!(stage, Stage::ToBackend | Stage::InBackend | Stage::BackToBalancer) {
            self.learn(slot, ReplyKind::Timeout, now);
        }
        if stage == Stage::ToBackend {
            let request = self.requests[slot];
            self.no_longer_coming(slot, self.backend(&request.call, request.place));
        }
        if stage == Stage::InBackend {
            let request = self.requests[slot];
            let backend = self.backend(&request.call, request.place);
            let job = self.requests.job(slot);
            self.sites[backend].model.cancel(job, now);
            self.requests.remove(slot);
        } else {
            self.requests.abandon(slot);
        }
        ended
    }

    fn ended(&self, slot: u32, done: Time) -> Ended {
        let request = &self.requests[slot];
        let answered = matches!(request.end, End::Served | End::Failed | End::Refused);
        Ended {
            owner: request.call.owner,
            sent: request.sent,
            done,
            end: request.end,
            backend: answered.then(|| self.backend(&request.call, request.place) as u16),
        }
    }

    fn check_health(&mut self) {
        self.health.checked();
        for backend in 0..self.sites.len() {
            let Some(healthy) = self.health.found(backend, self.sites[backend].model.is_up()) else {
                continue;
            };
            let pool = self.pool_start.partition_point(|start| usize::from(*start) <= backend) - 1;
            let place = BackendIndex(backend as u32 - u32::from(self.pool_start[pool]));
            for balancer in self.balancers.iter_mut().skip(pool).step_by(self.pool_start.len()) {
                balancer.set_healthy(place, healthy);
            }
        }
    }
}
