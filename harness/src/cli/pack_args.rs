//! The flags of the commands for scenario packs: `pack`, `suite` and `show`.

use super::run_args::RunArgs;
use clap::Args;
use lb_config::values::duration;
use std::path::PathBuf;
use std::time::Duration;

/// The flags of `bench pack`.
#[derive(Clone, Debug, Args)]
pub struct PackArgs {
    /// The pack: a bundled one, or a folder with a `pack.json`.
    pub name: String,
    /// Mode or suite of the pack; by default the one that `bench packs` marks.
    pub mode: Option<String>,
    /// Profile of the pack: how its users behave.
    #[arg(long, value_name = "NAME", help_heading = "Pack")]
    pub profile: Option<String>,
    /// Pause between the modes of a suite, such as `10s`; 0 for none.
    ///
    /// By default the pause of the suite, and none in virtual time.
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true, help_heading = "Pack")]
    pub cool_down: Option<Duration>,
    /// Show what would run, and run nothing.
    #[arg(long, help_heading = "Pack")]
    pub plan: bool,
    /// The run, whose flags go before the pack.
    #[command(flatten)]
    pub run: RunArgs,
}

/// The flags of `bench suite`.
#[derive(Clone, Debug, Args)]
pub struct SuiteArgs {
    /// The file that lists packs and configs.
    pub file: PathBuf,
    /// Pause between two runs, such as `10s`; 0 for none.
    ///
    /// By default the pause of the suite, and none in virtual time.
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true, help_heading = "Pack")]
    pub cool_down: Option<Duration>,
    /// Show what would run, and run nothing.
    #[arg(long, help_heading = "Pack")]
    pub plan: bool,
    /// The flags of every run.
    #[command(flatten)]
    pub run: RunArgs,
}

/// The flags of `bench show`.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// The name of what comes with `bench`.
    ///
    /// A pack, a config, a journey, a topology or the template of a load balancer. `journeys/NAME`, `topologies/NAME`
    /// and `load-balancers/NAME` say which of several things with one name is meant. Without a name, all are listed.
    pub name: Option<String>,
    /// A mode of the pack, to print as one config that contains everything.
    pub mode: Option<String>,
    /// Profile of the pack, with a mode.
    #[arg(long, value_name = "NAME", requires = "mode", help_heading = "Pack")]
    pub profile: Option<String>,
    /// Write the files into this folder.
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
}
