//! `bench plan`: prints what would run.

use super::args::PlanArgs;
use super::shared::{print, print_json, read_plan};
use crate::exit::{ExitCode, Failure};
use crate::experiment::{combined_sha256, schedules};
use crate::show::render_plan;

pub(super) fn execute(args: &PlanArgs) -> Result<ExitCode, Failure> {
    let (_, plan) = read_plan(&args.experiment)?;
    let hashes: Vec<String> = plan
        .scenarios()
        .iter()
        .flat_map(|scenario| schedules(&scenario.scenario().workload, plan.seed(), plan.repetitions()))
        .map(|schedule| schedule.sha256().to_owned())
        .collect();
    let sha256 = combined_sha256(hashes.iter().map(String::as_str));
    if args.json {
        print_json(&plan.to_json(&sha256))?;
    } else {
        print(&render_plan(&plan, &sha256));
    }
    Ok(ExitCode::Ok)
}
