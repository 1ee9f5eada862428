//! HTTP/1.1: the bytes of requests and replies, and a connection that carries one request at a time.
//!
//! The byte stream below belongs to [`transport`](crate::transport); the timing, the deadlines and the
//! recording above belong to [`client`](crate::client).
//!
//! # Another protocol
//!
//! HTTP/2 would be a folder `http2/` beside this one, with a client of its own beside `client.rs`: there
//! many requests share one connection, so that it is not a branch within this client but a second one
//! with the same methods (`serve`, `connect`, `disconnect`, `send`, `reply`, `rest`). The tasks of users
//! and seats (`user::run`, `seat::run`) would take the client's type as a parameter, and the worker would
//! name it when it spawns them. So the protocol is chosen once per phase, and a request pays neither a
//! `dyn` call nor a branch for the choice. TLS is another matter: it changes the byte stream under either
//! protocol and is an arm of [`Transport`](crate::transport::Transport).

pub(crate) mod codec;
pub(crate) mod connection;
pub(crate) mod request;
