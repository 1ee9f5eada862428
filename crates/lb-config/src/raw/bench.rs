//! The `bench` block: settings of the experiment, the same in every shape.

use super::arrivals::Arrivals;
use super::scrape::Scrape;
use crate::engine::{Engine, LoadReports};
use lb_admin_client::Declaration;
use lb_core::fault::Fault;
use lb_core::ordered::Ordered;
use lb_core::topology::Topology;
use lb_core::workload::Journey;
use lb_core::{BackendFrom, Observation};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Settings of the experiment, in a config of any shape. Flags override them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Bench {
    /// Algorithms to compare, such as `round-robin` or `least-connections+ejection`.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub(crate) algorithms: Option<Vec<String>>,
    /// Number of passes over all algorithms.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) repetitions: Option<u32>,
    /// Passes are added until the confidence intervals of the mean and the 95th percentile are within this
    /// fraction of the value on either side: 0.03 means ±3 %.
    #[schemars(range(min = 0.001, max = 1))]
    pub(crate) precision: Option<f64>,
    /// Passes are planned so that a difference of this size in the primary metric is found with a probability
    /// of 80 %, as a fraction: 0.1 is 10 %. A pilot in virtual time determines how many passes that takes.
    #[schemars(range(min = 0.001, max = 1))]
    pub(crate) detect: Option<f64>,
    /// Upper limit for the passes with `precision` or `detect`.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) max_repetitions: Option<u32>,
    /// Margin of equivalence, as a fraction: algorithms that differ by less count as equivalent.
    #[schemars(range(min = 0.001, max = 0.5))]
    pub(crate) margin: Option<f64>,
    /// Metric that decides verdicts: `mean`, `p50`, `p95`, `p99`, `p999`, `error_rate` or `goodput`. All
    /// other metrics are exploratory.
    pub(crate) primary_metric: Option<String>,
    /// Algorithm that all others are compared with. Without it, every pair is compared.
    pub(crate) baseline: Option<String>,
    /// Length of each scenario such as `30s`, or `forever` for a load that ends when it is stopped.
    #[schemars(length(min = 1))]
    pub(crate) duration: Option<String>,
    /// Seed of the schedule: the same seed gives every algorithm the same users.
    pub(crate) seed: Option<u64>,
    /// Seconds of warm-up before each measured phase.
    #[schemars(range(min = 0, max = 86400))]
    pub(crate) warm_up_s: Option<f64>,
    /// Also detect the end of the warm-up from the measurements (MSER-5).
    pub(crate) warm_up_detection: bool,
    /// Pause between trials, in seconds.
    #[schemars(range(min = 0, max = 86400))]
    pub(crate) cool_down_s: Option<f64>,
    /// Longest wait in seconds for requests in flight, after and between trials.
    #[schemars(range(min = 0, max = 3600))]
    pub(crate) drain_timeout_s: Option<f64>,
    /// Longest time in seconds for opening a connection, with the TLS handshake; never longer than
    /// `request_timeout`.
    #[schemars(range(max = 3600), extend("exclusiveMinimum" = 0))]
    pub(crate) connect_timeout_s: Option<f64>,
    /// Seconds between two look-ups of the name of the load balancer while load is sent; 0 keeps the addresses
    /// that were found first.
    #[schemars(range(min = 0, max = 86400))]
    pub(crate) resolve_every_s: Option<f64>,
    /// The version of HTTP that is spoken: `1.1`, `2` (also without TLS), or `auto` (over TLS what the server chooses,
    /// else 1.1).
    pub(crate) http: Option<String>,
    /// Which requests share a connection: `per-user` (each user keeps its own), `pool:N` (all users share N), or
    /// `per-request` (a new one for each).
    pub(crate) connections: Option<String>,
    /// How TLS is spoken with a load balancer at an `https` address.
    pub(crate) tls: Tls,
    /// How replies of a load balancer that is already running name the backend; by default in the header `X-Backend`.
    pub(crate) backend_from: Option<BackendFrom>,
    /// A header of replies, such as `X-Cache-Status`, by whose values replies are told apart: hits and misses.
    pub(crate) observe: Option<Observation>,
    /// Seconds from which on a request is slow: slow requests are shown while the load runs, and written to a file.
    #[schemars(range(max = 3600), extend("exclusiveMinimum" = 0))]
    pub(crate) slow_s: Option<f64>,
    /// Names of the backends of a load balancer that is already running and does not list them, as replies give them.
    /// One that answers nothing then has a share of 0.
    #[schemars(inner(length(min = 1)))]
    pub(crate) backends: Vec<String>,
    /// Real HTTP over real sockets (`live`), or virtual time (`sim`).
    pub(crate) engine: Option<Engine>,
    /// Playback speed, as a multiple: divides offsets, durations, ramp-ups and the warm-up, but not think
    /// times or service times.
    #[schemars(range(min = 0.001, max = 1_000_000))]
    pub(crate) time_scale: Option<f64>,
    /// Backends of the embedded run and the simulator: a bundled name, a path, or the object itself.
    pub(crate) topology: Option<Source<Topology>>,
    /// What users can do: a bundled name, a path, or the object itself.
    pub(crate) journey: Option<Source<Journey>>,
    /// What the mock backends of the embedded run answer: the name of a bundled pack that has a mock API, a path, or the
    /// object itself (docs/mock-api.md). Without it, they are a shop.
    pub(crate) mock_api: Option<Source<Ordered<Value>>>,
    /// The load balancer under test; the embedded one if left out. `base_url` alone does not name a load
    /// balancer.
    pub(crate) load_balancer: Option<LoadBalancerBlock>,
    /// Load balancers to compare, each started by `bench`: `reference`, `haproxy`, `nginx`, `envoy`, `caddy`,
    /// `traefik`.
    #[schemars(inner(length(min = 1)))]
    pub(crate) compare_load_balancers: Vec<String>,
    /// Seconds between two changes of weights when `rl` steers a real load balancer.
    #[schemars(range(min = 0.01, max = 60))]
    pub(crate) steering_period_s: Option<f64>,
    /// The policy file that `rl` follows, in place of the one that comes with `bench`.
    #[schemars(length(min = 1))]
    pub(crate) policy: Option<String>,
    /// Number of load balancers, each of which knows only the requests that it sent itself. In live runs,
    /// they are data threads of the reference load balancer.
    #[schemars(range(min = 1, max = 64))]
    pub(crate) balancers: Option<u16>,
    /// Have mock backends report their load to the reference load balancer: in each reply (`orca`), or as answers to
    /// probes (`probes`). Without it, they do not.
    pub(crate) load_reports: Option<LoadReports>,
    /// Requests per second of background traffic in the gaps between patterns; 0 turns it off.
    #[schemars(range(min = 0, max = 10000))]
    pub(crate) background_rps: Option<f64>,
    /// Arrivals of sessions or actions in place of the users of every pattern (open model).
    pub(crate) arrivals: Option<Arrivals>,
    /// Upper limit for the sessions of the open model in flight. An arrival beyond it is dropped and counted.
    #[schemars(range(min = 1, max = 100_000))]
    pub(crate) max_in_flight: Option<u32>,
    /// Conditions under which the run passes, by metric, such as
    /// `{"http_req_duration{algorithm:rl}": ["p(95)<200"]}`. Each condition is a string, or an object as in k6.
    pub(crate) thresholds: Ordered<Vec<Condition>>,
    /// Bundled sets of thresholds: `basic`, `stress`, `light`, `medium` or `heavy`.
    pub(crate) threshold_presets: Vec<String>,
    /// Metrics that are read beside the load and drawn under the latency: pages in the text format of Prometheus, and
    /// queries to a Prometheus server.
    pub(crate) scrape: Vec<Scrape>,
    /// Seconds between two readings of a target of `scrape`.
    #[schemars(range(min = 1, max = 3600))]
    pub(crate) scrape_interval_s: Option<f64>,
    /// Faults in every scenario, in addition to those of the topology and of the scenario.
    pub(crate) faults: Vec<Fault>,
    /// Think time before each action in seconds, `[min, max]`, for profiles that do not set it.
    #[schemars(inner(range(min = 0, max = 86400)))]
    pub(crate) think_time_s: Option<[f64; 2]>,
    /// Number of actions in a session, `[min, max]`, for profiles that do not set it.
    #[schemars(inner(range(min = 1, max = 100_000)))]
    pub(crate) actions_per_session: Option<[u32; 2]>,
}

