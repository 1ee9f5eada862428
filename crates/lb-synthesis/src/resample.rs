//! The baseline: a bootstrap of observed (hour, method, endpoint) rows.
//!
//! Rows are drawn with replacement, each with the weight that its hour has in the time to synthesise, and placed evenly
//! at random within their hour. Rates of hours and of endpoints are kept; everything within an hour is not.

use crate::document::{Kind, TrafficModel};
use crate::list::Request;
use crate::popularity::multinomial;
use crate::profile::Profile;
use crate::slots::{CLASS_HOURS, Piece, SECOND, SLOTS, Slot};
use crate::walk::{choose, running};
use lb_core::{Rng, Seed};
use rand::RngExt;

/// Draws requests for these pieces.
pub(crate) fn draw(
    model: &TrafficModel,
    pieces: &[Piece],
    profile: &Profile,
    scale: f64,
    seed: Seed,
) -> Vec<Request> {
    let mut rng = seed.stream(&[1]);
    let weights: Vec<f64> = pieces.iter().map(|piece| profile.rate(piece.slot) * piece.seconds()).collect();
    let total = (weights.iter().sum::<f64>() * scale).round() as u64;
    let rows = Rows::new(model);
    let targets = Targets::new(model);
    let mut requests = Vec::new();
    for (piece, count) in pieces.iter().zip(multinomial(total, &weights, &mut rng)) {
        let kinds = rows.of(piece.slot);
        for _ in 0..count {
            let at = piece.from + rng.random_range(0..(piece.to - piece.from).max(1));
            requests.push(targets.request(model, at, choose(kinds, &mut rng), 0, &mut rng));
        }
    }
    requests
}

/// Running sums over the kinds of each hour, as observed.
struct Rows {
    slots: Vec<Option<Vec<f64>>>,
    classes: Vec<Option<Vec<f64>>>,
    all: Vec<f64>,
}

impl Rows {
    fn new(model: &TrafficModel) -> Self {
        let mut slots: Vec<Option<Vec<f64>>> = vec![None; SLOTS];
        let mut classes: Vec<Option<Vec<f64>>> = vec![None; CLASS_HOURS];
        for cell in &model.cells {
            let slot = Slot::new(cell.weekday - 1, cell.hour);
            for table in [&mut slots[slot.index()], &mut classes[slot.class_hour()]] {
                let counts = table.get_or_insert_with(|| vec![0.0; model.kinds.len()]);
                counts[cell.kind as usize] += cell.requests as f64;
            }
        }
        let sums =
            |tables: Vec<Option<Vec<f64>>>| tables.into_iter().map(|table| table.map(running)).collect();
        let all = running(model.kinds.iter().map(|kind| kind.requests as f64));
        Self { slots: sums(slots), classes: sums(classes), all }
    }

    /// Returns the rows of an hour, or else those of the same hour of similar days, of all days, or of all hours.
    fn of(&self, slot: Slot) -> &[f64] {
        let class = slot.class_hour();
        let own = self.slots[slot.index()].as_ref();
        let similar =
            own.or(self.classes[class].as_ref()).or(self.classes[(class + 24) % CLASS_HOURS].as_ref());
        similar.unwrap_or(&self.all)
    }
}

/// Running sums over the targets of each kind.
pub(crate) struct Targets(Vec<Vec<f64>>);

impl Targets {
    pub(crate) fn new(model: &TrafficModel) -> Self {
        let of = |kind: &Kind| running(kind.targets.iter().map(|target| target.requests as f64));
        Self(model.kinds.iter().map(of).collect())
    }

    /// Makes a request of a kind, in whole milliseconds.
    pub(crate) fn request(
        &self,
        model: &TrafficModel,
        at: i64,
        kind: usize,
        visit: u32,
        rng: &mut Rng,
    ) -> Request {
        const MILLISECOND: i64 = SECOND / 1_000;
        let target = choose(&self.0[kind], rng);
        let Kind { method, targets, .. } = &model.kinds[kind];
        Request {
            at: at.div_euclid(MILLISECOND) * MILLISECOND,
            method: method.clone(),
            endpoint: targets[target].target.clone(),
            visit,
        }
    }
}
