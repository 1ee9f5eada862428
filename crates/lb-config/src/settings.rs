//! Resolves every setting once, from flags, the `bench` block of a config and the defaults.
//!
//! This is the only place that decides precedence: a flag, else the config, else the default. Each value
//! keeps the place where it was set, so that messages can point there; the modules that use a value interpret
//! it and check whether it is consistent with the others.

use super::declaration_file::is_declaration;
use super::defaults::Defaults;
use super::document::join;
use super::engine::{Engine, LoadReports};
use super::error::Findings;
use super::length::Length;
use super::length_setting::settle_length;
use super::overrides::Overrides;
use super::passes::{Passes, settle_passes};
use super::raw::{Arrivals, Bench, Condition, LoadBalancerBlock, Scrape, Source, SwitchingName};
use super::replay_flags::ReplayFlags;
use super::said::Said;
use super::tls::TlsSettings;
use super::values::WarmUp;
use lb_admin_client::{Declaration, Switching};
use lb_core::connections::{ConnectionPolicy, HttpChoice};
use lb_core::fault::Fault;
use lb_core::ordered::Ordered;
use lb_core::rng::Seed;
use lb_core::time::Span;
use lb_core::topology::Topology;
use lb_core::workload::Journey;
use lb_core::{BackendFrom, Observation};
use lb_results::Metric;
use serde_json::Value;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The resolved settings of a plan.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Names of algorithms, each with the place that sets it. Those of the dialect take precedence over the
    /// defaults.
    pub(crate) algorithms: Said<Vec<Said<String>>>,
    /// The only scenario to run; `None` means all.
    pub(crate) scenario: Option<Said<String>>,
    /// Tags of what runs; empty means everything.
    pub(crate) tags: Vec<String>,
    /// Tags of what does not run.
    pub(crate) exclude_tags: Vec<String>,
    /// Names of the user classes that run; empty means all.
    pub(crate) user_classes: Vec<String>,
    /// Number of passes over all algorithms.
    pub(crate) passes: Passes,
    /// Margin of equivalence, as a fraction.
    pub(crate) margin: f64,
    /// The metric that decides verdicts.
    pub(crate) primary_metric: Metric,
    /// The algorithm that all others are compared with; `None` if every pair is compared.
    pub(crate) baseline: Option<Said<String>>,
    /// Seed of the schedule.
    pub(crate) seed: Seed,
    /// Length of the warm-up in seconds, after scaling. `None` derives it from the length of the scenario.
    pub(crate) warm_up_s: Option<f64>,
    /// Whether the end of the warm-up is also detected from the measurements.
    pub(crate) detect_warm_up: bool,
    /// Pause between trials.
    pub(crate) cool_down: Span,
    /// Longest wait for requests in flight.
    pub(crate) drain_timeout: Span,
    /// Longest time for opening a connection.
    pub(crate) connect_timeout: Span,
    /// Time between two look-ups of the target's name; zero for none.
    pub(crate) resolve_every: Span,
    /// The version of HTTP that is spoken.
    pub(crate) http: Said<HttpChoice>,
    /// Which requests share a connection.
    pub(crate) connections: Said<ConnectionPolicy>,
    /// The header by whose values replies are told apart.
    pub(crate) observe: Option<Said<Observation>>,
    /// How long a slow request takes at least. `None` looks for none.
    pub(crate) slow: Option<Span>,
    /// How TLS is spoken with an `https` target.
    pub(crate) tls: TlsSettings,
    /// How trials are driven. `None` lets the load balancer decide.
    pub(crate) engine: Option<Engine>,
    /// Playback speed of a scenario, as a multiple of the speed in the config.
    pub(crate) time_scale: f64,
    /// All time scales that are set; the first one takes effect.
    pub(crate) time_scales: Vec<Said<f64>>,
    /// Users at the busiest moment; `None` leaves the patterns unchanged.
    pub(crate) users: Option<Said<u32>>,
    /// How long load is sent. `None` derives it from the config and the time scale.
    pub(crate) length: Option<Said<Length>>,
    /// Length of each scenario in seconds, if one is set and it has an end.
    pub(crate) duration_s: Option<Said<f64>>,
    /// Seconds over which the users of every pattern arrive; `None` uses the ramp-ups of the config.
    pub(crate) ramp_up_s: Option<Said<f64>>,
    /// Users of every pattern that start per second. `None` leaves the ramp-ups as they are.
    pub(crate) spawn_rate: Option<Said<f64>>,
    /// Arrivals in the open model. `None` means the closed model.
    pub(crate) arrivals: Option<Said<Arrivals>>,
    /// Upper limit for the sessions of the open model in flight.
    pub(crate) max_in_flight: Said<u32>,
    /// The recordings that `--replay` names; empty if there are none. A config names them in its arrivals.
    pub(crate) replay: Vec<PathBuf>,
    /// How flags say to read and send recorded requests.
    pub(crate) recording: ReplayFlags,
    /// Playback speed of the recording, as a multiple of the recorded speed. `None` uses the speed in the
    /// config's arrivals.
    pub(crate) speed: Option<Said<f64>>,
    /// Requests per second of background traffic between patterns. `None` uses the default of the dialect.
    pub(crate) background_rps: Option<f64>,
    /// Think time in seconds, `[min, max]`. `None` uses the default of the dialect.
    pub(crate) think_time_s: Option<[f64; 2]>,
    /// Number of actions in a session, `[min, max]`. `None` uses the default of the dialect.
    pub(crate) actions_per_session: Option<[u32; 2]>,
    /// The journey: what users can do.
    pub(crate) journey: Said<Source<Journey>>,
    /// The replies of the mock backends. `None` means their own applications.
    pub(crate) mock_api: Option<Source<Ordered<Value>>>,
    /// The topology: the backends and their faults.
    pub(crate) topology: Said<Source<Topology>>,
    /// Faults in every scenario, on the timeline of the config.
    pub(crate) faults: Vec<Fault>,
    /// The policy file that `rl` follows. `None` means the bundled one.
    pub(crate) policy: Option<Said<PathBuf>>,
    /// Number of load balancers with private views.
    pub(crate) balancers: Said<u16>,
    /// How load balancers learn what backends hold; `None` if they do not.
    pub(crate) load_reports: Option<Said<LoadReports>>,
    /// Time between two changes of weights.
    pub(crate) steering_period: Span,
    /// The load balancer under test.
    pub(crate) target: TargetSettings,
    /// Targets that are read beside the load.
    pub(crate) scrape: Vec<Said<Scrape>>,
    /// Time between two readings of a target.
    pub(crate) scrape_interval: Span,
    /// Conditions under which the run passes.
    pub(crate) thresholds: Vec<Said<Rule>>,
}

