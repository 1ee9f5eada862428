//! Which run is the baseline, what confirms a regression, and what the reports say.

use super::*;
use lb_analysis::CompareOptions;
use lb_analysis::runs::{FolderComparison, compare_summaries};
use lb_results::{Engine, Metric, MetricValue, ScenarioSummary, Summary, TrialSummary};

/// A run of twelve blocks on a day of November, with latencies times `factor`.
fn run(day: u32, factor: f64) -> Summary {
    let trial = |block: u32| {
        let wobble = f64::from((block * 7 + day * 3) % 5) / 500.0;
        let value = |base: f64| Some(base * factor * (1.0 + wobble));
        let metrics =
            [(Metric::Mean, value(20.0)), (Metric::P99, value(80.0)), (Metric::ErrorRate, Some(0.0))];
        TrialSummary {
            label: "p2c".to_owned(),
            block,
            metrics: metrics.map(|(metric, value)| MetricValue { metric, value }).to_vec(),
            ..TrialSummary::default()
        }
    };
    let mut summary = Summary::empty(&format!("run-{day:02}"), Engine::Sim);
    summary.started_at = format!("2026-11-{day:02}T01:00:00Z");
    summary.fingerprint = "f".to_owned();
    summary.config.name = "shop.json".to_owned();
    summary.scenarios = vec![ScenarioSummary {
        name: "shop".to_owned(),
        schedules: (0..12).map(|block| format!("schedule {block}")).collect(),
        trials: (0..12).map(trial).collect(),
        ..ScenarioSummary::default()
    }];
    summary
}

fn known(day: u32, verdict: &str) -> KnownRun {
    let summary = run(day, 1.0);
    KnownRun {
        run_id: summary.run_id,
        started_at: summary.started_at,
        subject: format!("c{day}"),
        host: "h".to_owned(),
        config: "shop.json".to_owned(),
        valid_trials: 12,
        fingerprint: "f".to_owned(),
        seed: summary.seed.to_string(),
        verdict: verdict.to_owned(),
        findings: "[]".to_owned(),
        ..KnownRun::default()
    }
}

fn compared(base: &Summary, new: &Summary) -> FolderComparison {
    let options = CompareOptions { resamples: 500, ..CompareOptions::default() };
    compare_summaries(base, new, None, &options).expect("the same experiment")
}

fn point(value: f64) -> KnownPoint {
    KnownPoint { run_id: "run".to_owned(), value, ..KnownPoint::default() }
}

fn change(first_day: u32, latest: f64) -> KnownChange {
    let point = |day: u32, value| KnownPoint {
        run_id: format!("run-{day:02}"),
        started_at: format!("2026-11-{day:02}T01:00:00Z"),
        subject: format!("c{day}"),
        value,
    };
    KnownChange {
        scenario: "shop".to_owned(),
        algorithm: "p2c".to_owned(),
        metric: Metric::P99,
        last: point(first_day - 1, 80.0),
        first: point(first_day, 84.0),
        latest: point(20, latest),
        before: 80.0,
        after: 84.0,
        effect: 0.05,
        interval: [0.04, 0.06],
        split_p: 0.0005,
        step_p: 0.001,
        worse: Some(true),
        sentence: "p99 of p2c in shop: 5.0 % more".to_owned(),
    }
}

