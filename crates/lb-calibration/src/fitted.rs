//! Traces with the fit to them, and variations of it.
//!
//! A variation is the fit to other periods of the same recording, drawn with replacement ([`super::resampling`]). How far
//! variations are apart says how sure the fit is: of speeds and service times, not of how backends queue.

use super::fit::{self, Workings};
use super::resampling::{PERIODS, drawn};
use super::{Calibration, CalibrationError, Resolution};
use lb_core::{Seed, Span};
use lb_traces::read::Traces;

/// Traces with the backends that were fitted to them.
#[derive(Clone, Debug)]
pub struct FittedTraces {
    routes: Vec<String>,
    workings: Workings,
}

impl FittedTraces {
    /// Fits a topology and a load to traces whose times have this resolution.
    ///
    /// # Errors
    /// As for [`super::fit`].
    pub fn new(traces: &Traces, resolution: Resolution) -> Result<Self, CalibrationError> {
        Ok(Self { routes: traces.routes.clone(), workings: fit::workings(traces, resolution)? })
    }

    /// Returns the fit.
    pub const fn calibration(&self) -> &Calibration {
        &self.workings.calibration
    }

    /// Returns the variation with this seed. Faults, workers and disciplines are those of the fit.
    pub fn variation(&self, seed: Seed) -> Calibration {
        let length = Span::from_nanos(self.workings.length.max(1.0) as u64);
        self.workings.resampled(&drawn(seed.0, PERIODS), length, &self.routes)
    }
}
