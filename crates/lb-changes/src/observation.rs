//! The values of a series, and the scale on which they are compared.

/// What one run says about one quantity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// The estimate, in the unit of the quantity.
    pub value: f64,
    /// The 95 % interval of the estimate. `None` if it is unknown.
    pub interval: Option<[f64; 2]>,
}

impl Observation {
    /// Makes an observation of which no interval is known.
    pub const fn exact(value: f64) -> Self {
        Self { value, interval: None }
    }
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// As a ratio, on the scale of logarithms: latencies and rates, which are above zero.
    Ratio,
    /// As a difference: shares, which may be zero.
    Difference,
}

/// Why a series cannot be examined.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SeriesError {
    /// A value is not a finite number.
    #[error("value {at} of the series is {value}, which is not a finite number; leave it out")]
    NotFinite {
        /// Position of the value, from 0.
        at: usize,
        /// The value.
        value: f64,
    },
    /// A value that is compared as a ratio is not above zero.
    #[error(
        "value {at} of the series is {value}, but ratios are of values above 0; leave it out, or compare differences"
    )]
    NotPositive {
        /// Position of the value, from 0.
        at: usize,
        /// The value.
        value: f64,
    },
}

/// The half-width of a 95 % interval, in standard errors.
const HALF_WIDTH: f64 = 1.959_963_984_540_054;

impl Scale {
    /// Places the value at position `at` on the scale.
    pub(crate) fn place(self, at: usize, observation: &Observation) -> Result<f64, SeriesError> {
        let value = observation.value;
        match self {
            _ if !value.is_finite() => Err(SeriesError::NotFinite { at, value }),
            Self::Ratio if value <= 0.0 => Err(SeriesError::NotPositive { at, value }),
            Self::Ratio => Ok(value.ln()),
            Self::Difference => Ok(value),
        }
    }

    /// Returns the standard error of an observation on the scale. `None` without a usable interval.
    pub(crate) fn standard_error(self, observation: &Observation) -> Option<f64> {
        let ends = observation.interval?;
        let [low, high] = match self {
            Self::Ratio => ends.map(f64::ln),
            Self::Difference => ends,
        };
        Some((high - low) / (2.0 * HALF_WIDTH)).filter(|error| error.is_finite() && *error >= 0.0)
    }

    /// Returns a position on the scale in the unit of the quantity.
    pub(crate) fn value(self, position: f64) -> f64 {
        match self {
            Self::Ratio => position.exp(),
            Self::Difference => position,
        }
    }

    /// Returns a step on the scale as an effect: 0.05 for 5 % more, or the difference itself.
    pub(crate) fn effect(self, step: f64) -> f64 {
        match self {
            Self::Ratio => step.exp_m1(),
            Self::Difference => step,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_become_standard_errors_on_the_scale() {
        let error = |scale: Scale, interval| {
            scale.standard_error(&Observation { value: 1.0, interval: Some(interval) })
        };
        let half = HALF_WIDTH * 0.01;
        let found = error(Scale::Ratio, [(-half).exp(), half.exp()]).expect("both ends have a logarithm");
        assert!((found - 0.01).abs() < 1e-12, "{found}");
        let found = error(Scale::Difference, [1.0 - half, 1.0 + half]).expect("both ends are finite");
        assert!((found - 0.01).abs() < 1e-12, "{found}");
        assert_eq!(error(Scale::Ratio, [0.0, 1.0]), None, "zero has no logarithm");
        assert_eq!(error(Scale::Ratio, [2.0, 1.0]), None, "an interval that is upside down says nothing");
    }

    #[test]
    fn values_without_a_place_on_the_scale_are_refused_by_position() {
        let refusal = |scale: Scale, value: f64| {
            scale.place(7, &Observation::exact(value)).map_err(|error| error.to_string())
        };
        let error = refusal(Scale::Ratio, 0.0).expect_err("zero has no logarithm");
        assert!(error.contains("value 7") && error.contains("compare differences"), "{error}");
        assert_eq!(refusal(Scale::Difference, 0.0), Ok(0.0));
        assert!(refusal(Scale::Difference, f64::NAN).expect_err("no number").contains("not a finite number"));
    }
}
