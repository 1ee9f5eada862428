//! Arrivals as a stream: those of one stage, and those of all stages of a schedule without end.
//!
//! A schedule without end cannot be listed. Its arrivals are made one after the other, always from the same
//! random streams, so that they are the same in every run and take no memory.

use super::arrivals::{Arrival, ArrivalProcess};
use super::classes::Stage;
use super::draw::{Weights, derive};
use super::ids::UserId;
use super::label;
use super::process;
use super::scheduled::Inner;
use crate::rng::Seed;
use crate::time::Time;

/// Returns the arrivals of one stage in order of time, not yet numbered. `number` is the position of the stage.
pub(super) fn of_stage(number: usize, stage: &Stage, seed: Seed) -> impl Iterator<Item = Arrival> + '_ {
    let shares: Vec<f64> = stage.classes.iter().map(|mix| mix.share).collect();
    let mix = Weights::new(&shares);
    let classes = seed.key(&[label::CLASS, number as u64]);
    let process = stage.arrivals.as_ref().map(|open| &open.process);
    let rows = match process {
        Some(ArrivalProcess::Replay(replay)) => Some(replay.len().max(1) as u64),
        _ => None,
    };
    let offsets = process.map(|process| process::arrivals(process, stage.duration, seed, number));
    offsets.into_iter().flatten().zip(0_u64..).map(move |(offset, position)| {
        let place = mix.as_ref().map_or(0, |mix| mix.pick(derive(classes, position)));
        Arrival {
            at: Time::ZERO + stage.start + offset,
            id: UserId(0),
            stage: number as u16,
            class: stage.classes.get(place).map_or(0, |mix| mix.class as u16),
            row: rows.map_or(Arrival::NO_ROW, |rows| (position % rows) as u32),
        }
    })
}

/// Returns the arrivals of all open stages in order of time, numbered after the users. Of arrivals at the same
/// time, those of the first stage come first.
pub(super) fn stream(inner: &Inner) -> impl Iterator<Item = Arrival> + '_ {
    let stages = inner.workload.stages().iter().enumerate();
    let mut stages: Vec<_> = stages
        .filter(|(_, stage)| stage.arrivals.is_some())
        .map(|(number, stage)| of_stage(number, stage, inner.seed).peekable())
        .collect();
    let first = inner.users.len() as u64;
    let numbers = u64::from(u32::MAX) - first;
    let mut position = 0_u64;
    std::iter::from_fn(move || {
        let next = stages.iter_mut().enumerate().filter_map(|(place, stage)| Some((stage.peek()?.at, place)));
        let (_, place) = next.min()?;
        let arrival = stages[place].next()?;
        let id = UserId((first + position % numbers) as u32);
        position += 1;
        Some(Arrival { id, ..arrival })
    })
}
