//! Ways in which a backend may serve, and which of them fits what was observed.
//!
//! A *pattern* says how long a request was in service, given when requests were sent and ended:
//!
//! - *Queue* of `c` workers, first come, first served: a request is in service from the moment when fewer
//!   than `c` older ones are left.
//! - *Shared* processors: with `n` requests, each advances at a rate of `min(1, c / n)`.
//!
//! The times in service that follow from the right pattern vary least around the predicted costs. Patterns are
//! compared by their likelihoods: each gets the density that it gave to the moment at which a request ended,
//! `f(s) ds/dt`, where `s` is the time in service, `ds/dt` its rate, and `f` the density of Student's t for the
//! logarithm of `s`. (For a queue this is the exact likelihood of all observed times, because the moment when a
//! request begins follows from earlier ends.) Where no request ever waits, all patterns fit equally well, and the
//! usual one is assumed.
//!
//! Backends of a pool are mostly alike. So what the pool says counts for each of its backends, but only up to a
//! limit, which a backend that differs soon exceeds.

/// Number of sizes of each kind.
pub(super) const SIZES: usize = 8;

/// Number of patterns.
pub(super) const PATTERNS: usize = 2 * SIZES;

/// Numbers of workers that are distinguished. With the last, hardly anything ever waits.
pub(super) const WORKERS: [f32; SIZES] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 256.0];

/// One over each. They are powers of two, so that multiplying by one is the same as dividing by the other.
const PER_WORKER: [f32; SIZES] = {
    let mut inverse = WORKERS;
    let mut size = 0;
    while size < SIZES {
        inverse[size] = 1.0 / WORKERS[size];
        size += 1;
    }
    inverse
};

/// Their natural logarithms.
pub(super) const LOG_WORKERS: [f32; SIZES] = {
    const LN_2: f32 = std::f32::consts::LN_2;
    [0.0, LN_2, 2.0 * LN_2, 3.0 * LN_2, 4.0 * LN_2, 5.0 * LN_2, 6.0 * LN_2, 8.0 * LN_2]
};

/// Marks a request that ended before a pattern let it begin.
pub(super) const NEVER: f32 = -1.0;

/// What is said against a pattern before anything is observed, as a logarithm of odds.
const AGAINST: [f32; PATTERNS] = [
    1.0, 0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, //
    2.0, 1.5, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25,
];

/// Weight of one end in the means of a backend, and in the variances of the pool.
const MEAN: f32 = 0.04;
const VARIANCE: f32 = 0.005;
/// Number of ends that are judged one by one.
const EACH: u32 = 400;
/// Ends before which a backend's means are not judged.
const UNJUDGED: u32 = 3;
/// Share of the evidence that the next end leaves, for a backend and for the pool.
const KEPT: f32 = 1.0 - 1.0 / 2_000.0;
const POOL_KEPT: f32 = 1.0 - 1.0 / 8_000.0;
/// Log-likelihood of an end that a pattern did not allow, times the latency.
const IMPOSSIBLE: f32 = -5.0;
/// Most that the pool says against a pattern of one backend.
const MOST_OF_POOL: f32 = 20.0;
/// How much better another pattern must be than the current one.
const CLEARLY: f32 = 3.0;
/// What a calibration says for the pattern that it found.
const BELIEVED: f32 = 8.0;
/// Least variance relative to the predicted one, so that equal requests do not make every jitter odd.
const LEAST_VARIANCE: f32 = 1e-3;

/// The number of a pattern: queues first, each kind by size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pattern(u8);

impl Pattern {
    /// A queue of four workers.
    pub(super) const USUAL: Self = Self(2);

    pub(super) const fn is_shared(self) -> bool {
        self.get() >= SIZES
    }

    /// Returns the place of the number of workers in [`WORKERS`].
    pub(super) const fn size(self) -> usize {
        self.get() % SIZES
    }

    pub(super) const fn workers(self) -> f32 {
        WORKERS[self.size()]
    }

    pub(super) const fn per_worker(self) -> f32 {
        PER_WORKER[self.size()]
    }

    pub(super) const fn log_workers(self) -> f32 {
        LOG_WORKERS[self.size()]
    }

    pub(super) const fn get(self) -> usize {
        self.0 as usize
    }
}

