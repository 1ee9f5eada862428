//! Hands over what was recorded, second by second, so that a phase without end takes no more memory from one
//! week to the next.
//!
//! A recorder that has a sink sends a [`Piece`] at the end of each second and starts again from nothing. Pieces add up
//! with [`TrialRecord::absorb`]. What only makes sense over a whole phase is left out: records of single users,
//! sequences of steps, and tables by second.

use crate::trial::TrialRecord;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// The number of pieces that may wait for the receiver: a worker that is minutes ahead waits for it.
const BACKLOG: usize = 256;

/// What one worker recorded in one second.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The number of the worker, from 0.
    pub worker: usize,
    /// The number of the second within the phase, from 0. Each worker sends each of its seconds once and in order,
    /// also those without requests.
    pub second: u32,
    /// The requests that ended in that second.
    pub record: TrialRecord,
}

/// The destination of pieces.
#[derive(Clone, Debug)]
pub struct PieceSink(SyncSender<Piece>);

impl PieceSink {
    /// Creates a sink and the receiver of its pieces. The channel closes when the sink and all of its clones are
    /// dropped.
    pub fn new() -> (Self, Receiver<Piece>) {
        let (sender, receiver) = sync_channel(BACKLOG);
        (Self(sender), receiver)
    }

    /// Sends a piece.
    #[cold]
    pub(crate) fn send(&self, piece: Piece) {
        // A receiver that is gone wants no more pieces; the load continues.
        let _ = self.0.send(piece);
    }
}
