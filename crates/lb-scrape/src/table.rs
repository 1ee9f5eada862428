//! The series that a target gave, with their samples, within fixed bounds.

use crate::trouble::Trouble;
use std::collections::{BTreeMap, BTreeSet};

/// The most series that are kept of one target.
pub const MOST_SERIES: usize = 32;

/// The most samples that are kept of one series: more than five hours at one per second.
pub const MOST_SAMPLES: usize = 20_000;

/// The most characters of the name of a series.
const LONGEST_NAME: usize = 160;

/// What the readings of one target gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scraped {
    /// The series in the order in which they appeared.
    pub series: Vec<ScrapedSeries>,
    /// What was wrong, each with the number of readings that had it.
    pub troubles: Vec<(Trouble, u64)>,
    /// The most series that one reading had beyond those that are kept.
    pub left_out: usize,
}

/// One series with its samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScrapedSeries {
    /// The name.
    pub name: String,
    /// The unit of the values, such as `bytes` or `1/s`; empty if it is not known.
    pub unit: &'static str,
    /// Time and value, in order of time. A rate stands in the middle of the time that it covers.
    pub samples: Vec<[f64; 2]>,
}

/// Collects the series and the troubles of readings.
#[derive(Debug, Default)]
pub(crate) struct Table {
    scraped: Scraped,
    counts: BTreeMap<Trouble, u64>,
    /// The troubles of the reading in progress.
    now: BTreeSet<Trouble>,
    left_out_now: usize,
}

impl Table {
    /// Returns the number of series.
    pub(crate) fn len(&self) -> usize {
        self.scraped.series.len()
    }

    /// Adds a series without samples, and returns its place. `None` if no more are kept.
    pub(crate) fn open(&mut self, name: &str, unit: &'static str) -> Option<usize> {
        if self.len() >= MOST_SERIES {
            self.leave_out();
            return None;
        }
        let mut name: String = name.chars().take(LONGEST_NAME).collect();
        // Different metrics may stand for the same quantity.
        let same = self.scraped.series.iter().filter(|one| one.name == name).count();
        if same > 0 {
            name += &format!(" ({})", same + 1);
        }
        self.scraped.series.push(ScrapedSeries { name, unit, samples: Vec::new() });
        Some(self.len() - 1)
    }

    /// Counts a series of this reading that is not kept.
    pub(crate) fn leave_out(&mut self) {
        self.left_out_now += 1;
    }

    /// Adds a sample. One that is not finite is a trouble.
    pub(crate) fn push(&mut self, place: usize, at_s: f64, value: f64) {
        let samples = &mut self.scraped.series[place].samples;
        if !value.is_finite() {
            self.now.insert(Trouble::NotFinite);
        } else if samples.len() >= MOST_SAMPLES {
            self.now.insert(Trouble::Full);
        } else {
            samples.push([at_s, value]);
        }
    }

    /// Notes that something was wrong in this reading.
    pub(crate) fn note(&mut self, trouble: Trouble) {
        self.now.insert(trouble);
    }

    /// Forgets what was noted of a reading that failed.
    pub(crate) fn forget_reading(&mut self) {
        self.now.clear();
        self.left_out_now = 0;
    }

    /// Ends a reading.
    pub(crate) fn end_reading(&mut self) {
        for trouble in std::mem::take(&mut self.now) {
            *self.counts.entry(trouble).or_default() += 1;
        }
        self.scraped.left_out = self.scraped.left_out.max(std::mem::take(&mut self.left_out_now));
    }

    /// Returns everything.
    pub(crate) fn finish(mut self) -> Scraped {
        self.end_reading();
        Scraped { troubles: self.counts.into_iter().collect(), ..self.scraped }
    }
}
