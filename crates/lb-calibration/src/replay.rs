//! Replays a logged episode in virtual time: arrival times and routes are those of the log, while the
//! topology and the policy determine service times and backends.
//!
//! Compared with a synthetic load of the same mean rate, this keeps every ramp and wave of the log and
//! removes random arrivals from the comparison.

use super::{Calibration, Load};
use lb_core::policy::Policy;
use lb_core::topology::{Route, Topology};
use lb_core::workload::{
    ArrivalProcess, ArrivalStart, Arrivals, ClassMix, Journey, Observer, Replay, ReplayRequest, Scenario,
    Schedule, Stage, UserClass, Workload,
};
use lb_core::{Seed, Span, Time};
use lb_traces::read::Episode;
use simulator::Simulation;
use std::sync::Arc;

/// Maximum number of requests per episode, enough to estimate p99 to within a few per cent.
const MOST: usize = 500_000;

/// An episode prepared for simulation.
pub(super) struct Played {
    scenario: Scenario,
    schedule: Schedule,
}

impl Played {
    /// Prepares an episode for a calibrated topology.
    pub(super) fn new(episode: &Episode, load: &Load, calibration: &Calibration) -> Result<Self, String> {
        let exchanges = &episode.exchanges[..episode.exchanges.len().min(MOST)];
        let request = |exchange: &lb_traces::read::Exchange| ReplayRequest {
            at: exchange.sent.since(Time::ZERO),
            action: format!("GET {}", path(usize::from(exchange.route))),
            path: path(usize::from(exchange.route)),
            ..ReplayRequest::default()
        };
        let replay: Replay = exchanges.iter().map(request).collect();
        let duration = episode.length() + Span::from_secs(1);
        let journey = Journey::for_replay(&replay);
        let class = UserClass {
            name: "logged".to_owned(),
            actions: journey.actions.keys().map(|action| (action.clone(), 1.0)).collect(),
            ..UserClass::default()
        };
        let process = ArrivalProcess::Replay(Arc::new(replay));
        let stage = Stage {
            name: "logged".to_owned(),
            start: Span::ZERO,
            duration,
            ramp_up: Span::ZERO,
            users: 0,
            classes: vec![ClassMix { class: 0, share: 1.0, actions: [].into() }],
            user_variance: 0.0,
            think_time_variance: 0.0,
            action_randomness: 0.0,
            max_users: 0,
            background: false,
            arrivals: Some(Arrivals { process, start: ArrivalStart::Action }),
        };
        let workload =
            Workload::new(&journey, vec![class], vec![stage], &[].into(), 1).map_err(|problems| {
                let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
                problems.join("; ")
            })?;
        let workload = Arc::new(workload);
        let scenario = Scenario {
            name: "logged".to_owned(),
            workload: Arc::clone(&workload),
            duration,
            warm_up: Span::ZERO,
            max_in_flight: u32::MAX,
            request_timeout: load.request_timeout(),
            topology: Arc::new(with_numbered_routes(&calibration.topology)),
        };
        Ok(Self { scenario, schedule: Schedule::new(workload, Seed(1)) })
    }

    /// Simulates the episode; each `luck` gives the requests different service times.
    pub(super) fn play(
        &self,
        calibration: &Calibration,
        load: &Load,
        luck: u64,
        policy: &mut dyn FnMut() -> Box<dyn Policy>,
        observer: &mut impl Observer,
    ) -> Result<(), String> {
        let options = simulator::Options { luck, ..calibration.options(load, Seed(luck)) };
        Simulation::run(&self.scenario, &self.schedule, policy, &options, observer)
            .map(drop)
            .map_err(|problem| problem.to_string())
    }
}

/// Returns a unique path for a route, because patterns of real routes may overlap.
fn path(route: usize) -> String {
    format!("/route-{route}")
}

fn with_numbered_routes(topology: &Topology) -> Topology {
    let numbered = |(number, route): (usize, &Route)| Route {
        method: None,
        service: None,
        path: path(number),
        service_time: route.service_time.clone(),
        cost: None,
    };
    Topology { routes: topology.routes.iter().enumerate().map(numbered).collect(), ..topology.clone() }
}
