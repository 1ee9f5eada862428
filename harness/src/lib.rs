//! The orchestrator: plans an experiment, runs it live or simulated, and reports what differs.

pub mod config;
pub mod exit;
pub mod load;
pub mod record;
