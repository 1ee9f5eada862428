//! Estimates how many workers a backend has and how requests share them.
//!
//! Arrival and departure times are known, so under the hypothesis of `c` workers the work of each request
//! follows without any assumption about its distribution:
//!
//! - first come, first served: the time from when a worker was free for it until it left;
//! - processor sharing: the integral of `min(1, c / n)` over its stay, where `n` is the number of requests in
//!   the backend.
//!
//! A wrong hypothesis shows in two ways. First, with too few workers under first come, first served, some
//! requests leave while the hypothesis says that they still wait. This is impossible, but frequent under a
//! wrong hypothesis, since with the true `c` the last of `c` requests in service is the first to leave once
//! in `c` times. Second, under any wrong hypothesis the resulting work depends on how many requests were in
//! the backend on arrival, although true work cannot. An analysis of variance over that number measures the
//! dependence; its F ratio is about 1 if there is none. Work is compared within a window of neighbouring
//! requests, so that a temporary slow-down does not look like queueing.
//!
//! Times may be known only to a resolution, such as the milliseconds of an access log, which are cut off. What
//! happens in one tick may then have happened in any order: a request that left while it should have waited is
//! possible if a worker became free in the same tick. Work is spread evenly over the values that look the same
//! ([`spread`]); otherwise all requests shorter than a tick would have no work at all.

use super::visits::{Doubt, Left, Visit};
use super::{Resolution, pace};
use lb_core::rng::mix;
use lb_core::topology::Discipline;
use std::collections::VecDeque;

/// How exact times are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tick {
    /// All times were cut off to multiples of this many nanoseconds; 0 for exact times.
    pub(super) unit: f64,
    /// Two departures closer than this, in nanoseconds, may have happened in any order.
    pub(super) slack: f64,
}

impl Tick {
    /// The times of a resolution.
    pub(super) fn new(resolution: Resolution) -> Self {
        let unit = resolution.unit.as_nanos() as f64;
        // A departure is the sum of two numbers that were cut off if durations were measured by themselves.
        Self { unit, slack: unit * if resolution.durations_cut { 1.5 } else { 0.5 } }
    }
}

/// A hypothesis about how a backend queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Queueing {
    pub(super) discipline: Discipline,
    pub(super) workers: u32,
}

/// A possible hypothesis and how well it fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fit {
    pub(super) queueing: Queueing,
    /// F ratio of the dependence of work on the queue length at arrival; about 1 if there is none.
    pub(super) f_ratio: f64,
    /// The same dependence as a sum of squares over the variance: a difference between two hypotheses is
    /// twice the logarithm of their odds.
    pub(super) misfit: f64,
    /// Whether requests waited often enough to determine the number of workers.
    pub(super) saturated: bool,
}

/// The hypotheses that are possible for one backend, and which of them fits best.
#[derive(Clone, Debug)]
pub(super) struct Candidates {
    possible: Vec<Fit>,
    pub(super) best: Fit,
    /// Highest number of requests in the backend at once.
    pub(super) most_inside: u32,
}

impl Candidates {
    /// Chooses this backend's best hypothesis, unless the usual one of its pool fits nearly as well. Machines
    /// of a pool are mostly alike, and with little waiting, noise decides between neighbouring numbers of
    /// workers.
    pub(super) fn choose(&self, usual: Queueing) -> Fit {
        let usual_fit = self.possible.iter().find(|fit| fit.queueing == usual);
        match usual_fit.filter(|fit| fit.misfit - self.best.misfit < CONVINCING) {
            Some(fit) => *fit,
            // Without waiting, all numbers of workers fit alike, as long as they cover the requests in the
            // backend.
            None if !self.best.saturated => {
                let workers = usual.workers.max(self.best.queueing.workers);
                Fit { queueing: Queueing { workers, ..usual }, ..self.best }
            }
            None => self.best,
        }
    }
}

/// Visits replayed under a hypothesis.
#[derive(Clone, Debug)]
pub(super) struct Replayed {
    /// Work of each request in nanoseconds on a dedicated worker; `None` if unknown.
    pub(super) work: Vec<Option<f64>>,
    /// Time at which each request got a worker; under processor sharing, its arrival.
    pub(super) started: Vec<Option<f64>>,
    /// Nanoseconds of work spent on each abandoned request, as far as is known.
    pub(super) in_vain: Vec<Option<f64>>,
    /// Number of requests that had to wait.
    waited: usize,
    /// Number of requests that left while they should have been waiting.
    impossible: usize,
}

