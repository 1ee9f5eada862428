//! `bench export`: writes a script with which k6 or Locust plays a list of requests.

use super::shared::{print, write_new};
use super::traffic_args::{ExportArgs, ExportTool};
use crate::exit::{ExitCode, Failure, OrExit};
use anyhow::anyhow;
use lb_synthesis::{Tool, export};

pub(super) fn execute(args: &ExportArgs) -> Result<ExitCode, Failure> {
    let tool = match (args.to, args.stages) {
        (ExportTool::K6, false) => Tool::K6,
        (ExportTool::K6, true) => Tool::K6Stages,
        (ExportTool::Locust, false) => Tool::Locust,
        (ExportTool::Locust, true) => {
            let problem = "--stages applies to k6; leave it out, and Locust sends each request at its time";
            return Err(anyhow!(problem)).or_exit(ExitCode::Usage);
        }
    };
    let script = export(tool, &args.list, &args.out).or_exit(ExitCode::Usage)?;
    write_new(&args.out, std::slice::from_ref(&args.list), &script)?;
    let out = args.out.display();
    print(&match args.to {
        ExportTool::K6 => {
            format!("script: {out}\nrun it with: k6 run -e BASE_URL=http://localhost:8080 {out}")
        }
        ExportTool::Locust => {
            format!("script: {out}\nrun it with: locust -f {out} --headless --host http://localhost:8080")
        }
    });
    Ok(ExitCode::Ok)
}
