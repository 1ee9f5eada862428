//! HAProxy, by its stats socket.
//!
//! There is no command that changes `balance`, so every pool has one `backend` for each algorithm
//! ([`Group`]), and a map with the one key `current` says which of them the frontend uses. What follows from
//! how HAProxy is:
//!
//! 1. The map takes any value, and a wrong one is a 503 for every request: only names of backends are sent.
//! 2. Commands return no status; an empty answer means success.
//! 3. `show stat` is read by the names of its columns: their order differs between versions.
//! 4. Counters are kept by backend, so those of a server are the sum over all groups; a request in flight at
//!    `clear counters all` is booked into some counters and not into others, so drain before.
//! 5. `balance roundrobin` is distorted when its weights are rewritten every few requests; `random(1)` forgets
//!    nothing since it remembers nothing. The group `rl` should use it.
//! 6. Its `random` draws the same numbers after every start.

mod admin;
mod names;
pub mod program;
mod socket;
mod stat;

use crate::admin::{Capabilities, ResetKind};
use crate::error::AdminError;
use crate::group::{Group, algorithms};
use crate::options::{RealOptions, capabilities};
use lb_core::Algorithm;
use names::NAMES;
use socket::Socket;
use stat::{Row, Table};
use std::sync::atomic::AtomicU64;

/// The only key of the map that selects.
const CURRENT: &str = "current";

/// The greatest weight of a server.
const GREATEST_WEIGHT: f64 = 256.0;

/// A running HAProxy.
#[derive(Debug)]
pub struct HaproxyAdmin {
    socket: Socket,
    /// The file that the map was read from, which is also its name.
    map: String,
    capabilities: Capabilities,
    options: RealOptions,
    /// How often counters were cleared: a generation of counters ends with each.
    resets: AtomicU64,
}

impl HaproxyAdmin {
    /// Connects to the stats socket, and finds the map and the groups.
    ///
    /// # Errors
    /// When nothing answers on the socket, access to it is denied, or the configuration lacks the map or the groups.
    pub async fn connect(options: &RealOptions) -> Result<Self, AdminError> {
        let socket = Socket::new(&options.admin, options.limit)?;
        let table = Table::parse(&socket.ask("show stat").await?);
        let table = table.ok_or_else(|| socket.unexpected("a table of counters", "show stat"))?;
        let groups: Vec<Group> = table.backends().filter_map(|row| Group::parse(row.proxy())).collect();
        if groups.is_empty() {
            return Err(AdminError::BadValue {
                what: "find what can be switched",
                reason: format!(
                    "{} lists no backend that is named after an algorithm, such as `main.round-robin`",
                    options.admin
                ),
            });
        }
        let map = find_map(&socket).await?;
        let capabilities = Capabilities {
            reset: ResetKind::Full,
            per_backend: true,
            in_flight: true,
            weights: true,
            drain: true,
            ..capabilities(&NAMES, algorithms(&groups))
        };
        Ok(Self { socket, map, capabilities, options: options.clone(), resets: AtomicU64::new(0) })
    }

    async fn table(&self) -> Result<Table, AdminError> {
        let text = self.socket.ask("show stat").await?;
        Table::parse(&text).ok_or_else(|| self.socket.unexpected("a table of counters", &text))
    }

    /// What the map says.
    async fn selected(&self) -> Result<String, AdminError> {
        let text = self.socket.ask(&format!("get map {} {CURRENT}", self.map)).await?;
        let value = text.split(", ").find_map(|part| part.trim().strip_prefix("value=\""));
        value
            .and_then(|rest| rest.split('"').next())
            .map(str::to_owned)
            .ok_or_else(|| self.socket.unexpected("the value of the key `current`", &text))
    }

    /// A command that answers with nothing, or with what is wrong.
    async fn command(&self, what: &'static str, command: &str) -> Result<(), AdminError> {
        let said = self.socket.ask(command).await?;
        match said.trim() {
            "" => Ok(()),
            denied if denied.starts_with("Permission denied") => Err(AdminError::Denied {
                place: self.socket.place().to_owned(),
                way_out: "give the socket `level admin` in HAProxy's configuration",
            }),
            said => Err(AdminError::BadValue { what, reason: format!("`{command}`: HAProxy says `{said}`") }),
        }
    }
}

/// The servers of a group's pool and algorithm, with the group.
fn servers(table: &Table) -> impl Iterator<Item = (Group, Row<'_>)> {
    table.servers().filter_map(|row| Some((Group::parse(row.proxy())?, row)))
}

/// The name of the map that has the key.
async fn find_map(socket: &Socket) -> Result<String, AdminError> {
    let listed = socket.ask("show map").await?;
    // `-1 (/etc/haproxy/algorithm.map) pattern loaded from file ... used by map at file ... line ...`
    for line in listed.lines().filter(|line| !line.starts_with('#')) {
        let Some(name) = line.split_once('(').and_then(|(_, rest)| rest.split_once(')')) else { continue };
        let found = socket.ask(&format!("get map {} {CURRENT}", name.0)).await?;
        if found.contains("found=yes") {
            return Ok(name.0.to_owned());
        }
    }
    Err(AdminError::BadValue {
        what: "find what selects the algorithm",
        reason: format!(
            "{} lists no map with the key `{CURRENT}`; the frontend has to choose its backend by such a map",
            socket.place()
        ),
    })
}

/// Names by which `show stat` lists the algorithm of a backend; none where it cannot tell.
fn listed_as(algorithm: Algorithm) -> Option<&'static str> {
    use lb_core::algorithm::Rule;
    match algorithm.rule {
        Rule::RoundRobin | Rule::WeightedRoundRobin => Some("roundrobin"),
        Rule::LeastConnections => Some("leastconn"),
        // `random(1)` is `unknown` in 2.6 and `random` later; hashes may be of many things.
        _ => None,
    }
}
