//! The testbed of a run: finds or starts the load balancer under test and the mock backends behind it,
//! watches them, and ends them.
//!
//! - [`choose`]: which load balancer a run drives;
//! - [`Backends`], [`Reference`], [`Real`]: what `bench` starts itself, each as a [`Child`];
//! - [`Mocks`]: the control API of the mock backends;
//! - [`MachineCpu`], [`cpu_seconds`]: how busy the machine and the processes are.
//!
//! Differences between load balancers are defined by their [`Program`](lb_admin_client::Program), so nothing
//! here depends on a particular one.

mod backends;
pub(crate) mod child;
mod choose;
mod error;
mod machine;
mod mocks;
pub mod real;
mod reference;

pub use backends::{ApiText, Backends, MocksOptions};
pub use child::{Child, cpu_seconds};
pub use choose::{Choice, Chosen, Own, Running, choose};
pub use error::TestbedError;
pub use machine::MachineCpu;
pub use mocks::{Mocks, MocksError};
pub use real::{Installed, Real, RealSpec};
pub use reference::{Reference, ReferenceSpec};
