//! A setting: a case, and what a policy knows about its pool before it begins.
//!
//! A general policy must make use of a pool profile when there is one, and must not depend on it. Random training cases
//! therefore come with a profile in a third of all draws: speeds as a calibration would find them, each with an error
//! of the size that the profile admits. Some of these profiles are wrong, as that of another pool would be: their
//! speeds are shuffled. Some do not know one of the backends. Reports of load are drawn in the same way.

use crate::episode::Episode;
use crate::objective::Objective;
use crate::scenarios::Case;
use lb_core::Seed;
use lb_core::policy::PolicyFile;
use lb_core::policy::learned::{Action, Network};
use lb_core::profile::{BackendProfile, Estimate, FORMAT_VERSION, PoolProfile};
use lb_core::rng::{Rng, hash_name};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::StandardNormal;
use simulator::Reports;
use std::sync::Arc;

/// A case, and what the policy knows about its pool.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The case.
    pub case: Case,
    /// Profile of the pool, right or wrong; `None` if nothing is known.
    pub profile: Option<Arc<PoolProfile>>,
}

/// Share of training cases whose backends report their load, to one of several load balancers and to a single one,
/// which learns little from it.
const REPORTED_TO_SEVERAL: f64 = 0.4;
const REPORTED_TO_ONE: f64 = 0.05;
/// Share of training cases with a profile.
const PROFILED: f64 = 0.35;
/// Share of profiles that belong to another pool.
const WRONG: f64 = 0.15;
/// Share of profiles that do not know one of the backends.
const INCOMPLETE: f64 = 0.2;
/// Share of profiles that know the number of workers and the discipline.
const WORKERS_KNOWN: f64 = 0.7;
/// Range of the errors that profiles admit, as standard deviations of the logarithm of a speed.
const ERRORS: [f64; 2] = [0.02, 0.3];

impl Setting {
    /// Creates a setting in which nothing is known about the pool.
    pub fn plain(case: Case) -> Self {
        Self { case, profile: None }
    }

    /// Creates a setting whose profile, if there is one, and whose reports of load are drawn by the name of the case.
    pub fn drawn(mut case: Case) -> Self {
        let mut rng = Seed(hash_name(case.name.as_bytes())).stream(&[0x9f0f]);
        let share = if case.options.balancers > 1 { REPORTED_TO_SEVERAL } else { REPORTED_TO_ONE };
        if rng.random_bool(share) {
            let per_request = rng.random_range(0.5..3.0);
            case.options.reports =
                if rng.random_bool(0.5) { Reports::Orca } else { Reports::Probes { per_request } };
        }
        let profile = rng.random_bool(PROFILED).then(|| Arc::new(profile(&case, &mut rng)));
        Self { case, profile }
    }

    /// Creates an episode in which `network` plays this setting.
    pub fn episode(&self, network: Network, action: Action, objective: Objective) -> Episode {
        let policy = Arc::new(self.policy_file(network, action));
        Episode { case: self.case.clone(), policy, objective }
    }

    /// Creates the policy of `network` in this setting.
    pub fn policy_file(&self, network: Network, action: Action) -> PolicyFile {
        let profile = self.profile.as_deref().cloned();
        PolicyFile { profile, ..PolicyFile::new(network, action) }
    }
}

/// Draws a profile of the first pool of `case`.
fn profile(case: &Case, rng: &mut Rng) -> PoolProfile {
    let backends = &case.topology.pools[0].backends;
    let log_error = rng.random_range(ERRORS[0].ln()..ERRORS[1].ln()).exp();
    let mut speeds: Vec<f64> = backends.iter().map(|backend| backend.speed).collect();
    if rng.random_bool(WRONG) {
        speeds.shuffle(rng);
    }
    let workers_known = rng.random_bool(WORKERS_KNOWN);
    let mut known: Vec<BackendProfile> = backends
        .iter()
        .zip(speeds)
        .map(|(backend, speed)| {
            let error = log_error * rng.sample::<f64, _>(StandardNormal);
            BackendProfile {
                id: backend.id.clone(),
                speed: Estimate { value: speed * error.exp(), log_error },
                workers: backend.workers,
                workers_known,
                discipline: backend.discipline,
            }
        })
        .collect();
    if rng.random_bool(INCOMPLETE) {
        known.remove(rng.random_range(0..known.len()));
    }
    let workers: f64 = backends.iter().map(|backend| f64::from(backend.workers)).sum();
    let capacity: f64 = backends.iter().map(|backend| backend.speed * f64::from(backend.workers)).sum();
    PoolProfile {
        format_version: FORMAT_VERSION.to_owned(),
        about: "drawn for training".to_owned(),
        service_ms: Estimate { value: case.service_ms * capacity / workers, log_error },
        backends: known,
        routes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios::Family;

    #[test]
    fn a_third_of_training_cases_have_a_profile_and_most_of_them_are_right() {
        let settings: Vec<Setting> = Family::Training.cases(300).into_iter().map(Setting::drawn).collect();
        let profiled: Vec<&Setting> = settings.iter().filter(|setting| setting.profile.is_some()).collect();
        assert!(profiled.len().abs_diff(105) < 30, "about a third: {}", profiled.len());
        let is_right = |setting: &&&Setting| {
            let profile = setting.profile.as_ref().expect("filtered");
            let backends = &setting.case.topology.pools[0].backends;
            profile.backends.iter().all(|known| {
                let truth = backends.iter().find(|backend| backend.id == known.id).expect("of this pool");
                (known.speed.value / truth.speed).ln().abs() < 5.0 * known.speed.log_error
            })
        };
        let right = profiled.iter().filter(is_right).count();
        assert!(right * 10 > profiled.len() * 8, "{right} of {} are right", profiled.len());
        assert!(right < profiled.len(), "and some are wrong");
        let again = Setting::drawn(settings[0].case.clone());
        assert_eq!(again.profile, settings[0].profile, "a setting is the same each time");
    }
}
