//! Finds the highest peak of a planned load after which the load falls to less than half.
//!
//! The load is that of the plan, so it is the same for every algorithm: users who are there at the same time, or
//! arrivals per second where the scenario has an open stage.

use lb_core::workload::{ArrivalProcess, Stage, Workload};
use lb_results::{LoadPeak, LoadUnit};

/// Steps of the planned load per second.
const STEPS: f64 = 10.0;
/// A load belongs to the top of the peak above this share of the highest load.
const TOP: f64 = 0.9;
/// The load before and after a peak is below this share of the highest load.
const LOW: f64 = 0.5;
/// Changes of the load below this share of the peak's height do not count.
const FLAT: f64 = 0.1;

/// A peak, and since when the load before it was steady.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Peak {
    pub(crate) peak: LoadPeak,
    /// Seconds from the start of the measured phase since when the load was as it is just before the peak.
    pub(crate) steady_from_s: f64,
}

impl Peak {
    /// Finds the last of the highest peaks of a workload in a phase of `duration_s`. `None` if the load never rises from
    /// less than half and falls to less than half again, or is not planned, as in a replay.
    pub(crate) fn of(workload: &Workload, duration_s: f64) -> Option<Self> {
        let stages: Vec<&Stage> = workload.stages().iter().filter(|stage| !stage.background).collect();
        let is_open = stages.iter().any(|stage| stage.arrivals.is_some());
        let steps = (duration_s * STEPS).round() as usize;
        let mut levels = vec![0.0; steps];
        for stage in stages.into_iter().filter(|stage| stage.arrivals.is_some() == is_open) {
            add(stage, &mut levels)?;
        }
        let unit = if is_open { LoadUnit::ArrivalsPerSecond } else { LoadUnit::Users };
        find(&levels, unit)
    }
}

/// Adds the planned load of a stage. `None` if it is random or recorded.
fn add(stage: &Stage, levels: &mut [f64]) -> Option<()> {
    let start = stage.start.as_secs_f64();
    let place = |at_s: f64| ((at_s * STEPS).round() as usize).min(levels.len());
    let (first, end) = (place(start), place(start + stage.duration.as_secs_f64()));
    let ramp = stage.ramp_up.as_secs_f64();
    for (step, level) in levels[first..end].iter_mut().enumerate() {
        let since = step as f64 / STEPS;
        *level += match &stage.arrivals {
            None if since < ramp => f64::from(stage.users) * since / ramp,
            None => f64::from(stage.users),
            Some(arrivals) => rate(&arrivals.process, since)?,
        };
    }
    Some(())
}

/// Returns the planned rate of an arrival process, so many seconds after its beginning.
fn rate(process: &ArrivalProcess, since: f64) -> Option<f64> {
    let ArrivalProcess::Rates { segments, .. } = process else { return None };
    let mut begin = 0.0;
    for segment in segments {
        let length = segment.duration.as_secs_f64();
        if since < begin + length {
            return Some(segment.from + (segment.to - segment.from) * (since - begin) / length);
        }
        begin += length;
    }
    segments.last().map(|last| last.to)
}

