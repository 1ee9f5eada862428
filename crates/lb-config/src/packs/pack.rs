//! A pack that was found, read and checked.

use super::bundled::{self, PACK_FILE};
use super::environment::FOREVER;
use super::error::PackError;
use super::file::PackFile;
use crate::bundled::{Bundled, CONFIGS, find};
use crate::error::{ConfigError, Problem};
use crate::values;
use lb_core::suggest::{did_you_mean, listing};
use lb_document::{explain, join, parse, typed};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A scenario pack.
#[derive(Clone, Debug)]
pub struct Pack {
    pub(super) file: PackFile,
    pub(super) files: Files,
}

/// A mode of a pack, for lists.
#[derive(Clone, Copy, Debug)]
pub struct PackMode<'a> {
    /// The name of the mode.
    pub name: &'a str,
    /// What the mode is for, in a few words; may be empty.
    pub description: &'a str,
    /// Users at the busiest moment; `None` where the config decides, and for profiles.
    pub users: Option<u32>,
    /// The length, such as `5m` or `forever`; `None` where the config decides, and for profiles.
    pub duration: Option<&'a str>,
}

/// A suite of a pack: modes that run one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackSuite {
    /// The name of the suite.
    pub name: String,
    /// What the suite is for, in a few words; may be empty.
    pub description: String,
    /// The names of the modes, in the order in which they run.
    pub modes: Vec<String>,
    /// The pause between two modes.
    pub cool_down: Duration,
}

/// The files of a pack.
#[derive(Clone, Debug)]
pub(super) enum Files {
    /// Names and texts of embedded files.
    Bundled(&'static [Bundled]),
    /// A folder.
    Folder(PathBuf),
}

impl Files {
    /// Returns the text of a file of the pack; `None` if a bundled pack has no such file.
    pub(super) fn read(&self, name: &str) -> Option<Result<String, PackError>> {
        match self {
            Self::Bundled(files) => {
                files.iter().find(|(known, _)| *known == name).map(|(_, text)| Ok((*text).to_owned()))
            }
            Self::Folder(folder) => {
                let path = folder.join(name);
                match lb_io::read_json(&path) {
                    Ok(text) => Some(Ok(text)),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                    Err(source) => Some(Err(PackError::Unreadable { path, source })),
                }
            }
        }
    }

    /// Returns the JSON of a file of the pack; `None` if the pack has no such file.
    pub(super) fn json(&self, name: &str) -> Option<Result<Value, PackError>> {
        Some(self.read(name)?.and_then(|text| json_of(name, &text)))
    }
}

/// Reads JSON text. A duplicate key is a mistake.
pub(super) fn json_of(name: &str, text: &str) -> Result<Value, PackError> {
    let mut problems = Vec::new();
    let value = parse(text, &mut problems).map_err(|error| ConfigError::Syntax {
        name: name.to_owned(),
        problem: explain(name, text, &error, "docs/packs.md"),
    })?;
    match problems.is_empty() {
        true => Ok(value),
        false => Err(ConfigError::Invalid { name: name.to_owned(), problems }.into()),
    }
}

impl Pack {
    /// Finds a pack as a folder with a `pack.json` or as such a file, then among the bundled ones, and reads it.
    ///
    /// # Errors
    /// There is no such pack, or its `pack.json` is invalid: all problems at once.
    pub fn load(name: &str) -> Result<Self, PackError> {
        let path = Path::new(name);
        let in_folder = path.join(PACK_FILE);
        let folder = match path.is_file() {
            true => path.parent().map(|parent| (parent.to_owned(), path.to_owned())),
            false => in_folder.is_file().then(|| (path.to_owned(), in_folder)),
        };
        if let Some((folder, path)) = folder {
            let text = lb_io::read_json(&path)
                .map_err(|source| PackError::Unreadable { path: path.clone(), source })?;
            return Self::read(&path.display().to_string(), &text, Files::Folder(folder));
        }
        let Some(files) = bundled::files(name) else { return Err(no_pack(name)) };
        let (_, text) = files.iter().find(|(file, _)| *file == PACK_FILE).ok_or_else(|| no_pack(name))?;
        Self::read(&format!("{name}/{PACK_FILE}"), text, Files::Bundled(files))
    }

    fn read(name: &str, text: &str, files: Files) -> Result<Self, PackError> {
        let document = json_of(name, text)?;
        let mut problems = Vec::new();
        let file: Option<PackFile> = typed(&document, &mut problems);
        match file {
            Some(file) if problems.is_empty() => {
                let pack = Self { file, files };
                pack.check(&mut problems);
                match problems.is_empty() {
                    true => Ok(pack),
                    false => Err(ConfigError::Invalid { name: name.to_owned(), problems }.into()),
                }
            }
            _ => Err(ConfigError::Invalid { name: name.to_owned(), problems }.into()),
        }
    }

