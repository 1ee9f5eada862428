//! What a virtual user and its driver hand to each other: requests one way, replies the other.

use crate::outcome::Outcome;
use crate::time::Time;

/// The position of a request in its workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepIndex(pub u16);

/// The position of an action in its workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActionIndex(pub u16);

/// What a user does next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// Do nothing before this time.
    Wait(Time),
    /// Send this now, and call again with the reply.
    Send(Request),
    /// The user has left and sends nothing more.
    Done,
}

/// A request that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Position of the request in the workload.
    pub step: StepIndex,
    /// The action that it belongs to.
    pub action: ActionIndex,
    /// Key of the request's random stream, fixed by the schedule: backends draw service time and failures
    /// from it, so that every algorithm meets the same draws.
    pub key: u64,
    /// The error that it carries on purpose, as the position among the step's `errors`; `None` for an ordinary
    /// request.
    pub injected: Option<u8>,
}

/// The reply to the request that a user sent last.
#[derive(Clone, Copy, Debug)]
pub struct StepReply<'a> {
    /// The outcome of the request.
    pub outcome: Outcome,
    /// The body, where the driver has one and the step extracts values. The simulator has none, and
    /// extracted values are then stand-ins.
    pub body: Option<&'a [u8]>,
}

/// A request as it goes over the wire; buffers are reused.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// Path and query below the load balancer's entry, such as `/cart-service/api/cart/items`.
    pub path: String,
    /// Headers beyond what the driver adds itself (host, length).
    pub headers: Vec<(String, String)>,
    /// JSON body; empty when there is none.
    pub body: Vec<u8>,
    /// Header buffers that the current request has no use for.
    pub(super) spare: Vec<(String, String)>,
}

impl Rendered {
    /// Makes room for so many headers, all empty, without giving buffers away.
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
