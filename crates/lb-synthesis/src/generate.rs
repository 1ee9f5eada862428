//! The improved method: visits that begin at a modulated rate and walk through the endpoints.
//!
//! Sessions begin as a Poisson process whose rate is that of the hour times the state of the modulation. The length of a
//! session and its think times are drawn from those observed, and its requests from the Markov chain. The chain's
//! probabilities are multiplied by a factor for each hour and kind, fitted in turns so that the stationary shares of the
//! kinds change from hour to hour as they were observed to. Without sessions, each request is drawn by itself.

use crate::document::{Sessions, TrafficModel};
use crate::fits;
use crate::list::Request;
use crate::profile::Profile;
use crate::resample::Targets;
use crate::slots::{Piece, SECOND, Zone, cut};
use crate::walk::{choose, running, times};
use lb_core::{Rng, Seed};
use rand::RngExt;

/// Requests of all hours that stand in for an hour with few of its own.
const PSEUDO_REQUESTS: f64 = 100.0;
/// Rounds of fitting the factors of an hour, and steps towards stationary shares in each.
const ROUNDS: usize = 8;
const STEPS: usize = 40;
/// The most sessions that are expected before the list.
const MOST_EARLIER: f64 = 1e6;
/// The longest time before the list in which sessions may begin, in seconds.
const LONGEST_LEAD_S: f64 = 4.0 * 3_600.0;

/// Draws requests for these pieces.
pub(crate) fn draw(
    model: &TrafficModel,
    zone: &Zone,
    pieces: &[Piece],
    scale: f64,
    seed: Seed,
) -> Vec<Request> {
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return Vec::new() };
    let targets = Targets::new(model);
    let mut rng = seed.stream(&[2]);
    let modulation = model.bursts.modulation.as_ref();
    let Some(sessions) = &model.sessions else {
        let shares = Shares::new(model);
        let drawn = times(pieces, &Profile::new(model, false), scale, modulation, &mut rng);
        let request = |at: i64| {
            let kind = choose(&shares.running[usize::from(zone.slot(at).hour())], &mut rng);
            targets.request(model, at, kind, 0, &mut rng)
        };
        return drawn.into_iter().map(request).collect();
    };
    let walker = Walker::new(model, sessions);
    let profile = Profile::new(model, true);
    // Sessions that began before the list are still under way when it begins.
    let mut around = cut(zone, first.from - (walker.lead_s() * SECOND as f64) as i64, first.from);
    around.iter_mut().filter(|piece| !profile.is_known(piece.slot)).for_each(|piece| piece.slot = first.slot);
    // An hour before the list may be far busier than those in it, whose requests are bounded.
    if profile.expected(&around) * scale > MOST_EARLIER {
        around.clear();
    }
    around.extend_from_slice(pieces);
    let starts = times(&around, &profile, scale, modulation, &mut rng);
    let mut requests = Vec::new();
    for (visit, start) in starts.into_iter().enumerate() {
        let mut at = start;
        let mut kind = None;
        for step in 0..walker.length(&mut rng) {
            if step > 0 {
                at = at.saturating_add((walker.think_s(&mut rng) * SECOND as f64) as i64);
            }
            if at >= last.to {
                break;
            }
            let next = walker.next(kind, zone.slot(at.max(first.from)).hour(), &mut rng);
            kind = Some(next);
            if at >= first.from {
                requests.push(targets.request(model, at, next, visit as u32 + 1, &mut rng));
            }
        }
    }
    requests
}

/// The shares of kinds in each hour of the day.
struct Shares {
    shares: Vec<Vec<f64>>,
    /// The shares over all hours.
    overall: Vec<f64>,
    running: Vec<Vec<f64>>,
}

impl Shares {
    fn new(model: &TrafficModel) -> Self {
        let total: f64 = model.kinds.iter().map(|kind| kind.requests as f64).sum();
        let overall: Vec<f64> =
            model.kinds.iter().map(|kind| kind.requests as f64 / total.max(1.0)).collect();
        let mut counts = vec![vec![0.0; model.kinds.len()]; 24];
        for cell in &model.cells {
            counts[usize::from(cell.hour)][cell.kind as usize] += cell.requests as f64;
        }
        let smooth = |counts: Vec<f64>| {
            let all: f64 = counts.iter().sum::<f64>() + PSEUDO_REQUESTS;
            let of = |(count, share): (&f64, &f64)| (count + PSEUDO_REQUESTS * share) / all;
            counts.iter().zip(&overall).map(of).collect()
        };
        let shares: Vec<Vec<f64>> = counts.into_iter().map(smooth).collect();
        let running = shares.iter().map(|shares| running(shares.iter().copied())).collect();
        Self { shares, overall, running }
    }
}

