//! The arguments of the executor, and what follows from them.

use crate::evaluate::LUCKS;
use crate::evaluate::goals::Goals;
use crate::train::{Budget, TrainingArgs};
use anyhow::anyhow;
use clap::ValueEnum;
use harness::exit::{ExitCode, Failure, OrExit};
use std::path::PathBuf;
use std::time::Duration;

/// The kind of run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Does everything work? Short live traffic, a smoke training, a look at the result: about two minutes.
    Validation,
    /// Everything: four scenarios, three trainings, the whole proof.
    Comprehensive,
    /// One scenario of a config, one training.
    Custom,
}

impl Mode {
    /// Its name on the command line and in results.
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
    /// Its name on the command line and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sim => "sim",
            Self::Live => "live",
        }
    }
}

/// Collects traces under load, trains the policy `rl`, proves it, and reports.
#[derive(Clone, Debug, clap::Args)]
pub struct ExecutorArgs {
    /// Kind of run.
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
    /// Scenario to play with --mode custom; case does not matter.
    #[arg(long, help_heading = "Traffic", value_name = "NAME", requires = "mode")]
    pub scenario: Option<String>,
    /// Config that holds the scenario: a path or a bundled name [default: all bundled configs].
    #[arg(long, help_heading = "Traffic", value_name = "FILE", requires = "scenario")]
    pub config: Option<String>,
    /// How scenarios are played [default: live for validation, else sim].
    #[arg(long, help_heading = "Traffic", value_enum, requires = "mode")]
    pub traffic: Option<TrafficKind>,
    /// Length of each scenario in seconds; its timeline is scaled to fit [default: its own, in validation 45].
    #[arg(long, help_heading = "Traffic", value_name = "SECONDS", value_parser = positive, requires = "mode")]
    pub duration: Option<f64>,
    /// Length of each training [default: smoke for validation, else standard].
    #[arg(long, help_heading = "Training", value_enum, requires = "mode")]
    pub budget: Option<Budget>,
    /// Number of trainings, each with its own seed [default: 3 for comprehensive, else 1].
    #[arg(long, help_heading = "Training", value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100), requires = "mode")]
    pub seeds: Option<u64>,
    /// Seed of the first training; the next ones count up from it.
    #[arg(long, help_heading = "Training", value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Settings that override the budget.
    #[command(flatten)]
    pub training: TrainingArgs,
    /// Replications per case of the proof, each with its own arrivals, sizes and failures [default: 5 for comprehensive, else 2].
    #[arg(long, help_heading = "Evaluation", value_name = "K", value_parser = clap::value_parser!(u64).range(1..), requires = "mode")]
    pub lucks: Option<u64>,
    /// Requests per case and replication of the proof [default: as the lists say, in validation 5000].
    #[arg(long, help_heading = "Evaluation", value_name = "N", value_parser = clap::value_parser!(u64).range(100..), requires = "mode")]
    pub requests: Option<u64>,
    /// Only the first cases of each list of the proof [default: all, in validation 30].
    #[arg(long, help_heading = "Evaluation", value_name = "N", value_parser = clap::value_parser!(u64).range(1..), requires = "mode")]
    pub cases: Option<u64>,
    /// Judge the proof by the goals in this JSON file, such as configs/learner-goals.json.
    #[arg(long, help_heading = "Evaluation", value_name = "FILE", requires = "mode")]
    pub goals: Option<PathBuf>,
    /// Seconds to wait between live scenarios.
    #[arg(long, help_heading = "Traffic", value_name = "SECONDS", default_value_t = 120.0, value_parser = not_negative)]
    pub recovery: f64,
    /// Seconds after which a scenario is stopped and counts as failed.
    #[arg(long, help_heading = "Traffic", value_name = "SECONDS", default_value_t = 10_800.0, value_parser = positive)]
    pub scenario_timeout: f64,
    /// Folder of the run [default: results/<date>-rl-train-<mode>-<id>]. Trainings whose checkpoints
    /// are in it are resumed.
    #[arg(long, help_heading = "Output", value_name = "DIR", requires = "mode")]
    pub out: Option<PathBuf>,
}

/// A number above zero.
fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| format!("`{text}` is not a number above 0"))
}

/// A number that is not below zero.
fn not_negative(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| format!("`{text}` is not a number of seconds; use 0 or more"))
}

/// Seconds of validation's traffic: with a training and a proof it makes two minutes in all.
const VALIDATION_S: f64 = 45.0;

/// What a run is to do, with every default filled in.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) mode: Mode,
    pub(super) traffic: TrafficKind,
    pub(super) scenario: Option<String>,
    pub(super) config: Option<String>,
    pub(super) duration: Option<Duration>,
    /// Knobs of each training.
    pub(super) trainings: Vec<crate::train::Args>,
    pub(super) lucks: u64,
    pub(super) requests: Option<u64>,
    pub(super) cases: Option<u64>,
    /// `None`: nothing is judged.
    pub(super) goals: Option<Goals>,
    pub(super) recovery: Duration,
    pub(super) scenario_timeout: Duration,
    pub(super) out: Option<PathBuf>,
}

impl Settings {
    pub(super) fn new(args: &ExecutorArgs) -> Result<Self, Failure> {
        let usage = |message: String| Err(anyhow!(message)).or_exit(ExitCode::Usage);
        let Some(mode) = args.mode else {
            return usage("--mode is missing; it is `validation`, `comprehensive` or `custom`".to_owned());
        };
        match (mode, &args.scenario) {
            (Mode::Custom, None) => {
                return usage(
                    "--mode custom: needs --scenario, the name of a scenario of a config".to_owned(),
                );
            }
            (Mode::Validation | Mode::Comprehensive, Some(scenario)) => {
                return usage(format!(
                    "--scenario {scenario}: --mode {} has scenarios of its own; use --mode custom",
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
        let duration = args.duration.or(quick.then_some(VALIDATION_S));
        Ok(Self {
            mode,
            traffic: args.traffic.unwrap_or(if quick { TrafficKind::Live } else { TrafficKind::Sim }),
            scenario: args.scenario.clone(),
            config: args.config.clone(),
            duration: duration.map(Duration::from_secs_f64),
            trainings: trainings.collect::<Result<_, _>>()?,
            lucks: args.lucks.unwrap_or(if mode == Mode::Comprehensive { LUCKS } else { 2 }),
            requests: args.requests.or(quick.then_some(5_000)),
            cases: args.cases.or(quick.then_some(30)),
            goals: args.goals.as_deref().map(Goals::read).transpose().or_exit(ExitCode::Usage)?,
            recovery: Duration::from_secs_f64(args.recovery),
            scenario_timeout: Duration::from_secs_f64(args.scenario_timeout),
            out: args.out.clone(),
        })
    }
}
