//! Trains the policy `rl`: an environment over the simulator, the algorithms that learn in it, and the proof.
//!
//! The only crate that names `tch`, and so the only one that links libtorch: load balancers evaluate a policy in plain
//! Rust (`lb_core`).
//!
//! Reading order: [`scenarios`] draws the cases, [`rollout`] plays them and [`measure`] measures them; [`scorer`] is
//! the network in libtorch. [`teacher`], [`ppo`] and [`evolution`] each hold one algorithm with its `Args`; [`train`]
//! puts them in order, with [`checkpoint`] and [`curves`] for what it writes. [`evaluate`] compares policies with the
//! classical algorithms and [`report`] shows the comparison. [`traces`] and [`calibrate`] lead from recorded traffic to
//! a simulator. [`executor`] runs all of it, and [`cli`] holds the subcommands, the only module that prints.
//!
//! A policy from a training of about ten seconds:
//!
//! ```no_run
//! use rl_trainer::train::{Args, train_to_file};
//! use std::path::Path;
//! use std::sync::atomic::AtomicBool;
//!
//! let stop = AtomicBool::new(false);
//! let mut progress = |progress: &rl_trainer::train::Progress| println!("{progress}");
//! let trained = train_to_file(&Args::smoke(1), Path::new("results/mine"), &stop, &mut progress)?;
//! println!("{:.3} of the baseline's mean latency", trained.validation.mean);
//! # Ok::<(), rl_trainer::train::TrainOrWrite>(())
//! ```

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
