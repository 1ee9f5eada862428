//! What an inspection says of traces of both formats, and what it says of files that are none.

mod trace_files;

use lb_core::policy::learned::WIDTH;
use rl_trainer::traces::inspect::{Format, Report, Verdict, inspect, render};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use trace_files::{Row, write};

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Inspects usual rows that were changed first.
fn of_rows(count: usize, change: impl Fn(usize, &mut Row)) -> Report {
    let folder = folder();
    let path = folder.path().join("trace.parquet");
    let mut rows: Vec<Row> = (0..count).map(Row::usual).collect();
    rows.iter_mut().enumerate().for_each(|(number, row)| change(number, row));
    write(&path, &rows, 400, &[]);
    inspect(&path).expect("a trace")
}

fn of_lines(text: &str) -> Report {
    let folder = folder();
    inspect(&lines_file(folder.path(), text)).expect("a trace")
}

fn lines_file(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("rl_experiences.jsonl");
    fs::write(&path, text).expect("a file");
    path
}

/// A line in the format of collectors that log one line per observation.
fn line(pod: &str, latency: f64, errors: f64, reward: f64) -> String {
    let metrics = format!(
        r#"{{"cpuUsagePercent":20.5,"jvmMemoryUsagePercent":40.0,"uptimeSeconds":100,"avgResponseTimeMs":{latency},"errorRatePercent":{errors},"requestRatePerSecond":10.0}}"#
    );
    let state = format!(
        r#"{{"timestamp":"2026-01-01T00:00:00Z","metrics":{{"{pod}":{metrics},"other":{metrics}}}}}"#
    );
    format!(
        r#"{{"state":{state},"action":"{pod}","reward":{reward},"next_state":{state},"metadata":{{"path":"/cart","status":200,"timestamp":1}}}}"#
    )
}

fn problems(report: &Report) -> Vec<&str> {
    report.warnings.iter().map(|warning| warning.problem.as_str()).collect()
}

fn has_problem(report: &Report, part: &str) -> bool {
    report.warnings.iter().any(|warning| warning.problem.contains(part) && !warning.advice.is_empty())
}

#[test]
fn a_sound_trace_is_excellent_and_fit() {
    let report = of_rows(3_000, |_, _| {});
    assert_eq!((report.format, report.experiences), (Format::Parquet, 3_000));
    assert_eq!(report.completeness.score, 100.0, "every row has all that an experience needs");
    assert_eq!(report.completeness.verdict, Verdict::Excellent);
    assert!(report.fit_for_training, "{:?}", report.warnings);
    assert_eq!(report.actions.len(), 3, "three backends were chosen");
    assert_eq!(report.actions[0].action, "b1", "actions go by the ids of backends, not by their places");
    assert!((report.actions[0].share - 1.0 / 3.0).abs() < 1e-3);
    let rewards = report.rewards.as_ref().expect("rewards");
    assert_eq!((rewards.count, rewards.negative, rewards.positive, rewards.zero), (3_000, 3_000, 0, 0));
    let sign = report.reward_sign.expect("latencies and rewards are there");
    assert!(!sign.inverted && sign.latency.is_some_and(|value| value < -0.9), "{sign:?}");
    assert_eq!(report.exploration, Some(0.02), "one decision in fifty was made at random");
    assert!(render(&report).contains("Completeness 100.0 % EXCELLENT"), "{}", render(&report));
    assert!(render(&report).ends_with("Fit for training.\n"));
}

#[test]
fn support_counts_what_propensities_make_of_it() {
    let report = of_rows(3_000, |_, _| {});
    let support = &report.actions[0];
    assert_eq!(support.smallest_propensity.map(|value| (value * 1e4).round()), Some(100.0));
    // 20 draws of weight 100 among 980 of weight 1/0.98: (sum)^2 / (sum of squares).
    let (sum, squares) = (20.0 * 100.0 + 980.0 / 0.98, 20.0 * 1e4 + 980.0 / (0.98 * 0.98));
    let size = support.effective_sample_size.expect("propensities are there");
    assert!((size / (sum * sum / squares) - 1.0).abs() < 1e-3, "Kish's size is {size}");
}

