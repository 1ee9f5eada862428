//! What a connection to a backend needs of the client: the request's body, and a place for interim replies.

use crate::proxy::fields::Fields;
use crate::proxy::reply::Head;
use lb_core::framing::Malformed;
use std::task::{Context, Poll};

/// The reason why a client does not get its reply, which no backend is to blame for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClientError {
    /// It has gone.
    #[error("the client aborted its request")]
    Gone,
    /// It did not send or read in time.
    #[error("the client did not send its request in time")]
    Slow,
    /// Its body is malformed.
    #[error("malformed chunked body: {0}")]
    Malformed(&'static str),
}

impl From<Malformed> for ClientError {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error.0)
    }
}

/// A client whose request is sent to a backend.
pub(crate) trait Requester {
    /// Returns whether the backend has had all its time.
    fn is_overdue(&self) -> bool;

    /// Waits until the backend does something; `renew` says that it just did.
    fn wait_for_backend(&self, renew: bool);

    /// Returns whether all of the request's body has been read.
    fn has_whole_request(&self) -> bool;

    /// Moves the next part of the body to `output`, as chunks if the backend gets it as chunks; ready when there
    /// is some.
    fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        output: &mut Vec<u8>,
        chunked: bool,
    ) -> Poll<Result<(), ClientError>>;

    /// Notices, while the client waits for a backend, that it has gone. Keeps what it sends in the meantime.
    fn watch(&mut self, cx: &mut Context<'_>) -> Result<(), ClientError>;

    /// Passes an interim reply on, except for 100: the load balancer answers `Expect` itself. It is dropped if the
    /// client would not understand it, or does not read.
    fn pass_interim(&mut self, cx: &mut Context<'_>, head: &Head, fields: &Fields)
    -> Result<(), ClientError>;
}
