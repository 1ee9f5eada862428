//! A load balancer under test, used by all trials of a scenario: switches algorithms, verifies switches,
//! drains, and reads counters.

use super::before::Before;
use super::request_log::RequestLog;
use crate::experiment::context::Context;
use crate::experiment::error::RunError;
use crate::experiment::scrape::MetricsPage;
use crate::experiment::traces::{in_results, lost};
use crate::experiment::trial_plan::TrialPlan;
use crate::testbed::Child;
use lb_admin_client::{AdminError, Evidence, LoadBalancerAdmin, ResetKind, Snapshot, Verdict, VerifyOptions};
use lb_core::Algorithm;
use lb_core::policy::GuardCounts;
use lb_core::secret::Secret;
use lb_core::trace_summary::TraceSummary;
use lb_results::BalancerCount;
use std::sync::Arc;

/// A load balancer that trials run against.
pub(super) struct BalancerUnderTest {
    /// The name of the load balancer in messages.
    pub(super) name: String,
    pub(super) admin: Arc<dyn LoadBalancerAdmin>,
    /// The URL that requests are sent to; services have paths below it.
    pub(super) base_url: Secret,
    /// The page of its metrics; `None` if it has none that `bench` knows.
    pub(super) metrics: Option<MetricsPage>,
    /// The process; `None` when `bench` did not start it.
    pub(super) process: Option<Child>,
    /// The log of its requests; `None` if it keeps none for the user.
    pub(super) log: Option<RequestLog>,
    /// Whether `rl` is steered by weights on this load balancer.
    pub(super) steered: bool,
    /// How switches are verified.
    pub(super) verification: Verification,
    /// The names of the active algorithm: the load balancer's own name, and the name in results. `None`
    /// before the first switch.
    pub(super) names: Option<[String; 2]>,
    /// Whether the load balancer was told to start a measurement.
    pub(super) measuring: bool,
    /// The state before the run; `None` when `bench` started the load balancer.
    pub(super) before: Option<Before>,
}

/// How the switches of a load balancer are verified.
pub(super) enum Verification {
    /// Nothing is switched, and so nothing is verified.
    NothingSwitched,
    /// Its control plane is asked, and no probe is sent.
    ByClaim,
    /// Its control plane is asked, and probes look at headers and choices. Kept across trials, so that the open
    /// connection of the probes is older than each switch.
    ByProbes(VerifyOptions),
}

/// The counters of a load balancer for the measured phase.
#[derive(Default)]
pub(super) struct Counted {
    pub(super) balancer: Vec<BalancerCount>,
    pub(super) guards: Option<GuardCounts>,
    /// Repeated attempts that are not counted by backend.
    pub(super) retries: Option<u64>,
}

/// The counters of a load balancer when the measured phase began.
#[derive(Default)]
pub(super) struct WindowStart {
    /// `None` if the load balancer does not report its counters.
    snapshot: Option<Snapshot>,
    /// Repeated attempts so far; `None` if it does not report them, or only in the snapshot.
    retries: Option<u64>,
}

impl BalancerUnderTest {
    /// Returns whether the load balancer can be switched at all.
    pub(super) fn is_switched(&self) -> bool {
        !matches!(self.verification, Verification::NothingSwitched)
    }

