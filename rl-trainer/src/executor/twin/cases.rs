//! Cases around a fit.
//!
//! A training case is a part of a training slice under a variation of the fit: service times and speeds as other periods
//! of the recording would have given them, each speed further off by the error of the method, and workers that nothing
//! tells half or twice as many. A quarter of the cases has a slow-down that the recording has not, since what a policy
//! never sees it forgets. Of every sixteen cases, one has its speeds shuffled among the backends, as if the profile were
//! of another pool, and four are general training cases whose backends the profile does not know.

use super::slices::{Purpose, Slice, Timeline};
use crate::evaluate::List;
use crate::scenarios::{Case, Family, hash};
use lb_calibration::{Calibration, METHOD_ERROR, ordinary_ms};
use lb_core::Seed;
use lb_core::fault::{Fault, FaultKind, SHORTEST_S};
use lb_core::rng::Rng;
use lb_core::topology::Topology;
use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_distr::StandardNormal;
use simulator::Telling;

/// Number of training cases: as many as four generations of evolution play.
const TRAINING: u64 = 256;
/// Of this many training cases, one is shuffled and [`GENERAL`] are general ones.
const ROUND: u64 = 16;
const GENERAL: u64 = 4;
/// Number of the first general case: far from those of any training run, which begin at multiples of 2^40.
const FIRST_GENERAL: u64 = (1 << 40) - (1 << 20);

/// Variations of the fit in the selection and in the test, beside the fit itself.
const VARIED: usize = 2;
/// Fewest and most requests of a case in the selection and in the test.
const REQUESTS: [f64; 2] = [5_000.0, 30_000.0];
/// Most requests of the fit in a training slice, on which checkpoints are chosen.
const MOST_OF_FIT: u64 = 15_000;
/// Requests by which the length of a training case is reckoned.
const EPISODE: f64 = 8_000.0;

/// Largest utilisation of a case, of what its backends can serve. Users wait for each other's replies, so what they asked
/// for in a full system is at most its capacity; arrivals that wait for nobody would overrun it.
const MOST_UTILISED: f64 = 0.95;
/// Standard deviation of the logarithm of a training case's rate, by which one day differs from another.
const RATE_SPREAD: f64 = 0.1;
/// Share of training cases with a slow-down of their own, and how much slower a backend is, from and to.
const SLOW: f64 = 0.25;
const SLOWER: [f64; 2] = [2.0, 10.0];
/// Length of such a slow-down in mean service times, from and to.
const SLOW_SERVICES: [f64; 2] = [50.0, 500.0];

/// What a recording says about a pool and its load, as a source of cases.
#[derive(Clone, Debug)]
pub(in crate::executor) struct Twin {
    /// Names the cases.
    pub(in crate::executor) name: String,
    /// The fit.
    pub(in crate::executor) fit: Calibration,
    /// Variations of the fit. The first ones are kept for selection and test.
    pub(in crate::executor) variations: Vec<Calibration>,
    /// When how much came.
    pub(in crate::executor) timeline: Timeline,
    /// What requests tell about their size; `None` if they tell nothing.
    pub(in crate::executor) telling: Option<Telling>,
}

