//! The number of passes over all algorithms.

use super::error::Findings;
use super::said::Said;

/// The number of passes over all algorithms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passes {
    /// Minimum number of passes.
    pub(crate) least: u32,
    /// Passes are added until the half-width of the intervals is at most this fraction of the value. `None`
    /// adds no passes.
    pub(crate) precision: Option<f64>,
    /// Difference that the passes are planned to find, as a fraction; `None` if they are not planned for a
    /// difference.
    pub(crate) detect: Option<f64>,
    /// Maximum number of passes.
    pub(crate) most: u32,
}

/// Resolves the number of passes. A limit below `least` is a problem, and a limit without a precision is
/// noted. The default limit is `default_most` or `least`, whichever is greater.
pub(crate) fn settle_passes(
    least: u32,
    precision: Option<f64>,
    detect: Option<f64>,
    most: Option<Said<u32>>,
    default_most: u32,
    findings: &mut Findings,
) -> Passes {
    if let Some(most) = &most {
        if most.value < least {
            let message = format!("is below the number of repetitions ({least}); raise it or lower them");
            findings.wrong(&most.at, most.value, message);
        }
        if precision.is_none() && detect.is_none() {
            findings.note(&most.at, most.value, "has no effect without a precision, such as --precision 3%");
        }
    }
    Passes { least, precision, detect, most: most.map_or(default_most.max(least), |most| most.value) }
}
