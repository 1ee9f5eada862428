//! `rl-train eval`: compares policies with the classical algorithms, without training.

use super::meter::Meter;
use super::{interrupt, policies};
use crate::evaluate::goals::{Goal, Goals};
use crate::evaluate::{Evaluation, LUCKS, List, Trained, Watch, evaluate};
use crate::files::write_whole;
use crate::report::{self, Lists};
use harness::exit::{ExitCode, Failure, OrExit};
use lb_config::values::whole_within;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Compares trained policies with all classical algorithms and oracles in virtual time.
///
/// Several policies are treated as training runs that differ only in their seeds: figures are averages over
/// them, and intervals include the variation between seeds. Without --situations and --test-set, all lists
/// are played.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Policy files, checkpoints, or folders of training runs.
    #[arg(value_name = "POLICY", required = true)]
    pub policies: Vec<PathBuf>,
    /// Requests per case and replication [default: set by the list].
    #[arg(long, value_name = "N", value_parser = whole_within(100, u64::MAX), allow_hyphen_values = true)]
    pub requests: Option<u64>,
    /// Replications per case; each draws new arrivals, sizes and failures, the same for all contestants.
    #[arg(long, value_name = "K", default_value_t = LUCKS, value_parser = whole_within(1, u64::MAX), allow_hyphen_values = true)]
    pub lucks: u64,
    /// Play the situations A to I, those with telling requests, G with reports of load, and B with routes.
    #[arg(long)]
    pub situations: bool,
    /// Play the held-out random cases, and those with telling requests.
    #[arg(long)]
    pub test_set: bool,
    /// Play only the first cases of each list, for a quick check; goals are then not judged.
    #[arg(long, value_name = "N", value_parser = whole_within(1, u64::MAX), allow_hyphen_values = true)]
    pub cases: Option<u64>,
    /// Judge the lists by the goals in this JSON file, such as configs/learner-goals.json.
    #[arg(long, value_name = "FILE")]
    pub goals: Option<PathBuf>,
    /// Also write all figures as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// The document that `--json` writes.
#[derive(Serialize)]
struct Document<'a> {
    goals: Vec<Goal>,
    evaluations: &'a [Evaluation],
}

impl Args {
    fn lists(&self) -> Vec<List> {
        let both = !self.situations && !self.test_set;
        let mut lists = Vec::new();
        if self.situations || both {
            lists.extend([List::situations(), List::sized(), List::reports(), List::routes()]);
        }
        if self.test_set || both {
            lists.extend([List::test(), List::sized_test()]);
        }
        let cut = |list: List| match self.cases {
            Some(count) => list.first(count as usize),
            None => list,
        };
        let fit = |list: List| match self.requests {
            Some(requests) => list.with_requests(requests),
            None => list,
        };
        lists.into_iter().map(cut).map(fit).collect()
    }
}

/// Evaluates the policies, and prints and writes the results.
///
/// # Errors
/// Fails if a policy or the goals cannot be read, or the file cannot be written.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let targets = args.goals.as_deref().map(Goals::read).transpose().or_exit(ExitCode::Usage)?;
    let mut files = Vec::new();
    for path in &args.policies {
        files.push(Arc::new(policies::find(path).or_exit(ExitCode::Usage)?));
    }
    let policies = Trained::all(files);
    let interrupt = interrupt::listen()?;
    let stop = interrupt.flag();
    let meter = Mutex::new(Meter::new());
    let mut evaluations = Vec::new();
    for list in args.lists() {
        let progress = |done: usize, all: usize| {
            if let Ok(mut meter) = meter.lock() {
                meter.tick(&format!("{}: {done} of {all} rounds", list.name));
            }
        };
        evaluations.push(evaluate(&policies, &list, args.lucks, Watch { stop: &stop, progress: &progress }));
    }
    drop(meter);
    let lists = Lists::new(&evaluations);
    lb_io::print(report::console(&lists, targets.as_ref()).trim_end());
    if let Some(path) = &args.json {
        let document = Document {
            goals: targets.as_ref().map(|targets| lists.judge(targets)).unwrap_or_default(),
            evaluations: &evaluations,
        };
        let text = serde_json::to_vec_pretty(&document).or_exit(ExitCode::Internal)?;
        write_whole(path, &text).or_exit(ExitCode::Preflight)?;
    }
    Ok(if interrupt.is_set() { ExitCode::Interrupted } else { ExitCode::Ok })
}
