//! The writer thread, and how recordings are started and stopped.

use super::file::TraceFile;
use super::join::Joiner;
use super::log::TraceLog;
use super::messages::{Control, Event, Gate, NAP, Overflow, Recording, TraceError, TracedPolicy};
use super::row::Row;
use super::table::{Dictionary, GROUP_NUMBERS, GROUP_ROWS};
use crate::format::metadata;
use lb_core::policy::learned::{FEATURE_SET, FEATURES};
use lb_core::policy::{DecisionLog, REWARD_VERSION};
use lb_core::trace_summary::TraceSummary;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

/// Capacity of the channel in events: as many as a load balancer at full speed sends in a second, the time
/// needed to write a group.
const CAPACITY: usize = 64 * 1024;

/// Records the decisions of every policy that logs to it ([`Self::log`]).
#[derive(Debug)]
pub struct Tracer {
    sender: SyncSender<Event>,
    gate: Arc<Gate>,
    overflow: Overflow,
    logs: AtomicU32,
}

impl Tracer {
    /// Creates a tracer that is not recording yet.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn new(overflow: Overflow) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(CAPACITY);
        let gate = Arc::<Gate>::default();
        let mut writer = Writer::new(Arc::clone(&gate));
        std::thread::Builder::new().name("traces".to_owned()).spawn(move || writer.run(&receiver))?;
        Ok(Self { sender, gate, overflow, logs: AtomicU32::new(0) })
    }

    /// Creates the log for the decisions of a new policy.
    pub fn log(&self, policy: TracedPolicy) -> Box<dyn DecisionLog> {
        let number = self.logs.fetch_add(1, Relaxed);
        // Waits if the channel is full: without this event, nothing that the log sends can be interpreted. If
        // the writer is gone, the log will not be read anyway.
        let _ = self.sender.send(Event::Control(Control::Opened { log: number, policy }));
        Box::new(TraceLog {
            number,
            sender: self.sender.clone(),
            gate: Arc::clone(&self.gate),
            overflow: self.overflow,
        })
    }

    /// Starts a recording and returns once its file has been created.
    ///
    /// # Errors
    /// When a recording is already in progress, or the file cannot be created.
    pub fn start(&self, recording: Recording) -> Result<(), TraceError> {
        let (reply, answer) = sync_channel(1);
        self.control(Control::Start { recording: Box::new(recording), reply })?;
        answer.recv().map_err(|_| TraceError::Gone)??;
        self.gate.dropped_decisions.store(0, Relaxed);
        self.gate.dropped_endings.store(0, Relaxed);
        self.gate.open.store(true, SeqCst);
        Ok(())
    }

    /// Stops the recording and returns once its file is complete. Requests still open are censored.
    ///
    /// # Errors
    /// When no recording is in progress, or it could not be written.
    pub fn stop(&self) -> Result<TraceSummary, TraceError> {
        self.gate.open.store(false, SeqCst);
        let (reply, answer) = sync_channel(1);
        self.control(Control::Stop { reply })?;
        answer.recv().map_err(|_| TraceError::Gone)?
    }

    /// Returns whether a recording is in progress.
    pub fn is_recording(&self) -> bool {
        self.gate.open.load(Relaxed)
    }

    fn control(&self, control: Control) -> Result<(), TraceError> {
        self.sender.send(Event::Control(control)).map_err(|_| TraceError::Gone)
    }
}

/// The state of the writing thread.
struct Writer {
    gate: Arc<Gate>,
    policies: HashMap<u32, TracedPolicy>,
    current: Option<Current>,
}

/// The recording in progress.
struct Current {
    file: TraceFile,
    recording: Recording,
    joiner: Joiner,
    /// Complete rows that have not been written yet.
    rows: Vec<Row>,
    /// Number of feature values in these rows.
    numbers: usize,
    summary: TraceSummary,
    failure: Option<ParquetError>,
    /// Policies that are gone but still have rows here.
    gone: Vec<u32>,
}

impl Writer {
    fn new(gate: Arc<Gate>) -> Self {
        Self { gate, policies: HashMap::new(), current: None }
    }

    /// Receives events until all their senders are gone.
    fn run(&mut self, events: &Receiver<Event>) {
        loop {
            // Without a recording only control events matter, and they may wake this thread.
            let event = match self.current {
                None => events.recv().map_err(|_| TryRecvError::Disconnected),
                Some(_) => events.try_recv(),
            };
            match event {
                Ok(event) => self.take(event),
                Err(TryRecvError::Empty) => std::thread::sleep(NAP),
                Err(TryRecvError::Disconnected) => break,
            }
        }
        // The result is no longer needed, but the recorded rows are kept.
        if let Some(current) = self.current.take() {
            let _ = current.finish(&self.policies, &self.gate);
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Control(control) => self.control(control),
            Event::Decision(decided) => {
                let Some(current) = &mut self.current else { return };
                let Some(policy) = self.policies.get(&decided.log) else { return };
                let row = current.joiner.decision(decided, policy.lb_id);
                current.add(row, &self.policies);
            }
            Event::Ending { log, ending } => {
                let Some(current) = &mut self.current else { return };
                let row = current.joiner.ending(log, &ending);
                current.add(row, &self.policies);
            }
        }
    }

