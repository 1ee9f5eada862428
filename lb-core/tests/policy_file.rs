//! The policy file: what is written is read back the same, and what is not right is refused.

use lb_core::policy::learned::file::{METADATA_KEY, TOLERANCE};
use lb_core::policy::learned::{Action, ActionMode, Guards, Network, PolicyFile, PolicyFileError, WIDTH};
use lb_core::profile::{self, BackendProfile, Estimate, PoolProfile};
use lb_core::topology::Discipline;
use lb_core::{Rng, Seed};
use proptest::prelude::*;
use rand::RngExt;
use safetensors::SafeTensors;
use serde_json::{Value, json};
use std::collections::HashMap;

fn network(seed: u64) -> Network {
    let mut rng: Rng = Seed(seed).stream(&[]);
    let mut network = Network::zero();
    let layers = network.first.iter_mut().chain(network.second.iter_mut()).flatten();
    layers.chain(&mut network.third).for_each(|weight| *weight = rng.random_range(-0.5..0.5));
    network.biases.0.iter_mut().for_each(|bias| *bias = rng.random_range(-0.5..0.5));
    network.mean.iter_mut().for_each(|mean| *mean = rng.random_range(-1.0..1.0));
    network.scale.iter_mut().for_each(|scale| *scale = rng.random_range(0.3..3.0));
    network
}

fn file(seed: u64) -> PolicyFile {
    let action = Action { mode: ActionMode::Softmax, temperature: 0.5, max_candidates: 12 };
    let mut file = PolicyFile::new(network(seed), action);
    file.guards = Guards { minimum_share: 0.002, stale_after_ms: 700 };
    file.profile = (seed % 2 == 1).then(profile);
    file.train = json!({ "seed": seed });
    file.eval = json!({ "situation-b": { "mean": 0.9 } });
    file
}

/// What is known about a pool of two.
fn profile() -> PoolProfile {
    let backend = |id: &str, speed: f64| BackendProfile {
        id: id.to_owned(),
        speed: Estimate { value: speed, log_error: 0.05 },
        workers: 4,
        workers_known: true,
        discipline: Discipline::Fcfs,
    };
    PoolProfile {
        format_version: profile::FORMAT_VERSION.to_owned(),
        about: "two backends".to_owned(),
        service_ms: Estimate { value: 10.0, log_error: 0.02 },
        backends: vec![backend("b1", 1.0), backend("b2", 4.0)],
        routes: Vec::new(),
    }
}

/// The file with its JSON text changed.
fn with_metadata(bytes: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let (_, header) = SafeTensors::read_metadata(bytes).expect("a sound file");
    let text = header.metadata().as_ref().expect("there is metadata")[METADATA_KEY].clone();
    let mut value: Value = serde_json::from_str(&text).expect("JSON");
    change(&mut value);
    let tensors = SafeTensors::deserialize(bytes).expect("a sound file");
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), value.to_string())]);
    safetensors::serialize(tensors.tensors(), Some(metadata)).expect("the same tensors")
}

fn refused(bytes: &[u8]) -> String {
    PolicyFile::from_bytes(bytes).expect_err("must be refused").to_string()
}

#[test]
fn what_is_written_is_read_back_the_same() {
    let file = file(1);
    let read = PolicyFile::from_bytes(&file.to_bytes()).expect("a sound file");
    let rows: Vec<f32> = (0..5 * WIDTH).map(|place| (place % 11) as f32 / 3.0 - 1.5).collect();
    let scores = |file: &PolicyFile| {
        let mut scores = vec![0.0; 5];
        file.network.add_scores(&rows, &mut scores);
        scores
    };
    for (one, other) in scores(&file).iter().zip(scores(&read)) {
        assert!((one - other).abs() < TOLERANCE, "scores {one} and {other}");
    }
    assert_eq!((read.action, read.guards), (file.action, file.guards), "how to act");
    assert_eq!((&read.train, &read.eval), (&file.train, &file.eval), "its record");
    assert_eq!(read.profile, Some(profile()), "what it knows about its pool");
    let general = PolicyFile::from_bytes(&self::file(2).to_bytes()).expect("a sound file");
    assert_eq!(general.profile, None, "a general policy knows no pool");
    assert_eq!(read.sha256, file.sha256, "the hash names the weights");
    assert_ne!(read.sha256, self::file(2).sha256, "other weights have another");
}

