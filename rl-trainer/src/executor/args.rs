//! The arguments of the executor, and what follows from them.

use super::objective::objective;
use crate::evaluate::LUCKS;
use crate::evaluate::goals::Goals;
use crate::policies;
use crate::train::{Budget, CaseSource, Objective, TrainingArgs};
use anyhow::anyhow;
use clap::ValueEnum;
use harness::exit::{ExitCode, Failure, OrExit};
use lb_config::values::{duration, whole, whole_within};
use lb_core::policy::PolicyFile;
use std::path::PathBuf;
use std::time::Duration;

/// The kind of run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Quick check of all steps: short live traffic, a smoke training and a short evaluation, in about two
    /// minutes.
    Validation,
    /// Full run: four scenarios, three general training runs, one specialised policy per scenario, and the full evaluation.
    Comprehensive,
    /// A policy for one pool: from one scenario of a config, or from traces that exist.
    Custom,
}

impl Mode {
    /// Returns the name on the command line and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::Comprehensive => "comprehensive",
            Self::Custom => "custom",
        }
    }
}

/// How scenarios are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TrafficKind {
    /// In virtual time.
    Sim,
    /// Over real sockets in real time, through the reference load balancer.
    Live,
}

impl TrafficKind {
    /// Returns the name on the command line and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sim => "sim",
            Self::Live => "live",
        }
    }
}

/// Collects traces under load, trains the policy `rl`, evaluates it, and writes reports.
#[derive(Clone, Debug, clap::Args)]
pub struct ExecutorArgs {
    /// Kind of run.
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
    /// Start --mode custom from traces, or access logs that name backends, in this folder instead of playing traffic.
    #[arg(long, help_heading = "Traffic", value_name = "DIR", requires = "mode")]
    pub traces: Option<PathBuf>,
    /// Fit the pool that contains this backend, if several were recorded [default: the busiest pool].
    #[arg(long, help_heading = "Traffic", value_name = "BACKEND", requires = "mode")]
    pub pool_of: Option<String>,
    /// Scenario to play with --mode custom; case is ignored.
    #[arg(long, help_heading = "Traffic", value_name = "NAME", requires = "mode")]
    pub scenario: Option<String>,
    /// Config that holds the scenario: a path or a bundled name [default: all bundled configs].
    #[arg(long, help_heading = "Traffic", value_name = "FILE", requires = "scenario")]
    pub config: Option<String>,
    /// How scenarios are played [default: live for validation, else sim].
    #[arg(long, help_heading = "Traffic", value_enum, requires = "mode")]
    pub traffic: Option<TrafficKind>,
    /// Length of each scenario, such as `30s`; its timeline is scaled to fit [default: its own, in validation
    /// 45s].
    #[arg(long, help_heading = "Traffic", value_name = "TIME", value_parser = positive, allow_hyphen_values = true, requires = "mode")]
    pub duration: Option<Duration>,
    /// Policy that is specialised on the recorded pool: `bundled`, `scratch` to train it first, or a policy file or
    /// training run [default: scratch for validation and comprehensive, else bundled].
    #[arg(long, help_heading = "Training", value_name = "POLICY", requires = "mode")]
    pub general: Option<String>,
    /// What policies are specialised for: `p99`, `mean`, `blend` of both, or `slo:200ms` for few requests that take longer
    /// [default: by the thresholds of the config, else blend].
    #[arg(long, help_heading = "Training", value_name = "WHAT", value_parser = objective, requires = "mode")]
    pub objective: Option<Objective>,
    /// Length of each training run [default: smoke for validation, else standard].
    #[arg(long, help_heading = "Training", value_enum, requires = "mode")]
    pub budget: Option<Budget>,
    /// Number of training runs, each with its own seed [default: 3 for comprehensive, else 1].
    #[arg(long, help_heading = "Training", value_name = "N", value_parser = whole_within(1, 100), allow_hyphen_values = true, requires = "mode")]
    pub seeds: Option<u64>,
    /// Seed of the first training; the next ones count up from it.
    #[arg(long, help_heading = "Training", value_name = "N", default_value_t = 1, value_parser = whole::<u64>, allow_hyphen_values = true)]
    pub seed: u64,
    /// Settings that override the budget.
    #[command(flatten)]
    pub training: TrainingArgs,
    /// Replications per case of the proof, each with its own arrivals, sizes and failures [default: 5 for
    /// comprehensive, else 2].
    #[arg(long, help_heading = "Evaluation", value_name = "K", value_parser = whole_within(1, u64::MAX), allow_hyphen_values = true, requires = "mode")]
    pub lucks: Option<u64>,
    /// Requests per case and replication of the proof [default: 5000 for validation, else set by the lists].
    #[arg(long, help_heading = "Evaluation", value_name = "N", value_parser = whole_within(100, u64::MAX), allow_hyphen_values = true, requires = "mode")]
    pub requests: Option<u64>,
    /// Play only the first N cases of each list of the proof [default: 30 for validation, else all].
    #[arg(long, help_heading = "Evaluation", value_name = "N", value_parser = whole_within(1, u64::MAX), allow_hyphen_values = true, requires = "mode")]
    pub cases: Option<u64>,
    /// Judge the proof by the goals in this JSON file, such as configs/learner-goals.json.
    #[arg(long, help_heading = "Evaluation", value_name = "FILE", requires = "mode")]
    pub goals: Option<PathBuf>,
    /// Length of the check of the policy over real sockets, for each algorithm; 0 leaves it out.
    #[arg(long, help_heading = "Evaluation", value_name = "TIME", default_value = "20s", value_parser = duration, allow_hyphen_values = true)]
    pub live_check: Duration,
    /// Time to wait between live scenarios.
    #[arg(long, help_heading = "Traffic", value_name = "TIME", default_value = "2m", value_parser = duration, allow_hyphen_values = true)]
    pub recovery: Duration,
    /// Time after which a scenario is stopped and counts as failed.
    #[arg(long, help_heading = "Traffic", value_name = "TIME", default_value = "3h", value_parser = positive, allow_hyphen_values = true)]
    pub scenario_timeout: Duration,
    /// Folder of the run [default: results/<date>-rl-train-<mode>-<id>]. Training runs whose checkpoints
    /// are in it are resumed.
    #[arg(long, help_heading = "Output", value_name = "DIR", requires = "mode")]
    pub out: Option<PathBuf>,
}

