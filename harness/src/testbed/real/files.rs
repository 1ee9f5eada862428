//! Writes the configuration of a load balancer and the files that it names, and lets the program check it.

use super::installed::Installed;
use crate::testbed::error::TestbedError;
use lb_admin_client::program::{Companion, Launch};
use lb_core::plain;
use std::path::Path;
use std::process::Command;

/// Words in the lines that explain why a configuration is rejected; programs print other lines as well.
const TELLING: [&str; 4] = ["[ALERT]", "[emerg]", "error", "Error"];

/// Maximum number of lines that an error shows; the last ones are kept.
const SHOWN: usize = 5;

/// Writes the configuration and the files that it names.
///
/// # Errors
/// When a file or folder cannot be written.
pub fn write(installed: &Installed, launch: &Launch<'_>, filled: &str) -> Result<(), TestbedError> {
    write_file(launch.config, filled)?;
    for companion in (installed.kind.companions)(launch) {
        match companion {
            Companion::EmptyFolder(name) => empty_folder(&launch.dir.join(name))?,
            Companion::File { path, content } => {
                let path = launch.dir.join(path);
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder).map_err(|source| failed("create", folder, source))?;
                }
                write_file(&path, &content)?;
            }
        }
    }
    Ok(())
}

/// Lets the program itself check the configuration, if it has such a mode.
///
/// # Errors
/// When the program cannot be run, or rejects the configuration.
pub fn check(installed: &Installed, launch: &Launch<'_>) -> Result<(), TestbedError> {
    let Some(check) = installed.kind.check else { return Ok(()) };
    let output = Command::new(&installed.program)
        .args(check(launch))
        .current_dir(launch.dir)
        .output()
        .map_err(|source| failed("run", &installed.program, source))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let tells = |line: &&&str| TELLING.iter().any(|word| line.contains(word));
    let telling: Vec<&str> = lines.iter().filter(tells).copied().collect();
    let told = if telling.is_empty() { &lines } else { &telling };
    Err(TestbedError::Rejected {
        name: installed.kind.name(),
        config: launch.config.to_owned(),
        said: plain::line(&told[told.len().saturating_sub(SHOWN)..].join("; ")).into_owned(),
    })
}

fn write_file(path: &Path, content: &str) -> Result<(), TestbedError> {
    std::fs::write(path, content).map_err(|source| failed("write", path, source))
}

fn empty_folder(folder: &Path) -> Result<(), TestbedError> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|source| failed("empty", folder, source))?;
    }
    std::fs::create_dir(folder).map_err(|source| failed("create", folder, source))
}

fn failed(what: &'static str, path: &Path, source: std::io::Error) -> TestbedError {
    TestbedError::File { what, path: path.to_owned(), source }
}
