//! Writes `trials/<trial>-slow_requests.csv`: the requests that took longer than a limit (`--slow`), and provides a few
//! of them as lines for a terminal while the load runs.
//!
//! Both are bounded: the file by its rows, the lines by their number per second. What is left out is counted.

use crate::folder::ResultsFolder;
use anyhow::{Context, Result};
use lb_core::workload::Workload;
use lb_core::{Span, plain};
use lb_record::{SlowRequest, SlowSink};
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// The most rows of a file.
const MOST_ROWS: u64 = 100_000;
/// The most lines for the terminal in each second of the load.
const MOST_LINES: u32 = 10;
/// The most lines that wait for the terminal.
const MOST_WAITING: usize = 100;

/// The columns of the file.
const COLUMNS: [&str; 9] =
    ["started_at", "done_s", "name", "method", "latency_ms", "outcome", "status", "backend", "request_key"];

/// A file of slow requests that is being written.
#[derive(Debug)]
pub struct SlowFile {
    sink: SlowSink,
    lines: Arc<Mutex<Waiting>>,
    lost: Arc<AtomicU64>,
    writer: JoinHandle<Result<Counted>>,
}

/// Lines that wait for the terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlowLines {
    /// The lines, in order.
    pub lines: Vec<String>,
    /// Number of slow requests since the last lines that have no line.
    pub left_out: u64,
}

/// What became of the slow requests of a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlowCounts {
    /// Number of slow requests.
    pub total: u64,
    /// Number of those in the file.
    pub written: u64,
    /// The lines that were not taken yet.
    pub rest: SlowLines,
}

#[derive(Debug, Default)]
struct Waiting {
    waiting: SlowLines,
    /// The second of the load that lines are counted in, and how many there are.
    second: (u64, u32),
}

#[derive(Debug, Default)]
struct Counted {
    total: u64,
    written: u64,
}

/// The names of what requests refer to by number, and when the phase began.
struct Names {
    started: jiff::Timestamp,
    /// Name and method by step.
    steps: Vec<(String, String)>,
    backends: Vec<String>,
}

impl SlowFile {
    /// Starts the file `name` in a folder, for requests that take `limit` or longer in a phase that begins about now.
    /// `backends` holds the names of the backends in the order of their indices.
    ///
    /// # Errors
    /// When the writing thread cannot be started. Write errors are reported by [`Self::finish`].
    pub fn create(
        folder: &ResultsFolder,
        name: &str,
        workload: &Workload,
        backends: &[String],
        limit: Span,
    ) -> Result<Self> {
        let steps = workload.steps().iter().map(|step| (step.name.clone(), step.method.clone())).collect();
        Self::start(
            folder,
            name,
            Names { started: jiff::Timestamp::now(), steps, backends: backends.to_vec() },
            limit,
        )
    }

    fn start(folder: &ResultsFolder, name: &str, names: Names, limit: Span) -> Result<Self> {
        let (sink, slow) = SlowSink::new(limit);
        let (folder, name) = (folder.clone(), name.to_owned());
        let lines = Arc::<Mutex<Waiting>>::default();
        let (shown, lost) = (Arc::clone(&lines), sink.lost());
        let writer = std::thread::Builder::new().name("slow requests".to_owned()).spawn(move || {
            let mut counted = Counted::default();
            folder.write_with(&name, |file| {
                counted = write(&slow, &names, &shown, file)?;
                Ok(())
            })?;
            Ok(counted)
        });
        Ok(Self { sink, lines, lost, writer: writer.context("failed to start a thread for slow requests")? })
    }

    /// Returns the sink that the load sends slow requests to.
    pub fn sink(&self) -> SlowSink {
        self.sink.clone()
    }

    /// Returns a handle that takes the lines for the terminal.
    pub fn lines(&self) -> SlowLinesHandle {
        SlowLinesHandle(Arc::clone(&self.lines))
    }

    /// Waits until everything is written. All copies of the sink must be dropped.
    ///
    /// # Errors
    /// When the file cannot be written; then no file is left.
    pub fn finish(self) -> Result<SlowCounts> {
        drop(self.sink);
        let counted = self.writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let lost = self.lost.load(Ordering::Relaxed);
        let mut rest = take(&self.lines);
        rest.left_out += lost;
        Ok(SlowCounts { total: counted.total + lost, written: counted.written, rest })
    }
}

