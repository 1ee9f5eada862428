//! PPO's mathematics against numbers worked out by hand, against other implementations, and against a problem
//! whose optimum is known.

use lb_core::policy::learned::{Network, WIDTH};
use lb_core::{Rng, Seed};
use rand::RngExt;
use rl_trainer::ppo::math::{discount, explained_variance, gae, standardise, surrogate, value_scale};
use rl_trainer::ppo::{Args, Critic, Learner};
use rl_trainer::rollout::Trajectory;
use rl_trainer::scorer::{Adam, Batch, Scorer, initial};
use tch::nn::OptimizerConfig;
use tch::{Device, Kind, Tensor};

#[path = "ppo/two_queues.rs"]
mod two_queues;

fn near(found: f32, expected: f32, what: &str) {
    assert!((found - expected).abs() < 1e-5, "{what}: {found}, by hand {expected}");
}

#[test]
fn the_discount_depends_on_elapsed_time_alone() {
    near(discount(0.0, 10.0), 1.0, "no time");
    near(discount(10.0, 10.0), (-1.0f32).exp(), "one horizon");
    near(discount(3.0, 10.0) * discount(4.0, 10.0), discount(7.0, 10.0), "gaps add up");
}

#[test]
fn advantages_are_those_worked_out_by_hand() {
    // delta = (1 + .5*2 - 1, 2 + .25*4 - 2, 3 + .5*0 - 4) = (1, 1, -1)
    // A3 = -1;  A2 = 1 + .25*.8*(-1) = .8;  A1 = 1 + .5*.8*.8 = 1.32
    let (advantages, returns) = gae(&[1.0, 2.0, 3.0], &[1.0, 2.0, 4.0, 0.0], &[0.5, 0.25, 0.5], 0.8);
    for (found, expected) in advantages.iter().zip([1.32, 0.8, -1.0]) {
        near(*found, expected, "advantage");
    }
    for (found, expected) in returns.iter().zip([2.32, 2.8, 3.0]) {
        near(*found, expected, "return");
    }
}

#[test]
fn advantages_are_the_sum_that_defines_them() {
    let mut rng = Seed(4).stream(&[]);
    let mut draw = |count: usize| (0..count).map(|_| rng.random_range(-1.0..1.0f32)).collect::<Vec<f32>>();
    let (rewards, values) = (draw(40), draw(41));
    let discounts: Vec<f32> = draw(40).iter().map(|number| 0.9 + 0.09 * number).collect();
    let lambda = 0.93;
    let (advantages, _) = gae(&rewards, &values, &discounts, lambda);
    for (from, advantage) in advantages.iter().enumerate() {
        let (mut sum, mut weight) = (0.0f64, 1.0f64);
        for step in from..40 {
            let delta = rewards[step] + discounts[step] * values[step + 1] - values[step];
            sum += weight * f64::from(delta);
            weight *= f64::from(discounts[step] * lambda);
        }
        near(*advantage, sum as f32, "sum of discounted temporal differences");
    }
}

#[test]
fn with_lambda_one_and_a_true_critic_nothing_is_an_advantage() {
    // Rewards of 1 for ever under a discount of 0.5 are worth 2.
    let (advantages, _) = gae(&[1.0; 30], &[2.0; 31], &[0.5; 30], 1.0);
    advantages.iter().for_each(|advantage| near(*advantage, 0.0, "expected all along"));
}

#[test]
fn the_surrogate_is_clipped_on_the_side_that_gains() {
    let cases = [
        // (ratio, advantage, expected) with a clip of 0.2
        (1.0, 3.0, 3.0),
        (1.5, 2.0, 2.4),
        (0.5, 2.0, 1.0),
        (1.5, -2.0, -3.0),
        (0.5, -2.0, -1.6),
    ];
    for (ratio, advantage, expected) in cases {
        near(surrogate(ratio, advantage, 0.2), expected, "surrogate");
    }
}

#[test]
fn rewards_are_taken_relative_to_the_usual() {
    let standard = standardise(&[1.0, 2.0, 3.0, 4.0]);
    near(standard.iter().sum(), 0.0, "average-reward form");
    near(standard[3], 1.5 / 1.25f32.sqrt(), "in units of the deviation");
    near(value_scale(&[0.99; 10]), 0.1, "returns of a hundred rewards deviate by ten");
    near(explained_variance(&[1.0, 2.0], &[1.0, 2.0]), 1.0, "a true critic");
    near(explained_variance(&[1.5, 1.5], &[1.0, 2.0]), 0.0, "a critic that says the mean");
}

