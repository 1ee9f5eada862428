//! What the requests of an open load say about their cost.
//!
//! The size of a request is `mean × T × R`: `T` is told by the request, `R` is not. Both have mean 1 and are log-normal, so
//! the size is log-normal with the variance `sigma²` of its logarithm, of which `share × sigma²` is that of `log T`. The
//! number `query.limit` says 100 times its part of `T`: a power law with exponent 1. Where a word tells a part of it,
//! `query.kind` is one of four equally frequent words, whose log factors are evenly spaced with that part of the variance.
//!
//! Everything that a request says is drawn from its key, so it is the same for every algorithm.

use crate::error::SimulationError;
use lb_core::hints::{Hint, Hints, MOST, Said, hash};
use lb_core::rng::mix;
use lb_core::service_time::ServiceTime;
use lb_core::topology::Topology;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;
use std::ops::RangeInclusive;

/// Requests that say something about their size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Telling {
    /// The share of the variance of log sizes that requests tell, from 0 to 1.
    pub share: f64,
    /// The standard deviation of log sizes within a route, told or not, from 0 to 3. It takes the place of the spread of
    /// the topology's service times, whose means stay.
    pub sigma: f64,
    /// Number of hints that say nothing about the size, at most 6.
    pub noise: u8,
    /// The share of the told variance that a word tells and not the number, from 0 to 1; `None` if requests say no word.
    pub word: Option<f64>,
}

/// Most hints that tell nothing: all but the number and the word.
const MOST_NOISE: u8 = MOST as u8 - 2;

/// Largest `sigma`, that of log-normal service times.
const MOST_SIGMA: f64 = 3.0;

/// What `query.limit` says in an ordinary request.
const ORDINARY: f32 = 100.0;

/// The words that can tell a part of the size, from small to large.
const WORDS: [&str; 4] = ["summary", "list", "full", "export"];

/// Names of the hints that tell nothing. Every third is a number, a word of a few, and a word that no other request says.
const NOISE: [&str; MOST_NOISE as usize] =
    ["query.page", "query.sort", "query.session", "query.offset", "query.language", "query.nonce"];

/// Labels of the draws under the key of a request.
mod label {
    pub(super) const NUMBER: u64 = 0x7e_11_01;
    pub(super) const WORD: u64 = 0x7e_11_02;
    pub(super) const NOISE: u64 = 0x7e_11_03;
}

impl Telling {
    /// Returns the first problem, with key, value and rule.
    fn problem(&self) -> Option<String> {
        let outside = |key: &str, value: f64, range: RangeInclusive<f64>| {
            let rule = || format!("{key}: {value} must lie between {} and {}", range.start(), range.end());
            (!range.contains(&value)).then(rule)
        };
        outside("share", self.share, 0.0..=1.0)
            .or_else(|| outside("sigma", self.sigma, 0.0..=MOST_SIGMA))
            .or_else(|| outside("noise", f64::from(self.noise), 0.0..=f64::from(MOST_NOISE)))
            .or_else(|| outside("word", self.word.unwrap_or_default(), 0.0..=1.0))
    }

    /// Returns the topology whose service times have the spread that requests do not tell.
    pub(crate) fn untold(&self, topology: &Topology) -> Topology {
        let sigma = self.sigma * (1.0 - self.share).sqrt();
        let rest = |time: &ServiceTime| ServiceTime::LogNormal { mean_ms: time.mean_ms(), sigma };
        let mut topology = topology.clone();
        topology.service_time = rest(&topology.service_time);
        for route in &mut topology.routes {
            route.service_time = rest(&route.service_time);
        }
        topology
    }
}

/// Draws what requests say.
#[derive(Debug)]
pub(crate) struct Teller {
    /// Standard deviation of the logarithm of what the number tells.
    sigma: f64,
    /// Hash and factor of each word.
    words: Option<[(u32, f64); WORDS.len()]>,
    limit: u32,
    kind: u32,
    /// Hashes of the names of the hints that tell nothing.
    noise: Vec<u32>,
}

