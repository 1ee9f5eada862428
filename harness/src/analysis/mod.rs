//! Pure functions over finished results: no I/O, no clock, no randomness.

mod fairness;

pub use fairness::{PoolShare, jain_index};