impl Twin {
    /// Returns the training cases, the fit itself first.
    pub(in crate::executor) fn training(&self, seed: u64) -> Vec<Case> {
        let slices = self.timeline.of(Purpose::Training);
        let kept = self.variations.len().min(2 * VARIED);
        let variations = match &self.variations[kept..] {
            [] => std::slice::from_ref(&self.fit),
            variations => variations,
        };
        let case = |number: u64| {
            let mut rng = Seed(seed).stream(&[0x7731, number]);
            let name = format!("{}-training-{number}", self.name);
            if number == 0 {
                return self.case(name, &self.fit, longest(&slices), 0.0, EPISODE);
            }
            if number % ROUND < GENERAL {
                return stranger(Family::Training.case(FIRST_GENERAL + number));
            }
            let varied = variations.choose(&mut rng).expect("there is the fit at least");
            let varied = perturbed(varied, number % ROUND == GENERAL, &mut rng);
            let slice = *slices.choose(&mut rng).expect("there is one for each purpose");
            let room_s = (slice.to_s - slice.from_s - EPISODE / slice.rate).max(0.0);
            let offset_s = rng.random::<f64>() * room_s;
            let mut case = self.case(name, &varied, slice, offset_s, EPISODE);
            let capacity = capacity(&varied);
            let spread = (RATE_SPREAD * rng.sample::<f64, _>(StandardNormal)).exp();
            case.load.rate = (case.load.rate * spread).min(MOST_UTILISED * capacity);
            if rng.random_bool(SLOW) {
                slow_down(&mut case, &mut rng);
            }
            case
        };
        (0..TRAINING).map(case).collect()
    }

    /// Returns the fit in each training slice.
    pub(in crate::executor) fn fits(&self) -> Vec<Case> {
        let cut = |case: Case| {
            let requests = case.load.requests.min(MOST_OF_FIT);
            case.with_requests(requests)
        };
        self.whole_slices(Purpose::Training, &[], None).into_iter().map(cut).collect()
    }

    /// Returns the cases of the selection: slices and variations that training did not see.
    pub(in crate::executor) fn validation(&self, requests: Option<u64>) -> Vec<Case> {
        let kept = &self.variations[..self.variations.len().min(VARIED)];
        self.whole_slices(Purpose::Validation, kept, requests)
    }

    /// Returns the list of the test: slices and variations that neither training nor the selection saw.
    pub(in crate::executor) fn test(&self, requests: Option<u64>) -> List {
        let kept =
            &self.variations[VARIED.min(self.variations.len())..(2 * VARIED).min(self.variations.len())];
        let cases = self.whole_slices(Purpose::Test, kept, requests);
        List { name: "twin", sha256: hash(&cases), whole: cases.len(), full: requests.is_none(), cases }
    }

    fn whole_slices(&self, purpose: Purpose, variations: &[Calibration], requests: Option<u64>) -> Vec<Case> {
        let [fewest, most] = REQUESTS;
        let slices = self.timeline.of(purpose);
        let of_slice = |slice: &&Slice| {
            let slice = *slice;
            let wanted = (slice.rate * (slice.to_s - slice.from_s)).clamp(fewest, most);
            let wanted = requests.map_or(wanted, |requests| requests as f64);
            let fits = std::iter::once(&self.fit).chain(variations).enumerate();
            let cases = fits.map(move |(number, calibration)| {
                let of = if number == 0 { "fit".to_owned() } else { format!("variation-{number}") };
                let name = format!("{}-{}-{}-{of}", self.name, purpose.name(), slice.number);
                self.case(name, calibration, slice, 0.0, wanted)
            });
            cases.collect::<Vec<Case>>()
        };
        slices.iter().flat_map(of_slice).collect()
    }

    /// Returns the case of a part of a slice, which begins `offset_s` after it.
    fn case(
        &self,
        name: String,
        calibration: &Calibration,
        slice: &Slice,
        offset_s: f64,
        requests: f64,
    ) -> Case {
        let (from_s, to_s) = (slice.from_s + offset_s, slice.to_s);
        let mut topology = calibration.topology.clone();
        topology.faults = topology.faults.iter().filter_map(|fault| within(fault, from_s, to_s)).collect();
        let mut load = calibration.load.open(&topology, Seed(0));
        load.rate = slice.rate.min(MOST_UTILISED * capacity(calibration));
        if !load.routes.is_empty() {
            load.routes.clone_from(&slice.routes);
        }
        load.requests = requests.round().max(1.0) as u64;
        load.telling = self.telling;
        let options = calibration.options(&calibration.load, Seed(0));
        let service_ms = service_ms(calibration);
        Case { name, topology, load, options, service_ms }.with_luck(0)
    }
}

