//! How long latency takes to come back after the highest peak of the load.
//!
//! The time between the end of the peak and the first slice of time from which on the mean latency of successful
//! requests stays low, for each trial:
//!
//! - **Reference**: the steady time before the peak; without one, the last third of the time after it, which must not
//!   be changing any more.
//! - **Slices**: from a tenth of a second to five seconds, the shortest that hold 20 requests on average.
//! - **Limit**: a quarter above the mean of the reference, or the 97.5th percentile of its slices if that is higher,
//!   since a limit that steady load crosses by chance says nothing.
//! - **Recovered**: a slice is within the limit, and so is the mean of it and the nine after it.
//!
//! From five trials on, the estimate and its interval are over trials. With fewer, the interval comes from within them
//! (`walk`). Neither can be finer than a slice.

mod slices;
mod walk;

use crate::interval::{RESAMPLES, bootstrap};
use crate::peak::Peak;
use lb_core::rng::Seed;
use lb_core::workload::Workload;
use lb_record::TrialRecord;
use lb_results::{LoadPeak, LoadUnit, RecoveryReference, RecoverySummary, RecoveryVerdict, Trial};
use lb_stats::{hodges_lehmann, median, quantile};
use slices::Slices;
use walk::interval_within;

/// Seed of the resampling; the same trials always give the same intervals.
const SEED: Seed = Seed(0x7265_636f);
/// Latency counts as back up to this much above its reference.
const BAND: f64 = 0.25;
/// Latency after a peak is still falling if it falls by more than this share of itself over the reference.
const FALLING: f64 = 0.1;
/// The percentile of the slices of the reference that the limit is at least.
const USUAL: f64 = 0.975;
/// Lengths of slices in tenths of a second.
const WIDTHS: [usize; 7] = [1, 2, 5, 10, 20, 30, 50];
/// Requests that a slice of the reference holds on average.
const SLICE_REQUESTS: f64 = 20.0;
/// The fewest slices in the reference, and after the peak.
const FEWEST_SLICES: usize = 5;
/// Slices over which latency must stay within the limit.
const HOLD: usize = 10;

/// Returns the recovery after the highest peak of the load, over the trials of one algorithm in a phase of
/// `duration_s`. `None` if the load has no such peak.
pub fn recovery(trials: &[&Trial], workload: &Workload, duration_s: f64) -> Option<RecoverySummary> {
    let peak = Peak::of(workload, duration_s)?;
    let found = trials.iter().enumerate().filter_map(|(number, trial)| {
        let seed = Seed(SEED.key(&[number as u64]));
        TrialRecovery::of(&trial.record, trial.cut_s, &peak, seed)
    });
    Some(sum_up(&peak.peak, &found.collect::<Vec<_>>()))
}

/// The recovery in one trial that can tell.
#[derive(Clone, Debug, PartialEq)]
struct TrialRecovery {
    reference: RecoveryReference,
    reference_ms: f64,
    limit_ms: f64,
    width_s: f64,
    /// Seconds from the end of the peak until latency was back, and their interval; `None` if it did not come back.
    back: Option<(f64, [f64; 2])>,
}

impl TrialRecovery {
    /// Returns the recovery in a trial. `None` if too few requests end around the peak.
    fn of(record: &TrialRecord, cut_s: f64, peak: &Peak, seed: Seed) -> Option<Self> {
        let LoadPeak { before, load, after, start_s, end_s, until_s, .. } = peak.peak;
        // A load before the peak that differs from the one after it has a latency of its own.
        let alike = before > 0.0 && (before - after).abs() <= BAND * (load - after);
        let steady = (cut_s.max(peak.steady_from_s), start_s);
        let tail = (until_s - (until_s - end_s) / 3.0, until_s);
        let wide_enough = |(from_s, to_s): (f64, f64)| {
            let fits = |slices: &Slices| {
                let span = slices.within(from_s, to_s);
                span.len() >= FEWEST_SLICES
                    && slices.requests(span.clone()) as f64 >= SLICE_REQUESTS * span.len() as f64
            };
            WIDTHS.into_iter().map(|tenths| Slices::of(record, tenths)).find(fits)
        };
        let of_before = alike.then(|| wide_enough(steady)).flatten();
        let (reference, slices, span_s) = match of_before {
            Some(slices) => (RecoveryReference::Before, slices, steady),
            None => (RecoveryReference::After, wide_enough(tail)?, tail),
        };
        let span = slices.within(span_s.0, span_s.1);
        let after_peak = slices.within(end_s, until_s);
        if after_peak.len() < FEWEST_SLICES {
            return None;
        }
        let reference_ms = slices.mean(span.clone())?;
        let mut usual = slices.means(span.clone());
        usual.sort_unstable_by(f64::total_cmp);
        let limit_ms = (reference_ms * (1.0 + BAND)).max(quantile(&usual, USUAL)?);
        let settled = reference == RecoveryReference::Before || is_settled(&slices, &span);
        let back = first_within(&slices, after_peak, limit_ms).filter(|slice| {
            // A reference after the peak is part of what is looked at.
            settled && (reference == RecoveryReference::Before || *slice < span.start)
        });
        let back = back.map(|slice| {
            let seconds = (slice as f64 * slices.width_s - end_s).max(0.0);
            let rise = slices.within(start_s, end_s).start;
            (seconds, interval_within(&slices, rise..=slice, (&peak.peak, seconds), limit_ms, seed))
        });
        Some(Self { reference, reference_ms, limit_ms, width_s: slices.width_s, back })
    }
}

