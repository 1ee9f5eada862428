//! Computes the arrival times from the integral of a rate curve.
//!
//! The integral of the rate, `L(t)`, is the expected number of arrivals until `t`. Even spacing puts
//! arrival `k` where `L(t) = k + 1/2`, so that the gaps match the rate and nothing arrives while it is
//! zero. A Poisson process puts arrivals where `L(t)` reaches the sums of exponential draws with mean
//! 1; this inversion is exact for every rate curve (Çinlar, Introduction to Stochastic Processes, 1975,
//! section 4.7). Within a segment `L` is a parabola, which is inverted in closed form.
//!
//! A two-state Markov-modulated Poisson process (Fischer and Meier-Hellstern, Performance Evaluation
//! 18, 1993) uses the same method on a curve of constant pieces with exponentially distributed lengths.

use super::arrivals::{ArrivalProcess, RateSegment, Spacing};
use super::label;
use super::recorded::Replay;
use crate::rng::{Rng, Seed};
use crate::time::Span;
use rand::RngExt;
use rand_distr::Exp1;

/// The shortest pause between two rounds of a recording, so that one of a single request does not repeat it
/// without a pause.
const SHORTEST_GAP: Span = Span::from_millis(1);

/// A piece of the rate curve, in arrivals per second.
#[derive(Clone, Copy, Debug)]
struct Piece {
    begin: Span,
    length: Span,
    from: f64,
    to: f64,
}

impl Piece {
    /// Returns the expected number of arrivals in the piece.
    fn area(&self) -> f64 {
        (self.from + self.to) / 2.0 * self.length.as_secs_f64()
    }

    /// Returns the time from its beginning until the integral reaches `area`. This is the root of
    /// `from t + slope t²/2 = area`, in the form that avoids cancellation and division by a slope of
    /// zero.
    fn when(&self, area: f64) -> Span {
        let slope = (self.to - self.from) / self.length.as_secs_f64();
        let root = (self.from * self.from + 2.0 * slope * area).max(0.0).sqrt();
        self.begin + Span::from_secs_f64(2.0 * area / (self.from + root))
    }
}

/// Returns the arrivals within `length` in order of time, as offsets from the start of the stage. `number` is
/// the position of the stage and selects its random streams. A recording that is played without end
/// ([`Span::MAX`]) begins again each time it is over.
pub(super) fn arrivals(
    process: &ArrivalProcess,
    length: Span,
    seed: Seed,
    number: usize,
) -> Box<dyn Iterator<Item = Span> + '_> {
    let stream = |label| seed.stream(&[label, number as u64]);
    match process {
        ArrivalProcess::Rates { segments, spacing: Spacing::Even } => {
            let mut first = true;
            let gap = move || if std::mem::take(&mut first) { 0.5 } else { 1.0 };
            Box::new(walk(pieces(segments, length), length, gap))
        }
        ArrivalProcess::Rates { segments, spacing: Spacing::Poisson } => {
            let mut gaps = stream(label::GAPS);
            Box::new(walk(pieces(segments, length), length, move || exponential(&mut gaps)))
        }
        ArrivalProcess::Bursts { rates, mean_stay_s } => {
            let stays = stays(*rates, *mean_stay_s, length, stream(label::STAYS));
            let mut gaps = stream(label::GAPS);
            Box::new(walk(stays, length, move || exponential(&mut gaps)))
        }
        ArrivalProcess::Replay(replay) if length == Span::MAX => Box::new(again_and_again(replay)),
        ArrivalProcess::Replay(replay) => Box::new(replay.times().filter(move |at| *at < length)),
    }
}

/// Returns the times of a recording that begins again each time it is over. Between its last request and the
/// first one of the next round lies the mean gap of the recording.
fn again_and_again(replay: &Replay) -> impl Iterator<Item = Span> + '_ {
    let last = replay.times().last().unwrap_or(Span::ZERO);
    let gap = last.mul_f64(1.0 / replay.len().saturating_sub(1).max(1) as f64);
    let round = last + gap.max(SHORTEST_GAP);
    (0_u64..).take_while(move |_| !replay.is_empty()).flat_map(move |number| {
        let begin = round * number;
        replay.times().map(move |at| begin + at)
    })
}

/// Returns the expected number of arrivals within `length`.
pub(super) fn expected_count(process: &ArrivalProcess, length: Span) -> f64 {
    match process {
        ArrivalProcess::Rates { segments, .. } => {
            pieces(segments, length).map(|piece| cut(piece, length).area()).sum()
        }
        ArrivalProcess::Bursts { rates: [calm, busy], mean_stay_s: [stay_calm, stay_busy] } => {
            let share = stay_calm / (stay_calm + stay_busy);
            (calm * share + busy * (1.0 - share)) * length.as_secs_f64()
        }
        ArrivalProcess::Replay(replay) => replay.times().filter(|at| *at < length).count() as f64,
    }
}

/// Returns each point at which the integral of the pieces has grown by the next gap.
fn walk(
    mut pieces: impl Iterator<Item = Piece>,
    length: Span,
    mut gap: impl FnMut() -> f64,
) -> impl Iterator<Item = Span> {
    // Integral from the start of the current piece to the next arrival.
    let mut ahead = gap();
    let mut current = pieces.next();
    std::iter::from_fn(move || {
        loop {
            let piece = current?;
            let area = piece.area();
            if ahead < area {
                let at = piece.when(ahead);
                ahead += gap();
                if at >= length {
                    current = None;
                }
                return (at < length).then_some(at);
            }
            ahead -= area;
            current = pieces.next();
        }
    })
}

/// Returns the pieces of the segments within `length`; if they are shorter, their final rate continues.
fn pieces(segments: &[RateSegment], length: Span) -> impl Iterator<Item = Piece> {
    let mut begin = Span::ZERO;
    let typed = segments.iter().map(move |segment| {
        let piece = Piece { begin, length: segment.duration, from: segment.from, to: segment.to };
        begin += segment.duration;
        piece
    });
    let covered = segments.iter().fold(Span::ZERO, |sum, segment| sum + segment.duration);
    let rest = segments.last().map(|last| Piece {
        begin: covered,
        length: length.saturating_sub(covered),
        from: last.to,
        to: last.to,
    });
    typed.chain(rest).filter(move |piece| piece.begin < length && !piece.length.is_zero())
}

/// Returns the part of a piece before `end`.
fn cut(piece: Piece, end: Span) -> Piece {
    let length = piece.length.min(end.saturating_sub(piece.begin));
    let share = length.as_secs_f64() / piece.length.as_secs_f64();
    Piece { length, to: piece.from + (piece.to - piece.from) * share, ..piece }
}

/// Returns alternating states as pieces; the first state is drawn in proportion to its share of time.
fn stays(rates: [f64; 2], mean_stay_s: [f64; 2], length: Span, mut rng: Rng) -> impl Iterator<Item = Piece> {
    let mut state = usize::from(rng.random::<f64>() * (mean_stay_s[0] + mean_stay_s[1]) >= mean_stay_s[0]);
    let mut begin = Span::ZERO;
    std::iter::from_fn(move || {
        let stay = Span::from_secs_f64(mean_stay_s[state] * exponential(&mut rng));
        let piece = Piece { begin, length: stay, from: rates[state], to: rates[state] };
        begin += stay;
        state = 1 - state;
        (piece.begin < length).then_some(piece)
    })
}

/// Draws from the exponential distribution with mean 1.
fn exponential(rng: &mut Rng) -> f64 {
    rng.sample(Exp1)
}
