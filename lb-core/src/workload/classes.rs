//! User classes and stages: who is there, from when to when, and what they like to do.

use super::arrivals::Arrivals;
use crate::time::Span;
use std::collections::BTreeMap;

/// A kind of user.
#[derive(Clone, Debug, PartialEq)]
pub struct UserClass {
    /// Name in configs and results.
    pub name: String,
    /// Weights by which actions are drawn, by name; an action that is not named is never drawn.
    pub actions: BTreeMap<String, f64>,
    /// Thinking time before each action, drawn evenly between the two, in seconds.
    pub think_time_s: [f64; 2],
    /// Fewest and most actions in a session, drawn evenly between the two.
    pub actions_per_session: [u32; 2],
    /// Length in seconds, drawn evenly between the two, after which a session starts no new action; `None`
    /// means no limit.
    pub session_duration_s: Option<[f64; 2]>,
    /// Chance, 0 to 1, that an action that can be abandoned is abandoned.
    pub abandonment: f64,
    /// Replaces a step's own `repeat`, by step name (a bulk buyer adds more items).
    pub repeat: BTreeMap<String, [u32; 2]>,
    /// Replaces a step's own `probability`, by step name (a careful shopper views more details).
    pub probability: BTreeMap<String, f64>,
}

impl Default for UserClass {
    /// A class without a name or actions of its own, that takes one action a session and never
    /// thinks, gives up or departs from what the journey says.
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
#[derive(Clone, Debug, PartialEq)]
pub struct ClassMix {
    /// Position in [`super::Workload::classes`].
    pub class: usize,
    /// Share of the stage's users, relative to the sum over its classes.
    pub share: f64,
    /// Weights of actions in this stage, by name; if empty, the class's own apply. The config has already
    /// combined the stage's and the class's.
    pub actions: BTreeMap<String, f64>,
}

/// A number of users from one offset to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Name in configs and results.
    pub name: String,
    /// Offset from the start of the measured phase.
    pub start: Span,
    /// Length: users stop at its end, in the middle of a session if need be.
    pub duration: Span,
    /// The users arrive evenly over this much of its beginning.
    pub ramp_up: Span,
    /// Number of users at once.
    pub users: u32,
    /// The classes that its users belong to, with their shares.
    pub classes: Vec<ClassMix>,
    /// The number of users wanders between `users x (1 - v)` and `users x (1 + v)`, redrawn every
    /// [`Stage::VARIANCE_PERIOD`] and never above the cap.
    pub user_variance: f64,
    /// Think times are multiplied by an even draw between `1 - v` and `1 + v`.
    pub think_time_variance: f64,
    /// Chance that an action is drawn evenly among all of the class's, not by weight.
    pub action_randomness: f64,
    /// Upper limit on the number of users, variance included.
    pub max_users: u32,
    /// Background traffic: counted and reported apart.
    pub background: bool,
    /// Arrivals of the open model, which take the place of users: `users` and `ramp_up` are then ignored.
    /// `None` for a closed stage.
    pub arrivals: Option<Arrivals>,
}

impl Stage {
    /// How often a wandering number of users is redrawn.
    pub const VARIANCE_PERIOD: Span = Span::from_secs(60);
}
