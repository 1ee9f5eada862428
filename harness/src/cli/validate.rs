//! `bench validate`: compares synthetic requests with a recording.

use super::shared::{print, write_new};
use super::traffic_args::ValidateArgs;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::traffic::{describe_validation, render_page};
use lb_synthesis::{Traffic, validate};

pub(super) fn execute(args: &ValidateArgs) -> Result<ExitCode, Failure> {
    let [real, synthetic] = [&args.real, &args.synthetic];
    let inputs = [real.clone(), synthetic.clone()];
    let open = |path| Traffic::open(std::slice::from_ref(path)).or_exit(ExitCode::Usage);
    let validation = validate(&open(real)?, &open(synthetic)?, &args.time_zone).or_exit(ExitCode::Usage)?;
    let names = inputs.each_ref().map(|path| path.display().to_string());
    print(&describe_validation(&validation, &names));
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&validation).or_exit(ExitCode::Internal)?;
        write_new(path, &inputs, &(text + "\n"))?;
    }
    if let Some(path) = &args.html {
        write_new(path, &inputs, &render_page(&validation, &names))?;
        print(&format!("page: {}", path.display()));
    }
    Ok(if validation.passed { ExitCode::Ok } else { ExitCode::Threshold })
}
