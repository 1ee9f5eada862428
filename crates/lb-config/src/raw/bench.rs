//! The `bench` block: what none of the old dialects could say.

use super::arrivals::Arrivals;
use crate::engine::Engine;
use crate::ordered::Ordered;
use lb_core::fault::Fault;
use lb_core::topology::Topology;
use lb_core::workload::Journey;
use schemars::JsonSchema;
use serde::Deserialize;

/// How the experiment is run, in any dialect. Flags win over it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Bench {
    /// Algorithms to compare, such as `round-robin` or `least-connections+ejection`.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub(crate) algorithms: Option<Vec<String>>,
    /// Passes over all algorithms.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) repetitions: Option<u32>,
    /// More passes are added until every interval of the mean and the 95th percentile is at most this
    /// wide to either side: 0.03 is ±3 %.
    #[schemars(range(min = 0.001, max = 1))]
    pub(crate) precision: Option<f64>,
    /// Most passes that `precision` may lead to.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) max_repetitions: Option<u32>,
    /// Differences up to this fraction count as none: 0.05 is ±5 %.
    #[schemars(range(min = 0.001, max = 0.5))]
    pub(crate) margin: Option<f64>,
    /// Seed of the schedule: the same seed gives every algorithm the same users.
    pub(crate) seed: Option<u64>,
    /// Seconds of warm-up before each measured phase.
    #[schemars(range(min = 0, max = 86400))]
    pub(crate) warm_up_s: Option<f64>,
    /// Look for the end of the warm-up in the measurements, besides the warm-up phase.
    pub(crate) warm_up_detection: bool,
    /// Seconds of rest between trials.
    #[schemars(range(min = 0, max = 86400))]
    pub(crate) cool_down_s: Option<f64>,
    /// Longest wait in seconds for requests in flight, after and between trials.
    #[schemars(range(min = 0, max = 3600))]
    pub(crate) drain_timeout_s: Option<f64>,
    /// Live over real sockets, or simulated in virtual time.
    pub(crate) engine: Option<Engine>,
    /// Divides offsets, durations and ramp-ups, not think times and service times.
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub(crate) time_scale: Option<f64>,
    /// Backends of the embedded run and the simulator: a bundled name, a path, or the object itself.
    pub(crate) topology: Option<Source<Topology>>,
    /// What users can do: a bundled name, a path, or the object itself.
    pub(crate) journey: Option<Source<Journey>>,
    /// The load balancer to drive; without it `base_url` is tried, and then the embedded one.
    pub(crate) load_balancer: Option<LoadBalancer>,
    /// Load balancers to compare, each started by `bench`: `reference`, `haproxy`, `nginx`, `envoy`, `caddy`,
    /// `traefik`.
    #[schemars(inner(length(min = 1)))]
    pub(crate) compare_load_balancers: Vec<String>,
    /// Seconds from one look to the next where `rl` steers a real load balancer by weights.
    #[schemars(range(min = 0.01, max = 60))]
    pub(crate) steering_period_s: Option<f64>,
    /// The policy file that `rl` follows, in place of the one that comes with `bench`.
    #[schemars(length(min = 1))]
    pub(crate) policy: Option<String>,
    /// Load balancers, each of which sees only what it has sent itself: threads with private views when
    /// live.
    #[schemars(range(min = 1, max = 64))]
    pub(crate) balancers: Option<u16>,
    /// Requests per second of background traffic in the gaps between patterns; 0 is none.
    #[schemars(range(min = 0, max = 10000))]
    pub(crate) background_rps: Option<f64>,
    /// The open model: sessions or actions that arrive by the clock, in place of the users of every
    /// pattern.
    pub(crate) arrivals: Option<Arrivals>,
    /// Most sessions of the open model at once; an arrival that finds so many is dropped and counted.
    #[schemars(range(min = 1, max = 100_000))]
    pub(crate) max_in_flight: Option<u32>,
    /// What must hold, by metric: `{"http_req_duration{algorithm:rl}": ["p(95)<200"]}`.
    pub(crate) thresholds: Ordered<Vec<String>>,
    /// Sets of thresholds by name, such as `light`.
    pub(crate) threshold_presets: Vec<String>,
    /// Faults in every scenario, besides those of the topology and of the scenario.
    pub(crate) faults: Vec<Fault>,
    /// Seconds of thinking before each action, `[min, max]`, where a profile names none.
    #[schemars(inner(range(min = 0, max = 86400)))]
    pub(crate) think_time_s: Option<[f64; 2]>,
    /// Actions in a session, `[min, max]`, where a profile names none.
    #[schemars(inner(range(min = 1, max = 100_000)))]
    pub(crate) actions_per_session: Option<[u32; 2]>,
}

/// A load balancer: one that is already running, or one that `bench` starts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LoadBalancer {
    /// Which one: `reference`, `haproxy`, `nginx`, `envoy`, `caddy` or `traefik`. Without `url` it is started.
    #[schemars(length(min = 1))]
    pub(crate) kind: Option<String>,
    /// The entry of one that runs, with the path below which services lie.
    #[schemars(length(min = 1))]
    pub(crate) url: Option<String>,
    /// Its admin API, where that is not at the same origin.
    #[schemars(length(min = 1))]
    pub(crate) admin: Option<String>,
    /// Bearer token of the admin API. Prefer the environment: a config is easily shared.
    pub(crate) admin_token: Option<String>,
    /// The program of a real one that is started, in place of the first on PATH.
    #[schemars(length(min = 1))]
    pub(crate) program: Option<String>,
    /// Where one that is started listens, such as `127.0.0.1:8080`; absent: a free loopback port.
    #[schemars(length(min = 1))]
    pub(crate) listen: Option<String>,
    /// How algorithms are selected in a real one.
    pub(crate) switching: Option<SwitchingName>,
}

/// How algorithms are selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SwitchingName {
    /// By a selector among groups of backends; breaks no connection.
    Selector,
    /// By a new configuration (nginx, Caddy, Envoy).
    Config,
}

/// A bundled name, a path, or the object itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Source<T> {
    /// A bundled name or a path.
    Named(String),
    /// The object itself.
    Inline(Box<T>),
}
