//! Estimates the speed of each backend, its slow-downs, and the service time of each route.
//!
//! The logarithm of a request's work is the sum of its route's level, its backend's level at that time, and
//! noise, so alternating least squares estimates both sets of levels. The level of a backend over time is a
//! step function ([`super::changes`]): the level that lasts longest is its normal speed, and any other level
//! is a slow-down.

use super::changes::{self, Segment, Sums};

/// The work of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observation {
    pub(super) route: u16,
    /// Midpoint of the service, in nanoseconds since the start of the episode.
    pub(super) at: f64,
    /// Service time on a dedicated worker, in nanoseconds.
    pub(super) work: f64,
    /// Whether it waited for a worker.
    pub(super) waited: bool,
}

/// A period in which a backend did not behave normally.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spell {
    pub(super) from: f64,
    pub(super) to: f64,
    /// Factor by which service takes longer, or share of affected requests.
    pub(super) value: f64,
}

/// Speed of one backend over time.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    /// Mean of ln(work) without the effect of routes, while the backend behaves normally.
    pub(super) level: f64,
    pub(super) slow_downs: Vec<Spell>,
}

/// The paces of all backends, and the level of each route.
#[derive(Clone, Debug)]
pub(super) struct Paces {
    pub(super) backends: Vec<Option<Pace>>,
    pub(super) routes: Vec<f64>,
}

/// Number of time bins per backend.
const BINS: usize = 2000;
/// Shortest bin in nanoseconds; faults of 10 ms cannot be told from noise.
const SHORTEST_BIN: f64 = 20e6;
/// Smallest slow-down factor that is reported; smaller changes are treated as noise or drift.
const WORTH_MENTIONING: f64 = 1.25;
/// Shortest slow-down in nanoseconds that is told apart; shorter ones are pauses of a machine or a thread, and remain a
/// part of service times.
const SHORTEST_SPELL: f64 = 0.2e9;
/// Levels closer than this are merged.
const SAME_LEVEL: f64 = 0.15;
/// Part of a unit of time below which work counts as this part.
const LEAST_TICK: f64 = 0.25;
/// Number of least-squares iterations; each at least halves the error.
const TURNS: usize = 6;

impl Pace {
    /// Returns the factor by which service took longer at time `at`.
    pub(super) fn factor(&self, at: f64) -> f64 {
        let spell = self.slow_downs.iter().find(|spell| (spell.from..spell.to).contains(&at));
        spell.map_or(1.0, |spell| spell.value)
    }
}

/// Fits all observations, by backend. `length` is the length of the longest episode in nanoseconds. `unit` is that of
/// times, in nanoseconds, if it is not small compared with work, and 0 otherwise.
pub(super) fn fit(observations: &[Vec<Observation>], routes: usize, length: f64, unit: f64) -> Paces {
    let mut route_levels = vec![0.0; routes];
    let mut backends: Vec<Option<Pace>> = Vec::new();
    for _ in 0..if routes > 1 { TURNS } else { 1 } {
        backends =
            observations.iter().map(|all| pace(all, &route_levels, length, unit * LEAST_TICK)).collect();
        let mut sums = vec![Sums::default(); routes];
        for (all, pace) in observations.iter().zip(&backends) {
            let Some(pace) = pace else { continue };
            for one in all {
                let level = pace.level + pace.factor(one.at).ln();
                sums[usize::from(one.route)].take(one.work.max(unit * LEAST_TICK).ln() - level);
            }
        }
        route_levels = sums.iter().map(Sums::mean).collect();
    }
    if routes == 1 {
        route_levels[0] = 0.0;
    }
    if unit > 0.0 {
        for (all, pace) in observations.iter().zip(&mut backends) {
            if let Some(pace) = pace {
                pace.level = mean_level(all, &route_levels, pace);
            }
        }
    }
    pool_levels(observations, &mut backends);
    Paces { backends, routes: route_levels }
}

/// Gives backends whose levels do not differ by more than chance the level that they have in common: machines of a pool are
/// mostly alike, and together they are known better than each by itself. Differences of 2 % in speed that are chance look
/// like longer queues, since those of a nearly full backend grow faster than its load.
pub(super) fn pool_levels(observations: &[Vec<Observation>], backends: &mut [Option<Pace>]) {
    // Level, its variance, and the backend.
    let mut known: Vec<(f64, f64, usize)> = Vec::new();
    for (place, (all, pace)) in observations.iter().zip(&*backends).enumerate() {
        let Some(pace) = pace.as_ref().filter(|_| all.len() > 1) else { continue };
        let works = all.iter().map(|one| one.work / pace.factor(one.at));
        let (sum, squares) =
            works.fold((0.0, 0.0), |(sum, squares), work| (sum + work, squares + work * work));
        let count = all.len() as f64;
        let relative = (squares * count / (sum * sum) - 1.0).max(0.0);
        known.push((pace.level, (relative / count).max(f64::MIN_POSITIVE), place));
    }
    known.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut rest = known.as_slice();
    while let Some((first, mut variance, _)) = rest.first().copied() {
        let (mut level, mut size) = (first, 1);
        for (next, own, _) in &rest[1..] {
            if next - level > APART * (variance + own).sqrt() {
                break;
            }
            let precision = 1.0 / variance + 1.0 / own;
            level = (level / variance + next / own) / precision;
            (variance, size) = (1.0 / precision, size + 1);
        }
        let (alike, others) = rest.split_at(size);
        for (_, _, place) in alike {
            if let Some(pace) = &mut backends[*place] {
                pace.level = level;
            }
        }
        rest = others;
    }
}

