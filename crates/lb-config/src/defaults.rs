//! The values that apply if neither a flag nor the config sets them.

/// The defaults of settings that do not depend on the dialect or on the scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Defaults {
    /// Algorithms of configs that name none.
    pub(crate) algorithms: [&'static str; 3],
    /// Seed of the schedule.
    pub(crate) seed: u64,
    /// Passes over all algorithms.
    pub(crate) repetitions: u32,
    /// Upper limit for the passes that a precision adds.
    pub(crate) max_repetitions: u32,
    /// Margin of equivalence, as a fraction.
    pub(crate) margin: f64,
    /// Seconds of rest between trials.
    pub(crate) cool_down_s: f64,
    /// Seconds to wait for requests in flight.
    pub(crate) drain_timeout_s: f64,
    /// Seconds between two changes of weights.
    pub(crate) steering_period_s: f64,
    /// Load balancers with private views.
    pub(crate) balancers: u16,
    /// Upper limit for the sessions of the open model in flight.
    pub(crate) max_in_flight: u32,
    /// Name of a bundled journey.
    pub(crate) journey: &'static str,
    /// Name of a bundled topology.
    pub(crate) topology: &'static str,
}

/// The defaults of `bench`.
pub(crate) const DEFAULTS: Defaults = Defaults {
    // The most common one, the best of the simple ones, and the learned one.
    algorithms: ["round-robin", "least-connections", "rl"],
    // Any number will do, as long as it is the same tomorrow.
    seed: 42,
    // Enough to look, too little to judge by.
    repetitions: 1,
    // Where sequential stopping ends if the precision is not reached: a night with scenarios of ten minutes.
    max_repetitions: 50,
    // Differences below 5 % decide nothing in practice.
    margin: 0.05,
    // Half a second lets sockets close; state is reset in other ways.
    cool_down_s: 0.5,
    // As long as the default timeout of a request.
    drain_timeout_s: 10.0,
    // Longer than any load balancer takes to put weights in force, shorter than a fault.
    steering_period_s: 0.1,
    balancers: 1,
    // Far above what any sane system has in flight, and few enough for one process.
    max_in_flight: 10_000,
    journey: "ecommerce",
    topology: "default",
};
