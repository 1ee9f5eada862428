//! What a validation shows beside its measures.

use super::distances::{gaps as gaps_of, indices, rates, shares_by_kind};
use super::document::{DispersionRow, EndpointRow, HourRow, TimePoint, Timeline};
use crate::fits::quantiles;
use crate::slots::{SECOND, events_of};
use crate::split::Sample;
use std::cmp::Reverse;
use std::collections::HashMap;

/// The most endpoints in the document.
const MOST_ENDPOINTS: usize = 200;
/// Steps between the quantiles of gaps.
const GAP_STEPS: usize = 100;
/// Lengths of steps of the timeline in seconds.
const STEPS_S: [i64; 5] = [10, 60, 300, 900, 3_600];
/// The most steps of a timeline, unless steps of an hour are more.
const MOST_STEPS: i64 = 300;

pub(super) fn hours(real: &Sample, drawn: &Sample) -> Vec<HourRow> {
    let rows = rates(real).into_iter().zip(rates(drawn)).enumerate();
    let row = |(hour, (real, drawn)): (usize, (Option<f64>, Option<f64>))| {
        Some(HourRow {
            weekend: hour >= 24,
            hour: (hour % 24) as u8,
            real: 3_600.0 * real?,
            synthetic: 3_600.0 * drawn?,
        })
    };
    rows.filter_map(row).collect()
}

pub(super) fn endpoints(real: &Sample, drawn: &Sample, kinds: &[(String, String)]) -> Vec<EndpointRow> {
    let (shares, drawn_shares) = shares_by_kind(real, drawn, kinds.len());
    let (total, drawn_total) =
        (shares.iter().sum::<f64>().max(1.0), drawn_shares.iter().sum::<f64>().max(1.0));
    let (mut by_hour, mut drawn_by_hour) = (by_hour(real, kinds.len()), by_hour(drawn, kinds.len()));
    let mut rows: Vec<EndpointRow> = kinds
        .iter()
        .enumerate()
        .map(|(number, (method, endpoint))| EndpointRow {
            method: method.clone(),
            endpoint: endpoint.clone(),
            real: shares[number] / total,
            synthetic: drawn_shares[number] / drawn_total,
            real_by_hour: std::mem::take(&mut by_hour[number]),
            synthetic_by_hour: std::mem::take(&mut drawn_by_hour[number]),
        })
        .collect();
    rows.sort_by(|one, other| {
        other.real.total_cmp(&one.real).then_with(|| Reverse(&other.endpoint).cmp(&Reverse(&one.endpoint)))
    });
    rows.truncate(MOST_ENDPOINTS);
    rows
}

/// Returns requests per hour by kind and hour of the day.
fn by_hour(sample: &Sample, kinds: usize) -> Vec<Vec<Option<f64>>> {
    let mut counts = vec![[0.0; 24]; kinds];
    let mut seconds = [0.0; 24];
    for (piece, events) in events_of(&sample.pieces, &sample.events, |event| event.at) {
        let hour = usize::from(piece.slot.hour());
        seconds[hour] += piece.seconds();
        events.iter().for_each(|event| counts[event.kind as usize][hour] += 1.0);
    }
    let rates = |counts: [f64; 24]| {
        let rate = |(count, seconds): (f64, f64)| (seconds > 0.0).then(|| 3_600.0 * count / seconds);
        counts.into_iter().zip(seconds).map(rate).collect()
    };
    counts.into_iter().map(rates).collect()
}

pub(super) fn dispersion(real: &Sample, drawn: &Sample, scales: &[f64]) -> Vec<DispersionRow> {
    let row = |scale_s: &f64| {
        let [one, other] = indices(real, drawn, *scale_s);
        DispersionRow { scale_s: *scale_s, real: one, synthetic: other }
    };
    scales.iter().map(row).collect()
}

pub(super) fn gaps(real: &Sample, drawn: &Sample, resolution: i64) -> Vec<[f64; 2]> {
    let [one, other] = [real, drawn].map(|sample| {
        let mut gaps = gaps_of(sample, resolution);
        gaps.sort_unstable_by(f64::total_cmp);
        quantiles(&gaps, GAP_STEPS)
    });
    one.into_iter().zip(other).map(|(one, other)| [one, other]).collect()
}

/// Returns rates over the time of the drawn sample, beside the mean of the real one at the same time of the hour.
pub(super) fn timeline(real: &Sample, drawn: &Sample) -> Timeline {
    let (Some(first), Some(last)) = (drawn.pieces.first(), drawn.pieces.last()) else {
        return Timeline::default();
    };
    let length = (last.to - first.from) / SECOND;
    let step = STEPS_S.into_iter().find(|step| length / step <= MOST_STEPS).unwrap_or(STEPS_S[4]) * SECOND;
    // Events and observed nanoseconds by hour of a class of days and place in the hour.
    let mut usual: HashMap<(usize, i64), (f64, i64)> = HashMap::new();
    let place = |at: i64| at.rem_euclid(3_600 * SECOND) / step;
    for (piece, events) in events_of(&real.pieces, &real.events, |event| event.at) {
        let hour = piece.slot.class_hour();
        for (from, to) in steps(piece.from, piece.to, step) {
            usual.entry((hour, place(from))).or_default().1 += to - from;
        }
        for event in events {
            usual.entry((hour, place(event.at))).or_default().0 += 1.0;
        }
    }
    let mut points = Vec::new();
    for (piece, events) in events_of(&drawn.pieces, &drawn.events, |event| event.at) {
        for (from, to) in steps(piece.from, piece.to, step) {
            let count = events.partition_point(|event| event.at < to)
                - events.partition_point(|event| event.at < from);
            let seconds = (to - from) as f64 / SECOND as f64;
            let usual = usual.get(&(piece.slot.class_hour(), place(from))).filter(|(_, nanos)| *nanos > 0);
            points.push(TimePoint {
                at_s: (from - first.from + (to - from) / 2) as f64 / SECOND as f64,
                real: usual.map(|(count, nanos)| count * SECOND as f64 / *nanos as f64),
                synthetic: count as f64 / seconds,
            });
        }
    }
    Timeline { step_s: step as f64 / SECOND as f64, points }
}

/// Cuts a stretch of time at multiples of a step.
fn steps(from: i64, to: i64, step: i64) -> impl Iterator<Item = (i64, i64)> {
    let cut = move |at: &i64| Some(*at).filter(|at| *at < to);
    std::iter::successors(cut(&from), move |at| cut(&((at.div_euclid(step) + 1) * step)))
        .map(move |at| (at, ((at.div_euclid(step) + 1) * step).min(to)))
}
