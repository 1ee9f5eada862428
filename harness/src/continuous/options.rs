//! What a load without end is told, and what it leaves.

use crate::experiment::{Ended, RunOptions};
use lb_continuous::ContinuousDocument;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Where live metrics are served and marks are taken if no flag says so. If it is taken, any free port is used.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9646);

/// The longest window in seconds.
pub const LONGEST_WINDOW_S: u32 = 60;

/// How a load without end is watched.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// Where live metrics are served and marks are taken; `None` for [`DEFAULT_LISTEN`] or a free port.
    pub listen: Option<SocketAddr>,
    /// Names under which the listener may be called, besides addresses of this machine.
    pub hosts: Vec<String>,
    /// The address of an OpenTelemetry collector; `None` exports nothing.
    pub otlp: Option<String>,
    /// The length of a window in seconds, from 1 to [`LONGEST_WINDOW_S`].
    pub window_s: u32,
    /// The time after which the load stops by itself; `None` for never.
    pub limit: Option<Duration>,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self { listen: None, hosts: Vec::new(), otlp: None, window_s: 10, limit: None }
    }
}

/// The options of a load without end.
#[derive(Debug)]
pub struct Options<'a> {
    /// The options that it has in common with an experiment.
    pub run: RunOptions<'a>,
    /// How it is watched.
    pub live: LiveOptions,
}

/// A load that has ended.
#[derive(Debug)]
pub struct Finished {
    /// What it did, as written into the results folder.
    pub document: ContinuousDocument,
    /// How it ended: complete if it was stopped.
    pub ended: Ended,
}
