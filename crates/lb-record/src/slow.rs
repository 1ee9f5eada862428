//! Hands slow requests to a writer, without ever holding up the load.
//!
//! The channel is bounded. A live worker that finds it full counts the request as left out and goes on; a simulation,
//! which has time, waits.

use lb_core::Span;
use lb_core::workload::Sample;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// The number of slow requests that may wait for the writer.
const BACKLOG: usize = 4_096;

/// A request that took at least as long as the limit.
#[derive(Clone, Copy, Debug)]
pub struct SlowRequest {
    /// The request.
    pub sample: Sample,
    /// The key of the request, which mock backends get in `x-request-key`; `None` where it is not known.
    pub key: Option<u64>,
}

/// The destination of slow requests.
#[derive(Clone, Debug)]
pub struct SlowSink {
    limit: Span,
    sender: SyncSender<SlowRequest>,
    lost: Arc<AtomicU64>,
}

impl SlowSink {
    /// Creates a sink for requests that take `limit` or longer, and the receiver of them. The channel closes when the
    /// sink and all of its clones are dropped.
    pub fn new(limit: Span) -> (Self, Receiver<SlowRequest>) {
        let (sender, receiver) = sync_channel(BACKLOG);
        (Self { limit, sender, lost: Arc::default() }, receiver)
    }

    /// Hands over a request if it was slow. One for which there is no room is left out and counted.
    #[inline]
    pub fn offer(&self, sample: &Sample, key: u64) {
        if self.is_slow(sample) {
            self.try_send(SlowRequest { sample: *sample, key: Some(key) });
        }
    }

    /// Hands over a request of a simulation if it was slow, and waits for room.
    #[inline]
    pub fn offer_and_wait(&self, sample: &Sample) {
        if self.is_slow(sample) {
            // A writer that has failed reports that itself.
            let _ = self.sender.send(SlowRequest { sample: *sample, key: None });
        }
    }

    /// Returns a handle to the number of slow requests that were left out because the writer was too slow.
    pub fn lost(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.lost)
    }

    #[inline]
    fn is_slow(&self, sample: &Sample) -> bool {
        sample.done.since(sample.intended) >= self.limit
    }

    #[cold]
    fn try_send(&self, request: SlowRequest) {
        if self.sender.try_send(request).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::workload::{ActionIndex, StepIndex, UserId};
    use lb_core::{Outcome, Time};

    fn sample(millis: u64) -> Sample {
        Sample {
            user: UserId(0),
            action: ActionIndex(0),
            step: StepIndex(0),
            intended: Time::ZERO,
            sent: Time::ZERO,
            done: Time::ZERO + Span::from_millis(millis),
            outcome: Outcome::Ok,
            status: 200,
            backend: None,
            bytes: 0,
        }
    }

    #[test]
    fn only_requests_that_reach_the_limit_are_handed_over() {
        let (sink, receiver) = SlowSink::new(Span::from_millis(20));
        for millis in [19, 20, 500, 1] {
            sink.offer(&sample(millis), millis);
        }
        sink.offer_and_wait(&sample(21));
        drop(sink);
        let keys: Vec<Option<u64>> = receiver.into_iter().map(|request| request.key).collect();
        assert_eq!(keys, [Some(20), Some(500), None]);
    }

    #[test]
    fn a_full_channel_holds_nobody_up_and_what_is_left_out_is_counted() {
        let (sink, receiver) = SlowSink::new(Span::ZERO);
        let lost = sink.lost();
        for _ in 0..BACKLOG + 7 {
            sink.offer(&sample(1), 0);
        }
        assert_eq!(lost.load(Ordering::Relaxed), 7);
        drop(sink);
        assert_eq!(receiver.into_iter().count(), BACKLOG);
    }
}
