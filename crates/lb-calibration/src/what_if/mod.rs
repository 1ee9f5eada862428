//! What would have happened to the requests of a log under other algorithms.
//!
//! 1. [`FittedLog::new`] finds out how the recorded load balancer chose, and fits the backends.
//! 2. [`FittedLog::check`] holds back the last quarter of the log and predicts it from a fit to the rest.
//! 3. [`FittedLog::predict`] simulates every algorithm on the recorded arrivals, with service times drawn from
//!    the fit. Intervals hold three kinds of chance: that of service times, by simulating the log several times
//!    with other ones; that of the fit, by refitting it to periods of the log that are drawn with replacement;
//!    and that of the load, by drawing the periods that count in the same way (a block bootstrap; Künsch, Ann.
//!    Statist. 17, 1989). All algorithms share the draws, so that differences between them are known better
//!    than each by itself.

mod arrivals;
mod as_logged;
mod draws;
mod error;
mod predict;
mod routing;
mod slice;
mod tally;

pub use draws::{Figure, Metric, Predicted, Ratio};
pub use error::WhatIfError;
pub use predict::{Kill, Prediction, WhatIf};
pub use routing::Routing;
pub use slice::{Compared, SliceCheck};
pub use tally::Figures;

use crate::fit::{self, Workings};
use crate::log::{AccessLog, Maker};
use crate::{BackendEvidence, Calibration};
use arrivals::Identity;
use as_logged::AsLogged;
use lb_core::Algorithm;
use lb_core::algorithm::Rule;
use lb_core::policy::{HaproxyRandom, P2cReplacing, Policy};

/// A log with the backends that were fitted to it.
#[derive(Debug)]
pub struct FittedLog<'a> {
    log: &'a AccessLog,
    routing: Routing,
    workings: Workings,
}

impl<'a> FittedLog<'a> {
    /// Fits a log. `routing` is the recorded algorithm, if the user named it.
    ///
    /// # Errors
    /// The log does not tell enough: no backend was ever busy, or its choices depend on load by an unknown
    /// rule.
    pub fn new(log: &'a AccessLog, routing: Option<Algorithm>) -> Result<Self, WhatIfError> {
        if let Some(algorithm) = routing {
            simulated(algorithm)?;
        }
        let routing = Routing::of(log, routing);
        if routing.adaptive && routing.algorithm.is_none() {
            let Routing { least_busy, by_chance, .. } = routing;
            return Err(WhatIfError::UnknownRouting { least_busy, by_chance });
        }
        let mut traces = log.traces.clone();
        traces.weights.clone_from(&routing.weights);
        let workings = fit::workings(&traces, log.resolution)?;
        let evidence = &workings.calibration.backends;
        if !evidence.iter().any(|backend| backend.saturated) {
            let most = evidence.iter().map(|backend| backend.most_in_flight).max().unwrap_or(0);
            return Err(WhatIfError::NeverBusy { most });
        }
        Ok(Self { log, routing, workings })
    }

    /// Returns how the recorded load balancer chose.
    pub const fn routing(&self) -> &Routing {
        &self.routing
    }

    /// Returns the fit.
    pub const fn calibration(&self) -> &Calibration {
        &self.workings.calibration
    }

    /// Returns the backends of which the log does not tell how many requests they serve at once; they are taken
    /// to be like the others.
    pub fn assumed(&self) -> impl Iterator<Item = &BackendEvidence> {
        self.workings.calibration.backends.iter().filter(|backend| !backend.saturated)
    }
}

/// Who chooses backends in a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chooser {
    /// The choices of the log are repeated.
    AsLogged,
    Algorithm(Algorithm),
}

impl Chooser {
    const fn identity(self) -> Identity {
        match self {
            Self::AsLogged => Identity::Backend,
            Self::Algorithm(_) => Identity::Client,
        }
    }

    /// Returns the rule, as the load balancer that wrote the log follows it.
    fn policy(self, log: &AccessLog) -> Box<dyn Policy> {
        match (self, log.maker) {
            (Self::AsLogged, _) => Box::new(AsLogged),
            (Self::Algorithm(RANDOM), Maker::Haproxy) => Box::new(HaproxyRandom::new(1, log.server_weight)),
            (Self::Algorithm(P2C), Maker::Haproxy) => Box::new(HaproxyRandom::new(2, log.server_weight)),
            (Self::Algorithm(P2C), Maker::Envoy) => Box::new(P2cReplacing),
            (Self::Algorithm(algorithm), _) => algorithm.policy().expect("it was made before"),
        }
    }

    fn name(self) -> String {
        match self {
            Self::AsLogged => "as logged".to_owned(),
            Self::Algorithm(algorithm) => algorithm.to_string(),
        }
    }
}

const RANDOM: Algorithm = Algorithm::plain(Rule::Random);
const P2C: Algorithm = Algorithm::plain(Rule::P2c);

/// Refuses an algorithm that cannot be simulated.
fn simulated(algorithm: Algorithm) -> Result<(), WhatIfError> {
    let refused = |reason: String| WhatIfError::Algorithm { algorithm, reason };
    algorithm.policy().map(drop).map_err(|problem| refused(problem.to_string()))
}
