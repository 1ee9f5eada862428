//! `cargo xtask dist`: packs the programs (`bench`, and `bench-history` beside it) as a tarball, a Debian package and a Python
//! wheel, each with the licences of what they contain and a bill of materials, and writes their checksums.
//!
//! The packages depend on the sources and the toolchain alone. Their time is that of the commit, or SOURCE_DATE_EPOCH.

mod archive;
mod copies;
mod deb;
mod elf;
mod notices;
mod packages;
mod program;
mod release;
mod sbom;
mod tarball;
mod wheel;

use anyhow::{Context, bail};
use archive::Entry;
use release::{Artifact, Licences, NAME, PROGRAMS, Program, Release, hex};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The name of the file with the checksums.
const SUMS: &str = "SHA256SUMS";

/// What to pack.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DistArgs {
    /// Pack this program in place of one that is built for it. It must have been compiled by the toolchain in use, from
    /// these sources.
    #[arg(long, value_name = "FILE", requires = "history")]
    program: Option<PathBuf>,
    /// With `--program`: the `bench-history` to pack.
    #[arg(long, value_name = "FILE", requires = "program")]
    history: Option<PathBuf>,
    /// Write the packages to this folder; the default is `dist` in the target folder.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Who looks after the Debian package.
    #[arg(
        long,
        value_name = "NAME <ADDRESS>",
        default_value = "The lb-bench authors <lb-bench@nowhere.invalid>"
    )]
    maintainer: String,
}

/// Builds the program unless one is given, packs it, and writes the packages and their checksums.
///
/// `target` is cargo's target folder.
///
/// # Errors
/// The program cannot be built or packed, a licence has no text, or a file cannot be written.
pub(crate) fn run(root: &Path, target: &Path, args: &DistArgs) -> anyhow::Result<()> {
    let paths = match (&args.program, &args.history) {
        (Some(program), Some(history)) => [program.clone(), history.clone()],
        _ => program::build(root, &target.join("dist-build"))?,
    };
    let release = prepare(root, &paths, &args.maintainer)?;
    let folder = args.out.clone().unwrap_or_else(|| target.join("dist"));
    fs::create_dir_all(&folder).with_context(|| format!("failed to create `{}`", folder.display()))?;
    let mut artifacts = vec![tarball::pack(&release)?, deb::pack(&release)?, wheel::pack(&release)?];
    artifacts.push(Artifact {
        name: format!("{NAME}-{}.cdx.json", release.version),
        bytes: release.bill.clone().into_bytes(),
    });
    artifacts.push(sum_up(&artifacts));
    for artifact in &artifacts {
        let path = folder.join(&artifact.name);
        fs::write(&path, &artifact.bytes).with_context(|| format!("failed to write `{}`", path.display()))?;
        lb_io::print(format_args!("{} ({} bytes)", path.display(), artifact.bytes.len()));
    }
    Ok(())
}

/// Collects what is packed: the programs at `paths`, in the order of [`release::PROGRAMS`], and all that comes with them.
fn prepare(root: &Path, paths: &[PathBuf; 2], maintainer: &str) -> anyhow::Result<Release> {
    let read =
        |name: &str| fs::read_to_string(root.join(name)).with_context(|| format!("failed to read `{name}`"));
    let mut programs = Vec::new();
    let mut needs: Option<elf::Needs> = None;
    for (name, path) in PROGRAMS.into_iter().zip(paths) {
        let bytes = program::read(path)?;
        let failed = || format!("`{}` cannot be packed", path.display());
        let own = elf::read_needs(&bytes).with_context(failed)?;
        needs = Some(match needs {
            Some(before) => before.with(own).with_context(failed)?,
            None => own,
        });
        programs.push(Program { name, bytes });
    }
    let needs = needs.context("there is no program to pack")?;
    let epoch = read_epoch(root)?;
    let mut packages = packages::find(root)?;
    copies::add(root, &mut packages);
    let apache = read("LICENSE-APACHE")?;
    let licences = Licences {
        mit: read("LICENSE-MIT")?,
        third_party: notices::write(&packages, &apache)?,
        apache,
        standard_library: notices::read_standard_library(root, &needs.rustc)?,
    };
    Ok(Release {
        version: packages.version().to_owned(),
        bill: sbom::write(&packages, &programs, &needs.rustc, epoch)?,
        epoch,
        programs,
        needs,
        maintainer: maintainer.to_owned(),
        readme: read("README.md")?,
        licences,
        documentation: collect_documentation(root)?,
    })
}

/// Returns the time of the packages, in seconds since 1970: SOURCE_DATE_EPOCH, or else the time of the commit.
fn read_epoch(root: &Path) -> anyhow::Result<u64> {
    let how = "set SOURCE_DATE_EPOCH to a number of seconds since 1970";
    if let Some(given) = std::env::var_os("SOURCE_DATE_EPOCH") {
        let given = given.to_string_lossy();
        return given
            .parse()
            .with_context(|| format!("SOURCE_DATE_EPOCH is `{given}`, which is no time; {how}"));
    }
    let git = Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(root).output();
    let output = git.with_context(|| format!("failed to ask git for the time of the commit; {how}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    match said.trim().parse() {
        Ok(seconds) if output.status.success() => Ok(seconds),
        _ => bail!("git does not know the time of the commit; {how}"),
    }
}

/// Returns the files below `docs/` that README.md and the pages there refer to, with their paths from the root.
fn collect_documentation(root: &Path) -> anyhow::Result<Vec<Entry>> {
    let mut found = Vec::new();
    let mut waiting = vec![PathBuf::from("docs")];
    while let Some(folder) = waiting.pop() {
        let failed = || format!("failed to read `{}`", folder.display());
        for entry in fs::read_dir(root.join(&folder)).with_context(failed)? {
            let entry = entry.with_context(failed)?;
            let path = folder.join(entry.file_name());
            let kind = path.extension().and_then(|extension| extension.to_str());
            if entry.file_type().with_context(failed)?.is_dir() {
                waiting.push(path);
            } else if kind.is_some_and(|kind| ["json", "md", "png"].contains(&kind)) {
                let bytes = fs::read(entry.path()).with_context(failed)?;
                found.push(Entry::document(path.to_string_lossy(), bytes));
            }
        }
    }
    Ok(found)
}

/// Returns the checksums of files in the form that `sha256sum --check` reads.
fn sum_up(artifacts: &[Artifact]) -> Artifact {
    let line =
        |artifact: &Artifact| format!("{}  {}\n", hex(&Sha256::digest(&artifact.bytes)), artifact.name);
    let mut lines: Vec<String> = artifacts.iter().map(line).collect();
    lines.sort_by(|a, b| a[64..].cmp(&b[64..]));
    Artifact { name: SUMS.to_owned(), bytes: lines.concat().into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_sorted_by_name() {
        let file =
            |name: &str, text: &str| Artifact { name: name.to_owned(), bytes: text.as_bytes().to_vec() };
        let sums = sum_up(&[file("b", "abc"), file("a", "")]);
        assert_eq!(
            String::from_utf8(sums.bytes).expect("it is text"),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n\
             ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  b\n"
        );
    }
}
