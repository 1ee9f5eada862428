//! One environment: a stepped simulation, its seeds, its rewards and the ends of its episodes.

use crate::cases::Source;
use lb_core::policy::learned::WIDTH;
use lb_core::policy::reward::{CHEAPEST_ERROR, reward};
use lb_core::policy::{BackendIndex, ReplyKind};
use lb_core::workload::{Observer, Sample};
use lb_core::{Seed, Span};
use simulator::{NOT_ELIGIBLE, Settled, Stepped};
use std::sync::Arc;

/// What all environments of a fleet have in common.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) source: Source,
    /// Number of rows of an observation.
    pub(crate) backends: usize,
    /// Number of decisions after which an episode is truncated.
    pub(crate) decisions: u64,
    pub(crate) reward: RewardForm,
    /// Whether the prior follows the features of a row.
    pub(crate) prior: bool,
    pub(crate) autoreset: Autoreset,
}

/// Which reward a step gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RewardForm {
    /// Minus the integral of the number of requests in flight up to the next decision.
    Time,
    /// Minus the costs of the requests that ended up to the next decision.
    PerRequest,
}

/// What happens after the end of an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Autoreset {
    /// The next step begins another episode and ignores its action.
    NextStep,
    /// The step that ends the episode begins the next one.
    SameStep,
    /// Nothing, until the caller resets it.
    Disabled,
}

impl Setup {
    /// Returns the number of values in a row.
    pub(crate) fn width(&self) -> usize {
        WIDTH + usize::from(self.prior)
    }

    /// Returns the number of values in an observation.
    pub(crate) fn observation(&self) -> usize {
        self.backends * self.width()
    }
}

/// Results of the environments of a chunk, in order.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    pub(crate) observations: Vec<f32>,
    /// The last observations of episodes that ended in this step, if it also began the next ones.
    pub(crate) finals: Vec<f32>,
    /// 1 for each backend that may be picked, else 0.
    pub(crate) masks: Vec<u8>,
    pub(crate) rewards: Vec<f64>,
    pub(crate) terminated: Vec<u8>,
    pub(crate) truncated: Vec<u8>,
    /// Whether a pick that was not eligible was replaced.
    pub(crate) redirected: Vec<u8>,
    pub(crate) balancers: Vec<i64>,
    /// Seconds since the start of the episode.
    pub(crate) seconds: Vec<f64>,
}

impl Outputs {
    pub(crate) fn new(setup: &Setup, count: usize) -> Self {
        let finals = if setup.autoreset == Autoreset::SameStep { count * setup.observation() } else { 0 };
        Self {
            observations: vec![0.0; count * setup.observation()],
            finals: vec![0.0; finals],
            masks: vec![0; count * setup.backends],
            rewards: vec![0.0; count],
            terminated: vec![0; count],
            truncated: vec![0; count],
            redirected: vec![0; count],
            balancers: vec![0; count],
            seconds: vec![0.0; count],
        }
    }
}

/// A request that ended: number of the decision, backend, reward.
pub(crate) type Ended = (u64, u32, f32);

/// One environment.
pub(crate) struct Seat {
    setup: Arc<Setup>,
    seed: u64,
    /// Number of the episode under the seed.
    episode: u64,
    stepped: Option<Stepped>,
    /// Mean service time, the unit of rewards.
    service: Span,
    /// Number of decisions of the episode so far.
    made: u64,
    is_over: bool,
    /// Requests that ended in the latest step, for rewards per request.
    pub(crate) ended: Vec<Ended>,
    rows: Vec<f32>,
    priors: Vec<f32>,
}

impl Seat {
    pub(crate) fn new(setup: &Arc<Setup>, seed: u64) -> Self {
        Self {
            setup: Arc::clone(setup),
            seed,
            episode: 0,
            stepped: None,
            service: Span::ZERO,
            made: 0,
            is_over: true,
            ended: Vec::new(),
            rows: vec![0.0; setup.backends * WIDTH],
            priors: vec![0.0; setup.backends],
        }
    }

    /// Begins an episode: the first under a new seed, else the next one. Writes its first observation to place `at` of
    /// `out`.
    pub(crate) fn reset(&mut self, seed: Option<u64>, out: &mut Outputs, at: usize) {
        match seed {
            Some(seed) => (self.seed, self.episode) = (seed, 0),
            None if self.stepped.is_some() => self.episode += 1,
            None => {}
        }
        let mut case = self.setup.source.case(Seed(self.seed).key(&[self.episode]));
        // More requests than decisions, so that an episode ends with requests in flight, as a load balancer's day does.
        // Those that no backend may serve need no decision.
        case.load.requests = self.setup.decisions.saturating_mul(2).saturating_add(SPARE);
        self.service = Span::from_millis_f64(case.service_ms);
        let mut stepped =
            Stepped::new(&case.topology, &case.load, &case.options).expect("a case can be simulated");
        self.is_over = stepped.next(&mut Ignore).is_none();
        stepped.waited();
        self.stepped = Some(stepped);
        self.made = 0;
        self.ended.clear();
        (out.rewards[at], out.redirected[at]) = (0.0, 0);
        (out.terminated[at], out.truncated[at]) = (0, 0);
        self.observe(out, at);
    }

