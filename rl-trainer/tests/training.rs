//! A training from end to end, small: it resumes exactly, and serves what it learnt.

use lb_core::policy::Policy;
use lb_core::policy::learned::{Action, Learned, Network, PolicyFile};
use rl_trainer::episode::Here;
use rl_trainer::evolution;
use rl_trainer::measure::measure;
use rl_trainer::scenarios::{Family, TEST_CASES, VALIDATION_CASES, hash, situation};
use rl_trainer::train::{Args, CHECKPOINT, TrainError, Trained, train};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Every phase, a few rounds each.
fn tiny(seed: u64) -> Args {
    Args {
        lessons: 2,
        ppo_steps: 3 * 2 * 300,
        episodes: 2,
        requests: 300,
        generations: 2,
        evolution: evolution::Args { pairs: 2, requests: 300, ..evolution::Args::default() },
        validate_every: 100,
        validate_every_generations: 100,
        ..Args::smoke(seed)
    }
}

fn run(args: &Args, folder: &Path, stop_after: Option<u32>) -> Result<Trained, TrainError> {
    let stop = AtomicBool::new(false);
    let mut rounds = 0;
    let mut progress = |_: &_| {
        rounds += 1;
        stop.store(stop_after == Some(rounds), Ordering::Relaxed);
    };
    train(args, folder, &Here, &mut progress, &stop)
}

#[test]
fn a_training_that_was_stopped_goes_on_as_if_it_had_not_been() {
    let whole = tempfile::tempdir().expect("a folder");
    let uninterrupted = run(&tiny(1), whole.path(), None).expect("it ends");
    let parts = tempfile::tempdir().expect("a folder");
    // In the lessons, in PPO and in evolution.
    for stop_after in [1, 2, 2] {
        let stopped = run(&tiny(1), parts.path(), Some(stop_after)).expect_err("it was asked to stop");
        assert!(matches!(stopped, TrainError::Stopped(_)), "{stopped}");
    }
    let resumed = run(&tiny(1), parts.path(), None).expect("it ends");
    assert_eq!(resumed.file.sha256, uninterrupted.file.sha256, "the same weights, bit for bit");
    assert_eq!(resumed.env_steps, uninterrupted.env_steps);
    let rows = |folder: &Path| {
        let (_, rows) = rl_trainer::curves::read(&folder.join(rl_trainer::curves::CSV)).expect("curves");
        rows.into_iter().map(|row| (row.step, row.values)).collect::<Vec<_>>()
    };
    assert_eq!(rows(parts.path()), rows(whole.path()), "and the same curves");
    let other = tempfile::tempdir().expect("a folder");
    let other = run(&tiny(2), other.path(), None).expect("it ends");
    assert_ne!(other.file.sha256, uninterrupted.file.sha256, "another seed learns something else");
}

#[test]
fn a_network_that_only_harms_is_left_out() {
    // Prefers backends with many requests in flight.
    let mut harmful = Network::zero();
    harmful.first[0][0] = 1.0;
    harmful.second[0][0] = 1.0;
    harmful.third[0] = 100.0;
    let start = Some(PolicyFile::new(harmful, Action::default()));
    let args = Args { start, ppo_steps: 0, generations: 0, lessons: 1, ..tiny(1) };
    let folder = tempfile::tempdir().expect("a folder");
    let trained = run(&args, folder.path(), None).expect("it ends");
    assert_eq!(trained.file.train["share_of_output"], 0.0, "the prior decides alone");
    assert!(trained.validation.mean < 1.0, "which beats the baseline: {}", trained.validation.mean);
}

#[test]
fn a_checkpoint_of_another_training_is_not_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    run(&tiny(1), folder.path(), Some(1)).expect_err("it was asked to stop");
    let message = run(&tiny(2), folder.path(), None).expect_err("another seed").to_string();
    assert!(message.contains("has seed 1, not seed 2"), "{message}");
    std::fs::write(folder.path().join(CHECKPOINT), b"not a checkpoint").expect("the folder can be written");
    let message = run(&tiny(1), folder.path(), None).expect_err("no checkpoint").to_string();
    assert!(message.contains(CHECKPOINT), "the file is named: {message}");
}

#[test]
fn what_is_served_decides_as_what_was_trained() {
    let folder = tempfile::tempdir().expect("a folder");
    let trained = run(&tiny(3), folder.path(), None).expect("it ends").file;
    let loaded = PolicyFile::from_bytes(&trained.to_bytes()).expect("a sound file");
    let case = situation('b').expect("there is a B").with_requests(3_000);
    let figures = |file: &PolicyFile| {
        let file = Arc::new(file.clone());
        measure(&case, &mut || -> Box<dyn Policy> { Box::new(Learned::new(Arc::clone(&file))) })
    };
    assert_eq!(figures(&loaded), figures(&trained), "every request takes the same time");
    assert_eq!(loaded.action, Action::default());
    assert_eq!(loaded.train["seed"], 3, "the record says where it comes from");
}

#[test]
fn the_families_of_cases_do_not_mix() {
    let test = Family::Test.cases(TEST_CASES);
    let validation = Family::Validation.cases(VALIDATION_CASES);
    let topologies = |cases: &[rl_trainer::scenarios::Case]| {
        cases.iter().map(|case| serde_json::to_string(&case.topology).expect("JSON")).collect::<Vec<_>>()
    };
    let (test_texts, validation_texts) = (topologies(&test), topologies(&validation));
    assert!(!test_texts.iter().any(|text| validation_texts.contains(text)), "nobody selects on the test set");
    assert_ne!(hash(&test), hash(&validation));
    assert_eq!(hash(&test), hash(&Family::Test.cases(TEST_CASES)), "the list is the same each time");
}
