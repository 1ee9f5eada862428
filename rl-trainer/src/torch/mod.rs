//! libtorch, as this crate finds it: which version it needs, and which one the process runs with.
//!
//! The mathematics of training names [`tch`] itself; what is here is about the library behind it.

mod loaded;
pub mod version;

pub use loaded::{Loaded, WrongLibtorch, loaded};
