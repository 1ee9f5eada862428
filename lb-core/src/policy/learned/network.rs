//! The shared scorer: one small network that is applied to each backend's row, so that scores do not
//! depend on the order of backends and any number of them can be scored.
//!
//! It has three layers, `WIDTH -> 16 -> 16 -> 1`, with leaky ReLU between them. The prior knows the model of a queue, so
//! that the network has less to say than its inputs have. Each input is first
//! normalised, `(x - mean) x scale`, and clamped. It is plain Rust because a call into a tensor library
//! costs twenty times as much as the arithmetic. Sums run over hidden units, which are contiguous and
//! fill whole vector registers; `pulp` picks the code for the machine's registers at run time. Loops
//! use indices, because iterators and closures leave calls in code that is compiled for several
//! instruction sets.

#![allow(clippy::needless_range_loop, reason = "iterators leave calls in the loops, see above")]

use super::features::WIDTH;
use pulp::{Simd, WithSimd};

/// Number of hidden units in each layer.
pub const HIDDEN: usize = 16;

/// Slope of the activation below zero.
pub const LEAK: f32 = 0.01;

/// The activations of one hidden layer.
type Units = [f32; HIDDEN];

/// Weights and normalisation of the scorer.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Mean of each feature, subtracted from it.
    pub mean: [f32; WIDTH],
    /// Factor for each feature once its mean is subtracted: one over its standard deviation.
    pub scale: [f32; WIDTH],
    /// Limit to which normalised features are clamped.
    pub clip: f32,
    /// Weights of the first layer, by input, then by hidden unit.
    pub first: [Units; WIDTH],
    /// Weights of the second layer, by hidden unit of the first layer, then of the second.
    pub second: Box<[Units; HIDDEN]>,
    /// Weights of the output layer, which has one unit.
    pub third: Units,
    /// Biases of the three layers.
    pub biases: (Units, Units, f32),
}

impl Network {
    /// Creates a network whose scores are all 0, so that the prior alone decides.
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

    /// Returns the network whose scores are `share` of this one's; with a share of 0, the prior alone decides.
    #[must_use]
    pub fn with_share(mut self, share: f32) -> Self {
        self.third = self.third.map(|weight| weight * share);
        self.biases.2 *= share;
        self
    }

    /// Adds the score of each row to `scores`; `rows` holds [`WIDTH`] numbers for each.
    pub fn add_scores(&self, rows: &[f32], scores: &mut [f32]) {
        let job = Vectors { network: self, rows, scores };
        // Do not use the widest registers: 512-bit multiplications slow down the core for all that
        // follows. They made a pick 0.1 us faster and a whole proxied request 1 us slower.
        #[cfg(target_arch = "x86_64")]
        match pulp::x86::V3::try_new() {
            Some(vector) => Simd::vectorize(vector, job),
            None => job.plain(),
        }
        #[cfg(not(target_arch = "x86_64"))]
        match pulp::Arch::new() {
            pulp::Arch::Scalar => job.plain(),
            vector => vector.dispatch(job),
        }
    }

    /// Computes the score of a row without vector registers.
    fn plain(&self, row: &[f32]) -> f32 {
        let [inputs] = self.normal::<1>(row);
        let mut first = self.biases.0;
        for place in 0..WIDTH {
            for unit in 0..HIDDEN {
                first[unit] += inputs[place] * self.first[place][unit];
            }
        }
        let mut second = self.biases.1;
        for place in 0..HIDDEN {
            let input = first[place].max(LEAK * first[place]);
            for unit in 0..HIDDEN {
                second[unit] += input * self.second[place][unit];
            }
        }
        let mut score = self.biases.2;
        for unit in 0..HIDDEN {
            score += self.third[unit] * second[unit].max(LEAK * second[unit]);
        }
        score
    }

    /// Returns the rows, normalised and clamped.
    #[inline(always)]
    fn normal<const ROWS: usize>(&self, rows: &[f32]) -> [[f32; WIDTH]; ROWS] {
        let mut inputs = [[0.0; WIDTH]; ROWS];
        for row in 0..ROWS {
            for place in 0..WIDTH {
                let input = (rows[row * WIDTH + place] - self.mean[place]) * self.scale[place];
                inputs[row][place] = input.clamp(-self.clip, self.clip);
            }
        }
        inputs
    }

    /// Adds scores from row `from` on, in blocks of `ROWS` rows, and returns the first row that is
    /// left. Each step of a sum waits for the previous one, so several sums are computed side by side.
    #[inline(always)]
    fn add_blocks<S: Simd, const VECTORS: usize, const ROWS: usize>(
        &self,
        simd: S,
        rows: &[f32],
        scores: &mut [f32],
        mut from: usize,
    ) -> usize {
        while from + ROWS <= scores.len() {
            let block = &rows[from * WIDTH..(from + ROWS) * WIDTH];
            let block = self.block::<S, VECTORS, ROWS>(simd, block);
            for row in 0..ROWS {
                scores[from + row] += block[row];
            }
            from += ROWS;
        }
        from
    }

