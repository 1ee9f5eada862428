//! Tests of which runs are compared, which are refused and why, and of the messages.

use super::*;
use lb_results::{ConfigSummary, Engine, Host, LoadModel, MetricValue, SCHEMA_VERSION, TrialSummary, WarmUp};
use serde_json::json;

/// Makes a run of two algorithms over `blocks` blocks, with latencies multiplied by `factor`.
fn run(id: &str, blocks: u32, factor: f64) -> Summary {
    let trials = (0..blocks).flat_map(|block| {
        ["round-robin", "rl"].into_iter().enumerate().map(move |(place, label)| {
            let wobble = f64::from((block * 7 + place as u32 * 3) % 5) / 5.0;
            // The runs are compared with each other, so each has noise of its own.
            let own = 1.0 + 0.01 * wobble * (factor - 0.5);
            let metrics =
                [(Metric::Mean, 20.0 * factor * own), (Metric::P95, 50.0 * own), (Metric::ErrorRate, 0.0)];
            trial(label, block, &metrics)
        })
    });
    Summary {
        schema_version: SCHEMA_VERSION,
        run_id: id.to_owned(),
        started_at: "2026-11-21T12:00:00Z".to_owned(),
        command: vec!["bench".to_owned()],
        version: "0.2.0".to_owned(),
        commit: "abc".to_owned(),
        host: Host { name: "here".to_owned(), cores: 2, ..Host::default() },
        config: ConfigSummary {
            name: "c.json".to_owned(),
            source: "bundled".to_owned(),
            dialect: "guide".to_owned(),
            content: json!({"base_url": "http://localhost", "bench": {"repetitions": blocks, "cool_down_s": 1}}),
        },
        seed: 42,
        engine: Engine::Sim,
        load_balancer: "simulated".to_owned(),
        balancers: 1,
        unverified_tls: false,
        http: None,
        connections: None,
        policy: None,
        traces: None,
        schedule_sha256: "s".to_owned(),
        interrupted: false,
        fingerprint: "f".to_owned(),
        scenarios: vec![scenario("shop", blocks, trials.collect())],
        thresholds: Vec::new(),
        notes: Vec::new(),
    }
}

fn trial(label: &str, block: u32, metrics: &[(Metric, f64)]) -> TrialSummary {
    TrialSummary {
        label: label.to_owned(),
        block,
        metrics: metrics.iter().map(|&(metric, value)| MetricValue { metric, value: Some(value) }).collect(),
        ..TrialSummary::default()
    }
}

fn scenario(name: &str, blocks: u32, trials: Vec<TrialSummary>) -> ScenarioSummary {
    ScenarioSummary {
        name: name.to_owned(),
        duration_s: 30.0,
        peak_users: 40,
        topology: "default".to_owned(),
        schedules: (0..blocks).map(|block| format!("schedule {block}")).collect(),
        model: LoadModel::Closed,
        warm_up: WarmUp::Fixed,
        trials,
        ..ScenarioSummary::default()
    }
}

fn compared(base: &Summary, new: &Summary) -> Result<FolderComparison, CompareError> {
    compare_summaries(base, new, None, &CompareOptions { resamples: 1000, ..CompareOptions::default() })
}

fn refusal(base: &Summary, new: &Summary) -> String {
    compared(base, new).expect_err("these runs are not the same experiment").to_string()
}

#[test]
fn a_run_that_got_slower_is_a_regression_of_each_algorithm() {
    let comparison =
        compared(&run("monday", 12, 1.0), &run("tuesday", 12, 1.2)).expect("the same experiment");
    assert_eq!(comparison.verdict, FolderVerdict::Regression);
    let pairs = &comparison.scenarios[0].comparison.pairs;
    assert_eq!(pairs.len(), 2, "each algorithm is compared with itself only");
    let sentence = &pairs[1].sentence;
    assert!(sentence.starts_with("rl (new) is worse than rl (base): mean latency +20."), "{sentence}");
    assert!(sentence.contains("; no errors in either (12 blocks, family-wise 5 %)"), "{sentence}");
    let text = render(&comparison);
    assert!(text.ends_with("regression: round-robin (new) in shop, rl (new) in shop\n"), "{text}");
    assert!(text.contains("base monday"), "{text}");
}

