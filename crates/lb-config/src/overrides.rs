//! What the command line says on top of a config.

use super::engine::Engine;
use lb_admin_client::Switching;
use std::time::Duration;

/// Flags that win over the config. All absent: the config as it is.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Algorithms in place of all that the config names, also in scenarios that bring their own.
    pub algorithms: Option<Vec<String>>,
    /// Run only this scenario.
    pub scenario: Option<String>,
    /// Passes over all algorithms.
    pub repetitions: Option<u32>,
    /// Interval width at which no more passes are added, as a fraction.
    pub precision: Option<f64>,
    /// Most passes that `precision` may lead to.
    pub max_repetitions: Option<u32>,
    /// Margin of equivalence, as a fraction.
    pub margin: Option<f64>,
    /// Length of the warm-up phase, on the scaled timeline.
    pub warm_up: Option<Duration>,
    /// Look for the end of the warm-up in the measurements.
    pub detect_warm_up: bool,
    /// The open model: a process such as `poisson:500`, in place of the users of every pattern.
    pub arrivals: Option<String>,
    /// A recorded list of requests that takes the place of all scenarios.
    pub replay: Option<std::path::PathBuf>,
    /// How much faster than recorded it is played.
    pub speed: Option<f64>,
    /// Thresholds, such as `http_req_duration{algorithm:rl}: p(95)<200`.
    pub thresholds: Vec<String>,
    /// Names of sets of thresholds, such as `light`.
    pub threshold_presets: Vec<String>,
    /// Seed of the schedule.
    pub seed: Option<u64>,
    /// Most users at once: the patterns keep their proportions (and at least one user each), and
    /// the busiest moment has this many. It also takes the place of the config's cap.
    pub users: Option<u32>,
    /// Length of each scenario: offsets, durations, ramp-ups and faults are stretched or squeezed
    /// alike so that the last pattern ends there. It wins over `time_scale`.
    pub duration: Option<Duration>,
    /// Ramp-up of every pattern, as it will run (not scaled any more).
    pub ramp_up: Option<Duration>,
    /// How trials are driven.
    pub engine: Option<Engine>,
    /// Divides offsets, durations and ramp-ups, of patterns and of faults, and the warm-up. Think
    /// times, session lengths and service times stay: a scenario played faster, not users in haste.
    pub time_scale: Option<f64>,
    /// Backends: a bundled name or a path.
    pub topology: Option<String>,
    /// The policy file that `rl` follows.
    pub policy: Option<std::path::PathBuf>,
    /// Load balancers with private views.
    pub balancers: Option<u16>,
    /// The load balancer to drive.
    pub url: Option<String>,
    /// Its admin API.
    pub admin: Option<String>,
    /// Bearer token of the admin API.
    pub admin_token: Option<String>,
    /// A load balancer by its name, or the URL of one that runs.
    pub load_balancer: Option<String>,
    /// Names of load balancers to compare.
    pub compare_load_balancers: Option<Vec<String>>,
    /// The program of a real one.
    pub program: Option<std::path::PathBuf>,
    /// Where a real one listens.
    pub listen: Option<String>,
    /// Time from one look to the next where weights are steered.
    pub steering_period: Option<Duration>,
    /// How algorithms are selected in a real one.
    pub switching: Option<Switching>,
}
