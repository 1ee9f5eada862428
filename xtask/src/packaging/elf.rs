//! Reads from a program what it needs of the system that runs it: shared libraries, and the oldest versions of glibc and
//! libgcc that have its symbols. The packages state this, so it is read and never written down by hand.

use anyhow::{Context, bail, ensure};
use object::elf::{DT_NEEDED, EM_X86_64, FileHeader64};
use object::read::elf::{Dyn, FileHeader, SectionHeader, SectionTable};
use object::{Endianness, StringTable};

/// A version with two numbers, such as 2.34.
pub(crate) type Version = (u32, u32);

type Header = FileHeader64<Endianness>;

/// What a program needs of the system that runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Needs {
    /// The oldest glibc that has every symbol.
    pub(crate) glibc: Version,
    /// The oldest libgcc that has every symbol; `None` if it needs no libgcc.
    pub(crate) libgcc: Option<Version>,
    /// The version of rustc that compiled the program, such as `1.95.0`.
    pub(crate) rustc: String,
}

impl Needs {
    /// Returns what this program and another one need together.
    ///
    /// # Errors
    /// Different compilers made them.
    pub(crate) fn with(self, other: Self) -> anyhow::Result<Self> {
        ensure!(
            self.rustc == other.rustc,
            "rustc {} compiled it, and {} the program before; build both with one toolchain",
            other.rustc,
            self.rustc
        );
        Ok(Self {
            glibc: self.glibc.max(other.glibc),
            libgcc: self.libgcc.max(other.libgcc),
            rustc: self.rustc,
        })
    }
}

/// The libraries that glibc consists of. A program that needs others could not be installed by every package.
const GLIBC: [&str; 8] = [
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libdl.so.2",
    "libm.so.6",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libutil.so.1",
];

/// The library with which stacks are unwound.
const LIBGCC: &str = "libgcc_s.so.1";

/// Reads what a program needs.
///
/// # Errors
/// It is not an x86-64 program for Linux with glibc that rustc compiled, or needs other libraries.
pub(crate) fn read_needs(program: &[u8]) -> anyhow::Result<Needs> {
    let header = Header::parse(program).context("it is not a 64-bit ELF file, as programs for Linux are")?;
    let endian = header.endian().context("the order of its bytes is unknown")?;
    ensure!(
        header.e_machine(endian) == EM_X86_64,
        "it is not for x86-64, and packages are made for x86-64 alone"
    );
    let sections = header.sections(endian, program).context("its list of sections is broken")?;
    for library in read_libraries(&sections, endian, program)? {
        if !GLIBC.contains(&library.as_str()) && library != LIBGCC {
            bail!(
                "it needs `{library}`, which is not a part of every Linux; link it statically, or leave out the \
                 dependency that brings it"
            );
        }
    }
    let versions = read_versions(&sections, endian, program)?;
    let glibc = versions.iter().filter(|(library, _)| library != LIBGCC);
    let glibc = newest(glibc, "GLIBC_")?;
    let glibc = glibc.context("it needs no version of glibc; link it with glibc, dynamically")?;
    let libgcc = newest(versions.iter().filter(|(library, _)| library == LIBGCC), "GCC_")?;
    Ok(Needs { glibc, libgcc, rustc: read_compiler(&sections, endian, program)? })
}

/// Reads the names of the shared libraries that the program asks for.
fn read_libraries(
    sections: &SectionTable<'_, Header>,
    endian: Endianness,
    program: &[u8],
) -> anyhow::Result<Vec<String>> {
    let broken = "its dynamic section is broken";
    let Some((entries, link)) = sections.dynamic(endian, program).context(broken)? else {
        return Ok(Vec::new());
    };
    let strings = sections.strings(endian, program, link).context(broken)?;
    let needed = entries.iter().filter(|entry| entry.d_tag(endian) == DT_NEEDED);
    needed.map(|entry| text(entry.string(endian, strings).context(broken)?)).collect()
}

/// Reads the versions of symbols that the program asks for, each with its library.
fn read_versions(
    sections: &SectionTable<'_, Header>,
    endian: Endianness,
    program: &[u8],
) -> anyhow::Result<Vec<(String, String)>> {
    let broken = "its list of symbol versions is broken";
    let Some((mut libraries, link)) = sections.gnu_verneed(endian, program).context(broken)? else {
        return Ok(Vec::new());
    };
    let strings: StringTable<'_> = sections.strings(endian, program, link).context(broken)?;
    let mut found = Vec::new();
    while let Some((library, mut versions)) = libraries.next().context(broken)? {
        let name = text(library.file(endian, strings).context(broken)?)?;
        while let Some(version) = versions.next().context(broken)? {
            found.push((name.clone(), text(version.name(endian, strings).context(broken)?)?));
        }
    }
    Ok(found)
}

