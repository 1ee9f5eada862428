//! The command line, shared by the binary of this crate and by tools that embed it as a subcommand.

use crate::catalogue::{Product, default_catalogue};
use crate::config::{Config, MockError};
use crate::process::run;
use lb_core::Seed;
use lb_core::topology::Topology;
use serde::de::DeserializeOwned;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// HTTP services that queue like real ones.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Topology: pools, backends, service times and faults, as JSON.
    #[arg(long, value_name = "FILE")]
    pub topology: PathBuf,
    /// Address that the backends listen on; the control API stays on loopback.
    #[arg(long, default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port of the first backend; the others take the ports after it [default: free ports].
    #[arg(long, value_name = "PORT")]
    pub base_port: Option<u16>,
    /// Port of the control API [default: a free port].
    #[arg(long, value_name = "PORT")]
    pub control_port: Option<u16>,
    /// Products of the shop, as a JSON list of sku, name, category, price, image, stock
    /// [default: built in].
    #[arg(long, value_name = "FILE")]
    pub catalogue: Option<PathBuf>,
    /// Seed for service times and failures of requests without x-request-key.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Exit when standard input closes, as it does when the parent process dies.
    #[arg(long)]
    pub exit_with_parent: bool,
}

impl Args {
    /// Reads the files that the arguments name.
    ///
    /// # Errors
    /// A file cannot be read or has invalid contents.
    pub fn config(&self) -> Result<Config, MockError> {
        let topology: Topology = read_json(&self.topology)?;
        let catalogue = match &self.catalogue {
            Some(path) => read_json::<Vec<Product>>(path)?,
            None => default_catalogue(),
        };
        Ok(Config {
            topology,
            host: self.host,
            base_port: self.base_port,
            control_port: self.control_port,
            catalogue,
            seed: Seed(self.seed),
            exit_with_parent: self.exit_with_parent,
        })
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, MockError> {
    let problem = |problem: String| MockError::File { path: path.to_owned(), problem };
    let text = std::fs::read(path).map_err(|error| problem(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| problem(error.to_string()))
}

/// The whole program after parsing the arguments: runs until stopped, reports errors on
/// standard error, and returns the exit code of the process.
pub fn main(args: &Args) -> ExitCode {
    match args.config().and_then(|config| run(&config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