/// What the patterns make of the end of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Logarithms of the times in service in nanoseconds; [`NEVER`] if the request had not begun.
    pub(super) log_service: [f32; PATTERNS],
    /// Logarithms of the rates at which the times advanced at the end; if the request had not begun, minus the
    /// logarithm of its latency.
    pub(super) log_rate: [f32; PATTERNS],
}

/// What one backend says about each pattern.
#[derive(Clone, Debug)]
pub(super) struct Fit {
    /// Log-likelihoods, older ends counting less.
    evidence: [f32; PATTERNS],
    /// Mean of ln(service) less the predicted logarithm of the cost.
    means: [f32; PATTERNS],
    count: u32,
}

/// What the whole pool says about each pattern.
#[derive(Clone, Debug)]
pub(super) struct Pooled {
    evidence: [f32; PATTERNS],
    /// Variance of ln(service) around its mean, relative to the predicted variance.
    variances: [f32; PATTERNS],
    count: u32,
}

impl Default for Fit {
    fn default() -> Self {
        Self { evidence: [0.0; PATTERNS], means: [0.0; PATTERNS], count: 0 }
    }
}

impl Default for Pooled {
    fn default() -> Self {
        Self { evidence: [0.0; PATTERNS], variances: [1.0; PATTERNS], count: 0 }
    }
}

impl Pooled {
    /// Returns the variance of ln(service) under a pattern, relative to the predicted one.
    pub(super) fn variance(&self, pattern: Pattern) -> f32 {
        self.variances[pattern.get()]
    }
}

impl Fit {
    /// Judges all patterns by the end of a request with this predicted logarithm and deviation, after
    /// [`Self::is_due`].
    pub(super) fn judge(&mut self, found: &Found, log_cost: f32, deviation: f32, pooled: &mut Pooled) {
        let is_judged = self.count > UNJUDGED;
        pooled.count = pooled.count.saturating_add(u32::from(is_judged));
        let counts = f32::from(u8::from(is_judged));
        let mean_weight = MEAN.max(1.0 / self.count as f32);
        let variance_weight = counts * VARIANCE.max(1.0 / pooled.count.max(1) as f32);
        let precision = 1.0 / (deviation * deviation);
        // One loop without branches over arrays of fixed size, so that it is vectorised.
        for h in 0..PATTERNS {
            let log = found.log_service[h];
            let began = if log > 0.0 { 1.0 } else { 0.0 };
            let off = log - log_cost - self.means[h];
            let variance = pooled.variances[h];
            let square = off * off * precision;
            let z_squared = (square / variance).min(40.0);
            let density = -3.5 * ln(1.0 + z_squared / 6.0) - 0.5 * ln(variance) - log;
            let gained = counts * (found.log_rate[h] + began * density + (1.0 - began) * IMPOSSIBLE);
            self.evidence[h] = self.evidence[h] * KEPT + gained;
            pooled.evidence[h] = pooled.evidence[h] * POOL_KEPT + gained;
            self.means[h] += began * mean_weight * off;
            let towards = square.min(9.0 * variance) - variance;
            pooled.variances[h] = (variance + began * variance_weight * towards).max(LEAST_VARIANCE);
        }
    }

    /// Counts an end of a request, and returns whether it is to be judged: at first each one, later every fourth.
    pub(super) fn is_due(&mut self) -> bool {
        // The count only has to be large, and to pass multiples of four.
        self.count = if self.count < 1 << 20 { self.count + 1 } else { 1 << 19 };
        self.count <= EACH || self.count.is_multiple_of(4)
    }

    /// Returns the best pattern, or `current` unless another one is clearly better.
    pub(super) fn best(&self, pooled: &Pooled, current: Pattern) -> Pattern {
        let highest = pooled.evidence.iter().fold(f32::NEG_INFINITY, |most, one| one.max(most));
        let mut scores = [0.0; PATTERNS];
        for h in 0..PATTERNS {
            let of_pool = (highest - pooled.evidence[h]).min(MOST_OF_POOL);
            scores[h] = self.evidence[h] - of_pool - AGAINST[h];
        }
        let mut best = (current, scores[current.get()] + CLEARLY);
        for (h, score) in scores.iter().enumerate() {
            best = if *score > best.1 { (Pattern(h as u8), *score) } else { best };
        }
        best.0
    }

