//! The `bench` block: settings of the experiment, the same in every shape.

use super::arrivals::Arrivals;
use crate::engine::Engine;
use crate::ordered::Ordered;
use lb_core::fault::Fault;
use lb_core::topology::Topology;
use lb_core::workload::Journey;
use schemars::JsonSchema;
use serde::Deserialize;

/// Settings of the experiment, in a config of any shape. Flags win over them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Bench {
    /// Algorithms to compare, such as `round-robin` or `least-connections+ejection`.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub(crate) algorithms: Option<Vec<String>>,
    /// Passes over all algorithms.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) repetitions: Option<u32>,
    /// Passes are added until the confidence intervals of the mean and the 95th percentile are at most this
    /// wide to either side, as a fraction of the value: 0.03 is ±3 %.
    #[schemars(range(min = 0.001, max = 1))]
    pub(crate) precision: Option<f64>,
    /// Upper limit for the passes that `precision` adds.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) max_repetitions: Option<u32>,
    /// Margin of equivalence, as a fraction: algorithms that differ by less count as equivalent.
    #[schemars(range(min = 0.001, max = 0.5))]
    pub(crate) margin: Option<f64>,
    /// Seed of the schedule: the same seed gives every algorithm the same users.
    pub(crate) seed: Option<u64>,
    /// Seconds of warm-up before each measured phase.
    #[schemars(range(min = 0, max = 86400))]
    pub(crate) warm_up_s: Option<f64>,
    /// Also look for the end of the warm-up in the measurements (MSER-5).
    pub(crate) warm_up_detection: bool,
    /// Seconds of rest between trials.
    #[schemars(range(min = 0, max = 86400))]
    pub(crate) cool_down_s: Option<f64>,
    /// Longest wait in seconds for requests in flight, after and between trials.
    #[schemars(range(min = 0, max = 3600))]
    pub(crate) drain_timeout_s: Option<f64>,
    /// Real HTTP over real sockets (`live`), or virtual time (`sim`).
    pub(crate) engine: Option<Engine>,
    /// How many times as fast to play: divides offsets, durations, ramp-ups and the warm-up, not think times
    /// and service times.
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub(crate) time_scale: Option<f64>,
    /// Backends of the embedded run and the simulator: a bundled name, a path, or the object itself.
    pub(crate) topology: Option<Source<Topology>>,
    /// What users can do: a bundled name, a path, or the object itself.
    pub(crate) journey: Option<Source<Journey>>,
    /// The load balancer under test. Without it, the one at `base_url`, or else the embedded one.
    pub(crate) load_balancer: Option<LoadBalancer>,
    /// Load balancers to compare, each started by `bench`: `reference`, `haproxy`, `nginx`, `envoy`, `caddy`,
    /// `traefik`.
    #[schemars(inner(length(min = 1)))]
    pub(crate) compare_load_balancers: Vec<String>,
    /// Seconds between two changes of weights, where `rl` steers a real load balancer.
    #[schemars(range(min = 0.01, max = 60))]
    pub(crate) steering_period_s: Option<f64>,
    /// The policy file that `rl` follows, in place of the one that comes with `bench`.
    #[schemars(length(min = 1))]
    pub(crate) policy: Option<String>,
    /// Number of load balancers, each of which knows only of the requests that it sent itself. Live, they are
    /// data threads of the reference load balancer.
    #[schemars(range(min = 1, max = 64))]
    pub(crate) balancers: Option<u16>,
    /// Requests per second of background traffic in the gaps between patterns; 0 turns it off.
    #[schemars(range(min = 0, max = 10000))]
    pub(crate) background_rps: Option<f64>,
    /// Arrivals of sessions or actions in place of the users of every pattern (open model).
    pub(crate) arrivals: Option<Arrivals>,
    /// Upper limit for the sessions of the open model in flight. An arrival beyond it is dropped and counted.
    #[schemars(range(min = 1, max = 100_000))]
    pub(crate) max_in_flight: Option<u32>,
    /// Conditions under which the run passes, by metric: `{"http_req_duration{algorithm:rl}": ["p(95)<200"]}`.
    pub(crate) thresholds: Ordered<Vec<String>>,
    /// Bundled sets of thresholds: `basic`, `stress`, `light`, `medium` or `heavy`.
    pub(crate) threshold_presets: Vec<String>,
    /// Faults in every scenario, besides those of the topology and of the scenario.
    pub(crate) faults: Vec<Fault>,
    /// Seconds of thinking before each action, `[min, max]`, for profiles that do not say it.
    #[schemars(inner(range(min = 0, max = 86400)))]
    pub(crate) think_time_s: Option<[f64; 2]>,
    /// Actions in a session, `[min, max]`, for profiles that do not say it.
    #[schemars(inner(range(min = 1, max = 100_000)))]
    pub(crate) actions_per_session: Option<[u32; 2]>,
}

/// A load balancer: one that is already running, or one that `bench` starts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LoadBalancer {
    /// The name: `reference`, `haproxy`, `nginx`, `envoy`, `caddy` or `traefik`. Without `url` it is started.
    #[schemars(length(min = 1))]
    pub(crate) kind: Option<String>,
    /// The entry of one that already runs, with the path below which services lie.
    #[schemars(length(min = 1))]
    pub(crate) url: Option<String>,
    /// The admin address of one that already runs, where that is not at the origin of `url`.
    #[schemars(length(min = 1))]
    pub(crate) admin: Option<String>,
    /// Bearer token of the admin API. Prefer the environment: a config is easily shared.
    pub(crate) admin_token: Option<String>,
    /// The program of a real one to start; by default the first on PATH.
    #[schemars(length(min = 1))]
    pub(crate) program: Option<String>,
    /// The address on which a started one listens, such as `127.0.0.1:8080`; by default a free loopback port.
    #[schemars(length(min = 1))]
    pub(crate) listen: Option<String>,
    /// How a real one switches to another algorithm; by default `selector`.
    pub(crate) switching: Option<SwitchingName>,
}

/// How a load balancer switches to another algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SwitchingName {
    /// A selector chooses among groups of backends, one for each algorithm. Breaks no connection.
    Selector,
    /// A new configuration is loaded (nginx, Caddy, Envoy).
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
