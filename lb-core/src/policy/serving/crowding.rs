//! How much longer requests take that were sent while more were in flight, beyond what the patterns explain.
//!
//! Other load balancers that send to the same backends are not seen, but they fill the backends at the same
//! times. Then a request that is sent when many of ours are in flight waits for many of theirs as well, and its
//! time in service looks longer. That is a regression of the logarithm of the time in service on
//! `ln(1 + in flight)`, each relative to its mean at the backend. The slope is common to a pool. If this load
//! balancer sends everything and the patterns fit, it is near zero.

/// Weight of one end in the mean of a backend, and in the slope of the pool.
const MEAN: f32 = 0.01;
const POOL: f32 = 0.002;

/// Variance of ln(1 + in flight) below which the slope is not believed.
const BELIEVED: f32 = 0.05;

/// Steepest slope: the latency grows somewhat faster than the number in flight.
const STEEPEST: f32 = 1.5;

/// The delay counts twice: for the request itself, and for those that it delays.
const FOR_OTHERS: f32 = 2.0;

/// The slope of one pool.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Crowding {
    /// Variance of ln(1 + in flight), and its covariance with ln(service).
    variance: f32,
    covariance: f32,
    slope: f32,
}

/// The mean of ln(1 + in flight) at one backend.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usual(f32);

impl Crowding {
    /// Learns that a request that was sent at this ln(1 + in flight) was in service for so much longer than
    /// expected, as a logarithm.
    pub(super) fn learn(&mut self, log_in_flight: f32, longer: f32, usual: &mut Usual) {
        let off = log_in_flight - usual.0;
        usual.0 += MEAN * off;
        self.variance += POOL * (off * off - self.variance);
        self.covariance += POOL * (off * longer - self.covariance);
        self.slope = (self.covariance / (self.variance + BELIEVED)).clamp(0.0, STEEPEST);
    }

    pub(super) fn slope(&self) -> f32 {
        self.slope
    }

    /// Returns the logarithm of the factor by which a request costs more at this ln(1 + in flight).
    #[inline]
    pub(super) fn log_factor(&self, log_in_flight: f32, usual: Usual) -> f32 {
        FOR_OTHERS * self.slope * (log_in_flight - usual.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_found_if_there_is_one() {
        let (mut crowding, mut usual) = (Crowding::default(), Usual::default());
        let (mut flat, mut usual_of_flat) = (Crowding::default(), Usual::default());
        for n in 0..20_000u32 {
            let log_in_flight = (1.0 + (n * 7 % 9) as f32).ln();
            let noise = if n % 2 == 0 { 0.8 } else { -0.8 };
            crowding.learn(log_in_flight, 0.6 * (log_in_flight - 1.4) + noise, &mut usual);
            flat.learn(log_in_flight, noise, &mut usual_of_flat);
        }
        assert!((0.45..0.65).contains(&crowding.slope()), "of 0.6: {}", crowding.slope());
        assert!(flat.slope() < 0.1, "of 0: {}", flat.slope());
        assert!(crowding.log_factor(2.2, usual) > 0.5 && crowding.log_factor(0.0, usual) < -0.5);
    }
}