#[test]
fn quantiles_of_rewards_are_within_one_per_cent() {
    let report = of_rows(9_000, |number, row| row.reward = Some(-(number as f32 + 1.0) / 9_000.0));
    let rewards = report.rewards.expect("rewards");
    for (quantile, truth) in [(0.01, -0.99), (0.5, -0.5), (0.99, -0.01)] {
        let found = rewards.quantiles.iter().find(|one| one.quantile == quantile).expect("a quantile").value;
        assert!((found / truth - 1.0f64).abs() < 0.02, "p{quantile} is {truth}, found {found}");
    }
}

#[test]
fn what_cannot_be_trained_on_is_named() {
    let few = of_rows(99, |_, _| {});
    assert!(!few.fit_for_training && has_problem(&few, "only 99 experiences"), "{:?}", problems(&few));
    let one = of_rows(300, |_, row| row.action = 1);
    assert!(!one.fit_for_training && has_problem(&one, "only one action: every request went to `b2`"));
    let constant = of_rows(300, |_, row| row.reward = Some(-1.0));
    assert!(!constant.fit_for_training && has_problem(&constant, "the reward is -1 throughout"));
    let none = of_rows(300, |_, row| row.reward = None);
    assert!(!none.fit_for_training && has_problem(&none, "no experience has a reward"));
    assert!(render(&none).contains("Not fit for training."));
}

#[test]
fn features_of_another_set_are_refused_and_those_of_ineligible_backends_left_out() {
    let other =
        of_rows(300, |number, row| row.feature_set = if number < 100 { "lbf-9" } else { row.feature_set });
    assert!(!other.fit_for_training, "a network cannot read them");
    assert!(has_problem(&other, "100 experiences have features of set `lbf-9`"), "{:?}", problems(&other));
    let masked = of_rows(300, |_, row| {
        row.features[WIDTH] = 99.0;
        row.mask[1] = false;
        row.action = 0;
    });
    let first = &masked.features[0];
    assert!(first.max < 99.0 && first.count == 600, "two of three backends count: {first:?}");
}

#[test]
fn what_makes_a_trace_poor_is_told() {
    let report = of_rows(1_000, |number, row| {
        row.explore = false;
        row.propensity = [Some(1.0), None, Some(0.0), Some(1.5)][number % 4];
        row.features[0] = 6.0;
        row.features[4] = 0.25;
        row.features[4 + WIDTH] = 0.25;
        row.features[4 + 2 * WIDTH] = 0.25;
        if number % 5 == 0 {
            row.censored = true;
            row.error = None;
            row.reward = None;
            row.latency_us = None;
        }
    });
    assert_eq!(report.censored, 200);
    assert!(report.fit_for_training, "all of it is worth a warning only: {:?}", report.warnings);
    for part in [
        "250 experiences have no propensity",
        "250 experiences have a propensity of at most 0",
        "250 experiences have a propensity above 1",
        "no decision was made at random",
        "the outcome of 20.0 % of the experiences is unknown",
        "200 experiences (20.0 %) lack a valid `reward` (columns reward)",
        "always the same: `log_low_latency_vs_typical`",
        "cut off in more than 5 % of the rows: `log_in_flight`",
    ] {
        assert!(has_problem(&report, part), "`{part}` is told: {:?}", problems(&report));
    }
    assert_eq!(report.completeness.score, 92.0, "a fifth lacks reward and outcome");
    assert_eq!(report.completeness.verdict, Verdict::Excellent);
}

#[test]
fn a_reward_that_rises_with_latency_is_called_inverted() {
    let report = of_rows(1_000, |_, row| row.reward = row.reward.map(|reward| -reward));
    assert!(report.reward_sign.is_some_and(|sign| sign.inverted));
    assert!(has_problem(&report, "its sign is inverted"), "{:?}", problems(&report));
    // The original's tanh of a negated penalty: 10 ms without errors earned 0.05, 2 s with half of them 0.70.
    let lines: Vec<String> = (0..200)
        .map(|i| {
            let latency = 10.0 + f64::from(i) * 10.0;
            line(
                if i % 2 == 0 { "pod-a" } else { "pod-b" },
                latency,
                latency / 40.0,
                (latency / 2_500.0).tanh(),
            )
        })
        .collect();
    let report = of_lines(&lines.join("\n"));
    let sign = report.reward_sign.expect("pods' metrics are there");
    assert!(sign.inverted && sign.errors.is_some_and(|value| value > 0.9), "{sign:?}");
    assert!(has_problem(&report, "its sign is inverted"), "{:?}", problems(&report));
}

