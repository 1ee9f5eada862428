//! Every stored input of every fuzz target keeps to the rules, among them all that ever broke one.

use lb_fuzz::TARGETS;
use std::path::{Path, PathBuf};

/// Returns the files of a folder, in order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

#[test]
fn stored_inputs_keep_to_the_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for target in TARGETS {
        let stored = files(&root.join("fuzz/corpus").join(target.name));
        assert!(!stored.is_empty(), "{} has inputs to start from", target.name);
        let examples = target.examples.map(|folder| files(&root.join(folder))).unwrap_or_default();
        for file in stored.iter().chain(&examples) {
            // Named here, since a panic of the target does not know the file.
            println!("{}: {}", target.name, file.display());
            (target.run)(&std::fs::read(file).expect("a stored input can be read"));
        }
    }
}

#[test]
fn stored_recordings_keep_to_the_rules_in_every_format() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for folder in ["fuzz/corpus/recording", "configs/recordings"] {
        for file in files(&root.join(folder)) {
            println!("{}", file.display());
            lb_fuzz::read_in_all_formats(&std::fs::read(file).expect("a stored input can be read"));
        }
    }
}

#[test]
fn stored_results_keep_to_the_rules_in_each_rendering() {
    for file in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/analyze")) {
        println!("{}", file.display());
        lb_fuzz::analyze_in_full(&std::fs::read(file).expect("a stored input can be read"));
    }
}

#[test]
fn each_target_has_a_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).expect("the manifest of the programs");
    for target in TARGETS {
        let program = format!("fuzz_targets/{}.rs", target.name);
        assert!(manifest.contains(&program), "fuzz/Cargo.toml names {program}");
        let source = std::fs::read_to_string(root.join(&program)).expect("the program exists");
        assert!(source.contains(&format!("targets::{}(", target.name)), "{program} runs its own target");
    }
    assert_eq!(files(&root.join("fuzz_targets")).len(), TARGETS.len(), "no program is left over");
}
