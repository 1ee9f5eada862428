//! nginx, controlled through files and signals, since the open-source version has no admin API.
//!
//! Its address is a folder on this machine with a file `bench.json`, which describes the configuration:
//!
//! ```json
//! { "algorithms": ["round-robin", "least-connections"], "status": "http://127.0.0.1:8081/status", "pid": "nginx.pid" }
//! ```
//!
//! - *Selector*: `flags/` holds one file named after the active algorithm, and the configuration checks
//!   for it with `if (-f …)` on every request. nginx needs no reload, and no connection breaks.
//! - *Config*: the configuration includes `algorithm.map`, and SIGHUP makes nginx reload it. Old workers keep
//!   answering for a while, so a switch is complete when all of them have exited. Idle client connections are
//!   closed.
//!
//! `stub_status` counts requests in total, not per backend, and cannot be reset.
//!
//! With the key `"lua": "http://127.0.0.1:8081"`, the configuration steers weights: each pool has an upstream
//! `pool.rl` whose server Lua picks. Below that address, `/backends` reports counts of its requests, and
//! `/weights` sets weights. `rl` is offered only with this key. Requests of other algorithms do not pass
//! through Lua, so they are not counted by backend.

mod lua;
mod modules;
mod names;
pub mod program;
mod reload;

use crate::admin::{Capabilities, Current, LoadBalancerAdmin, ResetKind};
use crate::error::AdminError;
use crate::fingerprint::PoolBackend;
use crate::flags::Flags;
use crate::http::{Call, Http};
use crate::options::{RealOptions, Switching, capabilities};
use crate::origin::Origin;
use crate::snapshot::{BackendCounters, Snapshot};
use async_trait::async_trait;
use lb_core::Algorithm;
use lb_core::algorithm::Rule;
use lb_core::steering::Carrier;
use lb_core::switch_evidence::{Layer, Verdict};
use lua::Lua;
use names::NAMES;
use reload::Reload;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The file in the folder that describes the configuration.
const FACTS: &str = "bench.json";
/// The folder of the flag files.
const FLAGS: &str = "flags";
/// The algorithm whose weights are steered.
const RL: Algorithm = Algorithm::plain(Rule::Rl);

/// The content of `bench.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    /// The algorithms for which the configuration has an upstream; without a flag, the first one is active.
    algorithms: Vec<Algorithm>,
    /// The URL of `stub_status`, if it is enabled.
    #[serde(default)]
    status: Option<String>,
    /// The file with the master's process id, needed for switches with a new configuration.
    #[serde(default)]
    pid: Option<PathBuf>,
    /// The address below which `/backends` and `/weights` answer, if Lua steers weights.
    #[serde(default)]
    lua: Option<String>,
}

/// A running nginx.
#[derive(Debug)]
pub struct NginxAdmin {
    folder: PathBuf,
    first: Algorithm,
    way: Way,
    /// The server of `stub_status`, and its path.
    status: Option<(Http, String)>,
    lua: Option<Lua>,
    capabilities: Capabilities,
    options: RealOptions,
}

/// How algorithms are selected.
#[derive(Debug)]
enum Way {
    Flags(Flags),
    Reload(Reload),
}

