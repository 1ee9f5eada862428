//! Trust in a pool profile, backend by backend: a profile counts as long as what is observed agrees with it.
//!
//! The test is Page's two-sided CUSUM (Page, Continuous inspection schemes, Biometrika 41, 1954). Each reply gives
//! a residual `e`: the logarithm of its service time, less that of its predicted cost and of the time in the profile.
//! It is taken relative to the median of the backends' mean residuals, because a load with larger requests does not
//! contradict a profile, and one slow backend says nothing about the others; it is reduced by twice the error that the profile admits; and it is divided by the deviation of single
//! requests. The result `z` is limited and added up:
//!
//! ```text
//! up = max(0, up + z - k)        down = max(0, down - z - k)
//! ```
//!
//! When a sum exceeds `h`, trust in that backend falls by half and the sums start again. With `k` = 0.35 and `h` = 12,
//! a backend that serves as its profile says raises an alarm about once in twenty thousand replies (Siegmund's
//! approximation, Sequential analysis, 1985), and one that deviates by one standard deviation does so after some
//! twenty. Replies that agree bring trust back slowly, so that a fault that passes costs trust only while it lasts.

use crate::policy::BackendIndex;
use crate::policy::serving::{Ended, Prior};
use crate::profile::PoolProfile;

/// Reference value of the CUSUM: deviations of less than twice this do not add up.
const REFERENCE: f32 = 0.35;
/// Decision interval of the CUSUM.
const DECISION: f32 = 12.0;
/// Limit on one standardised residual, so that no single request raises an alarm.
const LIMIT: f32 = 4.0;
/// Share of the missing trust that a reply without an alarm restores.
const RESTORE: f32 = 1.0 / 1_024.0;
/// Lower trust counts as none.
const LEAST: f32 = 0.1;
/// Most that a reply moves the median of the pool, in deviations of single requests (Robbins and Monro, A stochastic
/// approximation method, 1951).
const MEDIAN: f32 = 0.1;
/// Weight of a reply in the deviation of single requests.
const DEVIATION: f32 = 0.01;
/// Weight of a reply in the mean of its backend.
const BACKEND: f32 = 0.1;
/// Replies of the pool before the test begins, so that its means are known.
const BEGIN_AFTER: u32 = 30;
/// Least deviation of single requests, since rounding and network delays never vanish.
const LEAST_DEVIATION: f32 = 0.1;
/// Mean absolute deviation of a normal distribution, as a share of its standard deviation, inverted.
const NORMAL: f32 = 1.253_314;

/// Trust in the profile of one pool.
#[derive(Clone, Debug, Default)]
pub(super) struct Trust {
    /// What the profile says, by id.
    known: Vec<(Box<str>, Prior)>,
    /// By backend; `None` for those that the profile does not know.
    tests: Vec<Option<Test>>,
    /// Median of the backends' mean residuals.
    offset: f32,
    /// Standard deviation of the residuals of single requests.
    deviation: f32,
    replies: u32,
    alarms: u64,
}

/// The test of one backend.
#[derive(Clone, Copy, Debug)]
struct Test {
    prior: Prior,
    mean: Option<f32>,
    up: f32,
    down: f32,
    trust: f32,
    /// Whether the estimates were told what the profile says.
    is_told: bool,
}

impl Test {
    /// Returns trust from 0 to 1.
    fn effective(&self) -> f32 {
        if self.trust < LEAST { 0.0 } else { self.trust }
    }
}

impl Trust {
    /// Creates full trust in `profile`.
    pub(super) fn new(profile: &PoolProfile) -> Self {
        let service = profile.service_ms;
        let prior = |backend: &crate::profile::BackendProfile| Prior {
            log_service: (service.value * 1e6 / backend.speed.value).ln() as f32,
            // How long an ordinary request takes is the same error for all backends, and cancels out.
            log_error: backend.speed.log_error as f32,
            workers: backend.workers_known.then_some(backend.workers),
            discipline: backend.workers_known.then_some(backend.discipline),
        };
        let known = profile.backends.iter().map(|backend| (backend.id.as_str().into(), prior(backend)));
        Self { known: known.collect(), deviation: 1.0, ..Self::default() }
    }

    /// Connects `backend` with what the profile says about `id`, if anything.
    pub(super) fn name(&mut self, backend: BackendIndex, id: &str) {
        let known = self.known.iter().find(|(known, _)| **known == *id);
        let test = known.map(|(_, prior)| Test {
            prior: *prior,
            mean: None,
            up: 0.0,
            down: 0.0,
            trust: 1.0,
            is_told: false,
        });
        if self.tests.len() <= backend.get() {
            self.tests.resize(backend.get() + 1, None);
        }
        self.tests[backend.get()] = test;
    }

    /// Returns all that the estimates have not been told, for each backend below `count`. Once told, they follow what is
    /// observed and forget the profile by themselves.
    pub(super) fn untold(&mut self, count: usize) -> impl Iterator<Item = (BackendIndex, Prior)> {
        self.tests.iter_mut().take(count).enumerate().filter_map(|(place, test)| {
            let test = test.as_mut().filter(|test| !test.is_told)?;
            test.is_told = true;
            Some((BackendIndex(place as u32), test.prior))
        })
    }

    /// Returns trust in what the profile says about `backend`, from 0 to 1, and ln of the service time in
    /// nanoseconds that follows from it under the present load. Without a profile, trust is 0.
    #[inline]
    pub(super) fn of(&self, backend: BackendIndex) -> (f32, f32) {
        match self.tests.get(backend.get()) {
            Some(Some(test)) => (test.effective(), test.prior.log_service + self.offset),
            _ => (0.0, 0.0),
        }
    }

    /// Returns how many alarms there were.
    pub(super) const fn alarms(&self) -> u64 {
        self.alarms
    }

    /// Compares an observation with the profile.
    pub(super) fn observe(&mut self, backend: BackendIndex, ended: &Ended) {
        let Some(Some(test)) = self.tests.get_mut(backend.get()) else {
            return;
        };
        let residual = ended.log_service - ended.predicted.log_cost - test.prior.log_service;
        if !residual.is_finite() {
            return;
        }
        self.replies = self.replies.saturating_add(1);
        let mean = test.mean.map_or(residual, |mean| mean + BACKEND * (residual - mean));
        test.mean = Some(mean);
        self.deviation += DEVIATION * (NORMAL * (residual - mean).abs() - self.deviation);
        let step = MEDIAN * self.deviation;
        self.offset =
            if self.replies == 1 { mean } else { self.offset + (mean - self.offset).clamp(-step, step) };
        if self.replies < BEGIN_AFTER {
            return;
        }
        let apart = residual - self.offset;
        let beyond = (apart.abs() - 2.0 * test.prior.log_error).max(0.0).copysign(apart);
        let z = (beyond / self.deviation.max(LEAST_DEVIATION)).clamp(-LIMIT, LIMIT);
        let certainty = ended.certainty.clamp(0.0, 1.0);
        test.up = (test.up + certainty * (z - REFERENCE)).max(0.0);
        test.down = (test.down + certainty * (-z - REFERENCE)).max(0.0);
        if test.up.max(test.down) > DECISION {
            (test.up, test.down) = (0.0, 0.0);
            test.trust = 0.5 * test.effective().max(0.5 * LEAST);
            self.alarms += 1;
        } else {
            test.trust += RESTORE * certainty * (1.0 - test.trust);
        }
    }
}
