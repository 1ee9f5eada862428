//! Trains the policy `rl`: the environment over the simulator, the algorithms, what a run writes down.
//!
//! The only crate that names `tch`, and so the only one that links libtorch: what serves requests
//! evaluates the policy in plain Rust (`lb_core`).

pub mod calibrate;
pub mod checkpoint;
pub mod cli;
pub mod curves;
pub mod evaluate;
pub mod evolution;
pub mod executor;
pub mod files;
pub mod measure;
pub mod ppo;
pub mod report;
pub mod rollout;
pub mod scenarios;
pub mod scorer;
pub mod teacher;
pub mod torch;
pub mod traces;
pub mod train;
