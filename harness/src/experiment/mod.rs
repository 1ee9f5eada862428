//! The experiment: a plan becomes blocks, blocks become trials, trials go through their phases.
//!
//! [`run`] owns the order of things and what is kept when something fails; [`live`] and [`sim`] know
//! how to get one trial out of real sockets or out of virtual time. Neither prints: progress and
//! reports are handed numbers.

mod blocks;
mod contestant;
mod doctor;
mod fingerprint;
mod interrupt;
mod live;
mod max_rate;
mod oracles;
mod order;
mod run;
mod scenario;
mod schedules;
mod sim;
mod sim_watch;
mod traces;
mod verdicts;

pub use doctor::doctor;
pub use interrupt::Interrupt;
pub use run::{Mode, RunOptions, run};
pub use schedules::{combined_sha256, schedules};
