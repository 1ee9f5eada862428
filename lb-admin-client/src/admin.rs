//! The interface between the harness and a load balancer: the operations that every adapter implements.
//!
//! Load balancers differ in what they can do, so an adapter declares its abilities in [`Capabilities`], and a
//! call that a load balancer cannot honour is [`AdminError::NotSupported`], never a silent success. The order
//! of a trial is: [`drain`](LoadBalancerAdmin::drain), [`start`](LoadBalancerAdmin::start) once,
//! [`switch`](LoadBalancerAdmin::switch), [`verify`](LoadBalancerAdmin::verify), warm up,
//! [`reset`](LoadBalancerAdmin::reset), measure between two [`snapshot`](LoadBalancerAdmin::snapshot)s, drain
//! again.

use crate::error::{AdminError, Remaining};
use crate::fingerprint::{self, PoolBackend, VerifyOptions};
use crate::snapshot::Snapshot;
use async_trait::async_trait;
use lb_core::steering::Carrier;
use lb_core::switch_evidence::{Evidence, Layer, Verdict};
use lb_core::trace_summary::TraceSummary;
use lb_core::{Algorithm, BackendFrom};
use std::time::Duration;
use tokio::time::Instant;

/// Time between two checks of the requests in flight while draining: short compared with any cool-down, long
/// compared with the cost of a call.
const DRAIN_POLL: Duration = Duration::from_millis(20);

/// An algorithm that a load balancer offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The algorithm, by this project's name.
    pub algorithm: Algorithm,
    /// The load balancer's name for the algorithm.
    pub native: String,
}

/// What a load balancer can do, and the side effects of a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The algorithms that it can switch to.
    pub algorithms: Vec<Offer>,
    /// Which counters of the load balancer can be set to zero.
    pub reset: ResetKind,
    /// Whether it provides [`Snapshot`]s with counters per backend.
    pub per_backend: bool,
    /// Whether it reports how many requests are in flight, so that it can be drained.
    pub in_flight: bool,
    /// Whether a switch closes idle client connections; a client that does not retry counts one
    /// error for each.
    pub switch_breaks_idle_connections: bool,
    /// Whether a new algorithm sees the requests that an earlier one left in flight.
    pub sees_old_in_flight: bool,
    /// Whether weights can be set.
    pub weights: bool,
    /// What it makes of the weights of its group `rl`.
    pub carrier: Carrier,
    /// Whether one backend can be drained.
    pub drain: bool,
    /// Whether the load balancer names the backend in every backend reply (`X-Backend`), which distinguishes
    /// errors of backends from its own.
    pub names_backends: bool,
    /// Whether a measurement has to be started before requests are counted.
    pub measurement: bool,
    /// Number of views of the backends. If it is above 1, each thread sees only the requests that it sent
    /// itself.
    pub views: u32,
}

/// Which counters were set to zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetKind {
    /// All counters were set to zero.
    Full,
    /// Some counters were reset and others were not, so only differences of snapshots are meaningful.
    Partial,
    /// No counter was reset; use differences of snapshots.
    None,
}

/// The algorithm that a load balancer reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// The load balancer's own name for the algorithm.
    pub native: String,
    /// The algorithm that this name stands for; `None` if this project does not know it.
    pub algorithm: Option<Algorithm>,
}

/// The control plane of a load balancer.
///
/// No call is retried, because a repeated switch or reset could take effect twice.
#[async_trait]
pub trait LoadBalancerAdmin: Send + Sync {
    /// Returns the kind of load balancer for messages and records, such as `spring`.
    fn dialect(&self) -> &str;

    /// Returns where replies name their backend.
    fn backend_from(&self) -> BackendFrom {
        BackendFrom::default()
    }

    /// Returns what the load balancer can do. This is read once, when the adapter connects.
    fn capabilities(&self) -> &Capabilities;

    /// Returns the algorithm that the load balancer says it is running.
    async fn current(&self) -> Result<Current, AdminError>;

    /// Begins a measurement: requests count from now on. Does nothing where [`Capabilities::measurement`] is
    /// false. It does not change the routing: call [`switch`](Self::switch) afterwards.
    async fn start(&self, _algorithm: &Algorithm) -> Result<(), AdminError> {
        Ok(())
    }

    /// Ends the measurement that [`start`](Self::start) began.
    async fn stop(&self) -> Result<(), AdminError> {
        Ok(())
    }

    /// Switches to `algorithm` and returns the load balancer's own name for it. Rejects names that are not
    /// offered without sending a request, and fails if the load balancer reports another algorithm
    /// afterwards.
    async fn switch(&self, algorithm: &Algorithm) -> Result<String, AdminError>;

    /// Checks whether the control plane reports that `algorithm` is running: the first layer of evidence.
    async fn control_plane(&self, algorithm: &Algorithm) -> Result<Layer, AdminError>;

