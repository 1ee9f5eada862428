//! `bench learn`: learns a traffic model from recordings, or invents a log.

use super::shared::{print, write_new};
use super::traffic_args::LearnArgs;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::traffic::describe_model;
use anyhow::anyhow;
use lb_synthesis::{Example, Traffic, learn, simulate};
use std::path::Path;

pub(super) fn execute(args: &LearnArgs) -> Result<ExitCode, Failure> {
    if args.simulate {
        return invent(args);
    }
    let traffic = Traffic::open(&args.files).or_exit(ExitCode::Usage)?;
    let model = learn(&traffic, &args.time_zone, args.session_gap.as_secs_f64()).or_exit(ExitCode::Usage)?;
    if let Some(out) = &args.out {
        let text = serde_json::to_string_pretty(&model).or_exit(ExitCode::Internal)?;
        write_new(out, &args.files, &(text + "\n"))?;
    }
    print(&describe_model(&model));
    if let Some(out) = &args.out {
        print(&format!("model: {}", out.display()));
    }
    Ok(ExitCode::Ok)
}

fn invent(args: &LearnArgs) -> Result<ExitCode, Failure> {
    let Some(out) = &args.out else { return Ok(ExitCode::Usage) };
    let example = Example { days: args.days, requests: args.requests, seed: args.seed };
    let render = match out.extension().and_then(|ending| ending.to_str()) {
        Some("jsonl") => lb_synthesis::Log::to_json_lines,
        Some("log") => lb_synthesis::Log::to_combined,
        Some("json") => lb_synthesis::Log::to_list,
        _ => return Err(anyhow!(ending(out))).or_exit(ExitCode::Usage),
    };
    let log = simulate(&example).or_exit(ExitCode::Usage)?;
    write_new(out, &[], &render(&log))?;
    print(&format!("log: {} ({} invented requests of {} days)", out.display(), log.len(), args.days));
    Ok(ExitCode::Ok)
}

fn ending(out: &Path) -> String {
    format!("the ending of `{}` does not name a format; use `.jsonl`, `.log` or `.json`", out.display())
}
