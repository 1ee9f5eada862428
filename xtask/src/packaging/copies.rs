//! Packages of which this repository holds a copy that the program embeds: cargo does not know of them.

use super::packages::{Origin, Package, Packages};
use std::collections::BTreeSet;
use std::path::Path;

/// A copy of a package.
struct Vendored {
    name: &'static str,
    version: &'static str,
    licence: &'static str,
    about: &'static str,
    repository: &'static str,
    /// Its address among the packages of its language.
    address: &'static str,
    /// Its folder, relative to the root of the repository.
    folder: &'static str,
    /// The package of this repository that embeds it.
    user: &'static str,
}

/// Every folder called `vendor` in this repository.
const COPIES: [Vendored; 1] = [Vendored {
    name: "uPlot",
    version: "1.6.32",
    licence: "MIT",
    about: "Charts of series of values, in JavaScript",
    repository: "https://github.com/leeoniya/uPlot",
    address: "pkg:npm/uplot@1.6.32",
    folder: "crates/lb-web/assets/vendor",
    user: "lb-web",
}];

/// Adds the copies that packages of the program embed.
pub(crate) fn add(root: &Path, packages: &mut Packages) {
    for copy in COPIES {
        let key = (copy.name.to_owned(), copy.version.to_owned());
        let Some(user) = packages.all.values_mut().find(|package| package.key.0 == copy.user) else {
            continue;
        };
        user.uses.insert(key.clone());
        let package = Package {
            key: key.clone(),
            licence: copy.licence.to_owned(),
            about: Some(copy.about.to_owned()),
            authors: Vec::new(),
            repository: Some(copy.repository.to_owned()),
            folder: root.join(copy.folder),
            licence_file: None,
            origin: Origin::Copied(copy.address.to_owned()),
            uses: BTreeSet::new(),
        };
        packages.all.insert(key, package);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::PathBuf;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository").to_owned()
    }

    /// Returns the folders called `vendor` below a folder, which holds no build.
    fn vendored(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("the folder can be read");
        let folders = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir());
        folders.flat_map(|path| if path.ends_with("vendor") { vec![path] } else { vendored(&path) }).collect()
    }

    #[test]
    fn every_copy_is_listed_with_its_licence_and_the_version_that_its_folder_names() {
        let root = root();
        let homes = ["crates", "harness/src", "lb-core/src", "load-balancer/src", "mock-backends/src"];
        let mut found: Vec<PathBuf> = homes.iter().flat_map(|home| vendored(&root.join(home))).collect();
        found.sort();
        assert_eq!(found, COPIES.map(|copy| root.join(copy.folder)));
        for copy in COPIES {
            let folder = root.join(copy.folder);
            let readme =
                fs::read_to_string(folder.join("README.md")).expect("it says where the copy comes from");
            let named = format!("{} {} ({}", copy.name, copy.version, copy.licence);
            assert!(readme.contains(&named), "{}/README.md names another version than {named}", copy.folder);
            assert!(copy.address.ends_with(&format!("@{}", copy.version)), "{}", copy.address);
            assert!(folder.join("LICENSE").is_file(), "{} has its licence", copy.folder);
        }
    }
}
