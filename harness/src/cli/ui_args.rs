//! The flags of `bench ui`.

use clap::Args;
use std::net::IpAddr;
use std::path::PathBuf;

/// The flags of `bench ui`.
#[derive(Clone, Debug, Args)]
pub struct UiArgs {
    /// Port of the page; 0 for any free one.
    #[arg(long, value_name = "PORT", default_value_t = 8089, help_heading = "Page")]
    pub web_port: u16,
    /// Address of this machine on which the page is served.
    ///
    /// Others can reach the page on another address than a loopback one, so it needs `--web-auth` or a token.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1", help_heading = "Page")]
    pub web_listen: IpAddr,
    /// User and password for the page.
    ///
    /// The environment variable keeps them out of the list of processes.
    #[arg(
        long,
        value_name = "USER:PASSWORD",
        env = "BENCH_WEB_AUTH",
        hide_env_values = true,
        help_heading = "Page"
    )]
    pub web_auth: Option<String>,
    /// File with a token for the page, in place of a user.
    ///
    /// BENCH_WEB_TOKEN may hold the token itself.
    #[arg(long, value_name = "FILE", help_heading = "Page")]
    pub web_token_file: Option<PathBuf>,
    /// Name under which others may call the page; may be repeated.
    ///
    /// Addresses of this machine need not be named.
    #[arg(long, value_name = "HOST", help_heading = "Page")]
    pub web_host: Vec<String>,
    /// Folder with further configs and packs to offer.
    ///
    /// Whoever uses the page can run them, with everything that they say about load balancers.
    #[arg(long, value_name = "DIR", help_heading = "Page")]
    pub configs: Option<PathBuf>,
    /// Folder of the results that are shown, and of new ones.
    #[arg(long, value_name = "DIR", default_value = "results", help_heading = "Output")]
    pub results: PathBuf,
}
