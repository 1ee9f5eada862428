//! The command line, shared by the binary of this crate and by tools that embed it as a subcommand.
//!
//! Without arguments, the backends listen where the example config of the reference load balancer expects
//! them.

use crate::api_file;
use crate::catalogue::{Product, default_catalogue};
use crate::config::{Config, MockError, TlsFiles};
use crate::process::run;
use lb_core::topology::{BUNDLED, Topology};
use lb_core::{Seed, plain};
use serde::de::DeserializeOwned;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The default port of the first backend.
pub const BASE_PORT: u16 = 9001;
/// The default port of the control API.
pub const CONTROL_PORT: u16 = 9900;

/// HTTP services that queue like real ones.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Mock backends")]
pub struct Args {
    /// Topology: pools, backends, service times and faults.
    ///
    /// The name of a bundled one, or a JSON file.
    #[arg(long, value_name = "NAME|FILE", default_value = "default")]
    pub topology: PathBuf,
    /// Address that the backends listen on; the control API stays on loopback.
    #[arg(long, default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port of the first backend; the others take the ports after it.
    ///
    /// 0 lets the system choose free ports.
    #[arg(long, value_name = "PORT", default_value_t = BASE_PORT)]
    pub base_port: u16,
    /// Port of the control API; 0 lets the system choose a free one.
    #[arg(long, value_name = "PORT", default_value_t = CONTROL_PORT)]
    pub control_port: u16,
    /// Further host under which the control API may be called; may be repeated.
    ///
    /// Besides loopback ones. `/api/degradation` may be called there too, and both from pages of this host.
    #[arg(long = "allowed-host", value_name = "HOST")]
    pub allowed_hosts: Vec<String>,
    /// Products of the shop [default: built in].
    ///
    /// A JSON list of sku, name, category, price, image, stock.
    #[arg(long, value_name = "FILE")]
    pub catalogue: Option<PathBuf>,
    /// API that the backends serve: a bundled name or a JSON file.
    ///
    /// Bundled are `shop`, `boutique`, `api`, `fastapi-scaling` and `model-api`. The default is the shop, and its pages in
    /// pools that name the service `boutique`.
    #[arg(long, value_name = "NAME|FILE")]
    pub api: Option<String>,
    /// Report the load of each backend.
    ///
    /// In the field `endpoint-load-metrics` of each reply, and as the answer to probes of `/actuator/load`.
    #[arg(long)]
    pub load_reports: bool,
    /// Seed for service times and failures of requests without x-request-key.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Certificate with which the backends speak TLS (PEM).
    ///
    /// Those of intermediate authorities follow it. The backends then offer HTTP/2 and HTTP/1.1; the control API stays
    /// plain.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// Private key of the certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// Exit when standard input closes, as it does when the parent process dies.
    #[arg(long)]
    pub exit_with_parent: bool,
}

impl Args {
    /// Reads the files given in the arguments.
    ///
    /// # Errors
    /// Fails if a file cannot be read or has invalid contents.
    pub fn config(&self) -> Result<Config, MockError> {
        let topology = read_topology(&self.topology)?;
        let api = self.api.as_deref().map(api_file::find).transpose()?;
        if let (Some(api), Some(path)) = (&api, &self.catalogue)
            && !api.has_catalogue()
        {
            let path = path.display();
            return Err(MockError::Invalid(vec![format!(
                "--catalogue {path}: the API `{}` has no catalogue; leave out --catalogue or --api",
                api.name()
            )]));
        }
        let catalogue = match &self.catalogue {
            Some(path) => read_json::<Vec<Product>>(path)?,
            None => default_catalogue(),
        };
        Ok(Config {
            topology,
            host: self.host,
            base_port: port(self.base_port),
            control_port: port(self.control_port),
            allowed_hosts: self.allowed_hosts.clone(),
            catalogue,
            api,
            load_reports: self.load_reports,
            seed: Seed(self.seed),
            tls: self.tls(),
            exit_with_parent: self.exit_with_parent,
        })
    }
}

impl Args {
    /// Returns the files for TLS, of which the command line names both or none.
    fn tls(&self) -> Option<TlsFiles> {
        let certificate = self.tls_certificate.clone()?;
        Some(TlsFiles { certificate, key: self.tls_key.clone()? })
    }
}

/// Returns the requested port; `None` for 0, which lets the system choose.
fn port(typed: u16) -> Option<u16> {
    (typed != 0).then_some(typed)
}

/// Reads a bundled topology, with or without `.json` at the end of its name, or else a file.
fn read_topology(typed: &Path) -> Result<Topology, MockError> {
    let name = typed.to_str().map(|name| name.strip_suffix(".json").unwrap_or(name));
    if let Some((name, text)) = BUNDLED.iter().find(|(known, _)| Some(*known) == name) {
        return parse_json(Path::new(name), text.as_bytes());
    }
    match lb_io::read_json(typed) {
        Ok(text) => parse_json(typed, text.as_bytes()),
        Err(source) => Err(MockError::Topology { typed: typed.to_owned(), source }),
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, MockError> {
    match lb_io::read_json(path) {
        Ok(text) => parse_json(path, text.as_bytes()),
        Err(error) => Err(MockError::File { path: path.to_owned(), problem: error.to_string() }),
    }
}

fn parse_json<T: DeserializeOwned>(path: &Path, text: &[u8]) -> Result<T, MockError> {
    let problem =
        |error: serde_json::Error| MockError::File { path: path.to_owned(), problem: error.to_string() };
    serde_json::from_slice(text).map_err(problem)
}

/// Runs the program with parsed arguments until it is stopped. Reports errors on standard error and returns
/// the exit code of the process.
pub fn main(args: &Args) -> ExitCode {
    match args.config().and_then(|config| run(&config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            lb_io::complain(format_args!("error: {}", plain::lines(&error.to_string())));
            ExitCode::from(error.exit_code())
        }
    }
}
