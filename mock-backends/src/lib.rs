//! Mock backends: HTTP services that queue, slow down and fail like real ones.
//!
//! One process, one thread, many instances, each on its own port and each executing the capacity
//! model of [`lb_core::backend`] in real time. So a load balancer meets queues that follow known
//! laws, and every measurement can be held against the model. One thread needs no locks, and the
//! order of events in a model is the order of its arithmetic.
//!
//! A request walks through these rooms: `server` (accept, read) -> `engine` (wait for the model in
//! `unit`: workers, queue, speed, faults, `degradation`) -> `api` (the shop, over `store` and `catalogue`)
//! -> `server` (reply with `X-Backend`). `control` is the harness's handle on all of it.
//!
//! - As a process: [`cli::main`], or [`run`] with a [`Config`].
//! - On a thread, for tests and benchmarks: [`Mocks::start`].

mod api;
mod catalogue;
pub mod cli;
mod config;
mod control;
mod counts;
mod degradation;
mod degrade;
mod engine;
mod hold;
mod process;
mod reply;
mod server;
mod slots;
mod socket;
mod store;
mod unit;
mod uri;

pub use catalogue::{Product, catalogue_problems, default_catalogue};
pub use config::{AnnouncedBackend, Announcement, Config, MockError};
pub use process::{Mocks, run};
