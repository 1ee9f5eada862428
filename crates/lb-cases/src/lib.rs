//! Cases for training, selecting and evaluating policies, and their simulation: what the trainer and the Python package
//! `lb_gym` have in common.

#[path = "../../../rl-trainer/src/scenarios/mod.rs"]
pub mod scenarios;

#[path = "../../../rl-trainer/src/measure.rs"]
pub mod measure;

pub use scenarios::*;
