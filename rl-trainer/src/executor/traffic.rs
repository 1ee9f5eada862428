//! Plays a scenario through the orchestrator of `bench`: live through the reference load balancer, or in
//! virtual time.

use super::args::TrafficKind;
use super::interrupted::interrupted;
use super::run::Run;
use super::scenarios::Found;
use super::session_files;
use super::sessions;
use crate::files::write_with;
use crate::report::{AlgorithmReport, TraceReport, TrafficReport};
use crate::traces::inspect::inspect;
use anyhow::{Context, anyhow};
use harness::exit::{ExitCode, Failure, OrExit};
use harness::experiment::{self, Ended, Event, Interrupt, Mode, Observe, RunOptions, schedules};
use jiff::Zoned;
use lb_config::{Engine, LoadBalancer, Overrides, Plan, plan};
use lb_core::slug::slug;
use lb_report::{Detail, scenario_tables};
use lb_results::{ResultsFolder, Summary};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Interval between checks of a scenario in progress.
const WATCH_PERIOD: Duration = Duration::from_millis(200);

/// A scenario to play, and how to play it.
pub(super) struct Order<'a> {
    pub(super) scenario: &'a Found,
    /// Short description for reports.
    pub(super) purpose: &'static str,
    /// Name of the output folder.
    pub(super) folder: String,
    pub(super) kind: TrafficKind,
    pub(super) algorithms: &'a [&'a str],
    pub(super) repetitions: u32,
    /// Duration; `None` for the scenario's own.
    pub(super) duration: Option<Duration>,
    /// Policy file for `rl`; `None` for the policy that comes with `bench`.
    pub(super) policy: Option<PathBuf>,
    /// Probability of exploration if traces and requests are recorded; `None` to record nothing.
    pub(super) record: Option<f64>,
}

/// Results of a played scenario.
pub(super) struct Played {
    pub(super) folder: PathBuf,
    pub(super) plan: Plan,
    pub(super) summary: Summary,
    /// Start time.
    pub(super) started: Zoned,
}

impl Played {
    /// Returns the results as tables.
    pub(super) fn tables(&self) -> String {
        let tables = |scenario| scenario_tables(scenario, Detail::Brief);
        self.summary.scenarios.iter().map(tables).collect()
    }

    /// Returns why a recording of this traffic may tell less than it seems to, one sentence for each trial that was
    /// disturbed: traces of a machine that was busy with other things show a pool that is not there.
    pub(super) fn disturbances(&self) -> Vec<String> {
        let trials = self.summary.scenarios.iter().flat_map(|scenario| &scenario.trials);
        let disturbed = trials.filter_map(|trial| {
            let faults: Vec<&str> = trial.faults().collect();
            (!faults.is_empty())
                .then(|| format!("the traffic under {} was disturbed: {}", trial.label, faults.join("; ")))
        });
        disturbed.collect()
    }

    /// Returns the part of the run's report about this scenario.
    pub(super) fn report(&self, order: &Order<'_>) -> TrafficReport {
        let scenario = self.summary.scenarios.first();
        let algorithms = scenario.map(|scenario| scenario.algorithms.as_slice()).unwrap_or_default();
        TrafficReport {
            name: order.scenario.name.clone(),
            purpose: order.purpose.to_owned(),
            engine: order.kind.name().to_owned(),
            duration_s: scenario.map_or(0.0, |scenario| scenario.duration_s),
            algorithms: algorithms
                .iter()
                .map(|algorithm| AlgorithmReport {
                    name: algorithm.name.clone(),
                    requests: algorithm.total_requests,
                    mean_ms: algorithm.latency_all_ms.as_ref().map(|latency| latency.mean),
                    p99_ms: algorithm.latency_all_ms.as_ref().map(|latency| latency.p99),
                    error_rate: algorithm.error_rate,
                    guards: algorithm.guards.clone(),
                })
                .collect(),
        }
    }
}