/// Largest number of workers that is tried.
const MOST_WORKERS: u32 = 64;
/// Number of consecutive requests within which work is compared.
const WINDOW: usize = 200;
/// Smallest cell of the analysis; smaller cells are merged with the next.
const SMALLEST_CELL: usize = 30;
/// Share of waiting requests that may look impossible because of jitter.
const JITTER: f64 = 0.01;
/// The same, as a part of the share that one worker too few would cause, on a machine that does other work: what delays
/// replies by some milliseconds lets requests look as if they had left too early.
const MUCH_JITTER: f64 = 0.3;
/// Minimum number of waiting requests from which the number of workers is determined.
const ENOUGH_WAITED: usize = 20;
/// Factor by which processor sharing must fit better to be chosen.
const DECISIVE: f64 = 1.2;
/// Difference in misfit that counts as convincing: odds of e^5, about 150 to 1.
const CONVINCING: f64 = 10.0;
/// The search ends after this many numbers of workers without an improvement.
const ENOUGH_WORSE: usize = 8;

/// Returns the hypotheses that are possible given the visits of one backend. Each episode is sorted by
/// arrival. Returns `None` if the backend accepted no requests.
pub(super) fn candidates(episodes: &[&[Visit]], tick: Tick) -> Option<Candidates> {
    let most_inside = episodes.iter().flat_map(|visits| visits.iter()).map(|visit| visit.found + 1).max()?;
    let numbers =
        (1..=most_inside.min(MOST_WORKERS)).chain((most_inside > MOST_WORKERS).then_some(most_inside));
    let mut in_turn: Vec<Fit> = Vec::new();
    let mut shared: Vec<Fit> = Vec::new();
    // The fewest workers that are possible if jitter is strong.
    let mut doubtful: Option<Fit> = None;
    for workers in numbers.clone() {
        let tried = fit(episodes, Queueing { discipline: Discipline::Fcfs, workers }, tick);
        match tried {
            Some((fit, false)) => in_turn.push(fit),
            Some((fit, true)) if doubtful.is_none() => doubtful = Some(fit),
            Some((_, true)) | None => {}
        }
        // More workers are always possible; the smallest number that fits is the true one.
        if in_turn.len() > ENOUGH_WORSE {
            break;
        }
    }
    // Under too few workers, work depends on the queue; under too many, too.
    if let Some(fit) = doubtful
        && in_turn.first().is_none_or(|more| fit.misfit + CONVINCING < more.misfit)
    {
        in_turn.insert(0, fit);
    }
    for workers in numbers {
        let queueing = Queueing { discipline: Discipline::ProcessorSharing, workers };
        shared.extend(fit(episodes, queueing, tick).map(|(fit, _)| fit));
        let tail = shared.len().saturating_sub(ENOUGH_WORSE);
        let least = |fits: &[Fit]| fits.iter().map(|fit| fit.f_ratio).fold(f64::MAX, f64::min);
        if tail > 0 && least(&shared[..tail]) <= least(&shared[tail..]) {
            break;
        }
    }
    let fewest = in_turn.first().copied();
    let fairest = shared.iter().min_by(|one, other| one.f_ratio.total_cmp(&other.f_ratio)).copied();
    let best = match (fewest, fairest) {
        (Some(fewest), Some(fairest))
            if fairest.f_ratio * DECISIVE < fewest.f_ratio && fairest.misfit + CONVINCING < fewest.misfit =>
        {
            fairest
        }
        (fewest, fairest) => fewest.or(fairest)?,
    };
    in_turn.append(&mut shared);
    Some(Candidates { possible: in_turn, best, most_inside })
}

