//! Programs beside `bench`, which it starts for what it is not built with, such as a database.

use crate::exit::{ExitCode, Failure, OrExit};
use anyhow::{Context as _, anyhow};
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program, which lies beside `bench` or on the PATH.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program {
    pub(super) name: &'static str,
    /// The package that it is built from.
    pub(super) package: &'static str,
}

impl Program {
    /// Finds the program beside `bench`, or else on the PATH.
    ///
    /// # Errors
    /// It is in neither place.
    pub(super) fn find(self) -> Result<PathBuf, Failure> {
        let here = std::env::current_exe().ok();
        let beside = here.as_deref().and_then(Path::parent).map(Path::to_owned);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = beside.iter().cloned().chain(std::env::split_paths(&path));
        let found = folders.map(|folder| folder.join(self.name)).find(|program| program.is_file());
        found.ok_or_else(|| self.missing(beside.as_deref())).or_exit(ExitCode::Preflight)
    }

    /// Hands over to the program, which replaces this process: its exit code is that of `bench`.
    ///
    /// # Errors
    /// It is missing, or cannot be started.
    pub(super) fn become_it(self, words: impl IntoIterator<Item = OsString>) -> Result<ExitCode, Failure> {
        let program = self.find()?;
        let failed = Command::new(&program).args(words).exec();
        Err(failed)
            .with_context(|| format!("failed to start `{}`", program.display()))
            .or_exit(ExitCode::Preflight)
    }

    /// Says how to get the program: built as `bench` was, if that is how it came here.
    fn missing(self, beside: Option<&Path>) -> anyhow::Error {
        let Self { name, package } = self;
        let profile = beside.and_then(Path::file_name).and_then(|name| name.to_str());
        let command = match profile {
            Some("release") => format!("cargo build --release -p {package}"),
            Some("debug") => format!("cargo build -p {package}"),
            _ => format!("cargo install --path crates/{package}"),
        };
        anyhow!(
            "`{name}` is neither beside `bench` nor on the PATH; run `{command}` in the repository of `bench`"
        )
    }
}
