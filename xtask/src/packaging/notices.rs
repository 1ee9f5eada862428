//! The notices of the packages that the program contains: who wrote each, under which licence, and its full texts.
//!
//! The texts are those that a package ships. Equal texts are given once. Where a package ships none, its authors' text for
//! another package of the same repository stands in, or the text of the Apache licence, which is the same for everybody;
//! any other licence without its text is an error, since its text names the holders.

use super::packages::{Package, Packages};
use super::release::{NAME, PROGRAMS};
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The beginnings of the names of files with licences and notices, in lower case.
const NAMES: [&str; 6] = ["licence", "license", "copying", "unlicense", "notice", "copyright"];

/// A text that a package ships, with the name of its file.
type Text = (String, String);

/// Returns the notices of all packages that others wrote, as one text.
///
/// `apache` is the text of the Apache licence.
///
/// # Errors
/// A package has no text of its licence.
pub(crate) fn write(packages: &Packages, apache: &str) -> anyhow::Result<String> {
    let mut shipped: BTreeMap<_, Vec<Text>> = BTreeMap::new();
    for package in packages.of_others() {
        shipped.insert(&package.key, read_texts(package)?);
    }
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut texts: Vec<(String, Vec<String>)> = Vec::new();
    let mut list = String::new();
    for package in packages.of_others() {
        let mut own = Vec::new();
        for (file, text) in texts_of(package, packages, &shipped, apache)? {
            let next = numbers.len() + 1;
            let number = *numbers.entry(normalise(&text)).or_insert(next);
            if number > texts.len() {
                texts.push((text, Vec::new()));
            }
            let (name, version) = &package.key;
            texts[number - 1].1.push(format!("{name} {version} ({file})"));
            own.push(number.to_string());
        }
        describe(&mut list, package, &own)?;
    }
    let programs = PROGRAMS.join(" and ");
    let mut notices = format!(
        "Notices of the packages in {programs} {}\n\n\
         The programs {programs} of {NAME} contain the packages below, written by others. The numbers are those\n\
         of the texts that follow the list. Where a licence is a choice (OR), all texts that the package ships are\n\
         given. The Rust standard library, which the program contains as well, is in RUST-STANDARD-LIBRARY.html.\n\n",
        packages.version()
    );
    notices += &list;
    for (at, (text, users)) in texts.iter().enumerate() {
        write!(
            notices,
            "\n{}\nText {} of {}\n\n{}\n",
            "=".repeat(78),
            at + 1,
            users.join(", "),
            clean(text)
        )?;
    }
    Ok(notices)
}

/// Adds a package to the list.
fn describe(list: &mut String, package: &Package, texts: &[String]) -> anyhow::Result<()> {
    let (name, version) = &package.key;
    writeln!(list, "{name} {version}\n    licence: {}", package.licence)?;
    if !package.authors.is_empty() {
        writeln!(list, "    authors: {}", package.authors.join(", "))?;
    }
    if let Some(repository) = &package.repository {
        writeln!(list, "    source: {repository}")?;
    }
    writeln!(list, "    texts: {}", texts.join(", "))?;
    Ok(())
}

/// Returns the texts of a package; at least one.
fn texts_of(
    package: &Package,
    packages: &Packages,
    shipped: &BTreeMap<&super::packages::Key, Vec<Text>>,
    apache: &str,
) -> anyhow::Result<Vec<Text>> {
    let own = shipped.get(&package.key).filter(|texts| !texts.is_empty());
    if let Some(texts) = own {
        return Ok(texts.clone());
    }
    let home = |package: &Package| {
        let address = package.repository.as_deref();
        address.map(|address| address.trim_end_matches('/').trim_end_matches(".git").to_owned())
    };
    let siblings = packages.of_others().filter(|other| {
        home(package).is_some() && home(other) == home(package) && other.licence == package.licence
    });
    for sibling in siblings {
        if let Some(texts) = shipped.get(&sibling.key).filter(|texts| !texts.is_empty()) {
            let of = |(file, text): &Text| {
                (format!("{file} of {}, of the same repository", sibling.key.0), text.clone())
            };
            return Ok(texts.iter().map(of).collect());
        }
    }
    if package.licence.split(" OR ").any(|choice| choice == "Apache-2.0") {
        return Ok(vec![("ships no text; Apache-2.0 is chosen".to_owned(), apache.to_owned())]);
    }
    let (name, version) = &package.key;
    bail!(
        "the package `{name} {version}` ships no text of its licence, {}, and neither does another package of its \
         repository; replace it, or ask its authors to include the text",
        package.licence
    )
}

/// Reads the texts that a package ships, sorted by name.
fn read_texts(package: &Package) -> anyhow::Result<Vec<Text>> {
    let folder = &package.folder;
    let failed = || format!("failed to read the source of `{}` in `{}`", package.key.0, folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let lower = name.to_lowercase();
        // A file of source code may be called so, too.
        let is_text = NAMES.iter().any(|known| lower.starts_with(known)) && !lower.ends_with(".rs");
        if is_text && entry.path().is_file() {
            files.push(name);
        }
    }
    let declared = package.licence_file.as_ref().map(|file| file.to_string_lossy().into_owned());
    files.extend(declared.filter(|file| !files.contains(file)));
    files.sort();
    let read = |name: String| {
        let bytes = fs::read(folder.join(&name)).with_context(failed)?;
        anyhow::Ok((name, String::from_utf8_lossy(&bytes).into_owned()))
    };
    files.into_iter().map(read).collect()
}

