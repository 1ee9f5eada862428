//! The tarball: one folder with the programs, their documentation, licences and bill of materials. Nothing is installed; it is
//! unpacked wherever one likes.

use super::archive::{Entry, PROGRAM as EXECUTABLE, write_tar_gz};
use super::release::{Artifact, BILL, NAME, Program, Release};

/// Packs a release as a tarball.
///
/// # Errors
/// A path does not fit into an archive.
pub(crate) fn pack(release: &Release) -> anyhow::Result<Artifact> {
    let folder = format!("{NAME}-{}-x86_64-unknown-linux-gnu", release.version);
    let inside = |name: &str| format!("{folder}/{name}");
    let program = |program: &Program| Entry {
        path: inside(program.name),
        mode: EXECUTABLE,
        bytes: program.bytes.clone(),
    };
    let mut entries: Vec<Entry> = release.programs.iter().map(program).collect();
    entries.push(Entry::document(inside("README.md"), release.readme.as_str()));
    entries.push(Entry::document(inside(BILL), release.bill.as_str()));
    entries.extend(release.licence_files().map(|(name, text)| Entry::document(inside(name), text)));
    entries.extend(
        release.documentation.iter().map(|file| Entry::document(inside(&file.path), file.bytes.as_slice())),
    );
    Ok(Artifact { name: format!("{folder}.tar.gz"), bytes: write_tar_gz(&entries, release.epoch)? })
}
