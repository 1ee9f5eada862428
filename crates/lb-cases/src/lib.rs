//! Cases for training, selecting and evaluating policies, and their measurement: what the trainer and the Python package
//! `lb_gym` have in common. It needs no libtorch.

pub mod measure;
pub mod scenarios;
