//! Judges whether synthetic traffic resembles a recording.
//!
//! Five measures compare the two in the hours that both cover. What a measure may be is decided by the recording itself:
//! it is split again and again at random into a part as long as the synthetic list (at most half) and the rest, hour by
//! hour, and the measure between these two parts shows how much traffic of this kind differs from itself. The limit is
//! the mean over the splits plus three standard deviations, or the greatest value of a split if that is more (measures such
//! as the distance of peaks are far from normal), but never below a floor, so that a very long recording does not make
//! irrelevant differences count.

mod distances;
mod document;
mod tables;

pub use document::{
    DispersionRow, EndpointRow, HourRow, Judged, Measure, Side, TimePoint, Timeline,
    VALIDATION_SCHEMA_VERSION, Validation,
};

use crate::dispersion::SCALES_S;
use crate::error::SynthesisError;
use crate::slots::{SECOND, Slot, Zone};
use crate::split::Sample;
use crate::traffic::{Event, Traffic, moment};
use distances::{Compared, compare};
use lb_core::Seed;
use std::collections::HashMap;

/// Number of splits of the recording.
const SPLITS: usize = 40;
/// Standard deviations between the mean of the splits and the limit.
const DEVIATIONS: f64 = 3.0;
/// Fewest requests of either list.
const FEWEST: usize = 50;
/// The seed of the splits, so that the same files have the same verdict.
const SEED: Seed = Seed(0x5b_11);
/// Largest time scale if the splits are blocks of five minutes, in seconds.
const LARGEST_SHORT_SCALE_S: f64 = 60.0;

/// Compares synthetic traffic with a recording. Hours are those of `zone`.
///
/// # Errors
/// One of them has too few requests, or they have no hour in common.
pub fn validate(real: &Traffic, synthetic: &Traffic, zone: &Zone) -> Result<Validation, SynthesisError> {
    for (name, traffic) in [("recording", real), ("synthetic list", synthetic)] {
        if traffic.len() < FEWEST {
            return Err(SynthesisError::TooLittle(format!(
                "the {name} has {} requests; a comparison needs at least {FEWEST}",
                traffic.len()
            )));
        }
    }
    let mut notes: Vec<String> = Vec::new();
    let said = |name: &str, traffic: &Traffic| -> Vec<String> {
        traffic.notes.iter().map(|note| format!("{name}: {note}")).collect()
    };
    notes.extend(said("recording", real));
    notes.extend(said("synthetic list", synthetic));
    let (kinds, numbers) = union(real, synthetic);
    let resolution = real.resolution.max(synthetic.resolution);
    let sides = sample(real, zone, |kind| kind).rounded(resolution);
    let drawn = sample(synthetic, zone, |kind| numbers[kind as usize]).rounded(resolution);
    let (sides, drawn) = align(sides, drawn, &mut notes)?;
    let (blocks, short) = sides.blocks();
    let largest = if short { LARGEST_SHORT_SCALE_S } else { f64::INFINITY };
    let scales: Vec<f64> = SCALES_S
        .into_iter()
        .filter(|scale| *scale <= largest && scale * SECOND as f64 >= resolution as f64)
        .collect();
    if short {
        notes.push(
            "the recording covers some hours only once, so it is split into blocks of five minutes, which are less independent than hours; limits may be too tight"
                .to_owned(),
        );
    }
    let context = distances::Context { kinds: kinds.len(), scales: &scales, resolution };
    let found = compare(&sides, &drawn, &context);
    let wanted = drawn.seconds();
    let mut rng = SEED.stream(&[]);
    let splits: Vec<Compared> = (0..SPLITS)
        .map(|_| {
            let [part, rest] = blocks.split(&wanted, &mut rng);
            compare(&rest, &part, &context)
        })
        .collect();
    let measures: Vec<Judged> =
        Measure::ALL.into_iter().map(|measure| judge(measure, &found, &splits)).collect();
    if measures.iter().all(|judged| judged.passed.is_none()) {
        return Err(SynthesisError::TooLittle(
            "no measure can be judged, because the two lists have too little time in common; use longer ones"
                .to_owned(),
        ));
    }
    Ok(Validation {
        schema_version: VALIDATION_SCHEMA_VERSION,
        passed: measures.iter().all(|judged| judged.passed != Some(false)),
        measures,
        real: side(real, &sides),
        synthetic: side(synthetic, &drawn),
        time_zone: zone.name().to_owned(),
        hours: tables::hours(&sides, &drawn),
        endpoints: tables::endpoints(&sides, &drawn, &kinds),
        dispersion: tables::dispersion(&sides, &drawn, &scales),
        gaps: tables::gaps(&sides, &drawn, resolution),
        timeline: tables::timeline(&sides, &drawn),
        notes,
    })
}

