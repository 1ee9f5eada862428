//! Scenario packs: load tests as data, which people start with one word.
//!
//! A pack is a folder with a `pack.json` and the files that it names: a config, a journey, a topology and a mock API.
//! Its modes say how much load there is and what is expected; its profiles say how users behave; its suites run several
//! modes one after the other. `docs/packs.md` describes the files.
//!
//! [`Pack::load`] finds a pack, and [`Pack::play`] makes of a mode and a profile what [`crate::plan()`] needs: a config
//! that contains everything, and overrides in which flags go before environment variables, and those before the pack.

pub(super) mod bundled;
mod environment;
mod error;
mod file;
mod merge;
mod pack;
mod play;
mod suite;

pub use bundled::names as pack_names;
pub use error::PackError;
pub use file::pack_schema;
pub use pack::{Pack, PackMode, PackSuite};
pub use play::{Played, Selected};
pub use suite::{SuiteFile, SuiteRun, suite_schema};
