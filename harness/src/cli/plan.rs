//! `bench plan`: prints what would run.

use super::args::PlanArgs;
use super::shared::{print, print_json, read_plan};
use crate::exit::{ExitCode, Failure};
use crate::experiment::{combined_sha256, schedules};
use crate::show::render_plan;
use lb_config::Plan;

pub(super) fn execute(args: &PlanArgs) -> Result<ExitCode, Failure> {
    let (_, plan) = read_plan(&args.experiment)?;
    let sha256 = hash(&plan);
    if args.json {
        print_json(&plan.to_json(&sha256))?;
    } else {
        print(&render_plan(&plan, &sha256));
    }
    Ok(ExitCode::Ok)
}

/// Prints a plan as text.
pub(super) fn show(plan: &Plan) {
    print(&render_plan(plan, &hash(plan)));
}

/// Returns the SHA-256 of the schedules of all scenarios and repetitions.
fn hash(plan: &Plan) -> String {
    let hashes: Vec<String> = plan
        .scenarios()
        .iter()
        .flat_map(|scenario| schedules(&scenario.scenario().workload, plan.seed(), plan.repetitions()))
        .map(|schedule| schedule.sha256().to_owned())
        .collect();
    combined_sha256(hashes.iter().map(String::as_str))
}
