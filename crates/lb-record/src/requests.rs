//! Sends every single request to a writer, in batches.
//!
//! A recorder fills a batch and sends it; the receiver writes it to a file while the load runs, so that a
//! long run does not fill the memory. The channel is bounded: a simulation waits for a slow writer, and so
//! does a live worker, which then shows in its lateness. A writer can handle a million requests a second.

use lb_core::workload::Sample;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// The number of requests in a batch: 48 KB, small enough to be allocated without new pages.
const BATCH: usize = 1_024;

/// The number of batches that may wait for the writer: 12 MB.
const BACKLOG: usize = 256;

/// The destination of batches of finished requests.
#[derive(Clone, Debug)]
pub struct RequestSink(SyncSender<Vec<Sample>>);

impl RequestSink {
    /// Creates a sink and the receiver of its batches. Samples of one recorder arrive in the order of `done`.
    /// The channel closes when the sink and all of its clones are dropped.
    pub fn new() -> (Self, Receiver<Vec<Sample>>) {
        let (sender, receiver) = sync_channel(BACKLOG);
        (Self(sender), receiver)
    }
}

/// The part of a sink that belongs to one recorder.
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

    /// Sends the current batch, full or not.
    #[cold]
    pub(crate) fn send(&mut self) {
        let full = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        // A writer that has failed reports that itself; the load continues.
        let _ = self.sink.0.send(full);
    }
}
