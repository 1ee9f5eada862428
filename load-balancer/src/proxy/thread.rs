//! What one data thread has for itself, so that it shares nothing but the balancers (and not even those with
//! private views): its copy of the table, its idle connections, its list of things with a deadline.
//!
//! No request has a timer. A sweep looks at all deadlines of the thread every 100 ms, which makes
//! timeouts late by at most that and costs nothing per request.

use crate::proxy::client::Client;
use crate::proxy::route::ThreadRoute;
use crate::proxy::target::Target;
use crate::proxy::upstream::Upstream;
use crate::state::{MetClasses, Pool, State};
use http::{HeaderValue, Method};
use lb_core::rng::mix;
use lb_core::{Span, Time};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

/// How often deadlines are looked at.
pub(crate) const SWEEP: Duration = Duration::from_millis(100);

/// The state of one data thread.
pub(crate) struct Thread {
    pub(crate) state: Arc<State>,
    /// Its number among the data threads, from 0.
    pub(super) number: usize,
    /// The view of each pool that it decides by.
    pub(crate) view: usize,
    response_limit: Span,
    idle_limit: Span,
    /// Which table `routes` are of.
    version: Cell<u64>,
    /// By service, those that this thread has met.
    routes: RefCell<HashMap<Box<str>, Rc<ThreadRoute>>>,
    #[expect(clippy::vec_box, reason = "each is moved several times a request")]
    idle: RefCell<Vec<Vec<Box<Upstream>>>>,
    clients: RefCell<Vec<Weak<Client>>>,
    classes: MetClasses,
    /// The time of the last sweep: exact enough for idleness.
    coarse: Cell<Time>,
    traces: Cell<u64>,
    closing: Cell<bool>,
}

impl Thread {
    /// A thread with nothing open.
    pub(crate) fn new(state: Arc<State>, number: usize) -> Rc<Self> {
        let seed = mix(state.generation() ^ mix(number as u64));
        Rc::new(Self {
            response_limit: state.config.timeouts.response.into(),
            idle_limit: state.config.timeouts.idle.into(),
            version: Cell::new(0),
            routes: RefCell::default(),
            idle: RefCell::default(),
            clients: RefCell::default(),
            classes: MetClasses::default(),
            coarse: Cell::new(state.now()),
            traces: Cell::new(seed),
            closing: Cell::new(false),
            number,
            view: state.view_of(number),
            state,
        })
    }

    /// Registers a client connection.
    pub(crate) fn client(&self, peer: IpAddr, local: IpAddr) -> Rc<Client> {
        let client = Rc::new(Client::new(peer, local, self.coarse.get()));
        client.close.set(self.closing.get());
        self.clients.borrow_mut().push(Rc::downgrade(&client));
        client
    }

    /// The route of `service`; one atomic load and one look-up while the table has not changed. `None` if no
    /// pool answers for it.
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

    /// Makes a copy of a route that this thread has not met, or that has changed.
    #[cold]
    fn meet(&self, service: &str) -> Option<Rc<ThreadRoute>> {
        let shared = self.state.table().routes.get(service).cloned();
        let shared = shared.or_else(|| self.state.adopt(service))?;
        // Under the name of the route: a client that makes names up shares one.
        if let Some(route) = self.routes.borrow().get(&shared.service) {
            return Some(Rc::clone(route));
        }
        let route = Rc::new(ThreadRoute::new(Arc::clone(&shared), self.number));
        self.routes.borrow_mut().insert(shared.service.clone(), Rc::clone(&route));
        Some(route)
    }

    /// The time of the last sweep.
    pub(crate) fn coarse(&self) -> Time {
        self.coarse.get()
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
