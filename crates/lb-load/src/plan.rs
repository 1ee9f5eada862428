//! Describes one phase of live load as plain data.

use crate::shard::Shard;
use crate::target::{Direct, Target};
use crate::tls::TlsOptions;
use lb_core::connections::{ConnectionPolicy, HttpChoice};
use lb_core::workload::{Schedule, Workload};
use lb_core::{BackendFrom, Observation, Span};
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;

/// One phase of live load. A plan can be compared and copied; handles of the running process are in
/// [`Hooks`](crate::Hooks) instead.
///
/// To send a plan to another machine, put what the schedule is made of in its place ([`Self::with_schedule`]): the
/// workload and the seed. The hash of the schedule shows that both sides made the same one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadPlan<S = Schedule> {
    /// Name of the phase in thread names and logs.
    pub phase: String,
    /// Address of the load balancer or server that receives the load.
    pub target: Target,
    /// How TLS is spoken with the target, if its URL asks for it.
    pub tls: TlsOptions,
    /// Backends that receive requests instead of the target; `None` sends requests to the target.
    pub direct: Option<Direct>,
    /// The schedule of what users do, and when.
    pub schedule: S,
    /// Which part of the schedule this generator plays.
    pub shard: Shard,
    /// Length of the phase. It lasts this long even if all users have left earlier.
    pub duration: Span,
    /// Time after which a request without a complete reply is a timeout. Opening a connection takes no longer
    /// than this, either.
    pub request_timeout: Span,
    /// Which version of HTTP is spoken with the target.
    pub http: HttpChoice,
    /// Which requests share a connection.
    pub connections: ConnectionPolicy,
    /// Time within which a connection must be open, including the TLS handshake.
    pub connect_timeout: Span,
    /// How often the name of the target is looked up again; zero for never.
    pub resolve_every: Span,
    /// How long requests in flight at the end may still take; any left after that count as timeouts.
    pub drain_timeout: Span,
    /// Maximum number of concurrent sessions of open stages, over all shards. An arrival beyond this limit is
    /// dropped and counted.
    pub max_in_flight: u32,
    /// Number of threads. Users and arrivals are dealt out to them in turn.
    pub workers: NonZeroUsize,
    /// Cores to pin the workers to, in turn; if empty, the system places them.
    pub cores: Vec<usize>,
    /// Ids of the backends by number, in the order of the topology.
    pub backends: Vec<String>,
    /// Where replies name their backend.
    pub backend_from: BackendFrom,
    /// Whether every reply of a backend names it there, so that a 5xx without a backend was made by
    /// the load balancer. If `false`, the origin of such a 5xx is unknown.
    pub names_backends: bool,
    /// The algorithm that replies should name in `x-lb-algorithm`, as the target's control plane spells it
    /// and as this project does; either is accepted. `None` ignores the header.
    pub algorithm_names: Option<[String; 2]>,
    /// Whether requests carry `x-request-key`, from which mock backends draw service times. Other backends
    /// ignore it.
    pub request_key: bool,
    /// Whether requests carry `x-forwarded-for` with an address of the user's own, for policies that hash
    /// clients.
    pub forwarded_for: bool,
    /// The header by whose values replies are told apart; `None` does not tell them apart.
    pub observe: Option<Observation>,
    /// Whether to keep every user's sequence of steps.
    pub keep_actions: bool,
}

impl<S> LoadPlan<S> {
    /// Returns the same plan with something else in place of the schedule.
    pub fn with_schedule<T>(self, schedule: T) -> LoadPlan<T> {
        LoadPlan {
            schedule,
            phase: self.phase,
            target: self.target,
            tls: self.tls,
            direct: self.direct,
            shard: self.shard,
            duration: self.duration,
            request_timeout: self.request_timeout,
            http: self.http,
            connections: self.connections,
            connect_timeout: self.connect_timeout,
            resolve_every: self.resolve_every,
            drain_timeout: self.drain_timeout,
            max_in_flight: self.max_in_flight,
            workers: self.workers,
            cores: self.cores,
            backends: self.backends,
            backend_from: self.backend_from,
            names_backends: self.names_backends,
            algorithm_names: self.algorithm_names,
            request_key: self.request_key,
            forwarded_for: self.forwarded_for,
            observe: self.observe,
            keep_actions: self.keep_actions,
        }
    }
}

impl LoadPlan {
    /// Returns the workload of the schedule.
    pub(crate) fn workload(&self) -> &Workload {
        self.schedule.workload()
    }

    /// Returns the number of sessions that this generator may have at once: its part of `max_in_flight`, but
    /// at least one unless `max_in_flight` is zero.
    pub(crate) fn sessions(&self) -> u32 {
        let part = self.shard.count(self.max_in_flight as usize) as u32;
        part.max(self.max_in_flight.min(1))
    }

    /// Returns the number of connections of each user.
    pub(crate) fn lanes(&self) -> usize {
        self.direct.as_ref().map_or(1, |direct| direct.backends.len())
    }

    /// Returns the version of HTTP that is spoken. Backends without a load balancer are spoken to as load balancers do
    /// it, over HTTP/1.1.
    pub(crate) fn http(&self) -> HttpChoice {
        if self.direct.is_some() { HttpChoice::One } else { self.http }
    }

    /// Returns the number of connections that this generator's users share: its part of the pool, but at least one;
    /// `None` if they share none.
    pub(crate) fn pool(&self) -> Option<NonZeroUsize> {
        let part = self.shard.count(self.connections.pool()?.get() as usize);
        Some(NonZeroUsize::new(part).unwrap_or(NonZeroUsize::MIN))
    }

    /// Returns the plan with as many workers as there are connections to share, if it has more: workers share
    /// nothing, so each needs a connection of its own.
    pub(crate) fn with_workers_that_can_connect(self) -> Self {
        let most = self.pool().unwrap_or(NonZeroUsize::MAX);
        Self { workers: self.workers.min(most), ..self }
    }

    /// Returns the number of threads that send this load: the workers, but no more than there are connections to
    /// share.
    pub fn threads(&self) -> usize {
        self.pool().map_or(self.workers, |pool| self.workers.min(pool)).get()
    }

    /// Returns how long opening a connection may take.
    pub(crate) fn connect_limit(&self) -> Span {
        self.connect_timeout.min(self.request_timeout)
    }
}
