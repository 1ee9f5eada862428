//! Which targets of `--scrape` a testbed has, and their sampling during the measured phase of a trial.

use super::testbed::Testbed;
use crate::experiment::contestant::Way;
use crate::experiment::context::{Context, Mode};
use crate::experiment::error::RunError;
use crate::experiment::events::Event;
use crate::experiment::scrape::{self, Endpoint, Sampler, Started, endpoints_of_started, endpoints_of_urls};
use crate::experiment::trial_plan::TrialPlan;
use anyhow::anyhow;
use std::time::Instant;

/// Reads each target that was started for the scenario once.
///
/// # Errors
/// A word of `--scrape` stands for something that is not there, or its metrics cannot be read.
pub(super) async fn check(context: &Context<'_>, testbed: &Testbed) -> Result<(), RunError> {
    if matches!(context.mode, Mode::MaxRate(_)) {
        return Ok(());
    }
    let known = testbed.balancers.iter().position(|balancer| balancer.metrics.is_some());
    let (endpoints, missing) = of_started(context, testbed, Way::Through(known.unwrap_or(0)));
    if let Some(why) = missing.into_iter().next() {
        return Err(RunError::Plan(anyhow!("--scrape: {why}")));
    }
    for text in scrape::check(&endpoints, context.plan.scrape_interval()).await? {
        context.events.observe(&Event::Note { text });
    }
    Ok(())
}

/// Starts to sample all targets. `None` if there are none.
pub(super) fn start(
    context: &Context<'_>,
    testbed: &Testbed,
    plan: &TrialPlan<'_>,
    begun: Instant,
) -> Option<Sampler> {
    if matches!(context.mode, Mode::MaxRate(_)) {
        return None;
    }
    let mut endpoints = endpoints_of_urls(context.plan.scrapes());
    endpoints.extend(of_started(context, testbed, plan.contestant.way).0);
    let length = plan.scenario.scenario().duration;
    let interval = context.plan.scrape_interval();
    (!endpoints.is_empty()).then(|| Sampler::start(endpoints, interval, length, begun))
}

/// Returns the endpoints of what was started, along the way of a trial, and a sentence for each target that is not there.
fn of_started(context: &Context<'_>, testbed: &Testbed, way: Way) -> (Vec<Endpoint>, Vec<String>) {
    let listening = testbed.mocks.as_ref().map_or(&[][..], |mocks| mocks.all());
    let backends: Vec<(&str, &str)> =
        listening.iter().map(|backend| (backend.id.as_str(), backend.url.as_str())).collect();
    let balancer = testbed.through(way).and_then(|balancer| balancer.metrics.as_ref());
    endpoints_of_started(context.plan.scrapes(), Started { balancer, backends: &backends })
}
