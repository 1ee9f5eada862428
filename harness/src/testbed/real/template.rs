//! The configuration of a real load balancer: one template for each, filled with the pools and algorithms of
//! one scenario.
//!
//! Templates escape what they write: `tojson` in JSON, `word` where a syntax has no reliable quotes, `lua` in
//! blocks of Lua.

use crate::testbed::error::TestbedError;
use lb_admin_client::program::{AdminPlace, Launch};
use lb_admin_client::{Kind, KnownBackend, Switching};
use lb_core::topology::PAGES;
use lb_core::{Algorithm, plain};
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The greatest weight in a configuration. All load balancers accept whole numbers up to this.
const GREATEST_SHARE: f64 = 100.0;

/// The values that a template may use.
#[derive(Debug, Serialize)]
struct Content<'a> {
    /// The host at which clients connect.
    host: String,
    port: u16,
    /// The address of the admin API: `host:port`, or the path of a socket.
    admin: String,
    admin_host: String,
    admin_port: u16,
    /// The folder in which the load balancer runs.
    dir: &'a Path,
    threads: u16,
    /// Whether the load balancer runs as root.
    root: bool,
    /// How algorithms are selected: `selector` or `config`.
    switching: &'static str,
    /// The algorithms that will run; the first one is active at the start.
    algorithms: Vec<Named>,
    first: String,
    pools: Vec<Pool>,
    /// Modules that the load balancer must load.
    modules: &'a [PathBuf],
    /// Whether it logs requests.
    logs_requests: bool,
}

#[derive(Debug, Serialize)]
struct Named {
    name: String,
    native: &'static str,
}

#[derive(Debug, Serialize)]
struct Pool {
    name: String,
    services: Vec<String>,
    /// Path prefixes of the services of the pool, such as `/cart-service/`.
    paths: Vec<String>,
    /// Whether the pool serves all paths that no other pool names.
    fallback: bool,
    backends: Vec<Backend>,
}

#[derive(Debug, Serialize)]
struct Backend {
    id: String,
    address: String,
    host: String,
    port: u16,
    weight: f64,
    /// The weight as a whole number.
    share: u32,
}

impl<'a> Content<'a> {
    fn new(kind: Kind, launch: &Launch<'a>, modules: &'a [PathBuf]) -> Self {
        let named = |algorithm: &Algorithm| {
            let native = kind.native(*algorithm)?;
            Some(Named { name: algorithm.to_string(), native })
        };
        let algorithms: Vec<Named> = launch.algorithms.iter().filter_map(named).collect();
        let address = launch.admin;
        let (admin, admin_host, admin_port) = match kind.admin {
            AdminPlace::Api | AdminPlace::Folder => {
                (address.to_string(), address.ip().to_string(), address.port())
            }
            AdminPlace::Socket(file) => (file.to_owned(), String::new(), 0),
        };
        Self {
            host: launch.listen.ip().to_string(),
            port: launch.listen.port(),
            admin,
            admin_host,
            admin_port,
            dir: if kind.relative_paths { Path::new(".") } else { launch.dir },
            threads: launch.threads,
            root: rustix::process::geteuid().is_root(),
            switching: match launch.switching {
                Switching::Selector => "selector",
                Switching::Config => "config",
            },
            first: algorithms.first().map_or_else(String::new, |first| first.name.clone()),
            algorithms,
            pools: pools(launch.backends),
            modules,
            logs_requests: launch.logs_requests,
        }
    }
}

fn pools(backends: &[KnownBackend]) -> Vec<Pool> {
    let mut pools: Vec<Pool> = Vec::new();
    let catches_all = backends.iter().any(|known| known.services.is_empty());
    let greatest = backends.iter().map(|backend| backend.weight).fold(0.0, f64::max);
    for known in backends {
        if !pools.iter().any(|pool| pool.name == known.pool) {
            // As in a topology: of several pools that name no service, the first answers, and otherwise the one whose
            // pages lie at `/`.
            let answers = match catches_all {
                true => known.services.is_empty(),
                false => known.services.iter().any(|service| service == PAGES),
            };
            let fallback = answers && !pools.iter().any(|pool| pool.fallback);
            pools.push(Pool {
                name: known.pool.clone(),
                services: known.services.clone(),
                paths: known.services.iter().map(|service| format!("/{service}/")).collect(),
                fallback,
                backends: Vec::new(),
            });
        }
        let (host, port) = known.address.rsplit_once(':').unwrap_or((&known.address, "80"));
        let equal = backends.iter().all(|other| other.weight == known.weight);
        let share = if equal { 1.0 } else { (known.weight / greatest * GREATEST_SHARE).round().max(1.0) };
        let backend = Backend {
            id: known.id.clone(),
            address: known.address.clone(),
            host: host.to_owned(),
            port: port.parse().unwrap_or(80),
            weight: known.weight,
            share: share as u32,
        };
        if let Some(pool) = pools.iter_mut().find(|pool| pool.name == known.pool) {
            pool.backends.push(backend);
        }
    }
    // A single pool serves all paths.
    if let [only] = pools.as_mut_slice() {
        only.fallback = true;
    }
    pools
}

/// Passes a value that is one word of a configuration in any of their syntaxes, where nothing can be quoted
/// reliably. Names are checked before they get here; this holds for whatever a template writes.
fn word(value: String) -> Result<String, minijinja::Error> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/+@%~,=[]".contains(c);
    match !value.is_empty() && value.chars().all(is_plain) {
        true => Ok(value),
        false => Err(minijinja::Error::new(
            ErrorKind::InvalidOperation,
            format!(
                "`{}` cannot be written into a configuration; use ASCII letters, digits and `-_.:/+@%~,=[]`",
                plain::line(&value)
            ),
        )),
    }
}

