//! The statistics held against SciPy and NumPy, and against simulated truth.
//!
//! `reference.json` is written by `reference.py`. What is deterministic agrees to 1e-9; resampling
//! agrees within the error of resampling.

mod coverage;
mod experiment;
mod noise;
mod reference;
mod verdicts;
