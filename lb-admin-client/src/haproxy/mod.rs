//! HAProxy, controlled through its stats socket.
//!
//! No command changes `balance`, so every pool has one `backend` for each algorithm ([`Group`]), and a map
//! with the single key `current` tells the frontend which one to use. The adapter depends on these properties
//! of HAProxy:
//!
//! 1. The map accepts any value, and a wrong one means a 503 for every request, so the adapter sends only
//!    names of backends.
//! 2. Commands return no status; an empty answer means success.
//! 3. `show stat` is parsed by column name, because the order of columns differs between versions.
//! 4. Each `backend` has its own counters, so those of a server are the sum over all groups. After
//!    `clear counters all`, a request in flight is in some counters and not in others, so drain first.
//! 5. `balance leastconn` compares requests in flight, one added and divided by weight, and takes an idle server
//!    first whatever its weight; it follows weights that are rewritten every few requests, so the group `rl` should
//!    use it. `random(1)` does too, but does not react to queues; `balance roundrobin` is distorted.
//! 6. `random` draws the same numbers after every start.

mod admin;
mod names;
pub mod program;
mod socket;
mod stat;

use crate::admin::{Capabilities, ResetKind};
use crate::error::AdminError;
use crate::group::{Group, algorithms};
use crate::options::{RealOptions, capabilities};
use lb_core::algorithm::Rule;
use lb_core::steering::Carrier;
use lb_core::{Algorithm, plain};
use names::NAMES;
use socket::Socket;
use stat::{Row, Table};
use std::sync::atomic::AtomicU64;

/// The only key of the map that selects the algorithm.
const CURRENT: &str = "current";

/// The greatest weight of a server.
const GREATEST_WEIGHT: f64 = 256.0;

/// A running HAProxy.
#[derive(Debug)]
pub struct HaproxyAdmin {
    socket: Socket,
    /// The file from which HAProxy read the map. It is also the name of the map.
    map: String,
    capabilities: Capabilities,
    options: RealOptions,
    /// How often counters were cleared; each time begins a new generation.
    resets: AtomicU64,
}

impl HaproxyAdmin {
    /// Connects to the stats socket, and finds the map and the groups.
    ///
    /// # Errors When nothing answers on the socket, access to it is denied, or the configuration lacks the
    /// map or the groups.
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
            carrier: carrier(&table),
            drain: true,
            ..capabilities(&NAMES, algorithms(&groups))
        };
        Ok(Self { socket, map, capabilities, options: options.clone(), resets: AtomicU64::new(0) })
    }

    async fn table(&self) -> Result<Table, AdminError> {
        let text = self.socket.ask("show stat").await?;
        Table::parse(&text).ok_or_else(|| self.socket.unexpected("a table of counters", &text))
    }

    /// Returns the value of the map's key.
    async fn selected(&self) -> Result<String, AdminError> {
        let text = self.socket.ask(&format!("get map {} {CURRENT}", self.map)).await?;
        let value = text.split(", ").find_map(|part| part.trim().strip_prefix("value=\""));
        value
            .and_then(|rest| rest.split('"').next())
            .map(str::to_owned)
            .ok_or_else(|| self.socket.unexpected("the value of the key `current`", &text))
    }

    /// Sends a command that answers with nothing on success, or with an error message.
    async fn command(&self, what: &'static str, command: &str) -> Result<(), AdminError> {
        let said = self.socket.ask(command).await?;
        match said.trim() {
            "" => Ok(()),
            denied if denied.starts_with("Permission denied") => Err(AdminError::Denied {
                place: self.socket.place().to_owned(),
                way_out: "give the socket `level admin` in HAProxy's configuration",
            }),
            said => {
                let said = plain::line(said);
                Err(AdminError::BadValue { what, reason: format!("`{command}`: HAProxy says `{said}`") })
            }
        }
    }
}

/// Lists the servers of all groups, each with its group.
fn servers(table: &Table) -> impl Iterator<Item = (Group, Row<'_>)> {
    table.servers().filter_map(|row| Some((Group::parse(row.proxy())?, row)))
}

/// Returns what the groups `rl` make of weights. A configuration that somebody else wrote may draw at random by weight.
fn carrier(table: &Table) -> Carrier {
    let steered =
        |row: &Row<'_>| Group::parse(row.proxy()).is_some_and(|group| group.algorithm.rule == Rule::Rl);
    match table.backends().filter(steered).all(|row| row.text("algo") == "leastconn") {
        true => Carrier::InFlight,
        false => Carrier::Shares,
    }
}

/// Finds the name of the map that has the key.
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
        what: "find the map that selects the algorithm",
        reason: format!(
            "{} lists no map with the key `{CURRENT}`; the frontend must choose its backend by such a map",
            socket.place()
        ),
    })
}

/// Returns the name by which `show stat` lists the algorithm of a backend; `None` if it is ambiguous.
fn listed_as(algorithm: Algorithm) -> Option<&'static str> {
    match algorithm.rule {
        Rule::RoundRobin | Rule::WeightedRoundRobin => Some("roundrobin"),
        Rule::LeastConnections => Some("leastconn"),
        // `random(1)` is `unknown` in 2.6 and `random` later; hashes may have various inputs.
        _ => None,
    }
}
