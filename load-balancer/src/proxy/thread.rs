//! The state of one data thread, which shares nothing but the balancers (and with private views not even
//! those): its copy of the table, its idle connections, and its list of deadlines.
//!
//! No request has a timer. Instead, a sweep checks all deadlines of the thread every 100 ms, which makes
//! timeouts late by at most that and costs nothing per request.

use crate::probes::Prober;
use crate::proxy::client::{Client, Limits};
use crate::proxy::route::ThreadRoute;
use crate::proxy::target::Target;
use crate::proxy::upstream::{Counted, Upstream};
use crate::state::{MetClasses, MetHints, Pool, State};
use http::Method;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use lb_core::Time;
use lb_core::hints::Hints;
use lb_core::rng::mix;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

/// Time between two checks of the deadlines.
pub(crate) const SWEEP: Duration = Duration::from_millis(100);

/// The state of one data thread.
pub(crate) struct Thread {
    pub(crate) state: Arc<State>,
    /// Number of this data thread, from 0.
    pub(super) number: usize,
    /// The view of each pool that this thread uses.
    pub(crate) view: usize,
    limits: Limits,
    /// Maximum number of connections on either side.
    most_connections: usize,
    /// The version of the table from which `routes` was copied.
    version: Cell<u64>,
    /// The routes that this thread has used, by service.
    routes: RefCell<HashMap<Box<str>, Rc<ThreadRoute>>>,
    /// Idle connections to backends by slot, those used last at the back. Boxed, because each is moved several
    /// times a request.
    idle: RefCell<Vec<VecDeque<Box<Upstream>>>>,
    /// Number of connections to backends, idle or not.
    upstreams: Rc<Cell<usize>>,
    clients: RefCell<Vec<Weak<Client>>>,
    /// Number of open client connections.
    open: Cell<usize>,
    classes: MetClasses,
    /// Asks backends for their load; `None` if they are not asked.
    pub(super) prober: Option<Rc<Prober>>,
    hints: MetHints,
    /// The time of the last sweep, which is exact enough for idle connections.
    coarse: Cell<Time>,
    /// The date as replies give it.
    date: Cell<[u8; DATE]>,
    traces: Cell<u64>,
    closing: Cell<bool>,
}

/// The two hex digits of each byte.
static DIGITS: [[u8; 2]; 256] = digits();

const fn digits() -> [[u8; 2]; 256] {
    let digit = b"0123456789abcdef";
    let mut digits = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        digits[byte] = [digit[byte >> 4], digit[byte & 15]];
        byte += 1;
    }
    digits
}

/// Length of a date as replies give it, in bytes.
const DATE: usize = 29;

impl Thread {
    /// Creates a thread without connections, which may have up to `most_connections` on either side.
    pub(crate) fn new(state: Arc<State>, number: usize, most_connections: usize) -> Rc<Self> {
        let seed = mix(state.generation() ^ mix(number as u64));
        let timeouts = state.config.timeouts;
        Rc::new(Self {
            limits: Limits {
                idle: timeouts.idle.into(),
                head: timeouts.head.into(),
                client: timeouts.client.into(),
                response: timeouts.response.into(),
                tunnel: timeouts.tunnel.into(),
            },
            most_connections,
            version: Cell::new(0),
            routes: RefCell::default(),
            idle: RefCell::default(),
            upstreams: Rc::default(),
            clients: RefCell::default(),
            open: Cell::new(0),
            classes: MetClasses::default(),
            prober: Prober::new(&state, number, state.view_of(number)),
            hints: MetHints::default(),
            coarse: Cell::new(state.now()),
            date: Cell::new(date()),
            traces: Cell::new(seed),
            closing: Cell::new(false),
            number,
            view: state.view_of(number),
            state,
        })
    }

    /// Registers a client connection, over TLS or not.
    pub(crate) fn client(&self, peer: IpAddr, local: IpAddr, secure: bool) -> Rc<Client> {
        self.register(Client::new(peer, local, secure, self.limits, self.coarse.get()))
    }

    /// Registers a request of HTTP/2, which `connection` may have beside others.
    pub(crate) fn stream(&self, connection: &Client) -> Rc<Client> {
        self.register(Client::beside(connection, self.coarse.get()))
    }

    fn register(&self, client: Client) -> Rc<Client> {
        let client = Rc::new(client);
        client.close.set(self.closing.get());
        self.clients.borrow_mut().push(Rc::downgrade(&client));
        client
    }

    /// Returns the route of `service`, or `None` if no pool serves it. Costs one atomic load and one
    /// look-up while the table has not changed.
    pub(super) fn route(&self, service: &str) -> Option<Rc<ThreadRoute>> {
        let version = self.state.version();
        if self.version.get() != version {
            self.version.set(version);
            self.routes.borrow_mut().clear();
        }
        if let Some(route) = self.routes.borrow().get(service) {
            return Some(Rc::clone(route));
        }
        self.meet(service)
    }

    /// Copies a route that this thread has not used, or that has changed.
    #[cold]
    fn meet(&self, service: &str) -> Option<Rc<ThreadRoute>> {
        let shared = self.state.table().routes.get(service).cloned();
        let shared = shared.or_else(|| self.state.adopt(service))?;
        // The key is the route's name, so that all services that a client invents share one entry.
        if let Some(route) = self.routes.borrow().get(&shared.service) {
            return Some(Rc::clone(route));
        }
        let route = Rc::new(ThreadRoute::new(Arc::clone(&shared), self.number));
        self.routes.borrow_mut().insert(shared.service.clone(), Rc::clone(&route));
        Some(route)
    }

