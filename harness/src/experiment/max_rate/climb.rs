//! The search for the highest rate that meets an objective, independent of how a rate is probed.
//!
//! The outcome of one probe is partly chance, especially close to the highest rate. So single probes only
//! locate the limit: the rate is doubled or halved until the outcome changes, and the gap is halved until the
//! two rates are neighbours. The reported rates are decided by further probes on other schedules: a rate
//! meets or breaches the objective when one outcome leads by three. This is Wald's sequential test (Annals of
//! Mathematical Statistics 16, 1945) of "three of four probes meet it" against "one of four does"; it is
//! wrong in less than 4 % of cases. The bounds move apart until the upper one is decided to breach the
//! objective and the lower one is decided to meet it and is confirmed by a longer probe.

use super::ladder::{HIGHEST, OCTAVE, Rung};
use crate::experiment::error::RunError;
use lb_results::ProbeStage;
use std::collections::BTreeMap;

/// The number of probes by which one outcome must lead.
const LEAD: i32 = 3;
/// The most probes for one decision; without a lead by then, the rate stays undecided.
const MOST_REPLICATES: u32 = 9;

/// How one probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The objective was met.
    Kept,
    /// The objective was breached.
    Breached,
    /// The generator or the machine was the limit, so nothing is known about the algorithm.
    Invalid,
}

/// The result of repeated probes of one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Kept,
    Breached,
    Invalid,
    Undecided,
}

/// Why a search ended early.
#[derive(Debug)]
pub(super) enum Stop {
    Interrupted,
    Failed(RunError),
}

impl From<RunError> for Stop {
    fn from(error: RunError) -> Self {
        Self::Failed(error)
    }
}

/// Probes one rate once.
pub(super) trait Probe {
    /// Runs schedule number `replicate` at the rate of `rung`.
    async fn probe(&mut self, stage: ProbeStage, rung: Rung, replicate: u32) -> Result<Outcome, Stop>;
}

/// The result of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The highest rung that was decided and confirmed to meet the objective.
    pub(super) kept: Option<Rung>,
    /// The lowest rung above it that was decided to breach the objective.
    pub(super) breached: Option<Rung>,
    /// Whether invalid probes ended the upward search, or all probes were invalid.
    pub(super) by_generator: bool,
}

/// Searches from `first` upwards and downwards, but not below `lowest`.
pub(super) async fn climb<P: Probe>(probe: &mut P, first: Rung, lowest: Rung) -> Result<Found, Stop> {
    let mut climb = Climb { probe, lowest, decisions: BTreeMap::new(), invalid_above: None };
    let (kept, missed) = climb.place(first).await?;
    let start = climb.find_breach(missed, kept.unwrap_or(lowest)).await?;
    let kept = climb.find_kept(start).await?;
    let decided = |decision: Decision| climb.decisions.iter().filter(move |(_, is)| **is == decision);
    let breached = decided(Decision::Breached).map(|(rung, _)| *rung).find(|rung| Some(*rung) > kept);
    let by_generator = breached.is_none() && climb.invalid_above.is_some_and(|rung| Some(rung) > kept);
    Ok(Found { kept, breached, by_generator })
}

struct Climb<'p, P> {
    probe: &'p mut P,
    lowest: Rung,
    decisions: BTreeMap<Rung, Decision>,
    /// The lowest rung with an invalid probe.
    invalid_above: Option<Rung>,
}

