//! The additive model of the logarithm of service times, as the predictor of the load balancer has it
//! (`lb_core::policy::cost`), but fitted to all of the data at once.
//!
//! A request's log time is the sum of the level of its route and of a function of each hint. The function of a number is
//! piecewise linear in ln(1 + |v|), with knots half an octave apart; that of a word is a level of its own. The weights
//! minimise the squared errors plus [`RIDGE`] times their own squares (ridge regression; Hoerl and Kennard, 1970), so
//! that a value that is seen once moves nothing. The normal equations are sparse and solved by conjugate gradients with
//! a diagonal preconditioner (Hestenes and Stiefel, 1952).

use super::times::Timed;
use lb_core::hints::{Hint, Said};
use lb_core::rng::mix;
use lb_traces::read::RecordedHints;
use std::collections::HashMap;
use std::f64::consts::LN_2;

/// Weight of the squares of the weights: as if each had been observed so many more times to be 0.
const RIDGE: f64 = 4.0;
/// Distance of knots on the scale of ln(1 + |v|): half an octave.
const KNOTS: f64 = LN_2 / 2.0;
/// Most steps of the solver. The error falls by a constant factor with each.
const STEPS: usize = 60;
/// Part of the initial error at which the solver stops.
const SOLVED: f64 = 1e-5;

/// Which sources a model uses: bit 0 for the route, the next ones for hints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sources(pub(super) u32);

impl Sources {
    pub(super) const ROUTE: Self = Self(1);

    /// All of so many sources.
    pub(super) const fn all(count: usize) -> Self {
        Self((1 << count) - 1)
    }

    pub(super) const fn only(source: usize) -> Self {
        Self(1 << source)
    }

    pub(super) const fn without(self, source: usize) -> Self {
        Self(self.0 & !(1 << source))
    }

    const fn has(self, source: u8) -> bool {
        self.0 >> source & 1 == 1
    }
}

/// Whether the function of a hint is one for all routes, or one for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    AllRoutes,
    EachRoute,
}

/// One value in one column of a row.
#[derive(Clone, Copy, Debug)]
struct Cell {
    column: u32,
    source: u8,
    value: f32,
}

/// The rows and columns of the regression.
pub(super) struct Design<'a> {
    rows: &'a [Timed],
    scope: Scope,
    /// The names of hints that are sources; their place + 1 is the number of the source.
    names: &'a [u32],
    /// The first cell of each row, and the end of the last.
    bounds: Vec<u32>,
    cells: Vec<Cell>,
    columns: HashMap<u64, u32>,
    /// The mean of the earlier rows, to which all weights are relative.
    mean: f64,
}

/// The weights of a model.
pub(super) struct Model {
    weights: Vec<f64>,
    sources: Sources,
}

impl<'a> Design<'a> {
    pub(super) fn new(rows: &'a [Timed], hints: &RecordedHints, names: &'a [u32], scope: Scope) -> Self {
        let (mut count, mut sum) = (0.0f64, 0.0);
        for row in rows.iter().filter(|row| !row.later) {
            (count, sum) = (count + 1.0, sum + row.log);
        }
        let mean = sum / count.max(1.0);
        let (bounds, cells, columns) = (vec![0], Vec::new(), HashMap::new());
        let mut design = Self { rows, scope, names, bounds, cells, columns, mean };
        for row in rows {
            design.add(0, mix(u64::from(row.route)), 1.0);
            for hint in hints.at(row.hints) {
                if let Some(place) = names.iter().position(|name| *name == hint.name) {
                    for (key, value) in design.keys(row.route, hint) {
                        design.add(place as u8 + 1, key, value);
                    }
                }
            }
            design.bounds.push(design.cells.len() as u32);
        }
        design
    }

    fn add(&mut self, source: u8, key: u64, value: f64) {
        if value > 0.0 {
            let next = self.columns.len() as u32;
            let column = *self.columns.entry(key).or_insert(next);
            self.cells.push(Cell { column, source, value: value as f32 });
        }
    }

