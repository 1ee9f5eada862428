//! Names of algorithms, as typed and as written.

use lb_core::Algorithm;
use lb_core::algorithm::{AlgorithmError, Behaviour, Rule};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

#[test]
fn names_are_read_in_all_spellings() {
    let table = [
        ("round-robin", "round-robin"),
        ("round_robin", "round-robin"),
        ("ROUND_ROBIN", "round-robin"),
        (" Least-Connections ", "least-connections"),
        ("least_connections+ejection", "least-connections+ejection"),
        ("LC+EJECTION", "least-connections+ejection"),
        ("rr", "round-robin"),
        ("wrr", "weighted-round-robin"),
        ("sed", "shortest-expected-delay"),
        ("LPW", "least-predicted-work"),
        ("peak_ewma", "peak-ewma"),
        ("rl-agent", "rl"),
        ("RL_AGENT+ejection", "rl+ejection"),
    ];
    for (typed, written) in table {
        let read: Algorithm = typed.parse().unwrap_or_else(|error| panic!("{typed}: {error}"));
        assert_eq!(read.to_string(), written, "`{typed}` names `{written}`");
    }
}

#[test]
fn unknown_names_are_refused_with_the_nearest_one() {
    const KNOWN: &str = "round-robin, weighted-round-robin, random, least-connections, p2c, peak-ewma, ewma-scan, shortest-expected-delay, prequal, least-predicted-work, ip-hash, consistent-hash, rl, each also with `+ejection`";
    let table = [
        ("round-robbin", " (did you mean `round-robin`?)"),
        ("least_connection", " (did you mean `least-connections`?)"),
        ("least-conections+ejection", " (did you mean `least-connections+ejection`?)"),
        ("prequal+eject", " (did you mean `prequal+ejection`?)"),
        ("prequal+retries", " (did you mean `prequal`?)"),
        ("zzz", ""),
        ("", ""),
    ];
    for (typed, suggestion) in table {
        let error = typed.parse::<Algorithm>().expect_err("an unknown name");
        let expected = format!("unknown algorithm `{typed}`{suggestion}; known: {KNOWN}");
        assert_eq!(error.to_string(), expected, "the refusal names what was meant and what is known");
    }
}

#[test]
fn every_name_of_the_table_reads_back_as_its_rule() {
    for entry in Algorithm::table() {
        let plain = Algorithm::plain(entry.rule);
        assert_eq!(plain.to_string(), entry.name, "the table stands in the order of the rules");
        for name in std::iter::once(&entry.name).chain(entry.aliases) {
            assert_eq!(name.parse(), Ok(plain), "`{name}` is one of the names of {:?}", entry.rule);
            let worn = Algorithm { ejection: true, ..plain };
            assert_eq!(format!("{name}+ejection").parse(), Ok(worn), "every rule wears ejection");
        }
    }
}

#[test]
fn no_name_of_the_table_stands_for_two_rules() {
    let mut seen = BTreeMap::new();
    for entry in Algorithm::table() {
        for name in std::iter::once(&entry.name).chain(entry.aliases) {
            let other = seen.insert(*name, entry.rule);
            assert_eq!(other, None, "`{name}` names one rule, and once");
        }
    }
}

/// Policies that dress others, or record them, are not algorithms of their own; nor is the one that stands for a load
/// balancer's own way to draw in predictions.
const WITHOUT_ENTRY: [&str; 3] = ["ejection", "haproxy-random", "logged"];

#[test]
fn every_file_with_a_policy_has_its_entry_in_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/policy");
    let mut files = BTreeSet::new();
    for file in fs::read_dir(folder).expect("the folder of policies") {
        let path = file.expect("an entry of the folder").path();
        let source = if path.is_dir() { path.join("mod.rs") } else { path.clone() };
        let text = fs::read_to_string(source).expect("a source file");
        if text.contains(" Policy for ") {
            let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
            files.insert(stem.replace('_', "-"));
        }
    }
    for other in WITHOUT_ENTRY {
        assert!(files.remove(other), "`{other}` is a policy");
    }
    let entry_of = |file: &str| Algorithm::table().iter().find(|entry| entry.name == file);
    assert!(files.remove("learned") && entry_of("rl").is_some(), "`learned` is the policy of `rl`");
    for file in &files {
        assert!(entry_of(file).is_some(), "the policy of `{file}` has an entry in the table of algorithms");
    }
    assert_eq!(files.len() + 1, Algorithm::table().len(), "each entry has a file, and each file one entry");
}

#[test]
fn only_the_learned_rule_lacks_a_policy() {
    for entry in Algorithm::table() {
        for ejection in [false, true] {
            let policy = Algorithm { rule: entry.rule, ejection }.policy();
            match entry.rule {
                Rule::Rl => assert_eq!(
                    policy.err(),
                    Some(AlgorithmError::NoPolicyFile),
                    "`rl` is refused until a policy file is given"
                ),
                _ => assert!(policy.is_ok(), "`{}` needs nothing but its name", entry.name),
            }
        }
    }
    let refusal = AlgorithmError::NoPolicyFile.to_string();
    assert!(refusal.contains("rl-train"), "the refusal says what to do: {refusal}");
}

#[test]
fn names_stand_in_json_as_strings() {
    let algorithm: Algorithm = serde_json::from_str("\"Least_Connections+ejection\"").unwrap();
    assert_eq!(serde_json::to_string(&algorithm).unwrap(), "\"least-connections+ejection\"");
    let error = serde_json::from_str::<Algorithm>("\"p3c\"").unwrap_err().to_string();
    assert!(error.starts_with("unknown algorithm `p3c` (did you mean `p2c`?)"), "{error}");
    let schema = schemars::schema_for!(Algorithm);
    assert_eq!(schema.get("type").and_then(|kind| kind.as_str()), Some("string"));
}

#[test]
fn ejection_does_not_change_how_choices_look() {
    let plain: Algorithm = "least-connections".parse().unwrap();
    let worn: Algorithm = "least-connections+ejection".parse().unwrap();
    assert_eq!(plain.behaviour(), Behaviour::LeastLoaded);
    assert_eq!(worn.behaviour(), Behaviour::LeastLoaded);
}
