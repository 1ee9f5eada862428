//! Sets a mark on a load that another process sends.

use super::LISTENER_FILE;
use super::read::read_document;
use lb_continuous::{Ending, MarkRequest, MarkSummary};
use lb_core::plain;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest wait for a reply.
const PATIENCE: Duration = Duration::from_secs(5);

/// The reason why a mark could not be set.
#[derive(Debug, thiserror::Error)]
pub enum MarkFailure {
    /// The run in a folder is over.
    #[error("the load in `{}` is over: it ended at {at}, so there is nothing to mark", .folder.display())]
    Over {
        /// The results folder.
        folder: PathBuf,
        /// When it ended, in RFC 3339.
        at: String,
    },
    /// A folder does not say where a process listens.
    #[error(
        "`{}` holds no running load (there is no listener.json); name the results folder of `bench serve-load`, or its \
         address with --at",
        .folder.display()
    )]
    NoListener {
        /// The results folder.
        folder: PathBuf,
    },
    /// Nothing listens at the address.
    #[error(
        "nothing answers at `{at}` ({why}); is the load over? name its address with --at, or its folder with --results"
    )]
    Away {
        /// The address.
        at: String,
        /// What went wrong.
        why: String,
    },
    /// What listens there refuses the mark.
    #[error("`{at}` refuses the mark with status {status}: {why}")]
    Refused {
        /// The address.
        at: String,
        /// The status of the reply.
        status: u16,
        /// The reason that it gives.
        why: String,
    },
}

/// What a process leaves in its results folder.
#[derive(Debug, Deserialize)]
struct Listener {
    url: String,
}

/// Returns the address at which the process that writes into this results folder listens.
///
/// # Errors
/// The run there is over, or there is none.
pub fn listening_address(folder: &Path) -> Result<String, MarkFailure> {
    // A document that cannot be read says nothing about who listens.
    let document = read_document(folder).ok().flatten();
    if let Some(document) = document.filter(|document| document.ending != Ending::Running) {
        return Err(MarkFailure::Over { folder: folder.to_owned(), at: document.written_at });
    }
    let missing = || MarkFailure::NoListener { folder: folder.to_owned() };
    let text = lb_io::read(&folder.join(LISTENER_FILE), lb_io::MOST_BYTES).map_err(|_| missing())?;
    serde_json::from_slice::<Listener>(&text).map(|listener| listener.url).map_err(|_| missing())
}

/// Sets a mark on the load that the process at this address sends.
///
/// # Errors
/// Nothing answers there, or the mark is refused.
pub async fn set_mark(at: &str, request: &MarkRequest) -> Result<MarkSummary, MarkFailure> {
    let away = |why: String| MarkFailure::Away { at: at.to_owned(), why };
    let base = if at.contains("://") { at.to_owned() } else { format!("http://{at}") };
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().unwrap_or_default();
    let call = client.post(format!("{}/marks", base.trim_end_matches('/'))).json(request);
    let reply = call.send().await.map_err(|error| match error.is_connect() {
        true => away("connections are refused".to_owned()),
        false => away(error.without_url().to_string()),
    })?;
    let status = reply.status();
    let text = reply.text().await.map_err(|error| away(error.without_url().to_string()))?;
    if !status.is_success() {
        let said = serde_json::from_str::<serde_json::Value>(&text).ok();
        let said = said.and_then(|said| Some(said["error"].as_str()?.to_owned())).unwrap_or(text);
        let why: String = plain::line(&said).chars().take(300).collect();
        return Err(MarkFailure::Refused { at: at.to_owned(), status: status.as_u16(), why });
    }
    serde_json::from_str(&text).map_err(|_| away("what answers there takes no marks".to_owned()))
}
