//! Two exponential servers of unequal speed with a queue each, Poisson arrivals that are placed at once: the
//! smallest problem of load balancing. The policy that keeps the fewest in the system follows a switching
//! curve (Hajek, Optimal control of two interacting service stations, IEEE Transactions on Automatic Control
//! 29, 1984), which value iteration finds; queues end at a length that is hardly ever met.

use lb_core::policy::learned::{Network, WIDTH};
use lb_core::{Rng, Seed};
use rand::RngExt;
use rl_trainer::rollout::Trajectory;

/// Requests in each system.
pub(crate) type State = [usize; 2];

/// Longest queue.
const MOST: usize = 40;

/// Rates, scaled so that they add up to one (uniformisation): one event per unit of time.
pub(crate) struct Problem {
    arrival: f64,
    service: [f64; 2],
}

impl Problem {
    pub(crate) fn new(arrival: f64, service: [f64; 2]) -> Self {
        let total = arrival + service[0] + service[1];
        Self { arrival: arrival / total, service: service.map(|rate| rate / total) }
    }

    /// One sweep of (relative) value iteration. `second` says, for each state, whether to send to the second
    /// queue, none to choose the better.
    fn sweep(&self, values: &[f64], second: Option<&dyn Fn(State) -> bool>) -> (Vec<f64>, f64, f64) {
        let at = |state: State| values[state[0] * (MOST + 1) + state[1]];
        let after = |state: State, queue: usize| {
            let mut next = state;
            next[queue] = (next[queue] + 1).min(MOST);
            at(next)
        };
        let (mut next, mut least, mut most) = (vec![0.0; values.len()], f64::INFINITY, f64::NEG_INFINITY);
        for one in 0..=MOST {
            for other in 0..=MOST {
                let state = [one, other];
                let placed = match second {
                    Some(second) => after(state, usize::from(second(state))),
                    None => after(state, 0).min(after(state, 1)),
                };
                let left = [[one.saturating_sub(1), other], [one, other.saturating_sub(1)]];
                let value = (one + other) as f64
                    + self.arrival * placed
                    + self.service[0] * at(left[0])
                    + self.service[1] * at(left[1]);
                let change = value - at(state);
                (least, most) = (f64::min(least, change), f64::max(most, change));
                next[one * (MOST + 1) + other] = value;
            }
        }
        (next, least, most)
    }

    /// Mean number in both systems, between bounds that close in.
    fn iterate(&self, second: Option<&dyn Fn(State) -> bool>) -> f64 {
        let mut values = vec![0.0; (MOST + 1) * (MOST + 1)];
        loop {
            let (next, least, most) = self.sweep(&values, second);
            if most - least < 1e-6 * most {
                return (least + most) / 2.0;
            }
            let origin = next[0];
            values = next.iter().map(|value| value - origin).collect();
        }
    }

    /// The least mean number in the system.
    pub(crate) fn optimal_cost(&self) -> f64 {
        self.iterate(None)
    }

    /// The mean number in the system under a policy that says whether to send to the second queue.
    pub(crate) fn cost(&self, second: &dyn Fn(State) -> bool) -> f64 {
        self.iterate(Some(second))
    }

    /// What the network sees of a state: length of each queue, and how fast each server is.
    pub(crate) fn rows(&self, state: State) -> [f32; 2 * WIDTH] {
        let mut rows = [0.0; 2 * WIDTH];
        for queue in 0..2 {
            rows[queue * WIDTH] = (state[queue] as f32).ln_1p();
            rows[queue * WIDTH + 1] = state[queue] as f32 / 4.0;
            rows[queue * WIDTH + 2] = (self.service[queue] / self.service[0]).ln() as f32;
        }
        rows
    }

    /// An episode of so many arrivals under softmax; each earns minus the time that the others and it spend
    /// in the system until the next.
    pub(crate) fn play(&self, network: &Network, arrivals: usize, seed: Seed) -> Trajectory {
        let mut rng: Rng = seed.stream(&[]);
        let mut made = Trajectory::default();
        let (mut state, mut clock): (State, f32) = ([0, 0], 0.0);
        while made.len() < arrivals {
            let drawn: f64 = rng.random();
            if drawn < self.arrival {
                let rows = self.rows(state);
                let mut scores = [0.0; 2];
                network.add_scores(&rows, &mut scores);
                let second = 1.0 / (1.0 + f64::from(scores[0] - scores[1]).exp());
                let queue = usize::from(rng.random::<f64>() < second);
                made.counts.push(2);
                made.rows.extend_from_slice(&rows);
                made.priors.extend([0.0; 2]);
                made.actions.push(queue as u16);
                made.log_probs.push((if queue == 1 { second } else { 1.0 - second }).ln() as f32);
                made.at.push(clock);
                made.rewards.push(0.0);
                state[queue] = (state[queue] + 1).min(MOST);
            } else {
                let queue = usize::from(drawn >= self.arrival + self.service[0]);
                state[queue] = state[queue].saturating_sub(1);
            }
            clock += 1.0;
            if let Some(reward) = made.rewards.last_mut() {
                *reward -= (state[0] + state[1]) as f32;
            }
        }
        made
    }
}

/// The queue with the better score.
pub(crate) fn greedy(network: &Network, problem: &Problem, state: State) -> bool {
    let mut scores = [0.0; 2];
    network.add_scores(&problem.rows(state), &mut scores);
    scores[1] > scores[0]
}
