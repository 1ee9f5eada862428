//! Finds the program of a load balancer on this machine, and reads its version.

use crate::testbed::error::TestbedError;
use lb_admin_client::{Kind, Version};
use lb_core::plain;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders with system programs that are not always on a user's PATH.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// A load balancer's program on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The kind of load balancer.
    pub kind: Kind,
    /// The absolute path of the program.
    pub program: PathBuf,
    /// The version that it prints, such as `2.6.12`.
    pub version: Version,
}

impl fmt::Display for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.kind, self.version, self.program.display())
    }
}

impl Installed {
    /// Finds the program: the named one, or else the first on PATH.
    ///
    /// # Errors
    /// When the program is missing, cannot be run, or is too old; the message says how to install it.
    pub fn find(kind: Kind, named: Option<&Path>) -> Result<Self, TestbedError> {
        let name = kind.name();
        let install = kind.source.to_string();
        let program = match named.map(Path::to_owned).or_else(|| on_path(name)) {
            Some(program) => program,
            None => return Err(TestbedError::NotFound { name, install }),
        };
        let argument = kind.version_argument;
        let output = match Command::new(&program).arg(argument).output() {
            Ok(output) => output,
            Err(error) => {
                let reason = error.to_string();
                return Err(TestbedError::CannotRun { name, program, reason, install });
            }
        };
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let Some(version) = Version::find_in(&said) else {
            let said = plain::line(said.lines().next().unwrap_or_default()).into_owned();
            return Err(TestbedError::NoVersion { name, program, argument, said });
        };
        let oldest = kind.oldest;
        if version < oldest {
            return Err(TestbedError::TooOld { name, version, program, oldest, install });
        }
        Ok(Self { kind, program: std::path::absolute(&program).unwrap_or(program), version })
    }
}

/// Finds the first program of this name on PATH or in a system folder.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(SYSTEM_FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_comes_with_the_command_that_installs_it() {
        let nowhere = Path::new("/nowhere/haproxy");
        let error = Installed::find("haproxy".parse().expect("known"), Some(nowhere))
            .expect_err("there is no such program");
        let error = error.to_string();
        assert!(error.contains("/nowhere/haproxy") && error.contains("apt-get install haproxy"), "{error}");
    }
}