impl NginxAdmin {
    /// Reads `bench.json`, and makes one call to each address that it names.
    ///
    /// # Errors
    /// When the file is missing or malformed, or a page that it names does not answer.
    pub async fn connect(options: &RealOptions) -> Result<Self, AdminError> {
        let folder = PathBuf::from(&options.admin);
        let mut facts = read_facts(&folder.join(FACTS))?;
        facts.algorithms.retain(|algorithm| *algorithm != RL || facts.lua.is_some());
        let Some(first) = facts.algorithms.first().copied() else {
            return Err(AdminError::BadValue {
                what: "find what can be switched",
                reason: format!(
                    "{}: `algorithms` names none that can run (`rl` needs the key `lua`)",
                    folder.join(FACTS).display()
                ),
            });
        };
        let way = match options.switching {
            Switching::Selector => {
                let names = facts.algorithms.iter().map(ToString::to_string);
                Way::Flags(Flags::new(folder.join(FLAGS), names))
            }
            Switching::Config => Way::Reload(Reload::new(&folder, facts.pid.as_deref())?),
        };
        let status = match &facts.status {
            Some(url) => Some(status_page(url, options)?),
            None => None,
        };
        let lua = facts.lua.as_deref().map(|base| Lua::new(base, options)).transpose()?;
        let capabilities = Capabilities {
            in_flight: status.is_some(),
            per_backend: lua.is_some(),
            weights: lua.is_some() && facts.algorithms.contains(&RL),
            carrier: Carrier::InFlight,
            switch_breaks_idle_connections: options.switching == Switching::Config,
            ..capabilities(&NAMES, facts.algorithms)
        };
        let admin = Self { folder, first, way, status, lua, capabilities, options: options.clone() };
        admin.in_flight().await?;
        if let Some(lua) = &admin.lua {
            lua.look().await?;
        }
        Ok(admin)
    }

    /// Returns the algorithm that the files select.
    fn selected(&self) -> Result<Algorithm, AdminError> {
        let name = match &self.way {
            Way::Flags(flags) => match flags.present()?.as_slice() {
                [] => return Ok(self.first),
                [one] => (*one).to_owned(),
                several => {
                    return Err(AdminError::BadValue {
                        what: "read which algorithm is active",
                        reason: format!(
                            "{} holds several flags ({}); remove all but one",
                            flags.dir().display(),
                            several.join(", ")
                        ),
                    });
                }
            },
            Way::Reload(reload) => reload.selected()?,
        };
        name.parse().map_err(|_| AdminError::BadValue {
            what: "read which algorithm is active",
            reason: format!("`{name}` in {} is not an algorithm", self.folder.display()),
        })
    }

    /// Returns the number of requests in flight, without the request that asks for it.
    async fn in_flight(&self) -> Result<u32, AdminError> {
        const EXPECTED: &str = "the page of stub_status";
        let Some((http, path)) = &self.status else { return Ok(0) };
        let reply = http.call(Call::get(path)).await?;
        if reply.status != 200 {
            return Err(reply.unexpected(EXPECTED, None));
        }
        let counts = in_flight(&reply.body);
        counts.ok_or_else(|| reply.unexpected(EXPECTED, None))
    }
}

/// Extracts the number of requests being read or answered from a page of `stub_status`, without the request
/// for that page.
fn in_flight(page: &str) -> Option<u32> {
    let count =
        |name: &str| -> Option<u32> { page.split_once(name)?.1.split_whitespace().next()?.parse().ok() };
    Some((count("Reading:")? + count("Writing:")?).saturating_sub(1))
}

fn read_facts(path: &Path) -> Result<Facts, AdminError> {
    let what = "find what the nginx configuration offers";
    let text = std::fs::read_to_string(path).map_err(|error| AdminError::BadValue {
        what,
        reason: format!("{}: {error}; --admin must name the folder with this file", path.display()),
    })?;
    serde_json::from_str(&text)
        .map_err(|error| AdminError::BadValue { what, reason: format!("{}: {error}", path.display()) })
}

fn status_page(url: &str, options: &RealOptions) -> Result<(Http, String), AdminError> {
    let path = Origin::parse(url)?.path().to_owned();
    let base = url.strip_suffix(&path).unwrap_or(url);
    Ok((Http::new(base, options.token.as_deref(), options.limit)?, path))
}

