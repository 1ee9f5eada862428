//! The Debian package: an `ar` archive of a version, a control archive and a data archive, as deb(5) describes it.
//!
//! It is written here and not by `dpkg-deb`, so that it has the same bytes on a machine without Debian's tools.

use super::archive::{DOCUMENT, Entry, PROGRAM as EXECUTABLE, gzip, write_tar_gz};
use super::elf::Needs;
use super::release::{ABOUT, Artifact, BILL, NAME, PROGRAMS, Program, Release, hex};
use anyhow::{Context, ensure};
use md5::{Digest, Md5};
use std::fmt::Write;

/// Packs a release as a Debian package.
///
/// # Errors
/// The maintainer is not a name with an address, a licence has no line with its copyright, or a file cannot be packed.
pub(crate) fn pack(release: &Release) -> anyhow::Result<Artifact> {
    check_maintainer(&release.maintainer)?;
    let files = list_files(release)?;
    let mut sums = String::new();
    let mut by_path: Vec<&Entry> = files.iter().collect();
    by_path.sort_by(|a, b| a.path.cmp(&b.path));
    for file in by_path {
        writeln!(sums, "{}  {}", hex(&Md5::digest(&file.bytes)), file.path)?;
    }
    let kibibytes: u64 = files.iter().map(|file| (file.bytes.len() as u64).div_ceil(1024)).sum();
    let control =
        [Entry::document("control", write_control(release, kibibytes)), Entry::document("md5sums", sums)];
    let control = write_tar_gz(&control, release.epoch)?;
    let data = write_tar_gz(&files, release.epoch)?;
    let mut package = ar::Builder::new(Vec::new());
    let members: [(&str, &[u8]); 3] =
        [("debian-binary", b"2.0\n"), ("control.tar.gz", &control), ("data.tar.gz", &data)];
    for (name, bytes) in members {
        let mut header = ar::Header::new(name.into(), bytes.len() as u64);
        header.set_mtime(release.epoch);
        header.set_mode(0o100_000 | DOCUMENT);
        package.append(&header, bytes).with_context(|| format!("failed to pack `{name}`"))?;
    }
    let bytes = package.into_inner().context("failed to end the Debian package")?;
    Ok(Artifact { name: format!("{NAME}_{}_amd64.deb", debian_version(&release.version)), bytes })
}

/// Returns the files that the package installs, with paths from the root of the file system.
fn list_files(release: &Release) -> anyhow::Result<Vec<Entry>> {
    let folder = format!("usr/share/doc/{NAME}");
    let inside = |name: &str| format!("{folder}/{name}");
    let program = |program: &Program| Entry {
        path: format!("usr/bin/{}", program.name),
        mode: EXECUTABLE,
        bytes: program.bytes.clone(),
    };
    let mut files: Vec<Entry> = release.programs.iter().map(program).collect();
    files.extend([
        Entry::document(inside("copyright"), write_copyright(release)?),
        Entry::document(inside("changelog.gz"), gzip(write_changelog(release)?.as_bytes())?),
        Entry::document(inside("README.md"), release.readme.as_str()),
        Entry::document(inside(BILL), release.bill.as_str()),
    ]);
    // The project's own licences are in `copyright`.
    let notices = release.licence_files().into_iter().filter(|(name, _)| !name.starts_with("LICENSE"));
    files.extend(notices.map(|(name, text)| Entry::document(inside(name), text)));
    files.extend(
        release.documentation.iter().map(|file| Entry::document(inside(&file.path), file.bytes.as_slice())),
    );
    Ok(files)
}

/// Returns a version as Debian orders it: `0.2.0~rc.1` comes before `0.2.0`.
fn debian_version(version: &str) -> String {
    version.replace('-', "~")
}

fn write_control(release: &Release, kibibytes: u64) -> String {
    format!(
        "Package: {NAME}\n\
         Version: {}\n\
         Architecture: amd64\n\
         Maintainer: {}\n\
         Installed-Size: {kibibytes}\n\
         Depends: {}\n\
         Section: net\n\
         Priority: optional\n\
         Description: benchmark of load-balancing algorithms\n \
         {ABOUT}. It drives its own\n \
         reference load balancer, HAProxy, nginx, Envoy, Caddy and Traefik.\n \
         .\n \
         The package holds {}, which need no other files.\n",
        debian_version(&release.version),
        release.maintainer,
        list_dependencies(&release.needs),
        PROGRAMS.join(" and "),
    )
}

