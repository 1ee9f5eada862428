//! From drafts and flags to a plan: timelines scaled, caps kept, workloads compiled, all faults
//! gathered.

use super::algorithms::{Chosen, Runner, choose};
use super::arrivals::{self, OpenModel};
use super::bundled;
use super::draft::file::draft;
use super::draft::types::{Context, Draft, DraftScenario};
use super::error::{ConfigError, Findings};
use super::flags;
use super::frame::Frame;
use super::named::Named;
use super::overrides::Overrides;
use super::plan::{Plan, PlannedScenario};
use super::policy;
use super::raw::{Bench, Source};
use super::replay;
use super::scenario;
use super::source::{Loaded, resolve};
use super::target;
use super::thresholds;
use lb_core::rng::Seed;
use lb_core::suggest::{did_you_mean, listing};
use lb_core::time::Span;
use lb_core::topology::Topology;
use lb_core::workload::Journey;
use std::path::Path;

/// The guide's three, for configs that name none.
const ALGORITHMS: [&str; 3] = ["round-robin", "least-connections", "rl"];
/// Any number will do, as long as it is the same tomorrow.
const SEED: u64 = 42;
/// Differences below 5 % decide nothing in practice.
const MARGIN: f64 = 0.05;
/// Half a second lets sockets close; state is reset in other ways.
const COOL_DOWN_S: f64 = 0.5;
/// Ten looks a second: longer than any load balancer takes to put weights in force, shorter than a fault.
const STEERING_PERIOD_S: f64 = 0.1;
/// As long as the guide waits for a reply.
const DRAIN_TIMEOUT_S: f64 = 10.0;
/// The journey of configs that name none.
const JOURNEY: &str = "ecommerce";
/// The backends of configs that name none.
const TOPOLOGY: &str = "default";

/// Makes the plan of a config with flags on top, or says all that is wrong.
pub fn plan(loaded: &Loaded, overrides: &Overrides) -> Result<Plan, ConfigError> {
    let mut findings = Findings::default();
    let plan = gather(loaded, overrides, &mut findings);
    let (found, notes) = findings.into_parts();
    let mut problems = loaded.problems.clone();
    // What lies at or under a fault of shape was repaired, and what is said about the repair is noise.
    problems
        .extend(found.into_iter().filter(|new| !loaded.problems.iter().any(|old| old.touches(&new.path))));
    match plan {
        Some(plan) if problems.is_empty() => Ok(Plan { notes, ..plan }),
        _ => Err(ConfigError::Invalid { name: loaded.name.clone(), problems }),
    }
}

/// The plan, as far as there is one; problems and notes go to `findings`.
fn gather(loaded: &Loaded, overrides: &Overrides, findings: &mut Findings) -> Option<Plan> {
    let bench = loaded.bench();
    flags::check(overrides, findings);
    let passes = flags::passes(bench, overrides, findings);
    let folder = loaded.folder.as_deref();
    let journey = journey(bench, folder, findings);
    let mut topology = topology(bench, overrides, folder, findings);
    let seed = Seed(overrides.seed.or(bench.seed).unwrap_or(SEED));
    // Without its journey a config cannot be understood, but the names of algorithms can be checked.
    let Some(journey) = journey else {
        choose(&algorithms(&Draft::default(), bench, overrides), &Runner::External, findings);
        return None;
    };
    let stem = Path::new(&loaded.name)
        .file_stem()
        .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let context = Context { journey: &journey, bench, seed, stem: &stem };
    let Content { mut draft, open, recorded } = content(loaded, &context, overrides, findings)?;
    let plays = recorded.is_some();
    let target = target::target(&draft, bench, overrides, findings);
    let journey = recorded.unwrap_or_else(|| journey.clone());
    if let Some(topology) = topology.as_mut().filter(|_| plays) {
        replay::open_topology(topology, &journey, findings);
    }
    select(&mut draft, overrides, findings);
    let named = algorithms(&draft, bench, overrides);
    let policy = policy::policy(bench, overrides, folder, findings);
    let runner = target::runner(&target, policy.as_ref());
    let own = draft.scenarios.iter().all(|scenario| scenario.algorithms.is_some());
    let unused = own && !draft.scenarios.is_empty() && overrides.algorithms.is_none();
    let chosen = if unused { Chosen::default() } else { choose(&named, &runner, findings) };
    let frame = Frame {
        bench,
        open: open.as_ref(),
        overrides,
        journey: &journey,
        topology: topology.as_ref(),
        flawed: !loaded.problems.is_empty(),
    };
    let planned = draft.scenarios.into_iter().filter_map(|scenario| {
        let mine = match scenario.algorithms.as_ref().filter(|_| overrides.algorithms.is_none()) {
            Some(named) => choose(named, &runner, findings),
            None => Chosen { skipped: Vec::new(), ..chosen.clone() },
        };
        let planned = scenario::build(scenario, &frame, findings)?;
        Some(PlannedScenario { algorithms: mine.algorithms, skipped: mine.skipped, ..planned })
    });
    let scenarios: Vec<PlannedScenario> = planned.collect();
    target::ours_only(&target, overrides, findings);
    let thresholds = thresholds::gather(bench, overrides, &scenarios, &chosen.skipped, findings);
    (!scenarios.is_empty()).then(|| Plan {
        name: loaded.name.clone(),
        source: loaded.source.clone(),
        dialect: loaded.dialect,
        target,
        algorithms: chosen.algorithms,
        skipped: chosen.skipped,
        policy,
        balancers: overrides.balancers.or(bench.balancers).unwrap_or(1),
        repetitions: passes.least,
        precision: passes.precision,
        max_repetitions: passes.most,
        margin: overrides.margin.or(bench.margin).unwrap_or(MARGIN),
        detect_warm_up: overrides.detect_warm_up || bench.warm_up_detection,
        seed,
        steering_period: overrides.steering_period.map_or_else(
            || Span::from_secs_f64(bench.steering_period_s.unwrap_or(STEERING_PERIOD_S)),
            Span::from,
        ),
        engine: overrides.engine.or(bench.engine),
        cool_down: Span::from_secs_f64(bench.cool_down_s.unwrap_or(COOL_DOWN_S)),
        thresholds,
        drain_timeout: Span::from_secs_f64(bench.drain_timeout_s.unwrap_or(DRAIN_TIMEOUT_S)),
        scenarios,
        notes: Vec::new(),
    })
}