impl<P: Probe> Climb<'_, P> {
    /// Probes a rung once, and once more if the probe is invalid.
    async fn once(&mut self, stage: ProbeStage, rung: Rung, replicate: u32) -> Result<Outcome, Stop> {
        let mut outcome = self.probe.probe(stage, rung, replicate).await?;
        if outcome == Outcome::Invalid {
            outcome = self.probe.probe(stage, rung, replicate).await?;
        }
        if outcome == Outcome::Invalid {
            self.invalid_above = Some(self.invalid_above.map_or(rung, |known| known.min(rung)));
        }
        Ok(outcome)
    }

    /// Returns two neighbouring rungs: a single probe of the first met the objective, and one of the second
    /// did not. An element is `None` if the ladder ends first.
    async fn place(&mut self, first: Rung) -> Result<(Option<Rung>, Option<Rung>), Stop> {
        let (mut kept, mut missed, mut rung) = (None, None, first);
        loop {
            match self.once(ProbeStage::Exponential, rung, 0).await? {
                Outcome::Kept => kept = Some(rung),
                Outcome::Breached | Outcome::Invalid => missed = Some(rung),
            }
            rung = match (kept, missed) {
                (Some(kept), None) if kept < HIGHEST => (kept + OCTAVE).min(HIGHEST),
                (None, Some(missed)) if missed > self.lowest => (missed - OCTAVE).max(self.lowest),
                _ => break,
            };
        }
        while let (Some(low), Some(high)) = (kept, missed)
            && high - low > 1
        {
            let middle = low.midpoint(high);
            match self.once(ProbeStage::Binary, middle, 0).await? {
                Outcome::Kept => kept = Some(middle),
                Outcome::Breached | Outcome::Invalid => missed = Some(middle),
            }
        }
        Ok((kept, missed))
    }

    /// Moves up from `missed` until a rung is decided to breach the objective or nothing more can be decided.
    /// Returns the highest rung that was decided to meet the objective on the way, at least `kept`.
    async fn find_breach(&mut self, missed: Option<Rung>, kept: Rung) -> Result<Rung, Stop> {
        let (mut start, mut rung) = (kept, missed);
        let mut steps = steps();
        while let Some(current) = rung {
            match self.decide(current).await? {
                Decision::Breached | Decision::Invalid => break,
                Decision::Kept => start = current,
                Decision::Undecided => {}
            }
            rung = (current < HIGHEST).then(|| (current + steps.next().unwrap_or(OCTAVE)).min(HIGHEST));
        }
        Ok(start)
    }

    /// Moves down from `start` until a rung is decided and confirmed to meet the objective. `None` if even
    /// the lowest rung does not.
    async fn find_kept(&mut self, start: Rung) -> Result<Option<Rung>, Stop> {
        let mut rung = start;
        for step in steps() {
            if self.decide(rung).await? == Decision::Kept
                && self.once(ProbeStage::Confirm, rung, MOST_REPLICATES + 1).await? == Outcome::Kept
            {
                return Ok(Some(rung));
            }
            if rung <= self.lowest {
                break;
            }
            rung = (rung - step).max(self.lowest);
        }
        Ok(None)
    }

    /// Probes a rung on different schedules until one outcome leads.
    async fn decide(&mut self, rung: Rung) -> Result<Decision, Stop> {
        if let Some(decision) = self.decisions.get(&rung) {
            return Ok(*decision);
        }
        let (mut lead, mut decision) = (0_i32, Decision::Undecided);
        for replicate in 1..=MOST_REPLICATES {
            match self.once(ProbeStage::Decide, rung, replicate).await? {
                Outcome::Kept => lead += 1,
                Outcome::Breached => lead -= 1,
                Outcome::Invalid => {
                    decision = Decision::Invalid;
                    break;
                }
            }
            let left = (MOST_REPLICATES - replicate) as i32;
            match lead {
                LEAD.. => decision = Decision::Kept,
                ..=-3 => decision = Decision::Breached,
                _ if lead.abs() + left >= LEAD => continue,
                _ => {}
            }
            break;
        }
        self.decisions.insert(rung, decision);
        Ok(decision)
    }
}

