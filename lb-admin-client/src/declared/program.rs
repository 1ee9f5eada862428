//! Finds the program of a command, as the system will.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Finds a program: by its path, or on PATH. Errors say what is wrong and what to do about it.
pub(super) fn find(program: &str) -> Result<PathBuf, String> {
    if program.contains('/') {
        let path = PathBuf::from(program);
        return match can_run(&path) {
            true => Ok(path),
            false => Err("is not a program that can be run; check its path and its permissions".to_owned()),
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    find_in(&path, program)
        .ok_or_else(|| "is not a program on PATH; install it, or write its whole path".to_owned())
}

fn find_in(path: &OsStr, program: &str) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(program)).find(|found| can_run(found))
}

fn can_run(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_on_path_and_files_that_cannot_be_run_are_none() {
        assert!(find("sh").is_ok(), "every system has a shell");
        assert_eq!(find("/bin/sh"), Ok(PathBuf::from("/bin/sh")));
        assert_eq!(find_in(OsStr::new(""), "sh"), None, "an empty PATH has no programs");
        for missing in ["/etc/passwd", "/bin", "/nonexistent/program"] {
            assert!(find(missing).is_err(), "{missing}");
        }
        assert!(find("no-such-program-anywhere").is_err());
    }
}
