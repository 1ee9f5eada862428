//! How an exchange failed, over either protocol.

/// How an exchange failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// The connection broke, or the other side does not keep to the protocol.
    Broken,
    /// The connection, which had carried another request before, was closed without one byte of a reply.
    Unanswered,
    /// The other side did not process the request, and said so for the whole connection (GOAWAY).
    Unprocessed,
    /// The other side did not process the request, and said so for this request alone (`REFUSED_STREAM`).
    Refused,
}
