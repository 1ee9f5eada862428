//! The packages that the program is made of: asked of cargo, which alone knows the features that select them.
//!
//! `cargo metadata` describes every package of the workspace, also those that only other programs use; `cargo tree` says
//! which of them the features of a release build reach. What is in both, and is used from the package of the program on,
//! is in the program. Procedural macros count, since what they write may be theirs.

use anyhow::{Context, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The only platform that packages are made for.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The packages that the programs belong to, in their order.
pub(crate) const PACKAGES: [&str; 2] = ["harness", "lb-history"];

/// A package by its name and version.
pub(crate) type Key = (String, String);

/// A package that the program contains.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    /// Its name and version.
    pub(crate) key: Key,
    /// Its licence, as an SPDX expression.
    pub(crate) licence: String,
    /// One sentence about it.
    pub(crate) about: Option<String>,
    /// Who wrote it, as its manifest says.
    pub(crate) authors: Vec<String>,
    /// The address of its repository.
    pub(crate) repository: Option<String>,
    /// The folder of its source code.
    pub(crate) folder: PathBuf,
    /// A file of its own choice with its licence, relative to `folder`.
    pub(crate) licence_file: Option<PathBuf>,
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// The packages that it uses.
    pub(crate) uses: BTreeSet<Key>,
}

/// Where a package comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This repository.
    Own,
    /// The registry of Rust packages; with the SHA-256 of the source package.
    Registry(String),
    /// Elsewhere: a copy lies in this repository. With its address among the packages of its language (a purl).
    Copied(String),
}

/// The packages of the program, by name and version.
#[derive(Debug)]
pub(crate) struct Packages {
    /// The package that the program belongs to.
    pub(crate) root: Key,
    /// All packages, including that one.
    pub(crate) all: BTreeMap<Key, Package>,
}

impl Packages {
    /// Returns the packages that others wrote.
    pub(crate) fn of_others(&self) -> impl Iterator<Item = &Package> {
        self.all.values().filter(|package| package.origin != Origin::Own)
    }

    /// Returns the version of the program.
    pub(crate) fn version(&self) -> &str {
        &self.root.1
    }
}

/// Finds the packages that the program is made of.
///
/// # Errors
/// Cargo fails, or a package has no licence or no checksum.
pub(crate) fn find(root: &Path) -> anyhow::Result<Packages> {
    let metadata = cargo(root, &["metadata", "--format-version=1", "--filter-platform", TARGET])?;
    let metadata: Metadata =
        serde_json::from_str(&metadata).context("failed to read what `cargo metadata` prints")?;
    let mut selected = BTreeSet::new();
    for package in PACKAGES {
        let words = ["tree", "-p", package, "--edges=normal", "--target", TARGET];
        let tree = cargo(root, &[&words[..], &["--prefix=none", "--no-dedupe", "--format={p}"]].concat())?;
        selected.extend(read_tree(&tree));
    }
    let lock = root.join("Cargo.lock");
    let lock =
        std::fs::read_to_string(&lock).with_context(|| format!("failed to read `{}`", lock.display()))?;
    select(metadata, &selected, &read_checksums(&lock))
}

/// What `cargo metadata` prints, as far as it is used here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Described>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Described {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    license_file: Option<PathBuf>,
    description: Option<String>,
    authors: Vec<String>,
    repository: Option<String>,
    manifest_path: PathBuf,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Use>,
}

#[derive(Deserialize)]
struct Use {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

/// How a package is used; `None` stands for an ordinary dependency.
#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// Selects the packages of the program: what is used from its package on, and is in `selected`.
fn select(
    metadata: Metadata,
    selected: &BTreeSet<Key>,
    checksums: &BTreeMap<Key, String>,
) -> anyhow::Result<Packages> {
    let described: BTreeMap<String, Described> =
        metadata.packages.into_iter().map(|package| (package.id.clone(), package)).collect();
    let nodes: BTreeMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let key = |id: &str| {
        let package = described.get(id).with_context(|| format!("cargo does not describe `{id}`"))?;
        anyhow::Ok((package.name.clone(), package.version.clone()))
    };
    let find = |name: &str| {
        let found = described.values().find(|package| package.name == name && package.source.is_none());
        found.with_context(|| format!("cargo does not describe the package `{name}`"))
    };
    let mut all = BTreeMap::new();
    let roots = PACKAGES.map(find).into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let mut waiting: Vec<&str> = roots.iter().map(|root| root.id.as_str()).collect();
    while let Some(id) = waiting.pop() {
        let own = key(id)?;
        if all.contains_key(&own) {
            continue;
        }
        let node = nodes.get(id).with_context(|| format!("cargo does not resolve `{id}`"))?;
        let mut uses = BTreeSet::new();
        for used in node.deps.iter().filter(|used| used.dep_kinds.iter().any(|kind| kind.kind.is_none())) {
            let other = key(&used.pkg)?;
            if selected.contains(&other) {
                uses.insert(other);
                waiting.push(&used.pkg);
            }
        }
        let package = describe(&described[id], checksums.get(&own).cloned(), uses)?;
        all.insert(own, package);
    }
    Ok(Packages { root: key(&roots[0].id)?, all })
}

fn describe(package: &Described, checksum: Option<String>, uses: BTreeSet<Key>) -> anyhow::Result<Package> {
    let name = format!("{} {}", package.name, package.version);
    let origin = match (&package.source, checksum) {
        (None, _) => Origin::Own,
        (Some(_), Some(checksum)) => Origin::Registry(checksum),
        (Some(_), None) => {
            bail!("Cargo.lock has no checksum of `{name}`; only packages of a registry can be packed")
        }
    };
    let licence = package.license.as_deref();
    let licence = licence.with_context(|| {
        format!(
            "the package `{name}` names no licence as an SPDX expression; replace it, or ask its authors to"
        )
    })?;
    let folder = package.manifest_path.parent();
    let folder = folder.with_context(|| format!("the manifest of `{name}` is in no folder"))?;
    let about =
        package.description.as_deref().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    Ok(Package {
        key: (package.name.clone(), package.version.clone()),
        // An older way to write a choice.
        licence: licence.replace(" / ", " OR ").replace('/', " OR "),
        about,
        authors: package.authors.clone(),
        repository: package.repository.clone(),
        folder: folder.to_owned(),
        licence_file: package.license_file.clone(),
        origin,
        uses,
    })
}

/// Returns the packages of a tree that was printed with the format `{p}`, such as `serde v1.0.229 (proc-macro)`.
fn read_tree(tree: &str) -> BTreeSet<Key> {
    let package = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next()?;
        let version = words.next()?.strip_prefix('v')?;
        Some((name.to_owned(), version.to_owned()))
    };
    tree.lines().filter_map(package).collect()
}

