//! Hits and misses: shares of hits with their uncertainty, and whether hits are faster than misses.
//!
//! - **Share of hits**: hits among hits and misses, of all kinds of requests and of each.
//! - **Gain**: what a hit saves of the latency of a miss. Kinds of requests differ in both, so the mean latencies of hits
//!   and of misses are taken over the same kinds with the same weights (direct standardisation); otherwise a cache that
//!   holds the cheap pages would look fast.
//! - **Intervals**: from five trials on, a bootstrap over the trials (as of all estimates). With fewer, a circular block
//!   bootstrap over batches of time within the trials, at least ten of which must have hits or misses.

use crate::interval::{FEWEST_VALUES, LEVEL, RESAMPLES, bootstrap};
use crate::latency::latency;
use lb_core::observation::ObservedClass;
use lb_core::rng::Seed;
use lb_core::workload::Workload;
use lb_record::{Cell, FIRST_VALUE, FURTHER, Observed, TrialRecord, ValueNumber, WITHOUT};
use lb_results::{
    HitGain, HitRatio, HitVerdict, ObservedAction, ObservedQuarter, ObservedSummary, ObservedValue,
};
use lb_stats::{block_length, draw_blocks, percentile_interval};

/// Seed of the resampling; the same trials always give the same intervals.
const SEED: Seed = Seed(0x6869_7473);
/// Resamples of the batches within trials.
const BATCH_RESAMPLES: usize = 2_000;
/// The fewest batches with hits or misses for an interval within trials.
const FEWEST_BATCHES: usize = 10;

/// Hits and misses of one kind of request in a span of time.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Replies, expected latencies and their sum in seconds: of hits, and of misses.
    replies: [u64; 2],
    successes: [u64; 2],
    sums_s: [f64; 2],
}

/// The tallies of all kinds of requests in a span of time, by step.
type Tallies = Vec<Tally>;

/// Summarises the replies in these trials by the value of the observed header. `None` if none was observed.
pub fn observed(trials: &[&TrialRecord], workload: &Workload) -> Option<ObservedSummary> {
    let observation = &observed_in(trials).next()?.observation;
    let mut pooled = Observed::new(observation.clone());
    observed_in(trials).for_each(|record| pooled.merge(record, 0));
    let evidence = Evidence::of(trials, pooled.steps.len());
    let total = evidence.total();
    let intervals = evidence.intervals();
    let mut actions: Vec<ObservedAction> = (0..total.len())
        .filter_map(|step| {
            let named = workload.steps().get(step)?;
            Some(ObservedAction {
                name: named.name.clone(),
                method: named.method.clone(),
                ratio: hit_ratio(total[step], intervals.by_step[step])?,
                hit_ms: latency(&pooled_class(&pooled, step, ObservedClass::Hit)),
                miss_ms: latency(&pooled_class(&pooled, step, ObservedClass::Miss)),
            })
        })
        .collect();
    actions.sort_by_key(|action| std::cmp::Reverse(action.ratio.hits + action.ratio.misses));
    Some(ObservedSummary {
        header: observation.header.clone(),
        values: values(&pooled),
        ratio: hit_ratio(sum(&total), intervals.ratio),
        actions,
        gain: means(&total).map(|means| gain(means, intervals.gain)),
        quarters: evidence.quarters(),
    })
}

/// Returns the share of hits over trials, in steps that `selects` accepts. `None` without hits and misses.
pub(crate) fn share_of_hits(trials: &[&TrialRecord], selects: impl Fn(usize) -> bool) -> Option<f64> {
    let mut all = Tally::default();
    for record in observed_in(trials) {
        for (step, tally) in total_of(record, record.steps.len()).into_iter().enumerate() {
            if selects(step) {
                all.add(&tally);
            }
        }
    }
    all.ratio()
}

