//! What backends report about their own load, and what a load balancer makes of it.
//!
//! A load balancer that shares its backends with others sees only its own requests. A report counts those of all, but it
//! is old when it arrives, and gets older. [`Reported`] therefore keeps the two parts separate: the requests of this load
//! balancer, which it always knows, and those of the others, which were reported. The latter are expected to return from
//! the reported number to their usual one:
//!
//! `others(t) = usual + (reported - usual) * fresh(age)`, `in flight = own + others`,
//!
//! where `fresh` falls from 1 to 0 with the time in which the backend turns its queue over. This is the best linear
//! forecast if the correlation of queue lengths falls exponentially, as it does in a stable queue (Cohen, The single
//! server queue, 1982, on relaxation times); `exp(-a)` is replaced by `1 / (1 + a + a²/2)`, which needs no exponential
//! per backend and pick.
//!
//! A policy that counts its own part afresh needs no compensation for the requests that it sends after a report, which
//! Prequal adds to its probes (NSDI 2024, section 4).

use super::BackendIndex;
use crate::time::{Span, Time};

/// A report of a backend about itself: by the field `endpoint-load-metrics` of a reply (Open Request Cost Aggregation), or as
/// the answer to a probe. What it does not say is `None`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadReport {
    /// Requests that the backend holds, those of other load balancers included, but not the one whose reply carries the
    /// report.
    pub in_flight: Option<u32>,
    /// Share of its capacity that is used; above 1 if requests wait.
    pub utilisation: Option<f32>,
    /// Requests that the backend serves per second.
    pub rate: Option<f32>,
    /// Latency that a request would see if it came now, as the backend estimates it.
    pub latency: Option<Span>,
    /// Whether it answers a probe, and so came unasked for.
    pub probed: bool,
    /// The age from which on it says nothing any more.
    pub max_age: Span,
    /// Requests of this load balancer that were in flight at the backend when the report came.
    /// [`Balancer::report`](crate::balancer::Balancer::report) sets it.
    pub own: u32,
}

impl LoadReport {
    /// How long a report is used unless something else is configured: a second, as for Prequal's probes.
    pub const MAX_AGE: Span = Span::from_secs(1);

    /// Returns whether it says anything.
    pub const fn is_empty(&self) -> bool {
        self.in_flight.is_none()
            && self.utilisation.is_none()
            && self.rate.is_none()
            && self.latency.is_none()
    }
}

impl Default for LoadReport {
    fn default() -> Self {
        Self {
            in_flight: None,
            utilisation: None,
            rate: None,
            latency: None,
            probed: false,
            max_age: Self::MAX_AGE,
            own: 0,
        }
    }
}

/// Weight of one report in the usual number of requests that others have at a backend: the last twenty or so count.
const USUAL_ALPHA: f32 = 0.05;

/// The latest report of each backend.
#[derive(Clone, Debug, Default)]
pub struct Reported {
    /// By backend, as far as reports came; shorter than the pool if the last backends sent none.
    latest: Vec<Option<Latest>>,
}

/// What is known of one backend from its reports.
#[derive(Clone, Copy, Debug)]
struct Latest {
    report: LoadReport,
    at: Time,
    /// Requests of others that the latest report with a number counted, and when it came.
    others: f32,
    others_at: Time,
    /// Mean of `others` over the reports so far; `None` before the first number.
    usual: Option<f32>,
}

