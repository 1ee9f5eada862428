//! `--steer`: events as JSON lines on standard output, commands as JSON lines on standard input.
//!
//! Everything for people goes to standard error. The end of standard input counts as the first Ctrl-C, so a run
//! does not outlive the program that steers it.

use super::shared::listen_saying;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::{Event, Interrupt, Observe, obey};
use crate::show::EventLines;
use crate::steer::{Desk, Received, read_commands};
use anyhow::Context as _;
use lb_io::{complain, divert};
use std::convert::Infallible;
use tokio::sync::mpsc::Receiver;

/// What a run and the code that takes its commands share.
pub(super) struct Steered {
    /// Set by a signal, by the command `stop` and by the end of the commands.
    pub(super) interrupt: Interrupt,
    /// Where the run finds what commands ask for.
    pub(super) desk: Desk,
    /// Writes the events.
    pub(super) events: EventLines,
}

/// Runs `work` to completion, and takes commands meanwhile if `steer` says so. `stopping` is what the first signal says.
pub(super) async fn steered(
    steer: bool,
    stopping: &'static str,
    work: impl AsyncFnOnce(Option<&Steered>) -> Result<ExitCode, Failure>,
) -> Result<ExitCode, Failure> {
    if !steer {
        return work(None).await;
    }
    divert();
    let interrupt = listen_saying(stopping);
    let over = interrupt.clone();
    let mut commands = read_commands(std::io::stdin(), move || {
        if !over.set() {
            complain(format_args!("standard input ended: {stopping}"));
        }
    })
    .context("failed to start a thread that reads commands")
    .or_exit(ExitCode::Internal)?;
    let steered = Steered { interrupt, desk: Desk::default(), events: EventLines::default() };
    tokio::select! {
        ended = work(Some(&steered)) => ended,
        never = take_commands(&mut commands, &steered) => match never {},
    }
}

/// Takes commands for ever.
async fn take_commands(commands: &mut Receiver<Received>, steered: &Steered) -> Infallible {
    let Steered { interrupt, desk, events } = steered;
    while let Some(received) = commands.recv().await {
        match received {
            Ok(command) => obey(desk, command, interrupt, events).await,
            Err(misread) => events.observe(&Event::answered(misread.id, Err(misread.text))),
        }
    }
    // The run goes on until it notices that it should end.
    std::future::pending().await
}