/// Returns the slice with the most requests.
fn longest<'a>(slices: &[&'a Slice]) -> &'a Slice {
    let requests = |slice: &Slice| slice.rate * (slice.to_s - slice.from_s);
    let most = slices.iter().max_by(|one, other| requests(one).total_cmp(&requests(other)));
    most.copied().expect("there is a slice for each purpose")
}

/// Returns how many requests per second the backends can serve while nothing is wrong.
pub(in crate::executor) fn capacity(calibration: &Calibration) -> f64 {
    speeds(&calibration.topology).0 / ordinary_ms(calibration) * 1e3
}

/// Returns the mean service time in milliseconds at the average speed.
fn service_ms(calibration: &Calibration) -> f64 {
    let (speeds, workers) = speeds(&calibration.topology);
    ordinary_ms(calibration) * workers / speeds
}

/// Returns the sum of the speeds of all workers, and their number.
fn speeds(topology: &Topology) -> (f64, f64) {
    let backends = topology.pools.iter().flat_map(|pool| &pool.backends);
    backends.fold((0.0, 0.0), |(speeds, workers), backend| {
        (speeds + backend.speed * f64::from(backend.workers), workers + f64::from(backend.workers))
    })
}

/// Returns the part of a fault between two times of the recording, as it is in a case that begins at the first. A fault
/// that lasts beyond the second lasts to the end of the case.
fn within(fault: &Fault, from_s: f64, to_s: f64) -> Option<Fault> {
    let begins_s = fault.start_s.max(from_s);
    let ends_s = fault.duration_s.map_or(f64::INFINITY, |duration| fault.start_s + duration);
    let lasts_s = ends_s.min(to_s) - begins_s;
    (lasts_s >= SHORTEST_S).then(|| Fault {
        start_s: begins_s - from_s,
        duration_s: (ends_s < to_s).then_some(lasts_s),
        every_s: None,
        ..fault.clone()
    })
}

/// Returns a fit that is as far away as it may be wrong. `shuffled` gives backends each other's speeds.
fn perturbed(calibration: &Calibration, shuffled: bool, rng: &mut Rng) -> Calibration {
    let mut calibration = calibration.clone();
    let Calibration { topology, backends: evidence, .. } = &mut calibration;
    let specs = topology.pools.iter_mut().flat_map(|pool| &mut pool.backends);
    let mut speeds = Vec::new();
    for (spec, evidence) in specs.zip(evidence) {
        spec.speed *= (METHOD_ERROR * rng.sample::<f64, _>(StandardNormal)).exp();
        if !evidence.saturated {
            let doubled = spec.workers.saturating_mul(2);
            spec.workers = *[spec.workers, spec.workers.div_ceil(2), doubled].choose(rng).expect("three");
        }
        speeds.push(spec.speed);
    }
    if shuffled {
        speeds.shuffle(rng);
        let specs = topology.pools.iter_mut().flat_map(|pool| &mut pool.backends);
        specs.zip(speeds).for_each(|(spec, speed)| spec.speed = speed);
    }
    calibration
}

/// Adds a slow-down of one backend to a case.
fn slow_down(case: &mut Case, rng: &mut Rng) {
    let between = |[from, to]: [f64; 2], rng: &mut Rng| rng.random_range(from.ln()..to.ln()).exp();
    let ids: Vec<&String> = case.topology.pools[0].backends.iter().map(|backend| &backend.id).collect();
    let id = (*ids.choose(rng).expect("a pool has backends")).clone();
    let length_s = (between(SLOW_SERVICES, rng) * case.service_ms / 1e3).max(SHORTEST_S);
    let start_s = rng.random::<f64>() * EPISODE / case.load.rate;
    case.topology.faults.push(Fault {
        kind: FaultKind::LatencyFactor { factor: between(SLOWER, rng) },
        services: Vec::new(),
        backends: vec![id],
        start_s,
        duration_s: Some(length_s),
        every_s: None,
    });
}

