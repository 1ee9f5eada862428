//! Starts the processes that the trials of a scenario need, or connects to a load balancer that is already
//! running.

use super::alive::refuse_without_backends;
use super::balancer::{BalancerUnderTest, Verification};
use super::before::Before;
use super::request_log::RequestLog;
use super::testbed::Testbed;
use crate::experiment::context::Context;
use crate::experiment::error::RunError;
use crate::experiment::events::Event;
use crate::experiment::preflight::{reach_started, tls_options};
use crate::experiment::scrape::MetricsPage;
use crate::testbed::{
    ApiText, Backends, Choice, MocksOptions, Own, Real, RealSpec, Reference, ReferenceSpec, Running,
};
use anyhow::Context as _;
use lb_admin_client::{AdminError, LoadBalancerAdmin, SpringAdmin, SpringOptions, VerifyOptions};
use lb_config::{Plan, PlannedScenario, Target, lacks};
use lb_core::Algorithm;
use lb_core::secret::Secret;
use lb_core::topology::Topology;
use lb_core::workload::Scenario;
use lb_load::Direct;
use lb_results::ListedBackend;
use lb_results::TRACES;
use std::path::Path;
use std::sync::Arc;

/// Starts the backends and load balancers of a scenario, or connects to the load balancer that is already
/// running.
pub(super) async fn start(
    context: &Context<'_>,
    number: usize,
    choice: &Choice,
) -> Result<Testbed, RunError> {
    let scenario = &context.plan.scenarios()[number];
    let inner = &scenario.scenario();
    match choice {
        Choice::Own(own, _) => {
            let dir = context.folder.path().join(format!("target/{number}"));
            let seed = context.plan.seed().0;
            let api = context.plan.mock_api().map(|api| ApiText { name: &api.name, json: &api.json });
            let load_reports = context.plan.load_reports().is_some();
            let options = MocksOptions { catalogue: scenario.catalogue(), seed, api, load_reports };
            let mocks = Backends::start(&inner.topology, options, &dir).await.map_err(RunError::testbed)?;
            let mut balancers = Vec::new();
            for one in own {
                balancers.push(start_balancer(context, scenario, one, &mocks, &dir).await?);
            }
            let direct = match own.len() > 1 {
                true => Some(Arc::new(direct(inner, &mocks).map_err(RunError::Internal)?)),
                false => None,
            };
            Ok(Testbed {
                mocks: Some(mocks),
                balancers,
                direct,
                backends: ListedBackend::of_topology(&inner.topology),
                lost: None,
            })
        }
        Choice::Running(running) => {
            let admin = running.admin().await?;
            let name = name_of(running);
            refuse_without_backends(&name, &*admin).await?;
            let before = match (running.as_is, &running.declared) {
                (Some(_), _) => None,
                (None, Some(spec)) => Some(Before::declared(&name, spec)),
                (None, None) => Some(Before::read(&name, &*admin, running.kind.is_some()).await),
            };
            if let Some(before) = before.as_ref().filter(|_| number == 0) {
                context.events.observe(&Event::Note { text: before.announce() });
            }
            Ok(Testbed {
                mocks: None,
                backends: listed(context.plan.target(), &*admin).await?,
                lost: None,
                balancers: vec![BalancerUnderTest {
                    name,
                    before,
                    admin: Arc::from(admin),
                    base_url: context.plan.target().full_url().clone(),
                    metrics: metrics_of(running),
                    process: None,
                    log: None,
                    steered: running.kind.is_some(),
                    verification: verification_of(running, inner, context.plan)?,
                    names: None,
                    measuring: false,
                }],
                direct: None,
            })
        }
    }
}

/// Starts a load balancer in front of the backends.
async fn start_balancer(
    context: &Context<'_>,
    scenario: &PlannedScenario,
    own: &Own,
    mocks: &Backends,
    dir: &Path,
) -> Result<BalancerUnderTest, RunError> {
    let inner = &scenario.scenario();
    let policy = context.plan.policy();
    let mut log = None;
    let (admin, base_url, process, steered, metrics): (Arc<dyn LoadBalancerAdmin>, _, _, _, _) = match own {
        Own::Reference => {
            // Relative to the folder `target/N`, in which the load balancer runs.
            let traces = context.traces.map(|_| format!("../../{TRACES}"));
            let spec = ReferenceSpec {
                topology: &inner.topology,
                has_mock_api: context.plan.mock_api().is_some(),
                policy,
                balancers: context.plan.balancers(),
                load_reports: context.plan.load_reports(),
                traces: traces.as_deref().zip(context.traces),
            };
            let reference = Reference::start(spec, mocks, dir).await.map_err(RunError::testbed)?;
            let admin = SpringAdmin::connect(&SpringOptions::new(&reference.admin_url)).await?;
            let metrics = MetricsPage::at(&reference.admin_url, None);
            (Arc::new(admin), reference.base_url, reference.process, false, Some(metrics))
        }
        Own::Real(installed) => {
            let runs = |one: &&Algorithm| lacks(own.load_balancer(), **one, policy).is_none();
            let algorithms: Vec<Algorithm> = scenario.algorithms().iter().filter(runs).copied().collect();
            let spec = RealSpec {
                installed,
                listen: context.plan.target().listen(),
                topology: &inner.topology,
                algorithms: &algorithms,
                threads: context.plan.balancers(),
                switching: context.plan.target().switching(),
                logs_requests: context.access_log.is_some(),
            };
            let dir = dir.join(installed.kind.name());
            let real = Real::start(&spec, mocks, &dir).await.map_err(RunError::testbed)?;
            log = real.access_log.map(RequestLog::new);
            (Arc::from(real.admin), real.base_url, real.process, true, None)
        }
    };
    reach_started(context.plan, &base_url).await?;
    Ok(BalancerUnderTest {
        name: own.load_balancer().to_string(),
        admin,
        verification: Verification::ByProbes(probes(inner, &base_url)?),
        base_url: Secret::new(base_url),
        metrics,
        process: Some(process),
        log,
        steered,
        names: None,
        measuring: false,
        before: None,
    })
}

