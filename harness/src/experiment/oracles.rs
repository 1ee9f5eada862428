//! Computes bounds: simulates the same schedules with oracles that see the true state of the backends.

use super::context::Context;
use super::error::RunError;
use super::schedules::{block_schedule, warm_up_seed};
use super::sim::simulate_oracle;
use anyhow::Context as _;
use lb_analysis::latency;
use lb_config::PlannedScenario;
use lb_core::Outcome;
use lb_record::TrialRecord;
use lb_results::OracleSummary;
use simulator::oracle::Oracle;
use std::sync::Arc;

/// Maximum number of blocks over which a bound is computed. A bound has no noise, and long scenarios take
/// seconds to simulate.
const MOST_BLOCKS: u32 = 3;

/// Simulates the bounds of a scenario over its first blocks. If the user interrupts it, returns the bounds
/// that are complete.
pub(super) async fn oracles(
    context: &Context<'_>,
    scenario: &PlannedScenario,
    blocks: u32,
) -> Result<Vec<OracleSummary>, RunError> {
    let mut found = Vec::new();
    for oracle in Oracle::ALL {
        let mut sum = TrialRecord::default();
        for block in 0..blocks.min(MOST_BLOCKS) {
            if context.interrupt.is_set() {
                return Ok(found);
            }
            let inner = Arc::clone(scenario.scenario());
            let seed = context.plan.seed();
            let work = move || {
                let schedule = block_schedule(&inner.workload, seed, block);
                simulate_oracle(oracle, &inner, schedule, warm_up_seed(seed, block))
            };
            let record = tokio::task::spawn_blocking(work).await;
            let record = record.context("failed to simulate a bound").map_err(RunError::Internal)??;
            sum.append(record);
        }
        let requests = sum.requests();
        found.push(OracleSummary {
            name: oracle.name().to_owned(),
            knows: oracle.knows().to_owned(),
            latency_ms: latency(&sum.over(Outcome::is_success)),
            error_rate: if requests > 0 { sum.errors() as f64 / requests as f64 } else { 0.0 },
        });
    }
    Ok(found)
}