/// Returns the packages that have the libraries which the program needs, with their oldest versions.
fn list_dependencies(needs: &Needs) -> String {
    let glibc = format!("libc6 (>= {}.{})", needs.glibc.0, needs.glibc.1);
    let libgcc = needs.libgcc.map(|(major, minor)| format!(", libgcc-s1 (>= {major}.{minor})"));
    glibc + &libgcc.unwrap_or_default()
}

/// Returns the file `copyright` in the form that programs read (DEP-5).
fn write_copyright(release: &Release) -> anyhow::Result<String> {
    let holder = release.licences.mit.lines().find_map(|line| line.trim().strip_prefix("Copyright (c) "));
    let holder = holder.context(
        "LICENSE-MIT has no line such as `Copyright (c) 2026 The authors`, from which the Debian package takes the \
         holder",
    )?;
    let permission = release.licences.mit.lines().skip_while(|line| !line.starts_with("Permission"));
    let permission: Vec<&str> = permission.collect();
    Ok(format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: {NAME}\n\
         Comment: The program contains the Rust packages that are listed in THIRD-PARTY.txt with their\n \
         licences, and the Rust standard library, whose notices are in RUST-STANDARD-LIBRARY.html,\n \
         both in this folder. {BILL} lists the same packages for programs.\n\
         \n\
         Files: *\n\
         Copyright: {holder}\n\
         License: Expat or Apache-2.0\n\
         \n\
         License: Expat\n{}\
         \n\
         License: Apache-2.0\n \
         On Debian systems, the text is in /usr/share/common-licenses/Apache-2.0.\n",
        indent(&permission.join("\n"))
    ))
}

/// Returns a text as the continuation of a field: indented by a blank, and with a full stop on empty lines.
fn indent(text: &str) -> String {
    let line = |line: &str| match line.trim_end() {
        "" => " .\n".to_owned(),
        line => format!(" {line}\n"),
    };
    text.trim().lines().map(line).collect()
}

/// Returns the list of changes in Debian's form, which names the release alone.
fn write_changelog(release: &Release) -> anyhow::Result<String> {
    let date = jiff::fmt::rfc2822::to_string(&release.time()?.to_zoned(jiff::tz::TimeZone::UTC))
        .context("failed to write the time of the release")?;
    Ok(format!(
        "{NAME} ({}) unstable; urgency=medium\n\n  * Release {}.\n\n -- {}  {date}\n",
        debian_version(&release.version),
        release.version,
        release.maintainer,
    ))
}

/// Checks that a maintainer is one line of the form `NAME <ADDRESS>`.
fn check_maintainer(maintainer: &str) -> anyhow::Result<()> {
    let parts = maintainer.strip_suffix('>').and_then(|rest| rest.split_once(" <"));
    let is_line = !maintainer.chars().any(char::is_control);
    ensure!(
        is_line && parts.is_some_and(|(name, address)| !name.is_empty() && address.contains('@')),
        "`{}` is not a maintainer of a Debian package; use `NAME <ADDRESS>`, such as `Ada <ada@example.org>`",
        maintainer.escape_debug()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_follow_from_what_the_program_needs() {
        let needs = Needs { glibc: (2, 34), libgcc: Some((4, 2)), rustc: "1.95.0".to_owned() };
        assert_eq!(list_dependencies(&needs), "libc6 (>= 2.34), libgcc-s1 (>= 4.2)");
        assert_eq!(list_dependencies(&Needs { libgcc: None, ..needs }), "libc6 (>= 2.34)");
    }

    #[test]
    fn maintainers_have_a_name_and_an_address() {
        assert!(check_maintainer("Ada Lovelace <ada@example.org>").is_ok());
        for wrong in ["Ada", "ada@example.org", " <ada@example.org>x", "Ada <example>", "A\nB: c <a@b.org>"] {
            let error = check_maintainer(wrong).expect_err("it is no maintainer").to_string();
            assert!(error.contains("use `NAME <ADDRESS>`") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn pre_releases_come_before_their_release() {
        assert_eq!(debian_version("0.2.0-rc.1"), "0.2.0~rc.1");
    }

    #[test]
    fn empty_lines_of_a_field_have_a_full_stop() {
        assert_eq!(indent("one\n\n two\n"), " one\n .\n  two\n");
    }
}
