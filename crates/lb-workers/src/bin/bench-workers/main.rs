//! `bench-workers`: everything that `bench` does, with load that workers play. `bench` starts it for `--workers` and for
//! `bench worker`.

use anyhow::anyhow;
use harness::cli::{Cli, Command, execute, give_workers, parse};
use harness::exit::{ExitCode, Failure, OrExit as _, explain, with_output};
use harness::experiment::Fleet;
use lb_core::plain;
use lb_io::complain;
use lb_workers::{NatsFleet, work};
use std::process::ExitCode as ProcessExit;
use std::sync::Arc;

fn main() -> ProcessExit {
    match parse(std::env::args_os()) {
        Ok(cli) => run(&cli).unwrap_or_else(|failure| {
            complain(format_args!("error: {}", plain::lines(&failure.to_string())));
            failure.code.into()
        }),
        Err(error) => explain(&error),
    }
}

fn run(cli: &Cli) -> Result<ProcessExit, Failure> {
    if let Some(Command::Worker(args)) = &cli.command {
        return work(args).map(|code| with_output(code.into()));
    }
    let mut led: Option<Arc<NatsFleet>> = None;
    give_workers(cli, |args| {
        let fleet = NatsFleet::new(args).map_err(|text| anyhow!(text)).or_exit(ExitCode::Usage)?;
        Ok(Arc::clone(led.insert(Arc::new(fleet))) as Arc<dyn Fleet>)
    })?;
    let code = execute(cli);
    if let Some(fleet) = led {
        fleet.dismiss();
    }
    Ok(code)
}