/// Returns how well a hypothesis fits, and whether it is possible only if jitter is strong; `None` if it is impossible.
fn fit(episodes: &[&[Visit]], queueing: Queueing, tick: Tick) -> Option<(Fit, bool)> {
    let replays: Vec<Replayed> = episodes.iter().map(|visits| replay(visits, queueing, tick)).collect();
    let waited: usize = replays.iter().map(|replay| replay.waited).sum();
    let impossible: usize = replays.iter().map(|replay| replay.impossible).sum();
    let share = impossible as f64 / waited.max(1) as f64;
    // With one worker too few, the request that seems to be next in the queue is in service, like as many others as there
    // seem to be workers, and leaves before them as often as any.
    let by_one_more = 1.0 / (f64::from(queueing.workers) + 1.0);
    if share > (MUCH_JITTER * by_one_more).max(JITTER) {
        return None;
    }
    let (f_ratio, cells) = dependence(episodes, &replays);
    let misfit = f_ratio * (cells as f64 - 1.0).max(1.0);
    Some((Fit { queueing, f_ratio, misfit, saturated: waited >= ENOUGH_WAITED }, share > JITTER))
}

/// Computes the work of each visit under a hypothesis.
pub(super) fn replay(visits: &[Visit], queueing: Queueing, tick: Tick) -> Replayed {
    let mut replayed = match queueing.discipline {
        Discipline::Fcfs => in_turn(visits, queueing.workers as usize, tick),
        Discipline::ProcessorSharing => shared(visits, f64::from(queueing.workers)),
    };
    if tick.unit > 0.0 {
        for (place, work) in replayed.work.iter_mut().enumerate() {
            *work = work.map(|work| spread(work, tick.unit, place as u64));
        }
    }
    replayed
}

/// Replaces the difference of two times that were cut off to ticks by one of the differences that look the
/// same. Both times lie anywhere in their ticks, and work is not negative. The mean stays what it was.
fn spread(work: f64, unit: f64, key: u64) -> f64 {
    let uniform = |salt: u64| (mix(key ^ salt) >> 11) as f64 / (1u64 << 53) as f64;
    let within = (uniform(0x6265_6769) - uniform(0x656e_6400_0000)) * unit;
    if work < unit / 2.0 { within.abs() } else { (work + within).max(0.0) }
}

/// Returns the indices of visits, ordered by departure.
fn by_leaving(visits: &[Visit]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..visits.len()).collect();
    order.sort_by(|a, b| visits[*a].left.total_cmp(&visits[*b].left));
    order
}

/// Passes arrivals and departures to `event` in time order; departures come first at equal times.
fn walk(visits: &[Visit], mut event: impl FnMut(usize, bool)) {
    let order = by_leaving(visits);
    let mut leaving = order.iter().peekable();
    for (coming, visit) in visits.iter().enumerate() {
        while let Some(gone) = leaving.next_if(|gone| visits[**gone].left <= visit.came && **gone < coming) {
            event(*gone, false);
        }
        event(coming, true);
    }
    leaving.for_each(|gone| event(*gone, false));
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Waiting,
    Running,
    Gone,
}

/// Returns how long each abandoned request must have had a worker under first come, first served: at least
/// since the departure of the first later request that was served.
fn overtaken(visits: &[Visit]) -> Vec<f64> {
    let mut first_left = f64::MAX;
    let mut spans: Vec<f64> = visits
        .iter()
        .rev()
        .map(|visit| match visit.how {
            Left::Served { .. } => {
                first_left = first_left.min(visit.left);
                0.0
            }
            Left::GaveUp => (visit.left - first_left).max(0.0),
            Left::Unknown => 0.0,
        })
        .collect();
    spans.reverse();
    spans
}

/// A request that was overtaken for more than this fraction of its stay hangs and occupies no worker.
const HANGING: f64 = 0.5;

