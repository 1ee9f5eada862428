//! How a backend queues, serves and fails: the capacity model that mock backends execute in real
//! time and the simulator in virtual time.

mod clock;
mod draw;
mod job;
mod model;

pub use draw::{demand, demand_at_cost};
pub use job::{Arrival, Finished, Job, JobId, JobResult};
pub use model::BackendModel;