/// A method and an endpoint.
type Name = (String, String);

/// Returns the kinds of both lists, those of the recording first, and the number of each synthetic kind among them.
fn union(real: &Traffic, synthetic: &Traffic) -> (Vec<Name>, Vec<u32>) {
    let mut kinds = real.kinds.clone();
    let mut known: HashMap<Name, u32> =
        kinds.iter().enumerate().map(|(number, kind)| (kind.clone(), number as u32)).collect();
    let number = |kind: &Name| {
        *known.entry(kind.clone()).or_insert_with(|| {
            kinds.push(kind.clone());
            kinds.len() as u32 - 1
        })
    };
    let numbers = synthetic.kinds.iter().map(number).collect();
    (kinds, numbers)
}

fn sample(traffic: &Traffic, zone: &Zone, number: impl Fn(u32) -> u32) -> Sample {
    let events = traffic.events.iter().map(|event| Event { kind: number(event.kind), ..*event });
    Sample { pieces: traffic.pieces(zone), events: events.collect() }
}

/// Leaves only hours that both cover. If they have none of the same class of days in common, all days count as alike.
fn align(
    mut real: Sample,
    mut drawn: Sample,
    notes: &mut Vec<String>,
) -> Result<(Sample, Sample), SynthesisError> {
    let common = |real: &Sample, drawn: &Sample| {
        let (one, other) = (real.seconds(), drawn.seconds());
        let both = std::array::from_fn::<bool, { crate::slots::CLASS_HOURS }, _>(|hour| {
            one[hour] > 0.0 && other[hour] > 0.0
        });
        (both, other.iter().zip(both).filter(|(seconds, both)| **seconds > 0.0 && !both).count())
    };
    let (mut both, mut left_out) = common(&real, &drawn);
    if left_out > 0 {
        for piece in real.pieces.iter_mut().chain(&mut drawn.pieces) {
            piece.slot = Slot::new(0, piece.slot.hour());
        }
        notes.push(
            "the recording lacks some hours on days like those of the synthetic list, so working days and weekends are compared together"
                .to_owned(),
        );
        (both, left_out) = common(&real, &drawn);
    }
    if left_out > 0 {
        notes.push(format!(
            "{left_out} hours of the synthetic list are not in the recording and are left out"
        ));
    }
    let (real, drawn) = (real.within(|hour| both[hour]), drawn.within(|hour| both[hour]));
    if real.events.len() < FEWEST || drawn.events.len() < FEWEST {
        return Err(SynthesisError::TooLittle(format!(
            "the two lists have too little in common: {} and {} requests lie in hours of the day that both cover, and at least {FEWEST} are needed; check the time zone (--time-zone)",
            real.events.len(),
            drawn.events.len()
        )));
    }
    Ok((real, drawn))
}

fn judge(measure: Measure, found: &Compared, splits: &[Compared]) -> Judged {
    let value = found.of(measure);
    let values: Vec<f64> = splits.iter().filter_map(|split| split.of(measure)).collect();
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
        / values.len().saturating_sub(1).max(1) as f64)
        .sqrt();
    let greatest = values.iter().copied().fold(0.0, f64::max);
    // A measure that most splits lack says nothing about what is usual.
    let known = values.len() >= SPLITS / 2;
    let limit = (known && value.is_some())
        .then(|| (mean + DEVIATIONS * deviation).max(greatest).max(measure.floor()));
    Judged {
        measure,
        value,
        split_mean: known.then_some(mean),
        limit,
        passed: value.zip(limit).map(|(value, limit)| value <= limit),
        chi_square_per_degree: match measure {
            Measure::Hours => found.hours_chi_square,
            Measure::Endpoints => found.endpoints_chi_square,
            _ => None,
        },
    }
}

fn side(traffic: &Traffic, sample: &Sample) -> Side {
    let [from, to] = traffic.ends();
    let seconds: f64 = sample.seconds().iter().sum();
    Side {
        requests: traffic.len() as u64,
        from: moment(from),
        to: moment(to),
        compared_requests: sample.events.len() as u64,
        compared_s: seconds,
        per_second: sample.events.len() as f64 / seconds,
    }
}
