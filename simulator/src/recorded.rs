//! Recorded arrivals: every request comes at a given time by a given route, whatever became of earlier ones.
//!
//! Compared with a [`Simulation`](crate::Simulation) of a replay, there are no users, actions or schedules, so
//! that logs of millions of requests can be simulated many times over.

use crate::decider::Decider;
use crate::error::SimulationError;
use crate::options::Options;
use crate::report::Report;
use crate::requests::Call;
use crate::sample::{Sender, sample};
use crate::system::System;
use lb_core::hints::Hints;
use lb_core::policy::Policy;
use lb_core::rng::mix;
use lb_core::topology::{Costs, RouteIndex, Topology};
use lb_core::workload::Observer;
use lb_core::{Span, Time};
use std::sync::Arc;

/// One recorded request.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RecordedArrival {
    /// When it arrives, from the start of the recording.
    pub at: Time,
    /// Position of its route in the topology; a position after the last one stands for "no route".
    pub route: u16,
    /// Determines the service time and whether the request fails, together with [`Options::luck`].
    pub key: u64,
    /// Identity of the client, for policies with affinity.
    pub client_key: u64,
    /// What the request said about its cost; `None` if the recording does not hold it.
    pub hints: Option<Hints>,
}

/// The label by which a request is assigned to one of several load balancers.
const BALANCERS: u64 = 4;

/// Simulates recorded arrivals on the first pool of a topology. `arrivals` are in ascending order of time;
/// requests still in flight after the last one run to their end. A request whose hints are not recorded costs as much as an
/// ordinary one, whatever the topology's costs.
///
/// Samples have user, action and step 0. Backends are numbered as in the topology.
///
/// # Errors
/// Fails if the topology has problems or there is no load balancer.
pub fn simulate_recorded(
    topology: &Topology,
    arrivals: impl Iterator<Item = RecordedArrival>,
    length: Span,
    request_timeout: Span,
    policy: &mut dyn FnMut() -> Box<dyn Policy>,
    options: &Options,
    observer: &mut impl Observer,
) -> Result<Report, SimulationError> {
    let routes = topology.routes.len() as u16;
    let costs = Costs::new(topology);
    let topology = Arc::new(topology.clone());
    let mut system = System::new(topology, Vec::new(), request_timeout, Decider::Policies(policy), options)?;
    system.begin_measuring(length + request_timeout);
    let sender = Sender { expected: &[200], ..Sender::default() };
    let mut arrivals = arrivals.peekable();
    while arrivals.peek().is_some() || !system.is_idle() {
        let next = system.next_time();
        if let Some(arrival) = arrivals.next_if(|arrival| arrival.at <= next) {
            let route = RouteIndex(arrival.route.min(routes));
            let hints = arrival.hints.as_ref();
            let call = Call {
                owner: 0,
                balancer: (mix(arrival.key ^ BALANCERS) % u64::from(options.balancers)) as u16,
                pool: 0,
                service: u16::MAX,
                route,
                cost: costs.as_ref().zip(hints).map_or(1.0, |(costs, hints)| costs.factor(route, hints)),
                key: arrival.key,
                client_key: arrival.client_key,
            };
            system.send(call, hints, arrival.at);
        } else if let Some(ended) = system.step(next) {
            observer.sample(&sample(&ended, Time::ZERO, &sender));
        }
    }
    Ok(system.report(Time::ZERO, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::hints::{Hint, Said, hash};
    use lb_core::policy::RoundRobin;
    use lb_core::workload::Sample;

    #[derive(Default)]
    struct Samples(Vec<(u64, u64, Option<u16>)>);

    impl Observer for Samples {
        fn sample(&mut self, sample: &Sample) {
            let done = sample.done.since(sample.sent);
            self.0.push((sample.sent.as_nanos() / 1_000_000, done.as_micros(), sample.backend));
        }
    }

    #[test]
    fn requests_come_when_they_came_and_by_their_routes() {
        let topology: Topology = serde_json::from_str(
            r#"{
                "name": "two",
                "pools": [{"name": "all", "backends": [{"id": "b1", "workers": 1}, {"id": "b2", "workers": 1}]}],
                "routes": [{"path": "/long", "service_time": {"distribution": "constant", "mean_ms": 30.0}}],
                "service_time": {"distribution": "constant", "mean_ms": 10.0}
            }"#,
        )
        .expect("a topology");
        let arrival = |(number, (at, route)): (usize, &(u64, u16))| RecordedArrival {
            at: Time::ZERO + Span::from_millis(*at),
            route: *route,
            key: number as u64,
            ..RecordedArrival::default()
        };
        // The long one goes to b1; the third waits for it for 15 ms, and the last comes after all are done.
        let recorded = [(0, 0), (5, 1), (15, 1), (900, 9)];
        let mut samples = Samples::default();
        let options = Options { network_delay: Span::ZERO, ..Options::default() };
        let mut policy = || -> Box<dyn Policy> { Box::new(RoundRobin::default()) };
        let second = Span::from_secs(1);
        let arrivals = recorded.iter().enumerate().map(arrival);
        let report =
            simulate_recorded(&topology, arrivals, second, second, &mut policy, &options, &mut samples)
                .expect("a simulation");
        samples.0.sort_unstable();
        let (first, second) = (samples.0[0].2, samples.0[1].2);
        assert_ne!(first, second, "round-robin takes the other backend");
        let expected = [(0, 30_000, first), (5, 10_000, second), (15, 25_000, first), (900, 10_000, second)];
        assert_eq!(samples.0, expected);
        assert_eq!(report.backends.iter().map(|backend| backend.requests).sum::<u64>(), 4);
    }

    #[test]
    fn what_a_recorded_request_says_decides_its_cost_where_the_topology_has_one() {
        let text = r#"{
            "name": "one",
            "pools": [{"name": "all", "backends": [{"id": "b1", "workers": 1}]}],
            "service_time": {"distribution": "constant", "mean_ms": 10.0},
            "cost": {"from": "query.limit", "law": {"power": {"of": 100}}}
        }"#;
        let mut topology: Topology = serde_json::from_str(text).expect("a topology");
        let limit = |value: f32| {
            let mut hints = Hints::default();
            hints.push(Hint { name: hash(b"query.limit"), said: Said::Number(value) });
            Some(hints)
        };
        let recorded = [(0, limit(300.0)), (100, None), (200, limit(50.0))];
        let run = |topology: &Topology| {
            let arrivals = recorded.iter().map(|(at, hints)| RecordedArrival {
                at: Time::ZERO + Span::from_millis(*at),
                hints: *hints,
                ..RecordedArrival::default()
            });
            let mut samples = Samples::default();
            let options = Options { network_delay: Span::ZERO, ..Options::default() };
            let mut policy = || -> Box<dyn Policy> { Box::new(RoundRobin::default()) };
            let second = Span::from_secs(1);
            simulate_recorded(topology, arrivals, second, second, &mut policy, &options, &mut samples)
                .expect("a simulation");
            samples.0.sort_unstable();
            samples.0.iter().map(|(_, micros, _)| *micros).collect::<Vec<_>>()
        };
        assert_eq!(run(&topology), [30_000, 10_000, 5_000], "three times, once and half of the service time");
        topology.cost = None;
        assert_eq!(run(&topology), [10_000; 3], "without a cost, what they say changes nothing");
    }
}