/// Returns the metrics of a load balancer that is already running. `None` unless it has the admin API of the reference.
fn metrics_of(running: &Running) -> Option<MetricsPage> {
    let is_reference = running.kind.is_none() && running.as_is.is_none() && running.declared.is_none();
    is_reference.then(|| MetricsPage::at(&running.admin_url, running.admin_token.as_deref()))
}

/// Names a load balancer that is already running, for messages.
fn name_of(running: &Running) -> String {
    match (running.as_is, &running.declared) {
        (Some(_), _) => format!("what answers at {}", running.base_url),
        (None, Some(spec)) => spec.name.clone(),
        (None, None) => format!("the load balancer at {}", running.base_url),
    }
}

/// Determines how the switches of a load balancer that is already running are verified.
fn verification_of(running: &Running, scenario: &Scenario, plan: &Plan) -> Result<Verification, RunError> {
    let target = plan.target();
    if running.as_is.is_some() {
        return Ok(Verification::NothingSwitched);
    }
    let probes = || -> Result<VerifyOptions, RunError> {
        let probes = probes(scenario, target.full_url().reveal())?;
        let probes = match target.backend_from() {
            Some(backend_from) => probes.with_backend_from(backend_from),
            None => probes,
        };
        if !target.is_secure() {
            return Ok(probes);
        }
        let authorization = lb_load::Target::authorization(target.full_url().reveal())?;
        Ok(probes.with_tls(Arc::new(tls_options(plan).client_config()?), authorization)?)
    };
    Ok(match &running.declared {
        Some(spec) if !spec.probe => Verification::ByClaim,
        _ => Verification::ByProbes(probes()?),
    })
}

fn probes(scenario: &Scenario, base_url: &str) -> Result<VerifyOptions, RunError> {
    Ok(VerifyOptions::new(base_url, &probe_service(scenario).unwrap_or_default())?)
}

/// Lists the backends that each step uses in turn when there is no load balancer.
fn direct(scenario: &Scenario, mocks: &Backends) -> anyhow::Result<Direct> {
    let topology: &Topology = &scenario.topology;
    let mut backends = Vec::new();
    let mut pools = Vec::new();
    for pool in &topology.pools {
        let first = backends.len();
        for spec in &pool.backends {
            let listening =
                mocks.listening(&spec.id).with_context(|| format!("failed to find backend `{}`", spec.id))?;
            let address = listening.url.trim_start_matches("http://").trim_end_matches('/');
            backends
                .push(address.parse().with_context(|| format!("failed to read the address `{address}`"))?);
        }
        pools.push(first..backends.len());
    }
    let pool_of = |service: Option<&str>| topology.pool_of(service.unwrap_or_default()).unwrap_or(0);
    let steps = scenario.workload.steps().iter();
    let by_step = steps.map(|step| pools[pool_of(step.service.as_deref())].clone()).collect();
    Ok(Direct { backends, by_step })
}

/// Lists the backends that a load balancer reports, or else those that the user names.
async fn listed(target: &Target, admin: &dyn LoadBalancerAdmin) -> Result<Vec<ListedBackend>, AdminError> {
    let reported = listed_by(admin).await?;
    if !reported.is_empty() {
        return Ok(reported);
    }
    let named = |id: &String| ListedBackend { id: id.clone(), pool: 0, weight: 1.0 };
    Ok(target.backends().iter().map(named).collect())
}

/// Lists the backends that a load balancer reports; empty when it reports none.
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

/// Returns a service of the pool with the most backends: with more backends, algorithms differ more clearly.
fn probe_service(scenario: &Scenario) -> Option<String> {
    let services = scenario.workload.steps().iter().filter_map(|step| step.service.as_deref());
    services
        .max_by_key(|service| {
            let pool = scenario.topology.pool_of(service);
            pool.map_or(0, |pool| scenario.topology.pools[pool].backends.len())
        })
        .map(str::to_owned)
}