impl Reported {
    /// Returns whether no backend ever sent a report.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.latest.is_empty()
    }

    /// Records a report.
    pub fn on_report(&mut self, backend: BackendIndex, report: &LoadReport, now: Time) {
        if self.latest.len() <= backend.get() {
            self.latest.resize(backend.get() + 1, None);
        }
        let latest = self.latest[backend.get()].get_or_insert(Latest {
            report: *report,
            at: now,
            others: 0.0,
            others_at: Time::ZERO,
            usual: None,
        });
        (latest.report, latest.at) = (*report, now);
        if let Some(in_flight) = report.in_flight {
            // A backend that counts fewer than this load balancer has there misses those that are on their way.
            let others = in_flight.saturating_sub(report.own) as f32;
            let usual = latest.usual.map_or(others, |usual| usual + USUAL_ALPHA * (others - usual));
            (latest.others, latest.others_at, latest.usual) = (others, now, Some(usual));
        }
    }

    /// Returns the latest report of `backend` and its age; `None` if there is none, or if it is too old.
    #[inline]
    pub fn latest(&self, backend: BackendIndex, now: Time) -> Option<(&LoadReport, Span)> {
        let latest = self.latest.get(backend.get())?.as_ref()?;
        let age = now.since(latest.at);
        (age <= latest.report.max_age).then_some((&latest.report, age))
    }

    /// Returns the age of the latest report of `backend`, however old; `None` if there is none.
    pub fn age(&self, backend: BackendIndex, now: Time) -> Option<Span> {
        let latest = self.latest.get(backend.get())?.as_ref()?;
        Some(now.since(latest.at))
    }

    /// Returns the requests of other load balancers that are expected at `backend`; `None` if it never reported a number.
    /// If it does not report any more, they are forgotten from [`LoadReport::max_age`] on, in proportion to the time.
    ///
    /// `settle` is the time in which the backend turns its queue over, such as its mean latency: after that, a report
    /// says little more than the mean of all reports does.
    #[inline]
    pub fn others(&self, backend: BackendIndex, now: Time, settle: Span) -> Option<f32> {
        let latest = self.latest.get(backend.get())?.as_ref()?;
        let usual = latest.usual?;
        let since = now.since(latest.others_at).as_nanos() as f32;
        let age = since / settle.as_nanos().max(1) as f32;
        let fresh = 1.0 / (1.0 + age * (1.0 + 0.5 * age));
        let others = usual + (latest.others - usual) * fresh;
        let max_age = latest.report.max_age.as_nanos() as f32;
        Some(if since > max_age { others * (max_age / since) } else { others })
    }

    /// Returns the requests of all load balancers that are expected at `backend`, of which this one has `own` there;
    /// `own` alone if it never reported a number. See [`Self::others`] about `settle`.
    #[inline]
    pub fn in_flight(&self, backend: BackendIndex, own: u32, now: Time, settle: Span) -> f32 {
        own as f32 + self.others(backend, now, settle).unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: BackendIndex = BackendIndex(0);
    const B: BackendIndex = BackendIndex(1);
    const SETTLE: Span = Span::from_millis(10);

    fn at(millis: u64) -> Time {
        Time::ZERO + Span::from_millis(millis)
    }

    fn report(in_flight: u32, own: u32) -> LoadReport {
        LoadReport { in_flight: Some(in_flight), own, ..LoadReport::default() }
    }

    #[test]
    fn what_others_have_is_added_to_what_is_known_exactly() {
        let mut reported = Reported::default();
        assert!(reported.is_empty());
        assert_eq!(
            reported.in_flight(A, 3, at(0), SETTLE),
            3.0,
            "without a report, only the own ones are known"
        );
        reported.on_report(A, &report(10, 4), at(1));
        assert_eq!(reported.in_flight(A, 4, at(1), SETTLE), 10.0, "as reported");
        assert_eq!(reported.in_flight(A, 6, at(1), SETTLE), 12.0, "two more were sent since");
        assert_eq!(reported.in_flight(A, 0, at(1), SETTLE), 6.0, "all own ones ended");
        assert_eq!(reported.in_flight(B, 2, at(1), SETTLE), 2.0, "the other backend never reported");
        assert!(!reported.is_empty());
    }

    #[test]
    fn a_backend_cannot_hide_what_this_balancer_sent_there() {
        let mut reported = Reported::default();
        reported.on_report(A, &report(0, 9), at(0));
        assert_eq!(reported.in_flight(A, 9, at(0), SETTLE), 9.0);
    }

    #[test]
    fn an_old_report_says_what_is_usual() {
        let mut reported = Reported::default();
        for millis in 0..400 {
            reported.on_report(A, &report(2, 0), at(millis));
        }
        reported.on_report(A, &report(42, 0), at(400));
        let usual = 2.0 + 40.0 * USUAL_ALPHA;
        let expected = |millis| reported.others(A, at(millis), SETTLE).expect("it reported");
        assert_eq!(expected(400), 42.0, "fresh, it counts in full");
        assert!(expected(405) > expected(410) && expected(410) > expected(500), "with age it counts less");
        assert!((expected(410) - (usual + (42.0 - usual) * 0.4)).abs() < 0.01, "at the age of `settle`, 2/5");
        assert!((expected(1_400) - usual).abs() < 0.1, "in the end it counts as one of many");
        assert!((expected(10_400) - usual / 10.0).abs() < 0.1, "without news, all is forgotten");
    }

    #[test]
    fn a_report_without_a_number_keeps_the_number_before() {
        let mut reported = Reported::default();
        reported.on_report(A, &report(7, 0), at(0));
        let busy = LoadReport { utilisation: Some(0.5), ..LoadReport::default() };
        reported.on_report(A, &busy, at(1));
        assert_eq!(reported.others(A, at(1), Span::MAX), Some(7.0));
        assert_eq!(reported.latest(A, at(1)), Some((&busy, Span::ZERO)));
        reported.on_report(B, &busy, at(1));
        assert_eq!(reported.others(B, at(1), SETTLE), None, "a share is no number of requests");
    }

    #[test]
    fn a_report_expires() {
        let mut reported = Reported::default();
        let short = LoadReport { max_age: Span::from_millis(20), ..report(1, 0) };
        reported.on_report(A, &short, at(0));
        assert!(reported.latest(A, at(20)).is_some());
        assert_eq!(reported.latest(A, at(21)), None);
        assert_eq!(reported.age(A, at(21)), Some(Span::from_millis(21)), "its age is still known");
        assert_eq!((reported.latest(B, at(0)), reported.age(B, at(0))), (None, None));
    }
}
