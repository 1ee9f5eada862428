//! The orchestrator: runs the experiment that a plan describes, live or simulated, and reports what differs.
//!
//! This crate coordinates and does little else: `lb-config` interprets configs, `lb-core` has the rules of
//! load balancing, `lb-load` generates load, and `lb-results` and `lb-analysis` have results and statistics.
//! Its library neither reads the command line nor ends the process; the binary `bench` does both.
//!
//! Data flows one way: [`cli`] (arguments) -> `lb_config` (one validated plan) -> [`experiment`] (blocks,
//! trials, phases) -> `lb_results` and `lb_analysis` (what it means) -> `lb_report`. Progress is reported to
//! observers, such as those of [`show`]. [`testbed`] starts and stops the system under test, [`suite`] keeps the index of
//! several runs, [`steer`] takes commands of other programs, [`ui`] offers what the page may start, `lb_grading` reads
//! results of other tools, [`traffic`] shows what `lb-synthesis` learned, [`exit`] turns errors into exit codes.
//!
//! Read [`experiment`] first: `run.rs`, then `measure.rs`, `blocks.rs`, the interface in `driver.rs` and its
//! two implementations `sim/mod.rs` and `live/phases.rs`, and last `judge.rs`.
//!
//! # Example
//!
//! A simulated run, with an observer that counts trials:
//!
//! ```
//! use harness::experiment::{Ended, Event, Interrupt, Mode, Observe, RunOptions, run};
//! use lb_config::{Engine, Overrides};
//! use lb_results::ResultsFolder;
//! use std::cell::Cell;
//! use std::time::Duration;
//!
//! #[derive(Default)]
//! struct Trials(Cell<u32>);
//!
//! impl Observe for Trials {
//!     fn observe(&self, event: &Event) {
//!         if let Event::TrialFinished { .. } = event {
//!             self.0.set(self.0.get() + 1);
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> anyhow::Result<()> {
//! let loaded = lb_config::load("quick_test_config.json")?;
//! let overrides = Overrides {
//!     algorithms: Some(vec!["round-robin".to_owned(), "least-connections".to_owned()]),
//!     engine: Some(Engine::Sim),
//!     duration: Some(Duration::from_secs(5).into()),
//!     ..Overrides::default()
//! };
//! let plan = lb_config::plan(&loaded, &overrides)?;
//! let folder = tempfile::tempdir()?;
//! let options = RunOptions {
//!     loaded: &loaded,
//!     command: Vec::new(),
//!     run_id: "example".to_owned(),
//!     folder: ResultsFolder::create(folder.path())?,
//!     record_actions: false,
//!     record_requests: false,
//!     traces: None,
//!     access_log: None,
//!     accept_invalid: true,
//!     oracles: false,
//!     replication: 0,
//!     mode: Mode::Compare,
//!     resume: false,
//!     desk: None,
//!     fleet: None,
//! };
//! let trials = Trials::default();
//! let finished = run(&plan, options, &Interrupt::default(), &trials).await?;
//! assert!(matches!(finished.ended, Ended::Complete));
//! let expected = plan.scenarios().len() as u32 * 2 * plan.repetitions();
//! assert_eq!(trials.0.get(), expected, "each algorithm once in each repetition");
//! # Ok(())
//! # }
//! ```

#![warn(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "they panic when a pipe is closed or a disk is full"
)]

pub mod children;
pub mod cli;
pub mod continuous;
pub mod exit;
pub mod experiment;
pub mod ready;
pub mod show;
pub mod steer;
pub mod suite;
pub mod testbed;
pub mod traffic;
pub mod ui;

/// The commit that this binary was built from.
pub const COMMIT: &str = env!("BENCH_COMMIT");

/// Writes the log of this process to `file`, at the level set by the environment variable `level` (`info` by
/// default). A second call in the same process has no effect.
pub fn log_to(file: std::fs::File, level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_env(level)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        // A log that cannot be written must not end the run: by default, the failure itself would be printed, and a
        // closed standard error would then cause a panic.
        .log_internal_errors(false)
        .with_writer(std::sync::Mutex::new(lb_io::Lossy(file)))
        .finish();
    // Only a second call can fail; the log then stays in the file of the first.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