#[test]
fn what_was_measured_as_it_is_is_compared_under_both_labels() {
    let labelled = |id: &str, label: &str, factor: f64| {
        let mut summary = run(id, 12, factor);
        let scenario = &mut summary.scenarios[0];
        scenario.trials.retain(|trial| trial.label == "rl");
        scenario.trials.iter_mut().for_each(|trial| label.clone_into(&mut trial.label));
        summary
    };
    let (mut before, mut after) =
        (labelled("monday", "default", 1.2), labelled("tuesday", "least_conn", 1.0));
    let message = refusal(&before, &after);
    assert!(message.contains("no scenario has an algorithm in common"), "algorithms stay apart: {message}");
    for summary in [&mut before, &mut after] {
        summary.scenarios[0].as_is = true;
    }
    let comparison = compared(&before, &after).expect("two labels of one address");
    let pairs = &comparison.scenarios[0].comparison.pairs;
    assert!(
        pairs[0].sentence.starts_with("least_conn (new) is better than default (base)"),
        "{}",
        pairs[0].sentence
    );
    assert!(
        comparison.notes.iter().any(|note| note.contains("not alternated in random order")),
        "{:?}",
        comparison.notes
    );
}

#[test]
fn a_run_that_got_no_worse_passes() {
    let comparison =
        compared(&run("monday", 12, 1.0), &run("tuesday", 12, 0.9)).expect("the same experiment");
    assert_eq!(comparison.verdict, FolderVerdict::NoRegression);
    let json = serde_json::to_value(&comparison).expect("it is plain data");
    assert_eq!(json["verdict"], "no_regression", "as other programs read it");
}

#[test]
fn a_certain_change_within_the_margin_is_no_regression() {
    let comparison =
        compared(&run("monday", 12, 1.0), &run("tuesday", 12, 1.01)).expect("the same experiment");
    let pairs = &comparison.scenarios[0].comparison.pairs;
    assert_eq!(pairs[0].metrics[0].verdict, Verdict::Worse, "1 % with hardly any noise is certain");
    assert_eq!(comparison.verdict, FolderVerdict::NoRegression, "but proven to be less than 5 %");
}

#[test]
fn too_few_blocks_cannot_pass_for_no_regression() {
    let comparison = compared(&run("monday", 3, 1.0), &run("tuesday", 3, 2.0)).expect("the same experiment");
    assert_eq!(comparison.verdict, FolderVerdict::NotEnoughData, "a gate that cannot fail is not a gate");
    assert!(render(&comparison).contains("a regression would not have been found"));
}

#[test]
fn one_block_has_effects_and_no_verdict() {
    let comparison = compared(&run("monday", 1, 1.0), &run("tuesday", 1, 2.0)).expect("the same experiment");
    assert_eq!(comparison.verdict, FolderVerdict::NotEnoughData);
    assert_eq!(comparison.regressions().count(), 0, "nobody knows the noise");
    let mean = &comparison.scenarios[0].comparison.pairs[0].metrics[0];
    assert!(mean.effect > 0.9 && mean.interval.is_none() && mean.p_value.is_none(), "{mean:?}");
    let text = render(&comparison);
    for part in ["+1", "not enough data", "1 block is too few to estimate noise", "--repetitions"] {
        assert!(text.contains(part), "`{part}` in {text}");
    }
}

#[test]
fn scenarios_share_the_error_rate() {
    let two = |id, factor| {
        let mut run = run(id, 12, factor);
        let again = ScenarioSummary { name: "sale".to_owned(), ..run.scenarios[0].clone() };
        run.scenarios.push(again);
        run
    };
    let comparison = compared(&two("monday", 1.0), &two("tuesday", 1.0)).expect("the same experiment");
    assert_eq!(comparison.alpha, 0.05);
    let alphas: Vec<f64> = comparison.scenarios.iter().map(|scenario| scenario.comparison.alpha).collect();
    assert_eq!(alphas, [0.025, 0.025], "5 % over both");
}

