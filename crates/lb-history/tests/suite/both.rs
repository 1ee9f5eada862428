//! What a history does, on either database.

use crate::runs::Night;
use crate::{PATIENT, Place, Test, read};
use lb_history::{
    ChangeOptions, Given, History, Judgement, MetricName, Recorded, RunFilter, SeriesFilter, changes,
    write_csv, write_parquet,
};
use lb_results::Metric;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;

pub(crate) const TESTS: [Test; 11] = [
    ("a_run_is_there_once_and_other_results_replace_it", once),
    ("what_was_recorded_comes_back", details),
    ("hostile_names_come_back_as_they_were", hostile),
    ("runs_are_listed_by_time", listed),
    ("series_are_kept_apart_by_host_and_experiment", series),
    ("a_slowdown_is_told_and_its_noise_floor_respected", told),
    ("an_export_has_a_row_per_run_and_metric", exported),
    ("old_runs_and_histograms_are_removed_on_request", pruned),
    ("several_writers_at_once_take_turns", writers),
    ("a_judgement_stays_with_the_results_that_it_is_about", judged),
    ("a_night_knows_the_series_up_to_its_run", night),
];

fn once(place: &Place) {
    let mut history = place.open();
    let night = Night::new(1);
    assert_eq!(place.record(&mut history, &night), Recorded::New);
    assert_eq!(place.record(&mut history, &night), Recorded::Unchanged);
    let slower = Night { level: 100.0, ..night };
    assert_eq!(place.record(&mut history, &slower), Recorded::Replaced);
    assert_eq!(place.record(&mut place.open(), &slower), Recorded::Unchanged, "another process sees it");

    let again = place.run(&slower);
    assert_eq!(
        history.record(&again, &Given::default()).ok(),
        Some(Recorded::Unchanged),
        "nobody said otherwise"
    );
    let runs = history.runs(&RunFilter::default()).expect("runs");
    assert_eq!((runs.len(), runs[0].subject.as_str()), (1, "c1"));
    let given = Given { subject: Some("v2".to_owned()), host: Some("pool".to_owned()), ..Given::default() };
    assert_eq!(history.record(&again, &given).ok(), Some(Recorded::Replaced));
    let runs = history.runs(&RunFilter::default()).expect("runs");
    assert_eq!((runs[0].subject.as_str(), runs[0].host.as_str()), ("v2", "pool"));
    let details = history.details(&runs[0].run_id).expect("the run");
    assert_eq!(details.trials.len(), 14, "nothing is there twice");
}

