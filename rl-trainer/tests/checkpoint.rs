//! A checkpoint comes back bit for bit, and whatever goes wrong leaves the last one in its place.

use rl_trainer::checkpoint::{Checkpoint, METADATA_KEY, Tensor, Values};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::process::Command;

fn tensor(shape: &[usize], values: Values) -> Tensor {
    Tensor { shape: shape.to_vec(), values }
}

fn checkpoint(state: &str) -> Checkpoint {
    let tensors = [
        ("scorer.0.weight", tensor(&[2, 3], Values::F32(vec![0.1, -0.0, f32::MIN_POSITIVE, 3e38, 1.0, 2.0]))),
        ("optimiser.moment", tensor(&[2], Values::F64(vec![1.0 / 3.0, -1e-300]))),
        ("random.state", tensor(&[4], Values::I64(vec![i64::MIN, -1, 0, i64::MAX]))),
        ("step", tensor(&[], Values::I64(vec![7]))),
        ("none", tensor(&[0, 5], Values::F32(Vec::new()))),
    ];
    let tensors = tensors.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect();
    Checkpoint { tensors, state: state.to_owned() }
}

/// The names of what is in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_checkpoint_comes_back_bit_for_bit() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("runs/seed-1/last.safetensors");
    let saved = checkpoint(r#"{"update": 12, "seed": 18446744073709551615, "name": "Köln"}"#);
    saved.save(&path).expect("it can be written, with the folders above it");
    let loaded = Checkpoint::load(&path).expect("it can be read");
    assert_eq!(loaded, saved, "nothing is lost");

    let bits = |checkpoint: &Checkpoint| match &checkpoint.tensors["scorer.0.weight"].values {
        Values::F32(values) => values.iter().map(|value| value.to_bits()).collect::<Vec<u32>>(),
        other => panic!("the type is kept, too: {other:?}"),
    };
    assert_eq!(bits(&loaded), bits(&saved), "the sign of zero is a bit as well");

    let first = fs::read(&path).expect("the file");
    loaded.save(&path).expect("it can be written again");
    assert_eq!(fs::read(&path).expect("the file"), first, "the same state gives the same file");
    assert_eq!(names(path.parent().expect("a folder")), ["last.safetensors"], "nothing else is left behind");
}

#[test]
fn numbers_that_are_not_numbers_are_kept_for_who_looks_into_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("last.safetensors");
    let values = Values::F32(vec![f32::NAN, f32::NEG_INFINITY]);
    let tensors = BTreeMap::from([("weight".to_owned(), tensor(&[2], values))]);
    Checkpoint { tensors, state: "{}".into() }.save(&path).expect("it can be written");
    let loaded = Checkpoint::load(&path).expect("it can be read");
    let Values::F32(values) = &loaded.tensors["weight"].values else { panic!("the type is kept") };
    assert!(values[0].is_nan() && values[1] == f32::NEG_INFINITY, "they come back: {values:?}");
}

#[test]
fn a_part_of_a_checkpoint_is_refused_whatever_its_length() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("last.safetensors");
    checkpoint("{}").save(&path).expect("it can be written");
    let whole = fs::read(&path).expect("the file");
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).expect("a file");
        let fault = Checkpoint::load(&path).expect_err("a part is no checkpoint").to_string();
        assert!(
            fault.contains("last.safetensors") && fault.contains("truncated or in another format"),
            "{length} of {} bytes: {fault}",
            whole.len()
        );
    }
}

