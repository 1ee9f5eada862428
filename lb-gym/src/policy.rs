//! Writes a policy that was trained elsewhere as a policy file that load balancers serve.

use lb_core::policy::PolicyFile;
use lb_core::policy::learned::network::HIDDEN;
use lb_core::policy::learned::{Action, ActionMode, Network, WIDTH};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes a policy file and returns the first digits of its hash. The Python function of this name describes the arguments;
/// weights are flat, output by input.
#[pyfunction]
#[pyo3(signature = (path, *, weights, biases, mean, std, clip, mode, temperature, max_candidates, train))]
#[expect(clippy::too_many_arguments, reason = "the Python function that calls it has names for all")]
pub(crate) fn export_policy(
    path: PathBuf,
    weights: [Vec<f32>; 3],
    biases: [Vec<f32>; 3],
    mean: Vec<f32>,
    std: Vec<f32>,
    clip: f32,
    mode: &str,
    temperature: f32,
    max_candidates: usize,
    train: &str,
) -> PyResult<String> {
    let mode = match mode {
        "argmax" => ActionMode::Argmax,
        "softmax" => ActionMode::Softmax,
        other => {
            return Err(PyValueError::new_err(format!(
                "mode=`{other}` is unknown; use `argmax` or `softmax`"
            )));
        }
    };
    let network = network(&weights, &biases, &mean, &std, clip)?;
    let mut file = PolicyFile::new(network, Action { mode, temperature, max_candidates });
    file.train = serde_json::from_str(train)
        .map_err(|error| PyValueError::new_err(format!("train cannot be written as JSON: {error}")))?;
    let bytes = file.to_bytes();
    let checked = PolicyFile::from_bytes(&bytes)
        .map_err(|error| PyValueError::new_err(format!("this policy cannot be served: {error}")))?;
    write_whole(&path, &bytes)?;
    Ok(checked.short_hash().to_owned())
}

/// Arranges the numbers of a network.
fn network(
    weights: &[Vec<f32>; 3],
    biases: &[Vec<f32>; 3],
    mean: &[f32],
    std: &[f32],
    clip: f32,
) -> PyResult<Network> {
    let mut network = Network::zero();
    fill("mean", &mut network.mean, mean)?;
    fill("std", &mut network.scale, std)?;
    network.scale = network.scale.map(f32::recip);
    network.clip = clip;
    transpose("weights[0]", &weights[0], WIDTH, &mut network.first)?;
    transpose("weights[1]", &weights[1], HIDDEN, &mut network.second[..])?;
    fill("weights[2]", &mut network.third, &weights[2])?;
    fill("biases[0]", &mut network.biases.0, &biases[0])?;
    fill("biases[1]", &mut network.biases.1, &biases[1])?;
    let mut last = [0.0];
    fill("biases[2]", &mut last, &biases[2])?;
    network.biases.2 = last[0];
    Ok(network)
}

fn fill(name: &str, to: &mut [f32], from: &[f32]) -> PyResult<()> {
    check(name, to.len(), from.len())?;
    to.copy_from_slice(from);
    Ok(())
}

fn transpose(name: &str, from: &[f32], inputs: usize, units: &mut [[f32; HIDDEN]]) -> PyResult<()> {
    check(name, HIDDEN * inputs, from.len())?;
    for (input, row) in units.iter_mut().enumerate() {
        for (output, weight) in row.iter_mut().enumerate() {
            *weight = from[output * inputs + input];
        }
    }
    Ok(())
}

fn check(name: &str, expected: usize, found: usize) -> PyResult<()> {
    if expected == found {
        return Ok(());
    }
    Err(PyValueError::new_err(format!("{name} holds {found} numbers, but must hold {expected}")))
}

/// Writes a temporary file beside `path` and renames it, so that a load balancer never reads half a policy.
fn write_whole(path: &Path, bytes: &[u8]) -> PyResult<()> {
    let failed = |error: std::io::Error| {
        PyValueError::new_err(format!("failed to write `{}`: {error}; use another path", path.display()))
    };
    let part = path.with_extension("safetensors.part");
    fs::write(&part, bytes).and_then(|()| fs::rename(&part, path)).map_err(failed)
}
