//! Makes of a mode and a profile of a pack what a plan is made of.
//!
//! The config contains everything afterwards: journey, topology and mock API are in it, so that the record of a run
//! can be played again without the pack.

use super::environment::{Environment, Taken};
use super::error::PackError;
use super::file::{Mode, Profile};
use super::merge::merge;
use super::pack::{Files, Pack, PackSuite, json_of};
use crate::bundled::{CONFIGS, find};
use crate::engine::Engine;
use crate::error::{ConfigError, Note, Problem};
use crate::length::Length;
use crate::overrides::Overrides;
use crate::source::{BUNDLED, Loaded, from_text};
use crate::values;
use lb_core::suggest::{did_you_mean, listing};
use lb_document::{excerpt, join};
use serde_json::{Value, json};
use std::time::Duration;

/// What a pack plays under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// A mode.
    Mode(String),
    /// A suite.
    Suite(PackSuite),
}

/// A mode of a pack, ready to be planned.
#[derive(Clone, Debug)]
pub struct Played {
    /// The config, with everything that it needs.
    pub loaded: Loaded,
    /// The flags, completed by environment variables and the pack.
    pub overrides: Overrides,
    /// Flags that say what environment variables said, as words of a command line. Together with the command, they
    /// repeat the run without the variables.
    pub from_environment: Vec<String>,
    /// The address that answers once the target is ready. `None` if no target is named, or the pack knows no such path.
    pub ready: Option<String>,
}

impl Pack {
    /// Returns the mode or suite with this name, or the default of the pack for `None`.
    ///
    /// # Errors
    /// The pack has neither.
    pub fn select(&self, name: Option<&str>) -> Result<Selected, PackError> {
        let name = name.unwrap_or_else(|| self.default_name());
        if let Some(suite) = self.suites().find(|suite| suite.name == name) {
            return Ok(Selected::Suite(suite));
        }
        self.mode(name).map(|_| Selected::Mode(name.to_owned()))
    }

