//! Parts of a recording, cut at hours, and random splits into two parts that cover the same hours.

use crate::slots::{CLASS_HOURS, Piece, QUARTER, SECOND};
use crate::traffic::Event;
use lb_core::Rng;
use rand::seq::SliceRandom;

/// Length of the blocks that an hour is cut into if it was observed only once, in nanoseconds.
const SHORT_BLOCK: i64 = QUARTER / 3;

/// Requests with the time in which they were observed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// Pieces of time in order, each within an hour.
    pub(crate) pieces: Vec<Piece>,
    /// Requests in these pieces, in order of time.
    pub(crate) events: Vec<Event>,
}

impl Sample {
    /// Returns the observed seconds of each hour of a class of days.
    pub(crate) fn seconds(&self) -> [f64; CLASS_HOURS] {
        let mut seconds = [0.0; CLASS_HOURS];
        for piece in &self.pieces {
            seconds[piece.slot.class_hour()] += piece.seconds();
        }
        seconds
    }

    /// Returns only the pieces that lie in hours for which `wanted` is true.
    pub(crate) fn within(&self, wanted: impl Fn(usize) -> bool) -> Self {
        self.part(|piece| wanted(piece.slot.class_hour()))
    }

    fn part(&self, wanted: impl Fn(&Piece) -> bool) -> Self {
        let mut part = Self::default();
        for (piece, events) in crate::slots::events_of(&self.pieces, &self.events, |event| event.at) {
            if wanted(&piece) {
                part.pieces.push(piece);
                part.events.extend_from_slice(events);
            }
        }
        part
    }

    /// Cuts pieces into blocks of five minutes in hours that were observed only once. Returns whether there are any.
    pub(crate) fn blocks(&self) -> (Self, bool) {
        let mut times = [0; CLASS_HOURS];
        self.pieces.iter().for_each(|piece| times[piece.slot.class_hour()] += 1);
        let mut pieces = Vec::new();
        let mut short = false;
        for piece in &self.pieces {
            if times[piece.slot.class_hour()] > 1 {
                pieces.push(*piece);
                continue;
            }
            short = true;
            let mut from = piece.from;
            while from < piece.to {
                let to = ((from.div_euclid(SHORT_BLOCK) + 1) * SHORT_BLOCK).min(piece.to);
                pieces.push(Piece { from, to, ..*piece });
                from = to;
            }
        }
        (Self { pieces, events: self.events.clone() }, short)
    }

    /// Splits the blocks at random. The first part has, in each hour, about as much time as `wanted` says, but at most
    /// half; the second part has the rest.
    pub(crate) fn split(&self, wanted: &[f64; CLASS_HOURS], rng: &mut Rng) -> [Self; 2] {
        let mut by_hour: Vec<Vec<usize>> = vec![Vec::new(); CLASS_HOURS];
        for (place, piece) in self.pieces.iter().enumerate() {
            by_hour[piece.slot.class_hour()].push(place);
        }
        let mut chosen = vec![false; self.pieces.len()];
        for (hour, places) in by_hour.iter_mut().enumerate() {
            places.shuffle(rng);
            let all: f64 = places.iter().map(|place| self.pieces[*place].seconds()).sum();
            let most = wanted[hour].min(all / 2.0);
            let mut taken = 0.0;
            for place in places.iter() {
                let seconds = self.pieces[*place].seconds();
                // Takes the block that comes nearest, and at least one.
                if taken > 0.0 && taken + seconds / 2.0 > most {
                    break;
                }
                chosen[*place] = true;
                taken += seconds;
            }
        }
        let first: Vec<i64> = self
            .pieces
            .iter()
            .zip(&chosen)
            .filter(|(_, chosen)| **chosen)
            .map(|(piece, _)| piece.from)
            .collect();
        let is_first = |piece: &Piece| first.binary_search(&piece.from).is_ok();
        [self.part(is_first), self.part(|piece| !is_first(piece))]
    }

    /// Returns times rounded down to a precision in nanoseconds.
    pub(crate) fn rounded(mut self, resolution: i64) -> Self {
        for event in &mut self.events {
            event.at = event.at.div_euclid(resolution) * resolution;
        }
        // Rounding must not move a request out of its piece.
        let down = |at: i64| at.div_euclid(resolution) * resolution;
        for piece in &mut self.pieces {
            piece.from = down(piece.from);
            piece.to = down(piece.to).max(piece.from + resolution.min(SECOND));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::{Zone, cut};
    use lb_core::Seed;

    fn days(count: i64) -> Sample {
        let end = count * 86_400 * SECOND;
        let event = |number: i64| Event {
            at: number * 600 * SECOND,
            kind: 0,
            target: 0,
            visitor: 0,
            bytes: None,
            body: 0,
        };
        Sample { pieces: cut(&Zone::utc(), 0, end), events: (0..count * 144).map(event).collect() }
    }

    #[test]
    fn parts_cover_the_same_hours_and_share_no_time() {
        // The first of January 1970 was a Thursday: a day of the class of working days, and another.
        let sample = days(2);
        let wanted = sample.seconds();
        let [first, second] = sample.split(&wanted, &mut Seed(1).stream(&[]));
        assert_eq!(first.seconds(), second.seconds());
        assert_eq!(first.pieces.len() + second.pieces.len(), 48);
        assert_eq!(first.events.len() + second.events.len(), sample.events.len());
    }

    #[test]
    fn an_hour_that_was_observed_once_is_cut_into_blocks() {
        let (blocks, short) = days(1).blocks();
        assert!(short);
        assert_eq!(blocks.pieces.len(), 24 * 12);
        let [first, second] = blocks.split(&[1e9; CLASS_HOURS], &mut Seed(1).stream(&[]));
        assert_eq!(first.seconds(), second.seconds());
        assert!(!days(2).blocks().1);
    }
}