/// Settings of the load balancer under test. A flag that names one replaces the whole block in the config.
#[derive(Clone, Debug, Default)]
pub(crate) struct TargetSettings {
    /// Whether the config has a `load_balancer` block that no flag replaces.
    pub(crate) in_config: bool,
    /// Name or URL of the load balancer.
    pub(crate) name: Option<Said<String>>,
    /// URL of a load balancer that is already running.
    pub(crate) url: Option<Said<String>>,
    /// Names of load balancers to compare.
    pub(crate) compared: Option<Said<Vec<String>>>,
    /// Address of the admin API.
    pub(crate) admin: Option<Said<String>>,
    /// Bearer token of the admin API.
    pub(crate) admin_token: Option<String>,
    /// File with that token.
    pub(crate) admin_token_file: Option<PathBuf>,
    /// Program of a real load balancer to start. `None` means the first one on PATH.
    pub(crate) program: Option<Said<PathBuf>>,
    /// Address on which a real load balancer listens if `bench` starts it.
    pub(crate) listen: Option<Said<String>>,
    /// How a real load balancer switches to another algorithm.
    pub(crate) switching: Option<Said<Switching>>,
    /// The name in results of an address that is measured as it is.
    pub(crate) label: Option<Said<String>>,
    /// A declaration that the config contains. One in a file is found by `name`.
    pub(crate) declared: Option<Said<Declaration>>,
    /// How replies name the backend.
    pub(crate) backend_from: Option<Said<BackendFrom>>,
    /// Names of the backends. `None` if the config lists none.
    pub(crate) backends: Option<Said<Vec<String>>>,
}

