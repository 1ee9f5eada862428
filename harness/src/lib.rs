//! The orchestrator: plans an experiment, drives it live or simulated, and reports what differs.
//!
//! Data runs one way: [`cli`] (what was typed) -> [`config`] (raw dialects, then one validated plan) ->
//! [`experiment`] (blocks, trials, phases) -> [`load`] (the hot path) -> [`record`] -> [`results`] and
//! [`analysis`] (pure functions) -> [`report`]. [`target`] starts and stops what is under test.

pub mod analysis;
pub mod analyze;
pub mod cli;
pub mod compare;
pub mod config;
pub mod exit;
pub mod experiment;
pub mod load;
pub mod record;
pub mod report;
pub mod results;
pub mod target;
pub mod trace;

/// The commit that this was built from.
pub const COMMIT: &str = env!("BENCH_COMMIT");