#[test]
fn runs_of_other_experiments_are_refused_with_the_difference_and_the_way_out() {
    type Change = fn(&mut Summary);
    let cases: [(&str, Change, &str); 9] = [
        ("interrupted", |run| run.interrupted = true, "the new run `new` was interrupted"),
        (
            "engine",
            |run| run.engine = Engine::Live,
            "base ran `sim`, new ran `live`; give both the same --engine",
        ),
        (
            "seed",
            |run| {
                run.seed = 7;
                run.scenarios[0].schedules[0] = "another".to_owned();
            },
            "scenario `shop` had different users (schedules differ): seed: base 42, new 7; run both with",
        ),
        (
            "length",
            |run| {
                run.scenarios[0].duration_s = 60.0;
                run.scenarios[0].peak_users = 80;
                run.scenarios[0].schedules[0] = "another".to_owned();
            },
            "duration: base 30 s, new 60 s; most users at once: base 40, new 80",
        ),
        (
            "actions",
            |run| run.scenarios[0].schedules[1] = "another".to_owned(),
            "seed, duration and number of users are the same, so what users do differs",
        ),
        (
            "config",
            |run| run.config.content["bench"]["cool_down_s"] = json!(5),
            "configs differ in `bench.cool_down_s` (base 1, new 5); run both with the same config",
        ),
        (
            "fingerprint",
            |run| run.fingerprint = "g".to_owned(),
            "the fingerprints differ: flags or bundled files",
        ),
        (
            "scenario",
            |run| run.scenarios[0].name = "sale".to_owned(),
            "base has `shop` (round-robin, rl); new has `sale` (round-robin, rl); run the same config",
        ),
        (
            "trials",
            |run| run.scenarios[0].trials.iter_mut().for_each(|trial| trial.problems.push("late".to_owned())),
            "scenario `shop` has no valid trials to compare: no algorithm has one in the same block of both runs",
        ),
    ];
    for (what, change, expected) in cases {
        let mut new = run("new", 6, 1.0);
        change(&mut new);
        let message = refusal(&run("base", 6, 1.0), &new);
        assert!(message.starts_with("runs `base` and `new` cannot be compared:\n- "), "{what}: {message}");
        assert!(message.contains(expected), "{what} is refused with `{expected}`: {message}");
    }
}

#[test]
fn at_most_ten_key_paths_are_listed() {
    let mut new = run("new", 6, 1.0);
    for key in 0..14 {
        new.config.content["bench"][format!("key_{key}")] = json!(key);
    }
    let message = refusal(&run("base", 6, 1.0), &new);
    assert!(message.contains("`bench.key_9` (base absent, new 9), and 4 more;"), "{message}");
    assert!(!message.contains("key_10"), "{message}");
}

#[test]
fn what_changes_no_trial_is_a_note() {
    let mut new = run("new", 12, 1.0);
    new.config.content["bench"]["repetitions"] = json!(30);
    new.config.content["bench"]["algorithms"] = json!(["rl", "round-robin", "random"]);
    new.version = "0.3.0".to_owned();
    new.host.cores = 64;
    new.scenarios[0].schedules.push("one more".to_owned());
    new.scenarios[0].trials.push(trial("random", 0, &[(Metric::Mean, 20.0)]));
    let notes = compared(&run("base", 12, 1.0), &new).expect("the same experiment").notes.join("\n");
    for expected in [
        "any other change of the machine between them counts as a difference",
        "machines differ: base here, 2 cores",
        "versions of bench differ: base 0.2.0, new 0.3.0",
        "configs differ in keys that do not affect trials: `bench.repetitions` (base 12, new 30), `bench.algorithms`",
        "scenario `shop`: `random` ran in the new run only",
        "scenario `shop`: base has 12 blocks, new has 13",
    ] {
        assert!(notes.contains(expected), "a note says `{expected}`:\n{notes}");
    }
}

#[test]
fn folders_are_read_and_compared() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let folder = |run: &Summary| {
        let folder = dir.path().join(&run.run_id);
        std::fs::create_dir(&folder).expect("it is new");
        let json = serde_json::to_vec(run).expect("plain data");
        std::fs::write(folder.join("summary.json"), json).expect("it can be written");
        folder
    };
    let (base, new) = (folder(&run("monday", 6, 1.0)), folder(&run("tuesday", 6, 1.0)));
    let options = CompareOptions { resamples: 100, ..CompareOptions::default() };
    let comparison = compare_folders(&base, &new, &options).expect("the same experiment");
    assert_eq!((comparison.base.run_id.as_str(), comparison.new.run_id.as_str()), ("monday", "tuesday"));
    let missing =
        compare_folders(&base, &dir.path().join("none"), &options).expect_err("there is no such folder");
    assert!(missing.to_string().contains("there is no summary.json"), "{missing}");
}