fn find(levels: &[f64], unit: LoadUnit) -> Option<Peak> {
    let load = levels.iter().copied().fold(0.0, f64::max);
    let last = levels.iter().rposition(|level| load > 0.0 && *level >= TOP * load)?;
    let first = levels[..last].iter().rposition(|level| *level < TOP * load)? + 1;
    // The load before: where it begins to rise.
    let mut foot = first - 1;
    while foot > 0 && levels[foot - 1] < levels[foot] {
        foot -= 1;
    }
    let before = levels[foot];
    // The load after: where it stops falling.
    let mut low = last + 1 + levels[last + 1..].iter().position(|level| *level < LOW * load)?;
    while low + 1 < levels.len() && levels[low + 1] < levels[low] {
        low += 1;
    }
    let after = levels[low];
    if before >= LOW * load {
        return None;
    }
    let flat = FLAT * (load - after);
    let end = last + 1 + levels[last + 1..].iter().position(|level| *level <= after + flat)?;
    let until = levels[end..].iter().position(|level| *level > after + flat);
    let until = until.map_or(levels.len(), |step| end + step);
    let flat_before = FLAT * (load - before);
    let steady = levels[..foot].iter().rposition(|level| (level - before).abs() > flat_before);
    let seconds = |step: usize| step as f64 / STEPS;
    Some(Peak {
        peak: LoadPeak {
            unit,
            before,
            load,
            after,
            start_s: seconds(foot + 1),
            end_s: seconds(end),
            until_s: seconds(until),
        },
        steady_from_s: steady.map_or(0.0, |step| seconds(step + 1)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A load that changes linearly between these points, each a time in seconds and a load.
    fn levels(points: &[(f64, f64)]) -> Vec<f64> {
        let end = points.last().expect("a point").0;
        (0..(end * STEPS) as usize)
            .map(|step| {
                let at = step as f64 / STEPS;
                let next = points.iter().position(|point| point.0 > at).expect("within the points");
                let ((from, low), (to, high)) = (points[next - 1], points[next]);
                low + (high - low) * (at - from) / (to - from)
            })
            .collect()
    }

    fn peak(points: &[(f64, f64)]) -> Option<Peak> {
        find(&levels(points), LoadUnit::Users)
    }

    #[test]
    fn a_step_up_and_down_is_a_peak() {
        let found = peak(&[(0.0, 1.0), (20.0, 1.0), (20.0, 50.0), (40.0, 50.0), (40.0, 1.0), (60.0, 1.0)]);
        let found = found.expect("a peak");
        let LoadPeak { before, load, after, start_s, end_s, until_s, .. } = found.peak;
        assert_eq!((before, load, after), (1.0, 50.0, 1.0));
        assert_eq!((start_s, end_s, until_s), (20.0, 40.0, 60.0));
        assert_eq!(found.steady_from_s, 0.0);
    }

    #[test]
    fn slopes_belong_to_the_peak_and_another_rise_ends_the_time_after_it() {
        let found = peak(&[
            (0.0, 10.0),
            (10.0, 10.0),
            (15.0, 100.0),
            (20.0, 100.0),
            (30.0, 0.0),
            (40.0, 0.0),
            (40.0, 60.0),
            (50.0, 60.0),
        ]);
        let LoadPeak { before, load, after, start_s, end_s, until_s, .. } = found.expect("a peak").peak;
        assert!((before - 10.0).abs() < 1e-9 && (load - 100.0).abs() < 1e-9 && after.abs() < 1e-9);
        assert!((9.9..=10.2).contains(&start_s), "where it begins to rise: {start_s}");
        assert!((28.9..=29.2).contains(&end_s), "where a tenth of the height is left: {end_s}");
        assert_eq!(until_s, 40.0);
    }

    #[test]
    fn a_load_that_begins_with_its_peak_or_ends_with_it_has_none() {
        for points in [
            &[(0.0, 50.0), (20.0, 50.0), (20.0, 1.0), (40.0, 1.0)][..],
            &[(0.0, 1.0), (20.0, 1.0), (20.0, 50.0), (40.0, 50.0)],
            &[(0.0, 0.0), (5.0, 20.0), (40.0, 20.0)],
            &[(0.0, 30.0), (20.0, 30.0), (20.0, 50.0), (40.0, 50.0), (40.0, 30.0), (60.0, 30.0)],
            &[(0.0, 0.0), (10.0, 0.0)],
        ] {
            assert_eq!(peak(points), None, "{points:?}");
        }
    }

    #[test]
    fn a_ramp_from_nothing_to_a_peak_and_back_is_one() {
        let found = peak(&[(0.0, 0.0), (5.0, 500.0), (20.0, 500.0), (20.0, 0.0), (30.0, 0.0)]);
        let LoadPeak { before, after, end_s, .. } = found.expect("a peak").peak;
        assert_eq!((before, after, end_s), (0.0, 0.0, 20.0));
    }

    #[test]
    fn of_several_peaks_the_last_of_the_highest_counts() {
        let found = peak(&[
            (0.0, 1.0),
            (5.0, 1.0),
            (5.0, 50.0),
            (10.0, 50.0),
            (10.0, 1.0),
            (20.0, 1.0),
            (20.0, 50.0),
            (25.0, 50.0),
            (25.0, 1.0),
            (40.0, 1.0),
        ])
        .expect("a peak");
        assert_eq!((found.peak.start_s, found.peak.end_s, found.steady_from_s), (20.0, 25.0, 10.0));
    }
}
