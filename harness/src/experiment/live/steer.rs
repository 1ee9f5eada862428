//! Steering while a trial runs: an agent reads the counters of a load balancer, computes weights and sets
//! them, at a regular interval. The control does the same with equal weights, so that it costs the same.

use super::balancer::BalancerUnderTest;
use crate::experiment::contestant::Steering;
use crate::experiment::error::RunError;
use anyhow::Context as _;
use lb_admin_client::{AdminError, BackendCounters, LoadBalancerAdmin, Snapshot};
use lb_config::TrainedPolicy;
use lb_core::steering::{Carrier, Look, Steerer};
use lb_core::{Span, Time};
use lb_results::{SteeringRecord, SteeringStep};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// A task that sets weights until it is stopped.
pub(super) struct Agent {
    stop: Arc<AtomicBool>,
    begun: Instant,
    task: JoinHandle<SteeringRecord>,
}

impl Agent {
    /// Sets equal weights, and starts the task.
    pub(super) async fn start(
        balancer: &BalancerUnderTest,
        steering: Steering,
        policy: Option<&TrainedPolicy>,
        period: Span,
    ) -> Result<Self, RunError> {
        let admin = Arc::clone(&balancer.admin);
        policy.context("failed to steer: there is no trained policy").map_err(RunError::Plan)?;
        let first = admin.snapshot().await?;
        let mut pools = pools(&first, admin.capabilities().carrier);
        let ids: Vec<String> = pools.iter().flat_map(|pool| pool.ids.iter().cloned()).collect();
        let equal: Vec<(String, f64)> = ids.iter().map(|id| (id.clone(), 1.0)).collect();
        admin.set_weights(&equal).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let begun = Instant::now();
        let task = tokio::spawn(async move {
            let mut record =
                SteeringRecord { ids, period, steps: Vec::new(), failures: 0, last_failure: None };
            let mut tick = tokio::time::interval(period.into());
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut last = first;
            while !stopped.load(Ordering::Relaxed) {
                tick.tick().await;
                let looked = Instant::now();
                match step(&*admin, &mut pools, &mut last, steering, begun).await {
                    Ok(weights) => record.steps.push(SteeringStep {
                        at_s: looked.duration_since(begun).as_secs_f64(),
                        age_ms: looked.elapsed().as_secs_f64() * 1e3,
                        weights,
                    }),
                    Err(error) => {
                        record.failures += 1;
                        record.last_failure = Some(error.to_string());
                    }
                }
            }
            record
        });
        Ok(Self { stop, begun, task })
    }

    /// Stops the task, and returns its steps since `measured`, with times relative to `measured`.
    pub(super) async fn stop(self, measured: Instant) -> Result<SteeringRecord, RunError> {
        self.stop.store(true, Ordering::Relaxed);
        let mut record = self.task.await.context("failed to steer").map_err(RunError::Internal)?;
        let offset = measured.duration_since(self.begun).as_secs_f64();
        record.steps.retain(|step| step.at_s >= offset);
        record.steps.iter_mut().for_each(|step| step.at_s -= offset);
        Ok(record)
    }
}

/// Describes the failures of an agent; `None` when there were none.
pub(super) fn failed(record: &SteeringRecord) -> Option<String> {
    let last = record.last_failure.as_ref()?;
    Some(format!(
        "setting weights failed {} of {} times: {last}",
        record.failures,
        record.failures as usize + record.steps.len()
    ))
}

/// The backends of one pool, and what computes their weights.
struct Pool {
    name: String,
    ids: Vec<String>,
    steerer: Steerer,
}

fn pools(snapshot: &Snapshot, carrier: Carrier) -> Vec<Pool> {
    let mut names: Vec<&str> = Vec::new();
    for backend in &snapshot.backends {
        if !names.contains(&backend.pool.as_str()) {
            names.push(&backend.pool);
        }
    }
    let pool = |name: &&str| {
        let members = snapshot.backends.iter().filter(|backend| backend.pool == **name);
        let ids: Vec<String> = members.map(|backend| backend.id.clone()).collect();
        let steerer = Steerer::new(ids.len(), carrier);
        Pool { name: (*name).to_owned(), ids, steerer }
    };
    names.iter().map(pool).collect()
}

