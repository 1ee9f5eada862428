//! Switches, verifies, drains, resets and reads load balancers: the reference load balancer, HAProxy, nginx,
//! Envoy, Caddy and Traefik.
//!
//! The crate contains the interface to load balancers and everything that is specific to one of them, so that
//! code that starts, drives and compares load balancers never has to distinguish them. It uses `lb-core` for
//! the names of algorithms, and an HTTP client. It starts no processes, except to ask an installed program
//! for its build options, and the commands that a user declares.
//!
//! - [`LoadBalancerAdmin`]: the trait that every adapter implements. Each load balancer has a folder with its
//!   adapter ([`spring`] for the reference load balancer, [`haproxy`] and so on); [`fake`] is a load balancer
//!   in memory that can lie.
//! - [`Kind::ALL`]: the table of load balancers. An entry is a [`Program`]: what it is called, how it is
//!   installed, checked and started, and how its adapter connects.
//! - [`Declaration`]: a load balancer as data, with the commands and calls that switch it; [`Declared`] is its
//!   adapter.
//! - [`connect`]: connects an adapter, given a [`Kind`] and the address of a running load balancer.
//! - [`fingerprint`]: finds out from traffic alone which algorithm is active, since what a control plane says
//!   is not proof.
//! - [`Evidence`]: the observations for and against a switch. [`Snapshot`]: counters, compared by difference.
//!   [`AdminError`]: what failed, where, and what to do about it.
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
mod as_is;
pub mod caddy;
mod connect;
pub mod declared;
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
pub use as_is::AsIs;
pub use connect::connect;
pub use declared::{Declaration, Declared};
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
