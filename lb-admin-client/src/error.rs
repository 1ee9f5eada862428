//! Errors of calls to a load balancer. Each says where it happened (URL and status), what was expected
//! instead, and what to do about it. Messages are fragments that fit after "failed to".

use lb_core::Algorithm;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The reason why a call to a load balancer failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address is malformed or of a kind that cannot be called.
    #[error("call `{url}`: {reason}; expected an address such as http://127.0.0.1:8080")]
    BadAddress {
        /// The address as it was given.
        url: String,
        /// What is wrong with the address.
        reason: String,
    },
    /// The connection failed or no answer came in time.
    #[error("reach {url}: {reason}; is the load balancer running there?")]
    Unreachable {
        /// The URL that was called.
        url: String,
        /// The cause, such as a refused connection or a timeout.
        reason: String,
    },
    /// The load balancer requires a token, rejects the one that was sent, or does not know the host by which it was
    /// called.
    #[error("call {url}: it answered {status} (`{said}`); {}", admission(*.status))]
    Unauthorized {
        /// The URL that was called.
        url: String,
        /// The HTTP status: 401 or 403.
        status: u16,
        /// The beginning of its answer.
        said: String,
    },
    /// The operating system denies access.
    #[error("use {place}: permission denied; {way_out}")]
    Denied {
        /// The socket, file or process that was to be used.
        place: String,
        /// How to get access.
        way_out: &'static str,
    },
    /// A new configuration was loaded, but processes with the old one are still running.
    #[error(
        "switch to `{native}`: after {waited:?}, processes with the old configuration are still \
         running ({}); wait longer, or find the connections that keep them running",
        processes(.left)
    )]
    OldGeneration {
        /// The load balancer's own name for the algorithm.
        native: String,
        /// How long the call waited.
        waited: Duration,
        /// Ids of the processes that are still running.
        left: Vec<u32>,
    },
    /// The load balancer does not offer the algorithm, so no request was sent.
    #[error(
        "switch to `{algorithm}`: the {dialect} load balancer does not offer it; it offers {}",
        list(.available)
    )]
    NotOffered {
        /// The requested algorithm.
        algorithm: Algorithm,
        /// The kind of load balancer.
        dialect: String,
        /// The algorithms that it offers, by its own names.
        available: Vec<String>,
    },
    /// The load balancer refused to switch.
    #[error(
        "switch to `{native}`: {url} refused with {status} ({said}); it offers {}",
        list(.available)
    )]
    Refused {
        /// The URL that was called.
        url: String,
        /// The HTTP status of its answer.
        status: u16,
        /// The name of the algorithm that was sent.
        native: String,
        /// The message in the load balancer's answer.
        said: String,
        /// The algorithms that it offers, by its own names.
        available: Vec<String>,
    },
    /// The load balancer accepted the switch but routes with another algorithm.
    #[error(
        "switch to `{wanted}`: the load balancer confirmed the switch, but {url} says that `{routes}` \
         is active; a measurement now would not measure `{wanted}`"
    )]
    NotSwitched {
        /// The URL whose answer names the other algorithm.
        url: String,
        /// The name of the algorithm that was sent.
        wanted: String,
        /// The algorithm that is active instead.
        routes: String,
    },
    /// A measurement is already running.
    #[error(
        "start a measurement: {url} answered {status} ({said}); \
         stop the measurement that is running there, unless another run needs it"
    )]
    AlreadyMeasuring {
        /// The URL that was called.
        url: String,
        /// The HTTP status of its answer.
        status: u16,
        /// The message in the load balancer's answer.
        said: String,
    },
    /// There is no measurement to stop.
    #[error(
        "stop the measurement: {url} says that none is running ({said}); another client may have stopped it, \
         in which case its counts are incomplete"
    )]
    NotMeasuring {
        /// The URL that was called.
        url: String,
        /// The message in the load balancer's answer.
        said: String,
    },
    /// Requests are still in flight.
    #[error(
        "drain the {dialect} load balancer: after {waited:?}, requests are still in flight ({remaining}); \
         wait longer, or find the clients that keep them open"
    )]
    StillInFlight {
        /// The kind of load balancer.
        dialect: String,
        /// How long the call waited.
        waited: Duration,
        /// The number of remaining requests on each backend.
        remaining: Remaining,
    },
    /// The load balancer does not support the operation.
    #[error("{what}: the {dialect} load balancer at {url} does not support this; {way_out}")]
    NotSupported {
        /// The operation, as a verb with its object.
        what: &'static str,
        /// The kind of load balancer.
        dialect: String,
        /// The address of the load balancer.
        url: String,
        /// What to do instead.
        way_out: &'static str,
    },
    /// A step of a declared load balancer failed.
    #[error("take step `{place}`: {action} {fault}; {said}")]
    Step {
        /// The place of the step in the declaration, such as `switch[0]`.
        place: String,
        /// The command or request.
        action: String,
        /// What happened instead of a success, as a verb with its object.
        fault: String,
        /// The last lines of its output or answer.
        said: String,
        /// Whether it ended by itself or was answered, only not as expected.
        answered: bool,
    },
    /// A value, file or answer that cannot be used.
    #[error("{what}: {reason}")]
    BadValue {
        /// The operation, as a verb with its object.
        what: &'static str,
        /// The key or file, its value, and what would be valid.
        reason: String,
    },
    /// An answer that is not part of the protocol.
    #[error(
        "understand {url}: it answered {status} with `{said}`, expected {expected}; \
         is this the address of a load balancer with this admin API?"
    )]
    Unexpected {
        /// The URL that was called.
        url: String,
        /// The HTTP status of its answer.
        status: u16,
        /// The answer that the protocol prescribes.
        expected: &'static str,
        /// The beginning of the answer, or what is wrong with it.
        said: String,
    },
}

impl AdminError {
    /// Returns the error of a load balancer, at `url` or another address, that does not support a call.
    pub(crate) fn not_supported(
        dialect: &str,
        url: impl Into<String>,
        what: &'static str,
        way_out: &'static str,
    ) -> Self {
        Self::NotSupported { what, dialect: dialect.to_owned(), url: url.into(), way_out }
    }
}

/// The reason why the modules that a program needs for steered weights could not be found.
#[derive(Debug, thiserror::Error)]
pub enum ModulesError {
    /// The program cannot be run to ask where its modules are.
    #[error("failed to run `{}`", .program.display())]
    Run {
        /// The path of the program.
        program: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// A module is not installed.
    #[error(
        "failed to run `rl` on {name}: its weights are steered by {by}, and `{}` is missing; {way_out}, or leave `rl` out \
         of --algorithms",
        .module.display()
    )]
    Missing {
        /// The name of the load balancer.
        name: &'static str,
        /// The component that steers its weights.
        by: &'static str,
        /// The path at which the module should be.
        module: PathBuf,
        /// How to get the module.
        way_out: &'static str,
    },
}

/// Requests still in flight, by backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remaining(pub Vec<(String, u32)>);

impl fmt::Display for Remaining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (backend, count)) in self.0.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{count} on {backend}")?;
        }
        Ok(())
    }
}

/// Says how to be let in.
fn admission(status: u16) -> &'static str {
    match status {
        401 => "give the load balancer's admin token",
        _ => "call it at an address that it allows, or give the load balancer's admin token",
    }
}

fn processes(pids: &[u32]) -> String {
    pids.iter().map(|pid| format!("pid {pid}")).collect::<Vec<_>>().join(", ")
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "no known algorithm".to_owned() } else { names.join(", ") }
}
