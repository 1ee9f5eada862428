//! Every knob once: what flags, the `bench` block of a config and the defaults come to.
//!
//! This is the only place that decides precedence: a flag, else the config, else the default. Each value
//! keeps the place where it was set, so that messages can point there; what a value means, and whether it
//! fits the others, is decided by the files that use it.

use super::defaults::Defaults;
use super::document::join;
use super::engine::Engine;
use super::error::Findings;
use super::overrides::Overrides;
use super::passes::{Passes, settle_passes};
use super::raw::{Arrivals, Bench, Source, SwitchingName};
use super::said::Said;
use super::values::WarmUp;
use lb_admin_client::Switching;
use lb_core::fault::Fault;
use lb_core::rng::Seed;
use lb_core::time::Span;
use lb_core::topology::Topology;
use lb_core::workload::Journey;
use std::path::PathBuf;
use std::time::Duration;

/// The settled knobs of a plan.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Names of algorithms, each with its own place. By default those of the dialect come first.
    pub(crate) algorithms: Said<Vec<Said<String>>>,
    /// The only scenario to run; `None` means all.
    pub(crate) scenario: Option<Said<String>>,
    /// Passes over all algorithms.
    pub(crate) passes: Passes,
    /// Margin of equivalence, as a fraction.
    pub(crate) margin: f64,
    /// Seed of the schedule.
    pub(crate) seed: Seed,
    /// Seconds of warm-up, as they will run; `None` leaves them to the length of the scenario.
    pub(crate) warm_up_s: Option<f64>,
    /// Whether the end of the warm-up is also looked for in the measurements.
    pub(crate) detect_warm_up: bool,
    /// Rest between trials.
    pub(crate) cool_down: Span,
    /// Longest wait for requests in flight.
    pub(crate) drain_timeout: Span,
    /// How trials are driven; `None` leaves it to the load balancer.
    pub(crate) engine: Option<Engine>,
    /// How many times as fast as written a scenario is played.
    pub(crate) time_scale: f64,
    /// All places that give a time scale, the one that wins first.
    pub(crate) time_scales: Vec<Said<f64>>,
    /// Users at the busiest moment; `None` leaves the patterns as they are.
    pub(crate) users: Option<Said<u32>>,
    /// Length of each scenario in seconds; `None` leaves it to the time scale.
    pub(crate) duration_s: Option<Said<f64>>,
    /// Seconds over which the users of every pattern arrive; `None` leaves it to the config.
    pub(crate) ramp_up_s: Option<Said<f64>>,
    /// The open model; `None` is the closed one.
    pub(crate) arrivals: Option<Said<Arrivals>>,
    /// Sessions of the open model in flight.
    pub(crate) max_in_flight: Said<u32>,
    /// A recording in place of all scenarios. A config says it with its arrivals.
    pub(crate) replay: Option<Said<PathBuf>>,
    /// How many times as fast as recorded it is played; `None` leaves it to the config's arrivals.
    pub(crate) speed: Option<Said<f64>>,
    /// Requests per second between patterns; `None` leaves it to the dialect.
    pub(crate) background_rps: Option<f64>,
    /// Seconds of thinking, `[min, max]`; `None` leaves it to the dialect.
    pub(crate) think_time_s: Option<[f64; 2]>,
    /// Actions in a session, `[min, max]`; `None` leaves it to the dialect.
    pub(crate) actions_per_session: Option<[u32; 2]>,
    /// What users can do.
    pub(crate) journey: Said<Source<Journey>>,
    /// The backends.
    pub(crate) topology: Said<Source<Topology>>,
    /// Faults in every scenario, on the timeline of the config.
    pub(crate) faults: Vec<Fault>,
    /// The policy file that `rl` follows; `None` is the bundled one.
    pub(crate) policy: Option<Said<PathBuf>>,
    /// Load balancers with private views.
    pub(crate) balancers: Said<u16>,
    /// Time between two changes of weights.
    pub(crate) steering_period: Span,
    /// Which load balancer is meant.
    pub(crate) target: TargetSettings,
    /// What must hold for the run to pass.
    pub(crate) thresholds: Vec<Said<Rule>>,
}

