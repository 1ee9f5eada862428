//! Flags that override a config. With the feature `cli`, the struct defines them for clap.

use super::engine::{Engine, LoadReports};
use super::error::Findings;
use super::length::Length;
use super::raw::{LONGEST_SECONDS, MOST_USERS};
use super::replay_flags::ReplayFlags;
use super::timeline::SHORTEST_S;
#[cfg(feature = "cli")]
use super::values;
use super::values::WarmUp;
use lb_admin_client::Switching;
use lb_core::BackendFrom;
use lb_core::connections::{ConnectionPolicy, HttpChoice};
use lb_results::Metric;
use serde_json::{Number, Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// Upper limit for the passes over all algorithms.
const MOST_REPETITIONS: u32 = 1000;
/// Upper limit for the number of private views: no machine has more threads for a load balancer.
const MOST_BALANCERS: u16 = 64;
/// The lowest number of users that may start per second.
pub(crate) const LOWEST_SPAWN_RATE: f64 = 0.001;
/// The highest number of users that may start per second.
pub(crate) const HIGHEST_SPAWN_RATE: f64 = 100_000.0;
/// The longest warm-up: a day.
const LONGEST_WARM_UP_S: f64 = 86_400.0;

/// Flags that override the config. The default sets none of them, so the config applies unchanged.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
pub struct Overrides {
    /// Run only this scenario of the config (case-insensitive).
    #[cfg_attr(feature = "cli", arg(long, value_name = "NAME", help_heading = "Workload"))]
    pub scenario: Option<String>,
    /// Run only scenarios, user classes and actions with one of these tags.
    ///
    /// A scenario or user class with one of the tags runs with all of its actions; otherwise, only its actions with
    /// one of the tags run. Opening and closing actions of sessions always run.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "Workload")
    )]
    pub tags: Vec<String>,
    /// Leave out scenarios, user classes and actions with one of these tags.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "Workload")
    )]
    pub exclude_tags: Vec<String>,
    /// Only these user classes, with their weights (case-insensitive).
    ///
    /// Configs call a user class a profile. The others are left out, and the classes that remain share all users.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "Workload")
    )]
    pub user_class: Vec<String>,
    /// Length of each scenario, such as `30s`, or `forever`.
    ///
    /// Offsets, durations, ramp-ups and the faults of the config are stretched or squeezed alike, so that
    /// the last pattern ends at this time. The faults of a topology keep their times. Wins over
    /// `--time-scale`. With `forever`, the busiest moment goes on until the run is stopped (docs/continuous.md).
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "TIME", value_parser = values::length, allow_hyphen_values = true, help_heading = "Workload")
    )]
    pub duration: Option<Length>,
    /// Play everything this many times as fast.
    ///
    /// Divides offsets, durations, ramp-ups and the config's warm-up. Think times, session lengths and
    /// service times do not change: the scenario is played faster, but its users act at the same pace.
    #[cfg_attr(feature = "cli", arg(long, value_name = "X", value_parser = values::number, allow_hyphen_values = true, help_heading = "Workload"))]
    pub time_scale: Option<f64>,
    /// Users at the busiest moment; all patterns are scaled alike.
    ///
    /// The patterns keep their proportions, with at least one user each. This also replaces the
    /// config's upper limit.
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = values::whole::<u32>, allow_hyphen_values = true, help_heading = "Workload"))]
    pub users: Option<u32>,
    /// Time over which the users of each pattern start, such as `10s`.
    ///
    /// This is the actual ramp-up: `--duration` and `--time-scale` do not scale it.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "TIME", value_parser = values::duration, allow_hyphen_values = true, help_heading = "Workload")
    )]
    pub ramp_up: Option<Duration>,
    /// Users that start per second, until all of a pattern are there.
    ///
    /// Sets the ramp-up of each pattern to its users divided by this rate. `--duration` and `--time-scale` do not scale
    /// it.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "N", value_parser = values::number, allow_hyphen_values = true, conflicts_with = "ramp_up", help_heading = "Workload")
    )]
    pub spawn_rate: Option<f64>,
    /// Arrivals per second in place of users, such as `poisson:500`.
    ///
    /// Open model: `constant:500`, `poisson:500`, `ramp:100-800` (from the beginning to the end of each
    /// pattern) or `bursts:200-1600:5s-1s` (calm and busy rate, and the mean stay in each).
    #[cfg_attr(feature = "cli", arg(long, value_name = "PROCESS", help_heading = "Workload"))]
    pub arrivals: Option<String>,
    /// Replay recorded requests in place of all scenarios; may be repeated.
    ///
    /// An access log of any server, a HAR, Vegeta targets, k6 points, a JSON list of `{endpoint, method, timestamp}`
    /// and more (docs/recordings.md), also compressed by gzip or zstd. `-` is standard input. Several files are played
    /// as one, in order of time. With `--arrivals constant:50`, 50 requests per second take the place of the times.
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", help_heading = "Workload"))]
    pub replay: Vec<PathBuf>,
    /// How to read and send the recorded requests.
    #[cfg_attr(feature = "cli", command(flatten))]
    pub recording: ReplayFlags,
    /// Replay this many times as fast as recorded.
    #[cfg_attr(feature = "cli", arg(long, value_name = "X", value_parser = values::number, allow_hyphen_values = true, help_heading = "Workload"))]
    pub speed: Option<f64>,
    /// Backends and their faults: a bundled topology or a file.
    ///
    /// Used by the embedded backends of a live run and by the simulator. Bundled: `default`,
    /// `situation-a` to `situation-i` and `online-boutique`.
    #[cfg_attr(feature = "cli", arg(long, value_name = "NAME", help_heading = "Workload"))]
    pub topology: Option<String>,

    /// Load balancer to start, by name, or the URL or declaration of a running one.
    ///
    /// `reference`, `haproxy`, `nginx`, `envoy`, `caddy` or `traefik` is started. A URL refers to one that is
    /// already running; with a name and `--url`, the named one is running there. A file such as `ingress.json`
    /// declares the commands or calls that switch one (docs/own-load-balancer.md).
    #[cfg_attr(feature = "cli", arg(long, value_name = "NAME|URL|FILE", help_heading = "Load balancer"))]
    pub load_balancer: Option<String>,
    /// Load balancers to start and compare, such as `reference,haproxy`.
    ///
    /// All of them get the same schedule, and so do direct connections to the backends.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            value_name = "A,B",
            value_delimiter = ',',
            conflicts_with_all = ["load_balancer", "url", "program", "listen"],
            help_heading = "Load balancer"
        )
    )]
    pub compare_load_balancers: Option<Vec<String>>,
    /// Address to measure as it is, or with `--load-balancer` or `--admin` to drive.
    ///
    /// Without either, nothing is switched or reset there: whatever answers is measured under one label. Without
    /// `--config`, only `GET` requests to this address are sent. With `--config`, its requests are sent below the
    /// path of the address, as in `http://host:8080/proxy`.
    #[cfg_attr(feature = "cli", arg(long, value_name = "URL", help_heading = "Load balancer"))]
    pub url: Option<String>,
    /// Name in results of an address that is measured as it is [default: as-it-is].
    ///
    /// Two runs with different labels can be compared by `bench compare`.
    #[cfg_attr(feature = "cli", arg(long, value_name = "NAME", help_heading = "Load balancer"))]
    pub label: Option<String>,
    /// Admin address of the load balancer that is already running.
    ///
    /// The URL of its admin API, if that is not at the origin of `--url`; the path of HAProxy's stats
    /// socket; or nginx's folder.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "ADDRESS", requires = "url", help_heading = "Load balancer")
    )]
    pub admin: Option<String>,
    /// Bearer token of the admin API.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            value_name = "TOKEN",
            env = "BENCH_ADMIN_TOKEN",
            hide_env_values = true,
            help_heading = "Load balancer"
        )
    )]
    pub admin_token: Option<String>,
    /// File with the bearer token of the admin API.
    ///
    /// No list of processes shows the token then. `--admin-token` and BENCH_ADMIN_TOKEN come first.
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", help_heading = "Load balancer"))]
    pub admin_token_file: Option<PathBuf>,
    /// Program of the load balancer to start [default: the first on PATH].
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "FILE", requires = "load_balancer", help_heading = "Load balancer")
    )]
    pub program: Option<PathBuf>,
    /// Address of the started load balancer [default: a free loopback port].
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "ADDRESS", requires = "load_balancer", help_heading = "Load balancer")
    )]
    pub listen: Option<String>,
    /// How a real load balancer switches to another algorithm [default: selector].
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            value_name = "HOW",
            value_parser = values::switching_parser(),
            help_heading = "Load balancer"
        )
    )]
    pub switching: Option<Switching>,
    /// Where replies name the backend, such as `header:X-Served-By`.
    ///
    /// `header:NAME`, `cookie:NAME`, or `body:/pointer` for a JSON pointer into the body; by default the header
    /// `X-Backend`. For a load balancer that is already running.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "PLACE", value_parser = values::backend_from, help_heading = "Load balancer")
    )]
    pub backend_from: Option<BackendFrom>,
    /// Authorities to trust for `https`, in place of the system's.
    ///
    /// A PEM file with one or more certificates. By default those authorities are trusted that the system
    /// trusts.
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", help_heading = "Load balancer"))]
    pub ca: Option<PathBuf>,
    /// Client certificate for `https`, in PEM.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "FILE", requires = "key", help_heading = "Load balancer")
    )]
    pub cert: Option<PathBuf>,
    /// Private key of the client certificate, in PEM.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "FILE", requires = "cert", help_heading = "Load balancer")
    )]
    pub key: Option<PathBuf>,
    /// Accept any certificate for `https`, from anyone.
    ///
    /// For trying things out: whoever answers may not be the target. All reports say so.
    #[cfg_attr(feature = "cli", arg(long, help_heading = "Load balancer"))]
    pub insecure: bool,
    /// Make a full TLS handshake for each connection.
    ///
    /// By default a user that connects again resumes its session, as browsers do.
    #[cfg_attr(feature = "cli", arg(long, help_heading = "Load balancer"))]
    pub no_tls_resumption: bool,
    /// Time for opening a connection, such as `5s` [default: 30s].
    ///
    /// Includes the TLS handshake, and is never longer than the request timeout of the config.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "TIME", value_parser = values::duration, allow_hyphen_values = true, help_heading = "Load balancer")
    )]
    pub connect_timeout: Option<Duration>,
    /// Version of HTTP to speak: `1.1`, `2` or `auto` [default: auto].
    ///
    /// `auto` takes what the server chooses over TLS, and HTTP/1.1 without TLS. `2` begins HTTP/2 without TLS, too.
    #[cfg_attr(feature = "cli", arg(long, value_name = "VERSION", help_heading = "Load balancer"))]
    pub http: Option<HttpChoice>,
    /// Which requests share a connection [default: per-user].
    ///
    /// `per-user`: each virtual user keeps its own. `pool:N`: all users of a scenario share N. `per-request`: each
    /// request opens a new one.
    #[cfg_attr(feature = "cli", arg(long, value_name = "POLICY", help_heading = "Load balancer"))]
    pub connections: Option<ConnectionPolicy>,
    /// Policy file that `rl` follows [default: the bundled one].
    ///
    /// A `.safetensors` file that `rl-train` exported.
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", help_heading = "Load balancer"))]
    pub policy: Option<PathBuf>,
    /// Time between two changes of weights by `rl` [default: 100ms].
    ///
    /// Only for real load balancers, which `rl` steers by the weights of their backends.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "TIME", value_parser = values::duration, allow_hyphen_values = true, help_heading = "Load balancer")
    )]
    pub steering_period: Option<Duration>,
    /// Load balancers with private views [default: 1].
    ///
    /// Each of them knows only the requests that it sent itself. In live runs, they are data threads of the
    /// reference load balancer.
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = values::whole::<u16>, allow_hyphen_values = true, help_heading = "Load balancer"))]
    pub balancers: Option<u16>,
    /// Have backends report their load [default: they do not].
    ///
    /// In each reply (`orca`) or as answers to probes (`probes`). Only for mock backends behind the reference load
    /// balancer, and in simulations.
    #[cfg_attr(feature = "cli", arg(long, value_enum, help_heading = "Load balancer"))]
    pub load_reports: Option<LoadReports>,

    /// Algorithms to compare, such as `round-robin,least-connections+ejection`.
    ///
    /// They replace all algorithms that the config names, even in scenarios that set their own.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "Experiment")
    )]
    pub algorithms: Option<Vec<String>>,
    /// Use real HTTP (`live`) or simulate in virtual time (`sim`).
    #[cfg_attr(feature = "cli", arg(long, value_enum, help_heading = "Experiment"))]
    pub engine: Option<Engine>,
    /// Passes over all algorithms [default: 1].
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = values::whole::<u32>, allow_hyphen_values = true, help_heading = "Experiment"))]
    pub repetitions: Option<u32>,
    /// Seed of the schedule [default: 42].
    ///
    /// The same seed gives the same users, actions and think times.
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = values::whole::<u64>, allow_hyphen_values = true, help_heading = "Experiment"))]
    pub seed: Option<u64>,
    /// Length of the warm-up such as `5s`, or `detect`.
    ///
    /// By default a tenth of the scenario, from half a second to five seconds. `detect` also looks for the
    /// end of the warm-up in the measurements (MSER-5).
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "TIME", value_parser = values::warm_up, allow_hyphen_values = true, help_heading = "Experiment")
    )]
    pub warm_up: Option<WarmUp>,

    /// Header by whose values replies are told apart, such as `X-Cache-Status`.
    ///
    /// Reports the share of hits, overall and by kind of request, and whether hits are faster than misses.
    /// `bench.observe` says which values are hits and which are misses.
    #[cfg_attr(feature = "cli", arg(long, value_name = "HEADER", help_heading = "Evidence"))]
    pub observe: Option<String>,
    /// Show and keep requests that take this long, such as `2s`.
    ///
    /// At most ten a second are shown while the load runs. A file for each trial in the results lists up to 100,000.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "TIME", value_parser = values::duration, allow_hyphen_values = true, help_heading = "Output")
    )]
    pub slow: Option<Duration>,
    /// Repeat until the intervals are this narrow, such as `3%`.
    ///
    /// Passes are added until the 95 % interval of the ratio of every two algorithms, in the mean and in the
    /// 95th percentile, is within this fraction of the ratio on either side.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "X%", value_parser = values::fraction, allow_hyphen_values = true, help_heading = "Evidence")
    )]
    pub precision: Option<f64>,
    /// Repeat often enough to find a difference of this size, such as `10%`.
    ///
    /// A pilot in virtual time says how many repetitions find it in the primary metric with a probability of 80 %.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "X%", value_parser = values::fraction, allow_hyphen_values = true, help_heading = "Evidence", conflicts_with = "precision")
    )]
    pub detect: Option<f64>,
    /// Most repetitions with `--precision` or `--detect` [default: 50].
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = values::whole::<u32>, allow_hyphen_values = true, help_heading = "Evidence"))]
    pub max_repetitions: Option<u32>,
    /// Smallest difference that matters, such as `5%` [default: 5%].
    ///
    /// Algorithms that differ by less are reported as equivalent.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "X%", value_parser = values::fraction, allow_hyphen_values = true, help_heading = "Evidence")
    )]
    pub margin: Option<f64>,
    /// Metric that decides verdicts [default: p95].
    ///
    /// `mean`, `p50`, `p95`, `p99`, `p999`, `error_rate` or `goodput`. All other metrics are exploratory:
    /// they are shown, but never make a winner.
    #[cfg_attr(feature = "cli", arg(long, value_name = "METRIC", help_heading = "Evidence"))]
    pub primary_metric: Option<Metric>,
    /// Algorithm that all others are compared with [default: every pair is compared].
    #[cfg_attr(feature = "cli", arg(long, value_name = "ALGORITHM", help_heading = "Evidence"))]
    pub baseline: Option<String>,
    /// Metrics to read beside the load, such as `http://host:9100/metrics`; repeatable.
    ///
    /// A page in the text format of Prometheus gives its well-known metrics, or a series that is named after `#`:
    /// `queue=http://host:9100/metrics#jobs_waiting`. A Prometheus server answers a query:
    /// `cpu=http://prometheus:9090?query=rate(process_cpu_seconds_total[15s])`. `load-balancer` and `backends` are those
    /// that `bench` starts. The report draws them under the latency and says which move with it (docs/resources.md).
    #[cfg_attr(feature = "cli", arg(long, value_name = "[NAME=]URL", help_heading = "Evidence"))]
    pub scrape: Vec<String>,
    /// Time between two readings of `--scrape`, at least 1s [default: 1s].
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "TIME", value_parser = values::duration, allow_hyphen_values = true, help_heading = "Evidence")
    )]
    pub scrape_interval: Option<Duration>,
    /// Exit with 99 unless this condition holds; may be repeated.
    ///
    /// For example `http_req_duration{algorithm:rl}: p(95)<200`, in milliseconds.
    #[cfg_attr(feature = "cli", arg(long = "threshold", value_name = "RULE", help_heading = "Evidence"))]
    pub thresholds: Vec<String>,
    /// Bundled set of thresholds: `basic`, `stress`, `light`, `medium` or `heavy`.
    #[cfg_attr(
        feature = "cli",
        arg(long = "threshold-preset", value_name = "NAME", help_heading = "Evidence")
    )]
    pub threshold_presets: Vec<String>,
}