impl TargetSettings {
    /// Returns whether the load balancer is declared, in the config or in a file.
    pub(crate) fn is_declared(&self) -> bool {
        self.declared.is_some() || self.name.as_ref().is_some_and(|name| is_declaration(&name.value))
    }
}

/// A threshold as written in a flag or the config.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rule {
    /// The name of a bundled set of thresholds.
    Preset(String),
    /// Selector and condition in one text, as in `http_reqs: count>1`.
    Text(String),
    /// A selector and a condition.
    Parts(String, String),
}

impl Settings {
    /// Resolves all settings: flags override `bench`, which overrides `defaults`. `bench` is `None` for a
    /// config without that block. Flags out of range and contradictory numbers of passes are added to
    /// `findings`.
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
            flags.detect.or(bench.detect),
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
        let length = settle_length(bench, flags, findings);
        let duration_s = length.as_ref().and_then(|said| {
            let time = said.value.duration()?;
            Some(Said { at: said.at.clone(), value: time.as_secs_f64(), by: said.by })
        });
        Self {
            algorithms: algorithms(bench, flags, defaults),
            scenario: flags.scenario.clone().map(|name| Said::by_flag("--scenario", name)),
            tags: flags.tags.clone(),
            exclude_tags: flags.exclude_tags.clone(),
            user_classes: flags.user_class.clone(),
            passes,
            margin: flags.margin.or(bench.margin).unwrap_or(defaults.margin),
            primary_metric: primary_metric(bench, flags, defaults, findings),
            baseline: Said::first(
                ("--baseline", flags.baseline.clone()),
                ("bench.baseline", bench.baseline.clone()),
            ),
            seed: Seed(flags.seed.or(bench.seed).unwrap_or(defaults.seed)),
            // A flag sets the actual length; the config's seconds are scaled with its timeline.
            warm_up_s: match flags.warm_up {
                Some(WarmUp::Fixed(time)) => Some(time.as_secs_f64()),
                _ => bench.warm_up_s.map(|seconds| seconds / time_scale),
            },
            detect_warm_up: flags.warm_up == Some(WarmUp::Detect) || bench.warm_up_detection,
            cool_down: Span::from_secs_f64(bench.cool_down_s.unwrap_or(defaults.cool_down_s)),
            drain_timeout: Span::from_secs_f64(bench.drain_timeout_s.unwrap_or(defaults.drain_timeout_s)),
            connect_timeout: flags.connect_timeout.map_or_else(
                || Span::from_secs_f64(bench.connect_timeout_s.unwrap_or(defaults.connect_timeout_s)),
                Span::from,
            ),
            resolve_every: Span::from_secs_f64(bench.resolve_every_s.unwrap_or(defaults.resolve_every_s)),
            http: worded(("--http", flags.http), ("bench.http", bench.http.as_ref()), findings),
            connections: worded(
                ("--connections", flags.connections),
                ("bench.connections", bench.connections.as_ref()),
                findings,
            ),
            observe: observe(bench, flags, findings),
            slow: flags.slow.map(Span::from).or_else(|| bench.slow_s.map(Span::from_secs_f64)),
            tls: tls(bench, flags),
            engine: flags.engine.or(bench.engine),
            time_scale,
            time_scales,
            users: flags.users.map(|users| Said::by_flag("--users", users)),
            duration_s,
            length,
            ramp_up_s: seconds("--ramp-up", flags.ramp_up),
            spawn_rate: flags.spawn_rate.map(|rate| Said::by_flag("--spawn-rate", rate)),
            arrivals: Said::first(
                ("--arrivals", flags.arrivals.clone().map(Arrivals::Short)),
                ("bench.arrivals", bench.arrivals.clone()),
            ),
            max_in_flight: configured("bench.max_in_flight", bench.max_in_flight, defaults.max_in_flight),
            replay: flags.replay.clone(),
            recording: flags.recording.clone(),
            speed: flags.speed.map(|speed| Said::by_flag("--speed", speed)),
            background_rps: bench.background_rps,
            think_time_s: bench.think_time_s,
            actions_per_session: bench.actions_per_session,
            mock_api: bench.mock_api.clone(),
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
            load_reports: Said::first(
                ("--load-reports", flags.load_reports),
                ("bench.load_reports", bench.load_reports),
            ),
            steering_period: flags.steering_period.map_or_else(
                || Span::from_secs_f64(bench.steering_period_s.unwrap_or(defaults.steering_period_s)),
                Span::from,
            ),
            target: target(bench, flags),
            scrape: scrape(bench, flags),
            scrape_interval: flags.scrape_interval.map_or_else(
                || Span::from_secs_f64(bench.scrape_interval_s.unwrap_or(defaults.scrape_interval_s)),
                Span::from,
            ),
            thresholds: thresholds(bench, flags, findings),
        }
    }
}

