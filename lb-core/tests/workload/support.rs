//! Small workloads, and a driver in virtual time that answers as a test wants.

use lb_core::rng::{Seed, mix};
use lb_core::workload::{
    ClassMix, Journey, JourneyError, Next, Rendered, Request, Schedule, Seen, Stage, StepReply, UserClass,
    UserId, Workload,
};
use lb_core::{Outcome, Span, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The inputs of a workload, with harmless values to change.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) journey: Journey,
    pub(crate) classes: Vec<UserClass>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) errors: BTreeMap<String, f64>,
    pub(crate) identities: u32,
    pub(crate) seed: Seed,
}

impl Setup {
    pub(crate) fn new(journey: &str) -> Self {
        Self {
            journey: serde_json::from_str(journey).expect("the test's journey is valid JSON"),
            classes: vec![class("shopper")],
            stages: vec![stage("stage", 4, 600)],
            errors: BTreeMap::new(),
            identities: 50,
            seed: Seed(7),
        }
    }

    pub(crate) fn ecommerce() -> Self {
        Self::new(include_str!("../../../configs/journeys/ecommerce.json"))
    }

    /// Each error that the journey knows, with this chance.
    pub(crate) fn with_errors(mut self, chance: f64) -> Self {
        let names = self.journey.error_names().into_iter();
        self.errors = names.map(|name| (name.to_owned(), chance)).collect();
        self
    }

    pub(crate) fn workload(&self) -> Result<Workload, Vec<JourneyError>> {
        let (classes, stages) = (self.classes.clone(), self.stages.clone());
        Workload::new(&self.journey, classes, stages, &self.errors, self.identities)
    }

    pub(crate) fn schedule(&self) -> Schedule {
        let workload = self.workload().unwrap_or_else(|problems| panic!("{problems:#?}"));
        Schedule::new(Arc::new(workload), self.seed)
    }
}

pub(crate) fn class(name: &str) -> UserClass {
    UserClass {
        name: name.to_owned(),
        actions: BTreeMap::new(),
        think_time_s: [1.0, 3.0],
        actions_per_session: [3, 8],
        ..UserClass::default()
    }
}

pub(crate) fn stage(name: &str, users: u32, seconds: u64) -> Stage {
    Stage {
        name: name.to_owned(),
        start: Span::ZERO,
        duration: Span::from_secs(seconds),
        ramp_up: Span::ZERO,
        users,
        classes: vec![mix_of(0, 1.0)],
        user_variance: 0.0,
        think_time_variance: 0.0,
        action_randomness: 0.0,
        max_users: u32::MAX,
        background: false,
        arrivals: None,
    }
}

pub(crate) fn mix_of(class: usize, share: f64) -> ClassMix {
    ClassMix { class, share, actions: BTreeMap::new() }
}

pub(crate) fn weights(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
    pairs.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
}

/// A request as a driver saw it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sent {
    pub(crate) at: Time,
    pub(crate) done: Time,
    pub(crate) what: What,
}

/// The part of a request that the schedule fixes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct What {
    pub(crate) step: String,
    pub(crate) request: Request,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) expected: Vec<u16>,
}

/// An answer of the test: outcome, time it takes, body.
pub(crate) struct Answer(pub(crate) Outcome, pub(crate) Span, pub(crate) Option<&'static str>);

/// Answers every request well and at once, without a body, as the simulator would.
pub(crate) fn well(request: &Request) -> Answer {
    let outcome = if request.injected.is_some() { Outcome::ExpectedError } else { Outcome::Ok };
    Answer(outcome, Span::ZERO, None)
}

/// Drives a user to the end of its plan, or through `limit` requests.
pub(crate) fn drive(
    schedule: &Schedule,
    user: UserId,
    limit: usize,
    mut answer: impl FnMut(&Request) -> Answer,
) -> Vec<Sent> {
    let mut user = schedule.virtual_user(user);
    let (mut now, mut sent, mut out) = (Time::ZERO, Vec::new(), Rendered::default());
    let mut reply = None;
    for _ in 0..limit.saturating_mul(50).max(10_000) {
        match user.next(reply.take(), now) {
            Next::Done => return sent,
            Next::Wait(until) => {
                assert!(until > now, "a user that waits names a later point");
                now = until;
            }
            Next::Send(request) => {
                user.render(&request, &mut out);
                let steps = schedule.workload().steps();
                let what = What {
                    step: steps[usize::from(request.step.0)].name.clone(),
                    request,
                    path: out.path.clone(),
                    headers: out.headers.clone(),
                    body: String::from_utf8(out.body.clone()).expect("bodies are UTF-8"),
                    expected: user.expected(&request).to_vec(),
                };
                let Answer(outcome, latency, body) = answer(&request);
                sent.push(Sent { at: now, done: now + latency, what });
                if sent.len() == limit {
                    return sent;
                }
                now += latency;
                let seen = body.map(|body| Seen { body: body.as_bytes(), ..Seen::default() });
                reply = Some(StepReply { outcome, seen });
            }
        }
    }
    panic!("the user neither finished nor sent {limit} requests: {} sent", sent.len());
}

/// The first `limit` requests of a user to whom everything goes well.
pub(crate) fn planned(schedule: &Schedule, user: u32, limit: usize) -> Vec<Sent> {
    drive(schedule, UserId(user), limit, well)
}

/// The names of the steps of some requests.
pub(crate) fn names(sent: &[Sent]) -> Vec<&str> {
    sent.iter().map(|sent| sent.what.step.as_str()).collect()
}

/// The part of requests that the schedule fixes.
pub(crate) fn whats(sent: Vec<Sent>) -> Vec<What> {
    sent.into_iter().map(|sent| sent.what).collect()
}

/// Luck that a test gives a reply: a number below 1, from the test's own seed.
pub(crate) fn luck(seed: u64, request: &Request) -> f64 {
    (mix(seed ^ request.key) >> 11) as f64 / (1_u64 << 53) as f64
}
