//! Real load balancers that `bench` starts: found on this machine, given a configuration, watched, ended. What
//! differs between them is asked of their [`Program`](lb_admin_client::Program).
//!
//! - [`installed`]: finds the program and reads its version;
//! - [`template`]: fills the template of its configuration;
//! - [`files`]: writes the configuration and what lies beside it, and lets the program check it;
//! - [`start`]: starts the program and waits until it answers.

pub mod files;
pub mod installed;
pub mod start;
pub mod template;

pub use installed::Installed;
pub use start::{Real, RealSpec};