/// Returns the settings of an order that override its config. Live traffic always goes through the reference
/// which one the config names: other load balancers do not record traces to learn from.
fn overrides(order: &Order<'_>) -> Overrides {
    let (engine, load_balancer) = match order.kind {
        TrafficKind::Sim => (Engine::Sim, None),
        TrafficKind::Live => (Engine::Live, Some(LoadBalancer::Reference.to_string())),
    };
    Overrides {
        algorithms: Some(order.algorithms.iter().map(|name| (*name).to_owned()).collect()),
        scenario: Some(order.scenario.name.clone()),
        repetitions: Some(order.repetitions),
        duration: order.duration.map(Into::into),
        engine: Some(engine),
        policy: order.policy.clone(),
        load_balancer,
        ..Overrides::default()
    }
}

/// Plays one scenario.
pub(super) fn play(run: &Run, order: &Order<'_>) -> Result<Played, Failure> {
    let plan = plan(&order.scenario.loaded, &overrides(order)).or_exit(ExitCode::Usage)?;
    let path = run.folder.traffic(&order.folder);
    let folder = ResultsFolder::create(&path).or_exit(ExitCode::Preflight)?;
    let options = RunOptions {
        loaded: &order.scenario.loaded,
        command: std::env::args().collect(),
        run_id: run.folder.run_id().to_owned(),
        folder,
        record_actions: false,
        record_requests: order.record.is_some(),
        traces: order.record,
        access_log: None,
        // The results are used for training and inspection, not for the proof.
        accept_invalid: true,
        oracles: false,
        replication: 0,
        mode: Mode::Compare,
        resume: false,
        desk: None,
        fleet: None,
    };
    let started = Zoned::now();
    let experiment::Run { summary, ended } = run.runtime.block_on(watched(run, &plan, options))?;
    if let Ended::Failed(error) = ended {
        return Err(error.into());
    }
    if run.interrupt.is_set() {
        return Err(interrupted());
    }
    let recorded = summary.scenarios.first().map_or(0, |scenario| scenario.algorithms.len());
    if summary.interrupted || recorded == 0 {
        let limit = run.settings.scenario_timeout.as_secs_f64();
        return Err(anyhow!("the scenario did not end within {limit} s; raise --scenario-timeout"))
            .or_exit(ExitCode::InvalidTrials);
    }
    Ok(Played { folder: path, plan, summary, started })
}

/// Prints which load balancer a scenario runs through; everything else is in the reports of the run.
struct Announce;

impl Observe for Announce {
    fn observe(&self, event: &Event) {
        if let Event::RunStarted { load_balancer, .. } = event {
            lb_io::print(format_args!("load balancer: {load_balancer}"));
        }
    }
}

/// Runs a plan until it ends, is interrupted, or times out.
async fn watched(run: &Run, plan: &Plan, options: RunOptions<'_>) -> Result<experiment::Run, Failure> {
    let own = Interrupt::default();
    let (flag, begun) = (own.flag(), Instant::now());
    let playing = experiment::run(plan, options, &own, &Announce);
    tokio::pin!(playing);
    loop {
        tokio::select! {
            ended = &mut playing => return Ok(ended?),
            () = tokio::time::sleep(WATCH_PERIOD) => {
                if run.interrupt.is_set() || begun.elapsed() > run.settings.scenario_timeout {
                    flag.store(true, std::sync::atomic::Ordering::SeqCst);
                }
            }
        }
    }
}

/// Waits between live scenarios, so that the machine recovers before the next one.
pub(super) fn recover(run: &mut Run) {
    let begun = Instant::now();
    let wait = run.settings.recovery;
    if !wait.is_zero() {
        run.say(&format!("waiting {:.0} s for the system to recover", wait.as_secs_f64()));
    }
    while begun.elapsed() < wait && !run.interrupt.is_set() {
        std::thread::sleep(WATCH_PERIOD.min(wait));
    }
}