    /// Returns the columns of a hint and its values there.
    fn keys(&self, route: u16, hint: &Hint) -> [(u64, f64); 2] {
        let route = match self.scope {
            Scope::AllRoutes => 0,
            Scope::EachRoute => u64::from(route) + 1,
        };
        let function = mix(u64::from(hint.name) << 20 | route << 1 | 1);
        match hint.said {
            Said::Word(word) => [(mix(function ^ u64::from(word) << 1), 1.0), (0, 0.0)],
            Said::Number(number) => {
                let place = scale(number) / KNOTS;
                let (knot, beyond) = (place.floor(), place - place.floor());
                let key = |knot: f64| mix(function.wrapping_add((2 * knot as i64 + 1).cast_unsigned()));
                [(key(knot), 1.0 - beyond), (key(knot + 1.0), beyond)]
            }
        }
    }

    /// Returns the part of a hint's function at a value, summed over its columns.
    pub(super) fn function(&self, model: &Model, route: u16, hint: &Hint) -> f64 {
        let weight = |(key, value): (u64, f64)| {
            self.columns.get(&key).map_or(0.0, |column| value * model.weights[*column as usize])
        };
        self.keys(route, hint).into_iter().map(weight).sum()
    }

    /// Returns the level of a route.
    pub(super) fn level(&self, model: &Model, route: u16) -> f64 {
        let column = self.columns.get(&mix(u64::from(route)));
        column.map_or(0.0, |column| model.weights[*column as usize])
    }

    fn cells_of(&self, row: usize) -> &[Cell] {
        &self.cells[self.bounds[row] as usize..self.bounds[row + 1] as usize]
    }

    /// Fits a model that uses some of the sources to the earlier rows.
    pub(super) fn fit(&self, sources: Sources) -> Model {
        let columns = self.columns.len();
        let earlier: Vec<usize> = (0..self.rows.len()).filter(|row| !self.rows[*row].later).collect();
        let used = |row: usize| self.cells_of(row).iter().filter(move |cell| sources.has(cell.source));
        let (mut target, mut diagonal) = (vec![0.0; columns], vec![RIDGE; columns]);
        for row in &earlier {
            let log = self.rows[*row].log - self.mean;
            for cell in used(*row) {
                let value = f64::from(cell.value);
                target[cell.column as usize] += value * log;
                diagonal[cell.column as usize] += value * value;
            }
        }
        let apply = |vector: &[f64]| {
            let mut product: Vec<f64> = vector.iter().map(|value| RIDGE * value).collect();
            for row in &earlier {
                let along: f64 =
                    used(*row).map(|cell| f64::from(cell.value) * vector[cell.column as usize]).sum();
                for cell in used(*row) {
                    product[cell.column as usize] += f64::from(cell.value) * along;
                }
            }
            product
        };
        Model { weights: solve(&target, &diagonal, apply), sources }
    }

    /// Returns the prediction of a row's log time.
    pub(super) fn predict(&self, model: &Model, row: usize) -> f64 {
        let used = self.cells_of(row).iter().filter(|cell| model.sources.has(cell.source));
        let weighted = used.map(|cell| f64::from(cell.value) * model.weights[cell.column as usize]);
        self.mean + weighted.sum::<f64>()
    }

    /// Returns the mean of the earlier rows.
    pub(super) const fn mean(&self) -> f64 {
        self.mean
    }

    /// Returns the names of the hints that are sources.
    pub(super) const fn names(&self) -> &'a [u32] {
        self.names
    }

    pub(super) const fn rows(&self) -> &'a [Timed] {
        self.rows
    }
}

/// Returns a number on the scale on which functions are piecewise linear.
pub(super) fn scale(number: f32) -> f64 {
    let number = f64::from(number);
    number.abs().ln_1p().copysign(number)
}

