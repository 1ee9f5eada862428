//! What the cost looks like as a function of a hint.

use super::model::{Design, Model, scale};
use lb_core::hints::{Hint, Said};
use lb_traces::read::RecordedHints;
use serde::Serialize;
use std::collections::HashSet;

/// The cost as a function of a hint, the same for all routes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Law {
    /// The hint is mostly a number.
    Number {
        /// At the quantiles 0.1, 0.5 and 0.9 of its values.
        points: [LawPoint; 3],
        /// Exponent of the power law between the outer points: 1 if the cost is proportional to the number, 0 if it does
        /// not depend on it. Null if the points are the same.
        exponent: Option<f64>,
    },
    /// The hint is mostly a word.
    Word {
        /// Factor of the cost of the words that are cheaper than those of nine out of ten requests, relative to a typical
        /// one.
        low: f64,
        /// The same of those that are dearer.
        high: f64,
    },
}

/// One point of a law.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LawPoint {
    /// The number that the request says.
    pub value: f64,
    /// Factor of the cost relative to that of the median number.
    pub factor: f64,
}

/// How requests use one hint.
pub(super) struct Usage {
    /// Number of requests that say it.
    pub(super) requests: usize,
    /// Number of different values, as far as they are counted.
    pub(super) values: usize,
    pub(super) law: Option<Law>,
}

/// Most different values that are counted.
pub(super) const MOST_VALUES: usize = 10_000;

/// Returns how requests use the hint `name`, and its law by a model whose functions are the same for all routes.
pub(super) fn usage(design: &Design<'_>, model: &Model, hints: &RecordedHints, name: u32) -> Usage {
    let (mut numbers, mut words) = (Vec::new(), Vec::new());
    let mut values: HashSet<(bool, u32)> = HashSet::new();
    for row in design.rows() {
        for hint in hints.at(row.hints).iter().filter(|hint| hint.name == name) {
            let value = match hint.said {
                Said::Number(number) => {
                    numbers.push(number);
                    (true, number.to_bits())
                }
                Said::Word(word) => {
                    words.push(word);
                    (false, word)
                }
            };
            if values.len() < MOST_VALUES {
                values.insert(value);
            }
        }
    }
    let level = |said| design.function(model, 0, &Hint { name, said });
    let law = match numbers.len() >= words.len() {
        true => of_numbers(&mut numbers, |number| level(Said::Number(number))),
        false => of_words(&words, |word| level(Said::Word(word))),
    };
    Usage { requests: numbers.len() + words.len(), values: values.len(), law }
}

fn of_numbers(numbers: &mut [f32], level: impl Fn(f32) -> f64) -> Option<Law> {
    numbers.sort_unstable_by(f32::total_cmp);
    let value = |quantile: f64| {
        let place = (quantile * numbers.len() as f64) as usize;
        numbers.get(place.min(numbers.len().saturating_sub(1))).copied()
    };
    let values = [value(0.1)?, value(0.5)?, value(0.9)?];
    let [low, middle, high] = values.map(&level);
    let points = [(values[0], low), (values[1], middle), (values[2], high)]
        .map(|(value, level)| LawPoint { value: value.into(), factor: (level - middle).exp() });
    let distance = scale(values[2]) - scale(values[0]);
    Some(Law::Number { points, exponent: (distance > 0.0).then(|| (high - low) / distance) })
}

fn of_words(words: &[u32], level: impl Fn(u32) -> f64) -> Option<Law> {
    let mut levels: Vec<f64> = words.iter().map(|word| level(*word)).collect();
    levels.sort_unstable_by(f64::total_cmp);
    let at = |quantile: f64| levels.get((quantile * levels.len() as f64) as usize).copied();
    let middle = at(0.5)?;
    Some(Law::Word { low: (at(0.1)? - middle).exp(), high: (at(0.9)? - middle).exp() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_law_is_seen_with_its_exponent() {
        let mut numbers: Vec<f32> = (0..1_000).rev().map(|number| number as f32).collect();
        let Some(Law::Number { points, exponent }) = of_numbers(&mut numbers, |number| 0.5 * scale(number))
        else {
            panic!("there are numbers");
        };
        assert_eq!(points.map(|point| point.value), [100.0, 500.0, 900.0]);
        assert!((points[2].factor - (901.0_f64 / 501.0).sqrt()).abs() < 1e-9 && points[1].factor == 1.0);
        assert!(exponent.is_some_and(|exponent| (exponent - 0.5).abs() < 1e-9), "{exponent:?}");
        assert_eq!(of_numbers(&mut [], scale), None);
        let Some(Law::Number { exponent, .. }) = of_numbers(&mut [7.0; 9], scale) else {
            panic!("there are numbers");
        };
        assert_eq!(exponent, None, "one value has no slope");
    }

    #[test]
    fn words_are_weighed_by_their_requests() {
        // One in ten is dear, and one in ten is cheap.
        let words: Vec<u32> = (0..100).map(|place| place % 10).collect();
        let level = |word| match word {
            0 => -1.0,
            9 => 2.0,
            _ => 0.0,
        };
        let Some(Law::Word { low, high }) = of_words(&words, level) else { panic!("there are words") };
        assert!((low - 1.0).abs() < 1e-9 && (high - 2.0_f64.exp()).abs() < 1e-9, "{low} to {high}");
        assert_eq!(of_words(&[], level), None);
    }
}
