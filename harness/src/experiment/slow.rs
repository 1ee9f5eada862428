//! Slow requests of a trial (`--slow`): a file of them, events while the load runs, and a note at the end.

use super::context::{Context, Mode};
use super::error::RunError;
use super::events::{Event, Observe};
use super::trial_plan::TrialPlan;
use lb_core::Span;
use lb_load::Unlisted;
use lb_record::SlowSink;
use lb_results::{ListedBackend, SlowFile, SlowLines, SlowLinesHandle};
use std::sync::Arc;

/// The file of the slow requests of one trial, while it is written.
pub(super) struct SlowLog {
    file: SlowFile,
    /// Name of the file within the results folder.
    name: String,
    /// The trial in words.
    trial: String,
    limit: Span,
    unlisted: Arc<Unlisted>,
}

/// What live load needs to hand over slow requests.
pub(super) struct SlowParts {
    pub(super) sink: SlowSink,
    pub(super) watch: SlowWatch,
    /// Takes the names of backends that only replies name.
    pub(super) unlisted: Arc<Unlisted>,
}

/// Tells what was slow while the load of a trial runs.
#[derive(Clone)]
pub(super) struct SlowWatch {
    lines: SlowLinesHandle,
    trial: String,
}

impl SlowLog {
    /// Starts the file of a trial. `None` if slow requests are not looked for, or rates are searched.
    pub(super) fn create(
        context: &Context<'_>,
        trial: &TrialPlan<'_>,
        backends: &[ListedBackend],
    ) -> Result<Option<Self>, RunError> {
        let Some(limit) = context.slow.filter(|_| !matches!(context.mode, Mode::MaxRate(_))) else {
            return Ok(None);
        };
        let name = format!("trials/{}-slow_requests.csv", trial.stem());
        let ids: Vec<String> = backends.iter().map(|backend| backend.id.clone()).collect();
        let workload = &trial.scenario.scenario().workload;
        let unlisted = Arc::<Unlisted>::default();
        let further = Arc::clone(&unlisted);
        let backend = move |number: usize| {
            let listed = ids.get(number).cloned();
            listed.or_else(|| further.names().into_iter().nth(number - ids.len())).unwrap_or_default()
        };
        let file = SlowFile::create(context.folder, &name, workload, Box::new(backend), limit);
        let file = file.map_err(RunError::Results)?;
        Ok(Some(Self { file, name, trial: trial.title.clone(), limit, unlisted }))
    }

    /// Returns the sink that the load sends slow requests to.
    pub(super) fn sink(&self) -> SlowSink {
        self.file.sink()
    }

    /// Returns what live load needs.
    pub(super) fn parts(&self) -> SlowParts {
        SlowParts { sink: self.sink(), watch: self.watch(), unlisted: Arc::clone(&self.unlisted) }
    }

    /// Returns what tells of slow requests while the load runs.
    pub(super) fn watch(&self) -> SlowWatch {
        SlowWatch { lines: self.file.lines(), trial: self.trial.clone() }
    }

    /// Waits until the file is written, and tells the rest. Returns a note on how many requests were slow; `None` if none
    /// was. All copies of the sink must be dropped.
    pub(super) fn finish(self, events: &dyn Observe) -> Result<Option<String>, RunError> {
        let counts = self.file.finish().map_err(RunError::Results)?;
        tell(events, &self.trial, counts.rest);
        let requests =
            if counts.total == 1 { "1 request".to_owned() } else { format!("{} requests", counts.total) };
        Ok((counts.total > 0).then(|| {
            format!(
                "{requests} took {:.3} s or longer; `{}` lists {}",
                self.limit.as_secs_f64(),
                self.name,
                if counts.written == counts.total {
                    "all of them".to_owned()
                } else {
                    counts.written.to_string()
                }
            )
        }))
    }
}

impl SlowWatch {
    /// Tells the slow requests since the last call.
    pub(super) fn tell(&self, events: &dyn Observe) {
        tell(events, &self.trial, self.lines.take());
    }
}

fn tell(events: &dyn Observe, trial: &str, SlowLines { lines, left_out }: SlowLines) {
    if !lines.is_empty() || left_out > 0 {
        events.observe(&Event::SlowRequests { trial: trial.to_owned(), lines, left_out });
    }
}
