//! The contract between the harness and a load balancer: what can be asked of any of them.
//!
//! Load balancers differ in what they can do, so an adapter states it ([`Capabilities`]) instead of
//! pretending; a call that a load balancer cannot honour is [`AdminError::NotSupported`], never a
//! silent success. The order of a trial is: [`drain`](LoadBalancerAdmin::drain),
//! [`start`](LoadBalancerAdmin::start) once, [`switch`](LoadBalancerAdmin::switch),
//! [`verify`](LoadBalancerAdmin::verify), warm up, [`reset`](LoadBalancerAdmin::reset), measure
//! between two [`snapshot`](LoadBalancerAdmin::snapshot)s, drain again.

use crate::error::{AdminError, Remaining};
use crate::fingerprint::{self, PoolBackend, VerifyOptions};
use crate::snapshot::Snapshot;
use async_trait::async_trait;
use lb_core::Algorithm;
use lb_core::switch_evidence::{Evidence, Layer, Verdict};
use lb_core::trace_summary::TraceSummary;
use std::time::Duration;
use tokio::time::Instant;

/// Time between two looks at the requests in flight while draining: short against any cool-down,
/// long against the cost of a call.
const DRAIN_POLL: Duration = Duration::from_millis(20);

/// An algorithm as a load balancer offers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The algorithm, by this project's name.
    pub algorithm: Algorithm,
    /// The load balancer's own name for it.
    pub native: String,
}

/// What a load balancer can do, and the side effects of a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The algorithms that it can switch to.
    pub algorithms: Vec<Offer>,
    /// How fully its counters can be set to zero.
    pub reset: ResetKind,
    /// Whether it provides [`Snapshot`]s with counters per backend.
    pub per_backend: bool,
    /// Whether it says how many requests are in flight, so that it can be drained.
    pub in_flight: bool,
    /// Whether a switch closes idle client connections; a client that does not retry counts one
    /// error for each.
    pub switch_breaks_idle_connections: bool,
    /// Whether a new algorithm sees the requests that an earlier one left in flight.
    pub sees_old_in_flight: bool,
    /// Whether weights can be set.
    pub weights: bool,
    /// Whether one backend can be drained.
    pub drain: bool,
    /// Whether a measurement has to be started before requests are counted.
    pub measurement: bool,
    /// How many views of the backends it has: above 1, each of its threads sees only what it has sent
    /// itself.
    pub views: u32,
}

/// How fully counters were set to zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetKind {
    /// All counters were set to zero.
    Full,
    /// Some counters were reset and others were not, so only differences of snapshots are meaningful.
    Partial,
    /// No counter was reset; use differences of snapshots.
    None,
}

/// What a load balancer says it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// Its own name for the algorithm.
    pub native: String,
    /// The algorithm that this name stands for; `None` if this project does not know it.
    pub algorithm: Option<Algorithm>,
}

/// The control plane of a load balancer.
///
/// No call is retried: a switch or a reset that may have happened twice is not the one asked for.
#[async_trait]
pub trait LoadBalancerAdmin: Send + Sync {
    /// The kind of load balancer, for messages and records, such as `spring`.
    fn dialect(&self) -> &str;

    /// What it can do. This is read once, when the adapter connects, so calling it is free.
    fn capabilities(&self) -> &Capabilities;

    /// Returns the algorithm that the load balancer says it is running.
    async fn current(&self) -> Result<Current, AdminError>;

    /// Begins a measurement: from now on requests count. Nothing to do where
    /// [`Capabilities::measurement`] is false. Starting does not route: switch afterwards.
    async fn start(&self, _algorithm: &Algorithm) -> Result<(), AdminError> {
        Ok(())
    }

    /// Ends the measurement that [`start`](Self::start) began.
    async fn stop(&self) -> Result<(), AdminError> {
        Ok(())
    }

    /// Switches to `algorithm` and returns the load balancer's own name for it. Refuses names that
    /// are not offered without asking; fails when the load balancer afterwards names another.
    async fn switch(&self, algorithm: &Algorithm) -> Result<String, AdminError>;

    /// Whether the control plane says that `algorithm` is running: the first layer of evidence.
    async fn control_plane(&self, algorithm: &Algorithm) -> Result<Layer, AdminError>;

    /// The backends that may be picked for `service`, with their weights; none when the load
    /// balancer does not say.
    async fn pool(&self, service: &str) -> Result<Option<Vec<PoolBackend>>, AdminError>;

    /// Reads the current counters of each backend.
    async fn snapshot(&self) -> Result<Snapshot, AdminError>;

    /// Resets the counters, and returns whether all, some or none of them were reset.
    async fn reset(&self) -> Result<ResetKind, AdminError>;

