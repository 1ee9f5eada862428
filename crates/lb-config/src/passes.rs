//! How often everything is repeated.

use super::error::Findings;
use super::said::Said;

/// How often everything is repeated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passes {
    /// Passes in any case.
    pub(crate) least: u32,
    /// Half-width of the intervals, as a fraction, until which passes are added; `None` adds none.
    pub(crate) precision: Option<f64>,
    /// Upper limit for all passes.
    pub(crate) most: u32,
}

/// Settles the passes. A limit below the passes asked for is a problem, and one without a precision a
/// note; without a limit it is `default_most`, or `least` where that is more.
pub(crate) fn settle_passes(
    least: u32,
    precision: Option<f64>,
    most: Option<Said<u32>>,
    default_most: u32,
    findings: &mut Findings,
) -> Passes {
    if let Some(most) = &most {
        if most.value < least {
            let message = format!("is below the repetitions ({least}); raise it or lower those");
            findings.wrong(&most.at, most.value, message);
        }
        if precision.is_none() {
            findings.note(&most.at, most.value, "limits what a precision may lead to, and none is asked for");
        }
    }
    Passes { least, precision, most: most.map_or(default_most.max(least), |most| most.value) }
}
