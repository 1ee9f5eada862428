//! The description of one phase of live load, as plain data.

use crate::shard::Shard;
use crate::target::{Direct, Target};
use lb_core::Span;
use lb_core::workload::{Schedule, Workload};
use std::net::SocketAddr;
use std::num::NonZeroUsize;

/// One phase of live load. A plan can be compared and copied and holds no handle of this process; those
/// are the [`Hooks`](crate::Hooks).
///
/// To send a plan to another machine, send the journeys and the seed from which the schedule is made; the
/// hash of the schedule shows that both sides made the same one. The rest is serialisable.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadPlan {
    /// Name of the phase in thread names and logs.
    pub phase: String,
    /// Where the load goes.
    pub target: Target,
    /// Backends that requests go to in place of the target; `None` sends them to the target.
    pub direct: Option<Direct>,
    /// The schedule of what users do, and when.
    pub schedule: Schedule,
    /// Which part of the schedule this generator plays.
    pub shard: Shard,
    /// Length of the phase. It lasts this long even if all users have left earlier.
    pub duration: Span,
    /// A request without a complete reply after this long is a timeout.
    pub request_timeout: Span,
    /// How long requests in flight at the end may still take; any left after that count as timeouts.
    pub drain_timeout: Span,
    /// The most sessions of open stages at once, over all shards. An arrival beyond this limit is dropped and
    /// counted.
    pub max_in_flight: u32,
    /// Number of threads. Users and arrivals are dealt out to them in turn.
    pub workers: NonZeroUsize,
    /// Cores to pin the workers to, in turn; with none, the system places them.
    pub cores: Vec<usize>,
    /// Ids of the backends by number, in the order of the topology.
    pub backends: Vec<String>,
    /// The algorithm that replies should name in `x-lb-algorithm`, as the target's control plane spells it
    /// and as this project does; either is accepted. `None` ignores the header.
    pub algorithm_names: Option<[String; 2]>,
    /// Whether requests carry `x-request-key`, from which mock backends draw service times. Other
    /// backends have no use for it.
    pub request_key: bool,
    /// Whether requests carry `x-forwarded-for` with an address of the user's own, for policies that
    /// hash clients.
    pub forwarded_for: bool,
    /// Whether to keep every user's sequence of steps.
    pub keep_actions: bool,
}

impl LoadPlan {
    /// The workload that the schedule plays.
    pub(crate) fn workload(&self) -> &Workload {
        self.schedule.workload()
    }

    /// The number of sessions that this generator may have at once: its part of `max_in_flight`, but at
    /// least one unless none is allowed.
    pub(crate) fn sessions(&self) -> u32 {
        let part = self.shard.count(self.max_in_flight as usize) as u32;
        part.max(self.max_in_flight.min(1))
    }

    /// Number of connections of each user.
    pub(crate) fn lanes(&self) -> usize {
        self.direct.as_ref().map_or(1, |direct| direct.backends.len())
    }

    /// Where the connection with this number goes.
    pub(crate) fn addresses(&self, lane: usize) -> &[SocketAddr] {
        match &self.direct {
            Some(direct) => std::slice::from_ref(&direct.backends[lane]),
            None => &self.target.addresses,
        }
    }
}
