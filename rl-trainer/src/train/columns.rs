//! The columns of the training curves, and the values of PPO.

use crate::ppo::{self, Diagnostics};

/// Columns of the training curves.
pub const COLUMNS: [&str; 14] = [
    "policy_loss",
    "value_loss",
    "entropy",
    "kl",
    "clip_fraction",
    "gradient_norm",
    "explained_variance",
    "mean_reward",
    "learning_rate",
    "horizon",
    "lesson_cost",
    "evolution_cost",
    "validation_mean_ratio",
    "validation_p99_ratio",
];

/// Returns the values of a PPO update.
pub(super) fn values(told: &Diagnostics, knobs: &ppo::Args) -> Vec<(&'static str, f64)> {
    vec![
        ("policy_loss", told.policy_loss),
        ("value_loss", told.value_loss),
        ("entropy", told.entropy),
        ("kl", told.kl),
        ("clip_fraction", told.clip_fraction),
        ("gradient_norm", told.gradient_norm),
        ("explained_variance", told.explained_variance),
        ("mean_reward", told.mean_reward),
        ("learning_rate", knobs.learning_rate),
        ("horizon", f64::from(knobs.horizon)),
    ]
}