    /// Sets the weights of the given backends. Every weight must be above zero.
    async fn set_weights(&self, weights: &[(String, f64)]) -> Result<(), AdminError>;

    /// Starts or stops draining a backend: it finishes its requests and gets no new ones.
    async fn set_draining(&self, backend: &str, draining: bool) -> Result<(), AdminError>;

    /// Begins to record decisions under this name. Where it records them, and whether it explores meanwhile,
    /// is its own config's matter.
    async fn start_trace(&self, _name: &str, _run_id: &str) -> Result<(), AdminError> {
        Err(self.no_traces())
    }

    /// Ends the recording that [`start_trace`](Self::start_trace) began, and waits until it is written.
    async fn stop_trace(&self) -> Result<TraceSummary, AdminError> {
        Err(self.no_traces())
    }

    /// The refusal of a load balancer that cannot record its decisions.
    fn no_traces(&self) -> AdminError {
        let way_out = "use the reference load balancer, with `traces` in its config";
        AdminError::not_supported(self.dialect(), "its admin API", "record decisions", way_out)
    }

    /// What it can switch to, in our words.
    fn algorithms(&self) -> Vec<Algorithm> {
        self.capabilities().algorithms.iter().map(|offer| offer.algorithm).collect()
    }

    /// Its own name for `algorithm`, or a refusal that lists what it offers.
    fn native(&self, algorithm: &Algorithm) -> Result<&str, AdminError> {
        let offers = &self.capabilities().algorithms;
        offers
            .iter()
            .find(|offer| offer.algorithm == *algorithm)
            .map(|offer| offer.native.as_str())
            .ok_or_else(|| AdminError::NotOffered {
                algorithm: *algorithm,
                dialect: self.dialect().to_owned(),
                available: offers.iter().map(|offer| offer.native.clone()).collect(),
            })
    }

    /// Collects evidence on whether `algorithm` routes, in three layers: what the control plane
    /// says, what replies say, and what the choices look like. Contradicting evidence is a result,
    /// not an error. The load balancer should be drained and have no other traffic meanwhile.
    async fn verify(&self, algorithm: &Algorithm, options: &VerifyOptions) -> Result<Evidence, AdminError> {
        let native = self.native(algorithm)?.to_owned();
        let control_plane = self.control_plane(algorithm).await?;
        options.greet().await?;
        let before = self.pool(options.service()).await?;
        let mut behaviour = match self.capabilities().views {
            views if views > 1 && fingerprint::looks_at_held(algorithm.behaviour()) => {
                Layer::not_tested(format!(
                    "the load balancer has {views} private views: the one that answers a short request need not see the held ones"
                ))
            }
            _ => fingerprint::probe_behaviour(algorithm, options, before.as_deref()).await?,
        };
        if behaviour.verdict == Verdict::Contradicted && self.pool(options.service()).await? != before {
            behaviour = Layer::not_tested("backends came, went or changed weight during the probe");
        }
        let header = fingerprint::probe_header(algorithm, &native, options).await?;
        Ok(Evidence { algorithm: *algorithm, native, control_plane, header, behaviour })
    }

    /// Waits until no request is in flight, for at most `timeout`; the error names what remains.
    async fn drain(&self, timeout: Duration) -> Result<(), AdminError> {
        wait_until_idle(self, timeout).await
    }
}

/// What is wrong with the first weight that cannot be set; none when all can.
pub(crate) fn unfit_weight(weights: &[(String, f64)]) -> Option<String> {
    let unfit = |weight: f64| !(weight.is_finite() && weight > 0.0);
    let (id, weight) = weights.iter().find(|(_, weight)| unfit(*weight))?;
    Some(format!("weight of `{id}` is {weight}, must be above 0"))
}

/// Takes snapshots until one has no request in flight.
pub(crate) async fn wait_until_idle<T: LoadBalancerAdmin + ?Sized>(
    admin: &T,
    timeout: Duration,
) -> Result<(), AdminError> {
    let deadline = Instant::now() + timeout;
    loop {
        let remaining = in_flight(&admin.snapshot().await?);
        if remaining.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(AdminError::StillInFlight {
                dialect: admin.dialect().to_owned(),
                waited: timeout,
                remaining: Remaining(remaining),
            });
        }
        tokio::time::sleep(DRAIN_POLL).await;
    }
}

/// The backends with requests in flight, and how many.
fn in_flight(snapshot: &Snapshot) -> Vec<(String, u32)> {
    let backends = snapshot.backends.iter().map(|backend| (backend.id.clone(), backend.in_flight));
    let somewhere = ("backends that it does not name".to_owned(), snapshot.unassigned);
    backends.chain([somewhere]).filter(|(_, in_flight)| *in_flight > 0).collect()
}