impl Teller {
    /// Prepares the draws.
    ///
    /// # Errors
    /// Fails if a value of `telling` is out of its range.
    pub(crate) fn new(telling: &Telling) -> Result<Self, SimulationError> {
        if let Some(problem) = telling.problem() {
            return Err(SimulationError::Telling(problem));
        }
        let told = telling.sigma * telling.share.sqrt();
        let by_word = telling.word.unwrap_or_default();
        Ok(Self {
            sigma: told * (1.0 - by_word).sqrt(),
            words: telling.word.map(|_| words(told * by_word.sqrt())),
            limit: hash(b"query.limit"),
            kind: hash(b"query.kind"),
            noise: NOISE[..usize::from(telling.noise)].iter().map(|name| hash(name.as_bytes())).collect(),
        })
    }

    /// Returns what the request with `key` says, and the factor of its size that this tells.
    pub(crate) fn tell(&self, key: u64) -> (Hints, f32) {
        let mut hints = Hints::default();
        let told = self.sigma * normal(key ^ label::NUMBER) - 0.5 * self.sigma * self.sigma;
        let mut factor = told.exp() as f32;
        hints.push(Hint { name: self.limit, said: Said::Number(ORDINARY * factor) });
        if let Some(words) = &self.words {
            // The two highest bits select one of four.
            let (word, cost) = words[(mix(key ^ label::WORD) >> 62) as usize];
            hints.push(Hint { name: self.kind, said: Said::Word(word) });
            factor *= cost as f32;
        }
        for (number, name) in self.noise.iter().enumerate() {
            let draw = mix(mix(key ^ label::NOISE) ^ number as u64);
            let said = match number % 3 {
                0 => Said::Number(ORDINARY * normal(draw).exp() as f32),
                1 => Said::Word(draw as u32 % 8),
                _ => Said::Word(draw as u32),
            };
            hints.push(Hint { name: *name, said });
        }
        (hints, factor)
    }
}

/// Returns the words with factors whose logarithms have the standard deviation `sigma`, and whose mean is 1.
fn words(sigma: f64) -> [(u32, f64); WORDS.len()] {
    // The squares of -3, -1, 1 and 3 have the mean 5.
    let logs = [-3.0, -1.0, 1.0, 3.0].map(|step: f64| sigma * step / 5_f64.sqrt());
    let mean = logs.iter().map(|log| log.exp()).sum::<f64>() / logs.len() as f64;
    std::array::from_fn(|place| (hash(WORDS[place].as_bytes()), logs[place].exp() / mean))
}

/// Draws a standard normal number by the transform of Box and Muller (1958).
fn normal(key: u64) -> f64 {
    let (radius, angle) = (unit(mix(key)), unit(mix(!key)));
    (-2.0 * (1.0 - radius).ln()).sqrt() * (TAU * angle).cos()
}

