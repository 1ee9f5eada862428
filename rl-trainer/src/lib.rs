//! Trains the policy `rl`: the environment over the simulator, the algorithms, what a run writes down.
//!
//! The only crate that names `tch`, and so the only one that links libtorch: what serves requests
//! evaluates the policy in plain Rust (`lb_core`).

pub mod checkpoint;
pub mod curves;
pub mod torch;
