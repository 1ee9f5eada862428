//! The rules of load balancing, as pure code: no clock, no sockets, no runtime.
//!
//! All decisions are made here, with time and randomness as parameters, so that two drivers can run
//! exactly the same rules: the live one (real HTTP, real time) and the simulator (virtual time,
//! millions of events a second). A live result can therefore be compared with its simulation, and a
//! policy trained in the simulator serves real traffic unchanged.
//!
//! # Modules
//!
//! Read in this order:
//!
//! 1. [`time`] and [`rng`]: points and lengths of time in nanoseconds, and seeds with independent
//!    random streams.
//! 2. [`policy`]: the trait that picks the backend for the next request, and one file for
//!    each algorithm; [`algorithm`]: the table of their names.
//! 3. [`balancer`]: the state of a pool in a load balancer, on which policies decide;
//!    [`steering`]: weights from a trained policy, for load balancers that cannot consult it per request.
//! 4. [`backend`]: how a backend queues, serves and fails; [`topology`]: the pools and their backends;
//!    [`service_time`] and [`fault`]: how long requests take, and which faults happen when.
//! 5. [`workload`]: what virtual users do, as a schedule determined by a seed and hashed;
//!    [`outcome`]: how a request can end.
//! 6. [`reports`]: how backends report their load, and what they need to remember for it.
//! 7. [`backend_from`], [`catalogue`], [`connections`], [`framing`], [`headers`], [`hex`], [`plain`], [`secret`], [`slug`], [`suggest`],
//!    [`with_causes`], [`switch_evidence`] and [`trace_summary`]: small utilities that several crates share.
//!
//! It does not depend on any other crate of this repository. `clippy.toml` bans reading the system's clock
//! here.
//!
//! # Example: a policy picked by hand
//!
//! ```
//! use lb_core::algorithm::Algorithm;
//! use lb_core::balancer::Balancer;
//! use lb_core::policy::{Reply, ReplyKind, RequestInfo};
//! use lb_core::{Seed, Span, Time};
//!
//! let algorithm: Algorithm = "least-connections".parse()?;
//! // Three backends of equal weight, all healthy.
//! let mut pool = Balancer::new(&[1.0, 1.0, 1.0], algorithm.policy()?, Seed(1).stream(&[]));
//! let request = RequestInfo::default();
//!
//! let first = pool.pick(&request, Time::ZERO).expect("a backend is healthy");
//! let second = pool.pick(&request, Time::ZERO).expect("a backend is healthy");
//! assert_ne!(first, second, "the first backend is busy, so it is not picked again");
//!
//! let now = Time::ZERO + Span::from_millis(5);
//! let reply = Reply { kind: ReplyKind::Success, latency: Span::from_millis(5) };
//! pool.reply(first, &reply, now);
//! assert_eq!(pool.in_flight(), 1, "only the second request is on its way");
//! # Ok::<(), lb_core::algorithm::AlgorithmError>(())
//! ```

pub mod algorithm;
pub mod backend;
pub mod backend_from;
pub mod balancer;
pub mod catalogue;
mod causes;
pub mod connections;
pub mod fault;
pub mod framing;
pub mod headers;
pub mod hex;
pub mod hints;
pub mod observation;
pub mod ordered;
pub mod outcome;
pub mod percent;
pub mod plain;
pub mod policy;
pub mod profile;
pub mod reports;
pub mod rng;
pub mod secret;
pub mod service_time;
pub mod slug;
pub mod steering;
pub mod suggest;
pub mod switch_evidence;
pub mod time;
pub mod topology;
pub mod trace_summary;
pub mod workload;

pub use algorithm::Algorithm;
pub use backend_from::BackendFrom;
pub use causes::with_causes;
pub use observation::Observation;
pub use outcome::Outcome;
pub use rng::{Rng, Seed};
pub use time::{Span, Time};
