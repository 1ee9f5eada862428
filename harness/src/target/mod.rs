//! What is under test: which load balancer a run drives, starting and stopping what the run brings
//! itself, and how healthy it is.

mod backends;
mod child;
mod choose;
mod machine;
mod mocks;
pub mod real;
mod reference;

pub use backends::Backends;
pub use child::{Child, ChildCommand, cpu_seconds};
pub use choose::{Choice, Own, choose};
pub use machine::MachineCpu;
pub use mocks::{Mocks, MocksError};
pub use real::{Installed, Real, RealSpec};
pub use reference::{Reference, ReferenceSpec};