/// Replays visits under first come, first served.
fn in_turn(visits: &[Visit], workers: usize, tick: Tick) -> Replayed {
    let mut states = vec![State::Waiting; visits.len()];
    let mut replayed = Replayed::new(visits.len());
    let overtaken = overtaken(visits);
    let takes_worker = |place: usize| match visits[place].how {
        Left::Served { .. } => true,
        Left::GaveUp => overtaken[place] <= HANGING * (visits[place].left - visits[place].came),
        Left::Unknown => false,
    };
    let mut queue: VecDeque<usize> = VecDeque::new();
    // Requests that left in the current tick while they should have waited.
    let mut early: Vec<usize> = Vec::new();
    let mut free = workers;
    walk(visits, |place, comes| {
        let now = if comes { visits[place].came } else { visits[place].left };
        if comes {
            queue.push_back(place);
        } else {
            let served = matches!(visits[place].how, Left::Served { .. });
            match states[place] {
                State::Running => {
                    let work = replayed.started[place].map(|started| now - started);
                    replayed.work[place] = work.filter(|_| served);
                    free += 1;
                    // The worker served these before the next one, all within the tick.
                    for place in early.drain(..).filter(|early| now - visits[*early].left < tick.slack) {
                        replayed.work[place] = Some(0.0);
                        replayed.started[place] = Some(now);
                        replayed.impossible -= usize::from(visits[place].doubt < Doubt::Unknown);
                    }
                }
                State::Waiting if served => {
                    replayed.impossible += usize::from(visits[place].doubt < Doubt::Unknown);
                    early.push(place);
                }
                State::Waiting | State::Gone => {}
            }
            states[place] = State::Gone;
        }
        while free > 0
            && let Some(next) = queue.pop_front()
        {
            if states[next] != State::Waiting {
                continue;
            }
            replayed.started[next] = Some(now);
            states[next] = if takes_worker(next) { State::Running } else { State::Gone };
            free -= usize::from(states[next] == State::Running);
        }
        replayed.waited += usize::from(comes && states[place] == State::Waiting);
    });
    let given_up = visits.iter().map(|visit| visit.how == Left::GaveUp);
    replayed.in_vain = given_up.zip(overtaken).map(|(given_up, span)| given_up.then_some(span)).collect();
    for (work, visit) in replayed.work.iter_mut().zip(visits) {
        *work = work.filter(|_| visit.doubt < Doubt::Unknown);
    }
    replayed
}

/// Replays visits under processor sharing.
fn shared(visits: &[Visit], workers: f64) -> Replayed {
    let mut replayed = Replayed::new(visits.len());
    let mut shares = vec![0.0; visits.len()];
    let (mut now, mut share, mut inside) = (0.0f64, 0.0f64, 0.0f64);
    walk(visits, |place, comes| {
        let visit = &visits[place];
        let at = if comes { visit.came } else { visit.left };
        share += (at - now) * if inside > workers { workers / inside } else { 1.0 };
        now = at;
        if comes {
            inside += 1.0;
            shares[place] = share;
            replayed.started[place] = Some(at);
            replayed.waited += usize::from(inside > workers);
        } else {
            inside -= 1.0;
            let got = share - shares[place];
            match visit.how {
                Left::Served { .. } => replayed.work[place] = (visit.doubt == Doubt::None).then_some(got),
                Left::GaveUp => replayed.in_vain[place] = Some(got),
                Left::Unknown => {}
            }
        }
    });
    replayed
}

impl Replayed {
    fn new(len: usize) -> Self {
        let nothing = || vec![None; len];
        Self { work: nothing(), started: nothing(), in_vain: nothing(), waited: 0, impossible: 0 }
    }
}

/// Measures how much the logarithm of work depends on the queue length at arrival. Returns the F ratio of a
/// one-way analysis of variance, after removing the means of routes and of windows, and the number of cells. A
/// window ends where the backend becomes slower or faster: its queue grows or shrinks then, too.
fn dependence(episodes: &[&[Visit]], replays: &[Replayed]) -> (f64, usize) {
    let mut samples: Vec<(u32, f64)> = Vec::new();
    let mut windows = 0;
    for (visits, replay) in episodes.iter().zip(replays) {
        let known = visits.iter().zip(replay.work.iter().zip(&replay.started));
        let mut known: Vec<Known<'_>> = known
            .filter_map(|(visit, (work, started))| {
                Some(Known { visit, started: (*started)?, log: (*work)?.max(1.0).ln() })
            })
            .collect();
        take_out_route_means(&mut known);
        let changes = pace::change_times(known.iter().map(|one| (one.started, one.log)));
        let period = |one: &Known<'_>| changes.partition_point(|change| *change <= one.started);
        for steady in known.chunk_by(|one, next| period(one) == period(next)) {
            for window in steady.chunks(WINDOW) {
                let mean = window.iter().map(|one| one.log).sum::<f64>() / window.len() as f64;
                samples.extend(window.iter().map(|one| (one.visit.found, one.log - mean)));
                windows += 1;
            }
        }
    }
    one_way(samples, windows)
}