/// Takes lines for the terminal while the load runs.
#[derive(Clone, Debug)]
pub struct SlowLinesHandle(Arc<Mutex<Waiting>>);

impl SlowLinesHandle {
    /// Takes the lines that wait.
    pub fn take(&self) -> SlowLines {
        take(&self.0)
    }
}

fn take(lines: &Mutex<Waiting>) -> SlowLines {
    std::mem::take(&mut lines.lock().unwrap_or_else(PoisonError::into_inner).waiting)
}

impl Waiting {
    /// Adds the line of a request that ended in a second of the load, if there is room.
    fn add(&mut self, second: u64, line: impl FnOnce() -> String) {
        if self.second.0 != second {
            self.second = (second, 0);
        }
        if self.second.1 >= MOST_LINES || self.waiting.lines.len() >= MOST_WAITING {
            self.waiting.left_out += 1;
            return;
        }
        self.second.1 += 1;
        self.waiting.lines.push(line());
    }
}

/// Writes all slow requests until their senders are gone.
fn write(
    slow: &Receiver<SlowRequest>,
    names: &Names,
    lines: &Mutex<Waiting>,
    file: &mut (dyn Write + Send),
) -> Result<Counted> {
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(file);
    csv.write_record(COLUMNS)?;
    let mut counted = Counted::default();
    for request in slow {
        counted.total += 1;
        if counted.written < MOST_ROWS {
            csv.write_record(names.row(&request))?;
            counted.written += 1;
        }
        let second = request.sample.done.as_nanos() / 1_000_000_000;
        lines.lock().unwrap_or_else(PoisonError::into_inner).add(second, || names.line(&request));
    }
    csv.flush()?;
    Ok(counted)
}

impl Names {
    fn step(&self, request: &SlowRequest) -> (&str, &str) {
        let step = self.steps.get(usize::from(request.sample.step.0));
        step.map_or(("", ""), |(name, method)| (name.as_str(), method.as_str()))
    }

    /// Returns the name of the backend; empty if the reply names none.
    fn backend(&self, request: &SlowRequest) -> String {
        let Some(number) = request.sample.backend.map(usize::from) else { return String::new() };
        let listed = self.backends.get(number).cloned();
        listed.unwrap_or_else(|| format!("unlisted-{}", number - self.backends.len()))
    }

    fn row(&self, request: &SlowRequest) -> [String; COLUMNS.len()] {
        let sample = &request.sample;
        let (name, method) = self.step(request);
        let started = self.started + std::time::Duration::from_nanos(sample.intended.as_nanos());
        [
            format!("{started:.3}"),
            format!("{:.3}", sample.done.as_secs_f64()),
            plain::cell(name).into_owned(),
            plain::cell(method).into_owned(),
            format!("{:.3}", sample.done.since(sample.intended).as_millis_f64()),
            sample.outcome.name().to_owned(),
            if sample.status > 0 { sample.status.to_string() } else { String::new() },
            plain::cell(&self.backend(request)).into_owned(),
            request.key.map_or_else(String::new, key_text),
        ]
    }

    fn line(&self, request: &SlowRequest) -> String {
        let sample = &request.sample;
        let backend = self.backend(request);
        let at = if backend.is_empty() { String::new() } else { format!(" at {backend}") };
        let key = request.key.map_or_else(String::new, |key| format!(", key {}", key_text(key)));
        let status = if sample.status > 0 { format!(" {}", sample.status) } else { String::new() };
        let (name, method) = self.step(request);
        format!(
            "slow request: {method} {name} took {:.0} ms{at} ({}{status}{key}), {:.1} s into the load",
            sample.done.since(sample.intended).as_millis_f64(),
            sample.outcome.name(),
            sample.done.as_secs_f64()
        )
    }
}

