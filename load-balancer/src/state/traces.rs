//! Traces of a running load balancer: where they are stored, and which one is being recorded.

use crate::config::TracesConfig;
use lb_core::Time;
use lb_core::policy::{Logged, Policy};
use lb_core::trace_summary::TraceSummary;
use lb_traces::write::{Overflow, Recording, TraceError, TracedPolicy, Tracer};
use parking_lot::Mutex;
use std::path::PathBuf;

/// Records traces into the folder that the config names.
pub(crate) struct Traces {
    pub(crate) config: TracesConfig,
    tracer: Tracer,
    /// The file of the current recording.
    current: Mutex<Option<PathBuf>>,
}

impl Traces {
    pub(super) fn new(config: TracesConfig) -> std::io::Result<Self> {
        Ok(Self { config, tracer: Tracer::new(Overflow::Drop)?, current: Mutex::default() })
    }

    /// Adds a log of decisions to a policy, and exploration while they are recorded.
    pub(super) fn over(&self, policy: Box<dyn Policy>, traced: TracedPolicy) -> Box<dyn Policy> {
        Box::new(Logged::new(policy, self.tracer.log(traced), self.config.exploration))
    }

    /// Starts recording with the process, if the config says so.
    pub(super) fn begin(&self, now: Time) -> Result<(), TraceError> {
        if !self.config.at_start {
            return Ok(());
        }
        let name = format!("{}-{}", jiff::Zoned::now().strftime("%Y%m%d-%H%M%S"), std::process::id());
        self.start(&name, &name, now).map(drop)
    }

    /// Starts the recording `name` and returns its file.
    pub(crate) fn start(&self, name: &str, run_id: &str, now: Time) -> Result<PathBuf, TraceError> {
        let mut current = self.current.lock();
        let path = self.config.folder.join(format!("{name}.parquet"));
        self.tracer.start(Recording {
            path: path.clone(),
            run_id: run_id.to_owned(),
            exploration: self.config.exploration,
            origin: now,
            started_at: Some(jiff::Timestamp::now().to_string()),
        })?;
        *current = Some(path.clone());
        Ok(path)
    }

    /// Stops the current recording.
    pub(crate) fn stop(&self) -> Result<TraceSummary, TraceError> {
        let mut current = self.current.lock();
        *current = None;
        self.tracer.stop()
    }

    /// Returns whether a recording is in progress.
    pub(crate) fn is_recording(&self) -> bool {
        self.tracer.is_recording()
    }

    /// Returns the file of the current recording.
    pub(crate) fn current(&self) -> Option<PathBuf> {
        self.current.lock().clone()
    }
}
