//! Finds real load balancers on this machine, configures, starts and watches them, and ends them. Differences
//! between them are defined by their [`Program`](lb_admin_client::Program).
//!
//! - [`installed`]: finds the program and reads its version;
//! - [`template`]: fills the template of its configuration;
//! - [`files`]: writes the configuration and the files that it names, and lets the program check it;
//! - [`start`]: starts the program and waits until it answers.

pub mod files;
pub mod installed;
pub mod start;
pub mod template;

pub use installed::Installed;
pub use start::{Real, RealSpec};