/// Returns the gain of hits over trials, and its interval. `None` if no kind of request has hits and misses.
pub(crate) fn gain_of_hits(trials: &[&TrialRecord]) -> Option<(f64, Option<[f64; 2]>)> {
    let steps = observed_in(trials).map(|record| record.steps.len()).max()?;
    let evidence = Evidence::of(trials, steps);
    let [hit, miss] = means(&evidence.total())?;
    Some((1.0 - hit / miss, evidence.intervals().gain))
}

/// Iterates over what was observed in the trials in which something was.
fn observed_in<'a>(trials: &[&'a TrialRecord]) -> impl Iterator<Item = &'a Observed> {
    trials.iter().filter_map(|record| record.observed.as_ref())
}

/// The tallies of every batch of every trial, in order of time.
struct Evidence {
    trials: Vec<Vec<Tallies>>,
    steps: usize,
}

/// The intervals of a summary, where there is enough data.
struct Intervals {
    ratio: Option<[f64; 2]>,
    by_step: Vec<Option<[f64; 2]>>,
    gain: Option<[f64; 2]>,
}

impl Evidence {
    fn of(trials: &[&TrialRecord], steps: usize) -> Self {
        Self { trials: observed_in(trials).map(|record| batches(record, steps)).collect(), steps }
    }

    fn total(&self) -> Tallies {
        self.add_up(self.trials.iter().flatten())
    }

    fn add_up<'a>(&self, batches: impl Iterator<Item = &'a Tallies>) -> Tallies {
        let mut total = vec![Tally::default(); self.steps];
        for batch in batches {
            total.iter_mut().zip(batch).for_each(|(sum, tally)| sum.add(tally));
        }
        total
    }

    fn intervals(&self) -> Intervals {
        let totals: Vec<Tallies> = if self.trials.len() >= FEWEST_VALUES {
            self.trials.iter().map(|batches| self.add_up(batches.iter())).collect()
        } else {
            self.resampled()
        };
        let values =
            |of: &dyn Fn(&Tallies) -> Option<f64>| -> Vec<f64> { totals.iter().filter_map(of).collect() };
        let by_trial = self.trials.len() >= FEWEST_VALUES;
        let interval = |values: Vec<f64>, part: u64| match by_trial {
            true => bootstrap(&values, RESAMPLES, Seed(SEED.key(&[part]))),
            false => percentile_interval(values, LEVEL),
        };
        let within = |ends: Option<[f64; 2]>| ends.map(|ends| ends.map(|end| end.clamp(0.0, 1.0)));
        let by_step = |step: usize| match by_trial || self.filled(|batch| batch[step].ratio()) {
            true => values(&|tallies: &Tallies| tallies[step].ratio()),
            false => Vec::new(),
        };
        Intervals {
            ratio: within(interval(values(&|tallies: &Tallies| sum(tallies).ratio()), 0)),
            by_step: (0..self.steps).map(|step| within(interval(by_step(step), step as u64 + 2))).collect(),
            // Latencies are compared by their logarithms, as everywhere.
            gain: interval(
                values(&|tallies: &Tallies| means(tallies).map(|[hit, miss]| (hit / miss).ln())),
                1,
            )
            .map(|[low, high]| [1.0 - high.exp(), 1.0 - low.exp()]),
        }
    }

    /// Returns whether enough batches have a share of hits for an interval within trials: the resamples of one or two
    /// batches are all alike.
    fn filled(&self, share: impl Fn(&Tallies) -> Option<f64>) -> bool {
        self.trials.iter().flatten().filter(|batch| share(batch).is_some()).count() >= FEWEST_BATCHES
    }

    /// Resamples blocks of batches within each trial. Returns the totals of each resample; none if there are too few
    /// batches.
    fn resampled(&self) -> Vec<Tallies> {
        if !self.filled(|batch| sum(batch).ratio()) {
            return Vec::new();
        }
        let mut rng = SEED.stream(&[]);
        let mut positions = Vec::new();
        let resample = |_| {
            let mut total = vec![Tally::default(); self.steps];
            for batches in self.trials.iter().filter(|batches| !batches.is_empty()) {
                draw_blocks(batches.len(), block_length(batches.len()), &mut rng, &mut positions);
                for batch in positions.iter().map(|place| &batches[*place]) {
                    total.iter_mut().zip(batch).for_each(|(sum, tally)| sum.add(tally));
                }
            }
            total
        };
        (0..BATCH_RESAMPLES).map(resample).collect()
    }

    /// Returns the first and the last quarter of the trials.
    fn quarters(&self) -> Option<[ObservedQuarter; 2]> {
        let quarter = |last: bool| {
            let parts = self.trials.iter().flat_map(|batches| {
                let length = batches.len() / 4;
                if last { &batches[batches.len() - length..] } else { &batches[..length] }
            });
            let all = sum(&self.add_up(parts));
            let successes = all.successes[0] + all.successes[1];
            let sum_ms = 1e3 * (all.sums_s[0] + all.sums_s[1]);
            Some(ObservedQuarter {
                ratio: all.ratio()?,
                mean_ms: (successes > 0).then(|| sum_ms / successes as f64),
            })
        };
        Some([quarter(false)?, quarter(true)?])
    }
}

