//! Switches, verifies, drains, resets and reads load balancers: the reference load balancer, HAProxy, nginx, Envoy,
//! Caddy and Traefik.
//!
//! The crate owns the contract with a load balancer and everything that is particular to one of them, so that those
//! who start, drive and compare load balancers never ask which one it is. It uses `lb-core` for the names of
//! algorithms, and an HTTP client; it starts no processes of its own, save to ask an installed program what it was
//! built with.
//!
//! - [`LoadBalancerAdmin`]: the contract, one trait. Each load balancer is one folder that implements it ([`spring`]
//!   for the reference load balancer, [`haproxy`] and so on); [`fake`] stands beside them and can lie.
//! - [`Kind::ALL`]: the table of load balancers. An entry is a [`Program`]: what it is called, how it is installed,
//!   checked and started, and how its adapter connects.
//! - [`connect`]: from a [`Kind`] and the address of a running load balancer to its adapter.
//! - [`fingerprint`]: finds out from traffic alone which algorithm routes, since what a control plane says is not
//!   proof.
//! - [`Evidence`]: what speaks for a switch and what against it; [`Snapshot`]: counters, read by difference;
//!   [`AdminError`]: what went wrong, where, and the way out.
//!
//! # Example
//!
//! The steps of a trial, against the load balancer in memory:
//!
//! ```
//! use lb_admin_client::{FakeAdmin, LoadBalancerAdmin};
//! use lb_core::time::Span;
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let admin = FakeAdmin::new(&[("slow", 1.0), ("fast", 2.0)]);
//! let algorithm = "weighted-round-robin".parse()?;
//!
//! admin.drain(Duration::from_secs(1)).await?;
//! let native = admin.switch(&algorithm).await?;
//! assert_eq!(admin.current().await?.native, native);
//!
//! let before = admin.snapshot().await?;
//! admin.serve(30, Span::from_millis(2));
//! let counted = admin.snapshot().await?.since(&before)?;
//! let requests: Vec<_> = counted.backends.iter().map(|backend| backend.requests).collect();
//! assert_eq!(requests, [Some(10), Some(20)], "shares follow weights");
//! # Ok(())
//! # }
//! ```

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
mod names;
pub mod nginx;
mod options;
mod origin;
pub mod program;
mod snapshot;
pub mod spring;
pub mod traefik;
mod version;

pub use admin::{Capabilities, Current, LoadBalancerAdmin, Offer, ResetKind};
pub use connect::connect;
pub use error::{AdminError, ModulesError, Remaining};
pub use fake::FakeAdmin;
pub use fingerprint::{PoolBackend, VerifyOptions};
pub use kind::Kind;
pub use lb_core::switch_evidence::{Evidence, Layer, Verdict};
pub use names::Names;
pub use options::{KnownBackend, RealOptions, Switching};
pub use origin::Origin;
pub use program::Program;
pub use snapshot::{BackendCounters, GenerationChanged, Snapshot};
pub use spring::{SpringAdmin, SpringOptions};
pub use version::Version;
