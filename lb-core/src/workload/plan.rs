//! A compiled journey: what a virtual user walks. [`super::compile`] makes it.

use super::journey::Step;
use super::request::ActionIndex;
use super::template::{Feed, Text};

/// A journey, ready to be walked.
#[derive(Clone, Debug, Default)]
pub(super) struct Compiled {
    pub(super) action_names: Vec<String>,
    pub(super) actions: Vec<ActionPlan>,
    pub(super) steps: Vec<Step>,
    pub(super) plans: Vec<StepPlan>,
    pub(super) open: Vec<ActionIndex>,
    pub(super) close: Vec<ActionIndex>,
    pub(super) feeds: Vec<Feed>,
    /// Names of extracted values, by slot.
    pub(super) extracted: Vec<String>,
}

/// An action: a run of steps.
#[derive(Clone, Debug)]
pub(super) struct ActionPlan {
    pub(super) first: u16,
    pub(super) steps: u16,
    pub(super) think_time_s: Option<[f64; 2]>,
    pub(super) can_be_abandoned: bool,
}

/// A step: how it is written, what it expects, what may go wrong on purpose.
#[derive(Clone, Debug)]
pub(super) struct StepPlan {
    pub(super) right: RequestText,
    /// In the order of the step's `errors`.
    pub(super) wrong: Vec<RequestText>,
    /// Chances of errors, summed up, with their positions in `wrong`.
    pub(super) chances: Vec<(f64, u8)>,
    /// Slots and JSON pointers of what to keep from the reply.
    pub(super) extract: Vec<(usize, String)>,
    pub(super) required: bool,
    pub(super) set_up: bool,
    /// A recording says how it is written, each time otherwise.
    pub(super) recorded: bool,
}

impl StepPlan {
    /// Whether the session cannot go on with a refusal only (it is still opening, the step is
    /// required, or its reply is needed), so that the right request follows an injected wrong one, as
    /// when someone mistypes a password.
    pub(super) fn is_put_right(&self) -> bool {
        self.set_up || self.required || !self.extract.is_empty()
    }

    /// Whether every request of the step is the same.
    pub(super) fn is_static(&self) -> bool {
        !self.recorded && self.right.is_static() && self.chances.is_empty()
    }
}

/// How a request is written.
#[derive(Clone, Debug)]
pub(super) struct RequestText {
    pub(super) path: Text,
    pub(super) headers: Vec<(Box<str>, Text)>,
    pub(super) body: Option<Text>,
    pub(super) expect: Vec<u16>,
}

impl RequestText {
    fn is_static(&self) -> bool {
        self.path.is_static()
            && self.headers.iter().all(|(_, value)| value.is_static())
            && self.body.as_ref().is_none_or(Text::is_static)
    }
}