/// Converts bits to a number from 0 to below 1.
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::backend::demand_at_cost;

    const DRAWS: u64 = 100_000;

    fn with(share: f64, sigma: f64, word: Option<f64>) -> Telling {
        Telling { share, sigma, noise: 3, word }
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    /// The covariance of two lists; of one with itself, its variance.
    fn covariance(one: &[f64], other: &[f64]) -> f64 {
        let (middle, other_middle) = (mean(one), mean(other));
        let products: Vec<f64> =
            one.iter().zip(other).map(|(a, b)| (a - middle) * (b - other_middle)).collect();
        mean(&products)
    }

    /// The logarithm of the number that a hint says.
    fn log_of(hints: &Hints, name: &str) -> f64 {
        let name = hash(name.as_bytes());
        let hint = hints.as_slice().iter().find(|hint| hint.name == name).expect("it is said");
        match hint.said {
            Said::Number(number) => f64::from(number).ln(),
            Said::Word(word) => panic!("a number, not the word {word}"),
        }
    }

    #[test]
    fn sizes_keep_their_mean_and_the_share_of_their_spread_is_told_that_was_asked_for() {
        let topology: Topology = serde_json::from_str(
            r#"{"name": "t", "pools": [{"name": "all", "backends": [{"id": "b"}]}],
                "service_time": {"distribution": "exponential", "mean_ms": 20.0}}"#,
        )
        .expect("a topology");
        for (share, sigma, word) in
            [(0.81, 1.0, None), (0.3, 0.6, Some(0.5)), (0.0, 0.8, None), (1.0, 0.7, Some(1.0))]
        {
            let telling = with(share, sigma, word);
            let (untold, teller) = (telling.untold(&topology), Teller::new(&telling).expect("sound"));
            let drawn: Vec<(f64, f64)> = (0..DRAWS)
                .map(|key| {
                    let (_, factor) = teller.tell(mix(key));
                    let size = demand_at_cost(&untold.service_time, mix(key), factor).as_millis_f64();
                    (size, f64::from(factor))
                })
                .collect();
            let sizes: Vec<f64> = drawn.iter().map(|(size, _)| *size).collect();
            let logs: Vec<f64> = sizes.iter().map(|size| size.ln()).collect();
            let told: Vec<f64> = drawn.iter().map(|(_, factor)| factor.ln()).collect();
            let variance = covariance(&logs, &logs);
            assert!((mean(&sizes) / 20.0 - 1.0).abs() < 0.02, "{telling:?}: the mean is {}", mean(&sizes));
            assert!(
                (variance.sqrt() / sigma - 1.0).abs() < 0.02,
                "{telling:?}: sigma is {}",
                variance.sqrt()
            );
            let seen = if share > 0.0 {
                covariance(&logs, &told).powi(2) / (variance * covariance(&told, &told))
            } else {
                covariance(&told, &told)
            };
            assert!((seen - share).abs() < 0.02, "{telling:?}: {seen} is told");
        }
    }

    #[test]
    fn the_number_says_its_part_in_proportion_and_noise_says_nothing() {
        let telling = with(0.81, 1.0, Some(0.25));
        let teller = Teller::new(&telling).expect("sound");
        let drawn: Vec<(Hints, f32)> = (0..DRAWS).map(|key| teller.tell(mix(key))).collect();
        let told: Vec<f64> = drawn.iter().map(|(_, factor)| f64::from(*factor).ln()).collect();
        let by = |name: &str| -> f64 {
            let said: Vec<f64> = drawn.iter().map(|(hints, _)| log_of(hints, name)).collect();
            covariance(&told, &said).powi(2) / (covariance(&told, &told) * covariance(&said, &said))
        };
        assert!((by("query.limit") - 0.75).abs() < 0.01, "the number tells what the word does not");
        assert!(by("query.page") < 0.001, "a number that tells nothing");
        let silent = Teller::new(&Telling { word: None, noise: 0, ..telling }).expect("sound");
        let (hints, factor) = silent.tell(7);
        let expected = Hint { name: hash(b"query.limit"), said: Said::Number(100.0 * factor) };
        assert_eq!(hints.as_slice(), [expected], "100 times the factor");
    }

    #[test]
    fn every_request_says_the_same_each_time_and_as_much_as_was_asked_for() {
        for noise in 0..=MOST_NOISE {
            let teller = Teller::new(&Telling { noise, ..with(0.5, 1.0, Some(0.5)) }).expect("sound");
            let (hints, factor) = teller.tell(11);
            assert_eq!(hints.as_slice().len(), usize::from(noise) + 2);
            assert_eq!(teller.tell(11), (hints, factor), "the key decides");
            assert_ne!(teller.tell(12).1, factor);
        }
    }

    #[test]
    fn values_out_of_range_are_named_with_their_range() {
        let sound = with(0.5, 1.0, None);
        for (faulty, expected) in [
            (Telling { share: 1.5, ..sound }, "telling.share: 1.5 must lie between 0 and 1"),
            (Telling { sigma: -1.0, ..sound }, "telling.sigma: -1 must lie between 0 and 3"),
            (Telling { noise: 7, ..sound }, "telling.noise: 7 must lie between 0 and 6"),
            (Telling { word: Some(f64::NAN), ..sound }, "telling.word: NaN must lie between 0 and 1"),
        ] {
            assert_eq!(Teller::new(&faulty).expect_err("out of range").to_string(), expected);
        }
    }
}