fn details(place: &Place) {
    let mut history = place.open();
    let night = Night::new(3);
    place.record(&mut history, &night);
    let found = history.details(&night.run_id()).expect("it is there");
    let run = &found.run;
    assert_eq!((run.trials, run.valid_trials, run.is_aa, run.interrupted), (14, 12, false, false));
    assert_eq!(
        (run.engine.as_str(), run.load_balancer.as_str(), run.config.as_str()),
        ("live", "haproxy", "shop.json")
    );
    assert_eq!(run.host, "bench-1, 2 cores, , ");

    let summary = night.summary();
    for trial in &summary.scenarios[0].trials {
        let stored = found.trials.iter().find(|one| {
            one.algorithm == trial.label
                && one.block == i64::from(trial.block)
                && one.attempt == i64::from(trial.attempt)
        });
        let stored = stored.expect("every trial is there");
        assert_eq!(stored.valid, trial.problems.is_empty());
        assert_eq!(stored.metrics.get("p99").copied(), trial.metric(Metric::P99), "to the last digit");
        assert_eq!(stored.metrics.len(), 4, "a metric without a value is left out");
    }
    let invalid = found.trials.iter().find(|one| one.attempt == 1).expect("the repetition");
    assert_eq!(invalid.problems, r#"["the generator was late"]"#);

    let p2c = &found.algorithms[0];
    let p99 = p2c.metrics["p99"];
    let expected = 80.0 * (1.0 + f64::from(3 * 7 % 5) * 0.005 - 0.01);
    assert!((p99.estimate / expected - 1.0).abs() < 0.01 && p99.trials == 6, "{p99:?}");
    let [low, high] = p99.interval.expect("six trials carry an interval");
    assert!(low < p99.estimate && p99.estimate < high, "{p99:?}");
    let (ok, error) = (p2c.histograms["ok"], p2c.histograms["error"]);
    assert_eq!((ok.requests, error.requests), (100, 1), "each class by itself");
    assert!(
        (ok.p50_ms - 10.0).abs() < 0.02 && (ok.p999_ms - 80.0).abs() < 0.1,
        "the whole distribution: {ok:?}"
    );

    let verdict = &found.verdicts[0];
    assert_eq!((verdict.verdict.as_str(), verdict.baseline.as_str()), ("better", "random"));
    assert_eq!(verdict.sentence, "p2c is better than random.");
    assert_eq!((found.thresholds[0].observed, found.thresholds[0].held), (Some(75.0), true));
}

fn hostile(place: &Place) {
    let scenario = "'; DROP TABLE bench_runs; --\u{1b}[2J\"日本\0".to_owned();
    let algorithms = ["=cmd()".to_owned(), "$1 ? {} \\".to_owned()];
    let night = Night { scenario: scenario.clone(), algorithms, ..Night::new(1) };
    let mut history = place.open();
    place.record(&mut history, &night);
    let found = history.details(&night.run_id()).expect("it is there");
    assert_eq!(found.algorithms.len(), 2);
    let stored = scenario.replace('\0', "\u{fffd}");
    for row in &found.algorithms {
        assert_eq!(row.scenario, stored, "NUL alone is replaced, which PostgreSQL has no place for");
        assert_eq!(row.histograms.len(), 2);
    }
    let filter = SeriesFilter { scenario: stored, algorithm: "=cmd()".to_owned(), ..SeriesFilter::default() };
    let series = history.series(&filter).expect("series");
    assert_eq!(series.len(), 4, "one for each metric with a value");
    let mut csv = Vec::new();
    write_csv(&series, &mut csv).expect("memory takes every write");
    assert!(String::from_utf8_lossy(&csv).contains(",'=cmd(),"), "a spreadsheet runs nothing");
}

fn listed(place: &Place) {
    let mut history = place.open();
    for number in [5, 1, 3, 2, 4] {
        place.record(&mut history, &Night::new(number));
    }
    let mut list = |filter: RunFilter| -> Vec<String> {
        history.runs(&filter).expect("runs").into_iter().map(|run| run.subject).collect()
    };
    assert_eq!(list(RunFilter::default()), ["c5", "c4", "c3", "c2", "c1"], "the last one first");
    let day = |number: u32| Night::new(number).summary().started_at.parse().ok();
    let between = RunFilter { since: day(2), before: day(4), limit: None };
    assert_eq!(list(between), ["c3", "c2"], "from the first time on, and before the second");
    assert_eq!(list(RunFilter { limit: Some(2), ..RunFilter::default() }), ["c5", "c4"]);
}

fn series(place: &Place) {
    let mut history = place.open();
    let mut record = |night: Night| place.record(&mut history, &night);
    for number in 0..3 {
        record(Night::new(number));
        record(Night { host: "bench-2".to_owned(), ..Night::new(10 + number) });
        record(Night { fingerprint: "f2".to_owned(), ..Night::new(20 + number) });
    }
    record(Night { floor: Some(0.03), ..Night::new(30) });
    record(Night { floor: Some(0.04), ..Night::new(31) });

    let filter = SeriesFilter {
        metric: Some(MetricName(Metric::P99)),
        algorithm: "p2c".to_owned(),
        ..SeriesFilter::default()
    };
    let found = history.series(&filter).expect("series");
    let names: Vec<_> = found
        .iter()
        .map(|one| (one.fingerprint.as_str(), one.host.as_str(), one.points.len(), one.noise_floor))
        .collect();
    assert_eq!(
        names,
        [
            ("f1", "bench-1, 2 cores, , ", 3, Some(0.04)),
            ("f1", "bench-2, 2 cores, , ", 3, None),
            ("f2", "bench-1, 2 cores, , ", 3, None),
        ],
        "A/A runs are no nights; the last one's floor holds on its machine for its experiment"
    );
    let subjects: Vec<&str> = found[0].points.iter().map(|point| point.subject.as_str()).collect();
    assert_eq!(subjects, ["c0", "c1", "c2"], "the oldest first");
    let one = SeriesFilter { host: "bench-2, 2 cores, , ".to_owned(), ..filter };
    assert_eq!(history.series(&one).expect("series").len(), 1);
    let none = SeriesFilter { config: "other.json".to_owned(), ..SeriesFilter::default() };
    assert!(history.series(&none).expect("series").is_empty());
}

fn told(place: &Place) {
    let mut history = place.open();
    for number in 0..24 {
        let level = if number < 15 { 80.0 } else { 84.0 };
        place.record(&mut history, &Night { level, ..Night::new(number) });
    }
    let filter = SeriesFilter {
        metric: Some(MetricName(Metric::P99)),
        algorithm: "p2c".to_owned(),
        ..SeriesFilter::default()
    };
    let found = changes(&history.series(&filter).expect("series"), &ChangeOptions::default());
    assert_eq!(found.len(), 1, "{found:?}");
    let one = &found[0];
    assert_eq!((one.last.subject.as_str(), one.first.subject.as_str()), ("c14", "c15"));
    assert!((one.effect - 0.05).abs() < 0.01 && one.worse == Some(true), "{one:?}");
    assert!(
        one.sentence.contains("p99 of p2c in Peak Load: ") && one.sentence.contains("between c14 and c15"),
        "{one:?}"
    );

    place.record(&mut history, &Night { floor: Some(0.08), ..Night::new(30) });
    let series = history.series(&filter).expect("series");
    assert_eq!(changes(&series, &ChangeOptions::default()), [], "an A/A run found as much");
}

fn exported(place: &Place) {
    let mut history = place.open();
    for number in [1, 0] {
        place.record(&mut history, &Night::new(number));
    }
    let series = history.series(&SeriesFilter::default()).expect("series");
    let mut csv = Vec::new();
    assert_eq!(write_csv(&series, &mut csv).ok(), Some(16), "2 runs, 2 algorithms, 4 metrics");
    let mut reader = csv::Reader::from_reader(csv.as_slice());
    let header: Vec<String> = reader.headers().expect("a header").iter().map(str::to_owned).collect();
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("rows");
    let at = |row: &csv::StringRecord, name: &str| -> String {
        row[header.iter().position(|column| column == name).expect("a column")].to_owned()
    };
    assert_eq!(at(&rows[0], "time"), "2024-10-04T00:00:00Z", "the oldest first");
    assert_eq!(
        (at(&rows[0], "run_id").as_str(), at(&rows[15], "run_id").as_str()),
        ("night-0000", "night-0001")
    );
    let p99 = rows.iter().find(|row| at(row, "metric") == "p99").expect("a row");
    assert_eq!(
        (at(p99, "unit").as_str(), at(p99, "better").as_str(), at(p99, "trials").as_str()),
        ("ms", "lower", "6")
    );
    let stored = history.details("night-0000").expect("the run").algorithms[0].metrics["p99"];
    assert_eq!(at(p99, "value").parse(), Ok(stored.estimate), "to the last digit");
    assert_eq!(at(p99, "low").parse().ok(), stored.interval.map(|ends| ends[0]));

    let path = place.path("history.parquet");
    let file = std::fs::File::create(&path).expect("a file");
    assert_eq!(write_parquet(&series, file).ok(), Some(16));
    let reader = SerializedFileReader::new(std::fs::File::open(&path).expect("the file")).expect("Parquet");
    let written: Vec<_> = reader.get_row_iter(None).expect("rows").collect::<Result<_, _>>().expect("rows");
    assert_eq!(written.len(), rows.len());
    for (row, csv) in written.iter().zip(&rows) {
        assert_eq!(row.get_string(1).expect("the run"), &at(csv, "run_id"));
        assert_eq!(row.get_string(10).expect("the metric"), &at(csv, "metric"));
        assert_eq!(row.get_double(13).map(|value| value.to_string()).ok(), Some(at(csv, "value")));
    }
}

fn pruned(place: &Place) {
    let mut history = place.open();
    for number in 0..4 {
        place.record(&mut history, &Night::new(number));
    }
    let before = Night::new(2).summary().started_at.parse().ok();
    let removed = history.prune(before, &[], false, true).expect("nothing is done");
    assert_eq!(removed.runs, ["night-0001", "night-0000"]);
    assert_eq!(history.runs(&RunFilter::default()).expect("runs").len(), 4, "a dry run changes nothing");

    history.prune(None, &["night-0003".to_owned()], true, false).expect("it is there");
    let details = history.details("night-0003").expect("the run stays");
    assert!(details.algorithms[0].histograms.is_empty() && !details.algorithms[0].metrics.is_empty());

    let error =
        history.prune(before, &["night-9".to_owned()], false, false).expect_err("no such run").to_string();
    assert!(error.contains("has no run `night-9`; `bench-history list`"), "{error}");
    assert_eq!(history.runs(&RunFilter::default()).expect("runs").len(), 4, "then nothing is removed");
    history
        .prune(before, &["night-0003".to_owned(), "night-0003".to_owned()], false, false)
        .expect("three runs");
    let left: Vec<String> =
        history.runs(&RunFilter::default()).expect("runs").into_iter().map(|run| run.run_id).collect();
    assert_eq!(left, ["night-0002"]);
    assert_eq!(
        history.series(&SeriesFilter::default()).expect("series").len(),
        8,
        "what belongs to them goes too"
    );
}

fn judged(place: &Place) {
    let mut history = place.open();
    let night = Night::new(1);
    let run = place.run(&night);
    let pending = Given { judgement: Some(Judgement::Pending), ..Given::default() };
    history.record(&run, &pending).expect("it can be recorded");
    let verdict = |history: &mut History| {
        let run = history.runs(&RunFilter::default()).expect("runs").remove(0);
        (run.verdict, run.findings)
    };
    assert_eq!(verdict(&mut history), ("pending".to_owned(), "[]".to_owned()));
    let findings = r#"[{"scenario":"s","algorithm":"p2c","metric":"p99"}]"#;
    history.judge(run.id(), Judgement::Worse, findings).expect("it is there");
    let worse = ("worse".to_owned(), findings.to_owned());
    assert_eq!(verdict(&mut history), worse);
    let named = Given { subject: Some("v2".to_owned()), ..Given::default() };
    assert_eq!(history.record(&run, &named).ok(), Some(Recorded::Replaced));
    assert_eq!(verdict(&mut history), worse, "a new name changes no results");
    let other = place.run(&Night { level: 90.0, ..night });
    assert_eq!(history.record(&other, &Given::default()).ok(), Some(Recorded::Replaced));
    assert_eq!(verdict(&mut history).0, "", "nobody judged these results");
    let error = history.judge("night-9", Judgement::Good, "[]").expect_err("no such run").to_string();
    assert!(error.contains("has no run `night-9`"), "{error}");
}

fn night(place: &Place) {
    let mut history = place.open();
    for number in 0..24 {
        let level = if number < 15 { 80.0 } else { 88.0 };
        place.record(&mut history, &Night { level, ..Night::new(number) });
        place.record(&mut history, &Night { fingerprint: "f2".to_owned(), ..Night::new(100 + number) });
    }
    let mut ask = |number: u32| {
        history.night(&Night::new(number).run_id(), &ChangeOptions::default()).expect("it is there")
    };
    let early = ask(10);
    assert_eq!((early.series, early.telling, early.runs, early.changes.len()), (8, 0, 11, 0));
    let last = ask(23);
    assert_eq!((last.series, last.telling, last.runs), (8, 8, 24), "of its experiment alone");
    assert!(!last.changes.is_empty(), "it became slower");
    for change in &last.changes {
        assert_eq!(change.latest.run_id, "night-0023", "{change:?}");
        assert_eq!(change.first.subject, "c15", "{change:?}");
    }
}

fn writers(place: &Place) {
    let folders: Vec<_> = (0..12).map(|number| Night::new(number).write(&place.path("results"))).collect();
    std::thread::scope(|scope| {
        for turn in 0..3 {
            let folders = &folders;
            scope.spawn(move || {
                let mut history =
                    place.try_open(PATIENT).expect("it can be opened, and made by whoever is first");
                // Each records all, in an order of its own.
                for number in 0..folders.len() {
                    let run = read(&folders[(number * 5 + turn * 4) % folders.len()]);
                    history.record(&run, &Given::default()).expect("it waits for its turn");
                }
            });
        }
    });
    assert_eq!(place.open().runs(&RunFilter::default()).expect("runs").len(), 12, "each run once");
}
