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
        let (network, arch) = (self, Arch::new());
        match arch {
            // Without an instruction for it a fused multiplication is a slow function.
            Arch::Scalar => self.add_all::<false>(rows, scores),
            vector => vector.dispatch(Fused { network, rows, scores }),
        }
    }

    #[inline(always)]
    fn add_all<const FUSED: bool>(&self, rows: &[f32], scores: &mut [f32]) {
        for place in 0..scores.len() {
            scores[place] += self.score::<FUSED>(&rows[place * WIDTH..(place + 1) * WIDTH]);
        }
    }

    #[inline(always)]
    fn score<const FUSED: bool>(&self, row: &[f32]) -> f32 {
        let mut first = self.biases.0;
        for place in 0..WIDTH {
            let input = (row[place] - self.mean[place]) * self.scale[place];
            accumulate::<FUSED>(&mut first, input.clamp(-self.clip, self.clip), &self.first[place]);
        }
        let mut second = self.biases.1;
        for unit in 0..HIDDEN {
            accumulate::<FUSED>(&mut second, leaky(first[unit]), &self.second[unit]);
        }
        let mut products = [0.0; HIDDEN];
        for unit in 0..HIDDEN {
            products[unit] = leaky(second[unit]) * self.third[unit];
        }
        self.biases.2 + sum(products)
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
        self.network.add_all::<true>(self.rows, self.scores);
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
fn sum(mut products: Units) -> f32 {
    let mut width = HIDDEN / 2;
    while width > 0 {
        for place in 0..width {
            products[place] += products[place + width];
        }
        width /= 2;
    }
    products[0]
}

#[inline(always)]
fn leaky(value: f32) -> f32 {
    value.max(LEAK * value)
}
