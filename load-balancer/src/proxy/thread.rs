//! What one data thread has for itself, so that it shares nothing but the balancers (and not even those with
//! private views): its copy of the table, its idle connections, its list of things with a deadline.
//!
//! No request has a timer. A sweep looks at all deadlines of the thread every 100 ms, which makes
//! timeouts late by at most that and costs nothing per request.

use super::Target;
use super::route_class::MetClasses;
use crate::proxy::upstream::Upstream;
use crate::state::{Pool, Route, State, Table};
use http::{HeaderValue, Method};
use lb_core::rng::{hash_name, mix};
use lb_core::{Span, Time};
use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

/// How often deadlines are looked at.
pub(crate) const SWEEP: Duration = Duration::from_millis(100);

/// The state of one data thread.
pub(crate) struct Thread {
    pub(crate) state: Arc<State>,
    /// The view of each pool that it decides by.
    pub(crate) view: usize,
    /// The admin API, when it shares the port.
    pub(crate) admin: Option<axum::Router>,
    response_limit: Span,
    idle_limit: Span,
    version: Cell<u64>,
    table: RefCell<Arc<Table>>,
    #[expect(clippy::vec_box, reason = "each is moved several times a request")]
    idle: RefCell<Vec<Vec<Box<Upstream>>>>,
    clients: RefCell<Vec<Weak<Client>>>,
    classes: MetClasses,
    /// The time of the last sweep: exact enough for idleness.
    coarse: Cell<Time>,
    traces: Cell<u64>,
    closing: Cell<bool>,
}

/// One client connection.
pub(crate) struct Client {
    /// The peer, as `X-Forwarded-For` says it.
    pub(crate) peer: HeaderValue,
    /// Hash of the peer's address.
    pub(crate) key: u64,
    /// Whether the peer came in over a loopback address.
    pub(crate) loopback: bool,
    pub(crate) close: Cell<bool>,
    busy: Cell<bool>,
    since: Cell<Time>,
    /// When the wait for a backend ends.
    deadline: Cell<Time>,
    overdue: Cell<bool>,
    task: RefCell<Option<Waker>>,
}

impl Client {
    /// A request has arrived.
    pub(crate) fn begin(&self) {
        self.busy.set(true);
        self.wait_until(Time::MAX);
    }

    /// The reply has been given to the client.
    pub(crate) fn done(&self, thread: &Thread) {
        self.busy.set(false);
        self.since.set(thread.coarse.get());
    }

    /// Its backend may be silent until `deadline`.
    pub(crate) fn wait_until(&self, deadline: Time) {
        self.deadline.set(deadline);
        self.overdue.set(false);
    }

    /// Whether its backend has been silent for too long.
    pub(crate) fn is_overdue(&self) -> bool {
        self.overdue.get()
    }

    /// Looks at both limits.
    fn sweep(&self, now: Time, idle_limit: Span) {
        if self.busy.get() {
            if self.deadline.get() <= now {
                self.deadline.set(Time::MAX);
                self.overdue.set(true);
                self.wake();
            }
        } else if now.since(self.since.get()) > idle_limit {
            self.end();
        }
    }

    fn wake(&self) {
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }

    /// Remembers the task of the connection, for sweeps.
    pub(crate) fn remember(&self, waker: &Waker) {
        let mut task = self.task.borrow_mut();
        if task.is_none() {
            *task = Some(waker.clone());
        }
    }

    fn end(&self) {
        self.close.set(true);
        self.wake();
    }
}

impl Thread {
    /// A thread with nothing open.
    pub(crate) fn new(state: Arc<State>, admin: Option<axum::Router>, number: usize) -> Rc<Self> {
        let seed = mix(state.generation() ^ mix(number as u64));
        Rc::new(Self {
            response_limit: state.config.timeouts.response.into(),
            idle_limit: state.config.timeouts.idle.into(),
            version: Cell::new(0),
            table: RefCell::default(),
            idle: RefCell::default(),
            clients: RefCell::default(),
            classes: MetClasses::default(),
            coarse: Cell::new(state.now()),
            traces: Cell::new(seed),
            closing: Cell::new(false),
            view: state.view_of(number),
            state,
            admin,
        })
    }

