//! Real load balancers that `bench` starts: found on this machine, given a configuration, watched, ended.
//!
//! - [`installed`]: which program, how old it may be, and how to get it;
//! - `template`: the configuration, from one template for each in `configs/load-balancers/`;
//! - `launch`: how each is checked and started;
//! - `lua`: what nginx needs besides for steered weights;
//! - `start`: from all that to a load balancer that answers.

pub mod installed;
mod launch;
mod lua;
mod start;
mod template;

pub use installed::Installed;
pub use start::{Real, RealSpec};
