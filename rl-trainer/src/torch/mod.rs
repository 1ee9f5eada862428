//! The libtorch version that this crate needs, and the one that the process has loaded.
//!
//! Training code uses [`tch`] directly; this module is only about the library behind it.

mod loaded;
pub mod version;

pub use loaded::{Loaded, WrongLibtorch, loaded};
