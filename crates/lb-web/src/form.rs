//! The form with which a run is started, and the command line that it stands for.
//!
//! The mapping is one pure function. Values become `--flag=value`, so none of them can be taken for another flag; names of
//! packs, configs and load balancers must be among the choices, since the command line also takes files there; and no shell
//! is involved.

use crate::program::{Choice, Choices, PackChoice};
use crate::words::{shown, spell_out};

/// The longest value of a field, in bytes.
const LONGEST: usize = 4096;

/// A form. A field that is missing, null or empty leaves the matter to the config or the pack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// What is played.
    pub kind: Kind,
    /// The name of the pack.
    pub pack: String,
    /// The mode or suite of the pack.
    pub mode: String,
    /// How the users of the pack behave.
    pub profile: String,
    /// The name of the config.
    pub config: String,
    /// The address of the target.
    pub url: String,
    /// The algorithms.
    pub algorithms: Vec<String>,
    /// The load balancer to start.
    pub load_balancer: String,
    /// `live` or `sim`.
    pub engine: String,
    /// Users at the busiest moment.
    pub users: String,
    /// Users that start per second.
    pub spawn_rate: String,
    /// The length, such as `5m`, or `forever`.
    pub duration: String,
    /// Passes over all algorithms.
    pub repetitions: String,
    /// The name in results of an address that is measured as it is.
    pub label: String,
    /// The seed of the schedule.
    pub seed: String,
    /// Conditions that must hold, one a line or separated by `;`, such as `p95<200`.
    pub thresholds: String,
}

/// What is played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A mode of a scenario pack.
    #[default]
    Pack,
    /// A config.
    Config,
    /// Requests for one address.
    Url,
}

/// What the command line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To show what would run.
    Check,
    /// To run it.
    Run,
}

/// Why a form stands for no command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Misfit {
    /// The field that is wrong; `None` if it is not one field.
    pub field: Option<&'static str>,
    /// What is wrong and what to write instead.
    pub text: String,
}

/// The fields of a form that are flags, each with its flag.
const FLAGS: [(&str, &str); 13] = [
    ("profile", "--profile"),
    ("config", "--config"),
    ("url", "--url"),
    ("algorithms", "--algorithms"),
    ("load_balancer", "--load-balancer"),
    ("engine", "--engine"),
    ("users", "--users"),
    ("spawn_rate", "--spawn-rate"),
    ("duration", "--duration"),
    ("repetitions", "--repetitions"),
    ("label", "--label"),
    ("seed", "--seed"),
    ("thresholds", "--threshold"),
];

