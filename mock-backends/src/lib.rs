//! Mock backends: HTTP services that queue, slow down and fail like real ones.
//!
//! One process, one thread, many instances, each on its own port and each executing the capacity model of
//! [`lb_core::backend`] in real time. A load balancer thus faces queues that follow known laws, and every
//! measurement can be checked against the model. A single thread needs no locks and makes the order of events
//! in a model deterministic.
//!
//! A request passes through these modules: `server` (accept), `connection` (TLS, HTTP/1.1 or HTTP/2) -> `server` (read) -> `engine` (wait for the model in `unit`:
//! workers, queue, speed, faults, `degradation`) -> `api` (the shop, over `store` and `catalogue`), `boutique` (its
//! pages for browsers) or `declared_api` (an API from a file, which [`api_file`] reads) -> `replies` (with `X-Backend`, and with
//! a `load_report` if wished). `control` is the API with which the harness controls all of it.
//!
//! - As a process: [`cli::main`], or [`run`] with a [`Config`].
//! - On a thread, for tests and benchmarks: [`Mocks::start`].
//!
//! From this repository, the crate uses `lb-core` (the model), `lb-clock` (real time), `lb-listen` (who may call what
//! steers the backends) and `lb-document` (files of mock APIs).
//!
//! # Example
//!
//! ```
//! use lb_core::topology::Topology;
//! use mock_backends::{Config, Mocks};
//! use std::io::{Read as _, Write as _};
//! use std::net::TcpStream;
//!
//! let topology: Topology = serde_json::from_str(
//!     r#"{
//!         "name": "one backend",
//!         "pools": [{"name": "all", "backends": [{"id": "b1"}]}],
//!         "service_time": {"distribution": "constant", "mean_ms": 1.0}
//!     }"#,
//! )?;
//! // On ports that the system chooses; dropping the value ends the backends.
//! let mocks = Mocks::start(Config::new(topology))?;
//! let url = &mocks.announcement().backends[0].url;
//! let address = url.strip_prefix("http://").expect("an address of ours");
//!
//! let mut stream = TcpStream::connect(address)?;
//! stream.write_all(b"GET /api/inventory/all HTTP/1.1\r\nhost: b1\r\nconnection: close\r\n\r\n")?;
//! let mut reply = String::new();
//! stream.read_to_string(&mut reply)?;
//! assert!(reply.starts_with("HTTP/1.1 200 OK"), "{reply}");
//! assert!(reply.contains("x-backend: b1"), "the reply names the backend that served it");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![warn(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "they panic when a pipe is closed or a disk is full"
)]

mod api;
pub mod api_file;
mod boutique;
mod catalogue;
pub mod cli;
mod config;
mod connection;
mod control;
mod cookies;
mod cost;
mod counts;
mod declared_api;
mod declared_replies;
mod degradation;
mod degrade;
mod echo;
mod engine;
mod exposition;
mod hold;
mod listener;
mod load_report;
mod operators;
mod process;
mod replies;
mod reply;
mod server;
mod slots;
mod socket;
mod store;
mod target;
mod tls;
mod unit;
mod uri;

pub use catalogue::{Product, catalogue_problems, default_catalogue};
pub use config::{AnnouncedBackend, Announcement, Config, MockError, TlsFiles};
pub use process::{Mocks, run};
