//! What a virtual user exchanges with its driver: requests and replies.

use super::look::Seen;
use crate::outcome::Outcome;
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// The position of a request in its workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepIndex(pub u16);

/// The position of an action in its workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActionIndex(pub u16);

/// What a user does next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// Wait until this time.
    Wait(Time),
    /// Send this request now, and call again with its reply.
    Send(Request),
    /// The user has left and sends no more requests.
    Done,
}

/// A request to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Position of the request in the workload.
    pub step: StepIndex,
    /// The action that it belongs to.
    pub action: ActionIndex,
    /// Key of the request's random stream, set by the schedule. Backends draw service time and failures
    /// from it, so that every algorithm gets the same draws.
    pub key: u64,
    /// Deliberate error in the request, as the position among the step's `errors`; `None` for an
    /// ordinary request.
    pub injected: Option<u8>,
}

/// The reply to the request that a user sent last.
#[derive(Clone, Copy, Debug)]
pub struct StepReply<'a> {
    /// The outcome of the request.
    pub outcome: Outcome,
    /// The parts that the step looks at. `None` from a driver without replies, such as the simulator:
    /// placeholders then get stand-ins.
    pub seen: Option<Seen<'a>>,
}

/// A request as sent over the network; its buffers are reused.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// Path and query relative to the load balancer's URL, such as `/cart-service/api/cart/items`.
    pub path: String,
    /// Headers, except those that the driver adds (host, length).
    pub headers: Vec<(String, String)>,
    /// JSON body; empty if there is none.
    pub body: Vec<u8>,
    /// The client as `X-Forwarded-For` names it; empty if the driver is to name one.
    pub forwarded_for: String,
    /// The host that is asked for; empty for that of the target.
    pub host: String,
    /// Header buffers that the current request does not need.
    pub(super) spare: Vec<(String, String)>,
}

impl Rendered {
    /// Sets the number of headers, all of them empty, and keeps unused buffers.
    pub(super) fn set_headers(&mut self, count: usize) {
        while self.headers.len() > count {
            self.spare.extend(self.headers.pop());
        }
        while self.headers.len() < count {
            self.headers.push(self.spare.pop().unwrap_or_default());
        }
        for (name, value) in &mut self.headers {
            name.clear();
            value.clear();
        }
    }
}