/// Formats a key as it is sent in `x-request-key`.
fn key_text(key: u64) -> String {
    format!("{key:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::workload::{ActionIndex, Sample, StepIndex, UserId};
    use lb_core::{Outcome, Time};

    fn names() -> Names {
        Names {
            started: "2026-11-29T10:00:00Z".parse().expect("a time"),
            steps: vec![("list, all".to_owned(), "GET".to_owned())],
            backends: vec!["b-1".to_owned()],
        }
    }

    fn slow(done_ms: u64, millis: u64, backend: Option<u16>) -> Sample {
        let done = Time::ZERO + Span::from_millis(done_ms);
        let sent = Time::from_nanos(done.as_nanos() - millis * 1_000_000);
        Sample {
            user: UserId(0),
            action: ActionIndex(0),
            step: StepIndex(0),
            intended: sent,
            sent,
            done,
            outcome: if backend.is_some() { Outcome::Ok } else { Outcome::Timeout },
            status: if backend.is_some() { 200 } else { 0 },
            backend,
            bytes: 0,
        }
    }

    fn folder() -> (tempfile::TempDir, ResultsFolder) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = ResultsFolder::create(dir.path()).expect("a writable folder");
        (dir, folder)
    }

    #[test]
    fn each_slow_request_is_a_row_and_a_line() {
        let (dir, folder) = folder();
        let file = SlowFile::start(&folder, "trials/one-slow_requests.csv", names(), Span::from_millis(100));
        let file = file.expect("a thread");
        let sink = file.sink();
        sink.offer(&slow(2_500, 2_000, Some(0)), 0xfeed);
        sink.offer(&slow(2_600, 99, Some(0)), 1);
        sink.offer_and_wait(&slow(4_000, 3_000, None));
        sink.offer(&slow(4_100, 100, Some(2)), 2);
        drop(sink);
        let counts = file.finish().expect("a writable folder");
        assert_eq!((counts.total, counts.written, counts.rest.left_out), (3, 3, 0));
        let text = std::fs::read_to_string(dir.path().join("trials/one-slow_requests.csv")).expect("a file");
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(
            rows,
            [
                "started_at,done_s,name,method,latency_ms,outcome,status,backend,request_key",
                "2026-11-29T10:00:00.500Z,2.500,\"list, all\",GET,2000.000,ok,200,b-1,000000000000feed",
                "2026-11-29T10:00:01.000Z,4.000,\"list, all\",GET,3000.000,timeout,,,",
                "2026-11-29T10:00:04.000Z,4.100,\"list, all\",GET,100.000,ok,200,unlisted-1,0000000000000002",
            ]
        );
        assert_eq!(
            counts.rest.lines,
            [
                "slow request: GET list, all took 2000 ms at b-1 (ok 200, key 000000000000feed), 2.5 s into the load",
                "slow request: GET list, all took 3000 ms (timeout), 4.0 s into the load",
                "slow request: GET list, all took 100 ms at unlisted-1 (ok 200, key 0000000000000002), 4.1 s into the \
                 load",
            ]
        );
    }

    #[test]
    fn lines_are_limited_by_second_and_rows_by_their_number_and_both_are_counted() {
        let (_dir, folder) = folder();
        let file = SlowFile::start(&folder, "slow.csv", names(), Span::ZERO).expect("a thread");
        let sink = file.sink();
        for number in 0..MOST_ROWS + 5 {
            sink.offer_and_wait(&slow(1_000 + number % 1_000, 1, Some(0)));
        }
        for number in 0..3 {
            sink.offer_and_wait(&slow(2_000 + number, 1, Some(0)));
        }
        drop(sink);
        let counts = file.finish().expect("a writable folder");
        assert_eq!((counts.total, counts.written), (MOST_ROWS + 8, MOST_ROWS));
        assert_eq!(
            counts.rest.lines.len() as u32,
            MOST_LINES + 3,
            "ten of one second, and three of the next"
        );
        assert_eq!(counts.rest.left_out, MOST_ROWS + 5 - u64::from(MOST_LINES));
    }

    #[test]
    fn lines_can_be_taken_while_the_load_runs() {
        let (_dir, folder) = folder();
        let file = SlowFile::start(&folder, "slow.csv", names(), Span::ZERO).expect("a thread");
        let (sink, lines) = (file.sink(), file.lines());
        sink.offer_and_wait(&slow(1_000, 1, Some(0)));
        let taken = (0..1_000).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(5));
            let taken = lines.take();
            (!taken.lines.is_empty()).then_some(taken)
        });
        assert_eq!(taken.map(|taken| taken.lines.len()), Some(1));
        drop(sink);
        assert!(file.finish().expect("a writable folder").rest.lines.is_empty(), "each line is taken once");
    }
}