    /// Returns the time of the last sweep.
    pub(crate) fn coarse(&self) -> Time {
        self.coarse.get()
    }

    /// Returns the route class of a request that goes to `pool`.
    pub(super) fn route_class(&self, pool: &Pool, method: &Method, target: &Target<'_>) -> u16 {
        self.classes.class(&pool.roster.classes, method, target.service, target.rest)
    }

    /// Keeps the names of the hints of a request that goes to `pool`, for the trace that is being recorded.
    pub(super) fn note_hints(
        &self,
        pool: &Pool,
        hints: &Hints,
        describe: impl FnOnce(&mut dyn FnMut(u32, &str)),
    ) {
        self.hints.note(&pool.roster.hints, hints, describe);
    }

    /// Takes the most recently used idle connection to the backend of `slot`, if it can still be used.
    pub(crate) fn idle(&self, slot: usize) -> Option<Box<Upstream>> {
        loop {
            let upstream = self.idle.borrow_mut().get_mut(slot)?.pop_back()?;
            if upstream.is_open() {
                return Some(upstream);
            }
        }
    }

    /// Closes the idle connection to the backend of `slot` that has been idle for longest.
    pub(crate) fn discard_idle(&self, slot: usize) {
        let oldest = self.idle.borrow_mut().get_mut(slot).and_then(VecDeque::pop_front);
        if let Some(upstream) = oldest {
            upstream.discard();
        }
    }

    /// Counts a connection to a backend that is about to be opened. If there are too many, an idle one to any
    /// backend is closed; `None` if there is none, because clients have several requests at the same time.
    pub(crate) fn make_room(&self) -> Option<Counted> {
        if self.upstreams.get() >= self.most_connections {
            self.idle.borrow_mut().iter_mut().find_map(VecDeque::pop_front)?;
        }
        Some(Counted::new(&self.upstreams))
    }

    /// Counts a client connection that was opened.
    pub(crate) fn opened(&self) {
        self.open.set(self.open.get() + 1);
    }

    /// Counts a client connection that was closed.
    pub(crate) fn closed(&self) {
        self.open.set(self.open.get() - 1);
    }

    /// Returns whether there are more client connections than there may be.
    pub(crate) fn is_full(&self) -> bool {
        self.open.get() > self.most_connections
    }

    /// Ends the client connection that has been without a request for longest. Returns whether there is one.
    pub(crate) fn end_longest_idle(&self) -> bool {
        let clients = self.clients.borrow();
        let idle = clients.iter().filter_map(Weak::upgrade);
        let longest = idle.filter_map(|client| Some((client.without_request_since()?, client)));
        let longest = longest.min_by_key(|(since, _)| *since);
        if let Some((_, client)) = &longest {
            client.end();
        }
        longest.is_some()
    }

    /// Closes all idle connections to backends.
    pub(crate) fn forget_idle(&self) {
        self.idle.borrow_mut().clear();
    }

    /// Keeps a connection for the next request, if it can be used again.
    pub(crate) fn keep(&self, slot: usize, mut upstream: Box<Upstream>) {
        if !upstream.is_reusable() || self.closing.get() {
            return;
        }
        upstream.since = self.coarse.get();
        let mut idle = self.idle.borrow_mut();
        if idle.len() <= slot {
            idle.resize_with(slot + 1, VecDeque::new);
        }
        idle[slot].push_back(upstream);
    }

    /// Returns a new, unique trace id: 32 hex digits.
    pub(crate) fn trace_id(&self) -> [u8; 32] {
        let count = self.traces.get().wrapping_add(1);
        self.traces.set(count);
        let mut text = [0_u8; 32];
        let bytes = (u128::from(mix(count)) << 64 | u128::from(mix(!count))).to_be_bytes();
        for (byte, digits) in bytes.iter().zip(text.chunks_exact_mut(2)) {
            digits.copy_from_slice(&DIGITS[usize::from(*byte)]);
        }
        text
    }

    /// Returns the date as replies give it.
    pub(crate) fn date(&self) -> [u8; DATE] {
        self.date.get()
    }

    /// Ends replies and idle connections, on both sides, that have waited too long.
    pub(crate) fn sweep(&self) {
        let now = self.state.now();
        self.coarse.set(now);
        self.date.set(date());
        self.clients
            .borrow_mut()
            .retain(|client| client.upgrade().inspect(|client| client.sweep(now)).is_some());
        for pool in self.idle.borrow_mut().iter_mut() {
            // The oldest are in front, since the one used last is taken first.
            let keep_from = pool.partition_point(|upstream| now.since(upstream.since) > self.limits.idle);
            pool.drain(..keep_from);
        }
    }

    /// Asks all clients to disconnect after the reply that they are waiting for.
    pub(crate) fn close(&self) {
        self.closing.set(true);
        for client in self.clients.borrow().iter().filter_map(Weak::upgrade) {
            client.end();
        }
    }

    /// Returns whether all clients have disconnected.
    pub(crate) fn is_empty(&self) -> bool {
        self.clients.borrow().iter().all(|client| client.strong_count() == 0)
    }
}

/// Returns the current date as replies give it (RFC 9110, 5.6.7).
fn date() -> [u8; DATE] {
    let mut date = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    // The form has this length in all years of four digits.
    if let Ok(text) = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now())
        && text.len() == DATE
    {
        date.copy_from_slice(text.as_bytes());
    }
    date
}