/// Observes all backends once, and sets the resulting weights, pool by pool.
async fn step(
    admin: &dyn LoadBalancerAdmin,
    pools: &mut [Pool],
    last: &mut Snapshot,
    steering: Steering,
    begun: Instant,
) -> Result<Vec<f64>, AdminError> {
    let now = admin.snapshot().await?;
    let at = Time::ZERO + Span::from_secs_f64(begun.elapsed().as_secs_f64());
    let tells = admin.capabilities().in_flight;
    let mut weights = Vec::new();
    for pool in pools {
        let looks: Vec<Look> = pool.ids.iter().map(|id| look(&pool.name, id, last, &now, tells)).collect();
        let followed = pool.steerer.look(&looks, at).iter().copied();
        let constant = |weight: f64| if steering == Steering::Constant { 1.0 } else { weight };
        weights.extend(pool.ids.iter().cloned().zip(followed.map(constant)));
    }
    *last = now;
    admin.set_weights(&weights).await?;
    Ok(weights.into_iter().map(|(_, weight)| weight).collect())
}

/// Returns what happened at a backend between two snapshots. After a reset, counters start again from 0.
fn look(pool: &str, id: &str, last: &Snapshot, now: &Snapshot, tells_in_flight: bool) -> Look {
    let of = |snapshot: &Snapshot| -> Option<BackendCounters> {
        snapshot.backends.iter().find(|one| one.pool == pool && one.id == id).cloned()
    };
    let Some(current) = of(now) else { return Look::default() };
    let before = of(last).filter(|_| last.generation == now.generation);
    let grown = |count: fn(&BackendCounters) -> Option<u64>| {
        let then = before.as_ref().and_then(count).unwrap_or(0);
        count(&current).unwrap_or(0).saturating_sub(then)
    };
    Look {
        requests: grown(|one| one.requests),
        errors: grown(|one| one.errors),
        in_flight: tells_in_flight.then_some(current.in_flight),
        latency: current.recent_latency,
        eligible: current.healthy && !current.draining,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_admin_client::FakeAdmin;

    fn counted(generation: &str, counts: &[(u64, u64, u32)]) -> Snapshot {
        let backend = |(place, (requests, errors, in_flight)): (usize, &(u64, u64, u32))| BackendCounters {
            requests: Some(*requests),
            errors: Some(*errors),
            in_flight: *in_flight,
            ..BackendCounters::unknown(format!("b{place}"), "main", 1.0)
        };
        Snapshot {
            generation: generation.to_owned(),
            algorithm: "rl".to_owned(),
            backends: counts.iter().enumerate().map(backend).collect(),
            unassigned: 0,
            guards: None,
        }
    }

    #[test]
    fn a_look_is_what_happened_since_the_one_before() {
        let last = counted("1", &[(100, 5, 2), (50, 0, 0)]);
        let now = counted("1", &[(160, 6, 3), (50, 0, 1)]);
        let first = look("main", "b0", &last, &now, true);
        assert_eq!((first.requests, first.errors, first.in_flight), (60, 1, Some(3)));
        assert_eq!(look("main", "b1", &last, &now, true).requests, 0, "nothing was sent there");
        let gone = look("main", "b9", &last, &now, true);
        assert!(!gone.eligible, "a backend that is not listed cannot be picked");
    }

    #[test]
    fn after_a_reset_counters_begin_anew() {
        let last = counted("1", &[(100, 5, 0)]);
        let now = counted("2", &[(7, 1, 0)]);
        assert_eq!(look("main", "b0", &last, &now, true).requests, 7, "all requests of the new generation");
    }

    #[tokio::test]
    async fn the_control_goes_through_the_same_steps_and_keeps_weights_equal() {
        let fake = FakeAdmin::new(&[("a", 1.0), ("b", 1.0)]);
        let mut last = fake.snapshot().await.expect("the fake counts");
        let mut pools = pools(&last, fake.capabilities().carrier);
        assert_eq!(pools.len(), 1, "the fake has one pool");
        let begun = Instant::now();
        for _ in 0..3 {
            let weights = step(&fake, &mut pools, &mut last, Steering::Constant, begun).await;
            assert_eq!(weights.expect("the fake takes weights"), [1.0, 1.0]);
        }
        let set = fake.calls().iter().filter(|call| call.starts_with("set_weights")).count();
        assert_eq!(set, 3, "each look is followed by weights");
    }
}
