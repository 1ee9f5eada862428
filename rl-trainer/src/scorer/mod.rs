//! The scorer as tensors: the same network as `lb_core::policy::learned::Network`, with gradients.
//!
//! Shapes: a batch of `B` decisions with at most `M` candidates has rows `[B, M, WIDTH]` and priors `[B, M]`;
//! scores are `[B, M]`. Priors and scores of missing candidates are minus infinity.

mod adam;
mod batch;

pub use adam::Adam;
pub use batch::{Batch, permutation};

use lb_core::policy::learned::network::{HIDDEN, LEAK};
use lb_core::policy::learned::{Network, WIDTH};
use tch::{Device, Kind, Tensor};

/// The scorer's weights on a device.
#[derive(Debug)]
pub struct Scorer {
    /// Weights and biases of the three layers, output by input.
    pub parameters: Vec<Tensor>,
    mean: [f32; WIDTH],
    scale: [f32; WIDTH],
    clip: f32,
}

impl Scorer {
    /// Creates the tensors of `network`.
    pub fn from_network(network: &Network, device: Device) -> Self {
        let tensor =
            |numbers: &[f32], shape: &[i64]| Tensor::from_slice(numbers).reshape(shape).to_device(device);
        let trained = |numbers: &[f32], shape: &[i64]| tensor(numbers, shape).set_requires_grad(true);
        let (hidden, width) = (HIDDEN as i64, WIDTH as i64);
        let first: Vec<f32> = (0..HIDDEN).flat_map(|out| network.first.iter().map(move |u| u[out])).collect();
        let second: Vec<f32> =
            (0..HIDDEN).flat_map(|out| network.second.iter().map(move |u| u[out])).collect();
        Self {
            parameters: vec![
                trained(&first, &[hidden, width]),
                trained(&network.biases.0, &[hidden]),
                trained(&second, &[hidden, hidden]),
                trained(&network.biases.1, &[hidden]),
                trained(&network.third, &[1, hidden]),
                trained(&[network.biases.2], &[1]),
            ],
            mean: network.mean,
            scale: network.scale,
            clip: network.clip,
        }
    }

    /// Converts the tensors back to a network.
    pub fn to_network(&self) -> Network {
        let numbers = |tensor: &Tensor| -> Vec<f32> {
            let flat = tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float).contiguous().view(-1);
            Vec::<f32>::try_from(flat).expect("a flat tensor of floats")
        };
        let mut network = Network::zero();
        let all: Vec<Vec<f32>> = self.parameters.iter().map(numbers).collect();
        for (input, units) in network.first.iter_mut().enumerate() {
            for (out, weight) in units.iter_mut().enumerate() {
                *weight = all[0][out * WIDTH + input];
            }
        }
        for (input, units) in network.second.iter_mut().enumerate() {
            for (out, weight) in units.iter_mut().enumerate() {
                *weight = all[2][out * HIDDEN + input];
            }
        }
        network.biases.0.copy_from_slice(&all[1]);
        network.biases.1.copy_from_slice(&all[3]);
        network.third.copy_from_slice(&all[4]);
        network.biases.2 = all[5][0];
        (network.mean, network.scale, network.clip) = (self.mean, self.scale, self.clip);
        network
    }

    /// Normalises and clips a row, as the layers see it.
    pub fn normalise(&self, row: &[f32], normal: &mut [f32]) {
        let scaled = row.iter().zip(&self.mean).zip(&self.scale);
        for (normal, ((value, mean), scale)) in normal.iter_mut().zip(scaled) {
            *normal = ((value - mean) * scale).clamp(-self.clip, self.clip);
        }
    }

    /// Returns the scores of a batch, including the prior: `[B, M]`.
    pub fn scores(&self, batch: &Batch) -> Tensor {
        let p = &self.parameters;
        let first = leaky(&batch.rows.linear(&p[0], Some(&p[1])));
        let second = leaky(&first.linear(&p[2], Some(&p[3])));
        second.linear(&p[4], Some(&p[5])).squeeze_dim(-1) + &batch.priors
    }
}

/// Applies leaky ReLU with the slope that is used in serving.
pub fn leaky(tensor: &Tensor) -> Tensor {
    const { assert!(LEAK == 0.01, "libtorch's leaky_relu has this fixed slope") };
    tensor.leaky_relu()
}

/// Returns the mean entropy in nats, `[]`, of distributions whose log-probabilities are in the last
/// dimension. Entries of minus infinity are ignored.
pub fn entropy(log_probs: &Tensor) -> Tensor {
    let kind = log_probs.kind();
    -(log_probs.exp() * log_probs.clamp_min(-1e4)).sum_dim_intlist(-1, false, kind).mean(kind)
}

/// Creates a network for rows normalised by `mean` and `std`. Its hidden layers have small random weights
/// (Xavier uniform) and its output layer is zero, so that initially the prior decides.
pub fn initial(seed: lb_core::Seed, mean: [f32; WIDTH], std: [f32; WIDTH]) -> Network {
    use rand::RngExt;
    let mut rng = seed.stream(&[0x5c0e]);
    let mut network = Network::zero();
    network.mean = mean;
    network.scale = std.map(|std| 1.0 / std.max(0.05));
    let mut fill = |units: &mut [[f32; HIDDEN]], inputs: usize| {
        let limit = (6.0 / (inputs + HIDDEN) as f32).sqrt();
        units.iter_mut().flatten().for_each(|weight| *weight = rng.random_range(-limit..limit));
    };
    fill(&mut network.first, WIDTH);
    fill(&mut network.second[..], HIDDEN);
    network
}
