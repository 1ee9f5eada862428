//! One request of a recording, with all that the recording says about it.

use lb_core::Span;

/// One recorded request.
///
/// A recording seldom says everything; what it does not say is `None` or empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// The line of the file, from 1, or the number of the element in a list.
    pub line: usize,
    /// When the request began, as Unix time in nanoseconds.
    pub at: Option<i128>,
    /// The method, in upper case.
    pub method: String,
    /// The path with its query, percent-encoded so that it can be sent.
    pub target: String,
    /// The host that was asked for, with its port if the recording names one.
    pub host: Option<String>,
    /// The client, by address or name; the first one if proxies forwarded the request.
    pub client: Option<String>,
    /// The user or session, as the recording calls it.
    pub user: Option<String>,
    /// The value of the field `User-Agent`.
    pub user_agent: Option<String>,
    /// The status of the reply. `None` also if the client went away before there was one.
    pub status: Option<u16>,
    /// Size of the reply's body in bytes.
    pub bytes: Option<u64>,
    /// Time from the beginning of the request to the end of the reply.
    pub duration: Option<Span>,
    /// Fields of the request that can be sent again, without those of the connection.
    pub headers: Vec<(String, String)>,
    /// The body of the request.
    pub body: Vec<u8>,
    /// Each attempt of a load balancer at a backend, in order: one, unless it retried.
    pub attempts: Vec<Attempt>,
}

/// One attempt of a load balancer to have a backend answer a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attempt {
    /// The backend, by name or address.
    pub backend: String,
    /// The group of backends from which it was chosen, as the load balancer calls it: HAProxy's `backend`.
    pub group: Option<String>,
    /// The status of its reply; `None` if there was none.
    pub status: Option<u16>,
    /// Time that the request waited in the load balancer before it was sent.
    pub queued: Option<Span>,
    /// Time to connect.
    pub connect: Option<Span>,
    /// Time from sending the request to the head of the reply.
    pub head: Option<Span>,
    /// Time from the beginning of the attempt to the end of the reply.
    pub whole: Option<Span>,
}