    /// Registers a client connection.
    pub(crate) fn client(&self, peer: IpAddr, local: IpAddr) -> Rc<Client> {
        let text = peer.to_canonical().to_string();
        let client = Rc::new(Client {
            key: hash_name(text.as_bytes()),
            peer: HeaderValue::try_from(text).expect("addresses are plain ASCII"),
            loopback: peer.to_canonical().is_loopback() && local.to_canonical().is_loopback(),
            close: Cell::new(self.closing.get()),
            busy: Cell::new(false),
            since: Cell::new(self.coarse.get()),
            deadline: Cell::new(Time::MAX),
            overdue: Cell::new(false),
            task: RefCell::default(),
        });
        self.clients.borrow_mut().push(Rc::downgrade(&client));
        client
    }

    /// The route of `service`; one atomic load while the table has not changed.
    pub(crate) fn route(&self, service: &str) -> Option<Arc<Route>> {
        let version = self.state.version();
        if self.version.get() != version {
            self.version.set(version);
            *self.table.borrow_mut() = self.state.table();
        }
        let route = self.table.borrow().routes.get(service).cloned();
        route.or_else(|| self.state.adopt(service))
    }

    /// The class of route of a request that goes to `pool`.
    pub(super) fn route_class(&self, pool: &Pool, method: &Method, target: &Target<'_>) -> u16 {
        self.classes.class(&pool.roster.classes, method, target.service, target.rest)
    }

    /// When a wait for a backend that began at `now` ends.
    pub(crate) fn deadline(&self, now: Time) -> Time {
        now + self.response_limit
    }

    /// The connection to the backend of `slot` that was used last, if it still takes requests.
    pub(crate) fn idle(&self, slot: usize) -> Option<Box<Upstream>> {
        loop {
            let upstream = self.idle.borrow_mut().get_mut(slot)?.pop()?;
            if upstream.is_open() {
                return Some(upstream);
            }
        }
    }

    /// Keeps a connection for the next request, if it takes one.
    pub(crate) fn keep(&self, slot: usize, mut upstream: Box<Upstream>) {
        if !upstream.is_reusable() || self.closing.get() {
            return;
        }
        upstream.since = self.coarse.get();
        let mut idle = self.idle.borrow_mut();
        if idle.len() <= slot {
            idle.resize_with(slot + 1, Vec::new);
        }
        idle[slot].push(upstream);
    }

    /// A trace id that no other request has: 32 hex digits.
    pub(crate) fn trace_id(&self) -> HeaderValue {
        let count = self.traces.get().wrapping_add(1);
        self.traces.set(count);
        let mut text = [0_u8; 32];
        for (half, bytes) in [mix(count), mix(!count)].iter().zip(text.chunks_mut(16)) {
            for (i, digit) in bytes.iter_mut().enumerate() {
                *digit = b"0123456789abcdef"[(half >> (60 - 4 * i) & 15) as usize];
            }
        }
        HeaderValue::from_bytes(&text).expect("hex digits are plain ASCII")
    }

    /// Ends what has waited too long: replies, idle connections on both sides.
    pub(crate) fn sweep(&self) {
        let now = self.state.now();
        self.coarse.set(now);
        self.clients
            .borrow_mut()
            .retain(|client| client.upgrade().inspect(|client| client.sweep(now, self.idle_limit)).is_some());
        for pool in self.idle.borrow_mut().iter_mut() {
            // The oldest lie at the bottom, as the one used last is taken first.
            let keep_from = pool.partition_point(|upstream| now.since(upstream.since) > self.idle_limit);
            pool.drain(..keep_from);
        }
    }

    /// Asks all clients to leave after the reply that they wait for.
    pub(crate) fn close(&self) {
        self.closing.set(true);
        for client in self.clients.borrow().iter().filter_map(Weak::upgrade) {
            client.end();
        }
    }

    /// Whether all clients have left.
    pub(crate) fn is_empty(&self) -> bool {
        self.clients.borrow().iter().all(|client| client.strong_count() == 0)
    }
}