/// Writes a text as a string of Lua. All but letters and digits are numbers, because nginx looks for the braces and
/// quotes that end a block of Lua before Lua does.
fn lua(value: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b':' => char::from(byte).to_string(),
        other => format!("\\{other:03}"),
    };
    format!("\"{}\"", value.bytes().map(byte).collect::<String>())
}

/// Fills the template of a load balancer and returns its configuration. `modules` are the files that it must
/// load before its weights can be steered.
///
/// # Errors
/// When the template has a defect, or a value cannot be written in the syntax of the load balancer.
pub fn render(kind: Kind, launch: &Launch<'_>, modules: &[PathBuf]) -> Result<String, TestbedError> {
    let mut environment = Environment::new();
    // A key that the template misspells is a defect, not an empty text.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_keep_trailing_newline(true);
    environment.add_filter("word", word);
    environment.add_filter("lua", lua);
    environment
        .render_str(kind.template, Content::new(kind, launch, modules))
        .map_err(|source| TestbedError::Template { name: kind.name(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    /// Values that end a string, a statement or a block somewhere, or run code.
    const HOSTILE: [&str; 11] = [
        "a b",
        "a\"b",
        "a'b",
        "a\nserver evil 10.0.0.1:80",
        "${jndi}",
        "{{ dir }}",
        "a}b",
        "a;b",
        "a`) || PathPrefix(`/",
        "a\\b",
        "\" }) os.execute(\"id\") --",
    ];

    fn known(pool: &str, id: &str, service: &str, address: &str) -> KnownBackend {
        KnownBackend {
            id: id.to_owned(),
            pool: pool.to_owned(),
            services: vec![service.to_owned()],
            address: address.to_owned(),
            weight: 1.0,
        }
    }

    /// The configuration of a load balancer before these backends, with all algorithms that it offers.
    fn filled(kind: Kind, backends: &[KnownBackend]) -> Result<String, TestbedError> {
        let algorithms: Vec<Algorithm> = Algorithm::table()
            .iter()
            .map(|entry| Algorithm::plain(entry.rule))
            .filter(|algorithm| kind.native(*algorithm).is_some())
            .collect();
        let local = SocketAddr::from(([127, 0, 0, 1], 8080));
        let dir = Path::new("/tmp/run");
        let launch = Launch {
            dir,
            config: dir,
            listen: local,
            admin: local,
            threads: 1,
            switching: Switching::Selector,
            algorithms: &algorithms,
            backends,
            access_log: None,
            logs_requests: true,
        };
        render(kind, &launch, &[])
    }

    #[test]
    fn no_template_writes_a_value_that_its_syntax_would_obey() {
        for kind in Kind::ALL.iter().copied() {
            let fine = known("main", "b1", "cart", "127.0.0.1:9001");
            let other = known("rest", "b2", "user", "127.0.0.1:9002");
            assert!(filled(kind, &[fine.clone(), other.clone()]).is_ok(), "{kind} has no fault of its own");
            for hostile in HOSTILE {
                for backend in [
                    known(hostile, "b1", "cart", "127.0.0.1:9001"),
                    known("main", hostile, "cart", "127.0.0.1:9001"),
                    known("main", "b1", hostile, "127.0.0.1:9001"),
                    known("main", "b1", "cart", &format!("{hostile}:9001")),
                ] {
                    // JSON holds any text; the others have to refuse, or not write the value at all.
                    let Ok(text) = filled(kind, &[backend, other.clone()]) else { continue };
                    let is_json = serde_json::from_str::<serde_json::Value>(&text).is_ok();
                    assert!(is_json || !text.contains(hostile), "{kind} obeys {hostile:?}:\n{text}");
                    let rule = "PathPrefix(`/a`) || PathPrefix(`/";
                    assert!(!text.contains(rule), "{kind}: a rule within a rule");
                }
            }
        }
    }

    #[test]
    fn the_pool_of_the_pages_takes_what_no_other_pool_takes() {
        let carts = known("carts", "b1", "cart", "127.0.0.1:9001");
        let pages = known("pages", "b2", PAGES, "127.0.0.1:9002");
        let rest = KnownBackend { services: Vec::new(), ..known("rest", "b3", "", "127.0.0.1:9003") };
        let fallback = |backends: &[KnownBackend]| -> Vec<String> {
            let pools = pools(backends).into_iter().filter(|pool| pool.fallback);
            pools.map(|pool| pool.name).collect()
        };
        assert_eq!(fallback(&[carts.clone(), pages.clone()]), ["pages"]);
        assert_eq!(fallback(&[carts, pages, rest]), ["rest"]);
    }

    #[test]
    fn a_text_in_lua_is_one_string_without_quotes_or_braces_in_it() {
        assert_eq!(lua("shop-1"), "\"shop-1\"");
        assert_eq!(lua("a\"}\n"), r#""a\034\125\010""#);
        assert_eq!(lua("é"), r#""\195\169""#);
    }

    #[test]
    fn a_word_that_cannot_be_written_is_named_with_what_can() {
        let backends = [known("main", "b 1", "cart", "127.0.0.1:9001")];
        let error = filled("haproxy".parse().expect("known"), &backends).expect_err("a space");
        let text = lb_core::with_causes(&error);
        assert!(text.contains("`b 1` cannot be written") && text.contains("use ASCII letters"), "{text}");
    }
}