/// Number of standard errors by which levels of backends must differ not to be the same.
const APART: f64 = 2.5;

/// Returns the logarithm of the mean work, without the effects of routes and slow-downs. An error in times of a whole tick
/// moves the logarithm of small work a lot, but not a mean.
pub(super) fn mean_level(observations: &[Observation], routes: &[f64], pace: &Pace) -> f64 {
    let route = |one: &Observation| routes.get(usize::from(one.route)).copied().unwrap_or(0.0);
    let works = observations.iter().map(|one| one.work / (route(one).exp() * pace.factor(one.at)));
    let sum: f64 = works.sum();
    if sum > 0.0 { (sum / observations.len() as f64).ln() } else { pace.level }
}

/// Returns the mean of the logarithm of work, without the effects of routes and slow-downs.
pub(super) fn log_level(observations: &[Observation], routes: &[f64], pace: &Pace) -> f64 {
    let route = |one: &Observation| routes.get(usize::from(one.route)).copied().unwrap_or(0.0);
    let logs = observations.iter().map(|one| one.work.ln() - route(one) - pace.factor(one.at).ln());
    let sum: f64 = logs.sum();
    if observations.is_empty() { pace.level } else { sum / observations.len() as f64 }
}

/// Returns the times at which the level of a series changes by more than chance does. `values` are pairs of time
/// and value, ascending by time.
pub(super) fn change_times(values: impl Iterator<Item = (f64, f64)> + Clone) -> Vec<f64> {
    let length = values.clone().map(|(at, _)| at).fold(0.0, f64::max);
    let bin = bin_width(length);
    let mut bins = vec![Sums::default(); (length / bin) as usize + 1];
    let mut differences = Sums::default();
    let mut before: Option<f64> = None;
    for (at, value) in values {
        bins[(at / bin) as usize].take(value);
        if let Some(before) = before.replace(value) {
            differences.take((value - before) / std::f64::consts::SQRT_2);
        }
    }
    let variance = (differences.squares / differences.count.max(1.0)).max(1e-6);
    let found = changes::segments(&bins, changes::normal_cost(variance), changes::penalty(differences.count));
    let apart = found.windows(2).filter(|pair| {
        let [before, after] = [&pair[0], &pair[1]].map(|segment| segment.sums.mean());
        (before - after).abs() >= WORTH_MENTIONING.ln()
    });
    apart.map(|pair| pair[1].bins.start as f64 * bin).collect()
}

/// Returns the pace of a backend. Work below `least` nanoseconds counts as that much: how much less it is, times do not
/// tell.
fn pace(observations: &[Observation], routes: &[f64], length: f64, least: f64) -> Option<Pace> {
    if observations.is_empty() {
        return None;
    }
    let bin = bin_width(length);
    let mut bins = vec![Sums::default(); (length / bin) as usize + 1];
    let last = bins.len() - 1;
    let mut differences = Sums::default();
    let mut before: Option<f64> = None;
    // After the last arrival only long services are left, which does not make them slow.
    for one in observations.iter().filter(|one| one.at < length) {
        let value = one.work.max(least).ln() - routes[usize::from(one.route)];
        bins[((one.at / bin) as usize).min(last)].take(value);
        if let Some(before) = before.replace(value) {
            differences.take((value - before) / std::f64::consts::SQRT_2);
        }
    }
    // Successive differences reflect the noise and hardly the steps (von Neumann, 1941).
    let variance = (differences.squares / differences.count.max(1.0)).max(1e-6);
    let penalty = changes::penalty(observations.len() as f64);
    let mut found = changes::segments(&bins, changes::normal_cost(variance), penalty);
    give_silence_to_the_slower(&mut found, &bins);
    let base = base_level(&found);
    let own = |segment: &&Segment| (segment.sums.mean() - base).abs() < WORTH_MENTIONING.ln();
    let itself = found.iter().filter(own).fold(Sums::default(), |sums, segment| sums + segment.sums);
    let level = itself.mean();
    let others = found.iter().filter(|segment| !own(segment) && segment.sums.count > 0.0);
    let spells = others.map(|segment| Spell {
        from: segment.bins.start as f64 * bin,
        to: segment.bins.end as f64 * bin,
        value: (segment.sums.mean() - level).exp(),
    });
    let mut slow_downs = join(spells);
    slow_downs.retain(|spell| spell.to - spell.from >= SHORTEST_SPELL);
    Some(Pace { level, slow_downs })
}

