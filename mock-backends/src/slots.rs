//! Slots for requests in the backends. Each request uses a reusable slot instead of a channel.
//!
//! The [`JobId`] consists of the slot's number and generation, so the end of a request whose client
//! disconnected can never be mistaken for the end of the request that now uses the slot.

use lb_core::Time;
use lb_core::backend::{JobId, JobResult};
use std::task::{Context, Poll, Waker};

/// All slots of the process.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    used_by: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    unit: usize,
    key: u64,
    /// How many others the request found in its backend, and when; `None` if nobody asks.
    found: Option<(u32, Time)>,
    end: Option<JobResult>,
    waker: Option<Waker>,
}

impl Slots {
    /// Takes a slot for a request to backend number `unit` whose random stream has the key `key`.
    pub(crate) fn take(&mut self, unit: usize, key: u64) -> JobId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() as u32 - 1
        });
        let slot = &mut self.slots[index as usize];
        slot.used_by = Some(Waiting { unit, key, found: None, end: None, waker: None });
        JobId(u64::from(slot.generation) << 32 | u64::from(index))
    }

    /// Returns the key of a request, or `None` if its client disconnected.
    pub(crate) fn key(&mut self, id: JobId) -> Option<u64> {
        self.waiting(id).map(|waiting| waiting.key)
    }

    /// Records that the request found `others` in its backend at `now`.
    pub(crate) fn note_found(&mut self, id: JobId, others: u32, now: Time) {
        if let Some(waiting) = self.waiting(id) {
            waiting.found = Some((others, now));
        }
    }

    /// Returns how many others a request found, and when; `None` if that was not recorded, or its client disconnected.
    pub(crate) fn found(&mut self, id: JobId) -> Option<(u32, Time)> {
        self.waiting(id)?.found
    }

    /// Records how the request ended and wakes the waiting task. Unknown requests are ignored.
    pub(crate) fn end(&mut self, id: JobId, end: JobResult) {
        if let Some(waiting) = self.waiting(id) {
            waiting.end = Some(end);
            if let Some(waker) = waiting.waker.take() {
                waker.wake();
            }
        }
    }

    /// Ends every request to backend number `unit` that has not ended yet.
    pub(crate) fn end_all(&mut self, unit: usize, end: JobResult) {
        let slots = self.slots.iter_mut().filter_map(|slot| slot.used_by.as_mut());
        for waiting in slots.filter(|waiting| waiting.unit == unit && waiting.end.is_none()) {
            waiting.end = Some(end);
            if let Some(waker) = waiting.waker.take() {
                waker.wake();
            }
        }
    }

    /// Polls for the end of the request; if it has not ended, `context` is woken when it does.
    pub(crate) fn poll(&mut self, id: JobId, context: &Context<'_>) -> Poll<JobResult> {
        let Some(waiting) = self.waiting(id) else {
            return Poll::Pending;
        };
        match waiting.end {
            Some(end) => Poll::Ready(end),
            None => {
                waiting.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Releases the slot. Returns whether the request had ended.
    pub(crate) fn release(&mut self, id: JobId) -> bool {
        let Some(waiting) = self.waiting(id) else {
            return true;
        };
        let ended = waiting.end.is_some();
        let slot = &mut self.slots[id.0 as u32 as usize];
        slot.used_by = None;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.0 as u32);
        ended
    }

    fn waiting(&mut self, id: JobId) -> Option<&mut Waiting> {
        let slot = self.slots.get_mut(id.0 as u32 as usize)?;
        if slot.generation == (id.0 >> 32) as u32 { slot.used_by.as_mut() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(slots: &mut Slots, id: JobId) -> Poll<JobResult> {
        slots.poll(id, &Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_late_end_never_reaches_the_next_user_of_a_slot() {
        let mut slots = Slots::default();
        let first = slots.take(0, 7);
        assert!(!slots.release(first), "a request that was given up has not ended");
        let second = slots.take(0, 7);
        assert_eq!(first.0 as u32, second.0 as u32, "slots are reused");
        slots.end(first, JobResult::Served);
        assert_eq!(poll(&mut slots, second), Poll::Pending, "ends belong to one generation");
        slots.end(second, JobResult::Failed);
        assert_eq!(poll(&mut slots, second), Poll::Ready(JobResult::Failed));
        assert!(slots.release(second), "an ended request needs no cancelling");
    }

    #[test]
    fn ending_all_requests_of_a_backend_leaves_the_others_waiting() {
        let mut slots = Slots::default();
        let (here, there) = (slots.take(0, 7), slots.take(1, 7));
        slots.end_all(0, JobResult::Broken);
        assert_eq!(poll(&mut slots, here), Poll::Ready(JobResult::Broken));
        assert_eq!(poll(&mut slots, there), Poll::Pending, "another backend's request goes on");
    }
}