    fn control(&mut self, control: Control) {
        // A caller that is gone does not need the answer.
        match control {
            Control::Opened { log, policy } => drop(self.policies.insert(log, policy)),
            Control::Closed { log } => self.closed(log),
            Control::Start { recording, reply } => {
                let _ = reply.send(self.start(*recording));
            }
            Control::Stop { reply } => {
                let _ = reply.send(self.stop());
            }
        }
    }

    fn start(&mut self, recording: Recording) -> Result<(), TraceError> {
        if self.current.is_some() {
            return Err(TraceError::Recording);
        }
        let path = recording.path.clone();
        let file = TraceFile::create(path.clone(), about(&recording))
            .map_err(|source| TraceError::Create { path: path.clone(), source })?;
        self.current = Some(Current {
            file,
            recording,
            joiner: Joiner::default(),
            rows: Vec::new(),
            numbers: 0,
            summary: TraceSummary {
                file: path,
                bytes: 0,
                rows: 0,
                censored: 0,
                explored: 0,
                dropped_decisions: 0,
                dropped_outcomes: 0,
            },
            failure: None,
            gone: Vec::new(),
        });
        Ok(())
    }

    fn stop(&mut self) -> Result<TraceSummary, TraceError> {
        let current = self.current.take().ok_or(TraceError::NotRecording)?;
        let gone = current.gone.clone();
        let finished = current.finish(&self.policies, &self.gate);
        gone.iter().for_each(|log| drop(self.policies.remove(log)));
        finished
    }

    fn closed(&mut self, log: u32) {
        match &mut self.current {
            None => drop(self.policies.remove(&log)),
            Some(current) => {
                for row in current.joiner.closed(log) {
                    current.add(Some(row), &self.policies);
                }
                current.gone.push(log);
            }
        }
    }
}

impl Current {
    fn add(&mut self, row: Option<Row>, policies: &HashMap<u32, TracedPolicy>) {
        let Some(row) = row else { return };
        self.numbers += row.decided.numbers.len();
        self.rows.push(row);
        if self.rows.len() >= GROUP_ROWS || self.numbers >= GROUP_NUMBERS {
            self.flush(policies);
        }
    }

    /// Writes complete rows, in the order of the decisions of each load balancer.
    fn flush(&mut self, policies: &HashMap<u32, TracedPolicy>) {
        if self.rows.is_empty() || self.failure.is_some() {
            self.rows.clear();
            return;
        }
        self.rows.sort_unstable_by_key(|row| (row.lb_id, row.number));
        let Recording { run_id, origin, .. } = &self.recording;
        let dictionary = Dictionary { run_id, policies, origin: *origin };
        match self.file.write(&self.rows, &dictionary) {
            Ok(()) => {
                let censored = |row: &&Row| row.outcome.is_none_or(|outcome| outcome.known.is_none());
                self.summary.rows += self.rows.len() as u64;
                self.summary.censored += self.rows.iter().filter(censored).count() as u64;
                self.summary.explored += self.rows.iter().filter(|row| row.decided.explored).count() as u64;
            }
            Err(error) => {
                tracing::error!(path = %self.file.path().display(), "the trace cannot be written: {error}");
                self.failure = Some(error);
            }
        }
        self.rows.clear();
        self.numbers = 0;
    }

    fn finish(
        mut self,
        policies: &HashMap<u32, TracedPolicy>,
        gate: &Gate,
    ) -> Result<TraceSummary, TraceError> {
        for row in self.joiner.finish() {
            self.add(Some(row), policies);
        }
        self.flush(policies);
        let path = self.file.path().to_owned();
        let fail = |source| TraceError::Write { path: path.clone(), source };
        if let Some(source) = self.failure {
            return Err(fail(source));
        }
        let bytes = self.file.finish().map_err(fail)?;
        Ok(TraceSummary {
            bytes,
            dropped_decisions: gate.dropped_decisions.load(Relaxed),
            dropped_outcomes: gate.dropped_endings.load(Relaxed),
            ..self.summary
        })
    }
}

/// Returns the metadata of the file.
fn about(recording: &Recording) -> Vec<KeyValue> {
    let value = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
    let mut about = vec![
        value(metadata::RUN_ID, recording.run_id.clone()),
        value(metadata::FEATURE_SET, FEATURE_SET.to_owned()),
        value(metadata::FEATURES, serde_json::json!(FEATURES).to_string()),
        value(metadata::REWARD_VERSION, REWARD_VERSION.to_string()),
        value(metadata::EXPLORATION, recording.exploration.to_string()),
    ];
    about.extend(recording.started_at.clone().map(|at| value(metadata::STARTED_AT, at)));
    about
}
