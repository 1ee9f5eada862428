//! How a backend reports its load: in a field of each reply (Open Request Cost Aggregation), and as the answer to a probe.
//!
//! Both have the same text ([`lb_core::reports::orca`]) and say how many requests the backend holds, besides the one that is
//! answered; its utilisation; its rate; and the latency that a request would see, by those that found about as many
//! others (Prequal, NSDI 2024). A probe waits for no worker. A frozen backend does not answer it, as a process in a pause
//! for garbage collection would not.

use crate::reply::Answer;
use crate::server::{Instance, Reply};
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use lb_core::reports::orca;
use std::time::Duration;

const FIELD: HeaderName = HeaderName::from_static(orca::FIELD);

/// Time between two looks at whether a frozen backend has thawed.
const THAW: Duration = Duration::from_millis(20);

/// The longest that a probe of a frozen backend is kept: longer than anybody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

impl Instance {
    /// Adds the load of the backend to a reply, if backends report it.
    pub(crate) fn add_load_report(&self, headers: &mut HeaderMap) {
        let value = self.load_report().and_then(|text| HeaderValue::try_from(text).ok());
        headers.extend(value.map(|value| (FIELD, value)));
    }

    /// Answers a probe: the field says it all.
    pub(crate) async fn answer_probe(&self) -> Reply {
        let frozen = async {
            while self.shared.engine.is_frozen(self.unit) {
                tokio::time::sleep(THAW).await;
            }
        };
        let _ = tokio::time::timeout(PATIENCE, frozen).await;
        self.reply(&Answer::empty())
    }

    /// Returns the text of the report; `None` if backends do not report.
    fn load_report(&self) -> Option<String> {
        let report = self.shared.engine.load_report(self.unit)?;
        let mut text = String::with_capacity(160);
        orca::write(&report, &mut text);
        Some(text)
    }
}
