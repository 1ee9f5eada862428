//! Runs a load without end: starts what it needs, sends the load until it is to stop, and stops what was started.

use super::export::Exporter;
use super::listener::Bound;
use super::load::Load;
use super::options::{DEFAULT_LISTEN, Finished, LiveOptions, Options};
use crate::experiment::{Ended, Event, Interrupt, Observe, RunError, Stand};
use crate::steer::Now;
use lb_config::Plan;
use std::net::SocketAddr;

/// Sends the load of a plan until `interrupt` is set or the time in the options is up, which is its ordinary end.
///
/// # Errors
/// The load could not begin. Later errors are in [`Finished::ended`], together with the results so far.
pub async fn run(
    plan: &Plan,
    options: Options<'_>,
    interrupt: &Interrupt,
    events: &dyn Observe,
) -> Result<Finished, RunError> {
    let Options { run, live } = &options;
    let exporter = live.otlp.as_deref().map(Exporter::new).transpose().map_err(RunError::Plan)?;
    let (bound, note) = bind(live).map_err(RunError::testbed)?;
    let mut stand = Stand::start(plan, run, interrupt, events).await?;
    let result = match Load::start(plan, &options, &stand, bound, exporter, events) {
        Ok(mut load) => {
            if let Some(text) = note {
                load.shared.note(text);
            }
            if let Some(desk) = &run.desk {
                desk.begin(Now::Load);
                desk.set_mocks(stand.mocks());
                let current = stand.current().await.map(|algorithm| algorithm.to_string());
                events.observe(&load.steerable(&stand, current.clone()));
                if let (Some(watching), Some(algorithm)) = (&mut load.watching, current) {
                    watching.set_algorithm(algorithm);
                }
            }
            load.watch(&mut stand, &options, interrupt, events).await
        }
        Err(error) => Err(error),
    };
    for text in stand.stop().await {
        events.observe(&Event::Note { text });
    }
    let (ended, error) = match &result {
        Ok(Finished { ended: Ended::Failed(error), .. }) | Err(error) => ("failed", Some(error.chain())),
        Ok(_) => ("complete", None),
    };
    events.observe(&Event::RunFinished {
        ended: ended.to_owned(),
        error,
        results: run.folder.path().display().to_string(),
        summary: None,
    });
    result
}

/// Binds the listener, with a note if it is not the usual address.
fn bind(live: &LiveOptions) -> anyhow::Result<(Bound, Option<String>)> {
    if let Some(address) = live.listen {
        return Ok((Bound::bind(address, &live.hosts)?, None));
    }
    match Bound::bind(DEFAULT_LISTEN, &live.hosts) {
        Ok(bound) => Ok((bound, None)),
        Err(_) => {
            let bound = Bound::bind(SocketAddr::new(DEFAULT_LISTEN.ip(), 0), &live.hosts)?;
            let note =
                format!("{DEFAULT_LISTEN} is taken, so metrics and marks are at http://{}", bound.address());
            Ok((bound, Some(note)))
        }
    }
}