    /// Reports names that nothing has, and texts that are not durations.
    fn check(&self, problems: &mut Vec<Problem>) {
        let file = &self.file;
        let mut wrong = |at: String, value: &str, message: String| {
            problems.push(Problem::at(at, &value.into(), message));
        };
        if file.modes.is_empty() {
            wrong("modes".to_owned(), "", "has no modes; add at least one".to_owned());
        }
        let modes = || file.modes.names();
        for (name, mode) in file.modes.iter() {
            let at = join("modes", name);
            let config = mode.config.as_deref().unwrap_or(&file.config);
            if !self.has_config(config) {
                let key = if mode.config.is_some() { join(&at, "config") } else { "config".to_owned() };
                wrong(key, config, "is neither a file of the pack nor a bundled config".to_owned());
            }
            if let Some(text) = mode.duration.as_deref().filter(|text| *text != FOREVER)
                && let Err(problem) = values::duration(text)
            {
                wrong(join(&at, "duration"), text, problem);
            }
        }
        for (name, suite) in file.suites.iter() {
            let at = join("suites", name);
            if file.modes.get(name).is_some() {
                let message = "is also the name of a mode; use another, since `bench pack` takes either";
                wrong(at.clone(), name, message.to_owned());
            }
            for (index, mode) in
                suite.modes.iter().enumerate().filter(|(_, mode)| file.modes.get(mode).is_none())
            {
                let message =
                    format!("is not a mode{}; modes: {}", did_you_mean(mode, modes()), listing(modes()));
                wrong(format!("{at}.modes[{index}]"), mode, message);
            }
            if let Some(text) = &suite.cool_down
                && let Err(problem) = values::duration(text)
            {
                wrong(join(&at, "cool_down"), text, problem);
            }
        }
        if let Some(default) = file.default.as_deref().filter(|name| self.known(name).is_none()) {
            let names = || modes().chain(file.suites.names());
            let message = format!(
                "is neither a mode nor a suite{}; there are {}",
                did_you_mean(default, names()),
                listing(names())
            );
            wrong("default".to_owned(), default, message);
        }
        if let Some(ready) = file.ready.as_deref().filter(|ready| !ready.starts_with('/')) {
            wrong(
                "ready".to_owned(),
                ready,
                "must be a path that starts with `/`, such as `/health`".to_owned(),
            );
        }
        if let Some(api) = file.mock_api.as_deref().filter(|api| self.files.read(api).is_none()) {
            wrong("mock_api".to_owned(), api, "is not a file of the pack".to_owned());
        }
    }

    fn has_config(&self, name: &str) -> bool {
        self.files.read(name).is_some() || find(CONFIGS, name).is_some()
    }

    /// Returns the name of a mode or suite, as the pack writes it.
    fn known(&self, name: &str) -> Option<&str> {
        self.file.modes.names().chain(self.file.suites.names()).find(|known| *known == name)
    }

    /// Returns the name of the pack.
    pub fn name(&self) -> &str {
        &self.file.name
    }

    /// Returns what the pack puts load on, in a few words.
    pub fn title(&self) -> &str {
        &self.file.title
    }

    /// Returns the question that the pack answers.
    pub fn answers(&self) -> &str {
        &self.file.answers
    }

    /// Returns the name of the mode or suite that is played if none is named.
    pub fn default_name(&self) -> &str {
        let first = || self.file.modes.names().next().unwrap_or_default();
        self.file.default.as_deref().unwrap_or_else(first)
    }

    /// Returns the modes, in the order of the file.
    pub fn modes(&self) -> impl Iterator<Item = PackMode<'_>> {
        self.file.modes.iter().map(|(name, mode)| PackMode {
            name,
            description: &mode.description,
            users: mode.users,
            duration: mode.duration.as_deref(),
        })
    }

    /// Returns the profiles, in the order of the file.
    pub fn profiles(&self) -> impl Iterator<Item = PackMode<'_>> {
        self.file.profiles.iter().map(|(name, profile)| PackMode {
            name,
            description: &profile.description,
            users: None,
            duration: None,
        })
    }

    /// Returns the suites, in the order of the file.
    pub fn suites(&self) -> impl Iterator<Item = PackSuite> {
        self.file.suites.iter().map(|(name, suite)| PackSuite {
            name: name.to_owned(),
            description: suite.description.clone(),
            modes: suite.modes.clone(),
            cool_down: suite
                .cool_down
                .as_deref()
                .and_then(|text| values::duration(text).ok())
                .unwrap_or_default(),
        })
    }

    /// Returns the names of the environment variables that the pack reads.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.file.environment.names()
    }

    /// Returns the names and texts of all files of the pack.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn all_files(&self) -> Result<Vec<(String, String)>, PackError> {
        let folder = match &self.files {
            Files::Bundled(files) => {
                return Ok(files
                    .iter()
                    .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                    .collect());
            }
            Files::Folder(folder) => folder,
        };
        let unreadable = |source| PackError::Unreadable { path: folder.clone(), source };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            names.extend(name.filter(|name| name.ends_with(".json")));
        }
        names.sort();
        let read = |name: String| Some(self.files.read(&name)?.map(|text| (name, text)));
        names.into_iter().filter_map(read).collect()
    }
}

fn no_pack(name: &str) -> PackError {
    PackError::NoPack {
        hint: did_you_mean(name, bundled::names()),
        bundled: listing(bundled::names()),
        name: name.to_owned(),
    }
}
