//! The rates of a time that is to be synthesised, taken from what a model knows.

use crate::document::TrafficModel;
use crate::error::SynthesisError;
use crate::slots::{CLASS_HOURS, Piece, SLOTS, Slot};

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Rates of the hours of a week in events per second.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    rates: Vec<Option<f64>>,
    /// Whether the rate of a slot comes from other days.
    borrowed: Vec<bool>,
}

impl Profile {
    /// Takes the rates of requests, or of sessions that begin. An hour that was not observed has the mean rate of the
    /// same hour of days of its class (working days, weekends), or else of all days.
    pub(crate) fn new(model: &TrafficModel, sessions: bool) -> Self {
        let mut rates = vec![None; SLOTS];
        let mut sums = [[0.0; 2]; CLASS_HOURS];
        for hour in &model.hours {
            let slot = Slot::new(hour.weekday - 1, hour.hour);
            let rate = if sessions { hour.sessions_per_second.unwrap_or(0.0) } else { hour.per_second };
            rates[slot.index()] = Some(rate);
            sums[slot.class_hour()][0] += rate * hour.observed_s;
            sums[slot.class_hour()][1] += hour.observed_s;
        }
        let borrowed: Vec<bool> = rates.iter().map(Option::is_none).collect();
        let mean = |[events, seconds]: [f64; 2]| (seconds > 0.0).then(|| events / seconds);
        for slot in Slot::all().filter(|slot| borrowed[slot.index()]) {
            let own = slot.class_hour();
            rates[slot.index()] = mean(sums[own]).or_else(|| mean(sums[(own + 24) % CLASS_HOURS]));
        }
        Self { rates, borrowed }
    }

    /// Returns the rate of a slot; 0 if nothing is known.
    pub(crate) fn rate(&self, slot: Slot) -> f64 {
        self.rates[slot.index()].unwrap_or(0.0)
    }

    /// Returns whether anything is known of a slot.
    pub(crate) fn is_known(&self, slot: Slot) -> bool {
        self.rates[slot.index()].is_some()
    }

    /// Returns the expected number of events in these pieces.
    pub(crate) fn expected(&self, pieces: &[Piece]) -> f64 {
        pieces.iter().map(|piece| self.rate(piece.slot) * piece.seconds()).sum()
    }

    /// Checks that all pieces have rates; returns a remark if some are those of other days.
    pub(crate) fn check(
        &self,
        model: &TrafficModel,
        pieces: &[Piece],
    ) -> Result<Option<String>, SynthesisError> {
        let unknown: Vec<Slot> =
            pieces.iter().map(|piece| piece.slot).filter(|slot| self.rates[slot.index()].is_none()).collect();
        if let Some(first) = unknown.first() {
            return Err(SynthesisError::NotCovered(format!(
                "the model has no data for {} of the {} hours that are asked for, such as {}; it covers {}, so choose a --day and a --length within that, or learn from a longer log",
                unknown.len(),
                pieces.len(),
                named(*first),
                covered(model),
            )));
        }
        let borrowed = pieces.iter().filter(|piece| self.borrowed[piece.slot.index()]).count();
        Ok((borrowed > 0).then(|| {
            format!(
                "{borrowed} of {} hours were not observed on that weekday and have the rates of other days",
                pieces.len()
            )
        }))
    }
}

fn named(slot: Slot) -> String {
    format!("{} {:02}:00", WEEKDAYS[usize::from(slot.weekday())], slot.hour())
}

/// Names the hours of a model in words.
fn covered(model: &TrafficModel) -> String {
    let slots: Vec<Slot> = model.hours.iter().map(|hour| Slot::new(hour.weekday - 1, hour.hour)).collect();
    match slots.as_slice() {
        [] => "no hour".to_owned(),
        [only] => format!("the hour from {}", named(*only)),
        [first, .., last] => {
            format!("{} hours of the week between {} and {}", slots.len(), named(*first), named(*last))
        }
    }
}
