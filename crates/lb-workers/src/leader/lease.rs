//! The right to lead the workers of a name: a value that only one leader can make, and that vanishes when it is not made
//! anew for a while.

use crate::exchange::Exchange;
use async_nats::jetstream::kv::{CreateErrorKind, Store};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
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
    /// The leader in words: its host and its process.
    who: String,
    since: String,
}

/// The right to lead, until it is given back.
#[derive(Debug)]
pub(super) struct Lease {
    values: Store,
    renewing: JoinHandle<()>,
}

impl Lease {
    /// Takes the right to lead.
    ///
    /// # Errors
    /// Another leader has it.
    pub(super) async fn take(exchange: &Exchange, who: &str) -> Result<Self, String> {
        let values = exchange.values("lease", LASTS).await?;
        let holder = Holder { who: who.to_owned(), since: now() };
        let value = serde_json::to_vec(&holder).map_err(|error| error.to_string())?;
        let revision = match values.create(KEY, value.clone().into()).await {
            Ok(revision) => revision,
            Err(error) if error.kind() == CreateErrorKind::AlreadyExists => {
                return Err(taken(exchange, &values).await);
            }
            Err(error) => return Err(exchange.failed(&error)),
        };
        let renewing = tokio::spawn(renew(values.clone(), value.into(), revision));
        Ok(Self { values, renewing })
    }

    /// Gives the right back.
    pub(super) async fn give_back(&self) {
        self.renewing.abort();
        let _ = self.values.purge(KEY).await;
    }
}

/// Makes the value anew, again and again.
async fn renew(values: Store, value: Bytes, mut revision: u64) {
    loop {
        tokio::time::sleep(RENEWED).await;
        // A server that is away is noticed elsewhere.
        if let Ok(next) = values.update(KEY, value.clone(), revision).await {
            revision = next;
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
