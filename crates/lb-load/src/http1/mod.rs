//! HTTP/1.1: the bytes of requests and replies, and a connection that carries one request at a time.
//!
//! The byte stream below belongs to [`transport`](crate::transport); the timing, the deadlines and the
//! recording above belong to [`client`](crate::client).
//!
//! A client reaches it through [`Link`](crate::link::Link), whose other arm is [`http2`](crate::http2): which protocol a
//! connection speaks is known only once it is open, and costs a request one predicted branch. TLS changes the byte stream
//! under either protocol, and is an arm of [`Transport`](crate::transport::Transport).

pub(crate) mod codec;
pub(crate) mod connection;
pub(crate) mod request;