#[test]
fn files_of_others_are_refused_by_what_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("policy.safetensors");
    let refusal = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("a file");
        Checkpoint::load(&path).expect_err("this is no checkpoint").to_string()
    };
    let safetensors = |key: &str, dtype, bytes: &[u8]| {
        let view = safetensors::tensor::TensorView::new(dtype, vec![1], bytes).expect("a tensor");
        let metadata = HashMap::from([(key.to_owned(), "{}".to_owned())]);
        safetensors::serialize([("weight", view)], Some(metadata)).expect("a file")
    };
    use safetensors::Dtype;

    let fault = refusal(b"PK\x03\x04 this is an archive of PyTorch");
    assert!(fault.contains("another format"), "another format is named as such: {fault}");
    let fault = refusal(&safetensors("lbpolicy", Dtype::F32, &[0; 4]));
    assert!(fault.contains(&format!("without the metadata key `{METADATA_KEY}`")), "a policy file: {fault}");
    let fault = refusal(&safetensors("rl-train-checkpoint-2", Dtype::F32, &[0; 4]));
    assert!(
        fault.contains("layout `rl-train-checkpoint-2`") && fault.contains("version that wrote it"),
        "a later layout is told from a foreign file: {fault}"
    );
    let fault = refusal(&safetensors(METADATA_KEY, Dtype::BF16, &[0; 2]));
    assert!(fault.contains("tensor `weight` has the type BF16"), "the tensor is named: {fault}");
    fs::remove_file(&path).expect("a file");
    let fault = Checkpoint::load(&path).expect_err("there is none").to_string();
    assert!(fault.contains("failed to read the checkpoint"), "a missing file is named: {fault}");
}

#[test]
fn a_shape_that_does_not_fit_is_refused_and_leaves_the_last_checkpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("last.safetensors");
    let last = checkpoint("1");
    last.save(&path).expect("it can be written");
    for shape in [&[3][..], &[], &[usize::MAX, 2]] {
        let mut wrong = checkpoint("2");
        wrong.tensors.insert("bias".into(), tensor(shape, Values::F32(vec![0.0; 2])));
        let fault = wrong.save(&path).expect_err("two values have not this shape").to_string();
        assert!(fault.contains("`bias`") && fault.contains("2 values"), "the tensor is named: {fault}");
    }
    assert_eq!(Checkpoint::load(&path).expect("it can be read"), last, "the last one stays");
}

/// A checkpoint that is larger than what this test lets a file be.
fn large() -> Checkpoint {
    let tensors =
        BTreeMap::from([("weight".to_owned(), tensor(&[1 << 18], Values::F32(vec![1.0; 1 << 18])))]);
    Checkpoint { tensors, state: "large".into() }
}

const FULL: &str = "CHECKPOINT_TEST_FOLDER";

/// The disk is full half-way through a checkpoint. The test runs itself again in a process whose files may
/// not grow beyond 128 kB (`ulimit -f`): a write behind that fails like one on a full disk.
#[test]
fn a_full_disk_leaves_the_last_checkpoint_in_its_place_and_says_so() {
    if let Some(folder) = std::env::var_os(FULL) {
        // The child: what it prints is what is judged.
        let path = Path::new(&folder).join("last.safetensors");
        println!("fault: {}", large().save(&path).expect_err("there is no room for it"));
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("last.safetensors");
    let run = || {
        // Blocks of 512 bytes by POSIX, of 1024 in some shells: both are less than the checkpoint. The signal
        // that goes with the limit is ignored, so that the write returns the error.
        let line = "trap '' XFSZ; ulimit -f 256; exec \"$0\" --exact --nocapture \"$1\"";
        let mut shell = Command::new("sh");
        shell
            .args(["-c", line])
            .arg(std::env::current_exe().expect("this test"))
            .arg("a_full_disk_leaves_the_last_checkpoint_in_its_place_and_says_so");
        let output = shell.env(FULL, folder.path()).output().expect("the shell starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let fault =
            text.lines().find_map(|line| line.split_once("fault: ")).map(|(_, fault)| fault.to_owned());
        fault.unwrap_or_else(|| panic!("the child says what went wrong: {output:?}"))
    };

    let fault = run();
    assert!(
        fault.contains("failed to write the checkpoint") && fault.contains("there is no earlier one"),
        "without an earlier one that is said: {fault}"
    );
    let last = checkpoint("last");
    last.save(&path).expect("it can be written");
    let fault = run();
    for part in ["last.safetensors", "File too large", "last checkpoint is still there: free some space"] {
        assert!(fault.contains(part), "the message says `{part}`: {fault}");
    }
    assert_eq!(Checkpoint::load(&path).expect("it can be read"), last, "the last one is whole");
    assert_eq!(names(folder.path()), ["last.safetensors"], "the half of the new one is removed");
}