/// Writes the session files of a scenario under one of the recorded algorithms to `logs/`. Returns the number of
/// sessions.
pub(super) fn write_sessions(run: &Run, played: &Played, algorithm: &str) -> anyhow::Result<usize> {
    let planned = played.plan.scenarios().first().context("the plan has no scenario")?;
    let requests = requests_of(&played.folder.join("trials"), algorithm)?;
    let first = schedules(&planned.scenario().workload, played.plan.seed(), 1).next();
    let schedule = first.context("the plan has no schedule")?;
    let sessions = sessions::read(&requests, planned, &schedule)?;
    let (results, metrics) = session_files::files(planned, &sessions, &played.started);
    let name = &planned.scenario().name;
    let write = |stem: &str, fill: &dyn Fn(&mut (dyn std::io::Write + Send)) -> anyhow::Result<()>| {
        write_with(&run.folder.stamped(&format!("{stem}_{}", slug(name)), "json"), fill)
    };
    write("rl_training_results", &|file| Ok(serde_json::to_writer_pretty(file, &results)?))?;
    write("rl_training_metrics", &|file| Ok(serde_json::to_writer(file, &metrics)?))?;
    Ok(sessions.len())
}

/// Returns the Parquet file of the first trial of an algorithm.
fn requests_of(folder: &Path, algorithm: &str) -> anyhow::Result<PathBuf> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("failed to list `{}`", folder.display()))?;
    let part = format!("-{}-", slug(algorithm));
    let is_of = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.ends_with(".parquet") && name.contains(&part)
    };
    let files = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_of);
    files.min().with_context(|| format!("`{}` has no requests under `{algorithm}`", folder.display()))
}

/// Inspects traces.
pub(super) fn look_at_traces(run: &Run, path: &Path) -> anyhow::Result<TraceReport> {
    let report = inspect(path)?;
    Ok(TraceReport {
        path: run.folder.shown(path),
        experiences: report.experiences,
        completeness: report.completeness.score,
        verdict: report.completeness.verdict.name().to_owned(),
        actions: report.actions.iter().map(|action| (action.action.clone(), action.count)).collect(),
        censored: report.censored,
        exploration: report.exploration,
        warnings: report
            .warnings
            .iter()
            .map(|warning| format!("{}; {}", warning.problem, warning.advice))
            .collect(),
        fit_for_training: report.fit_for_training,
    })
}

#[cfg(test)]
mod tests {
    use super::super::scenarios::quick_config;
    use super::*;
    use serde_json::{Value, json};

    fn planned(load_balancer: &Value, key: &str) -> Plan {
        let mut config = quick_config();
        config["bench"] = json!({ key: load_balancer });
        let name = "named.json".to_owned();
        let loaded = lb_config::from_text(&name, &config.to_string()).expect("the config is valid");
        let scenario = Found { loaded, config: name, name: "quick_validation".to_owned() };
        let order = Order {
            scenario: &scenario,
            purpose: "traces",
            folder: "quick".to_owned(),
            kind: TrafficKind::Live,
            algorithms: &["least-connections"],
            repetitions: 1,
            duration: None,
            policy: None,
            record: None,
        };
        plan(&scenario.loaded, &overrides(&order)).expect("the plan is valid")
    }

    #[test]
    fn live_traffic_goes_through_the_reference_load_balancer_whatever_the_config_names() {
        for (key, named) in [
            ("load_balancer", json!({ "url": "http://localhost:9999" })),
            ("load_balancer", json!({ "kind": "haproxy" })),
            ("compare_load_balancers", json!(["reference", "haproxy"])),
        ] {
            let target = planned(&named, key).target().clone();
            assert_eq!(target.started(), [LoadBalancer::Reference], "{key}: {named}");
            assert!(!target.explicit() && target.compared().is_empty(), "{key}: {named}");
        }
    }
}
