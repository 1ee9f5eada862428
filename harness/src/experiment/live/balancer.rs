//! One load balancer under test, over all trials of a scenario: switching, verifying, draining, and reading its
//! counters.

use crate::experiment::context::Context;
use crate::experiment::error::RunError;
use crate::experiment::traces::{in_results, lost};
use crate::experiment::trial_plan::TrialPlan;
use crate::testbed::Child;
use lb_admin_client::{AdminError, Evidence, LoadBalancerAdmin, ResetKind, Snapshot, Verdict, VerifyOptions};
use lb_core::Algorithm;
use lb_core::policy::GuardCounts;
use lb_core::trace_summary::TraceSummary;
use lb_results::BalancerCount;
use std::sync::Arc;

/// A load balancer that trials run against.
pub(super) struct BalancerUnderTest {
    /// The name of the load balancer, as messages write it.
    pub(super) name: String,
    pub(super) admin: Arc<dyn LoadBalancerAdmin>,
    /// The URL that requests go to; services lie below it.
    pub(super) base_url: String,
    /// The process; `None` when `bench` did not start it.
    pub(super) process: Option<Child>,
    /// Whether its `rl` is steered by weights.
    pub(super) steered: bool,
    /// How switches are verified; kept over trials, so that the connection that it keeps is older than each switch.
    pub(super) verification: VerifyOptions,
    /// The names of the algorithm that is active: the load balancer's own name, and the name here. `None` before the
    /// first switch.
    pub(super) names: Option<[String; 2]>,
    /// Whether the load balancer was told to start a measurement.
    pub(super) measuring: bool,
}

/// What a load balancer counted in the measured phase.
#[derive(Default)]
pub(super) struct Counted {
    pub(super) balancer: Vec<BalancerCount>,
    pub(super) guards: Option<GuardCounts>,
}

impl BalancerUnderTest {
    /// Switches the load balancer to an algorithm.
    pub(super) async fn switch(&mut self, algorithm: &Algorithm) -> Result<(), RunError> {
        // The old connection has to be older than the switch.
        self.verification.greet().await?;
        // One measurement covers all algorithms: a second start would be refused, and starting does not switch.
        if !self.measuring {
            self.admin.start(algorithm).await?;
            self.measuring = true;
        }
        let native = self.admin.switch(algorithm).await.map_err(|source| RunError::Switch {
            balancer: self.name.clone(),
            algorithm: algorithm.to_string(),
            source: Box::new(source),
        })?;
        self.names = Some([native, algorithm.to_string()]);
        Ok(())
    }

    /// Collects evidence on the switch; evidence that contradicts it is an error.
    pub(super) async fn verify(&self, algorithm: &Algorithm) -> Result<Evidence, RunError> {
        let evidence = self.admin.verify(algorithm, &self.verification).await?;
        if evidence.verdict() == Verdict::Contradicted {
            let why = evidence.contradiction().unwrap_or_default();
            return Err(RunError::SwitchContradicted {
                balancer: self.name.clone(),
                algorithm: algorithm.to_string(),
                why,
            });
        }
        tracing::info!(load_balancer = self.name, %algorithm, verdict = ?evidence.verdict(), "switch verified");
        Ok(evidence)
    }

    /// Waits until nothing is in flight, if the load balancer reports that. If it does not, the generator has at least
    /// waited for the replies to its own requests.
    pub(super) async fn drain(&self, context: &Context<'_>) -> Result<(), AdminError> {
        if !self.admin.capabilities().in_flight {
            return Ok(());
        }
        self.admin.drain(context.plan.drain_timeout().into()).await
    }

    /// Resets what can be reset, and returns the counters at the beginning of the measured phase; `None` when the load
    /// balancer does not report them.
    pub(super) async fn begin_window(&self, notes: &mut Vec<String>) -> Result<Option<Snapshot>, RunError> {
        if self.admin.capabilities().reset != ResetKind::None {
            self.admin.reset().await?;
        }
        Ok(self.snapshot(notes).await)
    }

    async fn snapshot(&self, notes: &mut Vec<String>) -> Option<Snapshot> {
        if !self.admin.capabilities().per_backend {
            return None;
        }
        match self.admin.snapshot().await {
            Ok(snapshot) => Some(snapshot),
            Err(error) => {
                notes.push(format!("no counters from the load balancer: {error}"));
                None
            }
        }
    }

    /// Returns what the load balancer counted since `before`.
    pub(super) async fn counted(&self, before: Option<Snapshot>, notes: &mut Vec<String>) -> Counted {
        let Some(before) = before else { return Counted::default() };
        let Some(after) = self.snapshot(notes).await else { return Counted::default() };
        match after.since(&before) {
            Ok(window) => Counted {
                guards: window.guards,
                balancer: window
                    .backends
                    .into_iter()
                    .filter_map(|backend| {
                        Some(BalancerCount {
                            requests: backend.requests?,
                            errors: backend.errors,
                            peak_in_flight: backend.peak_in_flight,
                            up: Some(backend.healthy),
                            id: backend.id,
                        })
                    })
                    .collect(),
            },
            Err(error) => {
                notes.push(format!("no counters from the load balancer: {error}"));
                Counted::default()
            }
        }
    }

    /// Starts recording decisions, if traces are asked for. It is called when the measured phase begins, because
    /// exploration would spoil the verification of the switch.
    pub(super) async fn start_trace(
        &self,
        context: &Context<'_>,
        plan: &TrialPlan<'_>,
    ) -> Result<(), RunError> {
        if context.traces.is_none() {
            return Ok(());
        }
        let name = plan.stem();
        Ok(self.admin.start_trace(&name, context.run_id).await?)
    }

    /// Stops recording decisions, and returns what was recorded; `None` when nothing was.
    pub(super) async fn stop_trace(
        &self,
        context: &Context<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Option<TraceSummary>, RunError> {
        if context.traces.is_none() {
            return Ok(None);
        }
        let trace = in_results(self.admin.stop_trace().await?);
        notes.extend(lost(&trace));
        Ok(Some(trace))
    }

    /// Ends the measurement, and the process if `bench` started it.
    pub(super) async fn stop(self) {
        if self.measuring
            && let Err(error) = self.admin.stop().await
        {
            tracing::warn!(%error, "the load balancer did not end the measurement");
        }
        if let Some(process) = self.process {
            process.stop().await;
        }
    }
}
