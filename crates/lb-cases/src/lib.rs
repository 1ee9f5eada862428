//! Cases for training, selecting and evaluating policies, and their measurement: what the trainer, its workers on other
//! machines and the Python package `lb_gym` have in common. It needs no libtorch.

pub mod episode;
pub mod measure;
pub mod objective;
pub mod scenarios;