/// Decisions between two or three candidates with random rows.
fn decisions(count: usize, seed: u64) -> Trajectory {
    let mut rng: Rng = Seed(seed).stream(&[]);
    let mut made = Trajectory::default();
    for number in 0..count {
        let candidates = 2 + number % 2;
        made.counts.push(candidates as u16);
        made.rows.extend((0..candidates * WIDTH).map(|_| rng.random_range(-1.0..1.0f32)));
        made.priors.extend((0..candidates).map(|_| rng.random_range(-1.0..1.0f32)));
        made.actions.push((number % candidates) as u16);
        made.log_probs.push(rng.random_range(-1.5..-0.3f32));
        made.at.push(number as f32);
        made.rewards.push(rng.random_range(-2.0..0.0f32));
    }
    made
}

fn learner(seed: u64) -> Learner {
    let mut network = initial(Seed(seed), [0.1; WIDTH], [0.7; WIDTH]);
    let mut rng = Seed(seed).stream(&[9]);
    network.third.iter_mut().for_each(|weight| *weight = rng.random_range(-0.3..0.3));
    let scorer = Scorer::from_network(&network, Device::Cpu);
    Learner::new(scorer, Critic::new(Seed(seed), Device::Cpu), Device::Cpu)
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    Vec::<f32>::try_from(tensor.to_kind(Kind::Float).contiguous().view(-1)).expect("a flat tensor of floats")
}

#[test]
fn losses_are_the_means_of_the_pure_functions() {
    let made = decisions(40, 1);
    let (learner, args) = (learner(2), Args::default());
    let batch = Batch::new(std::slice::from_ref(&made), &learner.scorer, Device::Cpu);
    let advantages: Vec<f32> = (0..40).map(|number| (number % 7) as f32 - 3.0).collect();
    let zeros = Tensor::zeros([40], (Kind::Float, Device::Cpu));
    let losses = learner.losses(&batch, &Tensor::from_slice(&advantages), &zeros, &args);
    // The same in plain numbers, from the scores that serving computes.
    let network = learner.scorer.to_network();
    let mut scores = made.priors.clone();
    network.add_scores(&made.rows, &mut scores);
    let (mut from, mut sum, mut entropy, mut kl, mut beyond) = (0, 0.0, 0.0, 0.0, 0.0);
    for decision in 0..40 {
        let own = &scores[from..from + usize::from(made.counts[decision])];
        from += own.len();
        let total: f32 = own.iter().map(|score| score.exp()).sum();
        let probability = |place: usize| own[place].exp() / total;
        let log_ratio = probability(usize::from(made.actions[decision])).ln() - made.log_probs[decision];
        sum += surrogate(log_ratio.exp(), advantages[decision], 0.2) / 40.0;
        entropy -=
            (0..own.len()).map(|place| probability(place) * probability(place).ln()).sum::<f32>() / 40.0;
        kl += (log_ratio.exp() - 1.0 - log_ratio) / 40.0;
        beyond += f32::from((log_ratio.exp() - 1.0).abs() > 0.2) / 40.0;
    }
    let told = losses.diagnostics(&args);
    for (found, expected, what) in [
        (-told.policy_loss, sum, "surrogate"),
        (told.entropy, entropy, "entropy"),
        (told.kl, kl, "approximate KL"),
        (told.clip_fraction, beyond, "clip fraction"),
    ] {
        assert!((found - f64::from(expected)).abs() < 1e-4, "{what}: {found}, in plain numbers {expected}");
    }
}

#[test]
fn gradients_are_the_slopes_of_the_loss() {
    let mut learner = learner(3);
    let args = Args { ent_coef: 0.05, ..Args::default() };
    let double = |tensor: &Tensor| tensor.detach().to_kind(Kind::Double);
    let all = learner.scorer.parameters.iter_mut().chain(&mut learner.critic.parameters);
    all.for_each(|parameter| *parameter = double(parameter).set_requires_grad(true));
    let mut batch = Batch::new(&[decisions(30, 5)], &learner.scorer, Device::Cpu);
    for tensor in [&mut batch.rows, &mut batch.pooled, &mut batch.priors, &mut batch.log_probs] {
        *tensor = double(tensor);
    }
    let advantages: Vec<f64> = (0..30).map(|number| f64::from(number % 5) - 2.0).collect();
    let advantages = Tensor::from_slice(&advantages);
    let loss = |learner: &Learner| learner.losses(&batch, &advantages, &(&advantages * 0.5), &args).total;
    loss(&learner).backward();
    let step = 1e-6;
    let mut checked = 0;
    for parameter in learner.scorer.parameters.iter().chain(&learner.critic.parameters) {
        let (flat, slope) = (parameter.detach().view(-1), parameter.grad().view(-1));
        for place in (0..flat.size()[0]).step_by(1 + flat.size()[0] as usize / 6) {
            let old = flat.double_value(&[place]);
            let at = |value: f64| {
                let _ = flat.get(place).fill_(value);
                loss(&learner).double_value(&[])
            };
            let expected = (at(old + step) - at(old - step)) / (2.0 * step);
            at(old);
            let found = slope.double_value(&[place]);
            assert!(
                (found - expected).abs() < 1e-6 + 1e-4 * expected.abs(),
                "slope {found}, measured {expected}"
            );
            checked += 1;
        }
    }
    assert!(checked > 30, "every layer was looked at: {checked} weights");
}

