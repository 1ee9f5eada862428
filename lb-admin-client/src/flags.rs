//! Flag files: a folder that holds one empty file, named after the active algorithm. Load balancers
//! that can check for a file on every request are switched by renaming it, without being notified.
//!
//! A rename is atomic, so a request finds the old flag or the new one. Files with other names are left alone.

use crate::error::AdminError;
use std::fs;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

const WAY_IN: &str = "run `bench` as a user who may write to that folder";

/// The flags of one load balancer.
#[derive(Clone, Debug)]
pub(crate) struct Flags {
    dir: PathBuf,
    names: Vec<String>,
}

impl Flags {
    /// Creates the flags with these names in a folder, which must exist by the time they are read.
    pub(crate) fn new(dir: impl Into<PathBuf>, names: impl IntoIterator<Item = String>) -> Self {
        Self { dir: dir.into(), names: names.into_iter().collect() }
    }

    /// Returns the folder of the flag files.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Lists the flags that exist now: one, none before the first switch, or several if something else
    /// created them.
    pub(crate) fn present(&self) -> Result<Vec<&str>, AdminError> {
        let failed = |path: &Path, error: &Error| failed("look for flag files", path, error);
        fs::metadata(&self.dir).map_err(|error| failed(&self.dir, &error))?;
        let mut present = Vec::new();
        for name in &self.names {
            let path = self.dir.join(name);
            if path.try_exists().map_err(|error| failed(&path, &error))? {
                present.push(name.as_str());
            }
        }
        Ok(present)
    }

    /// Makes `name`, which must be one of the names, the only flag.
    pub(crate) fn set(&self, name: &str) -> Result<(), AdminError> {
        let wanted = self.dir.join(name);
        let done =
            |result: Result<(), Error>| result.map_err(|error| failed("set a flag file", &wanted, &error));
        let present = self.present()?;
        // This flag is kept or renamed; all others are strays.
        let kept = present.iter().find(|flag| **flag == name).or(present.first()).copied();
        for stray in present.iter().filter(|flag| Some(**flag) != kept) {
            done(fs::remove_file(self.dir.join(stray)))?;
        }
        done(match kept {
            Some(kept) if kept == name => Ok(()),
            Some(kept) => fs::rename(self.dir.join(kept), &wanted),
            None => fs::File::create(&wanted).map(drop),
        })
    }
}

fn failed(what: &'static str, path: &Path, error: &Error) -> AdminError {
    if error.kind() == ErrorKind::PermissionDenied {
        return AdminError::Denied { place: path.display().to_string(), way_out: WAY_IN };
    }
    let reason = format!(
        "{}: {error}; the folder is named in the load balancer's configuration, and must be on this machine",
        path.display()
    );
    AdminError::BadValue { what, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A temporary folder, removed on drop.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("lb-admin-client-{}-{test}", std::process::id()));
            fs::create_dir_all(&dir).expect("a folder for temporary files");
            Self(dir)
        }

        fn files(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).expect("it exists");
            let mut names: Vec<String> = entries
                .map(|entry| entry.expect("readable").file_name().into_string().expect("text"))
                .collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn flags(folder: &Folder) -> Flags {
        Flags::new(&folder.0, ["p2c", "random", "round-robin"].map(str::to_owned))
    }

    #[test]
    fn one_flag_stands_after_each_switch_whatever_stood_before() {
        let folder = Folder::new("switch");
        let flags = flags(&folder);
        assert!(flags.present().expect("it exists").is_empty(), "none before the first switch");
        for name in ["p2c", "random", "random", "round-robin"] {
            flags.set(name).expect("the folder is ours");
            assert_eq!(folder.files(), [name], "the former flag became the new one");
            assert_eq!(flags.present().expect("it exists"), [name]);
        }
        for stray in ["p2c", "random", "notes"] {
            fs::write(folder.0.join(stray), "").expect("the folder is ours");
        }
        flags.set("p2c").expect("the folder is ours");
        assert_eq!(folder.files(), ["notes", "p2c"], "strays go, other files stay");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = Folder::new("missing");
        let flags = Flags::new(folder.0.join("flags"), ["p2c".to_owned()]);
        for error in [flags.set("p2c").expect_err("no folder"), flags.present().expect_err("no folder")] {
            let text = error.to_string();
            assert!(text.contains("-missing/flags") && text.contains("on this machine"), "{text}");
        }
    }

    #[test]
    fn a_folder_that_may_not_be_used_comes_with_a_way_in() {
        let error = failed("set a flag file", Path::new("/x/p2c"), &ErrorKind::PermissionDenied.into());
        assert!(matches!(error, AdminError::Denied { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            "use /x/p2c: permission denied; run `bench` as a user who may write to that folder"
        );
    }
}
