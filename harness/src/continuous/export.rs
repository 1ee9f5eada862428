//! Sends the live metrics to an OpenTelemetry collector: OTLP over HTTP, in Protobuf. A collector that is away costs
//! the load nothing but a line now and then.

use super::shared::Shared;
use anyhow::{Context as _, Result, bail, ensure};
use lb_core::plain;
use lb_core::secret::mask_passwords;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest time for one export.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest time for the last export, at the end of the load.
const LAST_PATIENCE: Duration = Duration::from_millis(500);

/// The time between two lines about failed exports.
const QUIET: Duration = Duration::from_secs(600);

/// The path of the metrics below the address of a collector.
const PATH: &str = "/v1/metrics";

/// The number of characters of a collector's reply that are quoted.
const QUOTED: usize = 200;

/// Sends metrics to one collector.
#[derive(Clone, Debug)]
pub(super) struct Exporter {
    client: reqwest::Client,
    url: String,
}

impl Exporter {
    /// Makes an exporter to the collector at this address.
    ///
    /// # Errors
    /// The address is not one of plain HTTP.
    pub(super) fn new(address: &str) -> Result<Self> {
        let shown = mask_passwords(address).into_owned();
        let parsed = reqwest::Url::parse(address).with_context(|| {
            format!("--otlp {shown}: not an address; use one such as `http://127.0.0.1:4318`")
        })?;
        ensure!(
            parsed.scheme() == "http" && parsed.has_host(),
            "--otlp {shown}: only `http://` addresses are supported; use one such as `http://127.0.0.1:4318`, \
             or a collector beside this process that forwards"
        );
        let url = match parsed.path().trim_end_matches('/') {
            path if path.ends_with(PATH) => parsed.to_string(),
            _ => format!("{}{PATH}", address.trim_end_matches('/')),
        };
        // Only a broken TLS set-up can make the builder fail, and there is no TLS here.
        let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().unwrap_or_default();
        Ok(Self { client, url })
    }

    /// Exports every `period` until the task is dropped.
    pub(super) async fn serve(self, shared: Arc<Shared>, period: Duration) {
        let (mut failed, mut said) = (0_u64, None::<Instant>);
        loop {
            tokio::time::sleep(period).await;
            match self.send(shared.export(), PATIENCE).await {
                Ok(()) => failed = 0,
                Err(error) => {
                    failed += 1;
                    tracing::debug!("{error:#}");
                    if said.is_none_or(|at| at.elapsed() >= QUIET) {
                        said = Some(Instant::now());
                        let times =
                            if failed > 1 { format!(", {failed} times in a row") } else { String::new() };
                        shared.note(format!(
                            "metrics cannot be sent to `{}`{times}: {error:#}; the load goes on",
                            mask_passwords(&self.url)
                        ));
                    }
                }
            }
        }
    }

    /// Exports once more, at the end of the load.
    pub(super) async fn finish(&self, shared: &Shared) {
        if let Err(error) = self.send(shared.export(), LAST_PATIENCE).await {
            tracing::debug!("{error:#}");
        }
    }

    async fn send(&self, body: Vec<u8>, limit: Duration) -> Result<()> {
        let call =
            self.client.post(&self.url).timeout(limit).header("content-type", "application/x-protobuf");
        let reply = match call.body(body).send().await {
            Ok(reply) => reply,
            Err(error) if error.is_connect() => bail!("nothing accepts connections there"),
            Err(error) if error.is_timeout() => bail!("no reply within {} s", limit.as_secs_f64()),
            Err(error) => return Err(error.without_url().into()),
        };
        let status = reply.status();
        if status.is_success() {
            return Ok(());
        }
        let text = reply.text().await.unwrap_or_default();
        let text: String = plain::line(&text).chars().take(QUOTED).collect();
        bail!("it answers with status {}: {text}", status.as_u16())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_metrics_follows_the_address_and_other_schemes_are_refused() {
        for (address, url) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/metrics"),
            ("http://collector:4318/", "http://collector:4318/v1/metrics"),
            ("http://collector/otlp", "http://collector/otlp/v1/metrics"),
            ("http://collector/v1/metrics", "http://collector/v1/metrics"),
        ] {
            assert_eq!(Exporter::new(address).expect("an address").url, url);
        }
        for (address, part) in [
            ("https://collector:4318", "only `http://`"),
            ("grpc://collector:4317", "only `http://`"),
            ("collector", "not an address"),
        ] {
            let error = format!("{:#}", Exporter::new(address).expect_err("it must be refused"));
            assert!(error.contains(part) && error.contains(&format!("--otlp {address}")), "{error}");
        }
    }
}
