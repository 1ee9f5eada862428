//! Adds up pieces to windows and hours, and keeps a bounded number of both.
//!
//! A window is complete once every worker has handed over its last second; windows become complete in order. The
//! windows of the last 70 minutes are kept one by one, which is what verdicts of marks need. Before that, an
//! hour takes the place of its windows, and a month of hours is kept. The totals of the whole load are kept beside
//! them. So the memory is bounded: about 420 windows of 10 seconds, 744 hours, and one record, with some kilobytes
//! for each histogram.

use crate::window::{Tally, Window};
use lb_record::{Piece, TrialRecord};
use std::collections::{BTreeMap, VecDeque};

/// Seconds for which windows are kept one by one.
pub const RECENT_KEPT_S: u32 = 70 * 60;

/// The number of hours that are kept: 31 days.
pub const HOURS_KEPT: usize = 31 * 24;

/// Seconds in an hour.
const HOUR_S: u32 = 3600;

/// A window that became complete.
#[derive(Clone, Debug)]
pub struct Closed {
    /// The window.
    pub window: Window,
    /// The hour that ended with it; `None` if none did.
    pub hour: Option<Window>,
}

/// The windows and totals of a load without end.
#[derive(Clone, Debug)]
pub struct Windows {
    window_s: u32,
    /// The number of complete seconds of each worker.
    complete: Vec<u32>,
    /// The windows to which pieces still come, by number.
    open: BTreeMap<u32, Tally>,
    /// The number of the first window that is not complete.
    next: u32,
    recent: VecDeque<Window>,
    hour: Tally,
    /// The beginning of the current hour, in seconds since the load began.
    hour_start_s: u32,
    hours: VecDeque<Window>,
    totals: TrialRecord,
}

impl Windows {
    /// Makes an empty list of windows of `window_s` seconds, at least one, to which `workers` workers hand over
    /// pieces.
    pub fn new(window_s: u32, workers: usize) -> Self {
        Self {
            window_s: window_s.max(1),
            complete: vec![0; workers],
            open: BTreeMap::new(),
            next: 0,
            recent: VecDeque::new(),
            hour: Tally::default(),
            hour_start_s: 0,
            hours: VecDeque::new(),
            totals: TrialRecord::default(),
        }
    }

    /// Adds a piece. Returns the windows that became complete, in order.
    pub fn add(&mut self, piece: Piece) -> Vec<Closed> {
        self.open.entry(piece.second / self.window_s).or_default().add(&piece.record);
        self.totals.absorb(piece.record);
        if let Some(complete) = self.complete.get_mut(piece.worker) {
            *complete = piece.second + 1;
        }
        let complete = self.complete.iter().copied().min().unwrap_or(0);
        let mut closed = Vec::new();
        while (self.next + 1) * self.window_s <= complete {
            closed.push(self.close_next(f64::from(self.window_s)));
        }
        closed
    }

    /// Closes the window that is not complete, at the end of a load that lasted `seconds` seconds. Returns the
    /// windows that were still open.
    pub fn finish(&mut self, seconds: f64) -> Vec<Closed> {
        let mut closed = Vec::new();
        while let Some(last) = self.open.keys().next_back().copied() {
            let left = seconds - f64::from(self.next) * f64::from(self.window_s);
            let is_last = self.next >= last;
            // The last second is rarely whole.
            let length =
                if is_last { left.clamp(0.0, f64::from(self.window_s)) } else { self.window_s.into() };
            if is_last && self.open.get(&last).is_none_or(Tally::is_empty) {
                self.open.clear();
                break;
            }
            closed.push(self.close_next(length));
        }
        closed
    }

    /// Returns the windows that are kept one by one, in order of time.
    pub fn recent(&self) -> impl DoubleEndedIterator<Item = &Window> + Clone {
        self.recent.iter()
    }

    /// Returns the complete hours that are kept, in order of time.
    pub fn hours(&self) -> impl DoubleEndedIterator<Item = &Window> + Clone {
        self.hours.iter()
    }

    /// Returns everything recorded since the load began, without time series.
    pub fn totals(&self) -> &TrialRecord {
        &self.totals
    }

    /// Returns the length of a window in seconds.
    pub fn window_s(&self) -> u32 {
        self.window_s
    }

    /// Closes the next window, which is `length_s` seconds long.
    fn close_next(&mut self, length_s: f64) -> Closed {
        let number = self.next;
        self.next += 1;
        let start_s = number * self.window_s;
        let window = self.open.remove(&number).unwrap_or_default().close(f64::from(start_s), length_s);
        self.hour.merge(&window);
        let hour = (start_s + self.window_s >= self.hour_start_s + HOUR_S).then(|| {
            let begin = std::mem::replace(&mut self.hour_start_s, start_s + self.window_s);
            let length_s = f64::from(start_s - begin) + length_s;
            let hour = std::mem::take(&mut self.hour).close(f64::from(begin), length_s);
            keep(&mut self.hours, hour.clone(), HOURS_KEPT);
            hour
        });
        keep(&mut self.recent, window.clone(), (RECENT_KEPT_S / self.window_s) as usize);
        Closed { window, hour }
    }
}