#[test]
fn the_baseline_is_the_last_good_run_and_why_there_is_none_is_said() {
    let summary = run(20, 1.0);
    let tonight = Tonight { summary: &summary, host: "h", subject: "c20" };
    let runs = [
        known(25, "good"),
        known(20, "pending"),
        KnownRun { is_aa: true, ..known(19, "") },
        known(18, "worse"),
        known(17, "unconfirmed"),
        KnownRun { interrupted: true, ..known(16, "") },
        KnownRun { valid_trials: 0, ..known(15, "") },
        KnownRun { host: "other".to_owned(), ..known(14, "good") },
        KnownRun { fingerprint: "g".to_owned(), ..known(13, "good") },
        KnownRun { seed: "7".to_owned(), ..known(12, "good") },
        known(11, "accepted"),
        known(10, "good"),
    ];
    assert_eq!(baseline(&runs, &tonight).map(|run| run.run_id.as_str()), Ok("run-11"));
    assert_eq!(last_aa(&runs, &tonight).map(|run| run.run_id.as_str()), Some("run-19"));
    for (runs, part) in [
        (&runs[..2], "no earlier run to compare with; this one is the baseline of the next night"),
        (&runs[8..9], "no earlier run is of this experiment (the last one, `run-13`, played `shop.json`"),
        (&runs[7..9], "was on this machine (`h`; the last one, `run-14`, was on `other`)"),
        (&runs[9..10], "had seed 0 (the last one, `run-12`, had 7)"),
        (
            &runs[3..5],
            "none of the earlier runs of this experiment is good; `bench history judge run-18 accepted`",
        ),
    ] {
        let why = baseline(runs, &tonight).expect_err("there is none");
        assert!(why.contains(part), "`{part}` in {why}");
    }
}

/// Judges night 20, which is slower by `factor`, with a repetition and the findings of night 19.
fn judged(factor: f64, again: Option<f64>, before: &str, series: &KnownSeries) -> Judged {
    let (base, summary) = (run(18, 1.0), run(20, factor));
    let tonight = Tonight { summary: &summary, host: "h", subject: "c20" };
    let runs = [KnownRun { findings: before.to_owned(), ..known(19, "unconfirmed") }, known(18, "good")];
    let first = compared(&base, &summary);
    let second = again.map(|factor| compared(&base, &run(21, factor)));
    let compared = Compared { baseline: &runs[1], first: &first, second: second.as_ref() };
    judge(&Evidence { tonight, runs: &runs, compared: Some(compared), series: Some(series) })
}

const SHOWN: &str = r#"[{"scenario":"shop","algorithm":"p2c","metric":"p99"},{"metric":"of tomorrow"}]"#;