impl Form {
    /// Returns the arguments of the program that this form stands for.
    ///
    /// # Errors
    /// A field holds what no command line can say, or names what is not among the choices.
    pub fn arguments(&self, choices: &Choices, purpose: Purpose) -> Result<Vec<String>, Misfit> {
        self.check_values()?;
        let mut arguments = Vec::new();
        let mut flag = |name: &'static str, value: &str| {
            if !value.is_empty() {
                arguments.push(format!("{}={value}", flag_of(name)));
            }
        };
        let config = match self.kind {
            Kind::Config => find(&choices.configs, &self.config, "config")?.word(),
            Kind::Url if self.url.is_empty() => {
                return Err(misfit(
                    "url",
                    "the address is missing; write one such as `http://127.0.0.1:8080/`",
                ));
            }
            _ => "",
        };
        flag("config", config);
        flag("url", &self.url);
        flag("algorithms", &self.algorithms.join(","));
        flag("load_balancer", self.known_load_balancer(choices)?);
        flag("engine", &self.engine);
        flag("users", &self.users);
        flag("spawn_rate", &self.spawn_rate);
        flag("duration", &self.duration);
        flag("repetitions", &self.repetitions);
        flag("label", &self.label);
        flag("seed", &self.seed);
        for condition in self.thresholds.split(['\n', ';']).map(str::trim) {
            flag("thresholds", &spell_out(condition));
        }
        self.command(choices, purpose, arguments)
    }

    /// Puts the command before its flags.
    fn command(
        &self,
        choices: &Choices,
        purpose: Purpose,
        flags: Vec<String>,
    ) -> Result<Vec<String>, Misfit> {
        let mut words: Vec<String> = Vec::new();
        match (self.kind, purpose) {
            (Kind::Pack, _) => {
                let pack = find_pack(&choices.packs, &self.pack)?;
                words.extend(["pack".to_owned(), pack.word().to_owned()]);
                words.extend(mode_of(pack, &self.mode)?.map(str::to_owned));
                if !self.profile.is_empty() {
                    let profile = find(&pack.profiles, &self.profile, "profile")?;
                    words.push(format!("--profile={}", profile.word()));
                }
                if purpose == Purpose::Check {
                    words.push("--plan".to_owned());
                }
            }
            (_, Purpose::Check) => words.push("plan".to_owned()),
            (_, Purpose::Run) => {}
        }
        words.extend(flags);
        Ok(words)
    }

    fn known_load_balancer<'a>(&'a self, choices: &Choices) -> Result<&'a str, Misfit> {
        let name = &self.load_balancer;
        if name.is_empty() || choices.load_balancers.iter().any(|known| known == name) {
            return Ok(name);
        }
        let known = choices.load_balancers.join(", ");
        Err(misfit(
            "load_balancer",
            &format!("there is no load balancer `{}` to start here; choose one of {known}", shown(name)),
        ))
    }

    /// Refuses what no argument can hold.
    fn check_values(&self) -> Result<(), Misfit> {
        let algorithms = self.algorithms.join(",");
        let values = [
            ("pack", &self.pack),
            ("mode", &self.mode),
            ("profile", &self.profile),
            ("config", &self.config),
            ("url", &self.url),
            ("algorithms", &algorithms),
            ("load_balancer", &self.load_balancer),
            ("engine", &self.engine),
            ("users", &self.users),
            ("spawn_rate", &self.spawn_rate),
            ("duration", &self.duration),
            ("repetitions", &self.repetitions),
            ("label", &self.label),
            ("seed", &self.seed),
            ("thresholds", &self.thresholds),
        ];
        for (field, value) in values {
            if value.len() > LONGEST {
                return Err(misfit(field, &format!("`{field}` is longer than {LONGEST} bytes; write less")));
            }
            let lines = field == "thresholds";
            if value.chars().any(|c| c.is_control() && !(lines && (c == '\n' || c == '\r'))) {
                return Err(misfit(
                    field,
                    &format!("`{field}` holds a control character, such as a line break; leave it out"),
                ));
            }
        }
        Ok(())
    }
}

/// Returns the field that a message of the command line is about, by the first flag that it names.
pub(crate) fn field_of(message: &str) -> Option<&'static str> {
    let place = |flag: &str| {
        message.match_indices(flag).map(|(at, _)| at).find(|at| {
            let next = message[at + flag.len()..].chars().next();
            !next.is_some_and(|next| next.is_ascii_alphanumeric() || next == '-')
        })
    };
    let named = FLAGS.iter().filter_map(|(field, flag)| place(flag).map(|at| (at, *field)));
    named.min().map(|(_, field)| field)
}

fn flag_of(field: &str) -> &'static str {
    FLAGS.iter().find(|(name, _)| *name == field).map_or("", |(_, flag)| flag)
}

pub(crate) fn misfit(field: &'static str, text: &str) -> Misfit {
    Misfit { field: Some(field), text: text.to_owned() }
}

fn find<'a>(choices: &'a [Choice], name: &str, field: &'static str) -> Result<&'a Choice, Misfit> {
    let known = choices.iter().find(|choice| choice.name == name);
    known.ok_or_else(|| unknown(field, name, choices.iter().map(|choice| choice.name.as_str())))
}

fn find_pack<'a>(packs: &'a [PackChoice], name: &str) -> Result<&'a PackChoice, Misfit> {
    let known = packs.iter().find(|pack| pack.name == name);
    known.ok_or_else(|| unknown("pack", name, packs.iter().map(|pack| pack.name.as_str())))
}

/// Returns the word that names a mode; `None` if the pack is to choose.
fn mode_of<'a>(pack: &'a PackChoice, name: &str) -> Result<Option<&'a str>, Misfit> {
    if name.is_empty() {
        return Ok(None);
    }
    let known = pack.modes.iter().find(|mode| mode.name == name).map(|mode| Some(mode.name.as_str()));
    known.ok_or_else(|| unknown("mode", name, pack.modes.iter().map(|mode| mode.name.as_str())))
}

fn unknown<'a>(field: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> Misfit {
    let known = known.collect::<Vec<_>>().join(", ");
    let text = match name.is_empty() {
        true => format!("the {field} is missing; choose one of {known}"),
        false => format!("there is no {field} `{}` here; choose one of {known}", shown(name)),
    };
    misfit(field, &text)
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
