//! The mathematics of PPO as pure functions, so that tests can compare them with results computed by hand.

/// Returns the weight of a reward after `gap` mean service times: `exp(-gap / horizon)`. Decisions occur at
/// the request rate, so a discount per decision would shorten the horizon as load increases.
pub fn discount(gap: f32, horizon: f32) -> f32 {
    (-gap / horizon).exp()
}

/// Subtracts the mean from the rewards of one trajectory (the average-reward form) and divides them by their
/// standard deviation, so that the busiest cases do not dominate the gradient.
pub fn standardise(rewards: &[f32]) -> Vec<f32> {
    let count = rewards.len().max(1) as f32;
    let mean = rewards.iter().sum::<f32>() / count;
    let variance = rewards.iter().map(|reward| (reward - mean).powi(2)).sum::<f32>() / count;
    let scale = 1.0 / variance.sqrt().max(1e-3);
    rewards.iter().map(|reward| (reward - mean) * scale).collect()
}

/// Returns the factor for rewards that keeps returns near 1 for every horizon. The standard deviation of a
/// sum of `n` independent rewards grows with the square root of `n`, and about `1 / (1 - discount)` rewards
/// count.
pub fn value_scale(discounts: &[f32]) -> f32 {
    let mean = discounts.iter().sum::<f32>() / discounts.len().max(1) as f32;
    (1.0 - mean).max(1e-4).sqrt()
}

/// Computes generalised advantage estimates (Schulman et al., High-dimensional continuous control using
/// generalized advantage estimation, 2016) with a separate discount for each step:
///
/// ```text
/// delta(i) = r(i) + g(i) V(i+1) - V(i)        A(i) = delta(i) + g(i) l A(i+1)
/// ```
///
/// `values` has one more entry than `rewards`, for the state after the last decision. Returns the advantages
/// and the returns `A + V` that the critic learns.
pub fn gae(rewards: &[f32], values: &[f32], discounts: &[f32], lambda: f32) -> (Vec<f32>, Vec<f32>) {
    assert_eq!(values.len(), rewards.len() + 1, "the state after the last decision has a value");
    assert_eq!(discounts.len(), rewards.len(), "every step has a discount");
    let mut advantages = vec![0.0; rewards.len()];
    let mut next = 0.0;
    for step in (0..rewards.len()).rev() {
        let delta = rewards[step] + discounts[step] * values[step + 1] - values[step];
        next = delta + discounts[step] * lambda * next;
        advantages[step] = next;
    }
    let returns = advantages.iter().zip(values).map(|(advantage, value)| advantage + value).collect();
    (advantages, returns)
}

/// Returns the clipped surrogate of one decision (Schulman et al., Proximal policy optimization algorithms,
/// 2017, equation 7): `min(ratio A, clip(ratio, 1 - e, 1 + e) A)`.
pub fn surrogate(ratio: f32, advantage: f32, clip: f32) -> f32 {
    (ratio * advantage).min(ratio.clamp(1.0 - clip, 1.0 + clip) * advantage)
}

/// Returns the share of the variance of returns that the critic explains: 1 for all of it, 0 if the critic is
/// no better than their mean.
pub fn explained_variance(values: &[f32], returns: &[f32]) -> f32 {
    let variance = |numbers: &mut dyn Iterator<Item = f32>| {
        let all: Vec<f32> = numbers.collect();
        let mean = all.iter().sum::<f32>() / all.len().max(1) as f32;
        all.iter().map(|number| (number - mean).powi(2)).sum::<f32>() / all.len().max(1) as f32
    };
    let left = variance(&mut returns.iter().zip(values).map(|(one, other)| one - other));
    1.0 - left / variance(&mut returns.iter().copied()).max(1e-12)
}
