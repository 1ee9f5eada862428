//! The requests in flight: a slab, and the order in which they time out.

use lb_core::backend::JobId;
use lb_core::policy::BackendIndex;
use lb_core::topology::RouteIndex;
use lb_core::{Span, Time};
use std::collections::VecDeque;

/// A request that a client sends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// Sender of the request, returned with its end.
    pub(crate) owner: u32,
    /// Load balancer that the request goes to.
    pub(crate) balancer: u16,
    /// Pool that serves the request's service.
    pub(crate) pool: u16,
    /// Number of the request's service within the pool.
    pub(crate) service: u16,
    pub(crate) route: RouteIndex,
    /// Factor of the service time, from what the request says; 1 for an ordinary request.
    pub(crate) cost: f32,
    /// Key that determines the service time and whether the request fails.
    pub(crate) key: u64,
    /// The client's identity, for policies with affinity.
    pub(crate) client_key: u64,
}

/// Where a request is, and so what its next event means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// On the wire from the client to the load balancer.
    ToBalancer,
    /// On the wire to its backend.
    ToBackend,
    /// Waiting, in service or hanging.
    InBackend,
    /// On the wire back to the load balancer.
    BackToBalancer,
    /// On the wire back to the client.
    BackToClient,
    /// Under way, but its client has gone.
    Abandoned,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Served,
    /// 500 from the backend, after full service.
    Failed,
    /// 503 from the backend, at once.
    Refused,
    /// No backend was eligible.
    NoBackend,
    /// The connection to the backend was refused.
    Unreachable,
    /// The connection to the backend broke.
    Broken,
    TimedOut,
}

/// A request that has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) owner: u32,
    pub(crate) sent: Time,
    pub(crate) done: Time,
    pub(crate) end: End,
    /// The backend that answered.
    pub(crate) backend: Option<u16>,
}

/// A request in flight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) call: Call,
    pub(crate) stage: Stage,
    pub(crate) end: End,
    /// Position, within the pool, of the backend that the load balancer picked.
    pub(crate) place: BackendIndex,
    pub(crate) sent: Time,
    pub(crate) picked: Time,
    /// Number of times the slot was used, which identifies remnants of an earlier request.
    generation: u32,
}

/// All requests in flight.
#[derive(Debug)]
pub(crate) struct Requests {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Timeouts in order. All requests have the same timeout, so the first sent is the first to time
    /// out.
    timeouts: VecDeque<(Time, JobId)>,
    timeout: Span,
}

impl Requests {
    pub(crate) fn new(timeout: Span) -> Self {
        Self { slots: Vec::new(), free: Vec::new(), timeouts: VecDeque::new(), timeout }
    }

    /// Adds a request and returns its slot.
    pub(crate) fn insert(&mut self, call: Call, sent: Time) -> u32 {
        let fresh = |generation| Slot {
            call,
            stage: Stage::ToBalancer,
            end: End::Served,
            place: BackendIndex(0),
            sent,
            picked: sent,
            generation,
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                let old = &mut self.slots[slot as usize];
                *old = fresh(old.generation);
                slot
            }
            None => {
                self.slots.push(fresh(0));
                (self.slots.len() - 1) as u32
            }
        };
        self.timeouts.push_back((sent + self.timeout, self.job(slot)));
        slot
    }

    /// Frees the slot of a request that has ended, and cancels its timeout.
    pub(crate) fn remove(&mut self, slot: u32) {
        let old = &mut self.slots[slot as usize];
        old.generation = old.generation.wrapping_add(1);
        self.free.push(slot);
        self.forget_timeouts_of_the_dead();
    }

    /// Returns the time and the slot of the first timeout among requests that are still in flight.
    pub(crate) fn first_timeout(&self) -> Option<(Time, u32)> {
        self.timeouts.front().map(|(at, job)| (*at, slot_of(*job)))
    }

    /// Marks the client of a request as gone. The slot stays until the message is delivered, the
    /// timeout is removed.
    pub(crate) fn abandon(&mut self, slot: u32) {
        let old = &mut self.slots[slot as usize];
        old.stage = Stage::Abandoned;
        old.generation = old.generation.wrapping_add(1);
        self.forget_timeouts_of_the_dead();
    }

    /// Returns the number by which backends identify the request.
    pub(crate) fn job(&self, slot: u32) -> JobId {
        JobId(u64::from(self.slots[slot as usize].generation) << 32 | u64::from(slot))
    }

    /// Returns whether no request is in flight.
    pub(crate) fn is_empty(&self) -> bool {
        self.free.len() == self.slots.len()
    }

    fn forget_timeouts_of_the_dead(&mut self) {
        while let Some((_, job)) = self.timeouts.front() {
            if self.job(slot_of(*job)) == *job {
                break;
            }
            self.timeouts.pop_front();
        }
    }
}

/// Returns the slot of the request that backends identify as `job`.
pub(crate) fn slot_of(job: JobId) -> u32 {
    job.0 as u32
}

impl std::ops::Index<u32> for Requests {
    type Output = Slot;
    fn index(&self, slot: u32) -> &Slot {
        &self.slots[slot as usize]
    }
}

impl std::ops::IndexMut<u32> for Requests {
    fn index_mut(&mut self, slot: u32) -> &mut Slot {
        &mut self.slots[slot as usize]
    }
}