/// Walks through sessions.
struct Walker<'a> {
    sessions: &'a Sessions,
    /// Precision of the recorded times in seconds.
    resolution_s: f64,
    lengths: Vec<f64>,
    first: Vec<f64>,
    /// Successors of each kind with their counts.
    rows: Vec<Vec<(usize, f64)>>,
    /// The factor of each kind in each hour of the day.
    factors: Vec<Vec<f64>>,
}

impl<'a> Walker<'a> {
    fn new(model: &TrafficModel, sessions: &'a Sessions) -> Self {
        let mut rows = vec![Vec::new(); model.kinds.len()];
        for one in &sessions.transitions {
            rows[one.from as usize].push((one.to as usize, one.requests as f64));
        }
        let mut walker = Self {
            sessions,
            resolution_s: model.source.resolution_s,
            lengths: running(sessions.lengths.iter().map(|length| length.sessions as f64)),
            first: sessions.first.iter().map(|count| *count as f64).collect(),
            rows,
            factors: Vec::new(),
        };
        let Shares { shares, overall, .. } = Shares::new(model);
        let usual = walker.stationary(&vec![1.0; overall.len()]);
        let wanted = |shares: &Vec<f64>| -> Vec<f64> {
            let ratio = |(share, all): (&f64, &f64)| if *all > 0.0 { share / all } else { 1.0 };
            let weights: Vec<f64> = shares
                .iter()
                .zip(&overall)
                .map(ratio)
                .zip(&usual)
                .map(|(ratio, usual)| ratio * usual)
                .collect();
            let total: f64 = weights.iter().sum();
            weights.into_iter().map(|weight| weight / total).collect()
        };
        walker.factors = shares.iter().map(|shares| walker.fit(&wanted(shares))).collect();
        walker
    }

    /// Fits the factors with which the stationary shares of the kinds are those wanted.
    fn fit(&self, wanted: &[f64]) -> Vec<f64> {
        let mut factors = vec![1.0; wanted.len()];
        for _ in 0..ROUNDS {
            let found = self.stationary(&factors);
            for ((factor, found), wanted) in factors.iter_mut().zip(&found).zip(wanted) {
                if *found > 0.0 && *wanted > 0.0 {
                    *factor *= (wanted / found).clamp(0.2, 5.0);
                }
            }
        }
        factors
    }

    /// Returns the shares of kinds over many sessions of the mean length.
    fn stationary(&self, factors: &[f64]) -> Vec<f64> {
        let restart = 1.0 / self.sessions.mean_length.max(1.0);
        let tilted: Vec<f64> = self.first.iter().zip(factors).map(|(count, factor)| count * factor).collect();
        let total: f64 = tilted.iter().sum();
        let begin: Vec<f64> = tilted.iter().map(|weight| weight / total).collect();
        let sums: Vec<f64> =
            self.rows.iter().map(|row| row.iter().map(|(to, count)| count * factors[*to]).sum()).collect();
        let mut shares = begin.clone();
        for _ in 0..STEPS {
            let mut next: Vec<f64> = begin.iter().map(|share| share * restart).collect();
            for (from, row) in self.rows.iter().enumerate() {
                let going = shares[from] * (1.0 - restart);
                match sums[from] > 0.0 {
                    true => row
                        .iter()
                        .for_each(|(to, count)| next[*to] += going * count * factors[*to] / sums[from]),
                    // No session went on from here, so the next request is like a first one.
                    false => next.iter_mut().zip(&begin).for_each(|(next, share)| *next += going * share),
                }
            }
            shares = next;
        }
        shares
    }

    fn length(&self, rng: &mut Rng) -> u64 {
        self.sessions.lengths[choose(&self.lengths, rng)].requests
    }

    /// Draws a time between requests. A difference of two rounded times may be off by their precision either way.
    fn think_s(&self, rng: &mut Rng) -> f64 {
        let error = self.resolution_s * (rng.random::<f64>() - rng.random::<f64>());
        (fits::draw(&self.sessions.think_times_s, rng) + error).max(0.0)
    }

    fn next(&self, from: Option<usize>, hour: u8, rng: &mut Rng) -> usize {
        let factors = &self.factors[usize::from(hour)];
        if let Some(row) = from.map(|kind| &self.rows[kind]).filter(|row| !row.is_empty()) {
            let weights = running(row.iter().map(|(to, count)| count * factors[*to]));
            return row[choose(&weights, rng)].0;
        }
        choose(&running(self.first.iter().zip(factors).map(|(count, factor)| count * factor)), rng)
    }

    /// Returns how long before the list sessions may begin that still matter: the length that one in a thousand
    /// sessions exceeds.
    fn lead_s(&self) -> f64 {
        let think = &self.sessions.think_times_s;
        let mean = think.iter().sum::<f64>() / think.len().max(1) as f64;
        let total = self.lengths.last().copied().unwrap_or(0.0);
        let rare = self.lengths.partition_point(|sum| *sum < 0.999 * total);
        let longest = self.sessions.lengths.get(rare).map_or(1, |length| length.requests);
        (longest as f64 * mean).min(LONGEST_LEAD_S)
    }
}
