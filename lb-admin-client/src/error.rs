//! What can go wrong between the harness and a load balancer: where (URL and status), what was
//! expected instead, and the way out. Messages are fragments that fit after "failed to".

use lb_core::Algorithm;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Why a call to a load balancer did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address cannot be called at all.
    #[error("call `{url}`: {reason}; expected an address such as http://127.0.0.1:8080")]
    BadAddress {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody answered.
    #[error("reach {url}: {reason}; is the load balancer running there?")]
    Unreachable {
        /// What was called.
        url: String,
        /// Connection refused, timeout and the like.
        reason: String,
    },
    /// The load balancer wants a token, or another one.
    #[error("call {url}: it answered {status}; give the load balancer's admin token")]
    Unauthorized {
        /// What was called.
        url: String,
        /// 401 or 403.
        status: u16,
    },
    /// The system does not let us talk to it.
    #[error("use {place}: permission denied; {way_out}")]
    Denied {
        /// Socket, file or process.
        place: String,
        /// How to be let in.
        way_out: &'static str,
    },
    /// It loaded a configuration anew, and those that run under the old one do not end.
    #[error(
        "switch to `{native}`: after {waited:?} processes under the old configuration still answer ({}); \
         wait longer, or find the connections that hold them",
        processes(.left)
    )]
    OldGeneration {
        /// The algorithm's name there.
        native: String,
        /// For how long it was waited.
        waited: Duration,
        /// Their process ids.
        left: Vec<u32>,
    },
    /// The algorithm is not among those that the load balancer offers, so it was not asked.
    #[error(
        "switch to `{algorithm}`: the {dialect} load balancer does not offer it; it offers {}",
        list(.available)
    )]
    NotOffered {
        /// What was asked for.
        algorithm: Algorithm,
        /// The kind of load balancer.
        dialect: String,
        /// What it offers, in its own names.
        available: Vec<String>,
    },
    /// The load balancer was asked to switch and said no.
    #[error(
        "switch to `{native}`: {url} refused with {status} ({said}); it offers {}",
        list(.available)
    )]
    Refused {
        /// What was called.
        url: String,
        /// Its status.
        status: u16,
        /// The name that was sent.
        native: String,
        /// Its message.
        said: String,
        /// What it offers, in its own names.
        available: Vec<String>,
    },
    /// The load balancer said that it had switched, and routes with something else.
    #[error(
        "switch to `{wanted}`: the load balancer said that it did, but {url} says that `{routes}` routes; \
         nothing measured now would be about `{wanted}`"
    )]
    NotSwitched {
        /// Where it admits it.
        url: String,
        /// The name that was sent.
        wanted: String,
        /// What routes instead.
        routes: String,
    },
    /// A measurement is already running.
    #[error(
        "start a measurement: {url} answered {status} ({said}); \
         stop the one that runs there first, if nobody else needs it"
    )]
    AlreadyMeasuring {
        /// What was called.
        url: String,
        /// Its status.
        status: u16,
        /// Its message.
        said: String,
    },
    /// No measurement runs that could be stopped.
    #[error(
        "stop the measurement: {url} says that none runs ({said}); somebody else may have stopped it, \
         and then its counts are incomplete"
    )]
    NotMeasuring {
        /// What was called.
        url: String,
        /// Its message.
        said: String,
    },
    /// Requests are still in flight.
    #[error(
        "drain the {dialect} load balancer: after {waited:?} requests are still in flight ({remaining}); \
         wait longer, or find the clients that hold them"
    )]
    StillInFlight {
        /// The kind of load balancer.
        dialect: String,
        /// For how long it was waited.
        waited: Duration,
        /// Where they are.
        remaining: Remaining,
    },
    /// This load balancer has no such call.
    #[error("{what}: the {dialect} load balancer at {url} cannot; {way_out}")]
    NotSupported {
        /// What was asked, as a verb with its object.
        what: &'static str,
        /// The kind of load balancer.
        dialect: String,
        /// Its address.
        url: String,
        /// What to do instead.
        way_out: &'static str,
    },
    /// A value that the load balancer would not understand, so it was not asked.
    #[error("{what}: {reason}")]
    BadValue {
        /// What was asked, as a verb with its object.
        what: &'static str,
        /// Key, value and limit.
        reason: String,
    },
    /// An answer that the dialect does not have.
    #[error(
        "understand {url}: it answered {status} with `{said}`, expected {expected}; \
         is this the address of a load balancer with this admin API?"
    )]
    Unexpected {
        /// What was called.
        url: String,
        /// Its status.
        status: u16,
        /// What the dialect promises.
        expected: &'static str,
        /// The beginning of what came, or what is wrong with it.
        said: String,
    },
}

impl AdminError {
    /// The refusal of a load balancer, at `url` or another place, that has no such call.
    pub(crate) fn not_supported(
        dialect: &str,
        url: impl Into<String>,
        what: &'static str,
        way_out: &'static str,
    ) -> Self {
        Self::NotSupported { what, dialect: dialect.to_owned(), url: url.into(), way_out }
    }
}

/// Why the modules that a program needs for steered weights could not be found.
#[derive(Debug, thiserror::Error)]
pub enum ModulesError {
    /// The program cannot be asked.
    #[error("failed to run `{}`", .program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A module is not on this machine.
    #[error(
        "failed to run `rl` on {name}: its weights are steered by {by}, and `{}` is missing; {way_out}, or leave `rl` out \
         of --algorithms",
        .module.display()
    )]
    Missing {
        /// The load balancer.
        name: &'static str,
        /// What steers its weights.
        by: &'static str,
        /// Where the module should be.
        module: PathBuf,
        /// How to get it.
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

fn processes(pids: &[u32]) -> String {
    pids.iter().map(|pid| format!("pid {pid}")).collect::<Vec<_>>().join(", ")
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing that we know by name".to_owned() } else { names.join(", ") }
}
