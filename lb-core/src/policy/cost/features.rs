//! What a hint says, as features of a linear model.
//!
//! A word is one feature. A number `v` is three, all of its signed logarithm `u = sign(v) ln(1 + |v|)`: the logarithm itself,
//! relative to a typical one, so that a power law is learnt from a few replies and holds for values that were never seen; and
//! its two neighbouring *knots*, half an octave apart, between which the model interpolates, so that any other smooth law
//! is learnt where there are replies. The weights of all knots are the values of a piecewise linear function (hat functions,
//! as in finite elements; an additive model in the sense of Hastie and Tibshirani, Generalized additive models, 1986).
//!
//! Features have no numbers but hashes, which are their places in a table of fixed size (Weinberger, Dasgupta, Langford,
//! Smola and Attenberg, Feature hashing for large scale multitask learning, ICML 2009).

use crate::hints::{Hint, Said};
use crate::rng::mix;

/// Knots per unit of a natural logarithm: two per octave.
const KNOTS_PER_UNIT: f32 = 2.0 * std::f32::consts::LOG2_E;

/// Number of features of a number, the most that a hint has.
pub(super) const MOST: usize = 3;

/// Distance between the hashes of two knots: 2^64 over the golden ratio, odd, with bits everywhere.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// An odd number with bits everywhere.
const SPREAD: u64 = 0xbf58_476d_1ce4_e5b9;

/// What a feature stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The logarithm of a number.
    Slope,
    /// One of the neighbouring knots of a number.
    Knot,
    /// A word.
    Word,
}

impl Kind {
    /// Returns the variance of a weight of which nothing is known but its kind. A cost in proportion to a value
    /// is a slope of 1, one standard deviation; most laws are nearly powers, so that knots have little to add; and a word
    /// may change a cost by a factor of two.
    pub(super) const fn prior(self) -> f32 {
        match self {
            Self::Slope => 1.0,
            Self::Knot => 0.01,
            Self::Word => 0.5,
        }
    }

    /// Returns the limit on the magnitude of a weight. Knots bend a law; they cannot turn it into another one at a few
    /// values.
    pub(super) const fn limit(self) -> f32 {
        match self {
            Self::Slope => 3.0,
            Self::Knot => 1.5,
            Self::Word => 4.0,
        }
    }
}

/// A feature of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Feature {
    pub(super) hash: u64,
    pub(super) kind: Kind,
    /// Value of the feature before the centre of its weight is subtracted; only slopes have one.
    pub(super) at: f32,
}

/// Passes the features of a hint of a request of this class of route to `each`.
#[inline]
pub(super) fn visit(class: usize, hint: &Hint, mut each: impl FnMut(Feature)) {
    // A name is a hash already, so one multiplication spreads it and the class over all bits.
    let spread = ((class as u64) << 32 | u64::from(hint.name)).wrapping_mul(SPREAD);
    let base = spread ^ (spread >> 32);
    match hint.said {
        Said::Number(value) => {
            let log = signed_log(value);
            let position = log * KNOTS_PER_UNIT;
            // `floor` is a call where the processor may be an old one.
            let towards_zero = position as i32;
            let below = towards_zero - i32::from(towards_zero as f32 > position);
            let part = position - below as f32;
            let knot = base.wrapping_add((i64::from(below) as u64).wrapping_mul(STEP));
            each(Feature { hash: !base, kind: Kind::Slope, at: log });
            each(Feature { hash: knot, kind: Kind::Knot, at: 1.0 - part });
            each(Feature { hash: knot.wrapping_add(STEP), kind: Kind::Knot, at: part });
        }
        // The complement of a name is far from all its knots.
        Said::Word(word) => {
            each(Feature { hash: mix(!base ^ u64::from(word)), kind: Kind::Word, at: 1.0 });
        }
    }
}

/// Returns `sign(v) ln(1 + |v|)`, with an error of at most 1.3e-5: the exponent plus a polynomial in the mantissa, which is
/// exact at 1 and 2, so that the function is continuous. (Least squares for `ln(1 + m) / m`, as in the features of the
/// learned policy.)
#[inline]
fn signed_log(value: f32) -> f32 {
    let bits = (1.0 + value.abs()).to_bits();
    let exponent = ((bits >> 23) as i32 - 127) as f32;
    let m = f32::from_bits((bits & 0x007f_ffff) | 0x3f80_0000) - 1.0;
    let p = 0.999_404_5 + m * (-0.491_006_16 + m * (0.286_654_52 + m * (-0.132_573_07 + m * 0.030_667_42)));
    (exponent * std::f32::consts::LN_2 + m * p).copysign(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_number(class: usize, name: u32, number: f32) -> [Feature; MOST] {
        let mut list = Vec::new();
        visit(class, &Hint { name, said: Said::Number(number) }, |feature| list.push(feature));
        list.try_into().expect("three features of a number")
    }

    #[test]
    fn the_logarithm_is_close_to_the_exact_one() {
        for number in [0.0, 1e-6, 0.5, 1.0, 3.0, 7.7, 1_000.0, 123_456.0, f32::MAX] {
            let exact = (1.0 + f64::from(number)).ln();
            assert!((f64::from(signed_log(number)) - exact).abs() < 3e-5, "{number}");
            assert_eq!(signed_log(-number), -signed_log(number));
        }
    }

    #[test]
    fn a_number_lies_between_two_knots_that_its_neighbours_share() {
        for number in [0.0, 0.3, 1.0, 7.0, 500.0, 1e9, f32::MAX, -0.3, -500.0, f32::MIN] {
            let [slope, below, above] = of_number(1, 7, number);
            assert!((below.at + above.at - 1.0).abs() < 1e-6, "{number}: hat functions sum to 1");
            assert!((0.0..=1.0).contains(&below.at) && slope.at.is_finite(), "{number}");
            let [_, next @ ..] = of_number(1, 7, number / 1.1);
            let shared = next.iter().filter(|one| [below.hash, above.hash].contains(&one.hash));
            assert!(shared.count() > 0, "{number}: within half an octave a knot is shared");
        }
    }

    #[test]
    fn routes_names_words_and_knots_have_hashes_of_their_own() {
        let mut seen = std::collections::BTreeSet::new();
        for class in [0, 1, 63] {
            for name in [1, 2] {
                for word in [0, 1, 2] {
                    let hint = Hint { name, said: Said::Word(word) };
                    visit(class, &hint, |one| assert!(seen.insert(one.hash), "{class} {name} {word}"));
                }
                assert!(seen.insert(of_number(class, name, 1.0)[0].hash), "{class} {name}: the slope");
                for number in [-100.0, 1.2, 100.0] {
                    for knot in &of_number(class, name, number)[1..] {
                        assert!(seen.insert(knot.hash), "{class} {name} {number}");
                    }
                }
            }
        }
    }
}
