//! The flags of `bench what-if`.

use clap::{Args, ValueEnum};
use lb_calibration::what_if::{Kill, Metric};
use lb_config::values::{duration, fraction, number};
use lb_core::Algorithm;
use std::path::PathBuf;

/// The flags of `bench what-if`.
#[derive(Clone, Debug, Args)]
pub struct WhatIfArgs {
    /// Access logs of the load balancer, in any order; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Algorithms to predict [default: all that need no training].
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', help_heading = "Experiment")]
    pub algorithms: Vec<Algorithm>,
    /// The algorithm that the load balancer used [default: found out].
    ///
    /// It is needed if its choices depend on load and are not those of least connections.
    #[arg(long, value_name = "NAME", help_heading = "Experiment")]
    pub routing: Option<Algorithm>,
    /// Simulate this many times as many requests, such as `1.5`.
    ///
    /// Each request is left out or repeated within a second, so the load keeps its shape over time.
    #[arg(long, value_name = "X", value_parser = number, allow_hyphen_values = true, default_value = "1", help_heading = "Experiment")]
    pub scale: f64,
    /// Crash a backend: `b3@10m`, or `b3@10m+30s` to bring it back after 30 s.
    ///
    /// Offsets are from the beginning of the log.
    #[arg(long, value_name = "BACKEND@OFFSET", value_parser = kill, help_heading = "Experiment")]
    pub kill: Vec<Kill>,
    /// Take the pool of this backend, if the log holds several.
    #[arg(long, value_name = "BACKEND", help_heading = "Experiment")]
    pub pool_of: Option<String>,
    /// Weight of the servers in HAProxy's configuration, such as `100`.
    ///
    /// The shares of its random draws depend on it. If none is given, 1 as in HAProxy, or 100 in logs of `bench`.
    #[arg(long, value_name = "N", value_parser = server_weight, help_heading = "Experiment")]
    pub server_weight: Option<u32>,
    /// Seed of all random draws.
    #[arg(long, value_name = "N", default_value_t = 42, help_heading = "Experiment")]
    pub seed: u64,
    /// Metric by which algorithms are ranked and judged.
    #[arg(long, value_enum, default_value_t = WhatIfMetric::P99, help_heading = "Evidence")]
    pub primary_metric: WhatIfMetric,
    /// Smallest difference that matters, such as `5%`.
    #[arg(long, value_name = "X%", value_parser = fraction, allow_hyphen_values = true, default_value = "5%", help_heading = "Evidence")]
    pub margin: f64,
    /// Predict even if the fit does not predict the log.
    ///
    /// The results are marked; the exit code is still 5.
    #[arg(long, help_heading = "Evidence")]
    pub accept_misfit: bool,
    /// Write the fitted backends as a topology, for `bench --topology FILE`.
    ///
    /// The load is written next to it, with the extension `.load.json`.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub topology_out: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// A metric by which algorithms can be ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhatIfMetric {
    /// Mean latency.
    Mean,
    /// Median latency.
    P50,
    /// 95th percentile of the latency.
    P95,
    /// 99th percentile of the latency.
    P99,
}

impl From<WhatIfMetric> for Metric {
    fn from(metric: WhatIfMetric) -> Self {
        match metric {
            WhatIfMetric::Mean => Self::Mean,
            WhatIfMetric::P50 => Self::P50,
            WhatIfMetric::P95 => Self::P95,
            WhatIfMetric::P99 => Self::P99,
        }
    }
}

/// Parses the weight of a server, a whole number from 1 to 256.
fn server_weight(text: &str) -> Result<u32, String> {
    let weight = text.parse::<u32>().ok().filter(|weight| (1..=256).contains(weight));
    weight.ok_or_else(|| format!("`{text}` is not a weight of HAProxy; use a whole number from 1 to 256"))
}

/// Parses a backend that crashes, `NAME@OFFSET` or `NAME@OFFSET+LENGTH`.
fn kill(text: &str) -> Result<Kill, String> {
    let usage = || format!("`{text}` is not a crash; use `b3@10m`, or `b3@10m+30s` for a crash of 30 s");
    let (backend, times) = text.rsplit_once('@').ok_or_else(usage)?;
    if backend.is_empty() {
        return Err(usage());
    }
    let (at, length) = match times.split_once('+') {
        Some((at, length)) => (at, Some(duration(length)?)),
        None => (times, None),
    };
    if length.is_some_and(|length| length.is_zero()) {
        return Err(format!("`{text}` is a crash of no length; leave out `+` for one that lasts"));
    }
    Ok(Kill {
        backend: backend.to_owned(),
        at_s: duration(at)?.as_secs_f64(),
        for_s: length.map(|length| length.as_secs_f64()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_of_servers_is_one_that_haproxy_allows() {
        assert_eq!((server_weight("1"), server_weight("256")), (Ok(1), Ok(256)));
        for text in ["0", "257", "1.5", "-1", "heavy"] {
            let error = server_weight(text).expect_err(text);
            assert!(error.contains(text) && error.contains("from 1 to 256"), "{error}");
        }
    }

    #[test]
    fn a_crash_has_a_backend_an_offset_and_perhaps_a_length() {
        let of = |backend: &str, at_s: f64, for_s| Ok(Kill { backend: backend.to_owned(), at_s, for_s });
        assert_eq!(kill("b3@10m"), of("b3", 600.0, None));
        assert_eq!(kill("10.0.0.1:80@90s+30s"), of("10.0.0.1:80", 90.0, Some(30.0)));
        for (text, part) in [
            ("b3", "use `b3@10m`"),
            ("@10m", "use `b3@10m`"),
            ("b3@soon", "`soon`"),
            ("b3@1m+0s", "no length"),
            ("b3@-1m", "negative"),
        ] {
            let error = kill(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
