//! State shared by the tasks of one worker, and by the workers of a phase.

use crate::addresses::Addresses;
use crate::backends::{BackendNumbers, Unlisted};
use crate::cookies::Site;
use crate::deadlines::Deadlines;
use crate::error::LoadError;
use crate::hooks::Hooks;
use crate::http1::request::RequestWriter;
use crate::http2::request::Translator;
use crate::limits::part;
use crate::observed::{ObservedHeader, SeenValues};
use crate::plan::LoadPlan;
use crate::pool::Pool;
use crate::start::StartAt;
use crate::tls::Connector;
use lb_clock::Clock;
use lb_core::Time;
use lb_core::workload::{StepIndex, UserId};
use lb_record::Recorder;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use tokio::task::JoinSet;

/// The size in bytes of the buffer that all connections of a worker read into. A reply of a few kilobytes
/// takes one read, and a read that does not fill the buffer tells the runtime that no data is left.
const READ_BUFFER: usize = 64 * 1024;

/// State shared by the workers of a phase.
#[derive(Debug)]
pub(crate) struct Start {
    /// The clock of the phase, started by the first worker that is ready.
    clock: OnceLock<Clock>,
    /// When the phase begins; `None` begins at once.
    begin: Option<Arc<StartAt>>,
    /// The greatest number of sessions of open stages at once, over all workers.
    pub(crate) sessions: u32,
    pub(crate) unlisted: Arc<Unlisted>,
    /// The values of the observed header.
    pub(crate) seen_values: Arc<SeenValues>,
    addresses: Arc<Addresses>,
    /// Opens TLS; `None` for a plain target.
    tls: Option<Connector>,
}

impl Start {
    /// Prepares a phase.
    ///
    /// # Errors
    /// When TLS cannot be spoken as the plan asks.
    pub(crate) fn new(plan: &LoadPlan, sessions: u32, hooks: &Hooks) -> Result<Self, LoadError> {
        let name = plan.target.server_name().filter(|_| plan.direct.is_none() && plan.target.is_secure());
        Ok(Self {
            clock: OnceLock::new(),
            begin: hooks.start.clone(),
            sessions,
            unlisted: Arc::clone(&hooks.unlisted),
            seen_values: Arc::default(),
            addresses: Arc::new(Addresses::new(&plan.target.addresses)),
            tls: name.map(|name| plan.tls.connector(&name, plan.http())).transpose()?,
        })
    }

    /// Returns the clock of the phase; the first call starts it, at the moment at which the phase begins.
    fn clock(&self) -> Clock {
        *self.clock.get_or_init(|| self.begin.as_ref().map_or_else(Clock::start, |begin| begin.wait()))
    }
}

/// State shared by the tasks of a worker: its users, its pacer and its seats.
pub(crate) struct Worker {
    pub(crate) plan: LoadPlan,
    pub(crate) hooks: Hooks,
    pub(crate) recorder: RefCell<Recorder>,
    pub(crate) requests: RefCell<RequestWriter>,
    /// Translates requests for connections that speak HTTP/2.
    pub(crate) translator: RefCell<Translator>,
    pub(crate) backends: RefCell<BackendNumbers>,
    /// The header by whose values replies are told apart; `None` does not tell them apart.
    pub(crate) observed: Option<RefCell<ObservedHeader>>,
    pub(crate) buffer: RefCell<Box<[u8]>>,
    pub(crate) deadlines: Deadlines,
    /// Where the requests go, which decides about cookies.
    pub(crate) site: Site,
    /// The addresses of the target.
    pub(crate) addresses: Arc<Addresses>,
    /// Number of connections opened to the target, from the number of the worker on.
    opened: Cell<usize>,
    /// Opens TLS; `None` for a plain target.
    pub(crate) tls: Option<Connector>,
    /// The connections that users share, one pool of them for each number that [`Self::lane`] returns; empty if users
    /// share none.
    pools: Box<[Pool]>,
    /// Number of requests sent to each pool of backends, at the index of its first backend. Used without a load balancer.
    turns: Box<[Cell<usize>]>,
    /// Whether each step is a HEAD request, whose replies have no body.
    is_head: Vec<bool>,
    /// The number of users of closed stages that are there, over all workers: the first ones. [`u32::MAX`] unless their
    /// number is changed from outside.
    pub(crate) level: Cell<u32>,
    /// The tasks of users, of the pacer and of seats.
    pub(crate) tasks: RefCell<JoinSet<io::Result<()>>>,
    pub(crate) clock: Clock,
}