/// Returns a setting that has no flag: the value in the config, or else the default.
fn configured<T>(key: &str, value: Option<T>, default: T) -> Said<T> {
    match value {
        Some(value) => Said::by_config(key, value),
        None => Said::by_default(key, default),
    }
}

/// Returns a source that is a bundled name or a path.
fn named<T>(name: &str) -> Source<T> {
    Source::Named(name.to_owned())
}

fn algorithms(bench: &Bench, flags: &Overrides, defaults: &Defaults) -> Said<Vec<Said<String>>> {
    const KEY: &str = "bench.algorithms";
    const FLAG: &str = "--algorithms";
    if let Some(names) = &flags.algorithms {
        // Names in a flag have no key paths of their own, so messages refer to the flag.
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
    let block = bench.load_balancer.as_ref().filter(|_| !flagged);
    let (config, declared) = match block {
        Some(LoadBalancerBlock::Plain(config)) => (Some(config), None),
        Some(LoadBalancerBlock::Declared(spec)) => (None, Some(spec)),
        None => (None, None),
    };
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
        admin_token: flags.admin_token.clone().or_else(|| {
            // A file that a flag names comes before the config.
            let config = config.filter(|_| flags.admin_token_file.is_none());
            config.and_then(|config| config.admin_token.clone())
        }),
        admin_token_file: flags.admin_token_file.clone(),
        program: Said::first(
            ("--program", flags.program.clone()),
            (
                "bench.load_balancer.program",
                config.and_then(|config| config.program.as_ref()).map(PathBuf::from),
            ),
        ),
        listen: said(
            ("--listen", &flags.listen),
            "bench.load_balancer.listen",
            config.and_then(|config| config.listen.as_ref()),
        ),
        switching: Said::first(
            ("--switching", flags.switching),
            ("bench.load_balancer.switching", config.and_then(|config| config.switching).map(switching)),
        ),
        label: said(
            ("--label", &flags.label),
            "bench.load_balancer.label",
            config.and_then(|config| config.label.as_ref()),
        ),
        declared: declared.map(|spec| Said::by_config("bench.load_balancer", Declaration::clone(spec))),
        backend_from: Said::first(
            ("--backend-from", flags.backend_from.clone()),
            ("bench.backend_from", bench.backend_from.clone()),
        ),
        backends: Some(&bench.backends)
            .filter(|names| !names.is_empty())
            .map(|names| Said::by_config("bench.backends", names.clone())),
    }
}

/// Reads a word that a flag has read already, or else that of the config, or else takes the default.
fn worded<T: FromStr<Err = String> + Default>(
    flag: (&str, Option<T>),
    (key, configured): (&str, Option<&String>),
    findings: &mut Findings,
) -> Said<T> {
    let read = configured.and_then(|text| match text.parse() {
        Ok(value) => Some(value),
        Err(problem) => {
            findings.wrong(key, text.as_str(), problem);
            None
        }
    });
    Said::first(flag, (key, read)).unwrap_or_else(|| Said::by_default(key, T::default()))
}

