//! `bench mark`: sets a mark on a load that another process sends.

use super::live_args::MarkArgs;
use super::shared::{block_on, print, print_json};
use crate::continuous::{DEFAULT_LISTEN, MarkFailure, listening_address, set_mark};
use crate::exit::{ExitCode, Failure, OrExit};
use lb_continuous::MarkRequest;

pub(super) fn execute(args: &MarkArgs) -> Result<ExitCode, Failure> {
    let request = MarkRequest { name: args.name.clone(), settle_s: args.settle.as_secs_f64() };
    request.check().or_exit(ExitCode::Usage)?;
    block_on(async {
        let at = match (&args.at, &args.results) {
            (Some(at), _) => at.clone(),
            (None, Some(folder)) => listening_address(folder).or_exit(ExitCode::Preflight)?,
            (None, None) => format!("http://{DEFAULT_LISTEN}"),
        };
        let mark = set_mark(&at, &request).await.map_err(|error| match error {
            MarkFailure::Away { at, why } if args.results.is_some() => {
                // The file was left behind by a process that was killed.
                MarkFailure::Away {
                    at,
                    why: format!("{why}, though the folder says that a load listens there"),
                }
            }
            other => other,
        });
        let mark = mark.or_exit(ExitCode::Preflight)?;
        if args.json {
            print_json(&mark)?;
        } else {
            print(&format!("mark `{}` set after {:.0} s; {}", mark.name, mark.at_s, mark.sentence));
        }
        Ok(ExitCode::Ok)
    })
}
