//! Traces of simulated policies, whose truth is known.

use lb_core::policy::{BackendIndex, Policy, PoolView, Reply, ReplyKind, RequestInfo};
use lb_core::rng::Rng;
use lb_core::topology::Topology;
use lb_core::workload::{Observer, Sample};
use lb_core::{Algorithm, Seed, Time};
use lb_traces::read::{End, Episode, Exchange, HintPlace, RecordedHints, Traces};
use simulator::{OpenLoad, Options, simulate_open};
use std::sync::{Arc, Mutex};

/// What all balancers of a simulation log, in the order of deciding.
type Log = Arc<Mutex<Vec<Exchange>>>;

/// A policy that writes down what a load balancer with traces would.
struct Traced {
    policy: Box<dyn Policy>,
    log: Log,
    balancer: u16,
    /// Places in the log of what is in flight.
    in_flight: Vec<(BackendIndex, Time, usize)>,
}

impl Policy for Traced {
    fn pick(
        &mut self,
        request: &RequestInfo,
        pool: &PoolView<'_>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<BackendIndex> {
        self.policy.pick(request, pool, now, rng)
    }

    fn on_sent(&mut self, backend: BackendIndex, request: &RequestInfo, now: Time) {
        self.policy.on_sent(backend, request, now);
        let mut log = self.log.lock().expect("no thread panicked");
        self.in_flight.push((backend, now, log.len()));
        log.push(Exchange {
            sent: now,
            latency: None,
            service: None,
            backend: backend.0 as u16,
            // Classes begin at 1; 0 stands for requests of no known route.
            route: request.route.saturating_sub(1),
            balancer: self.balancer,
            hints: HintPlace::default(),
            end: End::Censored,
        });
    }

    fn on_reply(&mut self, backend: BackendIndex, reply: &Reply, now: Time) {
        self.policy.on_reply(backend, reply, now);
        let sent = Time::from_nanos(now.as_nanos() - reply.latency.as_nanos());
        let place = self.in_flight.iter().position(|one| (one.0, one.1) == (backend, sent));
        let (_, _, row) = self.in_flight.swap_remove(place.expect("a reply follows a request"));
        let mut log = self.log.lock().expect("no thread panicked");
        log[row].latency = Some(reply.latency);
        log[row].end = match reply.kind {
            ReplyKind::Success => End::Served,
            ReplyKind::ServerError => End::Failed,
            ReplyKind::Timeout => End::TimedOut,
            ReplyKind::ConnectionError => End::Disconnected,
        };
    }
}

struct Ignore;

impl Observer for Ignore {
    fn sample(&mut self, _: &Sample) {}
}

/// One policy on a topology under a load.
pub(crate) fn episode(topology: &Topology, load: &OpenLoad, balancers: u16, policy: &str) -> Episode {
    let algorithm: Algorithm = policy.parse().expect("a known algorithm");
    let make = || algorithm.policy().expect("no policy file");
    episode_of(topology, load, balancers, policy, 0, &make)
}

/// The same with a policy that has no name. `luck` is [`Options::luck`].
pub(crate) fn episode_of(
    topology: &Topology,
    load: &OpenLoad,
    balancers: u16,
    name: &str,
    luck: u64,
    policy: &dyn Fn() -> Box<dyn Policy>,
) -> Episode {
    let log = Log::default();
    let mut balancer = 0;
    let mut policies = || -> Box<dyn Policy> {
        balancer += 1;
        Box::new(Traced {
            policy: policy(),
            log: Arc::clone(&log),
            balancer: balancer - 1,
            in_flight: Vec::new(),
        })
    };
    let options = Options { balancers, seed: Seed(77 + luck), luck, ..Options::default() };
    simulate_open(topology, load, &mut policies, &options, &mut Ignore).expect("a valid topology");
    let exchanges = std::mem::take(&mut *log.lock().expect("no thread panicked"));
    Episode { run: "test".to_owned(), policy: name.to_owned(), exploration: 0.0, balancers, exchanges }
}

/// Several policies, each under a load of its own seed.
pub(crate) fn traces(topology: &Topology, load: &OpenLoad, balancers: u16, policies: &[&str]) -> Traces {
    let of = |(number, policy): (usize, &&str)| {
        let load = OpenLoad { seed: Seed(load.seed.0 + number as u64), ..load.clone() };
        episode(topology, &load, balancers, policy)
    };
    let routes = match topology.routes.is_empty() {
        true => vec!["all".to_owned()],
        false => topology.routes.iter().map(|route| route.path.clone()).collect(),
    };
    Traces {
        backends: topology.pools[0].backends.iter().map(|backend| backend.id.clone()).collect(),
        weights: topology.pools[0].backends.iter().map(|backend| backend.weight).collect(),
        routes,
        hints: RecordedHints::default(),
        episodes: policies.iter().enumerate().map(of).collect(),
    }
}