/// What is said of the load balancer. A flag that names one takes the place of all that the config says.
#[derive(Clone, Debug, Default)]
pub(crate) struct TargetSettings {
    /// Whether the config has a block about it that counts.
    pub(crate) in_config: bool,
    /// Its name, or its URL.
    pub(crate) name: Option<Said<String>>,
    /// The URL of one that runs.
    pub(crate) url: Option<Said<String>>,
    /// Names of load balancers to compare.
    pub(crate) compared: Option<Said<Vec<String>>>,
    /// Address of the admin API.
    pub(crate) admin: Option<Said<String>>,
    /// Bearer token of the admin API.
    pub(crate) admin_token: Option<String>,
    /// The program of a real one; `None` is the first on PATH.
    pub(crate) program: Option<PathBuf>,
    /// Where a real one listens.
    pub(crate) listen: Option<Said<String>>,
    /// How algorithms are selected in a real one.
    pub(crate) switching: Option<Switching>,
}

/// A threshold as it is said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rule {
    /// The name of a bundled set.
    Preset(String),
    /// Selector and condition in one text, as in `http_reqs: count>1`.
    Text(String),
    /// A selector and a condition.
    Parts(String, String),
}

impl Settings {
    /// Settles all knobs: flags win over `bench` (`None` for a config without one), and that over `defaults`. Flags out of their range and
    /// passes that contradict each other go to `findings`.
    pub(crate) fn settle(
        bench: Option<&Bench>,
        flags: &Overrides,
        defaults: &Defaults,
        findings: &mut Findings,
    ) -> Self {
        let silent = Bench::default();
        let bench = bench.unwrap_or(&silent);
        flags.check_limits(findings);
        let passes = settle_passes(
            flags.repetitions.or(bench.repetitions).unwrap_or(defaults.repetitions),
            flags.precision.or(bench.precision),
            Said::first(
                ("--max-repetitions", flags.max_repetitions),
                ("bench.max_repetitions", bench.max_repetitions),
            ),
            defaults.max_repetitions,
            findings,
        );
        let time_scales: Vec<Said<f64>> = [
            flags.time_scale.map(|scale| Said::by_flag("--time-scale", scale)),
            bench.time_scale.map(|scale| Said::by_config("bench.time_scale", scale)),
        ]
        .into_iter()
        .flatten()
        .collect();
        let time_scale = time_scales.first().map_or(1.0, |scale| scale.value);
        let seconds =
            |flag: &str, time: Option<Duration>| time.map(|time| Said::by_flag(flag, time.as_secs_f64()));
        Self {
            algorithms: algorithms(bench, flags, defaults),
            scenario: flags.scenario.clone().map(|name| Said::by_flag("--scenario", name)),
            passes,
            margin: flags.margin.or(bench.margin).unwrap_or(defaults.margin),
            seed: Seed(flags.seed.or(bench.seed).unwrap_or(defaults.seed)),
            // A flag says how long the phase will be; the config's seconds lie on its own timeline.
            warm_up_s: match flags.warm_up {
                Some(WarmUp::Fixed(time)) => Some(time.as_secs_f64()),
                _ => bench.warm_up_s.map(|seconds| seconds / time_scale),
            },
            detect_warm_up: flags.warm_up == Some(WarmUp::Detect) || bench.warm_up_detection,
            cool_down: Span::from_secs_f64(bench.cool_down_s.unwrap_or(defaults.cool_down_s)),
            drain_timeout: Span::from_secs_f64(bench.drain_timeout_s.unwrap_or(defaults.drain_timeout_s)),
            engine: flags.engine.or(bench.engine),
            time_scale,
            time_scales,
            users: flags.users.map(|users| Said::by_flag("--users", users)),
            duration_s: seconds("--duration", flags.duration),
            ramp_up_s: seconds("--ramp-up", flags.ramp_up),
            arrivals: Said::first(
                ("--arrivals", flags.arrivals.clone().map(Arrivals::Short)),
                ("bench.arrivals", bench.arrivals.clone()),
            ),
            max_in_flight: configured("bench.max_in_flight", bench.max_in_flight, defaults.max_in_flight),
            replay: flags.replay.clone().map(|path| Said::by_flag("--replay", path)),
            speed: flags.speed.map(|speed| Said::by_flag("--speed", speed)),
            background_rps: bench.background_rps,
            think_time_s: bench.think_time_s,
            actions_per_session: bench.actions_per_session,
            journey: configured("bench.journey", bench.journey.clone(), named(defaults.journey)),
            topology: Said::first(
                ("--topology", flags.topology.as_deref().map(named)),
                ("bench.topology", bench.topology.clone()),
            )
            .unwrap_or_else(|| Said::by_default("bench.topology", named(defaults.topology))),
            faults: bench.faults.clone(),
            policy: Said::first(
                ("--policy", flags.policy.clone()),
                ("bench.policy", bench.policy.as_ref().map(PathBuf::from)),
            ),
            balancers: Said::first(("--balancers", flags.balancers), ("bench.balancers", bench.balancers))
                .unwrap_or_else(|| Said::by_default("bench.balancers", defaults.balancers)),
            steering_period: flags.steering_period.map_or_else(
                || Span::from_secs_f64(bench.steering_period_s.unwrap_or(defaults.steering_period_s)),
                Span::from,
            ),
            target: target(bench, flags),
            thresholds: thresholds(bench, flags),
        }
    }
}