#[test]
fn one_run_is_no_alarm_and_a_second_one_confirms_it() {
    let none = KnownSeries::default();
    let ways = |judged: &Judged| -> Vec<(Metric, Confirmation)> {
        judged.findings.iter().map(|finding| (finding.metric, finding.confirmation)).collect()
    };
    let both = |confirmation| vec![(Metric::Mean, confirmation), (Metric::P99, confirmation)];
    let cases = [
        (1.0, None, "[]", NightVerdict::Good, vec![]),
        (1.2, None, "[]", NightVerdict::Unconfirmed, both(Confirmation::Pending)),
        (1.2, Some(1.0), "[]", NightVerdict::Unconfirmed, both(Confirmation::Refuted)),
        (1.2, Some(1.2), "[]", NightVerdict::Worse, both(Confirmation::Repetition)),
        (
            1.2,
            None,
            SHOWN,
            NightVerdict::Worse,
            vec![(Metric::Mean, Confirmation::Pending), (Metric::P99, Confirmation::EarlierNight)],
        ),
    ];
    for (factor, again, before, verdict, findings) in cases {
        let found = judged(factor, again, before, &none);
        assert_eq!((found.verdict, ways(&found)), (verdict, findings), "{factor} {again:?} {before}");
    }
    let confirmed = judged(1.2, Some(1.2), "[]", &none);
    let sentence = &confirmed.findings[1].sentence;
    assert!(sentence.starts_with("p99 of p2c in shop: "), "{sentence}");
    let parts = [
        " % more (",
        "), worse, since 2026-11-20, between c18 and c20 (12 blocks, p = 0.0",
        "; confirmed by a repetition, p = 0.0",
    ];
    assert!(parts.iter().all(|part| sentence.contains(part)), "{sentence}");
    let earlier = judged(1.2, None, SHOWN, &none);
    let sentence = &earlier.findings[1].sentence;
    assert!(
        sentence.contains("since 2026-11-19, between c18 and c19")
            && sentence.ends_with("confirmed by the run of 2026-11-19)"),
        "{sentence}"
    );
    assert!(confirmed.places().contains(r#"{"scenario":"shop","algorithm":"p2c","metric":"p99"}"#));
}

#[test]
fn only_what_no_earlier_night_showed_needs_a_repetition() {
    let (base, summary) = (run(18, 1.0), run(20, 1.2));
    let tonight = Tonight { summary: &summary, host: "h", subject: "" };
    let both = r#"[{"scenario":"shop","algorithm":"p2c","metric":"p99"},{"scenario":"shop","algorithm":"p2c","metric":"mean"}]"#;
    let needs = |findings: &str| {
        let runs = [KnownRun { findings: findings.to_owned(), ..known(19, "worse") }, known(18, "good")];
        needs_repetition(&compared(&base, &summary), &runs[1], &runs, &tonight)
    };
    assert!(needs("[]") && needs(SHOWN), "the mean is new");
    assert!(!needs(both), "the night before showed both");
    assert!(!needs_repetition(&compared(&base, &run(20, 1.0)), &known(18, "good"), &[], &tonight));
}

#[test]
fn a_series_alarms_while_its_last_run_is_worse_and_nobody_accepted_that() {
    let told = |changes: Vec<KnownChange>, accepted: u32| {
        let series = KnownSeries { series: 3, telling: 3, runs: 20, changes };
        let summary = run(20, 1.0);
        let tonight = Tonight { summary: &summary, host: "h", subject: "c20" };
        let runs = [known(accepted, "accepted")];
        judge(&Evidence { tonight, runs: &runs, compared: None, series: Some(&series) })
    };
    let worse = told(vec![change(12, 84.1)], 5);
    assert_eq!(worse.verdict, NightVerdict::Worse);
    assert_eq!(worse.findings[0].since.first_subject, "c12");
    assert_eq!(worse.findings[0].sentence, "p99 of p2c in shop: 5.0 % more, told by the series of all runs");
    for (what, changes, accepted) in [
        ("nothing changed", vec![], 5),
        ("tonight is as fast as before", vec![change(12, 80.5)], 5),
        ("somebody accepted it", vec![change(12, 84.1)], 12),
        (
            "tonight did without it",
            vec![KnownChange {
                latest: KnownPoint { started_at: "2026-11-19T01:00:00Z".to_owned(), ..point(84.1) },
                ..change(12, 84.1)
            }],
            5,
        ),
        ("it became better", vec![KnownChange { worse: Some(false), ..change(12, 84.1) }], 5),
        (
            "it became better since",
            vec![KnownChange { worse: Some(false), ..change(16, 84.1) }, change(12, 84.1)],
            5,
        ),
    ] {
        assert_eq!(told(changes, accepted).verdict, NightVerdict::Good, "{what}");
    }
    let short = KnownSeries { series: 3, telling: 0, runs: 9, changes: vec![] };
    let summary = run(20, 1.0);
    let tonight = Tonight { summary: &summary, host: "h", subject: "" };
    let alone = judge(&Evidence { tonight, runs: &[], compared: None, series: Some(&short) });
    assert_eq!(alone.verdict, NightVerdict::NotJudged, "nine runs cannot tell anything");
    let both = judged(1.2, None, "[]", &KnownSeries { changes: vec![change(12, 96.0)], telling: 3, ..short });
    assert_eq!(both.verdict, NightVerdict::Worse, "the series confirms it");
    assert!(
        both.findings[1]
            .sentence
            .ends_with("; the series of all runs tells it since 2026-11-12, between c11 and c12")
    );
}

fn night(judged: Judged) -> Night {
    let known = |run: KnownRun| NightRun {
        run_id: run.run_id,
        started_at: run.started_at,
        subject: run.subject,
        host: run.host,
        config: run.config,
        folder: run.folder,
    };
    let (run, baseline) = (known(known_run()), Some(known(self::known(18, "good"))));
    Night {
        schema_version: NIGHT_VERSION,
        sentence: sentence::of_night(judged.verdict, &judged.findings, baseline.as_ref(), None),
        run,
        verdict: judged.verdict,
        exit_code: 98,
        baseline,
        repetition: None,
        findings: judged.findings,
        series: None,
        aa: None,
        reasons: Vec::new(),
        notes: vec!["a *note*".to_owned()],
        recorded: true,
        history: "sqlite:h.db".to_owned(),
    }
}

fn known_run() -> KnownRun {
    KnownRun { subject: "<b>".to_owned(), ..known(20, "") }
}

#[test]
fn reports_tell_the_finding_and_escape_names() {
    let night = night(judged(1.2, Some(1.2), "[]", &KnownSeries::default()));
    let comparison = compared(&run(18, 1.0), &run(20, 1.2));
    let markdown = render_night_markdown(&night, Some(&comparison));
    for part in [
        "# Night run-20",
        "**worse: 2 regressions confirmed**",
        "- **confirmed**: p99 of p2c in shop: ",
        "`bench history judge run-20 accepted`",
        "a \\*note\\*",
        "&lt;b&gt;",
        "| p2c | p99 | +",
    ] {
        assert!(markdown.contains(part), "`{part}` in {markdown}");
    }
    let step = render_night_step_summary(&night, Some(&comparison));
    assert!(
        step.starts_with("### Nightly: shop.json") && step.contains("<details><summary>shop</summary>"),
        "{step}"
    );
    let junit = render_night_junit(&night, Some(&comparison));
    for part in [
        "<testsuites name=\"bench nightly\" ",
        "tests=\"2\"",
        "failures=\"1\"",
        "classname=\"bench.nightly.shop.p2c\"",
        "<failure message=\"mean latency of p2c in shop: ",
        "type=\"regression\"",
        "value=\"&lt;b&gt;\"",
        "<skipped",
    ] {
        assert!(junit.contains(part), "`{part}` in {junit}");
    }
}

#[test]
fn what_was_not_judged_is_skipped_and_says_why() {
    let judged = Judged { verdict: NightVerdict::NotJudged, findings: Vec::new(), repetition_is_good: false };
    let night = Night { reasons: vec!["no earlier run".to_owned()], baseline: None, ..night(judged) };
    let junit = render_night_junit(&night, None);
    assert!(
        junit.contains("<skipped message=\"no earlier run\"") && junit.contains("failures=\"0\""),
        "{junit}"
    );
    assert!(render_night_markdown(&night, None).contains("- **not judged**: no earlier run"));
}

#[test]
fn a_run_read_from_a_history_is_compared_like_its_folder() {
    let (base, new) = (run(18, 1.0), run(20, 1.2));
    let trials: Vec<serde_json::Value> = base.scenarios[0]
        .trials
        .iter()
        .map(|trial| {
            let value = |metric| trial.metric(metric);
            serde_json::json!({
                "scenario": "shop", "algorithm": trial.label, "block": trial.block, "attempt": trial.attempt,
                "valid": true, "problems": "[]",
                "metrics": { "mean": value(Metric::Mean), "p99": value(Metric::P99), "error_rate": 0.0 },
            })
        })
        .collect();
    let known = known(18, "good");
    let details = serde_json::json!({
        "run": {
            "run_id": known.run_id, "started_at": known.started_at, "subject": known.subject, "host": known.host,
            "config": known.config, "is_aa": false, "interrupted": false, "valid_trials": 12, "folder": "/gone",
            "fingerprint": "f", "seed": known.seed, "verdict": "good", "findings": "[]",
        },
        "trials": trials,
    });
    let details: KnownDetails = serde_json::from_value(details).expect("as the program prints it");
    let read = details.summary(&new);
    assert_eq!(read.run_id, "run-18");
    let [from_history, from_folder] = [&read, &base].map(|base| compared(base, &new));
    assert_eq!(from_history.scenarios, from_folder.scenarios);
}