/// Assigns bins without observations between two segments to the slower one. Both assignments cost the same,
/// but a backend is often silent because it is slow: clients give up, or policies avoid it.
fn give_silence_to_the_slower(segments: &mut [Segment], bins: &[Sums]) {
    for place in 1..segments.len() {
        let (before, after) = (segments[place - 1].clone(), segments[place].clone());
        let spoken = |bin: &usize| bins[*bin].count > 0.0;
        let edge = match before.sums.mean() > after.sums.mean() {
            true => after.bins.clone().find(spoken).unwrap_or(after.bins.start),
            false => before.bins.clone().rev().find(spoken).map_or(before.bins.end, |bin| bin + 1),
        };
        segments[place - 1].bins.end = edge;
        segments[place].bins.start = edge;
    }
}

/// Returns the bin width for a period of `length` nanoseconds.
pub(super) fn bin_width(length: f64) -> f64 {
    (length / BINS as f64).max(SHORTEST_BIN)
}

/// Returns the level that lasts longest.
fn base_level(segments: &[Segment]) -> f64 {
    let known = || segments.iter().filter(|segment| segment.sums.count > 0.0);
    let held = |level: f64| {
        let near = known().filter(|other| (other.sums.mean() - level).abs() < SAME_LEVEL);
        near.map(|other| other.bins.len()).sum::<usize>()
    };
    let longest = known().max_by_key(|segment| held(segment.sums.mean()));
    longest.map_or(0.0, |segment| segment.sums.mean())
}

/// Merges consecutive spells with about the same level.
fn join(spells: impl Iterator<Item = Spell>) -> Vec<Spell> {
    let mut joined: Vec<Spell> = Vec::new();
    for spell in spells {
        match joined.last_mut() {
            Some(last) if last.to == spell.from && (last.value / spell.value).ln().abs() < SAME_LEVEL => {
                let (one, other) = (last.to - last.from, spell.to - spell.from);
                last.value = (last.value * one + spell.value * other) / (one + other);
                last.to = spell.to;
            }
            _ => joined.push(spell),
        }
    }
    joined
}

/// Finds periods in which a share of requests was affected. `events` holds times in nanoseconds, ascending,
/// and whether the request was affected. Shares below `least` are ignored.
pub(super) fn spells(events: &[(f64, bool)], length: f64, least: f64) -> Vec<Spell> {
    let bin = bin_width(length);
    let mut bins = vec![Sums::default(); (length / bin) as usize + 1];
    let last = bins.len() - 1;
    for (at, hit) in events {
        bins[((at / bin) as usize).min(last)].take(f64::from(u8::from(*hit)));
    }
    let found = changes::segments(&bins, changes::bernoulli_cost, changes::penalty(events.len() as f64));
    let hit = found.iter().filter(|segment| segment.sums.mean() >= least);
    join(hit.map(|segment| Spell {
        from: segment.bins.start as f64 * bin,
        to: segment.bins.end as f64 * bin,
        value: segment.sums.mean(),
    }))
}

/// Returns the speeds of backends relative to their lower median, `None` for unknown backends, and the
/// reference level.
pub(super) fn speeds(backends: &[Option<Pace>]) -> (Vec<Option<f64>>, f64) {
    let mut levels: Vec<f64> = backends.iter().flatten().map(|pace| pace.level).collect();
    // The higher the level, the slower: the upper median of levels is the lower one of speeds.
    levels.sort_unstable_by(f64::total_cmp);
    let reference = levels.get(levels.len() / 2).copied().unwrap_or(0.0);
    let speeds = backends.iter().map(|pace| pace.as_ref().map(|pace| (reference - pace.level).exp()));
    (speeds.collect(), reference)
}

/// Returns the service times at speed 1 in milliseconds, one list per route.
pub(super) fn demands(observations: &[Vec<Observation>], paces: &Paces, reference: f64) -> Vec<Vec<f64>> {
    let mut demands = vec![Vec::new(); paces.routes.len()];
    for (all, pace) in observations.iter().zip(&paces.backends) {
        let Some(pace) = pace else { continue };
        let slowness = (pace.level - reference).exp();
        for one in all {
            demands[usize::from(one.route)].push(one.work / (slowness * pace.factor(one.at)) / 1e6);
        }
    }
    demands.iter_mut().for_each(|route| route.sort_unstable_by(f64::total_cmp));
    demands
}
