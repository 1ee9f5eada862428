//! The reference load balancer: an HTTP/1.1 reverse proxy whose every decision is made by the rules of
//! `lb-core`, and which reports these decisions truthfully.
//!
//! It exists so that `bench` has a load balancer that offers and can switch between all algorithms, and whose
//! costs are known. A request is handled as follows: `serve` accepts the connection on a data thread, `proxy`
//! finds the service's pool in the table of `state`, lets the pool's balancer pick a backend under one short
//! lock, forwards, and releases the request when its reply has ended or failed. `health` decides which
//! backends may be picked; `admin` switches, steers and reads; `metrics` counts for Prometheus. Of these, `state`
//! knows neither `proxy` nor `admin`, and only `serve` knows both.
//!
//! - One balancer per pool behind one lock: all threads share one view of what is in flight. With private views
//!   each data thread has a balancer of its own, as if it were a load balancer of its own.
//! - One single-threaded runtime per data thread, each with its own listener on the shared port.
//! - Requests that may have reached a backend are never sent twice unless they are idempotent.
//!
//! The crate may use the rules (`lb-core`) and the writer of traces (`lb-traces`).
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

mod admin;
pub mod cli;
pub mod config;
mod health;
mod metrics;
mod proxy;
mod serve;
mod state;

pub use config::{Config, ConfigError};
pub use serve::{Server, StartError, run};
