//! Every single request, for those who ask for it: batches on their way to whoever keeps them.
//!
//! A recorder fills a batch and sends it off; the other end writes it to a file while the load runs, so
//! that a long run does not fill the memory. The channel is bounded. A simulation waits for a writer
//! that falls behind, and so does a live worker, which then shows as its lateness: a writer keeps up with
//! a million requests a second.

use lb_core::workload::Sample;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Requests in a batch: 48 KB, few enough to be allocated without asking the system for pages.
const BATCH: usize = 1_024;

/// Batches that may wait for the writer: 12 MB.
const BACKLOG: usize = 256;

/// Where batches of finished requests go.
#[derive(Clone, Debug)]
pub struct RequestSink(SyncSender<Vec<Sample>>);

impl RequestSink {
    /// A sink, and where its batches come out: those of one recorder in the order of `done`. The receiver
    /// sees the end when the sink and all recordings that had it are gone.
    pub fn new() -> (Self, Receiver<Vec<Sample>>) {
        let (sender, receiver) = sync_channel(BACKLOG);
        (Self(sender), receiver)
    }
}

/// One recorder's end of a sink.
#[derive(Debug)]
pub(crate) struct RequestLog {
    batch: Vec<Sample>,
    sink: RequestSink,
}

impl RequestLog {
    pub(crate) fn new(sink: RequestSink) -> Self {
        Self { batch: Vec::with_capacity(BATCH), sink }
    }

    #[inline]
    pub(crate) fn push(&mut self, sample: &Sample) {
        self.batch.push(*sample);
        if self.batch.len() == BATCH {
            self.send();
        }
    }

    /// Sends off what there is.
    #[cold]
    pub(crate) fn send(&mut self) {
        let full = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        // A writer that has failed says so itself; the load goes on.
        let _ = self.sink.0.send(full);
    }
}
