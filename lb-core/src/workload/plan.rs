//! A compiled journey, as virtual users execute it. [`super::compile`] creates it.

use super::journey::Step;
use super::look::Looks;
use super::request::{ActionIndex, StepIndex};
use super::template::{Feed, Text};

/// A journey in compiled form.
#[derive(Clone, Debug, Default)]
pub(super) struct Compiled {
    pub(super) action_names: Vec<String>,
    pub(super) actions: Vec<ActionPlan>,
    pub(super) steps: Vec<Step>,
    pub(super) plans: Vec<StepPlan>,
    pub(super) open: Vec<ActionIndex>,
    /// Actions that sessions perform in order in place of drawn ones; empty if they are drawn.
    pub(super) sequence: Vec<ActionIndex>,
    pub(super) close: Vec<ActionIndex>,
    pub(super) feeds: Vec<Feed>,
    /// Names of extracted values, by slot.
    pub(super) extracted: Vec<String>,
    /// Whether users keep the cookies of a session.
    pub(super) cookies: bool,
}

/// An action: a sequence of steps.
#[derive(Clone, Debug)]
pub(super) struct ActionPlan {
    pub(super) first: u16,
    pub(super) steps: u16,
    pub(super) think_time_s: Option<[f64; 2]>,
    pub(super) can_be_abandoned: bool,
}

/// A step: its request, its expected statuses, and its deliberate errors.
#[derive(Clone, Debug)]
pub(super) struct StepPlan {
    pub(super) right: RequestText,
    /// Requests with errors, in the order of the step's `errors`.
    pub(super) wrong: Vec<RequestText>,
    /// Cumulative probabilities of errors, with their positions in `wrong`.
    pub(super) chances: Vec<(f64, u8)>,
    /// What is looked at in the reply.
    pub(super) looks: Looks,
    /// The row of the redirects that are followed; `None` if none is.
    pub(super) redirect: Option<StepIndex>,
    pub(super) required: bool,
    pub(super) set_up: bool,
    /// Whether the request comes from a recording, and so differs each time.
    pub(super) recorded: bool,
}

impl StepPlan {
    /// Returns whether the correct request follows a deliberately incorrect one, because the session cannot
    /// continue after a rejection (it is still opening, the step is required, or its reply is needed).
    pub(super) fn is_put_right(&self) -> bool {
        self.set_up || self.required || !self.looks.extract.is_empty()
    }

    /// Returns whether every request of the step is the same.
    pub(super) fn is_static(&self) -> bool {
        !self.recorded && self.right.is_static() && self.chances.is_empty()
    }
}

/// The compiled text of a request.
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
