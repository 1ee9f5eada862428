//! The scorer as tensors: the same network as `lb_core::policy::learned::Network`, with gradients.
//!
//! Shapes: a batch of `B` decisions with at most `M` candidates has rows `[B, M, WIDTH]`, priors and masks
//! `[B, M]`; scores are `[B, M]`, minus infinity where the mask says that there is no candidate.

mod adam;
mod batch;

pub use adam::Adam;
pub use batch::Batch;

use lb_core::policy::learned::network::{HIDDEN, LEAK};
use lb_core::policy::learned::{Network, WIDTH};
use tch::{Device, Kind, Tensor};

/// The scorer's weights on a device.
#[derive(Debug)]
pub struct Scorer {
    /// Weights and biases of the three layers, output by input.
    pub parameters: Vec<Tensor>,
    mean: Tensor,
    scale: Tensor,
    clip: f64,
}

impl Scorer {
    /// The tensors of `network`.
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
            mean: tensor(&network.mean, &[width]),
            scale: tensor(&network.scale, &[width]),
            clip: f64::from(network.clip),
        }
    }

    /// The network that serves what the tensors hold.
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
        network.mean.copy_from_slice(&numbers(&self.mean));
        network.scale.copy_from_slice(&numbers(&self.scale));
        network.clip = self.clip as f32;
        network
    }

    /// Rows as the layers see them: normalised and cut off.
    pub fn normalise(&self, rows: &Tensor) -> Tensor {
        ((rows - &self.mean) * &self.scale).clamp(-self.clip, self.clip)
    }

    /// Scores of a batch, prior included: `[B, M]`.
    pub fn scores(&self, batch: &Batch) -> Tensor {
        let p = &self.parameters;
        let first = leaky(&self.normalise(&batch.rows).linear(&p[0], Some(&p[1])));
        let second = leaky(&first.linear(&p[2], Some(&p[3])));
        let scores = second.linear(&p[4], Some(&p[5])).squeeze_dim(-1) + &batch.priors;
        scores.masked_fill(&batch.mask.logical_not(), f64::NEG_INFINITY)
    }
}

/// Leaky ReLU with the slope that serving uses.
pub fn leaky(tensor: &Tensor) -> Tensor {
    tensor.maximum(&(tensor * f64::from(LEAK)))
}

/// A network with small random weights (Xavier's uniform for the hidden layers, none for the output, so that
/// the prior decides at first) for rows normalised by these deviations.
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