#[async_trait]
impl LoadBalancerAdmin for NginxAdmin {
    fn dialect(&self) -> &str {
        NAMES.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn current(&self) -> Result<Current, AdminError> {
        let algorithm = self.selected()?;
        Ok(Current { native: algorithm.to_string(), algorithm: Some(algorithm) })
    }

    async fn switch(&self, algorithm: &Algorithm) -> Result<String, AdminError> {
        let native = self.native(algorithm)?.to_owned();
        match &self.way {
            Way::Flags(flags) => flags.set(&algorithm.to_string())?,
            Way::Reload(reload) => reload.switch(algorithm, self.options.limit).await?,
        }
        Ok(native)
    }

    /// Checks only the files, which are not proof: nginx does not report what it read.
    async fn control_plane(&self, algorithm: &Algorithm) -> Result<Layer, AdminError> {
        let selected = self.selected()?;
        let told = match &self.way {
            Way::Flags(_) => format!("the flag file selects `{selected}`"),
            Way::Reload(_) => format!("the configuration selects `{selected}`, and its old workers are gone"),
        };
        let right = selected == *algorithm;
        Ok(Layer::new(if right { Verdict::Consistent } else { Verdict::Contradicted }, told))
    }

    async fn pool(&self, service: &str) -> Result<Option<Vec<PoolBackend>>, AdminError> {
        Ok(self.options.pool_for(service))
    }

    async fn snapshot(&self) -> Result<Snapshot, AdminError> {
        let known = self.options.backends.iter();
        let uncounted = known.map(|one| BackendCounters::unknown(&one.id, &one.pool, one.weight));
        let algorithm = self.selected()?;
        let in_flight = self.in_flight().await?;
        let (generation, backends) = match &self.lua {
            Some(lua) if algorithm == RL => lua.look().await?,
            Some(lua) if self.options.backends.is_empty() => {
                let (generation, steered) = lua.look().await?;
                let uncounted = |one: BackendCounters| BackendCounters::unknown(one.id, one.pool, 1.0);
                (generation, steered.into_iter().map(uncounted).collect())
            }
            _ => ("1".to_owned(), uncounted.collect()),
        };
        let assigned: u32 = backends.iter().map(|one| one.in_flight).sum();
        let unassigned = in_flight.saturating_sub(assigned);
        Ok(Snapshot { generation, algorithm: algorithm.to_string(), backends, unassigned, guards: None })
    }

    async fn reset(&self) -> Result<ResetKind, AdminError> {
        Ok(ResetKind::None)
    }

    /// Sets the weights of the upstreams `pool.rl`, whichever algorithm is active.
    async fn set_weights(&self, weights: &[(String, f64)]) -> Result<(), AdminError> {
        match self.lua.as_ref().filter(|_| self.capabilities.weights) {
            Some(lua) => lua.set_weights(weights).await,
            None => Err(self.cannot(
                "set weights",
                "without Lua, new weights need a new configuration; install libnginx-mod-http-lua and let `bench` start nginx with \
                 `rl` among the algorithms",
            )),
        }
    }

    async fn set_draining(&self, _backend: &str, _draining: bool) -> Result<(), AdminError> {
        Err(self.cannot("drain a backend", "mark it `down` in the configuration, and reload"))
    }
}

impl NginxAdmin {
    fn cannot(&self, what: &'static str, way_out: &'static str) -> AdminError {
        AdminError::not_supported(NAMES.name, self.folder.display().to_string(), what, way_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_in_flight_are_those_read_and_written_less_the_one_that_asks() {
        let page = |reading: u32, writing: u32| {
            format!(
                "Active connections: 9 \nserver accepts handled requests\n 20 20 30 \nReading: {reading} Writing: {writing} \
                 Waiting: 4 \n"
            )
        };
        assert_eq!(in_flight(&page(0, 1)), Some(0), "nothing but the question itself");
        assert_eq!(in_flight(&page(2, 6)), Some(7));
        assert_eq!(in_flight("<html>404</html>"), None, "another page");
    }

    #[test]
    fn a_folder_without_facts_is_named_with_the_way_out() {
        let error = read_facts(Path::new("/nowhere/bench.json")).expect_err("nothing is there").to_string();
        assert!(error.contains("/nowhere/bench.json") && error.contains("--admin"), "{error}");
    }
}