    /// Carries out `action`, runs to the next decision, and writes what came of it to place `at` of `out`.
    pub(crate) fn step(&mut self, action: i64, out: &mut Outputs, at: usize) {
        if self.is_over {
            if self.setup.autoreset == Autoreset::NextStep {
                self.reset(None, out, at);
            }
            return;
        }
        let Some(stepped) = &mut self.stepped else { return };
        out.redirected[at] = u8::from(place(stepped, action));
        self.made += 1;
        let is_done = stepped.next(&mut Ignore).is_none();
        self.ended.clear();
        out.rewards[at] = self.collect();
        let is_cut = !is_done && self.made >= self.setup.decisions;
        (out.terminated[at], out.truncated[at]) = (u8::from(is_done), u8::from(is_cut));
        self.is_over = is_done || is_cut;
        self.observe(out, at);
        if self.is_over && self.setup.autoreset == Autoreset::SameStep {
            self.begin_next(out, at);
        }
    }

    /// Returns whether a step would be ignored until the environment is reset.
    pub(crate) fn must_be_reset(&self) -> bool {
        self.stepped.is_none() || (self.is_over && self.setup.autoreset == Autoreset::Disabled)
    }

    /// Begins the next episode within the step that ended this one; its results stay, its last observation moves.
    fn begin_next(&mut self, out: &mut Outputs, at: usize) {
        let all = at * self.setup.observation()..(at + 1) * self.setup.observation();
        out.finals[all.clone()].copy_from_slice(&out.observations[all]);
        let results = (out.rewards[at], out.terminated[at], out.truncated[at]);
        let ended = std::mem::take(&mut self.ended);
        self.reset(None, out, at);
        self.ended = ended;
        (out.rewards[at], out.terminated[at], out.truncated[at]) = results;
    }

    /// Returns the reward since the previous decision.
    fn collect(&mut self) -> f64 {
        let Some(stepped) = &mut self.stepped else { return 0.0 };
        let service = self.service;
        let in_services = |nanos: f64| nanos / service.as_nanos() as f64;
        let waited = in_services(stepped.waited() as f64);
        match self.setup.reward {
            RewardForm::Time => {
                let mut failures = 0.0;
                stepped.settle(|one| failures += surcharge(&one, service));
                -waited - failures
            }
            RewardForm::PerRequest => {
                let ended = &mut self.ended;
                stepped.settle(|one| {
                    ended.push((one.decision, one.backend.0, reward(one.kind, one.latency, service)));
                });
                ended.iter().map(|(_, _, reward)| f64::from(*reward)).sum()
            }
        }
    }

    fn observe(&mut self, out: &mut Outputs, at: usize) {
        let (backends, width) = (self.setup.backends, self.setup.width());
        let Some(stepped) = &mut self.stepped else { return };
        let observation = &mut out.observations[at * backends * width..(at + 1) * backends * width];
        let mask = &mut out.masks[at * backends..(at + 1) * backends];
        mask.fill(0);
        let Some(decision) = stepped.decision() else {
            observation.fill(0.0);
            return;
        };
        decision.pool.eligible.iter().for_each(|backend| mask[backend.get()] = 1);
        out.balancers[at] = i64::from(decision.balancer);
        out.seconds[at] = decision.now.as_secs_f64();
        let own = decision.pool.backends.len();
        if !self.setup.prior {
            stepped.observe(observation, &mut self.priors);
            observation[own * WIDTH..].fill(0.0);
            return;
        }
        self.priors[own..].fill(NOT_ELIGIBLE);
        self.rows[own * WIDTH..].fill(0.0);
        stepped.observe(&mut self.rows, &mut self.priors);
        let seen = self.rows.chunks_exact(WIDTH).zip(&self.priors);
        for (to, (row, prior)) in observation.chunks_exact_mut(width).zip(seen) {
            to[..WIDTH].copy_from_slice(row);
            to[WIDTH] = *prior;
        }
    }
}

/// Number of requests beyond twice the decisions of an episode.
const SPARE: u64 = 1_000;

/// Places the waiting request at backend `action`. If that is not eligible, the eligible backend with the fewest requests
/// in flight gets it. Returns whether that was so.
fn place(stepped: &mut Stepped, action: i64) -> bool {
    let picked = u32::try_from(action).ok().map(BackendIndex);
    if picked.is_some_and(|picked| stepped.decide(picked).is_ok()) {
        return false;
    }
    let Some(decision) = stepped.decision() else { return false };
    let in_flight = |backend: &&BackendIndex| decision.pool.backend(**backend).in_flight;
    let least = decision.pool.eligible.iter().min_by_key(in_flight).copied();
    least.is_some_and(|least| stepped.decide(least).is_ok())
}

/// Returns what a failure costs beyond the time that it took, in mean service times: a backend that fails fast must not
/// look fast.
fn surcharge(one: &Settled, service: Span) -> f64 {
    let took = one.latency.as_nanos() as f64 / service.as_nanos() as f64;
    if one.kind == ReplyKind::Success { 0.0 } else { (f64::from(CHEAPEST_ERROR) - took).max(0.0) }
}

/// Discards samples: rewards are what load balancers see.
struct Ignore;

impl Observer for Ignore {
    fn sample(&mut self, _sample: &Sample) {}
}
