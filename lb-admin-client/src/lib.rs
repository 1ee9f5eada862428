//! Switches, verifies, drains, resets and reads a load balancer, whichever it is.
//!
//! - [`LoadBalancerAdmin`]: the contract, one trait. Each real load balancer is one folder that
//!   implements it ([`spring`], [`haproxy`]); [`fake`] stands beside them and can lie.
//! - [`connect`]: from the [`Kind`] of a load balancer and its address to its adapter.
//! - [`fingerprint`]: finds out from traffic alone which algorithm routes, since what a control
//!   plane says is no proof.
//! - [`Evidence`]: what speaks for a switch and what against it; [`Snapshot`]: counters, read by
//!   difference; [`AdminError`]: what went wrong, where, and the way out.

mod admin;
pub mod caddy;
mod connect;
pub mod envoy;
mod error;
pub mod fake;
pub mod fingerprint;
mod flags;
mod group;
pub mod haproxy;
mod http;
mod kind;
pub mod nginx;
mod options;
mod snapshot;
pub mod spring;
pub mod traefik;

pub use admin::{Capabilities, Current, LoadBalancerAdmin, Offer, ResetKind};
pub use connect::connect;
pub use error::{AdminError, Remaining};
pub use fake::FakeAdmin;
pub use fingerprint::{PoolBackend, VerifyOptions};
pub use kind::Kind;
pub use lb_core::switch_evidence::{Evidence, Layer, Verdict};
pub use options::{KnownBackend, RealOptions, Switching};
pub use snapshot::{BackendCounters, GenerationChanged, Snapshot};
pub use spring::{SpringAdmin, SpringOptions};
