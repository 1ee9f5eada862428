//! Decision traces: every decision of a load balancer and how its request ended, as Parquet, for training and
//! inspection.
//!
//! This crate contains the format ([`mod@format`]), the code that writes it on the hot path of a load
//! balancer or in a simulation ([`write`](mod@write)), and the code that reads it for inspection and
//! calibration ([`read`]). They are kept together so that they cannot diverge: one enum defines the columns;
//! the schema is made from it, and readers select columns by it. `docs/traces.md` explains the columns.
//!
//! The crate may depend on the rules (`lb-core`) and Parquet, but not on sockets or a runtime.
//!
//! # Example
//!
//! A policy is recorded while it decides on one request, and the trace is read back:
//!
//! ```
//! use lb_core::balancer::Balancer;
//! use lb_core::policy::{Logged, Reply, ReplyKind, RequestInfo};
//! use lb_core::{Algorithm, Seed, Span, Time};
//! use lb_traces::read::{End, Traces};
//! use lb_traces::write::{Names, Overflow, Recording, TracedPolicy, Tracer};
//! use std::sync::Arc;
//!
//! struct Shop;
//!
//! impl Names for Shop {
//!     fn backends(&self) -> Vec<String> {
//!         vec!["shop-1".to_owned(), "shop-2".to_owned()]
//!     }
//!
//!     fn route(&self, _class: u16) -> String {
//!         "GET /shop/items/{}".to_owned()
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let tracer = Tracer::new(Overflow::Wait)?;
//! let traced = TracedPolicy { lb_id: 0, policy_id: "random".to_owned(), names: Arc::new(Shop) };
//! let policy = Logged::new("random".parse::<Algorithm>()?.policy()?, tracer.log(traced), 0.0);
//! let mut balancer = Balancer::new(&[1.0, 1.0], Box::new(policy), Seed(7).stream(&[]));
//!
//! tracer.start(Recording {
//!     path: folder.path().join("shop.parquet"),
//!     run_id: "example".to_owned(),
//!     exploration: 0.0,
//!     origin: Time::ZERO,
//!     started_at: None,
//! })?;
//! let request = RequestInfo { client_key: 1, route: 1, ..RequestInfo::default() };
//! let sent = Time::from_nanos(1_000_000);
//! let backend = balancer.pick(&request, sent).ok_or("both backends are healthy")?;
//! let latency = Span::from_millis(12);
//! balancer.reply(backend, &Reply { kind: ReplyKind::Success, latency }, sent + latency);
//! let summary = tracer.stop()?;
//! assert_eq!((summary.rows, summary.censored), (1, 0));
//!
//! let traces = Traces::read(folder.path(), None)?;
//! let exchange = traces.episodes[0].exchanges[0];
//! assert_eq!(traces.backends, ["shop-1", "shop-2"]);
//! assert_eq!((exchange.end, exchange.latency), (End::Served, Some(latency)));
//! assert_eq!(usize::from(exchange.backend), backend.get());
//! # Ok(())
//! # }
//! ```

pub mod format;
pub mod read;
pub mod write;