/// A visit whose work is known.
struct Known<'a> {
    visit: &'a Visit,
    started: f64,
    /// Logarithm of its work.
    log: f64,
}

fn take_out_route_means(known: &mut [Known<'_>]) {
    let routes = known.iter().map(|one| usize::from(one.visit.route) + 1).max().unwrap_or(0);
    let mut sums = vec![(0.0, 0.0); routes];
    for one in known.iter() {
        let (count, sum) = &mut sums[usize::from(one.visit.route)];
        (*count, *sum) = (*count + 1.0, *sum + one.log);
    }
    for one in known {
        let (count, sum) = sums[usize::from(one.visit.route)];
        one.log -= sum / count;
    }
}

/// Returns the F ratio over cells of `(found, value)` and the number of cells. `taken` is the number of
/// degrees of freedom already used.
fn one_way(mut samples: Vec<(u32, f64)>, taken: usize) -> (f64, usize) {
    samples.sort_by_key(|(found, _)| *found);
    let total: f64 = samples.iter().map(|(_, value)| value * value).sum();
    let grand: f64 = samples.iter().map(|(_, value)| value).sum::<f64>();
    let (mut between, mut cells) = (0.0, 0usize);
    let (mut count, mut sum) = (0usize, 0.0);
    for (i, (found, value)) in samples.iter().enumerate() {
        (count, sum) = (count + 1, sum + value);
        let last_of_value = samples.get(i + 1).is_none_or(|next| next.0 != *found);
        let rest = samples.len() - i - 1;
        if (last_of_value && count >= SMALLEST_CELL && rest >= SMALLEST_CELL) || rest == 0 {
            between += sum * sum / count as f64;
            cells += 1;
            (count, sum) = (0, 0.0);
        }
    }
    let within = samples.len().saturating_sub(taken + cells);
    if cells < 2 || within == 0 {
        return (1.0, cells);
    }
    let between = between - grand * grand / samples.len() as f64;
    let chance = ((total - between) / within as f64).max(f64::MIN_POSITIVE);
    (between / (cells - 1) as f64 / chance, cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(came: f64, left: f64, how: Left) -> Visit {
        Visit { came, left, exchange: 0, route: 0, how, found: 0, doubt: Doubt::None }
    }

    fn served(times: &[(f64, f64)]) -> Vec<Visit> {
        times.iter().map(|(came, left)| visit(*came, *left, Left::Served { failed: false })).collect()
    }

    const EXACT: Tick = Tick { unit: 0.0, slack: 0.0 };
    const TICK: Tick = Tick { unit: 1.0, slack: 0.5 };
    const TWO_IN_TURN: Queueing = Queueing { discipline: Discipline::Fcfs, workers: 2 };
    const ONE_IN_TURN: Queueing = Queueing { discipline: Discipline::Fcfs, workers: 1 };
    const TWO_SHARED: Queueing = Queueing { discipline: Discipline::ProcessorSharing, workers: 2 };

    #[test]
    fn under_first_come_first_served_work_begins_when_a_worker_is_free() {
        // Two workers: the third waits for the second to leave at 4, the fourth for the first at 9.
        let visits = served(&[(0.0, 9.0), (1.0, 4.0), (2.0, 10.0), (3.0, 12.0)]);
        let replayed = replay(&visits, TWO_IN_TURN, EXACT);
        assert_eq!(replayed.work, [Some(9.0), Some(3.0), Some(6.0), Some(3.0)]);
        assert_eq!(replayed.started, [Some(0.0), Some(1.0), Some(4.0), Some(9.0)]);
        assert_eq!((replayed.waited, replayed.impossible), (2, 0));
    }

    #[test]
    fn a_request_that_leaves_while_it_should_wait_is_impossible() {
        let visits = served(&[(0.0, 9.0), (1.0, 4.0)]);
        let replayed = replay(&visits, ONE_IN_TURN, EXACT);
        assert_eq!(replayed.impossible, 1, "with one worker the second cannot leave first");
        assert_eq!(replay(&visits, TWO_IN_TURN, EXACT).impossible, 0, "with two workers it can");
    }

    #[test]
    fn within_a_tick_any_order_is_possible() {
        // One worker: the second left in the same tick in which the first did, and the third one later.
        let visits = served(&[(0.0, 4.0), (1.0, 4.0), (2.0, 5.0)]);
        let reversed = served(&[(0.0, 4.0), (1.0, 3.0), (2.0, 5.0)]);
        let replayed = replay(&visits, ONE_IN_TURN, TICK);
        assert_eq!(replayed.impossible, 0, "the first may have left first");
        assert!(replayed.work[1].is_some_and(|work| (0.0..1.0).contains(&work)), "{:?}", replayed.work);
        assert!(replayed.work[2].is_some_and(|work| (0.0..2.0).contains(&work)), "{:?}", replayed.work);
        assert_eq!(replay(&reversed, ONE_IN_TURN, TICK).impossible, 1, "an earlier tick is too early");
    }

    #[test]
    fn spread_work_keeps_its_mean() {
        let works: Vec<f64> = (0..10_000).map(|key| spread(3.0, 1.0, key)).collect();
        let mean = works.iter().sum::<f64>() / 10_000.0;
        assert!((mean - 3.0).abs() < 0.02, "the mean is 3, found {mean}");
        assert!(works.iter().all(|work| (2.0..4.0).contains(work)), "within a tick on either side");
        let least = (0..10_000).map(|key| spread(0.0, 1.0, key)).fold(f64::MAX, f64::min);
        assert!((0.0..0.01).contains(&least), "work is not negative: {least}");
    }

    #[test]
    fn a_client_that_gives_up_in_the_queue_takes_no_worker() {
        let mut visits = served(&[(0.0, 9.0), (1.0, 5.0), (2.0, 12.0)]);
        visits[1].how = Left::GaveUp;
        let replayed = replay(&visits, ONE_IN_TURN, EXACT);
        assert_eq!(replayed.work, [Some(9.0), None, Some(3.0)], "the third follows the first");
        assert_eq!(replayed.in_vain[1], Some(0.0), "no request overtook it, so it was still waiting");
    }

    #[test]
    fn one_that_is_overtaken_hangs_and_one_that_is_not_was_served_too_slowly() {
        let hangs = [visit(0.0, 30.0, Left::GaveUp), visit(1.0, 3.0, Left::Served { failed: false })];
        let replayed = replay(&hangs, ONE_IN_TURN, EXACT);
        assert_eq!(replayed.in_vain[0], Some(27.0), "the second left 27 before it, so it had had its turn");
        assert_eq!((replayed.work[1], replayed.impossible), (Some(2.0), 0), "it took no worker");
        let slow = [visit(0.0, 30.0, Left::GaveUp), visit(1.0, 34.0, Left::Served { failed: false })];
        let replayed = replay(&slow, ONE_IN_TURN, EXACT);
        assert_eq!((replayed.in_vain[0], replayed.work[1]), (Some(0.0), Some(4.0)), "it had the worker");
    }

    #[test]
    fn under_processor_sharing_work_is_the_share_of_the_stay() {
        // Two workers: alone or in twos at full speed, in threes at two thirds.
        let visits = served(&[(0.0, 6.0), (1.0, 8.0), (3.0, 7.5)]);
        let replayed = replay(&visits, TWO_SHARED, EXACT);
        let work: Vec<f64> = replayed.work.iter().map(|work| work.expect("served")).collect();
        for (found, truth) in work.iter().zip([3.0 + 2.0, 2.0 + 2.0 + 2.0, 2.0 + 1.5]) {
            assert!((found - truth).abs() < 1e-9, "{work:?}");
        }
        assert_eq!(replayed.waited, 1, "one came when both workers were busy");
    }

    #[test]
    fn the_f_ratio_sees_dependence_and_nothing_else() {
        // Values that alternate regardless of the queue length, and values that grow with it.
        let flat: Vec<(u32, f64)> =
            (0..400).map(|i| (i / 100, if i % 2 == 0 { 1.0 } else { -1.0 })).collect();
        let steep = flat.iter().map(|(found, value)| (*found, value + f64::from(*found) - 1.5)).collect();
        assert!(one_way(flat, 1).0 < 0.1, "means of cells are equal");
        assert!(one_way(steep, 1).0 > 50.0, "means of cells differ by more than chance does");
        assert_eq!(one_way(vec![(0, 1.0); 10], 1).0, 1.0, "a single cell says nothing");
    }
}