/// Returns the steps by which a bound moves: one rung at first, then more and more.
fn steps() -> impl Iterator<Item = Rung> {
    [1, 1, 1].into_iter().chain((1..).map(|power: u32| 1 << power.min(4)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::Seed;
    use rand::RngExt;

    /// An algorithm whose probability of meeting the objective falls around `limit`, within about `width`
    /// rungs. Probes above `generator` are invalid.
    struct Noisy {
        limit: f64,
        width: f64,
        generator: Rung,
        seed: u64,
        tried: Vec<(ProbeStage, Rung, u32, Outcome)>,
    }

    impl Noisy {
        fn new(limit: f64, width: f64, seed: u64) -> Self {
            Self { limit, width, generator: Rung::MAX, seed, tried: Vec::new() }
        }
    }

    impl Probe for Noisy {
        async fn probe(&mut self, stage: ProbeStage, rung: Rung, replicate: u32) -> Result<Outcome, Stop> {
            let chance = 1.0 / (1.0 + ((f64::from(rung) - self.limit) / self.width).exp());
            // A longer probe depends less on chance.
            let chance =
                if stage == ProbeStage::Confirm { f64::from(u8::from(chance >= 0.5)) } else { chance };
            let drawn = Seed(self.seed).stream(&[u64::from(replicate), rung as u64]).random::<f64>();
            let outcome = match (rung >= self.generator, drawn < chance) {
                (true, _) => Outcome::Invalid,
                (false, true) => Outcome::Kept,
                (false, false) => Outcome::Breached,
            };
            self.tried.push((stage, rung, replicate, outcome));
            Ok(outcome)
        }
    }

    fn search(probe: &mut Noisy, first: Rung, lowest: Rung) -> Found {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(climb(probe, first, lowest)).unwrap_or_else(|stop| panic!("{stop:?}"))
    }

    #[test]
    fn without_noise_the_neighbours_of_the_limit_are_found_from_far_above_and_far_below() {
        for limit in [-70.5, -3.5, 0.5, 40.5, 200.5] {
            for first in [-80, 0, 160] {
                let found = search(&mut Noisy::new(limit, 1e-6, 1), first, -100);
                let expected = Found {
                    kept: Some(limit.floor() as Rung),
                    breached: Some(limit.ceil() as Rung),
                    by_generator: false,
                };
                assert_eq!(found, expected, "limit {limit} from {first}");
            }
        }
    }

    #[test]
    fn under_noise_the_bounds_are_on_the_right_sides_nearly_always_and_close() {
        let (limit, width) = (50.4, 1.5);
        // Three of four probes meet the objective this far below the limit; one of four does this far above
        // it.
        let unsure = width * 3_f64.ln();
        let (mut right, mut close) = (0, 0);
        for seed in 0..400 {
            let mut probe = Noisy::new(limit, width, seed);
            let Found { kept, breached, .. } = search(&mut probe, 0, -100);
            let (kept, breached) = (kept.expect("a rate is kept"), breached.expect("a rate is breached"));
            right += u32::from(f64::from(kept) < limit + unsure && f64::from(breached) > limit - unsure);
            close += u32::from(breached - kept <= OCTAVE / 2);
        }
        assert!(right >= 384, "the bounds are on the right sides in {right} of 400 searches");
        assert!(close >= 360, "and within half an octave in {close}");
    }

    #[test]
    fn of_two_equal_algorithms_one_is_rarely_found_to_be_better() {
        let mut differ = 0;
        for seed in 0..400 {
            let [first, second] =
                [0, 1_000].map(|other| search(&mut Noisy::new(50.4, 1.5, seed + other), 0, -100));
            differ += u32::from(first.kept > second.breached || second.kept > first.breached);
        }
        assert!(differ <= 20, "equal algorithms differ in {differ} of 400 pairs of searches");
    }

    #[test]
    fn what_is_reported_was_decided_on_schedules_that_did_not_choose_it_and_confirmed() {
        for seed in 0..50 {
            let mut probe = Noisy::new(20.0, 3.0, seed);
            let found = search(&mut probe, 0, -100);
            let led = |rung: Option<Rung>, outcome| {
                let deciding = probe.tried.iter().filter(|(stage, of, replicate, _)| {
                    *stage == ProbeStage::Decide && Some(*of) == rung && *replicate > 0
                });
                deciding.map(|tried| if tried.3 == outcome { 1 } else { -1 }).sum::<i32>()
            };
            assert_eq!(led(found.kept, Outcome::Kept), LEAD, "seed {seed}");
            assert_eq!(led(found.breached, Outcome::Breached), LEAD, "seed {seed}");
            let last = probe.tried.last().expect("there were probes");
            assert_eq!((last.0, Some(last.1), last.3), (ProbeStage::Confirm, found.kept, Outcome::Kept));
        }
    }

    #[test]
    fn a_rate_is_searched_down_to_the_end_of_the_ladder() {
        let found = search(&mut Noisy::new(-500.0, 1e-6, 1), 0, -100);
        assert_eq!(found, Found { kept: None, breached: Some(-100), by_generator: false });
        let found = search(&mut Noisy::new(-99.5, 1e-6, 1), 64, -100);
        assert_eq!(found.kept, Some(-100), "the lowest rung counts");
        let found = search(&mut Noisy::new(1e6, 1e-6, 1), 64, -100);
        assert_eq!(found, Found { kept: Some(HIGHEST), breached: None, by_generator: false });
    }

    #[test]
    fn a_generator_that_cannot_go_on_is_the_limit_and_not_the_algorithm() {
        let found = search(&mut Noisy { generator: 30, ..Noisy::new(500.0, 1e-6, 1) }, 0, -100);
        assert_eq!(found, Found { kept: Some(29), breached: None, by_generator: true });
        let found = search(&mut Noisy { generator: 30, ..Noisy::new(20.5, 1e-6, 1) }, 64, -100);
        assert_eq!(found, Found { kept: Some(20), breached: Some(21), by_generator: false });
        let found = search(&mut Noisy { generator: Rung::MIN, ..Noisy::new(20.5, 1e-6, 1) }, 0, -100);
        assert_eq!(found, Found { kept: None, breached: None, by_generator: true });
    }
}
