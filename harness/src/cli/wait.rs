//! `bench wait`: waits until a page answers, and sends nothing else. An init container, a health check of a container or
//! a script waits with it where nothing but `bench` is installed.

use super::live_args::WaitArgs;
use super::shared::{block_on, listen_saying};
use crate::exit::{ExitCode, Failure, OrExit};
use crate::ready::{NotReady, wait_for};
use anyhow::anyhow;
use lb_core::plain;
use lb_io::complain;
use lb_load::TlsOptions;

pub(super) fn execute(args: &WaitArgs) -> Result<ExitCode, Failure> {
    let tell = |text: &str| {
        if !args.quiet {
            complain(plain::lines(text));
        }
    };
    block_on(async {
        let interrupt = listen_saying("interrupted: the page is not waited for any longer");
        match wait_for(&args.url, args.wait_timeout, &TlsOptions::default(), &interrupt, &tell).await {
            Ok(()) => Ok(ExitCode::Ok),
            Err(NotReady::Unusable(error)) => Err(anyhow!("failed to {error}")).or_exit(ExitCode::Usage),
            Err(error @ NotReady::Interrupted { .. }) => Err(error).or_exit(ExitCode::Interrupted),
            Err(error @ NotReady::TimedOut { .. }) => Err(error).or_exit(ExitCode::Preflight),
        }
    })
}
