//! The critic estimates the value of a state from the mean and the maximum of the candidates' rows, so that
//! it does not depend on their order or number. It is used only in training.

use crate::scorer::{Batch, leaky};
use lb_core::Seed;
use lb_core::policy::learned::WIDTH;
use rand::RngExt;
use tch::{Device, Kind, Tensor};

/// Number of units per layer.
const LAYERS: [i64; 4] = [2 * WIDTH as i64, 64, 32, 1];

/// The critic network.
#[derive(Debug)]
pub struct Critic {
    /// Weights (output by input) and biases of each layer, alternating.
    pub parameters: Vec<Tensor>,
}

impl Critic {
    /// Creates a critic with small random weights (Xavier uniform). The last layer is zero, so that all
    /// values are initially 0.
    pub fn new(seed: Seed, device: Device) -> Self {
        let mut rng = seed.stream(&[0xc717]);
        let mut parameters = Vec::new();
        for (layer, ends) in LAYERS.windows(2).enumerate() {
            let (inputs, outputs) = (ends[0], ends[1]);
            let last = layer + 2 == LAYERS.len();
            let limit = if last { 0.0 } else { (6.0 / (inputs + outputs) as f32).sqrt() };
            let weight = |rng: &mut lb_core::Rng| (rng.random::<f32>() * 2.0 - 1.0) * limit;
            let weights: Vec<f32> = (0..inputs * outputs).map(|_| weight(&mut rng)).collect();
            let weights = Tensor::from_slice(&weights).reshape([outputs, inputs]).to_device(device);
            parameters.push(weights.set_requires_grad(true));
            parameters.push(Tensor::zeros([outputs], (Kind::Float, device)).set_requires_grad(true));
        }
        Self { parameters }
    }

    /// Returns the values of a batch: `[B]`.
    pub fn values(&self, batch: &Batch) -> Tensor {
        let p = &self.parameters;
        let first = leaky(&batch.pooled.linear(&p[0], Some(&p[1])));
        let second = leaky(&first.linear(&p[2], Some(&p[3])));
        second.linear(&p[4], Some(&p[5])).squeeze_dim(-1)
    }
}
