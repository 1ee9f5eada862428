//! The subcommands of `rl-train`, one module each.

pub mod calibrate;
pub mod eval;
pub mod eval_pool;
pub mod execute;
pub mod export;
pub mod inspect;
pub mod interrupt;
pub mod meter;
pub mod train;

pub use crate::policies;
