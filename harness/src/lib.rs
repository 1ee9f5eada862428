//! The orchestrator: plans an experiment, drives it live or simulated, and reports what differs.
//!
//! Data runs one way: [`cli`] (what was typed) -> [`config`] (raw dialects, then one validated plan) ->
//! [`experiment`] (blocks, trials, phases) -> [`load`] (the hot path) -> [`record`] -> [`results`] and
//! [`analysis`] (pure functions) -> [`report`]. [`testbed`] starts and stops what is under test.

pub mod children;
pub mod cli;
pub mod exit;
pub mod experiment;
pub mod grading;
pub mod show;
pub mod testbed;

/// The commit that this was built from.
pub const COMMIT: &str = env!("BENCH_COMMIT");

/// What this process notes of itself goes to `file` from now on, at the level that the environment variable
/// `level` names, or else `info`. A second call in one process changes nothing.
pub fn log_to(file: std::fs::File, level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_env(level)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(std::sync::Mutex::new(file))
        .finish();
    // Only a second call can fail; its lines go where the first one said.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
