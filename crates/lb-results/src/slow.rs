//! Writes down the requests that took longer than a limit (`--slow`), and provides a few of them as lines for a terminal
//! while the load runs.
//!
//! A trial has a file of its own, `trials/<trial>-slow_requests.csv`, which is there when it is whole. A load without end
//! has `slow_requests.csv`, which grows while it runs and makes room for itself (`rolling`). All of it is bounded: the
//! files by their rows, the lines by their number in a period. What is left out is counted.

mod lines;
mod rolling;
mod row;

pub use lines::{SlowLines, SlowLinesHandle};

use crate::folder::ResultsFolder;
use anyhow::{Context, Result};
use lb_core::Span;
use lb_core::workload::Workload;
use lb_record::{SlowRequest, SlowSink};
use lines::Waiting;
use rolling::Rolling;
use row::{COLUMNS, Names};
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// The most rows of a file.
const MOST_ROWS: u64 = 100_000;
/// The period in which a trial has a bounded number of lines, in seconds.
const TRIAL_PERIOD_S: u64 = 1;
/// That of a load without end, which may be slow for weeks.
const ENDLESS_PERIOD_S: u64 = 60;

/// A file of slow requests that is being written.
#[derive(Debug)]
pub struct SlowFile {
    sink: SlowSink,
    lines: Arc<Mutex<Waiting>>,
    lost: Arc<AtomicU64>,
    writer: JoinHandle<Result<Counted>>,
}

/// What became of slow requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlowCounts {
    /// Number of slow requests.
    pub total: u64,
    /// Number of those that were written into a file.
    pub written: u64,
    /// The lines that were not taken yet.
    pub rest: SlowLines,
}

#[derive(Debug, Default)]
struct Counted {
    total: u64,
    written: u64,
}

/// Returns the name of a backend, by its number.
pub type BackendName = Box<dyn Fn(usize) -> String + Send>;

impl SlowFile {
    /// Starts the file `name` in a folder, for requests that take `limit` or longer in a phase that begins about now. The
    /// file is there when [`Self::finish`] returns.
    ///
    /// # Errors
    /// When the writing thread cannot be started. Write errors are reported by [`Self::finish`].
    pub fn create(
        folder: &ResultsFolder,
        name: &str,
        workload: &Workload,
        backend: BackendName,
        limit: Span,
    ) -> Result<Self> {
        Self::whole(folder, name, Names::new(workload, backend), limit)
    }

    /// Starts `slow_requests.csv` in a folder, for a load without end that begins about now. What the file of an earlier
    /// process holds is kept; errors while it is written do not end it.
    ///
    /// # Errors
    /// When the writing thread cannot be started.
    pub fn create_rolling(
        folder: &ResultsFolder,
        workload: &Workload,
        backend: BackendName,
        limit: Span,
    ) -> Result<Self> {
        Self::rolling(Rolling::new(folder.path(), MOST_ROWS), Names::new(workload, backend), limit)
    }

    fn whole(folder: &ResultsFolder, name: &str, names: Names, limit: Span) -> Result<Self> {
        let (folder, name) = (folder.clone(), name.to_owned());
        Self::start(limit, TRIAL_PERIOD_S, move |slow, lines| {
            let mut counted = Counted::default();
            folder.write_with(&name, |file| {
                counted = write_whole(slow, &names, lines, file)?;
                Ok(())
            })?;
            Ok(counted)
        })
    }

    fn rolling(mut file: Rolling, names: Names, limit: Span) -> Result<Self> {
        Self::start(limit, ENDLESS_PERIOD_S, move |slow, lines| {
            Ok(write_rolling(slow, &names, lines, &mut file))
        })
    }

    fn start(
        limit: Span,
        period_s: u64,
        write: impl FnOnce(&Receiver<SlowRequest>, &Mutex<Waiting>) -> Result<Counted> + Send + 'static,
    ) -> Result<Self> {
        let (sink, slow) = SlowSink::new(limit);
        let lines = Arc::new(Mutex::new(Waiting::new(period_s)));
        let (shown, lost) = (Arc::clone(&lines), sink.lost());
        let thread = std::thread::Builder::new().name("slow requests".to_owned());
        let writer = thread.spawn(move || write(&slow, &shown));
        Ok(Self { sink, lines, lost, writer: writer.context("failed to start a thread for slow requests")? })
    }

    /// Returns the sink that the load sends slow requests to.
    pub fn sink(&self) -> SlowSink {
        self.sink.clone()
    }

    /// Returns a handle that takes the lines for the terminal.
    pub fn lines(&self) -> SlowLinesHandle {
        SlowLinesHandle::of(&self.lines)
    }

