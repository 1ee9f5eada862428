//! Lines about slow requests that wait for a terminal, a bounded number in each period of the load.

use lb_record::SlowRequest;
use std::sync::{Arc, Mutex, PoisonError};

/// The most lines in each period.
pub(super) const MOST_LINES: u32 = 10;
/// The most lines that wait.
const MOST_WAITING: usize = 100;

/// Lines that wait for the terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlowLines {
    /// The lines, in order.
    pub lines: Vec<String>,
    /// Number of slow requests that have no line, of the periods that are over and were not told yet.
    pub left_out: u64,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) waiting: SlowLines,
    /// The length of a period in seconds.
    period_s: u64,
    /// The current period.
    period: u64,
    /// The lines in it, and the requests without a line.
    lines: u32,
    left_out: u64,
}

impl Waiting {
    pub(super) fn new(period_s: u64) -> Self {
        Self { waiting: SlowLines::default(), period_s, period: 0, lines: 0, left_out: 0 }
    }

    /// Adds the line of a request, if there is room. The number of those without is told once in a period.
    pub(super) fn add(&mut self, request: &SlowRequest, line: impl FnOnce() -> String) {
        let period = request.sample.done.as_nanos() / (1_000_000_000 * self.period_s);
        if self.period != period {
            self.end_period();
            self.period = period;
        }
        if self.lines >= MOST_LINES || self.waiting.lines.len() >= MOST_WAITING {
            self.left_out += 1;
            return;
        }
        self.lines += 1;
        self.waiting.lines.push(line());
    }

    /// Takes everything, also that of the current period.
    pub(super) fn take_all(&mut self) -> SlowLines {
        self.end_period();
        std::mem::take(&mut self.waiting)
    }

    fn end_period(&mut self) {
        self.waiting.left_out += std::mem::take(&mut self.left_out);
        self.lines = 0;
    }
}

/// Takes lines for the terminal while the load runs.
#[derive(Clone, Debug)]
pub struct SlowLinesHandle(Arc<Mutex<Waiting>>);

impl SlowLinesHandle {
    pub(super) fn of(waiting: &Arc<Mutex<Waiting>>) -> Self {
        Self(Arc::clone(waiting))
    }

    /// Takes the lines that wait.
    pub fn take(&self) -> SlowLines {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).waiting)
    }
}