/// Solves the equations `apply(x) = target`, where `diagonal` is that of the matrix.
fn solve(target: &[f64], diagonal: &[f64], apply: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let dot = |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
    let scaled = |rest: &[f64]| {
        rest.iter().zip(diagonal).map(|(rest, diagonal)| rest / diagonal).collect::<Vec<f64>>()
    };
    let mut solution = vec![0.0; target.len()];
    let mut rest = target.to_vec();
    let mut better = scaled(&rest);
    let mut direction = better.clone();
    let mut error = dot(&rest, &better);
    let good_enough = error * SOLVED * SOLVED;
    for _ in 0..STEPS {
        if error <= good_enough {
            break;
        }
        let product = apply(&direction);
        let step = error / dot(&direction, &product);
        for (place, along) in direction.iter().enumerate() {
            solution[place] += step * along;
            rest[place] -= step * product[place];
        }
        better = scaled(&rest);
        let next = dot(&rest, &better);
        for (along, better) in direction.iter_mut().zip(&better) {
            *along = better + next / error * *along;
        }
        error = next;
    }
    solution
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::hints::{Hints, hash};

    #[test]
    fn equations_are_solved() {
        // [4 1; 1 3] x = [1; 2]
        let apply = |x: &[f64]| vec![4.0 * x[0] + x[1], x[0] + 3.0 * x[1]];
        let solution = solve(&[1.0, 2.0], &[4.0, 3.0], apply);
        assert!((solution[0] - 1.0 / 11.0).abs() < 1e-9 && (solution[1] - 7.0 / 11.0).abs() < 1e-9);
        assert_eq!(solve(&[0.0], &[1.0], |x| x.to_vec()), [0.0], "nothing to solve");
    }

    /// Rows whose log time is a law of one number and one word, alternately early and late.
    fn rows(law: impl Fn(f32, u32) -> f64) -> (Vec<Timed>, RecordedHints) {
        let mut recorded = RecordedHints::default();
        let mut rows = Vec::new();
        for number in 0..4_000_u32 {
            let (size, word) = ((number % 97) as f32 * 11.0, number % 5);
            let mut hints = Hints::default();
            hints.push(Hint { name: hash(b"query.limit"), said: Said::Number(size) });
            hints.push(Hint { name: hash(b"query.sort"), said: Said::Word(word) });
            let (log, hints) = (law(size, word), recorded.push(&hints));
            rows.push(Timed { log, route: 0, hints, later: number % 2 == 1, progress: 0.0 });
        }
        (rows, recorded)
    }

    #[test]
    fn laws_of_numbers_and_words_are_learnt() {
        let law = |size: f32, word: u32| 1.5 + f64::from(1.0 + size).ln() * 0.8 + f64::from(word) * 0.3;
        let (rows, hints) = rows(law);
        let names = [hash(b"query.limit"), hash(b"query.sort")];
        for scope in [Scope::AllRoutes, Scope::EachRoute] {
            let design = Design::new(&rows, &hints, &names, scope);
            let model = design.fit(Sources::all(3));
            // Weights of rare values are drawn towards 0.
            let later = || (0..rows.len()).filter(|row| rows[*row].later);
            let squares: f64 = later().map(|row| (design.predict(&model, row) - rows[row].log).powi(2)).sum();
            let error = (squares / later().count() as f64).sqrt();
            assert!(error < 0.1, "{scope:?}: off by {error}");
            let factor =
                |number| design.function(&model, 0, &Hint { name: names[0], said: Said::Number(number) });
            let slope = (factor(1_000.0) - factor(100.0)) / (1001.0_f64 / 101.0).ln();
            assert!((slope - 0.8).abs() < 0.05, "{scope:?}: the exponent is {slope}");
        }
    }

    #[test]
    fn a_model_uses_only_its_sources() {
        let (rows, hints) = rows(|size, _| f64::from(size));
        let names = [hash(b"query.limit"), hash(b"query.sort")];
        let design = Design::new(&rows, &hints, &names, Scope::AllRoutes);
        let model = design.fit(Sources::all(3).without(1));
        let hint = Hint { name: names[0], said: Said::Number(500.0) };
        assert_eq!(design.function(&model, 0, &hint), 0.0, "its weights stay 0");
        let alone = design.fit(Sources::ROUTE);
        assert!((0..rows.len()).all(|row| (design.predict(&alone, row) - design.mean()).abs() < 1e-6));
    }

    #[test]
    fn numbers_of_both_signs_have_their_places() {
        assert_eq!(scale(0.0), 0.0);
        assert!((scale(-3.0) + scale(3.0)).abs() < 1e-12);
        assert!(scale(1e30).is_finite() && scale(f32::MIN).is_finite());
    }
}