impl Worker {
    /// Makes the shared state of a worker.
    pub(crate) fn new(
        plan: LoadPlan,
        hooks: Hooks,
        number: usize,
        recorder: Recorder,
        start: &Start,
    ) -> Self {
        let steps = plan.workload().steps();
        let shared = plan.pool().map(|pool| part(pool.get(), plan.workers.get(), number));
        let tls = start.tls.as_ref();
        Self {
            recorder: RefCell::new(recorder),
            requests: RefCell::new(RequestWriter::new(&plan)),
            translator: RefCell::new(Translator::new(if plan.target.is_secure() { "https" } else { "http" })),
            is_head: steps.iter().map(|step| step.method == "HEAD").collect(),
            backends: RefCell::new(BackendNumbers::new(&plan.backends, Arc::clone(&start.unlisted))),
            observed: plan.observe.as_ref().map(|observation| {
                RefCell::new(ObservedHeader::new(observation, Arc::clone(&start.seen_values)))
            }),
            buffer: RefCell::new(vec![0; READ_BUFFER].into_boxed_slice()),
            deadlines: Deadlines::default(),
            site: plan.target.site(),
            addresses: Arc::clone(&start.addresses),
            opened: Cell::new(number),
            // Users who share connections share sessions, too.
            tls: shared.map_or_else(|| tls.cloned(), |_| tls.map(Connector::for_client)),
            pools: (0..plan.lanes()).filter_map(|_| shared.map(Pool::new)).collect(),
            turns: (0..plan.lanes()).map(|_| Cell::new(0)).collect(),
            level: Cell::new(if hooks.headcount.is_some() { 0 } else { u32::MAX }),
            tasks: RefCell::default(),
            clock: start.clock(),
            plan,
            hooks,
        }
    }

    /// Returns the time since the start of the phase.
    #[inline]
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Returns the end of the phase: no request begins at or after it.
    #[inline]
    pub(crate) fn end(&self) -> Time {
        Time::ZERO + self.plan.duration
    }

    /// Returns whether a user of a closed stage should not be there now.
    #[inline]
    pub(crate) fn sends_away(&self, user: UserId) -> bool {
        user.0 >= self.level.get()
    }

    /// Returns the number of the connection for the next request of a step.
    #[inline]
    pub(crate) fn lane(&self, step: StepIndex) -> usize {
        let Some(direct) = &self.plan.direct else { return 0 };
        let backends = &direct.by_step[usize::from(step.0)];
        let turn = &self.turns[backends.start];
        turn.set(turn.get() + 1);
        backends.start + turn.get() % backends.len()
    }

    /// Returns the shared connections with this number; `None` if users share none.
    #[inline]
    pub(crate) fn pool(&self, lane: usize) -> Option<&Pool> {
        self.pools.get(lane)
    }

    /// Returns whether users share connections.
    #[inline]
    pub(crate) fn shares_connections(&self) -> bool {
        !self.pools.is_empty()
    }

    /// Returns the addresses to try for a new connection with this number, in order.
    pub(crate) fn addresses_for(&self, lane: usize) -> Vec<SocketAddr> {
        if let Some(direct) = &self.plan.direct {
            return vec![direct.backends[lane]];
        }
        let turn = self.opened.get();
        self.opened.set(turn.wrapping_add(1));
        self.addresses.starting_at(turn)
    }

    #[inline]
    pub(crate) fn is_head(&self, step: StepIndex) -> bool {
        self.is_head[usize::from(step.0)]
    }
}
