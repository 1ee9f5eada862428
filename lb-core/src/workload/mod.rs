//! What virtual users do: journeys as data, user classes, stages, and a seeded schedule.
//!
//! A [`Journey`] (JSON) names actions; an action is a list of HTTP requests. A [`Workload`] combines
//! them into user classes and stages. A [`Schedule`] determines, from a seed, who arrives when and
//! which random stream each user draws from. A [`VirtualUser`] is a state machine driven by its stream,
//! without a clock or sockets. No draw depends on a reply or on timing, so the same seed gives every
//! algorithm the same users, actions, payloads and think times.

mod arrivals;
mod check;
mod check_arrivals;
mod choice;
mod classes;
mod compile;
mod definition;
mod derived;
mod digest;
mod draw;
mod identity;
mod ids;
mod journey;
mod kept;
mod label;
mod look;
mod parse;
mod plan;
mod problem;
mod process;
mod recorded;
mod replay;
mod request;
mod sample;
mod scenario;
mod schedule;
mod scheduled;
mod stream;
mod tag;
mod template;
mod texts;
mod user;
#[allow(clippy::module_inception, reason = "the module defines the workload, its parent the parts")]
mod workload;
mod written;

pub use arrivals::{Arrival, ArrivalProcess, ArrivalStart, Arrivals, RateSegment, Spacing};
pub use classes::{ClassMix, Stage, UserClass};
pub use ids::{SessionKey, UserId};
pub use journey::{Action, Journey, JourneyError, Session, Step, Variant};
pub use look::{Check, Extract, ExtractFrom, JsonType, Seen};
pub use recorded::{Recorded, Replay, ReplayBuilder, ReplayRequest};
pub use request::{ActionIndex, Next, Rendered, Request, StepIndex, StepReply};
pub use sample::{Observer, Sample};
pub use scenario::Scenario;
pub use schedule::Schedule;
pub use scheduled::UserPlan;
pub use user::VirtualUser;
pub use workload::Workload;
