//! Runs experiments: a plan becomes blocks, blocks become trials, and each trial goes through its phases.
//!
//! [`run()`] decides what runs in which order and what is kept after a failure. A driver runs one trial after
//! another, over real sockets (`live`) or in virtual time (`sim`); `blocks` and `max_rate` decide which
//! trials run, and `judge` evaluates them. Nothing here prints, reads the command line or ends the process:
//! progress is reported as [`Event`]s to one [`Observe`], and errors are [`RunError`]s.

mod blocks;
mod contestant;
mod context;
mod doctor;
mod driver;
mod ended;
mod error;
mod estimate;
mod events;
mod fault_times;
mod figures;
mod fingerprint;
mod fleet;
mod head;
mod interrupt;
mod judge;
mod live;
mod live_events;
mod max_rate;
mod measure;
mod measured;
mod oracles;
mod order;
mod pause;
mod pilot;
mod preflight;
mod recorded;
mod recorded_trials;
mod run;
mod run_file;
mod schedules;
mod scrape;
mod shares;
mod sim;
mod slow;
mod steered;
mod survey;
mod traces;
mod trial_plan;

pub use context::{Mode, RunOptions};
pub use doctor::doctor;
pub use ended::{Ended, Run};
pub use error::{FailedScenario, RunError};
pub use estimate::{BETWEEN, Expected, expect};
pub(crate) use events::PULSE_PERIOD;
pub use events::{EVENTS_VERSION, Event, Observe};
pub(crate) use fault_times::FaultTimes;
pub(crate) use figures::{WatchedPhase, Watching};
pub use fleet::{DealtPhase, Fleet, FleetError, Judge, Played};
pub use interrupt::Interrupt;
pub use live::Stand;
pub use live_events::{
    BackendFigures, Counted, EndpointFigures, EndpointStatistics, FailureStatistics, Figures,
    SecondLatencies, Statistics, Steerable,
};
pub use preflight::tls_options;
pub use run::{recover, run};
pub use run_file::RunFile;
pub use schedules::{combined_sha256, schedules};
pub use steered::obey;
pub(crate) use steered::{clear_faults, put_in_fault};
