//! User classes and stages: the kinds of users, when they are active, and what they do.

use super::arrivals::Arrivals;
use crate::time::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A kind of user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserClass {
    /// Name in configs and results.
    pub name: String,
    /// Weights for drawing actions, by name; an action without a weight is never drawn.
    pub actions: BTreeMap<String, f64>,
    /// Shortest and longest think time before each action, in seconds; drawn uniformly between the two.
    pub think_time_s: [f64; 2],
    /// Fewest and most actions in a session; drawn uniformly between the two.
    pub actions_per_session: [u32; 2],
    /// Shortest and longest session in seconds, drawn uniformly between the two. After that time a
    /// session starts no new action. `None` means no limit.
    pub session_duration_s: Option<[f64; 2]>,
    /// Probability that a user abandons an action that can be abandoned, from 0 to 1.
    pub abandonment: f64,
    /// Overrides of a step's `repeat`, by step name (a bulk buyer adds more items).
    pub repeat: BTreeMap<String, [u32; 2]>,
    /// Overrides of a step's `probability`, by step name (a careful shopper views more details).
    pub probability: BTreeMap<String, f64>,
}

impl Default for UserClass {
    /// Returns a class without a name or weights of its own, with one action per session, no think
    /// time, no abandonment, and no overrides of the journey.
    fn default() -> Self {
        Self {
            name: String::new(),
            actions: BTreeMap::new(),
            think_time_s: [0.0, 0.0],
            actions_per_session: [1, 1],
            session_duration_s: None,
            abandonment: 0.0,
            repeat: BTreeMap::new(),
            probability: BTreeMap::new(),
        }
    }
}

/// A class within a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassMix {
    /// Position in [`super::Workload::classes`].
    pub class: usize,
    /// Share of the stage's users, relative to the sum over its classes.
    pub share: f64,
    /// Weights of actions in this stage, by name; if empty, the class's own apply. The config has
    /// already combined the weights of stage and class.
    pub actions: BTreeMap<String, f64>,
}

/// A number of users from one offset to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Name in configs and results.
    pub name: String,
    /// Offset from the start of the measured phase.
    pub start: Span,
    /// Length of the stage. Users stop at its end, even in the middle of a session.
    pub duration: Span,
    /// Time at the beginning of the stage over which its users arrive evenly.
    pub ramp_up: Span,
    /// Number of concurrent users.
    pub users: u32,
    /// User classes of the stage, with their shares.
    pub classes: Vec<ClassMix>,
    /// Variation `v` of the number of users, redrawn between `users x (1 - v)` and `users x (1 + v)`
    /// every [`Stage::VARIANCE_PERIOD`], and never above `max_users`.
    pub user_variance: f64,
    /// Variation `v` of think times, each multiplied by a uniform draw between `1 - v` and `1 + v`.
    pub think_time_variance: f64,
    /// Probability that an action is drawn uniformly from all of the class's, not by weight.
    pub action_randomness: f64,
    /// Upper limit on the number of users, including variation.
    pub max_users: u32,
    /// Whether this is background traffic, which is counted and reported separately.
    pub background: bool,
    /// Arrivals of an open stage, which replace users: `users` and `ramp_up` are then ignored. `None`
    /// for a closed stage.
    pub arrivals: Option<Arrivals>,
}

impl Stage {
    /// Interval at which a varying number of users is redrawn.
    pub const VARIANCE_PERIOD: Span = Span::from_secs(60);
}