/// Renames the backends of a case, so that a profile does not know them.
fn stranger(mut case: Case) -> Case {
    let renamed = |id: &str| format!("other-{id}");
    for backend in case.topology.pools.iter_mut().flat_map(|pool| &mut pool.backends) {
        backend.id = renamed(&backend.id);
    }
    for id in case.topology.faults.iter_mut().flat_map(|fault| &mut fault.backends) {
        *id = renamed(id);
    }
    case
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_calibration::{BackendEvidence, Load, OverheadSource};
    use lb_core::Span;
    use lb_traces::read::{End, Episode, Exchange, HintPlace};

    /// A fit of situation F, in which one backend gets slow and another fails for ten seconds each.
    fn fit() -> Calibration {
        let situation = crate::scenarios::situation('f').expect("there is an F");
        let evidence = |id: &String| BackendEvidence {
            id: id.clone(),
            timed: 1_000,
            most_in_flight: 20,
            saturated: id != "b2",
            queue_was_full: false,
            f_ratio: 1.0,
        };
        let mut topology = situation.topology;
        // A fit has faults at the offsets of the recording, and none that repeats.
        topology.faults.iter_mut().for_each(|fault| fault.every_s = None);
        let backends = topology.pools[0].backends.iter().map(|backend| evidence(&backend.id)).collect();
        let load = Load {
            rate: 1_920.0,
            burst_factor: 1.0,
            routes: vec![("GET /".to_owned(), 1.0)],
            balancers: 1,
            longest_latency_s: 1.0,
            requests: 60_000,
            ..Load::default()
        };
        let overhead = Span::from_micros(100);
        Calibration { topology, load, overhead, overhead_source: OverheadSource::Assumed, backends }
    }

    fn twin() -> Twin {
        let exchange = |number: u64| Exchange {
            sent: lb_core::Time::ZERO + Span::from_millis(number),
            latency: Some(Span::from_millis(10)),
            service: None,
            backend: 0,
            route: 0,
            balancer: 0,
            hints: HintPlace::default(),
            end: End::Served,
        };
        let episode = Episode { exchanges: (0..60_000).map(exchange).collect(), ..Episode::default() };
        Twin {
            name: "test".to_owned(),
            variations: (0..6)
                .map(|number| {
                    let mut varied = fit();
                    varied.topology.pools[0].backends[0].speed *= 1.0 + f64::from(number + 1) / 1_000.0;
                    varied
                })
                .collect(),
            fit: fit(),
            timeline: Timeline::new(&episode, 1),
            telling: None,
        }
    }

    #[test]
    fn cases_are_sound_and_differ() {
        let training = twin().training(1);
        assert_eq!(training.len(), TRAINING as usize);
        for case in &training {
            assert_eq!(case.topology.problems(), Vec::<String>::new(), "{}", case.name);
            assert!(case.load.rate > 0.0 && case.service_ms > 0.0, "{}: {:?}", case.name, case.load);
        }
        assert_eq!(training[0].topology.pools, fit().topology.pools, "the first is the fit itself");
        assert_eq!(twin().training(1), training, "a seed determines them");
        assert_ne!(twin().training(2), training, "another seed draws others");
        let shuffled = &training[GENERAL as usize].topology.pools[0].backends;
        let fitted = fit();
        let pairs = shuffled.iter().zip(&fitted.topology.pools[0].backends);
        let off = pairs.filter(|(one, other)| (one.speed / other.speed).ln().abs() > 0.5);
        assert!(off.count() >= 2, "speeds are shuffled: {shuffled:?}");
    }

    #[test]
    fn a_quarter_of_the_training_cases_is_of_pools_that_the_profile_does_not_know() {
        let training = twin().training(1);
        let strangers = training.iter().filter(|case| {
            case.topology.pools[0].backends.iter().all(|backend| backend.id.starts_with("other-"))
        });
        assert_eq!(strangers.count(), TRAINING as usize / 4 - 1, "one gives way to the fit itself");
    }

    #[test]
    fn checkpoints_are_chosen_on_the_fit_in_every_training_slice() {
        let fits = twin().fits();
        assert_eq!(fits.len(), 8, "one for each slice");
        let slow = fits.iter().filter(|case| !case.topology.faults.is_empty()).count();
        assert!((1..8).contains(&slow), "with the faults of its slice: {slow}");
        for case in &fits {
            assert_eq!(case.topology.pools, fit().topology.pools, "{}: the fit as it is", case.name);
            assert!(case.load.requests <= MOST_OF_FIT, "{}", case.name);
        }
    }

    #[test]
    fn workers_vary_only_where_nothing_tells_them() {
        let training = twin().training(1);
        let of = |id: &str| -> Vec<u32> {
            let backends = training.iter().flat_map(|case| &case.topology.pools[0].backends);
            let mut all: Vec<u32> =
                backends.filter(|backend| backend.id == id).map(|backend| backend.workers).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        assert_eq!(of("b1").len(), 1, "requests waited there");
        assert_eq!(of("b2").len(), 3, "half, as fitted, and twice");
    }

    #[test]
    fn training_selection_and_test_share_neither_slices_nor_variations_nor_draws() {
        let twin = twin();
        let (validation, test) = (twin.validation(None), twin.test(None).cases);
        assert_eq!((validation.len(), test.len()), (6, 6), "two slices, the fit and two variations");
        let speeds = |cases: &[Case], varied: usize| {
            let of = |case: &Case| case.topology.pools[0].backends[0].speed;
            cases.iter().skip(1).step_by(varied).map(of).fold(0.0, f64::max)
        };
        assert_ne!(speeds(&validation, 3), speeds(&test, 3), "other variations");
        for case in &test {
            assert!(validation.iter().all(|other| other.load.seed != case.load.seed), "{}", case.name);
            assert!((5_000..=30_000).contains(&case.load.requests), "{}", case.load.requests);
        }
        assert!(twin.test(Some(300)).cases.iter().all(|case| case.load.requests == 300));
    }

    #[test]
    fn faults_are_where_they_were_in_the_slice() {
        let fault = |start_s: f64, duration_s: Option<f64>| Fault {
            kind: FaultKind::Freeze {},
            services: Vec::new(),
            backends: Vec::new(),
            start_s,
            duration_s,
            every_s: None,
        };
        let times = |of: Fault| within(&of, 10.0, 20.0).map(|fault| (fault.start_s, fault.duration_s));
        assert_eq!(times(fault(12.0, Some(3.0))), Some((2.0, Some(3.0))), "within");
        assert_eq!(times(fault(5.0, Some(7.0))), Some((0.0, Some(2.0))), "it had begun before");
        assert_eq!(times(fault(18.0, Some(7.0))), Some((8.0, None)), "it lasts beyond the slice");
        assert_eq!(times(fault(5.0, None)), Some((0.0, None)), "it lasts for ever");
        assert_eq!(times(fault(2.0, Some(7.0))), None, "it was over");
        assert_eq!(times(fault(20.0, None)), None, "it had not begun");
        assert_eq!(times(fault(10.0, Some(0.005))), None, "too short for a fault");
    }

    #[test]
    fn the_rate_is_within_what_the_pool_can_serve() {
        let mut twin = twin();
        let capacity = capacity(&twin.fit);
        assert!((capacity / 3_200.0 - 1.0).abs() < 0.01, "as the situation's: {capacity}");
        twin.fit.topology.service_time = lb_core::service_time::ServiceTime::Constant { mean_ms: 1_000.0 };
        let case = &twin.validation(None)[0];
        let most = MOST_UTILISED * super::capacity(&twin.fit);
        assert!(case.load.rate <= most && case.load.rate < 1_000.0, "{} of {most}", case.load.rate);
    }
}