/// Returns the checksums in the text of Cargo.lock.
fn read_checksums(lock: &str) -> BTreeMap<Key, String> {
    let package = |part: &str| {
        let value = |name: &str| {
            let found = part.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""));
            found.and_then(|value| value.strip_suffix('"')).map(str::to_owned)
        };
        Some(((value("name")?, value("version")?), value("checksum")?))
    };
    lock.split("[[package]]").filter_map(package).collect()
}

/// Runs cargo in `root` without changing Cargo.lock, and returns what it prints.
fn cargo(root: &Path, args: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).arg("--locked").current_dir(root).stderr(Stdio::inherit());
    let output = command.output().context("failed to start cargo")?;
    if !output.status.success() {
        bail!("`cargo {}` failed ({})", args.join(" "), output.status);
    }
    String::from_utf8(output.stdout).context("cargo printed what is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(name: &str) -> Key {
        (name.to_owned(), "1.0.0".to_owned())
    }

    fn metadata() -> Metadata {
        let package = |name: &str, source: Option<&str>| {
            json!({
                "id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0", "license_file": null,
                "description": "One\n line", "authors": [], "repository": null,
                "manifest_path": format!("/src/{name}/Cargo.toml"), "source": source,
            })
        };
        let used = |name: &str, kind: Option<&str>| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let document = json!({
            "packages": [
                package("harness", None), package("lb-history", None), package("linked", Some("registry")), package("deep", Some("registry")),
                package("built-with", Some("registry")), package("tested-with", Some("registry")),
                package("not-selected", Some("registry")), package("elsewhere", Some("registry")),
                package("database", Some("registry")),
            ],
            "resolve": {"nodes": [
                {"id": "harness", "deps": [
                    used("linked", None), used("built-with", Some("build")), used("tested-with", Some("dev")),
                    used("not-selected", None),
                ]},
                {"id": "lb-history", "deps": [used("database", None)]},
                {"id": "database", "deps": []},
                {"id": "linked", "deps": [used("deep", None)]},
                {"id": "deep", "deps": []},
                {"id": "elsewhere", "deps": [used("linked", None)]},
            ]},
        });
        serde_json::from_value(document).expect("it is what cargo prints")
    }

    #[test]
    fn the_program_contains_what_its_package_uses_and_its_features_select() {
        let selected =
            ["harness", "linked", "deep", "built-with", "elsewhere", "lb-history", "database"].map(key);
        let checksums = ["linked", "deep", "database"].map(|name| (key(name), "c0ffee".to_owned()));
        let found = select(metadata(), &selected.into(), &checksums.into()).expect("all have what they need");
        let names: Vec<&str> = found.all.keys().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["database", "deep", "harness", "lb-history", "linked"],
            "neither build nor test tools, nor other programs"
        );
        let linked = &found.all[&key("linked")];
        assert_eq!(linked.licence, "MIT OR Apache-2.0", "a choice is written as SPDX does");
        assert_eq!(linked.about.as_deref(), Some("One line"));
        assert_eq!(linked.uses, [key("deep")].into());
        assert_eq!(linked.origin, Origin::Registry("c0ffee".to_owned()));
        assert_eq!(found.all[&found.root].origin, Origin::Own);
    }

    #[test]
    fn a_package_that_comes_from_no_registry_is_refused() {
        let selected = ["harness", "linked"].map(key);
        let error = select(metadata(), &selected.into(), &BTreeMap::new()).expect_err("no checksum");
        assert!(error.to_string().contains("no checksum of `linked 1.0.0`"), "{error}");
    }

    #[test]
    fn trees_and_locks_are_read_by_name_and_version() {
        let tree = "harness v0.1.0 (/src/harness)\nserde_derive v1.0.2 (proc-macro)\n\nserde_derive v1.0.2 (proc-macro)\n";
        let pair = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        assert_eq!(read_tree(tree), [pair("harness", "0.1.0"), pair("serde_derive", "1.0.2")].into());
        let lock = "version = 4\n\n[[package]]\nname = \"ar\"\nversion = \"0.9.0\"\nsource = \"registry\"\n\
                    checksum = \"d67a\"\n\n[[package]]\nname = \"harness\"\nversion = \"0.1.0\"\ndependencies = [\n \"ar\",\n]\n";
        assert_eq!(read_checksums(lock), [(pair("ar", "0.9.0"), "d67a".to_owned())].into());
    }
}
