//! The slow requests of a load without end: files of them, lines while the load runs, and a note at the end.

use super::shared::Shared;
use crate::experiment::{Event, Observe};
use lb_core::Span;
use lb_core::workload::Workload;
use lb_record::SlowSink;
use lb_results::{ResultsFolder, SlowFile, SlowLines};
use std::sync::Arc;

/// The files of slow requests, while they are written.
pub(super) struct SlowLog {
    file: SlowFile,
    limit: Span,
}

impl SlowLog {
    /// Starts the file in the results folder.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn start(
        folder: &ResultsFolder,
        workload: &Workload,
        shared: &Arc<Shared>,
        limit: Span,
    ) -> anyhow::Result<Self> {
        let shared = Arc::clone(shared);
        let backend = move |number| shared.backend(number);
        let file = SlowFile::create_rolling(folder, workload, Box::new(backend), limit)?;
        Ok(Self { file, limit })
    }

    /// Returns the sink that the load sends slow requests to.
    pub(super) fn sink(&self) -> SlowSink {
        self.file.sink()
    }

    /// Tells the slow requests since the last call.
    pub(super) fn tell(&self, events: &dyn Observe) {
        tell(events, self.file.lines().take());
    }

    /// Waits until everything is written, and tells the rest. Returns a note on how many requests were slow; `None` if none
    /// was. All copies of the sink must be dropped.
    ///
    /// # Errors
    /// Those of the files are in the log; others cannot happen.
    pub(super) fn finish(self, events: &dyn Observe) -> anyhow::Result<Option<String>> {
        let counts = self.file.finish()?;
        tell(events, counts.rest);
        let requests =
            if counts.total == 1 { "1 request".to_owned() } else { format!("{} requests", counts.total) };
        let listed = if counts.written == counts.total {
            "`slow_requests.csv` lists them, at least the last 100,000".to_owned()
        } else {
            format!("`slow_requests.csv` lists the last of {} that could be written", counts.written)
        };
        Ok((counts.total > 0)
            .then(|| format!("{requests} took {:.3} s or longer; {listed}", self.limit.as_secs_f64())))
    }
}

fn tell(events: &dyn Observe, SlowLines { lines, left_out }: SlowLines) {
    if !lines.is_empty() || left_out > 0 {
        events.observe(&Event::SlowRequests { trial: "load".to_owned(), lines, left_out });
    }
}
