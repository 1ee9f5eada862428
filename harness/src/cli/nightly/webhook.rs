//! The webhook of a night: one `POST` with a bounded time, whose failure changes nothing.

use lb_core::secret::mask_passwords;
use lb_load::{TlsOptions, post};
use std::time::Duration;

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends a document to an address.
///
/// # Errors
/// It does not take it: why.
pub(super) async fn send(url: &str, json: &str) -> Result<(), String> {
    let shown = mask_passwords(url);
    match post(url, &TlsOptions::default(), PATIENCE, json).await {
        Ok(status) if (200..300).contains(&status) => Ok(()),
        Ok(status) => Err(format!("`{shown}` answered with status {status}")),
        Err(error) => Err(format!("`{shown}` was not told: {error}")),
    }
}
