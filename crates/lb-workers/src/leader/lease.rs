//! The right to lead the workers of a name: a value that only one leader can make, and that vanishes when it is not made
//! anew for a while.

use crate::exchange::Exchange;
use async_nats::jetstream::kv::{CreateErrorKind, Operation, Store};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

/// How long the value lasts: the workers of a leader that was killed are free after this.
pub(super) const LASTS: Duration = Duration::from_secs(10);

/// How often the value is made anew.
const RENEWED: Duration = Duration::from_secs(3);

/// The key of the value.
const KEY: &str = "leader";

/// Who leads.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    /// The id of the leader.
    leader: String,
    /// The leader in words: its host and its process.
    who: String,
    since: String,
}

/// The right to lead, until it is given back.
#[derive(Debug)]
pub(super) struct Lease {
    values: Store,
    revision: Arc<AtomicU64>,
    renewing: JoinHandle<()>,
}

impl Lease {
    /// Takes the right to lead. `is_deposed` is set if another leader gets it later.
    ///
    /// # Errors
    /// Another leader has it.
    pub(super) async fn take(
        exchange: &Exchange,
        leader: &str,
        who: &str,
        is_deposed: Arc<AtomicBool>,
    ) -> Result<Self, String> {
        let values = exchange.values("lease", LASTS).await?;
        let holder = Holder { leader: leader.to_owned(), who: who.to_owned(), since: now() };
        let value: Bytes = serde_json::to_vec(&holder).map_err(|error| error.to_string())?.into();
        let revision = match values.create(KEY, value.clone()).await {
            Ok(revision) => Arc::new(AtomicU64::new(revision)),
            Err(error) if error.kind() == CreateErrorKind::AlreadyExists => {
                return Err(taken(exchange, &values).await);
            }
            Err(error) => return Err(exchange.failed(&error)),
        };
        let renewing = tokio::spawn(renew(values.clone(), value, Arc::clone(&revision), is_deposed));
        Ok(Self { values, revision, renewing })
    }

    /// Gives the right back, unless another leader has it by now.
    pub(super) async fn give_back(&self) {
        self.renewing.abort();
        let _ = self.values.purge_expect_revision(KEY, Some(self.revision.load(Ordering::Relaxed))).await;
    }
}

/// Makes the value anew, again and again.
async fn renew(values: Store, value: Bytes, revision: Arc<AtomicU64>, is_deposed: Arc<AtomicBool>) {
    loop {
        tokio::time::sleep(RENEWED).await;
        let known = revision.load(Ordering::Relaxed);
        if let Ok(next) = values.update(KEY, value.clone(), known).await {
            revision.store(next, Ordering::Relaxed);
            continue;
        }
        // An answer that was lost, a value that has vanished meanwhile, or another leader. A server that is away is noticed
        // elsewhere.
        match values.entry(KEY).await {
            Ok(Some(entry)) if entry.value == value => revision.store(entry.revision, Ordering::Relaxed),
            Ok(Some(entry)) if entry.operation == Operation::Put => {
                is_deposed.store(true, Ordering::Relaxed);
                return;
            }
            Ok(_) => {
                if let Ok(next) = values.create(KEY, value.clone()).await {
                    revision.store(next, Ordering::Relaxed);
                }
            }
            Err(_) => {}
        }
    }
}

/// Says who leads already.
async fn taken(exchange: &Exchange, values: &Store) -> String {
    let value = values.get(KEY).await.ok().flatten();
    let holder: Option<Holder> = value.and_then(|value| serde_json::from_slice(&value).ok());
    let who = holder.map_or_else(String::new, |holder| format!(", {}, since {}", holder.who, holder.since));
    let name = &exchange.address.name;
    format!(
        "another leader uses the workers `{name}` at {}{who}; wait until its run is over, or start workers under another \
         name, such as {}/NAME, and lead those (the workers of a leader that was killed are free after {} s)",
        exchange.address,
        exchange.address.to_string().trim_end_matches(&format!("/{name}")).trim_end_matches('/'),
        LASTS.as_secs()
    )
}

fn now() -> String {
    jiff::Timestamp::now().round(jiff::Unit::Second).map_or_else(|_| String::new(), |now| now.to_string())
}
