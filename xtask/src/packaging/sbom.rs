//! The bill of materials: the packages that the program contains, in the form that scanners read (CycloneDX 1.6, JSON).
//!
//! It holds nothing of the machine: its number follows from the program, and its time is that of the release.

use super::packages::{Key, Origin, Package, Packages};
use super::release::{ABOUT, LICENCE, NAME, Program, hex, timestamp};
use anyhow::Context;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Returns the bill of materials of programs, the first of which is the main one.
///
/// `rustc` is the version of the compiler, and `epoch` the time of the release in seconds since 1970.
///
/// # Errors
/// The time lies beyond the year 9999.
pub(crate) fn write(
    packages: &Packages,
    programs: &[Program],
    rustc: &str,
    epoch: u64,
) -> anyhow::Result<String> {
    let main = programs.first().context("there is no program")?;
    let digest = hex(&Sha256::digest(&main.bytes));
    let standard_library = format!("rust-standard-library@{rustc}");
    let mut components: Vec<Value> =
        packages.all.values().filter(|package| package.key != packages.root).map(describe).collect();
    components.push(json!({
        "type": "library",
        "bom-ref": standard_library,
        "name": "rust-standard-library",
        "version": rustc,
        "description": "The standard library of Rust, as the compiler brings it",
        "scope": "required",
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
        "externalReferences": [{"type": "vcs", "url": "https://github.com/rust-lang/rust"}],
    }));
    for other in &programs[1..] {
        components.push(json!({
            "type": "application",
            "bom-ref": format!("{}@{}", other.name, packages.version()),
            "name": other.name,
            "version": packages.version(),
            "description": format!("The program {} beside {}", other.name, main.name),
            "hashes": [{"alg": "SHA-256", "content": hex(&Sha256::digest(&other.bytes))}],
            "licenses": [{"expression": LICENCE}],
        }));
    }
    let mut dependencies: Vec<Value> = packages
        .all
        .values()
        .map(|package| {
            let mut uses: Vec<String> = package.uses.iter().map(refer_to).collect();
            if package.key == packages.root {
                uses.push(standard_library.clone());
            }
            json!({"ref": refer_to(&package.key), "dependsOn": uses})
        })
        .collect();
    dependencies.push(json!({"ref": standard_library}));
    let beside = |other: &Program| json!({"ref": format!("{}@{}", other.name, packages.version())});
    dependencies.extend(programs[1..].iter().map(beside));
    let bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": number_by(&digest),
        "version": 1,
        "metadata": {
            "timestamp": timestamp(epoch)?.to_string(),
            "component": {
                "type": "application",
                "bom-ref": refer_to(&packages.root),
                "name": NAME,
                "version": packages.version(),
                "description": format!("{ABOUT} (the program {})", main.name),
                "hashes": [{"alg": "SHA-256", "content": digest}],
                "licenses": [{"expression": LICENCE}],
            },
        },
        "components": components,
        "dependencies": dependencies,
    });
    let text = serde_json::to_string_pretty(&bill).context("failed to write the bill of materials")?;
    Ok(text + "\n")
}

/// Returns a package as a component. Those of this repository have no address, since no registry has them.
fn describe(package: &Package) -> Value {
    let (name, version) = &package.key;
    let mut component = json!({
        "type": "library",
        "bom-ref": refer_to(&package.key),
        "name": name,
        "version": version,
        "scope": "required",
        "licenses": [{"expression": package.licence}],
    });
    if let Some(about) = &package.about {
        component["description"] = json!(about);
    }
    let address = match &package.origin {
        Origin::Own => return component,
        Origin::Registry(checksum) => {
            component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
            format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
        }
        Origin::Copied(address) => address.clone(),
    };
    component["purl"] = json!(address);
    if let Some(repository) = &package.repository {
        component["externalReferences"] = json!([{"type": "vcs", "url": repository}]);
    }
    component
}

fn refer_to((name, version): &Key) -> String {
    format!("{name}@{version}")
}

/// Returns a UUID (version 8: of one's own making) that follows from the digest of the program.
fn number_by(digest: &str) -> String {
    format!(
        "urn:uuid:{}-{}-8{}-8{}-{}",
        &digest[..8],
        &digest[8..12],
        &digest[13..16],
        &digest[17..20],
        &digest[20..32]
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::PathBuf;

    fn package(name: &str, origin: Origin, uses: &[&str]) -> (Key, Package) {
        let key = |name: &str| (name.to_owned(), "1.0.0+x".to_owned());
        let package = Package {
            key: key(name),
            licence: "MIT".to_owned(),
            about: None,
            authors: Vec::new(),
            repository: Some("https://example.org".to_owned()),
            folder: PathBuf::new(),
            licence_file: None,
            origin,
            uses: uses.iter().map(|name| key(name)).collect::<BTreeSet<_>>(),
        };
        (key(name), package)
    }

    #[test]
    fn the_bill_lists_each_package_with_its_origin_and_what_it_uses() {
        let all: BTreeMap<_, _> = [
            package("harness", Origin::Own, &["own"]),
            package("own", Origin::Own, &["bytes"]),
            package("bytes", Origin::Registry("c0".to_owned()), &[]),
        ]
        .into();
        let packages = Packages { root: ("harness".to_owned(), "1.0.0+x".to_owned()), all };
        let programs = ["bench", "bench-history"].map(|name| Program { name, bytes: b"abc".to_vec() });
        let text = write(&packages, &programs, "1.95.0", 0).expect("it can be written");
        let bill: Value = serde_json::from_str(&text).expect("it is JSON");
        let references: Vec<&str> = bill["components"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|c| c["bom-ref"].as_str())
            .collect();
        assert_eq!(
            references,
            ["bytes@1.0.0+x", "own@1.0.0+x", "rust-standard-library@1.95.0", "bench-history@1.0.0+x"]
        );
        assert_eq!(bill["components"][0]["purl"], "pkg:cargo/bytes@1.0.0%2Bx");
        assert_eq!(
            bill["components"][1].get("purl"),
            None,
            "no registry has the packages of this repository"
        );
        assert_eq!(
            bill["dependencies"][1],
            json!({"ref": "harness@1.0.0+x", "dependsOn": ["own@1.0.0+x", "rust-standard-library@1.95.0"]})
        );
        assert_eq!(bill["metadata"]["timestamp"], "1970-01-01T00:00:00Z");
        assert_eq!(bill["serialNumber"], "urn:uuid:ba7816bf-8f01-8fea-8141-40de5dae2223");
    }
}