#[test]
fn the_originals_lines_are_read_by_its_own_rules() {
    let mut lines: Vec<String> =
        (0..150).map(|i| line(["a", "b", "c"][i % 3], 10.0 + i as f64, 0.0, 0.1)).collect();
    lines[0] = line("a", 5.0, 0.0, -0.5);
    lines[1] = line("b", 5.0, 0.0, 0.0);
    let whole = of_lines(&lines.join("\n"));
    assert_eq!((whole.format, whole.completeness.score), (Format::JsonLines, 100.0));
    let rewards = whole.rewards.as_ref().expect("rewards");
    assert_eq!((rewards.positive, rewards.negative, rewards.zero), (148, 1, 1));
    let names: Vec<&str> = whole.actions.iter().map(|action| action.action.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert!(
        whole.features.iter().any(|feature| feature.feature == "avgResponseTimeMs" && feature.min == 5.0)
    );
    assert!(has_problem(&whole, "always the same: `cpuUsagePercent`"), "{:?}", problems(&whole));

    // An empty map of metrics, an empty action, a reward that is a word: each costs 20 points of its line.
    let broken = [
        r#"{"state":{"metrics":{}},"action":"a","reward":1,"next_state":{},"metadata":{}}"#,
        r#"{"state":{"metrics":{"a":{}}},"action":"","reward":1,"next_state":{},"metadata":{}}"#,
        r#"{"state":{"metrics":{"a":{}}},"action":"a","reward":"good","next_state":{},"metadata":{}}"#,
        r#"{"state":{"metrics":{"a":{}}},"action":"a","reward":1}"#,
    ];
    let report = of_lines(&broken.join("\n"));
    assert_eq!(report.completeness.score, 75.0, "15 of 20 fields are there");
    assert_eq!(report.completeness.verdict, Verdict::Good);
    let present: Vec<u64> = report.completeness.fields.iter().map(|field| field.present).collect();
    assert_eq!(present, [3, 3, 3, 3, 3], "state, action, reward, next_state, metadata");
}

#[test]
fn verdicts_have_the_originals_limits() {
    for (score, verdict) in [
        (100.0, "EXCELLENT"),
        (90.0, "EXCELLENT"),
        (89.9, "GOOD"),
        (70.0, "GOOD"),
        (69.9, "POOR"),
        (0.1, "POOR"),
        (0.0, "CRITICAL"),
    ] {
        assert_eq!(Verdict::of(score).name(), verdict, "a score of {score}");
    }
    let critical = of_lines("{}\n{\"a\":1}\n");
    assert_eq!(critical.completeness.verdict, Verdict::Critical, "no field of any line");
    assert!(!critical.fit_for_training);
}

#[test]
fn malformed_lines_are_counted_with_their_number_and_kill_nothing() {
    let mut lines: Vec<String> =
        (0..120).map(|i| line(["a", "b"][i % 2], 10.0 + i as f64, 0.0, -(i as f64))).collect();
    lines[41] = r#"{"state": {"#.to_owned();
    lines[99] = "[1, 2]".to_owned();
    let report = of_lines(&lines.join("\n"));
    assert_eq!((report.experiences, report.malformed.lines), (118, 2));
    let numbers: Vec<u64> = report.malformed.first.iter().map(|line| line.line).collect();
    assert_eq!(numbers, [42, 100], "lines count from 1");
    assert!(
        has_problem(&report, "2 malformed lines were ignored; the first is line 42"),
        "{:?}",
        problems(&report)
    );
    assert!(report.fit_for_training, "{:?}", problems(&report));
}

#[test]
fn what_is_no_trace_is_refused_with_what_it_is_and_what_to_give() {
    let folder = folder();
    let file = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        path
    };
    let empty = folder.path().join("folder");
    fs::create_dir(&empty).expect("a folder");
    let short = file("cut.parquet", b"PAR1 and no footer");
    let cases = [
        (folder.path().join("missing"), "does not exist; give a Parquet trace"),
        (file("nothing.jsonl", b""), "is empty; check that there was traffic"),
        (file("blank.jsonl", b"\n\n"), "is empty; check that there was traffic"),
        (file("text.txt", b"hello"), "is neither Parquet nor JSON lines; give"),
        (file("list.txt", b"[{}]"), "is a JSON list, not one JSON object per line"),
        (
            file("false.parquet", b"{}"),
            "is not a Parquet file that can be read: it does not begin with `PAR1`",
        ),
        (short, "is not a Parquet file that can be read"),
        (file("bad.jsonl", b"{\n\nnope\n"), "none of the 2 lines of"),
        (empty, "holds no trace; give"),
    ];
    for (path, expected) in cases {
        let error = inspect(&path).expect_err(expected).to_string();
        assert!(
            error.contains(expected),
            "{} must be refused with {expected:?}, got {error:?}",
            path.display()
        );
    }
    let error = inspect(&folder.path().join("bad.jsonl")).expect_err("bad").to_string();
    assert!(error.contains("line 1: EOF"), "the first bad line is named: {error}");
}

