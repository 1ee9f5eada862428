//! Request timeouts without a timer per request.
//!
//! Arming a deadline is one store. A sweep, a hundred times a second, goes through all clients of the
//! worker and wakes those whose request is too old. A timeout is noticed up to one sweep late, which
//! matters little when timeouts are seconds.

use lb_core::Time;
use std::cell::{Cell, RefCell};
use std::task::Waker;

/// The deadlines of a worker's clients, by their place in the worker.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    at: RefCell<Vec<Cell<Time>>>,
    wakers: RefCell<Vec<RefCell<Option<Waker>>>>,
}

/// The deadline of a client without a request in flight.
const NONE: Time = Time::MAX;
/// The deadline of a client whose request the sweep found too old.
const EXPIRED: Time = Time::ZERO;

impl Deadlines {
    /// Adds a place for a client, and returns its number. Places are not freed, because clients last as long
    /// as the phase.
    pub(crate) fn add(&self) -> usize {
        self.wakers.borrow_mut().push(RefCell::new(None));
        let mut at = self.at.borrow_mut();
        at.push(Cell::new(NONE));
        at.len() - 1
    }

    /// Sets the deadline of a request that is about to be sent.
    #[inline]
    pub(crate) fn arm(&self, place: usize, at: Time) {
        self.at.borrow()[place].set(at);
    }

    /// Clears the deadline of a request that is finished.
    #[inline]
    pub(crate) fn disarm(&self, place: usize) {
        self.at.borrow()[place].set(NONE);
    }

    /// Returns whether the request is too old. If not, `waker` is woken once it is.
    #[inline]
    pub(crate) fn is_expired(&self, place: usize, waker: &Waker) -> bool {
        if self.at.borrow()[place].get() == EXPIRED {
            return true;
        }
        let wakers = self.wakers.borrow();
        let mut kept = wakers[place].borrow_mut();
        // A task keeps its waker, so this clones once per client.
        if !kept.as_ref().is_some_and(|kept| kept.will_wake(waker)) {
            *kept = Some(waker.clone());
        }
        false
    }

    /// Wakes all clients whose deadline is at or before `now`. Returns how many have a request in flight.
    pub(crate) fn sweep(&self, now: Time) -> u32 {
        let (at, wakers) = (self.at.borrow(), self.wakers.borrow());
        let mut in_flight = 0;
        for (at, waker) in at.iter().zip(&*wakers) {
            in_flight += u32::from(at.get() != NONE);
            if at.get() <= now && at.get() != EXPIRED {
                at.set(EXPIRED);
                if let Some(waker) = &*waker.borrow() {
                    waker.wake_by_ref();
                }
            }
        }
        in_flight
    }

    /// Makes all requests in flight time out.
    pub(crate) fn expire_all(&self) {
        self.sweep(Time::from_nanos(NONE.as_nanos() - 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn with_places(count: usize) -> Deadlines {
        let deadlines = Deadlines::default();
        for place in 0..count {
            assert_eq!(deadlines.add(), place, "places are numbered in turn");
        }
        deadlines
    }

    #[test]
    fn only_requests_that_are_too_old_are_woken_and_only_once() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let deadlines = with_places(3);
        deadlines.arm(0, Time::from_nanos(100));
        deadlines.arm(1, Time::from_nanos(200));
        for place in 0..3 {
            assert!(!deadlines.is_expired(place, &waker), "nothing is too old yet");
        }
        assert_eq!(deadlines.sweep(Time::from_nanos(150)), 2, "two requests are in flight");
        deadlines.sweep(Time::from_nanos(160));
        assert!(deadlines.is_expired(0, &waker), "100 ns are over");
        assert!(!deadlines.is_expired(1, &waker), "200 ns are not");
        assert_eq!(count.0.load(Ordering::Relaxed), 1, "a timeout wakes its user once");
        deadlines.disarm(0);
        assert!(!deadlines.is_expired(0, &waker), "an answered request does not expire");
    }

    #[test]
    fn the_end_of_the_drain_expires_requests_in_flight_and_no_others() {
        let deadlines = with_places(2);
        deadlines.arm(1, Time::from_nanos(1_000_000));
        deadlines.expire_all();
        assert!(!deadlines.is_expired(0, Waker::noop()), "no request, no timeout");
        assert!(deadlines.is_expired(1, Waker::noop()));
    }
}
