//! A client connection, as its data thread sees it: who the peer is, and how long it may
//! wait or stay idle.

use http::HeaderValue;
use lb_core::rng::hash_name;
use lb_core::{Span, Time};
use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::task::Waker;

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
    /// A connection of `peer` to the address `local`, idle since `now`.
    pub(super) fn new(peer: IpAddr, local: IpAddr, now: Time) -> Self {
        let text = peer.to_canonical().to_string();
        Self {
            key: hash_name(text.as_bytes()),
            peer: HeaderValue::try_from(text).expect("addresses are plain ASCII"),
            loopback: peer.to_canonical().is_loopback() && local.to_canonical().is_loopback(),
            close: Cell::new(false),
            busy: Cell::new(false),
            since: Cell::new(now),
            deadline: Cell::new(Time::MAX),
            overdue: Cell::new(false),
            task: RefCell::default(),
        }
    }

    /// Notes that a request has arrived.
    pub(crate) fn begin(&self) {
        self.busy.set(true);
        self.wait_until(Time::MAX);
    }

    /// Notes that the reply has been given to the client; the connection is idle from `now` on.
    pub(crate) fn done(&self, now: Time) {
        self.busy.set(false);
        self.since.set(now);
    }

    /// Lets the backend be silent until `deadline`.
    pub(crate) fn wait_until(&self, deadline: Time) {
        self.deadline.set(deadline);
        self.overdue.set(false);
    }

    /// Whether the backend has been silent for too long.
    pub(crate) fn is_overdue(&self) -> bool {
        self.overdue.get()
    }

    /// Ends a wait for a backend that has passed its deadline, or a connection that has been idle for longer than
    /// `idle_limit`.
    pub(super) fn sweep(&self, now: Time, idle_limit: Span) {
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

    /// Remembers the task of the connection, which a sweep may have to wake.
    pub(crate) fn remember(&self, waker: &Waker) {
        let mut task = self.task.borrow_mut();
        if task.is_none() {
            *task = Some(waker.clone());
        }
    }

    /// Asks the peer to leave after the reply that it waits for.
    pub(super) fn end(&self) {
        self.close.set(true);
        self.wake();
    }
}