impl Tally {
    fn add(&mut self, other: &Self) {
        for class in 0..2 {
            self.replies[class] += other.replies[class];
            self.successes[class] += other.successes[class];
            self.sums_s[class] += other.sums_s[class];
        }
    }

    /// Returns hits among hits and misses. `None` without either.
    fn ratio(&self) -> Option<f64> {
        let all = self.replies[0] + self.replies[1];
        (all > 0).then(|| self.replies[0] as f64 / all as f64)
    }
}

/// Adds up all kinds of requests.
fn sum(tallies: &[Tally]) -> Tally {
    let mut sum = Tally::default();
    tallies.iter().for_each(|tally| sum.add(tally));
    sum
}

/// Returns the mean latencies of hits and of misses in milliseconds, over the kinds of requests that have both, each
/// weighted by its replies. `None` if no kind has both.
fn means(tallies: &[Tally]) -> Option<[f64; 2]> {
    let (mut weights, mut sums) = (0.0, [0.0; 2]);
    for tally in tallies.iter().filter(|tally| tally.successes.iter().all(|count| *count > 0)) {
        let weight = (tally.replies[0] + tally.replies[1]) as f64;
        weights += weight;
        for (sum, (sum_s, successes)) in sums.iter_mut().zip(tally.sums_s.iter().zip(tally.successes)) {
            *sum += weight * 1e3 * sum_s / successes as f64;
        }
    }
    (weights > 0.0 && sums[1] > 0.0).then(|| sums.map(|sum| (sum / weights).max(f64::MIN_POSITIVE)))
}

/// Returns the tallies of each batch of a trial.
fn batches(record: &Observed, steps: usize) -> Vec<Tallies> {
    let rows = || record.steps.iter().enumerate();
    let tenths = rows().flat_map(|(_, row)| row).map(|replies| replies.course.tenths).max().unwrap_or(1);
    let mut batches: Vec<Tallies> = Vec::new();
    for (step, row) in rows() {
        for (number, replies) in (0..).zip(row) {
            let Some(class) = place_of(record, number) else { continue };
            let course = replies.course.with_length(tenths);
            if batches.len() < course.batches.len() {
                batches.resize_with(course.batches.len(), || vec![Tally::default(); steps]);
            }
            for (tallies, batch) in batches.iter_mut().zip(&course.batches) {
                let tally = &mut tallies[step];
                tally.replies[class] += batch.replies;
                tally.successes[class] += batch.successes;
                tally.sums_s[class] += batch.sum.as_secs_f64();
            }
        }
    }
    batches
}

/// Returns the tallies of a whole trial.
fn total_of(record: &Observed, steps: usize) -> Tallies {
    let mut total = vec![Tally::default(); steps];
    for batch in batches(record, steps) {
        total.iter_mut().zip(&batch).for_each(|(sum, tally)| sum.add(tally));
    }
    total
}

