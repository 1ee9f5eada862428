//! How a backend queues, serves and fails: the capacity model that mock backends execute in real
//! time and the simulator in virtual time.

mod model;

pub use model::{Arrival, BackendModel, Finished, Job, JobId, JobResult};