    /// Switches the load balancer to an algorithm.
    pub(super) async fn switch(&mut self, algorithm: &Algorithm) -> Result<(), RunError> {
        match &self.verification {
            Verification::NothingSwitched => return Ok(()),
            Verification::ByClaim => {}
            // The old connection must be older than the switch.
            Verification::ByProbes(probes) => probes.greet().await?,
        }
        // One measurement covers all algorithms: a second start would be rejected, and starting does not
        // switch.
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

    /// Collects evidence on the switch; evidence that contradicts it is an error. `None` if nothing was
    /// switched.
    pub(super) async fn verify(&self, algorithm: &Algorithm) -> Result<Option<Evidence>, RunError> {
        let evidence = match &self.verification {
            Verification::NothingSwitched => return Ok(None),
            Verification::ByClaim => self.admin.verify_claim(algorithm).await?,
            Verification::ByProbes(probes) => self.admin.verify(algorithm, probes).await?,
        };
        self.accept(algorithm, evidence).map(Some)
    }

    /// Collects the evidence of the control plane on a switch while load runs: probes would meet the choices that
    /// others cause, and prove nothing.
    pub(super) async fn verify_under_load(&self, algorithm: &Algorithm) -> Result<Evidence, RunError> {
        let evidence = self.admin.verify_claim(algorithm).await?;
        self.accept(algorithm, evidence)
    }

    /// Returns the evidence on a switch unless it contradicts it.
    fn accept(&self, algorithm: &Algorithm, evidence: Evidence) -> Result<Evidence, RunError> {
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

    /// Waits until nothing is in flight, if the load balancer reports requests in flight. If it does not, the
    /// generator has at least waited for the replies to its own requests.
    pub(super) async fn drain(&self, context: &Context<'_>) -> Result<(), AdminError> {
        if !self.admin.capabilities().in_flight {
            return Ok(());
        }
        self.admin.drain(context.plan.drain_timeout().into()).await
    }

    /// Resets the counters if possible, and returns them as they are at the beginning of the measured phase.
    pub(super) async fn begin_window(&self, notes: &mut Vec<String>) -> Result<WindowStart, RunError> {
        if self.admin.capabilities().reset != ResetKind::None {
            self.admin.reset().await?;
        }
        Ok(WindowStart { snapshot: self.snapshot(notes).await, retries: self.retries().await })
    }

    /// Returns how many attempts were repeated so far. `None` if the load balancer does not report it.
    async fn retries(&self) -> Option<u64> {
        let retries = self.admin.retries().await;
        retries
            .inspect_err(|error| tracing::warn!(%error, "the load balancer does not tell its retries"))
            .ok()?
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
    pub(super) async fn counted(&self, before: WindowStart, notes: &mut Vec<String>) -> Counted {
        // A restart in between begins at zero again, so nothing is known then.
        let retries = match before.retries {
            Some(earlier) => self.retries().await.and_then(|now| now.checked_sub(earlier)),
            None => None,
        };
        Counted { retries, ..self.counted_by_backend(before.snapshot, notes).await }
    }

    async fn counted_by_backend(&self, before: Option<Snapshot>, notes: &mut Vec<String>) -> Counted {
        let Some(before) = before else { return Counted::default() };
        let Some(after) = self.snapshot(notes).await else { return Counted::default() };
        match after.since(&before) {
            Ok(window) => Counted {
                retries: None,
                guards: window.guards,
                balancer: window
                    .backends
                    .into_iter()
                    .filter_map(|backend| {
                        Some(BalancerCount {
                            requests: backend.requests?,
                            errors: backend.errors,
                            retries: backend.retries,
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

    /// Starts recording decisions, if traces are enabled. Called when the measured phase begins, because
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

    /// Returns where the access log ends now; 0 if none is kept.
    pub(super) async fn log_length(&self) -> Result<u64, RunError> {
        match &self.log {
            Some(log) => log.length().await,
            None => Ok(0),
        }
    }

    /// Copies what the access log got since it was `from` bytes long to the file of a trial, if one is kept.
    pub(super) async fn copy_log(
        &self,
        context: &Context<'_>,
        plan: &TrialPlan<'_>,
        from: u64,
    ) -> Result<(), RunError> {
        match (&self.log, context.access_log_of(plan)) {
            (Some(log), Some(to)) => log.copy_since(from, &to).await,
            _ => Ok(()),
        }
    }

    /// Stops recording decisions, and returns a summary of the trace; `None` if nothing was recorded.
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

    /// Ends the measurement. Then stops the process if `bench` started it, or else restores what was changed.
    /// Returns notes for the user.
    pub(super) async fn stop(self) -> Vec<String> {
        // Restore before the measurement ends: some load balancers only switch during a measurement.
        let said = match self.before.filter(|_| self.names.is_some() || self.measuring) {
            Some(before) => before.put_back(&*self.admin).await,
            None => Vec::new(),
        };
        if self.measuring
            && let Err(error) = self.admin.stop().await
        {
            tracing::warn!(%error, "the load balancer did not end the measurement");
        }
        if let Some(process) = self.process {
            process.stop().await;
        }
        said
    }
}