/// Reads the version of rustc from the section `.comment`, in which compilers sign.
fn read_compiler(
    sections: &SectionTable<'_, Header>,
    endian: Endianness,
    program: &[u8],
) -> anyhow::Result<String> {
    let unsigned =
        "its section `.comment` does not say which rustc compiled it; keep that section when you strip it";
    let (_, section) = sections.section_by_name(endian, b".comment").context(unsigned)?;
    let comment = section.data(endian, program).context(unsigned)?;
    let signed = comment.split(|byte| *byte == 0).find_map(|line| line.strip_prefix(b"rustc version "));
    let signed = text(signed.context(unsigned)?)?;
    signed.split_whitespace().next().map(str::to_owned).context(unsigned)
}

/// Returns the newest of the versions of a library; `None` if it is not asked for any.
fn newest<'a>(
    versions: impl Iterator<Item = &'a (String, String)>,
    prefix: &str,
) -> anyhow::Result<Option<Version>> {
    let mut newest = None;
    for (library, name) in versions {
        newest = newest.max(Some(parse_version(library, name, prefix)?));
    }
    Ok(newest)
}

/// Returns the release that a version of symbols came with: 2.34 for `GLIBC_2.34`, 4.2 for `GCC_4.2.0`.
fn parse_version(library: &str, name: &str, prefix: &str) -> anyhow::Result<Version> {
    // Not a symbol but a way to store relocations, which glibc 2.36 is the first to read.
    if name == "GLIBC_ABI_DT_RELR" {
        return Ok((2, 36));
    }
    let mut numbers = name.strip_prefix(prefix).into_iter().flat_map(|rest| rest.split('.'));
    let major = numbers.next().and_then(|number| number.parse().ok());
    let minor = numbers.next().and_then(|number| number.parse().ok());
    major.zip(minor).with_context(|| {
        format!("it needs the version `{name}` of `{library}`, which names no release of that library")
    })
}

fn text(bytes: &[u8]) -> anyhow::Result<String> {
    let text = std::str::from_utf8(bytes).context("it holds a name that is not UTF-8")?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_test_needs_is_read_from_its_own_program() {
        let program = std::env::current_exe().expect("the test has a program");
        let needs = read_needs(&std::fs::read(program).expect("it can be read")).expect("it is a program");
        assert!(needs.glibc >= (2, 17), "rustc supports no older glibc: {needs:?}");
        assert!(needs.rustc.starts_with("1."), "{needs:?}");
    }

    #[test]
    fn versions_of_symbols_name_releases() {
        assert_eq!(parse_version("libc.so.6", "GLIBC_2.34", "GLIBC_").ok(), Some((2, 34)));
        assert_eq!(parse_version("libc.so.6", "GLIBC_2.2.5", "GLIBC_").ok(), Some((2, 2)));
        assert_eq!(parse_version("libgcc_s.so.1", "GCC_4.2.0", "GCC_").ok(), Some((4, 2)));
        assert_eq!(parse_version("libc.so.6", "GLIBC_ABI_DT_RELR", "GLIBC_").ok(), Some((2, 36)));
        let error = parse_version("libc.so.6", "GLIBC_PRIVATE", "GLIBC_").expect_err("it is no release");
        assert!(error.to_string().contains("`GLIBC_PRIVATE` of `libc.so.6`"), "{error}");
        let needs = |names: &[&str]| {
            let names: Vec<_> =
                names.iter().map(|name| ("libc.so.6".to_owned(), (*name).to_owned())).collect();
            newest(names.iter(), "GLIBC_").expect("they are releases")
        };
        assert_eq!(needs(&["GLIBC_2.4", "GLIBC_2.35", "GLIBC_2.9"]), Some((2, 35)), "2.35 is newer than 2.9");
        assert_eq!(needs(&[]), None);
    }

    #[test]
    fn what_is_no_program_is_refused() {
        let error = read_needs(b"#!/bin/sh\n").expect_err("a script is no program");
        assert!(error.to_string().contains("not a 64-bit ELF file"), "{error}");
    }
}
