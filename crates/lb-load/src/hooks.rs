//! The handles that tie a phase to this process: where to show it, where its requests go, how to stop it.

use lb_record::{Progress, RequestSink};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The handles that tie a running phase to the process that runs it. The default shows nothing, keeps no
/// single requests and never stops early.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    /// Where complete seconds and the number of active users are shown; `None` shows nothing.
    pub progress: Option<Arc<Progress>>,
    /// Where every single request goes; `None` keeps no single requests.
    pub requests: Option<RequestSink>,
    /// Setting this from outside ends the phase at once: complete requests are kept, and those in flight are
    /// left out, being neither successes nor failures.
    pub stop: Arc<AtomicBool>,
}