/// Reads a duration above zero.
fn positive(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err(format!("`{text}` is too short; use a duration such as `30s`")),
        time => Ok(time),
    }
}

/// Duration of the traffic in validation mode, which takes two minutes with training and proof.
const VALIDATION: Duration = Duration::from_secs(45);

/// The policy that is specialised.
#[derive(Clone, Debug)]
pub(super) enum General {
    /// The one that comes with `bench`.
    Bundled,
    /// One that this run trains.
    Scratch,
    /// One from a file, with the name that was given.
    File(String, Box<PolicyFile>),
}

impl General {
    fn new(text: Option<&str>, mode: Mode) -> Result<Self, Failure> {
        Ok(match (text, mode) {
            (None, Mode::Custom) | (Some("bundled"), _) => Self::Bundled,
            (None, _) | (Some("scratch"), _) => Self::Scratch,
            (Some(path), _) => {
                let found = policies::find(path.as_ref());
                let found =
                    found.map_err(|error| anyhow!("--general {path}: {error}")).or_exit(ExitCode::Usage)?;
                Self::File(path.to_owned(), Box::new(found))
            }
        })
    }
}

/// Settings of a run, with all defaults filled in.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) mode: Mode,
    pub(super) traffic: TrafficKind,
    /// Traces to start from; `None` to play traffic.
    pub(super) traces: Option<PathBuf>,
    pub(super) pool_of: Option<String>,
    pub(super) general: General,
    /// The objective that was asked for.
    pub(super) objective: Option<Objective>,
    pub(super) live_check: Duration,
    /// Seed of the first training, and of everything drawn around a fit.
    pub(super) seed: u64,
    training: TrainingArgs,
    budget: Budget,
    pub(super) scenario: Option<String>,
    pub(super) config: Option<String>,
    pub(super) duration: Option<Duration>,
    /// Hyperparameters of each general training run.
    pub(super) trainings: Vec<crate::train::Args>,
    pub(super) lucks: u64,
    /// Replications of each case of a twin's test.
    pub(super) twin_lucks: u64,
    pub(super) requests: Option<u64>,
    pub(super) cases: Option<u64>,
    /// Goals to judge the proof by; `None` to judge nothing.
    pub(super) goals: Option<Goals>,
    pub(super) recovery: Duration,
    pub(super) scenario_timeout: Duration,
    pub(super) out: Option<PathBuf>,
}

