//! A client connection, as its data thread sees it: who the peer is, for whom the connection waits, and until
//! when.
//!
//! A connection always waits for exactly one side. Whose time runs out decides whose fault it is: a backend that
//! is silent is booked on the backend, a client that is slow is not.

use http::HeaderValue;
use lb_core::rng::hash_name;
use lb_core::{Span, Time};
use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::task::Waker;

/// What a client connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The first byte of a request, or, after the last reply, the end of the connection.
    Idle,
    /// The rest of a request's head.
    Head,
    /// The client: it sends its body, or reads its reply.
    Client,
    /// The backend.
    Backend,
    /// Either side of a tunnel.
    Tunnel,
}

/// How long each wait may last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long a connection may be without a request.
    pub(crate) idle: Span,
    /// How long the head of a request may take, from its first byte to its last.
    pub(crate) head: Span,
    /// How long a client may neither send nor read a byte while it is its turn.
    pub(crate) client: Span,
    /// How long a backend may be silent.
    pub(crate) response: Span,
    /// How long a tunnel may be without a byte.
    pub(crate) tunnel: Span,
}

/// One client connection.
pub(crate) struct Client {
    /// The peer's address, as written to `X-Forwarded-For`.
    pub(crate) peer: HeaderValue,
    /// Hash of the peer's address.
    pub(crate) key: u64,
    /// Whether the peer connected over a loopback address.
    pub(crate) loopback: bool,
    /// Whether the client speaks TLS.
    pub(crate) secure: bool,
    pub(crate) limits: Limits,
    /// Whether the connection ends after the reply that it is waiting for.
    pub(crate) close: Cell<bool>,
    /// Whether the client has ended its side. It is then woken regularly, to see whether it has gone.
    pub(crate) half_closed: Cell<bool>,
    /// Whether a request of this client has been sent to a backend.
    pub(crate) is_known: Cell<bool>,
    wait: Cell<Wait>,
    /// When it became idle.
    since: Cell<Time>,
    deadline: Cell<Time>,
    overdue: Cell<bool>,
    task: RefCell<Option<Waker>>,
}

impl Client {
    /// Creates a connection from `peer` to the address `local`, idle since `now`.
    pub(super) fn new(peer: IpAddr, local: IpAddr, secure: bool, limits: Limits, now: Time) -> Self {
        let text = peer.to_canonical().to_string();
        Self {
            key: hash_name(text.as_bytes()),
            peer: HeaderValue::try_from(text).expect("addresses are plain ASCII"),
            loopback: peer.to_canonical().is_loopback() && local.to_canonical().is_loopback(),
            secure,
            limits,
            close: Cell::new(false),
            half_closed: Cell::new(false),
            is_known: Cell::new(false),
            wait: Cell::new(Wait::Idle),
            since: Cell::new(now),
            deadline: Cell::new(now + limits.idle),
            overdue: Cell::new(false),
            task: RefCell::default(),
        }
    }

    /// Creates what the sweep sees of a request that `connection` has beside others.
    pub(super) fn beside(connection: &Self, now: Time) -> Self {
        Self {
            peer: connection.peer.clone(),
            key: connection.key,
            loopback: connection.loopback,
            secure: connection.secure,
            limits: connection.limits,
            close: Cell::new(false),
            half_closed: Cell::new(false),
            is_known: Cell::new(connection.is_known.replace(true)),
            wait: Cell::new(Wait::Idle),
            since: Cell::new(now),
            deadline: Cell::new(now + connection.limits.idle),
            overdue: Cell::new(false),
            task: RefCell::default(),
        }
    }

    /// Records that the connection is without a request from `now` on.
    pub(crate) fn rest(&self, now: Time) {
        self.since.set(now);
        self.wait_for(Wait::Idle, now + self.limits.idle);
    }

    /// Waits from now on for `wait`, until `deadline`.
    pub(crate) fn wait_for(&self, wait: Wait, deadline: Time) {
        self.wait.set(wait);
        self.deadline.set(deadline);
        self.overdue.set(false);
    }

    /// Returns what the connection waits for.
    pub(crate) fn wait(&self) -> Wait {
        self.wait.get()
    }

    /// Returns whether a wait for `wait` has lasted too long.
    pub(crate) fn is_overdue(&self, wait: Wait) -> bool {
        self.overdue.get() && self.wait.get() == wait
    }

    /// Returns since when the connection has had no complete request; `None` while it has one.
    pub(super) fn without_request_since(&self) -> Option<Time> {
        let has_none = matches!(self.wait.get(), Wait::Idle | Wait::Head) && !self.close.get();
        has_none.then(|| self.since.get())
    }

    /// Wakes the connection if it has waited too long.
    pub(super) fn sweep(&self, now: Time) {
        if self.deadline.get() <= now {
            self.deadline.set(Time::MAX);
            self.overdue.set(true);
            self.wake();
        } else if self.half_closed.get() {
            self.wake();
        }
    }

    /// Wakes the task of the connection.
    pub(crate) fn wake(&self) {
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }

    /// Stores the task of the connection, which a sweep may have to wake.
    pub(crate) fn remember(&self, waker: &Waker) {
        *self.task.borrow_mut() = Some(waker.clone());
    }

    /// Ends the connection after the reply that it is waiting for, or at once if there is none.
    pub(super) fn end(&self) {
        self.close.set(true);
        self.wake();
    }
}
