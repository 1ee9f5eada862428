//! `rl-train export --onnx`: ONNX Runtime computes the scores that a load balancer computes.
//!
//! `cargo xtask test` installs ONNX Runtime and names its interpreter in an environment variable; without it, those tests
//! are reported as ignored, which the standard test harness could not decide at run time.

use lb_core::Seed;
use lb_core::policy::PolicyFile;
use lb_core::policy::learned::{Action, Network, WIDTH};
use libtest_mimic::{Arguments, Failed, Trial};
use rand::RngExt;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Names the interpreter that has ONNX Runtime.
const PYTHON: &str = "BENCH_GYM_PYTHON";

const DEFAULT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/policies/default.safetensors");

fn main() {
    let python = std::env::var_os(PYTHON).is_some();
    if !python {
        eprintln!(
            "tests marked [python] are ignored: {PYTHON} is not set; `cargo xtask test` sets up ONNX Runtime"
        );
    }
    let foreign = [
        ("onnx_runtime_computes_the_scores_of_the_bundled_policy", bundled as fn()),
        ("onnx_runtime_computes_the_scores_of_any_policy", random),
    ];
    let ours = [
        ("a_policy_is_exported_in_both_formats_at_once", both as fn()),
        ("an_export_to_nowhere_is_refused", nowhere),
    ];
    let trial = |(name, test): (&str, fn())| {
        Trial::test(name, move || -> Result<(), Failed> {
            test();
            Ok(())
        })
    };
    let foreign = foreign.map(trial).map(|one| one.with_kind("python").with_ignored_flag(!python));
    libtest_mimic::run(&Arguments::from_args(), foreign.into_iter().chain(ours.map(trial)).collect()).exit();
}

fn rl_train(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rl-train"));
    command.args(args).current_dir(folder).stdin(Stdio::null()).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn bundled() {
    let policy =
        PolicyFile::from_bytes(&fs::read(DEFAULT).expect("the bundled policy")).expect("it is sound");
    agrees(&policy, DEFAULT);
}

fn random() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut rng = Seed(5).stream(&[]);
    let mut network = Network::zero();
    let layers = network.first.iter_mut().chain(network.second.iter_mut()).flatten();
    let biases = network.biases.0.iter_mut().chain(&mut network.biases.1).chain([&mut network.biases.2]);
    layers.chain(&mut network.third).chain(biases).for_each(|number| *number = rng.random_range(-0.25..0.25));
    network.mean = std::array::from_fn(|_| rng.random_range(-1.0..1.0));
    network.scale = std::array::from_fn(|_| rng.random_range(0.5..4.0));
    network.clip = 2.5;
    let policy = PolicyFile::new(network, Action::default());
    let path = folder.path().join("random.safetensors");
    fs::write(&path, policy.to_bytes()).expect("it can be written");
    agrees(&policy, &path.to_string_lossy());
}

/// Exports the policy in `path` and compares its scores with those of ONNX Runtime.
fn agrees(policy: &PolicyFile, path: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let output = rl_train(folder.path(), &["export", path, "--onnx", "policy.onnx"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let mut rng = Seed(6).stream(&[]);
    // Pools of different sizes, with features in and beyond their usual range.
    let pools: Vec<_> = [1, 2, 8, 37]
        .into_iter()
        .map(|count| {
            let rows: Vec<f32> = (0..count * WIDTH).map(|_| rng.random_range(-8.0..8.0)).collect();
            let prior: Vec<f32> = (0..count).map(|_| rng.random_range(-9.0..3.0)).collect();
            let mut scores = prior.clone();
            policy.network.add_scores(&rows, &mut scores);
            json!({ "rows": rows, "prior": prior, "scores": scores })
        })
        .collect();
    let about = json!({ "pools": pools, "width": WIDTH, "sha256": policy.sha256 });
    fs::write(folder.path().join("expected.json"), about.to_string()).expect("it can be written");
    let python = std::env::var_os(PYTHON).expect("the test is ignored without it");
    let mut check = Command::new(python);
    check.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx/check.py")).current_dir(folder.path());
    let output = check.output().expect("Python starts");
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(text(&output.stdout).contains("4 pools agree"), "{}", text(&output.stdout));
}

fn both() {
    let folder = tempfile::tempdir().expect("a folder");
    let args = ["export", DEFAULT, "--out", "p.safetensors", "--onnx", "sub/p.onnx"];
    let output = rl_train(folder.path(), &args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.contains("p.safetensors") && said.contains("sub/p.onnx"), "both are named: {said}");
    let model = fs::read(folder.path().join("sub/p.onnx")).expect("it was written");
    let policy = PolicyFile::from_bytes(&fs::read(folder.path().join("p.safetensors")).expect("a file"));
    let policy = policy.expect("it is sound");
    assert_eq!(model, rl_trainer::onnx::encode(&policy), "the model of the same policy");
}

fn nowhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = rl_train(folder.path(), &["export", DEFAULT]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let message = text(&output.stderr);
    assert!(message.contains("--out") && message.contains("--onnx"), "both ways out are named: {message}");
}
