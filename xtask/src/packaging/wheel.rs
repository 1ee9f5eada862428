//! The Python wheel: a zip archive whose program pip and uv put on the PATH. It holds no Python code.
//!
//! The tag of its file name says for which systems it is: from the glibc on that the program needs (PEP 600), with any
//! Python 3.

use super::archive::{DOCUMENT, PROGRAM as EXECUTABLE};
use super::release::{ABOUT, Artifact, BILL, LICENCE, NAME, Release};
use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The beginning of 1980, before which the times of a zip archive do not reach, in seconds since 1970.
const FIRST: u64 = 315_532_800;

/// Packs a release as a wheel.
///
/// # Errors
/// The version is not made of numbers, or the files cannot be packed.
pub(crate) fn pack(release: &Release) -> anyhow::Result<Artifact> {
    ensure!(
        release
            .version
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())),
        "`{}` is not the version of a wheel; use numbers with full stops between them, such as `0.2.0`",
        release.version
    );
    let stem = format!("{}-{}", NAME.replace('-', "_"), release.version);
    let (major, minor) = release.needs.glibc;
    let tag = format!("py3-none-manylinux_{major}_{minor}_x86_64");
    let about = format!("{stem}.dist-info");
    let metadata = write_metadata(release);
    let wheel = format!(
        "Wheel-Version: 1.0\nGenerator: {NAME} {}\nRoot-Is-Purelib: false\nTag: {tag}\n",
        release.version
    );
    let mut files: Vec<(String, u32, &[u8])> = vec![
        (format!("{about}/METADATA"), DOCUMENT, metadata.as_bytes()),
        (format!("{about}/WHEEL"), DOCUMENT, wheel.as_bytes()),
        (format!("{about}/sboms/{BILL}"), DOCUMENT, release.bill.as_bytes()),
    ];
    let script = |name| format!("{stem}.data/scripts/{name}");
    files.splice(
        0..0,
        release.programs.iter().map(|program| (script(program.name), EXECUTABLE, program.bytes.as_slice())),
    );
    let licences = release.licence_files();
    files.extend(
        licences.iter().map(|(name, text)| (format!("{about}/licenses/{name}"), DOCUMENT, text.as_bytes())),
    );
    let record = write_record(&files, &format!("{about}/RECORD"))?;
    // Installers find RECORD fast when it comes last.
    files.push((format!("{about}/RECORD"), DOCUMENT, record.as_bytes()));

    let time = find_zip_time(release)?;
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, mode, bytes) in files {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(time)
            // Installers keep them: the program can be run.
            .unix_permissions(mode);
        archive.start_file(&path, options).with_context(|| format!("failed to pack `{path}`"))?;
        archive.write_all(bytes).with_context(|| format!("failed to pack `{path}`"))?;
    }
    let bytes = archive.finish().context("failed to end the wheel")?.into_inner();
    Ok(Artifact { name: format!("{stem}-{tag}.whl"), bytes })
}

/// Returns the head of the package in the form of version 2.4 (PEP 639), and README.md as its description.
fn write_metadata(release: &Release) -> String {
    let mut text = format!(
        "Metadata-Version: 2.4\nName: {NAME}\nVersion: {}\nSummary: {ABOUT}\nLicense-Expression: {LICENCE}\n",
        release.version
    );
    for (name, _) in release.licence_files() {
        text += &format!("License-File: {name}\n");
    }
    text += "Keywords: benchmark,load-balancer,load-testing\n\
             Classifier: Environment :: Console\n\
             Classifier: Operating System :: POSIX :: Linux\n\
             Classifier: Programming Language :: Rust\n\
             Requires-Python: >=3.8\n\
             Description-Content-Type: text/markdown; charset=UTF-8; variant=GFM\n\n";
    text + &release.readme
}

/// Returns the list of the files with their hashes and lengths; its own line, for `name`, has neither.
fn write_record(files: &[(String, u32, &[u8])], name: &str) -> anyhow::Result<String> {
    let mut record = String::new();
    for (path, _, bytes) in files {
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(bytes));
        writeln!(record, "{path},sha256={hash},{}", bytes.len())?;
    }
    writeln!(record, "{name},,")?;
    Ok(record)
}

/// Returns the time of the release as zip archives have it, in UTC and to two seconds.
fn find_zip_time(release: &Release) -> anyhow::Result<DateTime> {
    let time = super::release::timestamp(release.epoch.max(FIRST))?.to_zoned(TimeZone::UTC);
    let part = |value: i8| u8::try_from(value).unwrap_or_default();
    let year = u16::try_from(time.year()).unwrap_or_default();
    let time = DateTime::from_date_and_time(
        year,
        part(time.month()),
        part(time.day()),
        part(time.hour()),
        part(time.minute()),
        part(time.second()),
    );
    time.context(
        "the time of the release does not fit into a wheel; SOURCE_DATE_EPOCH must lie before the year 2108",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_hold_the_hash_and_length_of_each_file_but_their_own() {
        let files: [(String, u32, &[u8]); 1] = [("a/b".to_owned(), DOCUMENT, b"abc")];
        assert_eq!(
            write_record(&files, "a/RECORD").expect("it can be written"),
            "a/b,sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0,3\na/RECORD,,\n"
        );
    }
}
