//! The number of requests sent to each backend, by the tenth of a second in which they were sent. This shows
//! how fast a policy avoids a backend that fails, and returns to one that has recovered.
//!
//! Counts of replies by second cannot show it: a reply that takes thirty seconds shows where a request went
//! thirty seconds ago. One flat table keeps the cost to an index and an increment per request.
//! thirty seconds ago. One flat table keeps the cost to an index and an increment per request.

use lb_core::Time;

/// Nanoseconds in a tenth of a second, the time covered by one row of the table.
pub(crate) const TENTH_NS: u64 = 100_000_000;

/// The requests that one worker sent, by tenth of a second and backend.
#[derive(Debug)]
pub(crate) struct Sendings {
    /// The number of backends that a row has room for; at least one.
    width: usize,
    /// The counts, row by row. Growing the list copies no pages, because the system remaps large blocks.
    counts: Vec<u32>,
}

impl Sendings {
    pub(crate) fn new(backends: usize) -> Self {
        Self { width: backends.max(1), counts: Vec::new() }
    }

    /// Counts a request that was sent to `backend` at `sent`.
    #[inline]
    pub(crate) fn record(&mut self, sent: Time, backend: usize) {
        if backend >= self.width {
            self.widen(backend + 1);
        }
        let index = (sent.as_nanos() / TENTH_NS) as usize * self.width + backend;
        if index >= self.counts.len() {
            self.counts.resize((index / self.width + 1) * self.width, 0);
        }
        self.counts[index] += 1;
    }

    /// Makes room for a backend that the topology does not list.
    #[cold]
    fn widen(&mut self, width: usize) {
        let mut wider = vec![0; self.counts.len() / self.width * width];
        for (new, old) in wider.chunks_mut(width).zip(self.counts.chunks(self.width)) {
            new[..old.len()].copy_from_slice(old);
        }
        *self = Self { width, counts: wider };
    }

    /// Adds the counts to `rows`, each of which is `backends` long.
    pub(crate) fn add_to(&self, rows: &mut Vec<Box<[u32]>>, backends: usize) {
        let count = self.counts.len() / self.width;
        if rows.len() < count {
            rows.resize_with(count, || vec![0; backends].into_boxed_slice());
        }
        for (row, counts) in rows.iter_mut().zip(self.counts.chunks(self.width)) {
            for (sum, count) in row.iter_mut().zip(counts) {
                *sum += count;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::Span;

    #[test]
    fn requests_are_counted_by_tenth_and_backend_also_by_one_that_turns_up_late() {
        let at = |ms| Time::ZERO + Span::from_millis(ms);
        let mut one = Sendings::new(2);
        one.record(at(0), 0);
        one.record(at(250), 1);
        one.record(at(99), 3);
        one.record(at(300), 1);
        let mut other = Sendings::new(2);
        other.record(at(299), 1);
        let mut rows = Vec::new();
        other.add_to(&mut rows, 4);
        one.add_to(&mut rows, 4);
        let rows: Vec<&[u32]> = rows.iter().map(AsRef::as_ref).collect();
        assert_eq!(
            rows,
            [&[1, 0, 0, 1], &[0, 0, 0, 0], &[0, 2, 0, 0], &[0, 1, 0, 0]],
            "a tenth without requests has a row too, and workers add up"
        );
    }
}
