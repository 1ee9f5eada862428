//! Reasons why a pack cannot be played. All are mistakes in names, files or variables (exit code 2).

use crate::error::ConfigError;
use std::path::PathBuf;

/// The reason why a pack cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// There is neither a bundled pack nor a folder with that name.
    #[error(
        "no pack `{name}`{hint}: no folder with a `pack.json`, and no bundled pack of that name; bundled: {bundled}"
    )]
    NoPack {
        /// The name, as typed.
        name: String,
        /// A suggestion such as `` (did you mean `x`?)``; empty if no bundled pack has a similar name.
        hint: String,
        /// The names of the bundled packs.
        bundled: String,
    },
    /// The pack has no such mode or suite.
    #[error("the pack `{pack}` has no mode `{name}`{hint}; modes: {modes}; suites: {suites}")]
    NoMode {
        /// The name of the pack.
        pack: String,
        /// The name, as typed.
        name: String,
        /// A suggestion, or an empty text.
        hint: String,
        /// The names of the modes.
        modes: String,
        /// The names of the suites.
        suites: String,
    },
    /// The pack has no such profile.
    #[error("--profile {name}: the pack `{pack}` has no such profile{hint}; profiles: {profiles}")]
    NoProfile {
        /// The name of the pack.
        pack: String,
        /// The name, as typed.
        name: String,
        /// A suggestion, or an empty text.
        hint: String,
        /// The names of the profiles.
        profiles: String,
    },
    /// A file of the pack, or a suite, cannot be read.
    #[error("failed to read `{}`", .path.display())]
    Unreadable {
        /// The path of the file.
        path: PathBuf,
        /// The I/O error.
        source: std::io::Error,
    },
    /// A file of the pack is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An environment variable that the pack reads has a value that makes no sense.
    #[error("the environment variable {name} is `{value}`: {problem}")]
    Variable {
        /// The name of the variable.
        name: String,
        /// Its value.
        value: String,
        /// What is wrong with the value, and what to write instead.
        problem: String,
    },
}
