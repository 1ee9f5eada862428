//! Tags of the random draws of a user. Each is used under one kind of key only, so different kinds of
//! keys may use the same numbers.

// Under a session's key.
pub(super) const ACTION_COUNT: u64 = 1;
pub(super) const DURATION: u64 = 2;
pub(super) const PAUSE: u64 = 3;
pub(super) const PAUSE_FACTOR: u64 = 4;
/// First tags of actions while a session opens, continues and closes.
pub(super) const OPEN: u64 = 1 << 32;
pub(super) const MIDDLE: u64 = 2 << 32;
pub(super) const CLOSE: u64 = 3 << 32;
// Under an action's key.
pub(super) const CHOICE: u64 = 1;
pub(super) const THINK: u64 = 2;
pub(super) const THINK_FACTOR: u64 = 3;
pub(super) const ABANDON: u64 = 4;
/// First tag of steps.
pub(super) const STEP: u64 = 1 << 32;
// Under a step's key.
pub(super) const PROBABILITY: u64 = 1;
pub(super) const REPEAT: u64 = 2;
/// First tag of repetitions.
pub(super) const REPETITION: u64 = 1 << 32;
// Under a repetition's key, in addition to those of templates.
pub(super) const INJECT: u64 = 1;
pub(super) const PUT_RIGHT: u64 = 2;
