//! Many environments, stepped together on several threads.
//!
//! Environments are divided into chunks. One chunk is stepped by the caller, each of the others by a thread of its own,
//! which gets the chunk with each task and gives it back: nothing is shared, so nothing is locked. A step of a few hundred
//! environments takes less time than waking a sleeping thread, so threads look for the next task for a while before they
//! sleep.

use crate::seat::{Outputs, Seat, Setup};
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvError, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a thread looks for its next task before it sleeps.
const LOOK_FOR: Duration = Duration::from_micros(50);

/// Why a task was not carried out.
pub(crate) const LOST: &str = "a thread of environments ended early, which is a bug; please report it";

/// What a chunk has to do.
#[derive(Clone, Debug)]
enum Task {
    /// Steps all environments with the chunk's actions.
    Step,
    /// Resets those environments that the chunk names.
    Reset,
}

/// Environments in a row, with what goes into them and comes out.
pub(crate) struct Chunk {
    /// Numbers of the environments.
    pub(crate) range: Range<usize>,
    pub(crate) seats: Vec<Seat>,
    pub(crate) out: Outputs,
    actions: Vec<i64>,
    /// For each environment, whether to reset it, and with which seed.
    resets: Vec<Option<Option<u64>>>,
}

impl Chunk {
    fn new(setup: &Arc<Setup>, range: Range<usize>) -> Self {
        let count = range.len();
        Self {
            seats: range.clone().map(|_| Seat::new(setup, 0)).collect(),
            out: Outputs::new(setup, count),
            actions: vec![0; count],
            resets: vec![None; count],
            range,
        }
    }

    fn carry_out(&mut self, task: &Task) {
        let out = &mut self.out;
        match task {
            Task::Step => {
                let all = self.seats.iter_mut().zip(&self.actions).enumerate();
                all.for_each(|(at, (seat, action))| seat.step(*action, out, at));
            }
            Task::Reset => {
                let all = self.seats.iter_mut().zip(&self.resets).enumerate();
                for (at, (seat, reset)) in all {
                    if let Some(seed) = reset {
                        seat.reset(*seed, out, at);
                    }
                }
            }
        }
    }
}

/// A thread that carries out tasks.
struct Hand {
    /// `None` once the thread must end.
    tasks: Option<Sender<(Box<Chunk>, Task)>>,
    done: Receiver<Box<Chunk>>,
    thread: Option<JoinHandle<()>>,
}

impl Hand {
    fn hire(number: usize) -> std::io::Result<Self> {
        let (tasks, todo) = channel::<(Box<Chunk>, Task)>();
        let (give_back, done) = channel();
        let work = move || {
            while let Ok((mut chunk, task)) = wait_for(&todo) {
                chunk.carry_out(&task);
                if give_back.send(chunk).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name(format!("lb-gym-{number}")).spawn(work)?;
        Ok(Self { tasks: Some(tasks), done, thread: Some(thread) })
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            drop(thread.join());
        }
    }
}

/// Receives the next message; looks for it for a while, then sleeps.
fn wait_for<T>(channel: &Receiver<T>) -> Result<T, RecvError> {
    let began = Instant::now();
    while began.elapsed() < LOOK_FOR {
        match channel.try_recv() {
            Ok(message) => return Ok(message),
            Err(TryRecvError::Disconnected) => return Err(RecvError),
            Err(TryRecvError::Empty) => std::hint::spin_loop(),
        }
    }
    channel.recv()
}

/// Environments in chunks, and the threads that step them.
pub(crate) struct Fleet {
    /// `None` while a thread has the chunk, and if it lost it.
    chunks: Vec<Option<Box<Chunk>>>,
    hands: Vec<Hand>,
}

impl Fleet {
    /// Creates `count` environments (at least one) for at most `threads` threads.
    pub(crate) fn new(setup: &Arc<Setup>, count: usize, threads: usize) -> std::io::Result<Self> {
        let parts = threads.clamp(1, count);
        let bound = |part: usize| part * count / parts;
        let chunk = |part| Some(Box::new(Chunk::new(setup, bound(part)..bound(part + 1))));
        Ok(Self {
            chunks: (0..parts).map(chunk).collect(),
            hands: (1..parts).map(Hand::hire).collect::<std::io::Result<_>>()?,
        })
    }

    /// Returns all chunks, in order.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.chunks.iter().flatten().map(Box::as_ref)
    }

    /// Steps all environments; `actions` holds one action for each.
    ///
    /// # Errors
    /// Fails if a thread ended early.
    pub(crate) fn step(&mut self, actions: &[i64]) -> Result<(), &'static str> {
        for chunk in self.chunks.iter_mut().flatten() {
            chunk.actions.copy_from_slice(&actions[chunk.range.clone()]);
        }
        self.run(&Task::Step)
    }

    /// Resets the environments for which `resets` holds a value, to that seed if there is one.
    ///
    /// # Errors
    /// Fails if a thread ended early.
    pub(crate) fn reset(&mut self, resets: &[Option<Option<u64>>]) -> Result<(), &'static str> {
        for chunk in self.chunks.iter_mut().flatten() {
            chunk.resets.copy_from_slice(&resets[chunk.range.clone()]);
        }
        self.run(&Task::Reset)
    }

    fn run(&mut self, task: &Task) -> Result<(), &'static str> {
        let (own, others) = self.chunks.split_first_mut().ok_or(LOST)?;
        for (chunk, hand) in others.iter_mut().zip(&self.hands) {
            let tasks = hand.tasks.as_ref().ok_or(LOST)?;
            tasks.send((chunk.take().ok_or(LOST)?, task.clone())).map_err(|_| LOST)?;
        }
        own.as_mut().ok_or(LOST)?.carry_out(task);
        for (chunk, hand) in others.iter_mut().zip(&self.hands) {
            *chunk = Some(wait_for(&hand.done).map_err(|_| LOST)?);
        }
        Ok(())
    }
}