#[test]
fn a_part_of_a_file_is_refused_wherever_it_ends() {
    let bytes = file(1).to_bytes();
    for end in [0, 4, 8, 100, bytes.len() / 2, bytes.len() - 1] {
        let message = refused(&bytes[..end]);
        assert!(message.contains("not a complete safetensors file"), "{end} bytes: {message}");
    }
}

#[test]
fn files_for_other_builds_are_refused_by_name() {
    let bytes = file(1).to_bytes();
    let cases: &[(&str, Value, &str)] = &[
        (
            "format_version",
            json!("1.0.0"),
            "format version `1.0.0`, but this build reads 2.0.0; older policies",
        ),
        (
            "format_version",
            json!("3.0.0"),
            "format version `3.0.0`, but this build reads 2.0.0; serve it with",
        ),
        ("feature_set", json!("lbf-1"), "trained on feature set `lbf-1`, but this build computes `lbf-2`"),
        ("features", json!(["age"]), "retrain it or use the matching build"),
        ("kind", json!("transformer"), "holds a `transformer"),
        ("hidden", json!([64, 64]), "[64, 64]"),
        ("weights_sha256", json!("00"), "but the metadata names 00; the file was changed after export"),
    ];
    for (key, value, expected) in cases {
        let changed = with_metadata(&bytes, |metadata| metadata[*key] = value.clone());
        let message = refused(&changed);
        assert!(message.contains(expected), "{key}: {message:?} must say {expected:?}");
    }
    let minor = with_metadata(&bytes, |metadata| metadata["format_version"] = json!("2.7.3"));
    assert!(PolicyFile::from_bytes(&minor).is_ok(), "a newer minor version of the format is read");
}

#[test]
fn settings_out_of_range_are_refused_with_their_key() {
    let bytes = file(1).to_bytes();
    let cases: &[(&str, &str, Value, &str)] = &[
        ("action", "temperature", json!(0.0), "action.temperature is 0, but must be above 0"),
        ("action", "max_candidates", json!(1), "action.max_candidates is 1, but must be 2 or more"),
        ("guards", "minimum_share", json!(0.5), "minimum_share is 0.5, but must lie between 0 and 0.1"),
        ("golden", "logits", json!([]), "golden must hold as many logits as inputs"),
    ];
    for (part, key, value, expected) in cases {
        let changed = with_metadata(&bytes, |metadata| metadata[*part][*key] = value.clone());
        let message = refused(&changed);
        assert!(message.contains(expected), "{part}.{key}: {message:?} must say {expected:?}");
    }
}

#[test]
fn weights_that_diverged_are_refused() {
    for broken in [f32::NAN, f32::INFINITY] {
        let mut file = file(1);
        file.network.second[3][4] = broken;
        let message = refused(&PolicyFile::new(file.network, file.action).to_bytes());
        assert!(message.contains("not finite"), "{broken}: {message}");
    }
}

#[test]
fn a_build_that_computes_other_scores_is_refused() {
    let changed = with_metadata(&file(1).to_bytes(), |metadata| {
        let logit = metadata["golden"]["logits"][2].as_f64().expect("a number");
        metadata["golden"]["logits"][2] = json!(logit + 0.01);
    });
    let message = refused(&changed);
    assert!(message.contains("golden row 2 gets score"), "{message}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(mut at in 0usize..9_000, flip in 1u8..=255) {
        let mut bytes = file(1).to_bytes();
        at %= bytes.len();
        bytes[at] ^= flip;
        // Either refused or, where the byte says nothing that is checked, accepted with sound weights.
        if let Ok(file) = PolicyFile::from_bytes(&bytes) {
            prop_assert!(file.network.is_sound());
        }
    }
}

#[test]
fn messages_begin_in_lower_case_and_name_a_way_out() {
    for (found, way_out) in
        [("9.1.0", "export it with the matching `rl-train`"), ("1.2.0", "train a new one with `rl-train`")]
    {
        let error = PolicyFileError::Version { found: found.to_owned() }.to_string();
        assert!(error.starts_with("policy file") && error.contains(way_out), "{error}");
    }
}
