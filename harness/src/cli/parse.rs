//! Parses the command line, including two common forms that `clap` rejects: flags before the command (`bench
//! --config c.json plan`), and a config without its flag (`bench c.json`, `bench plan c.json`).

use super::args::Cli;
use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The most attempts: each fixes one thing, and there are two.
const MOST_ATTEMPTS: usize = 2;

/// Parses the command line.
///
/// # Errors
/// The command line is invalid, or asks for help; [`clap::Error::exit`] prints both.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    for _ in 0..MOST_ATTEMPTS {
        let error = match Cli::try_parse_from(&args) {
            Ok(cli) => return Ok(cli),
            Err(error) => error,
        };
        let Some(mended) = mend(&args, &error) else { return Err(error) };
        args = mended;
    }
    Cli::try_parse_from(&args)
}

/// Rewrites the command line in the form that `clap` expects; `None` if it is invalid in another way.
fn mend(args: &[OsString], error: &clap::Error) -> Option<Vec<OsString>> {
    let named = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::ArgumentConflict => {
            let command = named(ContextKind::InvalidSubcommand)?;
            let at = args.iter().skip(1).position(|arg| arg == command)? + 1;
            let mut mended = args.to_vec();
            mended[1..=at].rotate_right(1);
            Some(mended)
        }
        ErrorKind::InvalidSubcommand => with_config(args, named(ContextKind::InvalidSubcommand)?),
        ErrorKind::UnknownArgument => with_config(args, named(ContextKind::InvalidArg)?),
        _ => None,
    }
}

/// Inserts `--config` before a config without a flag, if the result is a valid command line.
fn with_config(args: &[OsString], config: &str) -> Option<Vec<OsString>> {
    if !names_config(config) {
        return None;
    }
    let mut places = (1..args.len()).filter(|at| args[*at] == config);
    places.find_map(|at| {
        let mut mended = args.to_vec();
        mended.insert(at, "--config".into());
        match Cli::try_parse_from(&mended) {
            Ok(_) => Some(mended),
            Err(other) => is_about_place(&other).then_some(mended),
        }
    })
}

/// Returns whether the next attempt can fix this error.
fn is_about_place(error: &clap::Error) -> bool {
    error.kind() == ErrorKind::ArgumentConflict && error.get(ContextKind::InvalidSubcommand).is_some()
}

/// Returns whether an argument is a file or a bundled config, or looks like one.
fn names_config(argument: &str) -> bool {
    let path = Path::new(argument);
    let called =
        |ending: &OsStr| ["json", "yaml", "yml"].iter().any(|known| ending.eq_ignore_ascii_case(known));
    !argument.starts_with('-')
        && (path.extension().is_some_and(called)
            || path.is_file()
            || lb_config::bundled_configs().any(|name| name == argument))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Command;

    fn read(line: &str) -> Result<Cli, clap::Error> {
        parse(line.split(' ').map(OsString::from))
    }

    #[test]
    fn flags_may_precede_the_command_and_a_config_needs_no_flag() {
        for line in [
            "bench plan --config c.json --users 5",
            "bench --config c.json plan --users 5",
            "bench --config c.json --users 5 plan",
            "bench plan c.json --users 5",
            "bench plan --users 5 c.json",
            "bench c.json plan --users 5",
        ] {
            let cli = read(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            let Some(Command::Plan(args)) = cli.command else { panic!("{line} plans") };
            assert_eq!(args.experiment.config.as_deref(), Some("c.json"), "{line}");
            assert_eq!(args.experiment.overrides.users, Some(5), "{line}");
        }
        for line in
            ["bench quick_test_config", "bench --quiet quick_test_config", "bench quick_test_config --quiet"]
        {
            let cli = read(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert!(cli.command.is_none(), "{line} runs");
            assert_eq!(cli.run.experiment.config.as_deref(), Some("quick_test_config"), "{line}");
        }
    }

    #[test]
    fn other_mistakes_are_refused_as_they_were_typed() {
        for (line, part) in [
            ("bench plann", "plann"),
            ("bench plan nothing", "nothing"),
            ("bench a.json b.json", "b.json"),
            ("bench --config a.json b.json", "b.json"),
            ("bench --users 5 algorithms", "--users"),
            ("bench --users -5", "`-5` is negative"),
            ("bench --users 1e6", "use `1000000`"),
            ("bench --seed -1", "`-1` is negative"),
            ("bench --duration -5s", "`-5s` is negative"),
            ("bench --duration 5", "use `5s` for seconds or `5m` for minutes"),
            ("bench --repetitions 5 --precision 3", "use `3%` or `0.03`"),
            ("bench --margin 5", "use `5%` or `0.05`"),
            ("bench compare a b --margin -5%", "`-5%` is not a fraction"),
            ("bench --time-scale fast", "`fast` is not a number"),
        ] {
            let error = read(line).expect_err(line).to_string();
            assert!(error.contains(part), "{line}: the message holds `{part}`: {error}");
        }
    }
}