impl Settings {
    pub(super) fn new(args: &ExecutorArgs) -> Result<Self, Failure> {
        let usage = |message: String| Err(anyhow!(message)).or_exit(ExitCode::Usage);
        let Some(mode) = args.mode else {
            return usage("--mode is missing; use `validation`, `comprehensive` or `custom`".to_owned());
        };
        match (mode, &args.scenario, &args.traces) {
            (Mode::Custom, None, None) => {
                return usage(
                    "--mode custom: --scenario is missing; set it to the name of a scenario, or start from what was \
                     recorded with --traces DIR"
                        .to_owned(),
                );
            }
            (Mode::Validation | Mode::Comprehensive, Some(scenario), _) => {
                return usage(format!(
                    "--scenario {scenario}: --mode {} has its own scenarios; use --mode custom",
                    mode.name()
                ));
            }
            (Mode::Validation | Mode::Comprehensive, None, Some(traces)) => {
                return usage(format!(
                    "--traces {}: --mode {} records its own; use --mode custom",
                    traces.display(),
                    mode.name()
                ));
            }
            _ => {}
        }
        let quick = mode == Mode::Validation;
        let budget = args.budget.unwrap_or(if quick { Budget::Smoke } else { Budget::Standard });
        let seeds = args.seeds.unwrap_or(if mode == Mode::Comprehensive { 3 } else { 1 });
        let trainings =
            (args.seed..args.seed.saturating_add(seeds)).map(|seed| args.training.plan(budget, seed));
        let length = args.duration.or(quick.then_some(VALIDATION));
        Ok(Self {
            mode,
            traces: args.traces.clone(),
            pool_of: args.pool_of.clone(),
            general: General::new(args.general.as_deref(), mode)?,
            objective: args.objective,
            live_check: args.live_check,
            seed: args.seed,
            training: args.training.clone(),
            budget,
            traffic: args.traffic.unwrap_or(if quick { TrafficKind::Live } else { TrafficKind::Sim }),
            scenario: args.scenario.clone(),
            config: args.config.clone(),
            duration: length,
            trainings: trainings.collect::<Result<_, _>>()?,
            lucks: args.lucks.unwrap_or(if mode == Mode::Comprehensive { LUCKS } else { 2 }),
            twin_lucks: args.lucks.unwrap_or(LUCKS),
            requests: args.requests.or(quick.then_some(5_000)),
            cases: args.cases.or(quick.then_some(30)),
            goals: args.goals.as_deref().map(Goals::read).transpose().or_exit(ExitCode::Usage)?,
            recovery: args.recovery,
            scenario_timeout: args.scenario_timeout,
            out: args.out.clone(),
        })
    }
}

/// Rounds of the phases of a smoke training that specialises, which checks that everything works.
const SMOKE_LESSONS: u64 = 4;
const SMOKE_GENERATIONS: u64 = 4;

impl Settings {
    /// Returns the hyperparameters of the training runs that specialise `start`, one per seed.
    pub(super) fn specialised(
        &self,
        start: &PolicyFile,
        cases: &CaseSource,
        objective: Objective,
    ) -> Vec<crate::train::Args> {
        let of_seed = |general: &crate::train::Args| {
            let special =
                crate::train::Args::specialised(general.seed, start.clone(), cases.clone(), objective);
            let (lessons, generations) = match self.budget {
                Budget::Smoke => (SMOKE_LESSONS, SMOKE_GENERATIONS),
                _ => (special.lessons, special.generations),
            };
            crate::train::Args {
                lessons: self.training.lessons.unwrap_or(lessons),
                ppo_steps: self.training.steps.unwrap_or(special.ppo_steps),
                generations: self.training.generations.unwrap_or(generations),
                device: general.device,
                ..special
            }
        };
        let runs = if self.mode == Mode::Comprehensive { 1 } else { self.trainings.len() };
        self.trainings.iter().take(runs).map(of_seed).collect()
    }
}
