//! The operations of a declared load balancer, as steps.

use super::metrics::{self, Counted};
use super::request;
use super::spec::{Call, Metrics, Step};
use super::step::{Placed, take_all};
use super::template::Values;
use super::{Declared, period};
use crate::admin::{Capabilities, Current, LoadBalancerAdmin, ResetKind, wait_until_idle};
use crate::error::AdminError;
use crate::fingerprint::PoolBackend;
use crate::snapshot::{BackendCounters, Snapshot};
use async_trait::async_trait;
use lb_core::ordered::Ordered;
use lb_core::switch_evidence::{Layer, Verdict};
use lb_core::{Algorithm, BackendFrom};
use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The kind of load balancer in messages and records.
const DIALECT: &str = "declared";
/// The longest wait for `ready`, unless the step gives its own.
const READY: Duration = Duration::from_secs(30);
/// Pause between two attempts at `ready`.
const AGAIN: Duration = Duration::from_millis(200);
/// How often in a row `ready` has to succeed. During a reload, the old process and the new one answer side by
/// side, so one answer of the new one does not say that the next answer is not the old one's.
const IN_A_ROW: u32 = 3;
/// The longest wait for the page of metrics.
const SCRAPE: Duration = Duration::from_secs(5);
/// The only pool: which backends belong together is not declared.
const POOL: &str = "main";

impl Declared {
    /// Repeats the step `ready` until it has succeeded [`IN_A_ROW`] times. Returns its last failure if it has
    /// not in time.
    async fn wait_until_ready(&self, values: &Values) -> Result<(), AdminError> {
        let Some(step) = &self.spec.ready else { return Ok(()) };
        let limit = period::or(step.timeout.as_deref(), READY);
        let deadline = Instant::now() + limit;
        let mut succeeded = 0;
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).max(AGAIN);
            let attempt = Placed { step, place: "ready" }.take(&self.client, &mut values.clone(), left).await;
            succeeded = if attempt.is_ok() { succeeded + 1 } else { 0 };
            if succeeded == IN_A_ROW || (attempt.is_err() && Instant::now() + AGAIN >= deadline) {
                return attempt;
            }
            sleep(AGAIN).await;
        }
    }

    /// Takes steps that do not depend on the algorithm.
    async fn take(&self, list: &str, steps: &[Step]) -> Result<(), AdminError> {
        take_all(&self.client, list, steps, &mut Values::new()).await
    }

    async fn scrape(&self, metrics: &Metrics) -> Result<BTreeMap<String, Counted>, AdminError> {
        let url = &metrics.prometheus;
        let call =
            Call { method: None, url: url.clone(), headers: Ordered::default(), body: None, expect: None };
        let answer = request::send(&self.client, &call, &Values::new(), SCRAPE).await?;
        let page = String::from_utf8_lossy(&answer.body);
        let counted = metrics::read(&page, metrics);
        if answer.status != 200 || counted.is_empty() {
            let selectors = [&metrics.requests, &metrics.errors, &metrics.in_flight];
            let selectors: Vec<String> =
                selectors.into_iter().flatten().map(|text| format!("`{text}`")).collect();
            return Err(AdminError::BadValue {
                what: "read `metrics`",
                reason: format!(
                    "{url} answered {} and has no series of {} with the label `{}`",
                    answer.status,
                    selectors.join(", "),
                    metrics.backend_label
                ),
            });
        }
        Ok(counted)
    }

    fn not_supported(&self, ability: &'static str) -> AdminError {
        let way_out = "a declaration has no steps for it";
        AdminError::not_supported(DIALECT, self.spec.name.as_str(), ability, way_out)
    }
}

#[async_trait]
impl LoadBalancerAdmin for Declared {
    fn dialect(&self) -> &str {
        DIALECT
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn backend_from(&self) -> BackendFrom {
        self.spec.backend_from()
    }

    async fn current(&self) -> Result<Current, AdminError> {
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let native = active.ok_or_else(|| self.not_supported("tell its algorithm"))?;
        Ok(Current { algorithm: self.spec.algorithm(&native), native })
    }

    async fn switch(&self, algorithm: &Algorithm) -> Result<String, AdminError> {
        let native = self.native(algorithm)?.to_owned();
        let mut values = self.values(*algorithm);
        take_all(&self.client, "switch", &self.spec.switch, &mut values).await?;
        self.wait_until_ready(&self.values(*algorithm)).await?;
        sleep(period::or(self.spec.settle.as_deref(), Duration::ZERO)).await;
        *self.active.lock().unwrap_or_else(PoisonError::into_inner) = Some(native.clone());
        Ok(native)
    }

    async fn control_plane(&self, algorithm: &Algorithm) -> Result<Layer, AdminError> {
        let steps = &self.spec.verify;
        if steps.is_empty() {
            return Ok(Layer::not_tested("`verify` is not declared"));
        }
        match take_all(&self.client, "verify", steps, &mut self.values(*algorithm)).await {
            Ok(()) => Ok(Layer::new(Verdict::Confirmed, "all steps of `verify` succeeded")
                .with("steps", steps.len() as f64)),
            // A step that ran and found something else is evidence; one that could not run is none.
            Err(AdminError::Step { place, action, fault, said, answered: true }) => {
                Ok(Layer::new(Verdict::Contradicted, format!("{place}: {action} {fault}; {said}")))
            }
            Err(error) => Err(error),
        }
    }

    async fn pool(&self, _service: &str) -> Result<Option<Vec<PoolBackend>>, AdminError> {
        // Their weights are not declared, and shares would be held against equal ones.
        Ok(None)
    }

    async fn snapshot(&self) -> Result<Snapshot, AdminError> {
        if !self.capabilities.per_backend {
            return Err(self.not_supported("count requests"));
        }
        let mut counted = match &self.spec.metrics {
            Some(metrics) => self.scrape(metrics).await?,
            None => BTreeMap::new(),
        };
        // A backend that the page does not know yet has got nothing.
        let counts_requests = self.spec.metrics.as_ref().is_some_and(|metrics| metrics.requests.is_some());
        let idle = Counted { requests: counts_requests.then_some(0), ..Counted::default() };
        for backend in &self.spec.backends {
            counted.entry(backend.clone()).or_insert(idle);
        }
        let backend = |(id, counted): (String, Counted)| BackendCounters {
            requests: counted.requests,
            errors: counted.errors,
            in_flight: counted.in_flight.unwrap_or(0),
            ..BackendCounters::unknown(id, POOL, 1.0)
        };
        Ok(Snapshot {
            generation: String::new(),
            algorithm: self.active.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default(),
            backends: counted.into_iter().map(backend).collect(),
            unassigned: 0,
            guards: None,
        })
    }

    async fn reset(&self) -> Result<ResetKind, AdminError> {
        self.take("reset", &self.spec.reset).await?;
        Ok(self.capabilities.reset)
    }

    async fn set_weights(&self, _weights: &[(String, f64)]) -> Result<(), AdminError> {
        Err(self.not_supported("set weights"))
    }

    async fn set_draining(&self, _backend: &str, _draining: bool) -> Result<(), AdminError> {
        Err(self.not_supported("drain backends"))
    }

    async fn drain(&self, timeout: Duration) -> Result<(), AdminError> {
        self.take("drain", &self.spec.drain).await?;
        match self.spec.metrics.as_ref().and_then(|metrics| metrics.in_flight.as_ref()) {
            Some(_) => wait_until_idle(self, timeout).await,
            None => Ok(()),
        }
    }
}