#[test]
fn adam_takes_the_steps_of_the_reference() {
    let target = Tensor::from_slice(&[1.0f32, -2.0, 0.5]);
    let loss = |weights: &Tensor| (weights - &target).square().sum(Kind::Float);
    let store = tch::nn::VarStore::new(Device::Cpu);
    let reference = store.root().zeros("weights", &[3]);
    let config = tch::nn::Adam { eps: 1e-5, ..tch::nn::Adam::default() };
    let mut optimiser = config.build(&store, 0.1).expect("there is something to optimise");
    let own = Tensor::zeros([3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let mut adam = Adam::new(&[&own]);
    for _ in 0..20 {
        optimiser.backward_step(&loss(&reference));
        loss(&own).backward();
        adam.step(&[&own], 0.1, f64::INFINITY);
    }
    for (found, expected) in floats(&own.detach()).iter().zip(floats(&reference.detach())) {
        near(*found, expected, "after twenty steps");
    }
}

#[test]
fn a_gradient_that_is_too_long_is_cut() {
    let own = Tensor::zeros([1], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let mut adam = Adam::new(&[&own]);
    (&own * 40.0).sum(Kind::Float).backward();
    let norm = adam.step(&[&own], 0.1, 0.5);
    assert!((norm - 40.0).abs() < 1e-4, "the norm before the cut is told: {norm}");
    near(floats(&adam.first[0])[0], 0.1 * 0.5, "what was learnt from is what was left of it");
}

#[test]
fn libtorch_and_serving_compute_the_same_scores() {
    let network: Network = learner(7).scorer.to_network();
    let made = decisions(500, 8);
    let scorer = Scorer::from_network(&network, Device::Cpu);
    let tensor = scorer.scores(&Batch::new(std::slice::from_ref(&made), &scorer, Device::Cpu));
    let mut scores = made.priors.clone();
    network.add_scores(&made.rows, &mut scores);
    let most = tensor.size()[1];
    let mut from = 0;
    for (decision, count) in made.counts.iter().enumerate() {
        for place in 0..usize::from(*count) {
            let found = tensor.double_value(&[decision as i64, place as i64]) as f32;
            let served = scores[from + place];
            assert!((found - served).abs() < 1e-4, "decision {decision}: {found} and {served}");
        }
        for place in usize::from(*count) as i64..most {
            let padding = tensor.double_value(&[decision as i64, place]);
            assert_eq!(padding, f64::NEG_INFINITY, "there is no such candidate");
        }
        from += usize::from(*count);
    }
}

#[test]
fn two_queues_with_a_known_optimum_are_solved_to_within_two_per_cent() {
    let problem = two_queues::Problem::new(0.9, [1.0, 0.2]);
    let best = problem.optimal_cost();
    let mut learner = learner_of_two_queues();
    let cost = |learner: &Learner| {
        let network = learner.scorer.to_network();
        problem.cost(&|state| two_queues::greedy(&network, &problem, state))
    };
    let untrained = problem.cost(&|state| state[0] > state[1]);
    assert!(untrained > 1.1 * best, "the shorter queue is not best: {untrained} against {best}");
    let updates = 60;
    tch::set_num_threads(1);
    for number in 0..updates {
        let mut rng = Seed(1).stream(&[number as u64]);
        let network = learner.scorer.to_network();
        let episodes: Vec<Trajectory> =
            (0..8).map(|episode| problem.play(&network, 2_000, Seed(number as u64 * 8 + episode))).collect();
        let left = 1.0 - number as f64 / updates as f64;
        let args = Args {
            horizon: 60.0,
            gae_lambda: 0.97,
            learning_rate: 2e-3 * left,
            ent_coef: 0.01 * left,
            ..Args::default()
        };
        learner.update(&episodes, &args, &mut rng);
    }
    let learnt = cost(&learner);
    assert!(learnt < 1.02 * best, "{learnt} on average in the system, {best} is the least possible");
    assert!(learnt > 0.999 * best, "nobody is better than the optimum: {learnt} against {best}");
}

fn learner_of_two_queues() -> Learner {
    let network = initial(Seed(1), [0.0; WIDTH], [1.0; WIDTH]);
    Learner::new(Scorer::from_network(&network, Device::Cpu), Critic::new(Seed(1), Device::Cpu), Device::Cpu)
}