    /// Computes the scores of `ROWS` rows; `VECTORS` registers hold a layer's units.
    #[inline(always)]
    fn block<S: Simd, const VECTORS: usize, const ROWS: usize>(&self, simd: S, rows: &[f32]) -> [f32; ROWS] {
        let inputs = self.normal::<ROWS>(rows);
        let mut first = [vectors::<S, VECTORS>(&self.biases.0); ROWS];
        for place in 0..WIDTH {
            let weights = vectors::<S, VECTORS>(&self.first[place]);
            for row in 0..ROWS {
                let input = simd.splat_f32s(inputs[row][place]);
                for part in 0..VECTORS {
                    first[row][part] = simd.mul_add_e_f32s(input, weights[part], first[row][part]);
                }
            }
        }
        let mut hidden = [[0.0; HIDDEN]; ROWS];
        for row in 0..ROWS {
            for part in 0..VECTORS {
                S::as_mut_simd_f32s(&mut hidden[row]).0[part] = activate(simd, first[row][part]);
            }
        }
        let mut second = [vectors::<S, VECTORS>(&self.biases.1); ROWS];
        for place in 0..HIDDEN {
            let weights = vectors::<S, VECTORS>(&self.second[place]);
            for row in 0..ROWS {
                let input = simd.splat_f32s(hidden[row][place]);
                for part in 0..VECTORS {
                    second[row][part] = simd.mul_add_e_f32s(input, weights[part], second[row][part]);
                }
            }
        }
        let weights = vectors::<S, VECTORS>(&self.third);
        let mut scores = [self.biases.2; ROWS];
        for row in 0..ROWS {
            let mut sum = simd.splat_f32s(0.0);
            for part in 0..VECTORS {
                sum = simd.mul_add_e_f32s(activate(simd, second[row][part]), weights[part], sum);
            }
            scores[row] += simd.reduce_sum_f32s(sum);
        }
        scores
    }

    /// Returns whether every number is finite and every scale is above zero.
    pub fn is_sound(&self) -> bool {
        let all = [&self.mean[..], &self.third, &self.biases.0, &self.biases.1, &[self.biases.2, self.clip]];
        let layers = self.first.iter().chain(self.second.iter()).flatten();
        all.into_iter().flatten().chain(layers).all(|number| number.is_finite())
            && self.scale.iter().all(|scale| scale.is_finite() && *scale > 0.0)
            && self.clip > 0.0
    }
}

/// The scores of some rows, compiled once for each kind of vector registers.
struct Vectors<'a> {
    network: &'a Network,
    rows: &'a [f32],
    scores: &'a mut [f32],
}

impl Vectors<'_> {
    /// Without a hardware instruction, a fused multiplication is a slow function call.
    fn plain(self) {
        for (row, score) in self.rows.chunks_exact(WIDTH).zip(self.scores) {
            *score += self.network.plain(row);
        }
    }
}

impl WithSimd for Vectors<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { network, rows, scores } = self;
        // Use as many sums as there are registers, and fewer for the remaining rows.
        match S::F32_LANES {
            8 => {
                let from = network.add_blocks::<S, { HIDDEN / 8 }, 4>(simd, rows, scores, 0);
                network.add_blocks::<S, { HIDDEN / 8 }, 1>(simd, rows, scores, from);
            }
            4 => {
                let from = network.add_blocks::<S, { HIDDEN / 4 }, 2>(simd, rows, scores, 0);
                network.add_blocks::<S, { HIDDEN / 4 }, 1>(simd, rows, scores, from);
            }
            _ => {
                network.add_blocks::<S, HIDDEN, 1>(simd, rows, scores, 0);
            }
        }
    }
}

/// Splits the units into vectors; `VECTORS` times the lanes of a vector must be [`HIDDEN`].
#[inline(always)]
fn vectors<S: Simd, const VECTORS: usize>(units: &Units) -> [S::f32s; VECTORS] {
    let (vectors, _) = S::as_simd_f32s(units);
    let mut all = [vectors[0]; VECTORS];
    all.copy_from_slice(&vectors[..VECTORS]);
    all
}

/// Applies leaky ReLU.
#[inline(always)]
fn activate<S: Simd>(simd: S, units: S::f32s) -> S::f32s {
    simd.max_f32s(units, simd.mul_f32s(simd.splat_f32s(LEAK), units))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;
    use rand::RngExt;

    #[test]
    fn a_row_has_one_score_alone_among_others_and_without_vectors() {
        let mut rng = Seed(3).stream(&[]);
        let mut network = Network::zero();
        let layers = network.first.iter_mut().chain(network.second.iter_mut()).flatten();
        layers.chain(&mut network.third).for_each(|weight| *weight = rng.random_range(-0.5..0.5));
        let rows: Vec<f32> = (0..23 * WIDTH).map(|_| rng.random_range(-6.0..6.0f32)).collect();
        let alone: Vec<f32> = rows
            .chunks_exact(WIDTH)
            .map(|row| {
                let mut score = [0.0];
                network.add_scores(row, &mut score);
                assert!((score[0] - network.plain(row)).abs() < 1e-4, "vectors change roundings only");
                score[0]
            })
            .collect();
        for count in 1..=23 {
            let mut scores = vec![0.0; count];
            network.add_scores(&rows[..count * WIDTH], &mut scores);
            assert_eq!(scores, alone[..count], "{count} rows at once");
        }
    }
}