/// Adds a window to a list that holds at most `most`; the oldest makes room.
fn keep(list: &mut VecDeque<Window>, window: Window, most: usize) {
    if list.len() >= most.max(1) {
        list.pop_front();
    }
    list.push_back(window);
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::workload::{ActionIndex, Observer, Sample, StepIndex, UserId};
    use lb_core::{Outcome, Span, Time};
    use lb_record::{PieceSink, Recording, RecordingSpec};

    /// One request of `ms` milliseconds ends in the middle of each of these seconds.
    fn pieces(seconds: u32, ms: u64) -> Vec<Piece> {
        let (sink, pieces) = PieceSink::new();
        let spec = RecordingSpec { steps: 1, backends: 1, pieces: Some(sink), ..RecordingSpec::default() };
        let (recording, mut recorders) = Recording::start(spec, 1);
        let mut all = Vec::new();
        for second in 0..seconds {
            let done = Time::ZERO + Span::from_millis(1000 * u64::from(second) + 500);
            let sent = Time::ZERO + done.since(Time::ZERO + Span::from_millis(ms));
            let outcome = if second % 10 == 9 { Outcome::Timeout } else { Outcome::Ok };
            recorders[0].sample(&Sample {
                user: UserId(0),
                action: ActionIndex(0),
                step: StepIndex(0),
                intended: sent,
                sent,
                done,
                outcome,
                status: 200,
                backend: Some(0),
                bytes: 100,
            });
            all.extend(pieces.try_iter());
        }
        recording.finish(recorders, Span::from_secs(u64::from(seconds)));
        all.extend(pieces);
        all
    }

    #[test]
    fn windows_count_what_ended_in_them_and_add_up_to_the_totals() {
        let mut windows = Windows::new(10, 1);
        let closed: Vec<Closed> = pieces(35, 20).into_iter().flat_map(|piece| windows.add(piece)).collect();
        assert_eq!(closed.len(), 3);
        let second = &closed[1].window.figures;
        assert_eq!((second.start_s, second.length_s), (10.0, 10.0));
        assert_eq!((second.requests, second.errors, second.error_rate), (10, 1, 0.1));
        assert_eq!((second.requests_per_s, second.bytes), (1.0, 1000));
        assert_eq!((second.mean_ms, second.max_ms), (Some(20.0), Some(20.0)), "exact");
        assert_eq!(second.backends, [10]);
        assert_eq!(closed[1].window.latency.count(), 9, "latencies are those of successes");
        let rest = windows.finish(34.8);
        assert_eq!(rest.len(), 1);
        let last = &rest[0].window.figures;
        assert!((last.length_s - 4.8).abs() < 1e-9 && last.requests == 5, "{last:?}");
        assert_eq!(windows.totals().requests(), 35);
        assert_eq!(windows.recent().map(|window| window.figures.requests).sum::<u64>(), 35);
        assert!(windows.finish(40.0).is_empty(), "nothing is left");
    }

    #[test]
    fn a_window_waits_for_the_slowest_worker() {
        let mut windows = Windows::new(10, 2);
        let first: Vec<Piece> = pieces(20, 5);
        let second = first.iter().cloned().map(|piece| Piece { worker: 1, ..piece });
        assert!(first.clone().into_iter().all(|piece| windows.add(piece).is_empty()), "one is missing");
        let closed: Vec<Closed> = second.flat_map(|piece| windows.add(piece)).collect();
        assert_eq!(closed.iter().map(|one| one.window.figures.requests).collect::<Vec<_>>(), [20, 20]);
    }

    #[test]
    fn however_long_a_load_lasts_only_so_many_windows_and_hours_are_kept() {
        let sample = pieces(1, 5).remove(0);
        let mut hourly = Windows::new(HOUR_S, 1);
        let mut hours = 0;
        for hour in 1..=HOURS_KEPT as u32 + 50 {
            let closed = hourly.add(Piece { second: hour * HOUR_S - 1, ..sample.clone() });
            hours += closed.iter().filter(|one| one.hour.is_some()).count();
        }
        assert_eq!(
            (hours, hourly.hours().count()),
            (HOURS_KEPT + 50, HOURS_KEPT),
            "the oldest are forgotten"
        );
        assert_eq!(hourly.totals().requests(), HOURS_KEPT as u64 + 50, "totals forget nothing");

        let mut windows = Windows::new(60, 1);
        for minute in 1..=100 {
            windows.add(Piece { second: minute * 60 - 1, ..sample.clone() });
        }
        assert_eq!(windows.recent().count(), 70);
        let hour = &windows.hours().next_back().expect("one is over").figures;
        assert_eq!((hour.start_s, hour.length_s, hour.requests), (0.0, 3600.0, 60));
    }
}