    /// Lists the backends that may be picked for `service`, with their weights; `None` if the load balancer
    /// does not list them.
    async fn pool(&self, service: &str) -> Result<Option<Vec<PoolBackend>>, AdminError>;

    /// Reads the current counters of each backend.
    async fn snapshot(&self) -> Result<Snapshot, AdminError>;

    /// Counts the failed attempts that the load balancer repeated so far, where it counts them for all backends
    /// together. `None` if it does not, or counts them in its [`Snapshot`]s.
    async fn retries(&self) -> Result<Option<u64>, AdminError> {
        Ok(None)
    }

    /// Resets the counters, and returns whether all, some or none of them were reset.
    async fn reset(&self) -> Result<ResetKind, AdminError>;

    /// Sets the weights of the given backends. Every weight must be above zero.
    async fn set_weights(&self, weights: &[(String, f64)]) -> Result<(), AdminError>;

    /// Starts or stops draining a backend: it finishes its requests and gets no new ones.
    async fn set_draining(&self, backend: &str, draining: bool) -> Result<(), AdminError>;

    /// Starts recording decisions under this name. The load balancer's own config determines where they are
    /// stored and whether it explores while recording.
    async fn start_trace(&self, _name: &str, _run_id: &str) -> Result<(), AdminError> {
        Err(self.no_traces())
    }

    /// Stops the recording that [`start_trace`](Self::start_trace) began, and waits until it is written.
    async fn stop_trace(&self) -> Result<TraceSummary, AdminError> {
        Err(self.no_traces())
    }

    /// Returns the error of a load balancer that cannot record its decisions.
    fn no_traces(&self) -> AdminError {
        let way_out = "use the reference load balancer, with `traces` in its config";
        AdminError::not_supported(self.dialect(), "its admin API", "record decisions", way_out)
    }

    /// Lists the algorithms that the load balancer can switch to.
    fn algorithms(&self) -> Vec<Algorithm> {
        self.capabilities().algorithms.iter().map(|offer| offer.algorithm).collect()
    }

    /// Returns the load balancer's own name for `algorithm`, or an error that lists the algorithms it offers.
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

    /// Collects evidence on whether `algorithm` routes, in three layers: the control plane, the headers of
    /// replies, and the choices of backends. Contradicting evidence is a result, not an error. The load
    /// balancer should be drained, and have no other traffic meanwhile.
    async fn verify(&self, algorithm: &Algorithm, options: &VerifyOptions) -> Result<Evidence, AdminError> {
        let native = self.native(algorithm)?.to_owned();
        let control_plane = self.control_plane(algorithm).await?;
        options.greet().await?;
        let before = self.pool(options.service()).await?;
        let mut behaviour = match self.capabilities().views {
            views if views > 1 && fingerprint::looks_at_held(algorithm.behaviour()) => {
                Layer::not_tested(format!(
                    "the load balancer has {views} private views: the one that serves a short request may not see the held requests"
                ))
            }
            _ => fingerprint::probe_behaviour(algorithm, options, before.as_deref()).await?,
        };
        if behaviour.verdict == Verdict::Contradicted && self.pool(options.service()).await? != before {
            behaviour = Layer::not_tested("backends were added, removed or reweighted during the probe");
        }
        let header = fingerprint::probe_header(algorithm, &native, options).await?;
        Ok(Evidence { algorithm: *algorithm, native, control_plane, header, behaviour })
    }

    /// Collects the evidence of the control plane alone, without sending any request to the backends.
    async fn verify_claim(&self, algorithm: &Algorithm) -> Result<Evidence, AdminError> {
        let not_tested = || Layer::not_tested("no probe is sent");
        Ok(Evidence {
            algorithm: *algorithm,
            native: self.native(algorithm)?.to_owned(),
            control_plane: self.control_plane(algorithm).await?,
            header: not_tested(),
            behaviour: not_tested(),
        })
    }

    /// Waits until no request is in flight, for at most `timeout`; the error names the backends that still
    /// have some.
    async fn drain(&self, timeout: Duration) -> Result<(), AdminError> {
        wait_until_idle(self, timeout).await
    }
}

/// Describes the first weight that cannot be set; `None` if all can.
pub(crate) fn unfit_weight(weights: &[(String, f64)]) -> Option<String> {
    let unfit = |weight: f64| !(weight.is_finite() && weight > 0.0);
    let (id, weight) = weights.iter().find(|(_, weight)| unfit(*weight))?;
    Some(format!("weight of `{id}` is {weight}, but must be above 0"))
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

/// Lists the backends with requests in flight, and how many each has.
fn in_flight(snapshot: &Snapshot) -> Vec<(String, u32)> {
    let backends = snapshot.backends.iter().map(|backend| (backend.id.clone(), backend.in_flight));
    let somewhere = ("unnamed backends".to_owned(), snapshot.unassigned);
    backends.chain([somewhere]).filter(|(_, in_flight)| *in_flight > 0).collect()
}