/// Returns a text with one kind of line break and without blanks at the ends of lines.
fn clean(text: &str) -> String {
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

/// Returns what makes texts equal: their words.
fn normalise(text: &str) -> String {
    text.trim_start_matches('\u{feff}').split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Reads the notices of the Rust standard library, which the toolchain ships as a page.
///
/// # Errors
/// The toolchain in `root` is not the one that compiled the program, or ships no notices.
pub(crate) fn read_standard_library(root: &Path, rustc: &str) -> anyhow::Result<String> {
    let ask = |args: &[&str]| {
        let output = Command::new("rustc").args(args).current_dir(root).output();
        let output = output.context("failed to start rustc")?;
        anyhow::Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let version = ask(&["--version"])?;
    if version.split_whitespace().nth(1) != Some(rustc) {
        bail!(
            "the program was compiled by rustc {rustc}, and the notices of its standard library cannot be taken from \
             `{version}`; use the toolchain that compiled it, as in `cargo +{rustc} xtask dist`"
        );
    }
    let page = Path::new(&ask(&["--print", "sysroot"])?).join("share/doc/rust/COPYRIGHT-library.html");
    fs::read_to_string(&page).with_context(|| {
        format!(
            "failed to read `{}`, the notices of the Rust standard library; use a toolchain that rustup installed",
            page.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::packages::Origin;
    use super::*;
    use std::collections::BTreeSet;

    fn package(name: &str, licence: &str, repository: &str, folder: &Path) -> Package {
        Package {
            key: (name.to_owned(), "1.0.0".to_owned()),
            licence: licence.to_owned(),
            about: None,
            authors: vec!["Ada".to_owned()],
            repository: Some(repository.to_owned()),
            folder: folder.join(name),
            licence_file: None,
            origin: Origin::Registry("c0ffee".to_owned()),
            uses: BTreeSet::new(),
        }
    }

    /// Makes packages with their folders in `home`; a text is the file LICENSE-MIT.
    fn make_packages(home: &Path, list: &[(&str, &str, &str, Option<&str>)]) -> Packages {
        let mut all = BTreeMap::new();
        for (name, licence, repository, text) in list {
            let package = package(name, licence, repository, home);
            fs::create_dir_all(&package.folder).expect("a folder");
            fs::write(package.folder.join("license.rs"), "fn main() {}").expect("a file");
            if let Some(text) = text {
                fs::write(package.folder.join("LICENSE-MIT"), text).expect("a file");
            }
            all.insert(package.key.clone(), package);
        }
        Packages { root: ("harness".to_owned(), "0.1.0".to_owned()), all }
    }

    #[test]
    fn equal_texts_are_given_once_and_name_all_who_use_them() {
        let home = tempfile::tempdir().expect("a folder");
        let packages = make_packages(
            home.path(),
            &[
                ("a", "MIT", "https://example.org/a", Some("Be  kind.\r\n")),
                ("b", "MIT", "https://example.org/b", Some("Be\nkind.")),
                ("c", "MIT", "https://example.org/c", Some("Be fair.")),
            ],
        );
        let notices = write(&packages, "Apache").expect("all have texts");
        assert!(
            notices.contains("Text 1 of a 1.0.0 (LICENSE-MIT), b 1.0.0 (LICENSE-MIT)\n\nBe  kind.\n"),
            "{notices}"
        );
        assert!(notices.contains("Text 2 of c 1.0.0 (LICENSE-MIT)\n\nBe fair.\n"), "{notices}");
        assert!(notices.contains(
            "b 1.0.0\n    licence: MIT\n    authors: Ada\n    source: https://example.org/b\n    texts: 1\n"
        ));
        assert!(!notices.contains("fn main"), "source code is no licence");
    }

    #[test]
    fn packages_without_a_text_take_that_of_their_repository_or_of_the_apache_licence() {
        let home = tempfile::tempdir().expect("a folder");
        let packages = make_packages(
            home.path(),
            &[
                ("main", "MIT", "https://example.org/main", Some("Be kind.")),
                ("main-macros", "MIT", "https://example.org/main/", None),
                ("other", "MIT OR Apache-2.0", "https://example.org/other", None),
            ],
        );
        let notices = write(&packages, "Apache text").expect("all have texts");
        assert!(
            notices.contains("main-macros 1.0.0 (LICENSE-MIT of main, of the same repository)"),
            "{notices}"
        );
        assert!(
            notices.contains("other 1.0.0 (ships no text; Apache-2.0 is chosen)\n\nApache text\n"),
            "{notices}"
        );
    }

    #[test]
    fn a_licence_whose_text_is_missing_is_refused_with_the_name_of_the_package() {
        let home = tempfile::tempdir().expect("a folder");
        let packages = make_packages(home.path(), &[("lone", "MIT", "https://example.org/lone", None)]);
        let error = write(&packages, "Apache").expect_err("there is no text").to_string();
        assert!(error.contains("`lone 1.0.0` ships no text of its licence, MIT"), "{error}");
    }
}