    /// Counts what is known from elsewhere for the patterns that agree with it.
    pub(super) fn believe(&mut self, workers: Option<u32>, is_shared: Option<bool>) {
        let nearest = workers.map(|workers| {
            let off = |size: &usize| (WORKERS[*size].ln() - (workers.max(1) as f32).ln()).abs();
            (0..SIZES).min_by(|one, other| off(one).total_cmp(&off(other))).unwrap_or(0)
        });
        for h in 0..PATTERNS {
            let pattern = Pattern(h as u8);
            let agrees = nearest.is_none_or(|size| size == pattern.size())
                && is_shared.is_none_or(|is_shared| is_shared == pattern.is_shared());
            self.evidence[h] += if agrees { BELIEVED } else { 0.0 };
        }
    }

    /// Returns how much larger the logarithms of times are under `new` than under `old`.
    pub(super) fn shift(&self, old: Pattern, new: Pattern) -> f32 {
        self.means[new.get()] - self.means[old.get()]
    }
}

/// Returns the natural logarithm of a positive number, with an error of at most 1.3e-5. It is the exponent plus
/// a polynomial in the mantissa, which is exact at 1 and 2. (Least squares for `ln(1 + m) / m`.)
#[inline]
pub(super) fn ln(value: f32) -> f32 {
    let bits = value.to_bits();
    let exponent = ((bits >> 23) as i32 - 127) as f32;
    let m = f32::from_bits((bits & 0x007f_ffff) | 0x3f80_0000) - 1.0;
    let p = 0.999_404_5 + m * (-0.491_006_16 + m * (0.286_654_52 + m * (-0.132_573_07 + m * 0.030_667_42)));
    exponent * std::f32::consts::LN_2 + m * p
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(of: impl Fn(usize) -> f32) -> Found {
        Found { log_service: std::array::from_fn(of), log_rate: [0.0; PATTERNS] }
    }

    #[test]
    fn the_pattern_with_the_least_spread_wins() {
        let (mut fit, mut pooled) = (Fit::default(), Pooled::default());
        for end in 0..200 {
            // Pattern 5 finds times within a tenth of each other, all others within a factor of four.
            let swing = if end % 2 == 0 { 1.0 } else { -1.0 };
            fit.is_due();
            fit.judge(&found(|h| 16.0 + swing * if h == 5 { 0.05 } else { 0.7 }), 0.0, 1.0, &mut pooled);
        }
        let best = fit.best(&pooled, Pattern::USUAL);
        assert_eq!((best.workers(), best.is_shared()), (32.0, false));
        let of_pool = Fit::default().best(&pooled, Pattern::USUAL);
        assert_eq!(of_pool, best, "a backend without replies is like its pool");
    }

    #[test]
    fn ends_that_a_pattern_did_not_allow_count_against_it() {
        let (mut fit, mut pooled) = (Fit::default(), Pooled::default());
        for _ in 0..50 {
            let mut one = found(|_| 16.0);
            (one.log_service[0], one.log_rate[0]) = (NEVER, -16.0);
            fit.is_due();
            fit.judge(&one, 0.0, 1.0, &mut pooled);
        }
        let single = Pattern(0);
        assert_ne!(fit.best(&pooled, single), single, "a queue of one worker ends in order");
        assert_eq!(fit.best(&pooled, Pattern::USUAL), Pattern::USUAL, "all others fit equally well");
    }

    #[test]
    fn what_is_believed_decides_until_replies_say_otherwise() {
        let (mut fit, pooled) = (Fit::default(), Pooled::default());
        fit.believe(Some(30), Some(true));
        let best = fit.best(&pooled, Pattern::USUAL);
        assert_eq!((best.workers(), best.is_shared()), (32.0, true));
        let mut only_kind = Fit::default();
        only_kind.believe(None, Some(true));
        assert!(only_kind.best(&pooled, Pattern::USUAL).is_shared());
    }

    #[test]
    fn logarithms_are_close() {
        for exponent in -30..60 {
            let value = 1.7f32.powi(exponent);
            assert!((ln(value) - value.ln()).abs() < 3e-5, "{value}");
        }
    }
}