    /// Makes a mode ready to be planned. `flags` go before environment variables, of which `variable` gives the
    /// values, and those before the pack.
    ///
    /// # Errors
    /// The pack has no such mode or profile, one of its files is invalid, or a variable has a value that makes no
    /// sense.
    pub fn play(
        &self,
        mode_name: &str,
        profile_name: Option<&str>,
        flags: &Overrides,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Played, PackError> {
        let mode = self.mode(mode_name)?;
        let profile = profile_name.map(|name| self.profile(name)).transpose()?;
        let environment = Environment::read(&self.file.environment, variable)?;
        let name = match profile_name {
            Some(profile) => format!("{}-{mode_name}-{profile}", self.name()),
            None => format!("{}-{mode_name}", self.name()),
        };
        let mut loaded = from_text(&name, &self.config(mode, profile)?.to_string())?;
        match &self.files {
            Files::Bundled(_) => BUNDLED.clone_into(&mut loaded.source),
            Files::Folder(folder) => {
                loaded.source = folder.display().to_string();
                loaded.folder = Some(folder.clone());
            }
        }
        let mut settled = Settled { overrides: flags.clone(), words: Vec::new(), notes: Vec::new() };
        settled.complete(mode, &environment);
        let at = format!("{}: {}", self.name(), join(&join("modes", mode_name), "duration"));
        settled.set_duration(mode, &environment, &at)?;
        loaded.notes = settled.notes;
        let target = settled.overrides.url.as_deref();
        let ready = target.zip(self.file.ready.as_deref());
        Ok(Played {
            ready: ready.map(|(target, path)| format!("{}{path}", target.trim_end_matches('/'))),
            loaded,
            overrides: settled.overrides,
            from_environment: settled.words,
        })
    }

    fn mode(&self, name: &str) -> Result<&Mode, PackError> {
        self.file.modes.get(name).ok_or_else(|| {
            let all = || self.file.modes.names().chain(self.file.suites.names());
            PackError::NoMode {
                pack: self.name().to_owned(),
                name: name.to_owned(),
                hint: did_you_mean(name, all()),
                modes: listing(self.file.modes.names()),
                suites: listing(self.file.suites.names()),
            }
        })
    }

    fn profile(&self, name: &str) -> Result<&Profile, PackError> {
        self.file.profiles.get(name).ok_or_else(|| PackError::NoProfile {
            pack: self.name().to_owned(),
            name: name.to_owned(),
            hint: did_you_mean(name, self.file.profiles.names()),
            profiles: listing(self.file.profiles.names()),
        })
    }

    /// Returns the config of a mode and a profile, with the files that it names in it.
    fn config(&self, mode: &Mode, profile: Option<&Profile>) -> Result<Value, PackError> {
        let name = mode.config.as_deref().unwrap_or(&self.file.config);
        let mut config = match self.files.json(name) {
            Some(own) => own?,
            None => json_of(name, find(CONFIGS, name).unwrap_or_default())?,
        };
        let changes = mode.change.iter().chain(profile.map(|profile| &profile.change));
        changes.for_each(|change| merge(&mut config, change));
        if let Some(targets) = &mode.targets {
            merge(&mut config, &json!({ "bench": { "threshold_presets": null, "thresholds": null } }));
            merge(&mut config, &json!({ "bench": { "thresholds": targets } }));
        }
        if let Some(api) = &self.file.mock_api
            && config.pointer("/bench/mock_api").is_none()
        {
            merge(&mut config, &json!({ "bench": { "mock_api": api } }));
        }
        for key in ["journey", "topology", "mock_api"] {
            let Some(place) = config.pointer_mut(&format!("/bench/{key}")) else { continue };
            if let Some(file) = place.as_str().and_then(|name| self.files.json(name)) {
                *place = file?;
            }
        }
        // The key is for editors and relative to the pack; the merged config lies nowhere.
        if let Some(map) = config.as_object_mut() {
            map.shift_remove("$schema");
        }
        Ok(config)
    }
}

/// Flags that are completed by environment variables and a mode.
struct Settled {
    overrides: Overrides,
    /// What variables said, as flags.
    words: Vec<String>,
    notes: Vec<Note>,
}

impl Settled {
    /// Sets what no flag sets, except for the length. Arrivals and recordings take the place of users.
    fn complete(&mut self, mode: &Mode, environment: &Environment) {
        let flags = self.overrides.clone();
        let has_users = flags.arrivals.is_none() && flags.replay.is_empty();
        if has_users && flags.users.is_none() {
            let taken = self.take(environment.users.as_ref(), "--users");
            self.overrides.users = taken.or(mode.users);
        }
        if has_users && flags.ramp_up.is_none() && flags.spawn_rate.is_none() {
            let taken = self.take(environment.spawn_rate.as_ref(), "--spawn-rate");
            self.overrides.spawn_rate = taken.or(mode.spawn_rate);
        }
        let names_target =
            flags.url.is_some() || flags.load_balancer.is_some() || flags.compare_load_balancers.is_some();
        if !names_target && flags.engine != Some(Engine::Sim) {
            self.overrides.url = self.take(environment.target.as_ref(), "--url");
        }
        // What flags select, they select from everything that the pack has.
        if flags.tags.is_empty() && flags.user_class.is_empty() {
            self.overrides.tags.clone_from(&mode.tags);
            self.overrides.user_class.clone_from(&mode.user_classes);
        }
        if flags.exclude_tags.is_empty() {
            self.overrides.exclude_tags.clone_from(&mode.exclude_tags);
        }
    }

    /// Sets the length. `--time-scale` divides that of a variable or the mode, as it divides that of a config.
    fn set_duration(&mut self, mode: &Mode, environment: &Environment, at: &str) -> Result<(), PackError> {
        if self.overrides.duration.is_some() || !self.overrides.replay.is_empty() {
            return Ok(());
        }
        let taken = environment.duration.as_ref();
        let Some(text) = taken.map(|taken| &taken.value).or(mode.duration.as_ref()) else { return Ok(()) };
        let length = values::length(text).map_err(|problem| match taken {
            Some(Taken { variable, value }) => {
                PackError::Variable { name: variable.clone(), value: value.clone(), problem }
            }
            None => {
                let problem = format!("{problem}, here or with `--duration`");
                let problems = vec![Problem::at(at, &text.as_str().into(), problem)];
                ConfigError::Invalid { name: "pack.json".to_owned(), problems }.into()
            }
        })?;
        self.take(taken, "--duration");
        let scale = self.overrides.time_scale.filter(|scale| *scale > 0.0).unwrap_or(1.0);
        let scaled = |time: Duration| Duration::try_from_secs_f64(time.as_secs_f64() / scale).unwrap_or(time);
        self.overrides.duration = Some(length.duration().map_or(length, |time| Length::For(scaled(time))));
        Ok(())
    }

    /// Returns the value of a variable, and says where it comes from.
    fn take<T: Clone + ToString>(&mut self, taken: Option<&Taken<T>>, flag: &str) -> Option<T> {
        let Taken { variable, value } = taken?;
        self.notes.push(Note {
            key_path: variable.clone(),
            value: excerpt(&value.to_string().into()),
            message: format!("taken from the environment, as `{flag}`, which goes before it"),
            more_places: 0,
        });
        self.words.extend([flag.to_owned(), value.to_string()]);
        Some(value.clone())
    }
}
