//! What the trials of a scenario drive: started or connected to, and ended.

use super::LiveTrials;
use crate::config::PlannedScenario;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::run::Context;
use crate::experiment::trial::ListedBackend;
use crate::results::TRACES;
use crate::target::{Choice, Embedded, EmbeddedSpec};
use lb_admin_client::{AdminError, LoadBalancerAdmin, SpringAdmin, SpringOptions, VerifyOptions};
use lb_core::Algorithm;
use lb_core::workload::Scenario;

impl LiveTrials {
    /// Starts or connects to what a scenario drives.
    pub(in crate::experiment) async fn start(
        context: &Context<'_>,
        number: usize,
        scenario: &PlannedScenario,
        choice: &Choice,
    ) -> Result<Self, Failure> {
        let inner = &scenario.scenario;
        let verification = |base_url: &str| {
            VerifyOptions::new(base_url, &probe_service(inner).unwrap_or_default())
                .or_exit(ExitCode::Preflight)
        };
        match choice {
            Choice::Embedded => {
                let dir = context.folder.path().join(format!("target/{number}"));
                let traces = context.traces.map(|_| format!("../../{TRACES}"));
                let spec = EmbeddedSpec {
                    topology: &inner.topology,
                    catalogue: &scenario.catalogue,
                    seed: context.plan.seed.0,
                    policy: context.plan.policy.as_ref(),
                    balancers: context.plan.balancers,
                    // Beside `target/N`.
                    traces: traces.as_deref().zip(context.traces),
                };
                let embedded = Embedded::start(spec, &dir).await.or_exit(ExitCode::Preflight)?;
                let admin = SpringAdmin::connect(&SpringOptions::new(&embedded.admin_url))
                    .await
                    .or_exit(ExitCode::Preflight)?;
                Ok(Self {
                    admin: Box::new(admin),
                    base_url: embedded.base_url.clone(),
                    backends: ListedBackend::of_topology(&inner.topology),
                    verification: verification(&embedded.base_url)?,
                    embedded: Some(embedded),
                    names: None,
                    measuring: false,
                })
            }
            Choice::Running(running) => {
                let admin = running.admin().await.or_exit(ExitCode::Preflight)?;
                Ok(Self {
                    base_url: running.base_url.clone(),
                    embedded: None,
                    backends: listed_by(&*admin).await.or_exit(ExitCode::Preflight)?,
                    verification: verification(&running.base_url)?,
                    names: None,
                    measuring: false,
                    admin,
                })
            }
        }
    }

    /// What the load balancer can switch to.
    pub(in crate::experiment) fn algorithms(&self) -> Vec<Algorithm> {
        self.admin.algorithms()
    }

    /// Ends what was started for the scenario.
    pub(in crate::experiment) async fn stop(self) {
        if self.measuring
            && let Err(error) = self.admin.stop().await
        {
            tracing::warn!(%error, "the load balancer did not end the measurement");
        }
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }
}

/// The backends that a load balancer lists; none when it does not tell.
async fn listed_by(admin: &dyn LoadBalancerAdmin) -> Result<Vec<ListedBackend>, AdminError> {
    if !admin.capabilities().per_backend {
        return Ok(Vec::new());
    }
    let mut pools: Vec<String> = Vec::new();
    let mut listed = Vec::new();
    for backend in admin.snapshot().await?.backends {
        let known = pools.iter().position(|pool| *pool == backend.pool);
        let pool = known.unwrap_or_else(|| {
            pools.push(backend.pool);
            pools.len() - 1
        });
        listed.push(ListedBackend { id: backend.id, pool, weight: backend.weight });
    }
    Ok(listed)
}

/// A service of the pool with the most backends, as the workload names it: more backends tell
/// algorithms apart more clearly.
fn probe_service(scenario: &Scenario) -> Option<String> {
    let services = scenario.workload.steps().iter().filter_map(|step| step.service.as_deref());
    services
        .max_by_key(|service| {
            let pool = scenario.topology.pool_of(service);
            pool.map_or(0, |pool| scenario.topology.pools[pool].backends.len())
        })
        .map(str::to_owned)
}
