//! Trains the policy `rl`: an environment based on the simulator, the learning algorithms, and the proof.
//!
//! This is the only crate that uses `tch` and thus links libtorch; load balancers evaluate a policy in plain
//! Rust (`lb_core`).
//!
//! Reading order: [`scenarios`] draws the cases and [`setting`] what is known about their pools, [`rollout`] plays
//! them, [`measure`] measures them and [`objective`] judges the figures;
//! [`scorer`] is the network in libtorch. [`teacher`], [`ppo`] and [`evolution`] each contain one algorithm
//! with its `Args`; [`train`] combines them and writes its results with [`checkpoint`] and [`curves`].
//! [`evaluate`] compares policies with the classical algorithms and [`report`] shows the comparison.
//! [`onnx`] exports networks for other runtimes. [`traces`] and [`lb_calibration`] fit the simulator to recorded
//! traffic. [`executor`] runs all of these steps, and [`cli`] contains the subcommands; it is the only module that
//! prints.
//!
//! The following example trains a policy in about ten seconds:
//!
//! ```no_run
//! use rl_trainer::episode::Here;
//! use rl_trainer::train::{Args, train_to_file};
//! use std::path::Path;
//! use std::sync::atomic::AtomicBool;
//!
//! let stop = AtomicBool::new(false);
//! let mut progress = |progress: &rl_trainer::train::Progress| println!("{progress}");
//! let trained = train_to_file(&Args::smoke(1), Path::new("results/mine"), &Here, &stop, &mut progress)?;
//! println!("{:.3} of the baseline's mean latency", trained.validation.mean);
//! # Ok::<(), rl_trainer::train::TrainOrWrite>(())
//! ```

#![warn(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "they panic when a pipe is closed or a disk is full"
)]

pub mod checkpoint;
pub mod cli;
pub mod curves;
pub mod evaluate;
pub mod evolution;
pub mod executor;
pub mod files;
pub mod onnx;
pub mod policies;
pub mod ppo;
pub mod report;
pub mod rollout;
pub mod scorer;
pub mod setting;
pub mod teacher;
pub mod torch;
pub mod traces;
pub mod train;

pub use lb_cases::{episode, measure, objective, scenarios};