/// A setting that no flag gives.
fn configured<T>(key: &str, value: Option<T>, default: T) -> Said<T> {
    match value {
        Some(value) => Said::by_config(key, value),
        None => Said::by_default(key, default),
    }
}

/// A bundled name or a path.
fn named<T>(name: &str) -> Source<T> {
    Source::Named(name.to_owned())
}

fn algorithms(bench: &Bench, flags: &Overrides, defaults: &Defaults) -> Said<Vec<Said<String>>> {
    const KEY: &str = "bench.algorithms";
    const FLAG: &str = "--algorithms";
    if let Some(names) = &flags.algorithms {
        // A flag has no places of its own: all names stand at the flag.
        let names = names.iter().map(|name| Said::by_flag(FLAG, name.clone()));
        return Said::by_flag(FLAG, names.collect());
    }
    let placed = |(index, name): (usize, &str)| Said::by_config(format!("{KEY}[{index}]"), name.to_owned());
    match &bench.algorithms {
        Some(names) => {
            Said::by_config(KEY, names.iter().map(String::as_str).enumerate().map(placed).collect())
        }
        None => Said::by_default(KEY, defaults.algorithms.into_iter().enumerate().map(placed).collect()),
    }
}

fn target(bench: &Bench, flags: &Overrides) -> TargetSettings {
    let flagged =
        flags.load_balancer.is_some() || flags.url.is_some() || flags.compare_load_balancers.is_some();
    let config = bench.load_balancer.as_ref().filter(|_| !flagged);
    let said = |flag: (&str, &Option<String>), key: &str, value: Option<&String>| {
        Said::first((flag.0, flag.1.clone()), (key, value.cloned()))
    };
    let compared = Some(&bench.compare_load_balancers).filter(|names| !flagged && !names.is_empty());
    TargetSettings {
        in_config: config.is_some(),
        name: said(
            ("--load-balancer", &flags.load_balancer),
            "bench.load_balancer.kind",
            config.and_then(|config| config.kind.as_ref()),
        ),
        url: said(
            ("--url", &flags.url),
            "bench.load_balancer.url",
            config.and_then(|config| config.url.as_ref()),
        ),
        compared: Said::first(
            ("--compare-load-balancers", flags.compare_load_balancers.clone()),
            ("bench.compare_load_balancers", compared.cloned()),
        ),
        admin: said(
            ("--admin", &flags.admin),
            "bench.load_balancer.admin",
            config.and_then(|config| config.admin.as_ref()),
        ),
        admin_token: flags
            .admin_token
            .clone()
            .or_else(|| config.and_then(|config| config.admin_token.clone())),
        program: flags.program.clone().or_else(|| config?.program.clone().map(PathBuf::from)),
        listen: said(
            ("--listen", &flags.listen),
            "bench.load_balancer.listen",
            config.and_then(|config| config.listen.as_ref()),
        ),
        switching: flags.switching.or_else(|| Some(switching(config?.switching?))),
    }
}

fn switching(name: SwitchingName) -> Switching {
    match name {
        SwitchingName::Selector => Switching::Selector,
        SwitchingName::Config => Switching::Config,
    }
}

/// Thresholds of flags take the place of all that the config has. Bundled sets come first.
fn thresholds(bench: &Bench, flags: &Overrides) -> Vec<Said<Rule>> {
    if !flags.thresholds.is_empty() || !flags.threshold_presets.is_empty() {
        let presets = flags.threshold_presets.iter().cloned().map(Rule::Preset);
        let single = flags.thresholds.iter().cloned().map(Rule::Text);
        return presets
            .map(|rule| Said::by_flag("--threshold-preset", rule))
            .chain(single.map(|rule| Said::by_flag("--threshold", rule)))
            .collect();
    }
    let presets = bench.threshold_presets.iter().enumerate().map(|(index, name)| {
        Said::by_config(format!("bench.threshold_presets[{index}]"), Rule::Preset(name.clone()))
    });
    let single = bench.thresholds.iter().flat_map(|(selector, conditions)| {
        let at = join("bench.thresholds", selector);
        let rule = |condition: &String| Rule::Parts(selector.to_owned(), condition.clone());
        conditions.iter().map(move |condition| Said::by_config(at.clone(), rule(condition)))
    });
    presets.chain(single).collect()
}
