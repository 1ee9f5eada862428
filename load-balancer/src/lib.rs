//! The reference load balancer: a reverse proxy for HTTP/1.1 and HTTP/2 whose every decision is made by the rules of
//! `lb-core`, and which reports these decisions truthfully.
//!
//! It exists so that `bench` has a load balancer that offers all algorithms, can switch between them, and has
//! known costs. A request is handled as follows: `data_port` accepts the connection on a data thread (`tls` opens it, `http2` divides it), `proxy`
//! finds the service's pool in the table of `state`, lets the pool's balancer pick a backend under one short
//! lock, forwards the request, and releases it when its reply has ended or failed. `probes` asks backends
//! for their load, and `load_reports` counts what they say. `health` decides which
//! backends may be picked; `admin` implements the admin API; `metrics` counts for Prometheus. Of these,
//! `state` depends on neither `proxy` nor `admin`, and only `serve` and `data_port` depend on both.
//!
//! - One balancer per pool behind one lock: all threads share one view of the requests in flight. With
//!   private views, each data thread has its own balancer, as if it were a separate load balancer.
//! - One single-threaded runtime per data thread, each with its own listener on the shared port.
//! - Requests that may have reached a backend are never sent twice unless they are idempotent.
//!
//! Of this workspace, the crate may use only the rules (`lb-core`), the writer of traces (`lb-traces`), and what prints
//! and reads files (`lb-io`).
//!
//! # Example
//!
//! Starts a load balancer without pools on a port chosen by the system, calls its admin API, and stops
//! it:
//!
//! ```
//! use load_balancer::{Config, Server};
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//! use std::path::Path;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = r#"{ "listen": "127.0.0.1:0", "threads": 1, "algorithm": "least-connections" }"#;
//! let server = Server::bind(Config::parse(config, Path::new(""))?)?;
//! let admin = server.admin_address();
//! let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! let serving = std::thread::spawn(move || {
//!     server.run_until(async {
//!         let _ = stopped.await;
//!     })
//! });
//!
//! let mut stream = TcpStream::connect(admin)?;
//! write!(stream, "GET /api/lb/snapshot HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\n\r\n")?;
//! let mut reply = String::new();
//! stream.read_to_string(&mut reply)?;
//! assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
//! assert!(reply.contains(r#""algorithm":"least-connections""#), "{reply}");
//!
//! drop(stop);
//! serving.join().expect("the load balancer does not panic")?;
//! # Ok(())
//! # }
//! ```

#![warn(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "they panic when a pipe is closed or a disk is full"
)]

mod admin;
mod answer;
pub mod cli;
pub mod config;
mod data_port;
mod descriptors;
mod health;
mod http2;
mod load_reports;
mod metrics;
mod probes;
mod proxy;
mod serve;
mod state;
mod threads;
mod tls;

pub use config::{Config, ConfigError};
#[doc(hidden)]
pub use proxy::whole;
pub use serve::{Server, StartError, run};
