//! The values that apply if neither a flag nor the config sets them.

use lb_results::Metric;

/// The defaults of settings that do not depend on the dialect or on the scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Defaults {
    /// Algorithms for configs that do not name any.
    pub(crate) algorithms: [&'static str; 3],
    /// Seed of the schedule.
    pub(crate) seed: u64,
    /// Number of passes over all algorithms.
    pub(crate) repetitions: u32,
    /// Upper limit for the passes that a precision adds.
    pub(crate) max_repetitions: u32,
    /// The metric that decides verdicts.
    pub(crate) primary_metric: Metric,
    /// Margin of equivalence, as a fraction.
    pub(crate) margin: f64,
    /// Pause between trials, in seconds.
    pub(crate) cool_down_s: f64,
    /// Longest wait for requests in flight, in seconds.
    pub(crate) drain_timeout_s: f64,
    /// Longest time for opening a connection, in seconds.
    pub(crate) connect_timeout_s: f64,
    /// Seconds between two look-ups of the target's name.
    pub(crate) resolve_every_s: f64,
    /// Seconds between two changes of weights.
    pub(crate) steering_period_s: f64,
    /// Seconds between two readings of a scraped target.
    pub(crate) scrape_interval_s: f64,
    /// Number of load balancers with private views.
    pub(crate) balancers: u16,
    /// Upper limit for the sessions of the open model in flight.
    pub(crate) max_in_flight: u32,
    /// Name of the default journey, which is bundled.
    pub(crate) journey: &'static str,
    /// Name of the default topology, which is bundled.
    pub(crate) topology: &'static str,
}

/// The defaults of `bench`.
pub(crate) const DEFAULTS: Defaults = Defaults {
    // The most common algorithm, the best simple one, and the learned one.
    algorithms: ["round-robin", "least-connections", "rl"],
    // Any fixed number will do.
    seed: 42,
    // Enough for a first look, but not for a conclusion.
    repetitions: 1,
    // Stops a run that never reaches its precision: about a night if scenarios last ten minutes.
    max_repetitions: 50,
    // Users notice this tail, and a trial of a few hundred requests can still measure it.
    primary_metric: Metric::P95,
    // Differences below 5 % rarely matter in practice.
    margin: 0.05,
    // A tenth of a second lets sockets close; state is reset separately.
    cool_down_s: 0.1,
    // Equal to the default request timeout.
    drain_timeout_s: 10.0,
    // As browsers and curl's peers wait, more or less; the request timeout is usually shorter, and then rules.
    connect_timeout_s: 30.0,
    // The usual lifetime of a name that is meant to move.
    resolve_every_s: 30.0,
    // Longer than any load balancer takes to apply weights, shorter than a fault.
    steering_period_s: 0.1,
    // The resolution of the latency over time.
    scrape_interval_s: 1.0,
    balancers: 1,
    // Far more than a healthy system has in flight, and few enough for one process.
    max_in_flight: 10_000,
    journey: "ecommerce",
    topology: "default",
};
