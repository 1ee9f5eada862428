//! The reference load balancer: an HTTP/1.1 reverse proxy whose every decision is made by the rules
//! of `lb-core`, and which tells the truth about them.
//!
//! A request takes this way: `serve` accepts the connection on one of the data threads, `proxy`
//! finds the service's pool in the `state::Table`, lets the pool's balancer pick a backend under
//! one short lock, forwards, and releases the request when its reply has ended, on whatever path.
//! `health` decides who may be picked; `admin` switches, steers and reads; `metrics` counts
//! for Prometheus.
//!
//! - One balancer per pool behind one lock: all threads share one view of what is in flight.
//! - One single-threaded runtime per data thread, each with its own listener on the shared port.
//! - Requests that may have reached a backend are never sent twice unless they are idempotent.

mod admin;
pub mod cli;
pub mod config;
mod health;
mod metrics;
mod proxy;
mod serve;
mod state;

pub use config::{Config, ConfigError};
pub use serve::{StartError, run};