/// What users, arrivals or a recording do.
struct Content {
    draft: Draft,
    /// Arrivals in place of users.
    open: Option<OpenModel>,
    /// The journey of a recording.
    recorded: Option<Journey>,
}

/// The scenarios of the config, or the one of a recording. None after a problem with the latter.
fn content(
    loaded: &Loaded,
    context: &Context<'_>,
    overrides: &Overrides,
    findings: &mut Findings,
) -> Option<Content> {
    let bench = context.bench;
    let asked = arrivals::asked(bench, overrides, findings);
    let wanted = replay::wanted(loaded, overrides, asked.as_ref(), findings);
    flags::check_model(bench, overrides, asked.is_some() || wanted.is_some(), findings);
    let Some(wanted) = wanted else {
        let draft = draft(&loaded.file, context, findings);
        let open = asked.and_then(|asked| arrivals::open_model(&asked, context.journey, findings));
        return Some(Content { draft, open, recorded: None });
    };
    let recording = replay::read(wanted, overrides, findings)?;
    let draft = Draft { scenarios: vec![recording.scenario], ..base_of(loaded, context, findings) };
    // A recording brings its own arrivals.
    Some(Content { draft, open: None, recorded: Some(recording.journey) })
}

/// What a config says besides its scenarios, in whose place a recording plays.
fn base_of(loaded: &Loaded, context: &Context<'_>, findings: &mut Findings) -> Draft {
    let mut apart = Findings::default();
    let draft = draft(&loaded.file, context, &mut apart);
    // What is noted about scenarios that do not run is noise; what is wrong is wrong.
    apart.into_parts().0.into_iter().for_each(|problem| findings.problem(problem));
    if !draft.scenarios.is_empty() {
        let names: Vec<&str> = draft.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
        findings.note("scenarios", names, "the replay takes the place of all scenarios of the config");
    }
    if context.bench.journey.is_some() {
        findings.note("bench.journey", context.journey.name.as_str(), "a replay brings its own requests");
    }
    draft
}

fn journey(bench: &Bench, folder: Option<&Path>, findings: &mut Findings) -> Option<Journey> {
    let source = bench.journey.clone().unwrap_or_else(|| Source::Named(JOURNEY.to_owned()));
    resolve(&source, "bench.journey", bundled::JOURNEYS, folder, findings)
}

/// The topology, unless something is wrong with it or with it and the faults of our block.
fn topology(
    bench: &Bench,
    flags: &Overrides,
    folder: Option<&Path>,
    findings: &mut Findings,
) -> Option<Topology> {
    let (key, folder, source) = match (&flags.topology, &bench.topology) {
        (Some(name), _) => ("--topology", None, Source::Named(name.clone())),
        (None, Some(source)) => ("bench.topology", folder, source.clone()),
        (None, None) => ("bench.topology", None, Source::Named(TOPOLOGY.to_owned())),
    };
    let mut topology: Topology = resolve(&source, key, bundled::TOPOLOGIES, folder, findings)?;
    let own = topology.faults.len();
    for (key, faults) in [(key, &Vec::new()), ("bench.faults", &bench.faults)] {
        topology.faults.extend(faults.iter().cloned());
        let problems = topology.problems();
        for problem in &problems {
            findings.wrong(key, topology.name.as_str(), problem.as_str());
        }
        if !problems.is_empty() {
            return None;
        }
    }
    // Those of the block follow the timeline of each scenario, and are added there.
    topology.faults.truncate(own);
    Some(topology)
}

/// Leaves only the scenario that was asked for.
fn select(draft: &mut Draft, flags: &Overrides, findings: &mut Findings) {
    let Some(wanted) = &flags.scenario else {
        return;
    };
    let names = || draft.scenarios.iter().map(|scenario| scenario.name.as_str());
    if names().any(|name| name == wanted) {
        draft.scenarios.retain(|scenario: &DraftScenario| scenario.name == *wanted);
        return;
    }
    let message = format!(
        "the config has no such scenario{}; it has {}",
        did_you_mean(wanted, names()),
        listing(names())
    );
    findings.wrong("--scenario", wanted.as_str(), message);
}

/// The names of the algorithms: flags, then our block, then the dialect, then the guide's three.
fn algorithms(draft: &Draft, bench: &Bench, flags: &Overrides) -> Vec<Named> {
    let list = |key: &str, names: &[String]| -> Vec<Named> {
        let named = names.iter().enumerate();
        named.map(|(index, name)| Named { path: format!("{key}[{index}]"), name: name.clone() }).collect()
    };
    if let Some(names) = &flags.algorithms {
        return names
            .iter()
            .map(|name| Named { path: "--algorithms".to_owned(), name: name.clone() })
            .collect();
    }
    if let Some(names) = &bench.algorithms {
        return list("bench.algorithms", names);
    }
    let guide = || list("bench.algorithms", &ALGORITHMS.map(str::to_owned));
    draft.algorithms.clone().filter(|named| !named.is_empty()).unwrap_or_else(guide)
}