    /// Waits until everything is written. All copies of the sink must be dropped.
    ///
    /// # Errors
    /// When the file of a trial cannot be written; then no file is left.
    pub fn finish(self) -> Result<SlowCounts> {
        drop(self.sink);
        let counted = self.writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let lost = self.lost.load(Ordering::Relaxed);
        let mut rest = lock(&self.lines).take_all();
        rest.left_out += lost;
        Ok(SlowCounts { total: counted.total + lost, written: counted.written, rest })
    }
}

fn lock(lines: &Mutex<Waiting>) -> std::sync::MutexGuard<'_, Waiting> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes the slow requests of a trial until their senders are gone.
fn write_whole(
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
        lock(lines).add(&request, || names.line(&request));
    }
    csv.flush()?;
    Ok(counted)
}

/// Writes the slow requests of a load without end until their senders are gone. What is written is in the file whenever
/// no further request waits.
fn write_rolling(
    slow: &Receiver<SlowRequest>,
    names: &Names,
    lines: &Mutex<Waiting>,
    file: &mut Rolling,
) -> Counted {
    let mut counted = Counted::default();
    loop {
        let request = match slow.try_recv() {
            Ok(request) => request,
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) => {
                file.flush();
                match slow.recv() {
                    Ok(request) => request,
                    Err(_) => break,
                }
            }
        };
        counted.total += 1;
        counted.written += u64::from(file.write(&names.row(&request)));
        lock(lines).add(&request, || names.line(&request));
    }
    file.flush();
    counted
}

#[cfg(test)]
mod tests {
    use super::lines::MOST_LINES;
    use super::*;
    use lb_core::workload::{ActionIndex, Sample, StepIndex, UserId};
    use lb_core::{Outcome, Time};

    fn names() -> Names {
        Names {
            started: "2026-11-29T10:00:00Z".parse().expect("a time"),
            steps: vec![("list, all".to_owned(), "GET".to_owned())],
            backend: Box::new(|number| format!("b-{}", number + 1)),
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
        let file = SlowFile::whole(&folder, "trials/one-slow_requests.csv", names(), Span::from_millis(100));
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
                "2026-11-29T10:00:04.000Z,4.100,\"list, all\",GET,100.000,ok,200,b-3,0000000000000002",
            ]
        );
        assert_eq!(
            counts.rest.lines,
            [
                "slow request: GET list, all took 2000 ms at b-1 (ok 200, key 000000000000feed), 2.5 s into the load",
                "slow request: GET list, all took 3000 ms (timeout), 4.0 s into the load",
                "slow request: GET list, all took 100 ms at b-3 (ok 200, key 0000000000000002), 4.1 s into the \
                 load",
            ]
        );
    }

    #[test]
    fn lines_are_limited_by_second_and_rows_by_their_number_and_both_are_counted() {
        let (_dir, folder) = folder();
        let file = SlowFile::whole(&folder, "slow.csv", names(), Span::ZERO).expect("a thread");
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
    fn the_rows_of_a_load_without_end_are_in_its_file_while_it_runs() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = SlowFile::rolling(Rolling::new(dir.path(), 2), names(), Span::ZERO).expect("a thread");
        let (sink, path) = (file.sink(), dir.path().join("slow_requests.csv"));
        sink.offer_and_wait(&slow(1_000, 1, Some(0)));
        let rows = || std::fs::read_to_string(&path).map_or(0, |text| text.lines().count());
        let is_there = (0..1_000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(5));
            rows() == 2
        });
        assert!(is_there, "a header and a row, before the load has ended");
        for _ in 0..40 {
            sink.offer_and_wait(&slow(2_000, 1, Some(0)));
        }
        drop(sink);
        let counts = file.finish().expect("a thread that ended");
        assert_eq!((counts.total, counts.written, rows()), (41, 41, 2), "the last of 41 rows begins a file");
        assert_eq!(counts.rest.lines.len() as u32, MOST_LINES, "both seconds are in one minute");
        assert_eq!(counts.rest.left_out, 41 - u64::from(MOST_LINES));
    }

    #[test]
    fn how_many_have_no_line_is_told_when_their_period_is_over() {
        let mut waiting = Waiting::new(1);
        let request = |done_ms| SlowRequest { sample: slow(done_ms, 1, None), key: None };
        for number in 0..15 {
            waiting.add(&request(1_000 + number), || "slow".to_owned());
        }
        assert_eq!(waiting.waiting.left_out, 0, "there may be more of them");
        waiting.add(&request(2_000), || "slow".to_owned());
        assert_eq!((waiting.waiting.left_out, waiting.waiting.lines.len()), (5, 11));
        waiting.add(&request(2_001), || "slow".to_owned());
        assert_eq!(waiting.take_all().left_out, 5, "told once");
    }

    #[test]
    fn lines_can_be_taken_while_the_load_runs() {
        let (_dir, folder) = folder();
        let file = SlowFile::whole(&folder, "slow.csv", names(), Span::ZERO).expect("a thread");
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
