//! Counts the load reports of backends, and names a backend whose reports cannot be used.
//!
//! A report never fails a request: what cannot be read is counted and left out, and the policy goes on with what it has. Each
//! kind of fault of a backend is logged once, so that a fault that comes with every reply does not fill the log.

use crate::metrics::{PerThread, add};
use http::StatusCode;
use lb_core::Time;
use lb_core::reports::orca::OrcaError;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

/// Why a report cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// The field of a reply cannot be read.
    #[error("the field `endpoint-load-metrics` of a reply {0}")]
    Field(OrcaError),
    /// A probe found no backend.
    #[error("a probe found nobody, or the connection broke")]
    Unreachable,
    /// A probe was not answered in time.
    #[error("a probe was not answered in time")]
    Late,
    /// A probe was answered by an error.
    #[error("a probe was answered with status {0}")]
    Status(StatusCode),
    /// The answer to a probe cannot be read.
    #[error("the answer to a probe {0}")]
    Answer(OrcaError),
    /// The answer to a probe has an endless body.
    #[error("the answer to a probe is broken off or too long")]
    Body,
    /// The answer to a probe cannot be true.
    #[error("an answer says {said} requests in flight, of which this load balancer alone has {own}")]
    Contradiction {
        /// What the backend says.
        said: u32,
        /// What the load balancer had there all the while.
        own: u32,
    },
}

impl Fault {
    /// The kinds of faults in metrics.
    pub(crate) const KINDS: [&str; 5] = ["field", "unreachable", "late", "answer", "contradiction"];

    const fn kind(self) -> usize {
        match self {
            Self::Field(_) => 0,
            Self::Unreachable => 1,
            Self::Late => 2,
            Self::Status(_) | Self::Answer(_) | Self::Body => 3,
            Self::Contradiction { .. } => 4,
        }
    }
}

/// The reports of one backend.
#[derive(Default)]
pub(crate) struct ReportLog {
    /// What each data thread has counted.
    pub(crate) counts: PerThread<ReportCounts>,
    /// The kinds of faults that were logged, as bits.
    logged: AtomicU8,
}

impl ReportLog {
    /// Counts a fault for the data thread of `counts`, and logs the first of its kind.
    pub(crate) fn fault(&self, id: &str, counts: &ReportCounts, fault: Fault) {
        add(&counts.faults[fault.kind()], 1);
        let bit = 1 << fault.kind();
        if self.logged.load(Relaxed) & bit == 0 && self.logged.fetch_or(bit, Relaxed) & bit == 0 {
            tracing::warn!(
                backend = id,
                "no use for a load report: {fault}; later ones of this kind are only counted (lb_load_report_faults_total)"
            );
        }
    }
}

/// Counters of a backend's reports. Only one thread writes them.
#[derive(Default)]
pub(crate) struct ReportCounts {
    /// Reports in replies that were used.
    replies: AtomicU64,
    /// Answers to probes that were used.
    probes: AtomicU64,
    /// Single values that were left out.
    ignored: AtomicU64,
    /// Probes that were not sent, because the one before was not answered, or because of a limit.
    withheld: AtomicU64,
    /// Faults by kind.
    faults: [AtomicU64; Fault::KINDS.len()],
    /// When the latest report came; zero before the first.
    last: AtomicU64,
}

impl ReportCounts {
    /// Counts a report that was used.
    pub(crate) fn used(&self, probed: bool, now: Time) {
        add(if probed { &self.probes } else { &self.replies }, 1);
        self.last.store(now.as_nanos(), Relaxed);
    }

    /// Counts values of a report that were left out.
    pub(crate) fn left_out(&self, ignored: u32) {
        if ignored > 0 {
            add(&self.ignored, u64::from(ignored));
        }
    }

    /// Counts a probe that was not sent.
    pub(crate) fn withheld(&self) {
        add(&self.withheld, 1);
    }

    /// Adds the counts of `other`.
    pub(crate) fn plus(&self, other: &Self) {
        for (sum, count) in [
            (&self.replies, &other.replies),
            (&self.probes, &other.probes),
            (&self.ignored, &other.ignored),
            (&self.withheld, &other.withheld),
        ] {
            add(sum, count.load(Relaxed));
        }
        for (sum, count) in self.faults.iter().zip(&other.faults) {
            add(sum, count.load(Relaxed));
        }
        self.last.fetch_max(other.last.load(Relaxed), Relaxed);
    }

    /// Returns the number of reports that were used: in replies, and as answers to probes.
    pub(crate) fn read_used(&self) -> [(&'static str, u64); 2] {
        [("orca", self.replies.load(Relaxed)), ("probes", self.probes.load(Relaxed))]
    }

    /// Returns the number of values that were left out.
    pub(crate) fn read_ignored(&self) -> u64 {
        self.ignored.load(Relaxed)
    }

    /// Returns the number of probes that were not sent.
    pub(crate) fn read_withheld(&self) -> u64 {
        self.withheld.load(Relaxed)
    }

    /// Returns the number of faults of each kind.
    pub(crate) fn read_faults(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Fault::KINDS.into_iter().zip(self.faults.iter().map(|count| count.load(Relaxed)))
    }

    /// Returns when the latest report came; `None` before the first.
    pub(crate) fn read_last(&self) -> Option<Time> {
        Some(self.last.load(Relaxed)).filter(|nanos| *nanos > 0).map(Time::from_nanos)
    }
}
