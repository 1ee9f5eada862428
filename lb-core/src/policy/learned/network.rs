//! The shared scorer: one small network that is applied to each backend's row, so that scores do not depend
//! on the order of backends and any number of them can be scored.
//!
//! Three layers, `WIDTH -> 32 -> 32 -> 1`, leaky ReLU between them, after each input was normalised,
//! `(x - mean) x scale`, and cut off. In plain Rust because a call into a tensor library costs twenty times
//! the arithmetic. The sums run over hidden units, which are contiguous, so that the compiler can use
//! whatever vector registers the machine has; `pulp` picks the right code at run time. Loops count, since
//! iterators leave calls behind where code for several kinds of registers is made.

#![allow(clippy::needless_range_loop, reason = "iterators leave calls in the loops, see above")]

use super::features::WIDTH;
use pulp::{Arch, Simd, WithSimd};

/// Hidden units of each layer.
pub const HIDDEN: usize = 32;

/// Slope of the activation below zero.
pub const LEAK: f32 = 0.01;

/// A row of hidden units.
type Units = [f32; HIDDEN];

/// Weights and normalisation of the scorer.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Subtracted from each number of a row.
    pub mean: [f32; WIDTH],
    /// Multiplies each number of a row after that: one over the standard deviation.
    pub scale: [f32; WIDTH],
    /// Normalised numbers are cut off here.
    pub clip: f32,
    /// By input, then hidden unit.
    pub first: [Units; WIDTH],
    /// By hidden unit of the first layer, then of the second.
    pub second: Box<[Units; HIDDEN]>,
    /// Of the output.
    pub third: Units,
    /// Biases of the three layers.
    pub biases: (Units, Units, f32),
}

impl Network {
    /// A network whose every score is 0, so that the prior decides alone.
    pub fn zero() -> Self {
        Self {
            mean: [0.0; WIDTH],
            scale: [1.0; WIDTH],
            clip: 10.0,
            first: [[0.0; HIDDEN]; WIDTH],
            second: Box::new([[0.0; HIDDEN]; HIDDEN]),
            third: [0.0; HIDDEN],
            biases: ([0.0; HIDDEN], [0.0; HIDDEN], 0.0),
        }
    }

    /// Adds the score of each row to `scores`: `rows` holds [`WIDTH`] numbers for each.
    pub fn add_scores(&self, rows: &[f32], scores: &mut [f32]) {
        match Arch::new() {
            // Without an instruction for it a fused multiplication is a slow function.
            Arch::Scalar => self.add_all::<1, false>(rows, scores),
            vector => vector.dispatch(Fused { network: self, rows, scores }),
        }
    }

    /// `ROWS` rows at a time: each step of a sum waits for the one before, so several sums go side by side.
    #[inline(always)]
    fn add_all<const ROWS: usize, const FUSED: bool>(&self, rows: &[f32], scores: &mut [f32]) {
        let whole = scores.len() - scores.len() % ROWS;
        let mut place = 0;
        while place < whole {
            let block = self.block::<ROWS, FUSED>(&rows[place * WIDTH..(place + ROWS) * WIDTH]);
            for row in 0..ROWS {
                scores[place + row] += block[row];
            }
            place += ROWS;
        }
        for place in whole..scores.len() {
            scores[place] += self.block::<1, FUSED>(&rows[place * WIDTH..(place + 1) * WIDTH])[0];
        }
    }

    #[inline(always)]
    fn block<const ROWS: usize, const FUSED: bool>(&self, rows: &[f32]) -> [f32; ROWS] {
        let mut inputs = [[0.0; WIDTH]; ROWS];
        for row in 0..ROWS {
            for place in 0..WIDTH {
                let input = (rows[row * WIDTH + place] - self.mean[place]) * self.scale[place];
                inputs[row][place] = input.clamp(-self.clip, self.clip);
            }
        }
        let mut first = [self.biases.0; ROWS];
        for place in 0..WIDTH {
            for row in 0..ROWS {
                accumulate::<FUSED>(&mut first[row], inputs[row][place], &self.first[place]);
            }
        }
        let mut second = [self.biases.1; ROWS];
        activate(&mut first);
        for unit in 0..HIDDEN {
            for row in 0..ROWS {
                accumulate::<FUSED>(&mut second[row], first[row][unit], &self.second[unit]);
            }
        }
        activate(&mut second);
        let mut scores = [self.biases.2; ROWS];
        for row in 0..ROWS {
            for unit in 0..HIDDEN {
                second[row][unit] *= self.third[unit];
            }
            scores[row] += sum(&mut second[row]);
        }
        scores
    }

    /// Whether every number is finite and every scale above zero.
    pub fn is_sound(&self) -> bool {
        let all = [&self.mean[..], &self.third, &self.biases.0, &self.biases.1, &[self.biases.2, self.clip]];
        let layers = self.first.iter().chain(self.second.iter()).flatten();
        all.into_iter().flatten().chain(layers).all(|number| number.is_finite())
            && self.scale.iter().all(|scale| scale.is_finite() && *scale > 0.0)
            && self.clip > 0.0
    }
}

/// The scores of some rows, compiled once for each kind of vector registers.
struct Fused<'a> {
    network: &'a Network,
    rows: &'a [f32],
    scores: &'a mut [f32],
}

impl WithSimd for Fused<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        // As many sums as there are registers for.
        if S::F32_LANES >= 16 {
            self.network.add_all::<4, true>(self.rows, self.scores);
        } else {
            self.network.add_all::<2, true>(self.rows, self.scores);
        }
    }
}

#[inline(always)]
fn accumulate<const FUSED: bool>(sums: &mut Units, input: f32, weights: &Units) {
    for unit in 0..HIDDEN {
        sums[unit] =
            if FUSED { input.mul_add(weights[unit], sums[unit]) } else { sums[unit] + input * weights[unit] };
    }
}

/// The sum by halves, which vector registers can do and a running sum cannot.
#[inline(always)]
fn sum(products: &mut Units) -> f32 {
    let mut width = HIDDEN / 2;
    while width > 0 {
        for place in 0..width {
            products[place] += products[place + width];
        }
        width /= 2;
    }
    products[0]
}

/// Leaky ReLU.
#[inline(always)]
fn activate<const ROWS: usize>(units: &mut [Units; ROWS]) {
    for row in 0..ROWS {
        for unit in 0..HIDDEN {
            units[row][unit] = units[row][unit].max(LEAK * units[row][unit]);
        }
    }
}
