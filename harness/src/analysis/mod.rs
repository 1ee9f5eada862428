//! Pure functions over finished results: no I/O, no clock, no randomness.

mod fairness;
mod summarise;

pub use fairness::{PoolShare, jain_index};
pub use summarise::{latency, summarise};
