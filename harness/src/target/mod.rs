//! What is under test: which load balancer a run drives, starting and stopping what the run brings
//! itself, and how healthy it is.

mod child;
mod choose;
mod embedded;
mod machine;
mod mocks;

pub use child::{Child, ChildCommand, cpu_seconds};
pub use choose::{Choice, choose};
pub use embedded::{Embedded, EmbeddedSpec};
pub use machine::MachineCpu;
pub use mocks::{Mocks, MocksError};
