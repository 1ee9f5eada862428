//! What the server is given: the program that it starts, and what a form may choose from.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The program that measures. The server starts it and measures nothing itself.
pub struct Program {
    /// The file of the program.
    pub exe: PathBuf,
    /// What the program is called in commands that people read, such as `bench`.
    pub name: String,
    /// Lists what a form may choose from. It may read files, and is called on a thread that may wait.
    pub choices: Box<dyn Fn() -> Choices + Send + Sync>,
    /// Returns the words with which the program draws the trend of all recorded runs, to which `--out=FILE` is added; `None`
    /// if no runs are recorded. May wait like `choices`.
    pub trend: Box<dyn Fn() -> Option<Vec<String>> + Send + Sync>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("exe", &self.exe).finish_non_exhaustive()
    }
}

/// What a form may choose from. Nothing else is passed on as the name of a pack, a config or a load balancer, since all of
/// these may be files.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Choices {
    /// The scenario packs.
    pub packs: Vec<PackChoice>,
    /// The configs.
    pub configs: Vec<Choice>,
    /// The algorithms.
    pub algorithms: Vec<Choice>,
    /// The names of load balancers that can be started.
    pub load_balancers: Vec<String>,
    /// The variables of the environment that change what packs mean, with their values.
    pub environment: BTreeMap<String, String>,
}

/// A name with what it means.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Choice {
    /// The name that a form holds.
    pub name: String,
    /// What it means, in a few words; may be empty.
    pub about: String,
    /// The word of the command line, if it is not the name.
    #[serde(skip)]
    pub word: Option<String>,
}

/// A scenario pack.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PackChoice {
    /// The name of the pack.
    pub name: String,
    /// What the pack puts load on.
    pub title: String,
    /// The question that the pack answers.
    pub about: String,
    /// The modes and suites of the pack.
    pub modes: Vec<ModeChoice>,
    /// How its users may behave.
    pub profiles: Vec<Choice>,
    /// The word of the command line, if it is not the name.
    #[serde(skip)]
    pub word: Option<String>,
}

/// A mode or a suite of a pack.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ModeChoice {
    /// The name of the mode.
    pub name: String,
    /// What the mode is for; may be empty.
    pub about: String,
    /// Users at the busiest moment; null where the config decides.
    pub users: Option<u32>,
    /// The length, such as `5m` or `forever`; null where the config decides.
    pub duration: Option<String>,
    /// Whether this mode is played if none is named.
    pub default: bool,
}

impl Choice {
    /// Returns the word of the command line.
    pub(crate) fn word(&self) -> &str {
        self.word.as_deref().unwrap_or(&self.name)
    }
}

impl PackChoice {
    /// Returns the word of the command line.
    pub(crate) fn word(&self) -> &str {
        self.word.as_deref().unwrap_or(&self.name)
    }
}
