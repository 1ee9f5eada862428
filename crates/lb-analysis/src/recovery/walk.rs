//! The uncertainty of a recovery within one trial.
//!
//! What a request waits is a random walk over the times at which requests were due: it rises in the peak and falls after
//! it. The deviations of its steps from their mean, of the rise and of the fall by themselves, are resampled in blocks,
//! and their sum, divided by the speed of the fall, is by how much the time could have differed. Taken by the times at
//! which requests end, the peak would be stretched by the waiting itself, and the interval too narrow.

use super::slices::Slices;
use crate::interval::LEVEL;
use lb_core::rng::{Rng, Seed};
use lb_results::{LoadPeak, LoadUnit};
use lb_stats::{draw_blocks, median, percentile_interval};

/// Resamples of the steps of latency within a trial.
const STEP_RESAMPLES: usize = 2_000;
/// Longest blocks, in slices, in which the steps of latency are resampled.
const BLOCK: usize = 10;
/// Steps further from their median than this many standard deviations, estimated from the median, are jumps of the load
/// rather than chance, and count with this distance.
const JUMP: f64 = 5.0;
/// The standard deviation of normal deviations, as a multiple of the median of their sizes.
const PER_MEDIAN: f64 = 1.4826;
/// The fewest steps that are resampled.
const FEWEST_STEPS: usize = 3;

/// Returns the interval of a recovery in `seconds` from the end of the peak that the steps of latency, from the rise to
/// the recovery, allow.
pub(super) fn interval_within(
    slices: &Slices,
    way: std::ops::RangeInclusive<usize>,
    (peak, seconds): (&LoadPeak, f64),
    limit_ms: f64,
    seed: Seed,
) -> [f64; 2] {
    let width_s = slices.width_s;
    let as_found = [(seconds - width_s).max(0.0), seconds + width_s];
    let Some((first_s, path)) = by_due_time(slices, way) else { return as_found };
    let last = path.len() - 1;
    let top = turn(&path, (peak.end_s - first_s) / width_s, width_s);
    let steps: Vec<f64> = path.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let (rise, fall) = steps.split_at(top);
    // Latency that was never high, or fell at once, leaves no walk to resample.
    if fall.len() < FEWEST_STEPS || 1e3 * path[top] <= limit_ms {
        return as_found;
    }
    let speed = (path[top] - path[last]) / (fall.len() as f64 * width_s);
    if speed <= 0.0 {
        return as_found;
    }
    let mut walks = [Walk::of(rise), Walk::of(fall)];
    // Users bound the queue: it varies around a level, and does not wander off as long as the peak lasts.
    if peak.unit == LoadUnit::Users {
        walks[0].length = walks[0].block;
        walks[0].scale = 1.0;
    }
    let mut rng = seed.stream(&[]);
    let shifts = (0..STEP_RESAMPLES)
        .map(|_| walks.iter_mut().map(|walk| walk.resampled(&mut rng)).sum::<f64>() / speed);
    let [low, high] = percentile_interval(shifts.collect(), LEVEL).unwrap_or([0.0; 2]);
    [(seconds + low - width_s).max(0.0), seconds + high + width_s]
}

/// Returns where the rise of a path ends: its highest value among the requests that were in the system at the end of the
/// peak, which is so many slices after the first value. In an open model those that were due last waited longest; where
/// users leave, those that were due before find the queue already shorter.
fn turn(path: &[f64], end: f64, width_s: f64) -> usize {
    let place = |at: f64| (at.round().max(0.0) as usize).min(path.len() - 1);
    let highest = path.iter().copied().fold(0.0, f64::max);
    let inside = place(end - highest / width_s)..=place(end);
    inside.max_by(|one, other| path[*one].total_cmp(&path[*other])).unwrap_or(0)
}

/// Returns the mean latency in seconds by the time at which requests were due, one value for the length of a slice, from
/// the latencies of slices by the time at which requests ended; and the time of the first value. `None` without values.
fn by_due_time(slices: &Slices, way: std::ops::RangeInclusive<usize>) -> Option<(f64, Vec<f64>)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for slice in way {
        let Some(latency_s) = slices.mean(slice..slice + 1).map(|millis| millis / 1e3) else { continue };
        let due_s = (slice as f64 + 0.5) * slices.width_s - latency_s;
        // Requests that overtook others were due before.
        if points.last().is_none_or(|(last_s, _)| due_s > *last_s) {
            points.push((due_s, latency_s));
        }
    }
    let ((first_s, _), (last_s, _)) = (*points.first()?, *points.last()?);
    let count = ((last_s - first_s) / slices.width_s + 1e-9).floor() as usize;
    let mut path = Vec::with_capacity(count + 1);
    let mut pairs = points.windows(2).peekable();
    for place in 0..=count {
        let due_s = first_s + place as f64 * slices.width_s;
        while pairs.peek().is_some_and(|pair| pair[1].0 < due_s - 1e-9) {
            pairs.next();
        }
        let Some(pair) = pairs.peek() else { break };
        let ((from_s, low), (to_s, high)) = (pair[0], pair[1]);
        path.push(low + (high - low) * (due_s - from_s) / (to_s - from_s));
    }
    (!path.is_empty()).then_some((first_s, path))
}

/// The deviations of steps from their mean, jumps cut down.
struct Walk {
    deviations: Vec<f64>,
    block: usize,
    /// By how much resampled sums of blocks are too small: the mean is that of the same steps.
    scale: f64,
    /// How many steps a resample has.
    length: usize,
    positions: Vec<usize>,
}

impl Walk {
    fn of(steps: &[f64]) -> Self {
        let count = steps.len();
        let block = (count / 3).clamp(1, BLOCK);
        let scale = (count as f64 / count.saturating_sub(block).max(1) as f64).sqrt();
        // One or two steps say nothing about how they vary.
        let steps = if count < FEWEST_STEPS { &[] } else { steps };
        // From the median, since a jump moves the mean, and all steps would then seem to be far from it.
        let middle = median(steps).unwrap_or(0.0);
        let sizes: Vec<f64> = steps.iter().map(|step| (step - middle).abs()).collect();
        let most = JUMP * PER_MEDIAN * median(&sizes).unwrap_or(0.0);
        let steps: Vec<f64> = steps.iter().map(|step| step.clamp(middle - most, middle + most)).collect();
        let mean = steps.iter().sum::<f64>() / count.max(1) as f64;
        let deviations = steps.iter().map(|step| step - mean).collect();
        Self { deviations, block, scale, length: count, positions: Vec::new() }
    }

    /// Returns the sum of a resample of the deviations.
    fn resampled(&mut self, rng: &mut Rng) -> f64 {
        draw_blocks(self.deviations.len(), self.block, rng, &mut self.positions);
        self.scale * self.positions.iter().take(self.length).map(|place| self.deviations[*place]).sum::<f64>()
    }
}