#[test]
fn missing_columns_are_all_named() {
    let folder = folder();
    let path = folder.path().join("trace.parquet");
    let rows: Vec<Row> = (0..200).map(Row::usual).collect();
    write(&path, &rows, 100, &["reward", "features"]);
    let error = inspect(&path).expect_err("columns are missing").to_string();
    assert!(error.contains("lacks columns `features`, `reward`; record a trace"), "{error}");
    write(&path, &rows, 100, &["explore", "n_backends", "backend_ids", "policy_id"]);
    let report = inspect(&path).expect("columns that can be done without");
    assert_eq!(report.actions[0].action, "0", "without ids actions go by place");
    write(&path, &[], 100, &[]);
    let error = inspect(&path).expect_err("no row").to_string();
    assert!(error.contains("is empty"), "{error}");
}

#[test]
fn a_folder_is_all_traces_in_it_but_not_of_both_kinds() {
    let folder = folder();
    let rows: Vec<Row> = (0..200).map(Row::usual).collect();
    fs::create_dir(folder.path().join("deeper")).expect("a folder");
    write(&folder.path().join("one.parquet"), &rows, 100, &[]);
    write(&folder.path().join("deeper/two.parquet"), &rows, 100, &[]);
    let report = inspect(folder.path()).expect("two files");
    assert_eq!((report.files, report.experiences), (2, 400));
    lines_file(folder.path(), &line("a", 1.0, 0.0, 0.0));
    let error = inspect(folder.path()).expect_err("both kinds").to_string();
    assert!(error.contains("holds both Parquet traces and JSON lines"), "{error}");
}

#[test]
fn a_clock_that_was_set_is_named_with_what_to_do() {
    let sound = of_rows(500, |_, _| {});
    assert_eq!(sound.clock, rl_trainer::traces::clock::Clock::default(), "{:?}", sound.warnings);
    let set_back = of_rows(500, |number, row| row.sent_ns -= if number >= 300 { 200_000_000 } else { 0 });
    assert_eq!((set_back.clock.back, set_back.clock.pause_ns), (1, None));
    assert!(
        has_problem(&set_back, "the clock was set back 1 times, by up to 0.2 s"),
        "{:?}",
        set_back.warnings
    );
    assert!(set_back.fit_for_training, "single decisions are as good as before");
    let set_forward =
        of_rows(500, |number, row| row.sent_ns += if number >= 300 { 3_600_000_000_000 } else { 0 });
    assert!(has_problem(&set_forward, "a pause of 3600 s"), "{:?}", set_forward.warnings);
}

#[test]
fn traces_of_another_feature_set_are_still_good_for_a_fit() {
    let older = of_rows(500, |_, row| row.feature_set = "lbf-0");
    assert!(!older.fit_for_training);
    let warning =
        older.warnings.iter().find(|warning| warning.problem.contains("`lbf-0`")).expect("it is named");
    for part in ["record again", "calibrate", "--mode custom --traces", "good"] {
        assert!(warning.advice.contains(part), "the advice has `{part}`: {}", warning.advice);
    }
}