/// Returns whether latency has stopped falling over a span: its first half is higher than its second by no more than a
/// tenth, or by no more than chance explains.
fn is_settled(slices: &Slices, span: &std::ops::Range<usize>) -> bool {
    let middle = span.start + span.len() / 2;
    let [first, second] = [span.start..middle, middle..span.end].map(|half| slices.means(half));
    let [Some((before, before_error)), Some((after, after_error))] = [mean_of(&first), mean_of(&second)]
    else {
        return false;
    };
    before - after <= (FALLING * after).max(2.0 * before_error.hypot(after_error))
}

/// Returns the mean of values and its standard error. `None` without values.
fn mean_of(values: &[f64]) -> Option<(f64, f64)> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (!values.is_empty()).then(|| (mean, (squares / (count - 1.0).max(1.0) / count).sqrt()))
}

/// Returns the first slice from which on latency stays within the limit.
fn first_within(slices: &Slices, span: std::ops::Range<usize>, limit_ms: f64) -> Option<usize> {
    let is_low = |part: std::ops::Range<usize>| slices.mean(part).is_some_and(|mean| mean <= limit_ms);
    let last = span.end.saturating_sub(FEWEST_SLICES - 1);
    (span.start..last).find(|slice| is_low(*slice..slice + 1) && is_low(*slice..(slice + HOLD).min(span.end)))
}

/// Sums up the recoveries of trials.
fn sum_up(peak: &LoadPeak, trials: &[TrialRecovery]) -> RecoverySummary {
    let middle = |of: fn(&TrialRecovery) -> f64| median(&trials.iter().map(of).collect::<Vec<_>>());
    let back: Vec<(f64, [f64; 2])> = trials.iter().filter_map(|trial| trial.back).collect();
    let verdict = match (trials.len(), back.len()) {
        (0, _) => RecoveryVerdict::NotEnoughData,
        (all, back) if all == back => RecoveryVerdict::Recovered,
        _ => RecoveryVerdict::NotRecovered,
    };
    let resolution_s = trials.iter().map(|trial| trial.width_s).reduce(f64::max);
    let estimate = (verdict == RecoveryVerdict::Recovered).then(|| {
        let times: Vec<f64> = back.iter().map(|(seconds, _)| *seconds).collect();
        let width = resolution_s.unwrap_or(0.0);
        let over =
            bootstrap(&times, RESAMPLES, SEED).map(|[low, high]| [(low - width).max(0.0), high + width]);
        let ends = back.iter().map(|(_, ends)| *ends);
        let within = ends.reduce(|[low, high], [lower, higher]| [low.min(lower), high.max(higher)]);
        (hodges_lehmann(&times), over.or(within))
    });
    let mut summary = RecoverySummary {
        peak: *peak,
        reference: trials.first().map(|trial| trial.reference),
        reference_ms: middle(|trial| trial.reference_ms),
        limit_ms: middle(|trial| trial.limit_ms),
        resolution_s,
        trials: trials.len() as u32,
        recovered: back.len() as u32,
        seconds: estimate.and_then(|(seconds, _)| seconds),
        interval: estimate.and_then(|(_, interval)| interval),
        verdict,
        sentence: String::new(),
    };
    summary.sentence = sentence(&summary);
    summary
}

/// Describes a recovery in a sentence.
fn sentence(summary: &RecoverySummary) -> String {
    let peak = &summary.peak;
    let load = match peak.unit {
        LoadUnit::Users => format!("{:.0} users", peak.load),
        LoadUnit::ArrivalsPerSecond => format!("{:.0} arrivals/s", peak.load),
    };
    let after = format!("after the peak of {load}, which ended at {:.1} s", peak.end_s);
    let limit = summary.limit_ms.zip(summary.reference_ms).map_or_else(String::new, |(limit, reference)| {
        let place = match summary.reference {
            Some(RecoveryReference::After) => "at the end of the phase",
            _ => "before the peak",
        };
        format!(": mean latency of at most {limit:.1} ms, and {reference:.1} ms {place}")
    });
    match (summary.verdict, summary.seconds, summary.interval) {
        (RecoveryVerdict::Recovered, Some(seconds), Some([low, high])) => {
            format!("recovered {seconds:.1} s ({low:.1} s to {high:.1} s) {after}{limit}")
        }
        (RecoveryVerdict::Recovered, ..) => format!("recovered {after}{limit}"),
        (RecoveryVerdict::NotRecovered, ..) => {
            let missing = summary.trials - summary.recovered;
            let trials = if summary.trials == 1 {
                String::new()
            } else {
                format!(" in {missing} of {} trials", summary.trials)
            };
            format!("not recovered within {:.1} s{trials} {after}{limit}", peak.until_s - peak.end_s)
        }
        (RecoveryVerdict::NotEnoughData, ..) if peak.after == 0.0 => {
            format!("not enough data {after}: no load follows; keep a little, such as one user")
        }
        (RecoveryVerdict::NotEnoughData, ..) => {
            format!(
                "not enough data {after}: too few requests end around it; lengthen the time before and after it"
            )
        }
    }
}

#[cfg(test)]
mod tests;
