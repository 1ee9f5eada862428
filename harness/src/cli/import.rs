//! `bench import`: makes a config of what people have, plans it, and writes it.

use super::args::ImportArgs;
use super::shared::print;
use crate::exit::{ExitCode, Failure, OrExit};
use anyhow::{Context as _, anyhow};
use lb_config::Overrides;
use lb_core::plain;
use lb_import::{Assets, Imported, Options, Secrets};
use lb_io::complain;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

pub(super) fn execute(args: &ImportArgs) -> Result<ExitCode, Failure> {
    let options = options(args).or_exit(ExitCode::Usage)?;
    let output = args.output.clone().unwrap_or_else(|| default_output(&args.file));
    let is_stdout = output.as_os_str() == "-";
    if !is_stdout && !args.force && output.symlink_metadata().is_ok() {
        return Err(exists(&output)).or_exit(ExitCode::Usage);
    }
    let made = lb_import::import(&args.file, &options).or_exit(ExitCode::Usage)?;
    let text = serde_json::to_string_pretty(&made.config).or_exit(ExitCode::Internal)?;
    check(&made, &text, &args.file)?;
    if is_stdout {
        complain(plain::lines(&made.report.to_string()));
        lb_io::print(text);
        return Ok(ExitCode::Ok);
    }
    write(&output, &text, args.force)?;
    print(&made.report.to_string());
    let hint = if made.report.address.is_some() { "" } else { " --url URL" };
    print(&format!("wrote {}\nrun it: bench --config {}{hint}", output.display(), quoted(&output)));
    Ok(ExitCode::Ok)
}

/// Plans the config as a run would, so that nothing is written that does not run. Environment variables count as set.
fn check(made: &Imported, text: &str, file: &Path) -> Result<(), Failure> {
    let variable = |name: &str| made.environment.get(name).cloned();
    let url = made.report.address.is_none().then(|| "http://127.0.0.1".to_owned());
    let flags = Overrides { url, ..Overrides::default() };
    let planned = lb_config::from_text("the imported config", text)
        .and_then(|loaded| lb_config::plan_with(&loaded, &flags, &variable));
    match planned {
        Ok(_) => Ok(()),
        Err(error) => Err(error)
            .with_context(|| {
                format!(
                    "`{}` was read, but what `bench` made of it cannot be planned, which is a fault of `bench import` \
                    if the address and the flags are right; nothing was written",
                    file.display()
                )
            })
            .or_exit(ExitCode::Usage),
    }
}

fn options(args: &ImportArgs) -> anyhow::Result<Options> {
    let mut options = Options {
        hosts: args.host.clone(),
        assets: if args.assets == "drop" { Assets::Drop } else { Assets::Keep },
        secrets: if args.secrets == "env" { Secrets::Env } else { Secrets::Feed },
        url: args.url.as_ref().map(|url| url.trim_end_matches('/').to_owned()),
        ..Options::default()
    };
    for typed in &args.weights {
        let weight = typed
            .split_once('=')
            .and_then(|(name, weight)| Some((name.trim(), weight.trim().parse::<f64>().ok()?)));
        let Some((name, weight)) = weight.filter(|(_, weight)| (0.0..=1e6).contains(weight)) else {
            return Err(anyhow!(
                "--weights {typed}: not a name and a number from 0 to 1000000; write `GET=10`"
            ));
        };
        options.weights.insert(name.to_owned(), weight);
    }
    for typed in &args.variable {
        let Some((name, value)) = typed.split_once('=') else {
            return Err(anyhow!(
                "--variable {typed}: not a name and a value; write `baseUrl=http://localhost:8080`"
            ));
        };
        options.variables.insert(name.trim().to_owned(), value.to_owned());
    }
    Ok(options)
}

/// Returns the name of the file with the ending `.json`, or `.config.json` if that is the file itself.
fn default_output(file: &Path) -> PathBuf {
    let name = Path::new(file.file_name().unwrap_or_default());
    let output = name.with_extension("json");
    if output == name { name.with_extension("config.json") } else { output }
}

fn exists(output: &Path) -> anyhow::Error {
    anyhow!("`{}` exists; name another file with -o, or give --force to overwrite it", output.display())
}

/// Writes the config whole or not at all.
fn write(output: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let failed = || format!("failed to write `{}`; name another file with -o", output.display());
    if !force {
        let mut file = match File::create_new(output) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(exists(output)).or_exit(ExitCode::Usage);
            }
            file => file.with_context(failed).or_exit(ExitCode::Preflight)?,
        };
        return writeln!(file, "{text}").with_context(failed).or_exit(ExitCode::Preflight);
    }
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file =
        tempfile::NamedTempFile::new_in(folder).with_context(failed).or_exit(ExitCode::Preflight)?;
    writeln!(file, "{text}").with_context(failed).or_exit(ExitCode::Preflight)?;
    file.persist(output).with_context(failed).or_exit(ExitCode::Preflight)?;
    Ok(())
}

/// Returns a path as a word of a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = text.chars().all(|c| c.is_alphanumeric() || "/._-+".contains(c));
    if is_plain { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
