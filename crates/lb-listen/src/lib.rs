//! The door of every listener that steers something: who may call it, and how long a client may take.
//!
//! The admin API of the load balancer, the control API of the mock backends and the backends themselves are
//! reached from the same machine as a browser with any web page in it, and share a process with what is
//! measured. So they need the same two guards, and this crate is the one place for both:
//!
//! - [`Gate`] admits a request by its `Host`, its origin and its media type, as Caddy's admin endpoint does.
//!   Neither a foreign page nor a host name that is rebound to this machine gets past it.
//! - [`serve`] serves one connection within [`Limits`]: time for a head, for the next piece of a body
//!   ([`read`]), for a client to read its reply, and between requests.
//! - [`Seats`] bounds the connections of a listener and gives the seat of the longest idle one to a newcomer;
//!   [`Door`] accepts connections within that bound, and keeps descriptors in reserve.
//!
//! [`serve_http2`] does the same for a connection that speaks HTTP/2.
//!
//! It knows no paths and no handlers.
//!
//! ```
//! use lb_listen::Gate;
//!
//! let gate = Gate::new("admin_hosts", &["metrics.internal".to_owned()])?;
//! let head = |host: &str| http::Request::get("/").header("host", host).body(()).map(|it| it.into_parts().0);
//! assert!(gate.admit(&head("127.0.0.1:8080")?).is_ok());
//! assert!(gate.admit(&head("metrics.internal")?).is_ok());
//! assert_eq!(gate.admit(&head("evil.example")?).err().map(|refusal| refusal.status.as_u16()), Some(403));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod activity;
mod body;
mod door;
mod gate;
mod host;
mod http2;
mod prefixed;
mod seats;
mod serve;

pub use body::{ReadError, read};
pub use door::{Door, Newcomer, descriptors};
pub use gate::{Admitted, Gate, Refusal};
pub use host::HostError;
pub use http2::serve_http2;
pub use prefixed::Prefixed;
pub use seats::{Seat, Seats};
pub use serve::{End, Ended, Limits, Overdue, serve};
