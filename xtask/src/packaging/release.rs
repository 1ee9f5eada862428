//! What is released, the same for every kind of package.

use super::archive::Entry;
use super::elf::Needs;
use anyhow::Context;
use jiff::Timestamp;

/// The name of packages. The programs inside them are called [`PROGRAMS`].
pub(crate) const NAME: &str = "lb-algorithm-bench";

/// The names of the programs. The first one finds the second beside itself.
pub(crate) const PROGRAMS: [&str; 2] = ["bench", "bench-history"];

/// One sentence about the program, without its full stop.
pub(crate) const ABOUT: &str = "Benchmarks load-balancing algorithms and says which one serves a load best";

/// The licence of the project, as an SPDX expression.
pub(crate) const LICENCE: &str = "MIT OR Apache-2.0";

/// A release, before it is packed.
#[derive(Debug)]
pub(crate) struct Release {
    /// Its version, such as `0.1.0`.
    pub(crate) version: String,
    /// The time of everything in it, in seconds since 1970.
    pub(crate) epoch: u64,
    /// The programs.
    pub(crate) programs: Vec<Program>,
    /// What the programs need of the system.
    pub(crate) needs: Needs,
    /// Who looks after the Debian package, as `NAME <ADDRESS>`.
    pub(crate) maintainer: String,
    /// README.md.
    pub(crate) readme: String,
    /// The licences of the project, and of what the program contains.
    pub(crate) licences: Licences,
    /// The bill of materials, as CycloneDX JSON.
    pub(crate) bill: String,
    /// The documentation, with paths from the root of the repository, such as `docs/configs.md`.
    pub(crate) documentation: Vec<Entry>,
}

/// A program.
#[derive(Debug)]
pub(crate) struct Program {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
}

/// The texts of licences.
#[derive(Debug)]
pub(crate) struct Licences {
    /// The text of the MIT licence, with the name of the copyright holder.
    pub(crate) mit: String,
    /// The text of the Apache licence.
    pub(crate) apache: String,
    /// The notices of the packages that the program contains.
    pub(crate) third_party: String,
    /// The notices of the Rust standard library, which the program contains, as a page.
    pub(crate) standard_library: String,
}

/// The name of the file with the bill of materials.
pub(crate) const BILL: &str = "bench.cdx.json";

impl Release {
    /// Returns the time of the release.
    ///
    /// # Errors
    /// The time lies beyond the year 9999.
    pub(crate) fn time(&self) -> anyhow::Result<Timestamp> {
        timestamp(self.epoch)
    }

    /// Returns the files of licences and notices, each with its name.
    pub(crate) fn licence_files(&self) -> [(&'static str, &str); 4] {
        [
            ("LICENSE-MIT", &self.licences.mit),
            ("LICENSE-APACHE", &self.licences.apache),
            ("THIRD-PARTY.txt", &self.licences.third_party),
            ("RUST-STANDARD-LIBRARY.html", &self.licences.standard_library),
        ]
    }
}

/// Returns a time that is given in seconds since 1970.
///
/// # Errors
/// The time lies beyond the year 9999.
pub(crate) fn timestamp(epoch: u64) -> anyhow::Result<Timestamp> {
    let seconds = i64::try_from(epoch).ok();
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.with_context(|| {
        format!("the time {epoch} lies too far ahead; SOURCE_DATE_EPOCH counts seconds since 1970")
    })
}

/// A finished package.
#[derive(Debug)]
pub(crate) struct Artifact {
    /// The name of its file.
    pub(crate) name: String,
    /// Its content.
    pub(crate) bytes: Vec<u8>,
}

/// Returns bytes in hexadecimal digits, as checksums are written.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
