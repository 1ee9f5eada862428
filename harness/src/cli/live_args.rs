//! The flags of waiting for a target, and of watching a load without end.

use crate::continuous::{LONGEST_WINDOW_S, LiveOptions};
use crate::exit::{ExitCode, Failure, OrExit};
use crate::experiment::{Interrupt, tls_options};
use crate::ready::{NotReady, wait_for};
use anyhow::anyhow;
use clap::Args;
use lb_config::Plan;
use lb_config::values::duration;
use lb_core::plain;
use lb_io::complain;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The collector's address if neither the flag nor the environment names one.
const DEFAULT_COLLECTOR: &str = "http://127.0.0.1:4318";

/// The variable that names the collector in all programs that speak OpenTelemetry.
const COLLECTOR_VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// The flags of waiting, and of watching a load without end.
#[derive(Clone, Debug, Args)]
pub struct LiveArgs {
    /// Wait until this page answers with a status from 200 to 399.
    ///
    /// Before anything else. Who is asked, how often, and the last answer are said every few seconds.
    #[arg(long, value_name = "URL", help_heading = "Live")]
    pub wait_for: Option<String>,
    /// Longest wait for `--wait-for`, such as `30s`.
    #[arg(
        long,
        value_name = "TIME",
        value_parser = duration,
        allow_hyphen_values = true,
        default_value = "180s",
        help_heading = "Live"
    )]
    pub wait_timeout: Duration,
    /// Address of live metrics and marks [default: 127.0.0.1:9646].
    ///
    /// Prometheus scrapes `/metrics` there while a load without end is sent. By default a free port is used if that one
    /// is taken.
    #[arg(long, value_name = "ADDRESS", help_heading = "Live")]
    pub metrics_listen: Option<SocketAddr>,
    /// Name under which others may ask for live metrics; may be repeated.
    ///
    /// Addresses of this machine need not be named. Such as the name of a Kubernetes service.
    #[arg(long, value_name = "HOST", help_heading = "Live")]
    pub metrics_host: Vec<String>,
    /// Send live metrics to this OpenTelemetry collector by OTLP over HTTP.
    ///
    /// Without an address, to that in OTEL_EXPORTER_OTLP_ENDPOINT or else to http://127.0.0.1:4318. A collector that is
    /// away costs a warning.
    #[arg(long, value_name = "URL", num_args = 0..=1, help_heading = "Live")]
    pub otlp: Option<Option<String>>,
    /// Length of a window of a load without end [default: 10s].
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true, help_heading = "Live")]
    pub window: Option<Duration>,
}

/// The flags of `bench wait`.
#[derive(Clone, Debug, Args)]
pub struct WaitArgs {
    /// Page that answers with a status from 200 to 399 once it is ready, such as `http://frontend:8080/_healthz`.
    pub url: String,
    /// Longest wait, such as `30s`.
    #[arg(
        long,
        value_name = "TIME",
        value_parser = duration,
        allow_hyphen_values = true,
        default_value = "180s",
        help_heading = "Live"
    )]
    pub wait_timeout: Duration,
    /// Say nothing while the page is not ready.
    #[arg(long, help_heading = "Output")]
    pub quiet: bool,
}

/// The flags of `bench mark`.
#[derive(Clone, Debug, Args)]
pub struct MarkArgs {
    /// Name of the mark, such as the version that is deployed.
    pub name: String,
    /// Address of the running load [default: http://127.0.0.1:9646].
    #[arg(long, value_name = "URL", conflicts_with = "results", help_heading = "Live")]
    pub at: Option<String>,
    /// Results folder of the running load, in place of its address.
    #[arg(long, value_name = "DIR", help_heading = "Live")]
    pub results: Option<PathBuf>,
    /// Time after the mark that is not compared, while a deployment settles.
    #[arg(
        long,
        value_name = "TIME",
        value_parser = duration,
        allow_hyphen_values = true,
        default_value = "0s",
        help_heading = "Live"
    )]
    pub settle: Duration,
    /// Print the mark as JSON.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

impl LiveArgs {
    /// Rejects flags that have no effect unless load is sent without end.
    pub(super) fn refuse_without_end(&self) -> Result<(), Failure> {
        let given = [
            ("--metrics-listen", self.metrics_listen.is_some()),
            ("--metrics-host", !self.metrics_host.is_empty()),
            ("--otlp", self.otlp.is_some()),
            ("--window", self.window.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(anyhow!(
                "{flag}: only a load without end is watched live; use `bench serve-load` or `--duration forever`"
            ))
            .or_exit(ExitCode::Usage),
            None => Ok(()),
        }
    }

    /// Waits for the page that `--wait-for` names, if it names one.
    pub(super) async fn wait(&self, plan: &Plan, interrupt: &Interrupt, quiet: bool) -> Result<(), Failure> {
        let Some(url) = &self.wait_for else { return Ok(()) };
        let tell = |text: &str| {
            if !quiet {
                complain(plain::lines(text));
            }
        };
        let waited = wait_for(url, self.wait_timeout, &tls_options(plan), interrupt, &tell).await;
        let code = match &waited {
            Err(NotReady::Interrupted { .. }) => ExitCode::Interrupted,
            Err(NotReady::Unusable(_)) => ExitCode::Usage,
            _ => ExitCode::Preflight,
        };
        waited.or_exit(code)
    }

    /// Returns how a load without end is watched; `limit` is the time after which it stops by itself.
    pub(super) fn options(&self, limit: Option<Duration>) -> Result<LiveOptions, Failure> {
        let window = self.window.unwrap_or(Duration::from_secs(10));
        let seconds = window.as_secs();
        if window.subsec_nanos() != 0 || !(1..=u64::from(LONGEST_WINDOW_S)).contains(&seconds) {
            return Err(anyhow!(
                "--window {window:?}: must be whole seconds from 1 to {LONGEST_WINDOW_S}; use one such as `10s`"
            ))
            .or_exit(ExitCode::Usage);
        }
        let from_environment =
            || std::env::var(COLLECTOR_VARIABLE).ok().filter(|value| !value.trim().is_empty());
        let otlp = self
            .otlp
            .clone()
            .map(|typed| typed.or_else(from_environment).unwrap_or_else(|| DEFAULT_COLLECTOR.to_owned()));
        Ok(LiveOptions {
            listen: self.metrics_listen,
            hosts: self.metrics_host.clone(),
            otlp,
            window_s: u32::try_from(seconds).unwrap_or(LONGEST_WINDOW_S),
            limit,
        })
    }
}