impl Overrides {
    /// Reports values that are out of range.
    pub(crate) fn check_limits(&self, findings: &mut Findings) {
        let counts = [
            ("--repetitions", self.repetitions, MOST_REPETITIONS),
            ("--max-repetitions", self.max_repetitions, MOST_REPETITIONS),
            ("--users", self.users, MOST_USERS),
            ("--balancers", self.balancers.map(u32::from), MOST_BALANCERS.into()),
        ];
        for (flag, count, most) in counts {
            if let Some(count) = count.filter(|count| *count == 0 || *count > most) {
                findings.wrong(flag, count, format!("must be from 1 to {most}"));
            }
        }
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        let warm_up = match self.warm_up {
            Some(WarmUp::Fixed(time)) => Some(time),
            _ => None,
        };
        let numbers = [
            (
                "--duration",
                seconds(self.duration.and_then(Length::duration)),
                [SHORTEST_S, LONGEST_SECONDS],
                " seconds",
            ),
            ("--ramp-up", seconds(self.ramp_up), [0.0, LONGEST_SECONDS], " seconds"),
            ("--steering-period", seconds(self.steering_period), [0.01, 60.0], " seconds"),
            ("--slow", seconds(self.slow), [0.001, 3600.0], " seconds"),
            ("--connect-timeout", seconds(self.connect_timeout), [0.001, 3600.0], " seconds"),
            ("--scrape-interval", seconds(self.scrape_interval), [1.0, 3600.0], " seconds"),
            ("--warm-up", seconds(warm_up), [0.0, LONGEST_WARM_UP_S], " seconds"),
            ("--spawn-rate", self.spawn_rate, [LOWEST_SPAWN_RATE, HIGHEST_SPAWN_RATE], " users per second"),
            ("--time-scale", self.time_scale, [0.001, 1e6], ""),
            ("--precision", self.precision, [0.001, 1.0], ""),
            ("--detect", self.detect, [0.001, 1.0], ""),
            ("--margin", self.margin, [0.001, 0.5], ""),
            ("--speed", self.speed, [0.001, 1e6], ""),
        ];
        for (flag, number, [least, most], unit) in numbers {
            if let Some(number) = number.filter(|number| !(least..=most).contains(number)) {
                findings.wrong(flag, json_of(number), format!("must be from {least} to {most}{unit}"));
            }
        }
        if self.algorithms.as_ref().is_some_and(Vec::is_empty) {
            findings.wrong("--algorithms", json!([]), "is empty; name at least one algorithm");
        }
    }
}

/// Converts a number to JSON. Infinities and NaN, which JSON does not have, become text.
fn json_of(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| number.to_string().into(), Value::Number)
}
