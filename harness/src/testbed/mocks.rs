//! A client of the control API of the mock backends. It resets them between trials and starts the same faults
//! at the same offsets in every trial.

use lb_core::fault::Fault;
use lb_core::plain;
use std::time::Duration;

/// Error of a call to the mock backends.
#[derive(Debug, thiserror::Error)]
pub enum MocksError {
    /// The call got no reply.
    #[error("failed to reach the mock backends at `{url}`")]
    Unreachable {
        /// The URL that was called.
        url: String,
        /// The error of the HTTP client.
        source: reqwest::Error,
    },
    /// The mock backends refused the call.
    #[error("mock backends refused `{url}` with status {status}: {body}")]
    Refused {
        /// The URL that was called.
        url: String,
        /// The HTTP status of the reply.
        status: u16,
        /// The body of the reply.
        body: String,
    },
}

/// A client of the control API.
#[derive(Clone, Debug)]
pub struct Mocks {
    control: String,
    client: reqwest::Client,
}

impl Mocks {
    /// The timeout of control calls, which are small and local.
    const TIMEOUT: Duration = Duration::from_secs(5);

    /// Makes a client of the mock backends whose control API is at `control`.
    pub fn new(control: &str) -> Self {
        // Only a broken TLS set-up can make the builder fail, and there is no TLS here.
        let client = reqwest::Client::builder().timeout(Self::TIMEOUT).no_proxy().build().unwrap_or_default();
        Self { control: control.trim_end_matches('/').to_owned(), client }
    }

    /// Makes the backends forget users, carts, orders, counters and queues.
    pub async fn reset(&self) -> Result<(), MocksError> {
        self.post("/reset", None).await
    }

    /// Sets the fault timeline without starting it.
    pub async fn set_faults(&self, faults: &[Fault]) -> Result<(), MocksError> {
        let body = serde_json::to_value(faults).expect("faults are plain data");
        self.post("/faults", Some(body)).await
    }

    /// Starts the fault timeline: its offsets count from now.
    pub async fn start_faults(&self) -> Result<(), MocksError> {
        self.post("/faults/start", None).await
    }

    /// Ends all faults.
    pub async fn stop_faults(&self) -> Result<(), MocksError> {
        self.post("/faults/stop", None).await
    }

    /// Puts in a fault by hand, from now on and beside the timeline.
    pub async fn add_fault(&self, fault: &Fault) -> Result<(), MocksError> {
        let body = serde_json::to_value(fault).expect("faults are plain data");
        self.post("/faults/add", Some(body)).await
    }

    /// Ends the faults that were put in by hand.
    pub async fn clear_faults(&self) -> Result<(), MocksError> {
        self.post("/faults/clear", None).await
    }

    async fn post(&self, path: &str, body: Option<serde_json::Value>) -> Result<(), MocksError> {
        let url = format!("{}{path}", self.control);
        let mut request = self.client.post(&url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let reply = match request.send().await {
            Ok(reply) => reply,
            Err(source) => return Err(MocksError::Unreachable { url, source }),
        };
        let status = reply.status();
        if status.is_success() {
            return Ok(());
        }
        let body = plain::line(&reply.text().await.unwrap_or_default()).into_owned();
        Err(MocksError::Refused { url, status: status.as_u16(), body })
    }
}
