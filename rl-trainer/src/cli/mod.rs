//! The subcommands of `rl-train`, one file each: its arguments, and what it does with them.

pub mod calibrate;
pub mod inspect;
