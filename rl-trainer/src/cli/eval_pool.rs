//! `rl-train eval-pool`: plays specialised policies on the pools that they were specialised for.

use super::meter::Meter;
use super::{interrupt, policies};
use crate::evaluate::{LUCKS, OnPool, Watch, on_pools};
use crate::files::write_whole;
use crate::report;
use crate::scenarios::{Case, situation, sized_situation};
use anyhow::{Context, anyhow};
use harness::exit::{ExitCode, Failure, OrExit};
use lb_config::TrainedPolicy;
use lb_config::values::whole_within;
use lb_core::policy::PolicyFile;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Compares specialised policies with the general one on the pools themselves.
///
/// Training and choice know a pool only by its recording, and test a policy on the twin that was fitted to it. Here it
/// meets the pool itself in virtual time: with the general policy, all classical algorithms and the oracles. If several
/// pools are given, geometric means over them are shown as well. A policy that knows its pool is also played for a minute
/// with a profile in which the backends have each other's speeds.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Recorded situation, and its policy file or run, such as `b=results/run`.
    #[arg(value_name = "SITUATION=POLICY", required = true)]
    pub pools: Vec<String>,
    /// General policy: `bundled`, or a policy file or training run.
    #[arg(long, value_name = "POLICY", default_value = "bundled")]
    pub general: String,
    /// Requests per replication [default: set by the situation].
    #[arg(long, value_name = "N", value_parser = whole_within(100, u64::MAX), allow_hyphen_values = true)]
    pub requests: Option<u64>,
    /// Replications, each with new arrivals, sizes, failures and wrong profile.
    #[arg(long, value_name = "K", default_value_t = LUCKS, value_parser = whole_within(1, u64::MAX), allow_hyphen_values = true)]
    pub lucks: u64,
    /// Also write all figures as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Reads `b=results/run`.
fn pool(text: &str) -> anyhow::Result<OnPool> {
    let (name, path) = text.split_once('=').with_context(|| {
        format!("`{text}` names no situation; use a situation and a policy, such as `b=results/run`")
    })?;
    let case = of_name(name).with_context(|| {
        format!(
            "`{name}` is not a situation; use `a` to `i`, or `b-sized` and the like for requests that tell"
        )
    })?;
    let file = policies::find(Path::new(path))?;
    if let Some(profile) = &file.profile {
        let ids: Vec<&str> =
            case.topology.pools[0].backends.iter().map(|backend| backend.id.as_str()).collect();
        profile.fits(&ids).with_context(|| format!("`{path}`"))?;
    }
    Ok(OnPool { case, file: Arc::new(file) })
}

/// Returns the situation with a name such as `b`, `situation-b` or `b-sized`.
fn of_name(name: &str) -> Option<Case> {
    let name = name.strip_prefix("situation-").unwrap_or(name);
    let (letter, sized) = name.strip_suffix("-sized").map_or((name, false), |letter| (letter, true));
    let mut letters = letter.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => {
            if sized {
                sized_situation(letter)
            } else {
                situation(letter)
            }
        }
        _ => None,
    }
}

fn general(text: &str) -> anyhow::Result<Arc<PolicyFile>> {
    match text {
        "bundled" => {
            Ok(TrainedPolicy::bundled().map_err(|error| anyhow!("the bundled policy: {error}"))?.file)
        }
        path => {
            let found =
                policies::find(Path::new(path)).map_err(|error| anyhow!("--general {path}: {error}"))?;
            Ok(Arc::new(found))
        }
    }
}

/// Plays the policies, and prints and writes the results.
///
/// # Errors
/// Fails if a situation is unknown, a policy cannot be read or belongs to another pool, or the file cannot be written.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let pools: Vec<OnPool> =
        args.pools.iter().map(|text| pool(text)).collect::<anyhow::Result<_>>().or_exit(ExitCode::Usage)?;
    let general = general(&args.general).or_exit(ExitCode::Usage)?;
    let interrupt = interrupt::listen()?;
    let stop = interrupt.flag();
    let meter = Mutex::new(Meter::new());
    let progress = |done: usize, all: usize| {
        if let Ok(mut meter) = meter.lock() {
            meter.tick(&format!("{done} of {all} rounds"));
        }
    };
    let watch = Watch { stop: &stop, progress: &progress };
    let played = on_pools(&pools, &general, args.lucks, args.requests, watch);
    drop(meter);
    lb_io::print(report::on_pools(&played).trim_end());
    if let Some(path) = &args.json {
        let text = serde_json::to_vec_pretty(&played).or_exit(ExitCode::Internal)?;
        write_whole(path, &text).or_exit(ExitCode::Preflight)?;
    }
    Ok(if interrupt.is_set() { ExitCode::Interrupted } else { ExitCode::Ok })
}