fn tls(bench: &Bench, flags: &Overrides) -> TlsSettings {
    let file = |flag: (&str, &Option<PathBuf>), key: &str, value: &Option<String>| {
        Said::first((flag.0, flag.1.clone()), (key, value.as_ref().map(PathBuf::from)))
    };
    TlsSettings {
        ca: file(("--ca", &flags.ca), "bench.tls.ca", &bench.tls.ca),
        cert: file(("--cert", &flags.cert), "bench.tls.cert", &bench.tls.cert),
        key: file(("--key", &flags.key), "bench.tls.key", &bench.tls.key),
        insecure: Said::first(
            ("--insecure", flags.insecure.then_some(true)),
            ("bench.tls.insecure", bench.tls.insecure),
        ),
        resumption: Said::first(
            ("--no-tls-resumption", flags.no_tls_resumption.then_some(false)),
            ("bench.tls.resumption", bench.tls.resumption),
        ),
    }
}

fn switching(name: SwitchingName) -> Switching {
    match name {
        SwitchingName::Selector => Switching::Selector,
        SwitchingName::Config => Switching::Config,
    }
}

/// Collects the targets that are read beside the load. Those of flags replace all those of the config.
fn scrape(bench: &Bench, flags: &Overrides) -> Vec<Said<Scrape>> {
    if !flags.scrape.is_empty() {
        let texts = flags.scrape.iter().cloned();
        return texts.map(|text| Said::by_flag("--scrape", Scrape::Text(text))).collect();
    }
    let placed =
        |(index, one): (usize, &Scrape)| Said::by_config(format!("bench.scrape[{index}]"), one.clone());
    bench.scrape.iter().enumerate().map(placed).collect()
}

/// Collects the thresholds, bundled sets first. Those of flags replace all those of the config.
fn thresholds(bench: &Bench, flags: &Overrides, findings: &mut Findings) -> Vec<Said<Rule>> {
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
        let rule = |text: &String| Rule::Parts(selector.to_owned(), text.clone());
        conditions.iter().enumerate().map(move |(number, condition)| match condition {
            Condition::Text(text) => (Said::by_config(at.clone(), rule(text)), None),
            Condition::Settings(settings) => {
                let abort = settings.abort_on_fail.then(|| format!("{at}[{number}].abortOnFail"));
                (Said::by_config(at.clone(), rule(&settings.threshold)), abort)
            }
        })
    });
    let (single, aborts): (Vec<Said<Rule>>, Vec<Option<String>>) = single.unzip();
    for at in aborts.into_iter().flatten() {
        let message = "thresholds are judged after the run, so that all algorithms are measured alike";
        findings.note(&at, true, message);
    }
    presets.chain(single).collect()
}

/// Determines the header by whose values replies are told apart. What the config says about the values of a header holds
/// for a flag that names the same one.
fn observe(bench: &Bench, flags: &Overrides, findings: &mut Findings) -> Option<Said<Observation>> {
    let of_flag = flags.observe.as_ref().map(|header| {
        let same = bench.observe.as_ref().filter(|known| known.header.eq_ignore_ascii_case(header));
        same.cloned().unwrap_or_else(|| Observation::of(header.trim()))
    });
    let said = Said::first(("--observe", of_flag), ("bench.observe", bench.observe.clone()))?;
    match said.value.fault() {
        Some(fault) => {
            findings.wrong(&said.at, said.value.header.as_str(), fault);
            None
        }
        None => Some(said),
    }
}

/// Determines the metric that decides verdicts.
fn primary_metric(bench: &Bench, flags: &Overrides, defaults: &Defaults, findings: &mut Findings) -> Metric {
    let configured = bench.primary_metric.as_deref().and_then(|name| match name.parse::<Metric>() {
        Ok(metric) => Some(metric),
        Err(problem) => {
            findings.wrong("bench.primary_metric", name, problem);
            None
        }
    });
    flags.primary_metric.or(configured).unwrap_or(defaults.primary_metric)
}
