//! The tensors of a policy file: their names, shapes and bytes.

use super::PolicyFileError;
use crate::hex;
use crate::policy::learned::features::WIDTH;
use crate::policy::learned::network::{HIDDEN, Network};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use sha2::{Digest, Sha256};

/// A tensor of the file.
pub(super) struct Tensor {
    pub(super) name: &'static str,
    pub(super) shape: Vec<usize>,
    pub(super) bytes: Vec<u8>,
}

impl Tensor {
    pub(super) fn named_bytes(&self) -> (&str, &[u8]) {
        (self.name, &self.bytes)
    }
}

/// The names of all tensors.
pub(super) const TENSORS: [&str; 9] = [
    "scorer.0.weight",
    "scorer.0.bias",
    "scorer.1.weight",
    "scorer.1.bias",
    "scorer.2.weight",
    "scorer.2.bias",
    "norm.mean",
    "norm.std",
    "norm.clip",
];

/// Returns all tensors of a network in the order of [`TENSORS`], weights as output by input.
pub(super) fn tensors(network: &Network) -> [Tensor; 9] {
    fn tensor(name: &'static str, shape: &[usize], numbers: impl IntoIterator<Item = f32>) -> Tensor {
        let bytes = numbers.into_iter().flat_map(f32::to_le_bytes).collect();
        Tensor { name, shape: shape.to_vec(), bytes }
    }
    let first = (0..HIDDEN).flat_map(|out| network.first.iter().map(move |units| units[out]));
    let second = (0..HIDDEN).flat_map(|out| network.second.iter().map(move |units| units[out]));
    [
        tensor("scorer.0.weight", &[HIDDEN, WIDTH], first),
        tensor("scorer.0.bias", &[HIDDEN], network.biases.0),
        tensor("scorer.1.weight", &[HIDDEN, HIDDEN], second),
        tensor("scorer.1.bias", &[HIDDEN], network.biases.1),
        tensor("scorer.2.weight", &[1, HIDDEN], network.third),
        tensor("scorer.2.bias", &[1], [network.biases.2]),
        tensor("norm.mean", &[WIDTH], network.mean),
        tensor("norm.std", &[WIDTH], network.scale.map(f32::recip)),
        tensor("norm.clip", &[1], [network.clip]),
    ]
}

pub(super) fn read_network(file: &SafeTensors<'_>) -> Result<Network, PolicyFileError> {
    let mut network = Network::zero();
    let read = |name: &'static str, shape: &[usize]| -> Result<Vec<f32>, PolicyFileError> {
        let tensor = file
            .tensor(name)
            .map_err(|_| PolicyFileError::Tensor { name, problem: "is missing".to_owned() })?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
            let problem = format!("is {:?} {:?}, but must be F32 {shape:?}", tensor.dtype(), tensor.shape());
            return Err(PolicyFileError::Tensor { name, problem });
        }
        let numbers = tensor.data().chunks_exact(4);
        Ok(numbers.map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four bytes"))).collect())
    };
    let transpose = |numbers: &[f32], inputs: usize, units: &mut [[f32; HIDDEN]]| {
        for (input, row) in units.iter_mut().enumerate() {
            for (out, weight) in row.iter_mut().enumerate() {
                *weight = numbers[out * inputs + input];
            }
        }
    };
    transpose(&read("scorer.0.weight", &[HIDDEN, WIDTH])?, WIDTH, &mut network.first);
    transpose(&read("scorer.1.weight", &[HIDDEN, HIDDEN])?, HIDDEN, &mut network.second[..]);
    network.third.copy_from_slice(&read("scorer.2.weight", &[1, HIDDEN])?);
    network.biases.0.copy_from_slice(&read("scorer.0.bias", &[HIDDEN])?);
    network.biases.1.copy_from_slice(&read("scorer.1.bias", &[HIDDEN])?);
    network.biases.2 = read("scorer.2.bias", &[1])?[0];
    network.mean.copy_from_slice(&read("norm.mean", &[WIDTH])?);
    network.scale.copy_from_slice(&read("norm.std", &[WIDTH])?);
    network.scale = network.scale.map(f32::recip);
    network.clip = read("norm.clip", &[1])?[0];
    Ok(network)
}

/// Hashes the names and bytes of all tensors, in the order of [`TENSORS`].
pub(super) fn sha256<'a>(tensors: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut hash = Sha256::new();
    for (name, bytes) in tensors {
        hash.update(name.as_bytes());
        hash.update(bytes);
    }
    hex::encode(hash.finalize())
}