/// Returns what a value means.
fn class_of(record: &Observed, number: ValueNumber) -> ObservedClass {
    record.name_of(number).map_or(ObservedClass::Other, |name| record.observation.class(name))
}

/// Returns the place of a value in a [`Tally`]: 0 for a hit, 1 for a miss. `None` for others.
fn place_of(record: &Observed, number: ValueNumber) -> Option<usize> {
    match class_of(record, number) {
        ObservedClass::Hit => Some(0),
        ObservedClass::Miss => Some(1),
        ObservedClass::Other => None,
    }
}

/// Adds up the latencies of one kind of request with values of one class.
fn pooled_class(record: &Observed, step: usize, class: ObservedClass) -> Cell {
    let mut sum = Cell::default();
    for (number, replies) in (0..).zip(&record.steps[step]) {
        if class_of(record, number) == class {
            sum.merge(&replies.latency);
        }
    }
    sum
}

/// Lists the replies by value, the most frequent first.
fn values(record: &Observed) -> Vec<ObservedValue> {
    let numbers = [WITHOUT, FURTHER].into_iter().chain((FIRST_VALUE..).take(record.values.len()));
    let mut values: Vec<ObservedValue> = numbers
        .map(|number| {
            let (mut cell, mut count) = (Cell::default(), 0);
            for replies in record.steps.iter().filter_map(|row| row.get(usize::from(number))) {
                cell.merge(&replies.latency);
                count += replies.replies;
            }
            ObservedValue {
                value: record.name_of(number).map(str::to_owned),
                present: number != WITHOUT,
                class: class_of(record, number),
                replies: count,
                latency_ms: latency(&cell),
            }
        })
        .filter(|value| value.replies > 0)
        .collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.replies));
    values
}

fn hit_ratio(tally: Tally, interval: Option<[f64; 2]>) -> Option<HitRatio> {
    let [hits, misses] = tally.replies;
    let interval = interval.map(|ends| exact_of_one_kind(tally).unwrap_or(ends));
    Some(HitRatio { hits, misses, ratio: tally.ratio()?, interval })
}

/// Returns the exact interval (Clopper and Pearson, 1934) of a share of hits if all replies are hits, or all misses: each
/// resample is then the same, as if the share were known for certain. `None` if there are both.
fn exact_of_one_kind(tally: Tally) -> Option<[f64; 2]> {
    let [hits, misses] = tally.replies;
    let least = ((1.0 - LEVEL) / 2.0).powf(1.0 / (hits + misses).max(1) as f64);
    match (hits, misses) {
        (_, 0) => Some([least, 1.0]),
        (0, _) => Some([0.0, 1.0 - least]),
        _ => None,
    }
}

/// Judges whether hits are faster than misses, from their mean latencies and the interval of the gain.
fn gain([hit_ms, miss_ms]: [f64; 2], interval: Option<[f64; 2]>) -> HitGain {
    let gain = 1.0 - hit_ms / miss_ms;
    let verdict = match interval {
        Some([low, _]) if low > 0.0 => HitVerdict::Faster,
        Some([_, high]) if high < 0.0 => HitVerdict::Slower,
        Some(_) => HitVerdict::NoDifference,
        None => HitVerdict::NotEnoughData,
    };
    // The effect of a hit is the change of the latency, so a saving is negative.
    let ends = interval.map_or_else(String::new, |[low, high]| {
        format!(" ({:+.1} % to {:+.1} %)", -100.0 * high, -100.0 * low)
    });
    let finding = match verdict {
        HitVerdict::Faster => "hits are faster than misses",
        HitVerdict::Slower => "hits are slower than misses",
        HitVerdict::NoDifference => "no difference between hits and misses was found",
        HitVerdict::NotEnoughData => "not enough data to say whether hits are faster than misses",
    };
    let sentence = format!(
        "{finding}: {hit_ms:.2} ms against {miss_ms:.2} ms on average, {:+.1} %{ends}",
        -100.0 * gain
    );
    HitGain { hit_ms, miss_ms, gain, interval, verdict, sentence }
}

#[cfg(test)]
mod tests;
