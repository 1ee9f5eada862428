//! The experiment: a plan becomes blocks, blocks become trials, trials go through their phases.
//!
//! [`run()`] owns the order of things and what is kept when something fails. A driver gets one trial after the other
//! out of real sockets (`live`) or out of virtual time (`sim`); `blocks` and `max_rate` decide which trials run, and
//! `judge` what they mean. Nothing here prints, reads the command line or ends the process: what happens is told as
//! [`Event`]s to one [`Observe`], and errors are [`RunError`]s.

mod blocks;
mod contestant;
mod context;
mod doctor;
mod driver;
mod ended;
mod error;
mod events;
mod fingerprint;
mod interrupt;
mod judge;
mod live;
mod max_rate;
mod measure;
mod measured;
mod oracles;
mod order;
mod run;
mod schedules;
mod sim;
mod traces;
mod trial_plan;

pub use context::{Mode, RunOptions};
pub use doctor::doctor;
pub use ended::{Ended, Run};
pub use error::RunError;
pub use events::{EVENTS_VERSION, Event, Observe};
pub use interrupt::Interrupt;
pub use run::run;
pub use schedules::{combined_sha256, schedules};
