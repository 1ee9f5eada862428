//! HTTP/2: requests as streams of a connection, which one user has for itself or several share.
//!
//! Frames, header compression and flow control are those of the crate `h2`. Each connection has a task that reads and
//! writes for all its streams, and wakes the task of a user when something has come for its stream. A request costs two
//! allocations here, a copy of its bytes and a map of its headers, and those of `h2`.
//!
//! The timing, the deadlines and the recording above belong to [`client`](crate::client), as with
//! [`http1`](crate::http1). A request is laid out once, as HTTP/1.1, and translated for a stream
//! ([`Translator`](request::Translator)).

pub(crate) mod connection;
pub(crate) mod request;
pub(crate) mod stream;