/// A condition of a threshold.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Condition {
    /// The condition, such as `p(95)<200`.
    Text(String),
    /// The condition with the settings that k6 knows.
    Settings(ConditionSettings),
}

/// A condition with the settings that k6 knows.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct ConditionSettings {
    /// The condition, such as `p(95)<200`.
    pub(crate) threshold: String,
    /// Whether k6 ends a test as soon as the condition fails. Here thresholds are judged after a run, so that
    /// all algorithms are measured alike.
    #[serde(default)]
    pub(crate) abort_on_fail: bool,
    /// How long k6 waits before it ends a test. It has no effect here.
    #[allow(dead_code, reason = "for k6")]
    pub(crate) delay_abort_eval: Option<String>,
}

/// The load balancer under test: a declaration of what switches it, or one that needs none.
///
/// A declaration comes first: it has more required keys, and a block that fits both is the other.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum LoadBalancerBlock {
    /// A load balancer as data, with the steps that switch it.
    Declared(Box<Declaration>),
    /// A load balancer that `bench` knows, or an address.
    Plain(LoadBalancer),
}

/// A load balancer: one that is already running, or one that `bench` starts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LoadBalancer {
    /// The name: `reference`, `haproxy`, `nginx`, `envoy`, `caddy` or `traefik`. `bench` starts it unless
    /// `url` is set. Or the path of a declaration, such as `ingress.json`.
    #[schemars(length(min = 1))]
    pub(crate) kind: Option<String>,
    /// URL of a load balancer that is already running, including the path below which services are found.
    #[schemars(length(min = 1))]
    pub(crate) url: Option<String>,
    /// Name in results of what answers at `url`, if it is measured as it is, without `kind` and `admin`.
    #[schemars(length(min = 1, max = 64))]
    pub(crate) label: Option<String>,
    /// Admin address of a load balancer that is already running, if it is not at the origin of `url`.
    #[schemars(length(min = 1))]
    pub(crate) admin: Option<String>,
    /// Bearer token of the admin API. Prefer the environment: a config is easily shared.
    pub(crate) admin_token: Option<String>,
    /// Program of a real load balancer to start; by default the first one on PATH.
    #[schemars(length(min = 1))]
    pub(crate) program: Option<String>,
    /// Address on which a started load balancer listens, such as `127.0.0.1:8080`; by default a free loopback
    /// port.
    #[schemars(length(min = 1))]
    pub(crate) listen: Option<String>,
    /// How a real load balancer switches to another algorithm; by default `selector`.
    pub(crate) switching: Option<SwitchingName>,
}

/// How TLS is spoken with a load balancer at an `https` address. Paths are relative to the working directory or
/// to this config.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    /// PEM file with the authorities to trust, in place of those of the system.
    #[schemars(length(min = 1))]
    pub(crate) ca: Option<String>,
    /// PEM file with the client certificate, followed by those of the authorities between it and a trusted one.
    #[schemars(length(min = 1))]
    pub(crate) cert: Option<String>,
    /// PEM file with the private key of the client certificate.
    #[schemars(length(min = 1))]
    pub(crate) key: Option<String>,
    /// Accept any certificate, from anyone. All reports say so.
    pub(crate) insecure: Option<bool>,
    /// Whether a user that connects again resumes its session, as browsers do; by default true.
    pub(crate) resumption: Option<bool>,
}

/// How a load balancer switches to another algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SwitchingName {
    /// A selector chooses among groups of backends, one for each algorithm. Does not break connections.
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
