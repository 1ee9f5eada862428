//! Every file of a results folder, read by an implementation that is not ours.
//!
//! One simulated run with names that break careless writers is written in all formats; so is the made-up
//! summary of [`sample`], which holds what a short run does not have. `check.py` beside this file reads
//! them with Python packages, and must find the numbers of `summary.json` in them. `cargo xtask test`
//! installs the packages and names their interpreter in `BENCH_PYTHON`; without it those tests are
//! reported as ignored, which the standard test harness could not decide at run time.

#[path = "../common/mod.rs"]
mod common;
mod grammar;
mod live;
mod sample;

use common::Bench;
use lb_analysis::CompareOptions;
use lb_analysis::runs::compare_folders;
use lb_nightly::{
    Confirmation, FindingSource, NIGHT_VERSION, Night, NightFinding, NightRun, NightVerdict, Since,
    render_night_junit,
};
use lb_report::{ReportFormat, write_reports};
use lb_results::{Metric, ResultsFolder, Summary, write_summary};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

/// Names the interpreter that has the packages.
const PYTHON: &str = "BENCH_PYTHON";

/// A name with what XML, HTML, Markdown, CSV, labels and file names give a meaning to.
const HOSTILE: &str = "Read & \"heavy\" <b>|50 %, `x`";

fn main() {
    let python = std::env::var_os(PYTHON).is_some();
    let ours = [
        ("go_benchmark_lines_follow_the_grammar_of_benchstat", go_benchmark as fn()),
        ("markdown_tables_have_as_many_cells_in_each_row", markdown),
        ("a_step_summary_stays_below_the_limit_of_github", step_summary),
        ("a_step_summary_is_added_to_the_file_that_github_names", github_file),
        ("heads_of_csv_files_are_those_of_locust", locust_heads),
    ];
    let theirs = [
        (
            "locust_would_have_written_the_same_heads_columns_and_order",
            (|| accepted("locust", &[run()])) as fn(),
        ),
        ("hdrhistogram_reads_the_counts_and_percentiles_of_the_summary", || accepted("hlog", &[run()])),
        ("jenkins_schema_and_junitparser_accept_junit_xml", || accepted("junit", &[run(), made_up()])),
        ("jenkins_schema_and_junitparser_accept_the_junit_xml_of_a_night", night),
        ("prometheus_reads_the_numbers_of_the_summary", || accepted("prometheus", &[run(), made_up()])),
        ("json_documents_are_what_their_schemas_say", json_documents),
        ("duckdb_reads_every_request_and_finds_the_percentiles_of_the_trials", || {
            accepted("requests", &[run()]);
        }),
        ("html_is_well_formed_loads_nothing_and_every_chart_draws_something", || {
            accepted("html", &[run(), made_up()])
        }),
        ("a_file_that_is_wrong_is_not_accepted", wrong_files),
    ];
    let trial = |(name, test): (&str, fn())| {
        Trial::test(name, move || -> Result<(), Failed> {
            test();
            Ok(())
        })
    };
    let mut trials: Vec<Trial> = ours.into_iter().map(trial).collect();
    trials.extend(
        theirs.into_iter().map(trial).map(|trial| trial.with_kind("python").with_ignored_flag(!python)),
    );
    let lives = [
        (
            "promtool_has_nothing_to_say_about_live_metrics",
            "promtool",
            live::has_promtool(),
            live::promtool as fn(),
        ),
        ("a_collector_receives_live_metrics", "rotel", live::collector().is_some(), live::opentelemetry),
    ];
    trials.extend(lives.map(|(name, kind, is_there, test)| {
        trial((name, test)).with_kind(kind).with_ignored_flag(!is_there)
    }));
    if !python {
        eprintln!(
            "tests marked [python] are ignored: {PYTHON} names no interpreter; `cargo xtask test` sets one up"
        );
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// The folder of one run in all formats, made once for all tests.
fn run() -> &'static Path {
    static RUN: LazyLock<(Bench, PathBuf)> = LazyLock::new(|| {
        let bench = Bench::new();
        let config = bench.config("formats.json", &config());
        let formats = "html,markdown,junit,step-summary,go-benchmark,prometheus";
        let args = ["--config", &config, "--quiet", "--record-requests", "--report", formats, "--out", "out"];
        let output = bench.run(&args);
        assert_eq!(
            output.status.code(),
            Some(99),
            "a threshold of the config cannot hold, and nothing else fails: {}",
            common::text(&output.stderr)
        );
        let folder = bench.path("out");
        (bench, folder)
    });
    &RUN.1
}

/// Two scenarios and two algorithms, with faults of both kinds, and thresholds that hold and do not.
fn config() -> Value {
    let faults = json!([
        { "fault": "crash", "backends": ["b2"], "start_s": 4, "duration_s": 3 },
        { "fault": "error_rate", "rate": 0.3, "backends": ["b3"], "start_s": 8, "duration_s": 6 }
    ]);
    let mut config = common::config(
        60,
        20.0,
        &json!({
            "engine": "sim", "seed": 7, "repetitions": 2, "warm_up_s": 1, "topology": "situation-c", "faults": faults,
            "algorithms": ["round-robin", "least-connections+ejection"],
            "thresholds": { "http_req_duration": ["p(95)<1"], "http_req_failed": ["rate<0.9"] }
        }),
    );
    let mut second = config["scenarios"][0].clone();
    config["scenarios"][0]["name"] = json!(HOSTILE);
    second["name"] = json!("night/early=-1");
    second["duration_minutes"] = json!(0.1);
    config["scenarios"].as_array_mut().expect("a list of scenarios").push(second);
    config
}

/// The folder of the made-up summary, in all formats that are made of a summary alone.
fn made_up() -> &'static Path {
    static MADE_UP: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = ResultsFolder::create(dir.path()).expect("a writable folder");
        let formats = ReportFormat::ALL.into_iter().filter(|format| *format != ReportFormat::StepSummary);
        let summary = sample::summary();
        write_reports(&folder, &summary, &formats.collect::<Vec<_>>()).expect("reports can be written");
        write_summary(&folder, &summary).expect("a summary can be written");
        dir
    });
    MADE_UP.path()
}

/// A night with a confirmed regression, names that mean something to XML, and comparisons that were not judged.
fn night() {
    let comparison = compare_folders(run(), run(), &CompareOptions::default()).expect("the same run");
    let summary = summary_of(run());
    let ran = NightRun {
        run_id: summary.run_id.clone(),
        started_at: summary.started_at.clone(),
        subject: HOSTILE.to_owned(),
        host: HOSTILE.to_owned(),
        config: HOSTILE.to_owned(),
        folder: "out".to_owned(),
    };
    let finding = NightFinding {
        source: FindingSource::Series,
        scenario: HOSTILE.to_owned(),
        algorithm: "round-robin".to_owned(),
        metric: Metric::P99,
        effect: 0.1,
        interval: Some([0.05, 0.15]),
        p_value: Some(0.001),
        since: Since {
            date: "2026-11-30".to_owned(),
            last_run_id: "a".to_owned(),
            last_subject: String::new(),
            first_run_id: "b".to_owned(),
            first_subject: HOSTILE.to_owned(),
        },
        confirmation: Confirmation::Series,
        sentence: format!("p99 of round-robin in {HOSTILE}: 10.0 % more"),
    };
    let night = Night {
        schema_version: NIGHT_VERSION,
        run: ran.clone(),
        verdict: NightVerdict::Worse,
        exit_code: 98,
        sentence: "worse".to_owned(),
        baseline: Some(ran),
        repetition: None,
        findings: vec![finding],
        series: None,
        aa: None,
        reasons: Vec::new(),
        notes: Vec::new(),
        recorded: true,
        history: "sqlite:h.db".to_owned(),
    };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("a file");
    write("nightly.json", &serde_json::to_string(&night).expect("plain data"));
    write("nightly-junit.xml", &render_night_junit(&night, Some(&comparison)));
    accepted("night", &[dir.path()]);
    write("nightly-junit.xml", &render_night_junit(&night, None));
    accepted("night", &[dir.path()]);
}

fn read(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn summary_of(folder: &Path) -> Summary {
    lb_results::read_summary(folder).expect("the summary can be read")
}

/// Runs a check of `check.py` on a folder.
fn check(name: &str, folder: &Path) -> Output {
    let python = std::env::var_os(PYTHON).expect("tests that need it are ignored without it");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/check.py");
    Command::new(python).arg("-B").arg(script).arg(name).arg(folder).output().expect("Python can be started")
}

fn accepted(name: &str, folders: &[&Path]) {
    for folder in folders {
        let output = check(name, folder);
        let said = common::text(&output.stdout) + &common::text(&output.stderr);
        assert!(output.status.success(), "`check.py {name}` must find nothing wrong: {said}");
    }
}

/// Documents beside their published schemas.
fn json_documents() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let put = |name: &str, value: &Value| {
        std::fs::write(dir.path().join(name), value.to_string()).expect("a file can be written");
    };
    let schema = |name: &str, of: &str| {
        put(&format!("{name}.schema.json"), &common::read_json(&root.join(of)));
    };
    schema("summary", "docs/schema/summary.schema.json");
    put("summary.json", &common::read_json(&run().join("summary.json")));
    schema("made-up", "docs/schema/summary.schema.json");
    put("made-up.json", &common::read_json(&made_up().join("summary.json")));
    schema("trials", "docs/schema/trial.schema.json");
    std::fs::create_dir(dir.path().join("trials")).expect("a folder");
    for trial in std::fs::read_dir(run().join("trials")).expect("a folder of trials") {
        let path = trial.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
            put(&format!("trials/{name}"), &common::read_json(&path));
        }
    }
    let bench = Bench::new();
    let folder = run().to_string_lossy();
    // Two blocks are too few to judge anything.
    for (name, args, code) in
        [("comparison", &["compare", &folder, &folder][..], 3), ("analysis", &["analyze", &folder][..], 0)]
    {
        let file = format!("{name}.json");
        let output = bench.run(&[args, &["--json", &file]].concat());
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", common::text(&output.stderr));
        put(&file, &bench.json(&file));
        schema(name, &format!("docs/schema/{name}.schema.json"));
    }
    for name in ["default_benchmark_config", "quick_test_config", "stress_test_rl_config"] {
        put(&format!("{name}.json"), &common::read_json(&root.join(format!("configs/{name}.json"))));
        schema(name, "configs/schema/bench-config.schema.json");
    }
    accepted("json", &[dir.path()]);
}

/// A way to break a file: which check must see it, the file, what is replaced and by what, and what the
/// check must say.
type Break = (&'static str, &'static str, &'static str, &'static str, &'static str);

const BREAKS: [Break; 16] = [
    ("locust", "locust/*round-robin_stats.csv", "Failures/s", "Failures per s", "head of"),
    ("locust", "locust/*round-robin_stats.csv", "\r\n", "\n", "head of"),
    ("locust", "locust/*round-robin_stats.csv", ",Aggregated,", ",Total,", "order of rows"),
    ("locust", "locust/*round-robin_stats_history.csv", "Aggregated,", "Aggregated,1", "sum of"),
    ("hlog", "hlog/*round-robin.hlog", "Tag=round-robin|ok,0.", "Tag=round-robin|ok,9.", "in order of time"),
    ("hlog", "hlog/*round-robin.hlog", "Tag=round-robin|error", "Tag=round-robin|ok", "counts by tag"),
    ("hlog", "hlog/*round-robin.hlog", "BaseTime: 1", "BaseTime: 2", "after the first trial"),
    ("junit", "junit.xml", "classname", "class_name", "attribute not allowed"),
    ("junit", "junit.xml", "<failure", "<failed", "mismatched tag"),
    ("junit", "junit.xml", "failures=\"4\"", "failures=\"5\"", "failures over all suites"),
    ("prometheus", "metrics.prom", "outcome=\"ok\"} ", "outcome=\"ok\"} 1", "requests of ok"),
    (
        "prometheus",
        "metrics.prom",
        "# TYPE lbbench_requests_total counter",
        "# TYPE lbbench_x counter",
        "has no type",
    ),
    ("html", "report.html", "href=\"#", "href=\"https://example.org/#", "leads out of the page"),
    ("html", "report.html", "</figcaption>", "</figcaptoin>", "unexpected-end-tag"),
    ("html", "report.html", "<path class=\"line ", "<path class=\"lime ", "draws nothing"),
    (
        "html",
        "report.html",
        "<h2 id=\"voids-title\">",
        "<script>1</script><h2 id=\"voids-title\">",
        "holds a script",
    ),
];

/// Checks see what is wrong: otherwise they would prove nothing.
fn wrong_files() {
    for (check_name, pattern, old, new, says) in BREAKS {
        let dir = tempfile::tempdir().expect("a temporary folder");
        copy(run(), dir.path());
        let (folder, end) = pattern.split_once('*').unwrap_or((pattern, ""));
        let mut broken = 0;
        for path in files(dir.path()) {
            let name = path
                .strip_prefix(dir.path())
                .expect("a file of the folder")
                .to_string_lossy()
                .replace('\\', "/");
            if name.starts_with(folder) && name.ends_with(end) {
                let text = read(dir.path(), &name);
                assert!(text.contains(old), "{name} holds {old:?}, to be broken");
                std::fs::write(&path, text.replace(old, new)).expect("a file can be written");
                broken += 1;
            }
        }
        assert!(broken > 0, "{pattern} is written");
        let output = check(check_name, dir.path());
        let said = common::text(&output.stdout) + &common::text(&output.stderr);
        assert!(
            !output.status.success() && said.contains(says),
            "`check.py {check_name}` must refuse {pattern} with {new:?} for {old:?}, and say {says:?}: {said}"
        );
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).expect("a file of the folder"));
        std::fs::create_dir_all(target.parent().expect("a file lies in a folder")).expect("a folder");
        std::fs::copy(&path, target).expect("a file can be copied");
    }
}

fn go_benchmark() {
    for folder in [run(), made_up()] {
        let summary = summary_of(folder);
        let lines = grammar::benchmarks(&read(folder, "benchmark.txt")).expect("lines follow the grammar");
        let valid =
            summary.scenarios.iter().flat_map(|scenario| &scenario.trials).filter(|trial| trial.is_valid());
        let valid: Vec<_> = valid.collect();
        assert_eq!(lines.len(), valid.len(), "one line per valid trial");
        for (line, trial) in lines.iter().zip(valid) {
            assert_eq!(line.key("algo"), Some(trial.label.as_str()), "the algorithm is a key of the name");
            let p95 = line.values.iter().find(|(_, unit)| unit == "p95-ms").map(|(value, _)| *value);
            let expected = trial.metric(lb_results::Metric::P95).expect("a valid trial has a p95");
            let near = |value: f64| (value - expected).abs() <= 1e-12 * expected;
            assert!(p95.is_some_and(near), "values are those of the summary: {p95:?}, {expected}");
        }
    }
    for (line, problem) in [
        ("Benchmarklb 1 2 ms", "starts in lower case"),
        ("BenchmarkLB one 2 ms", "has no count of iterations"),
        ("BenchmarkLB 1 2", "has a value without a unit"),
        ("BenchmarkLB 1", "has no value"),
        ("BenchmarkLB/a=b c 1 2 ms", "has no count of iterations"),
        ("Key: value", "is neither a setting nor a benchmark"),
    ] {
        let error = grammar::benchmarks(line).expect_err("the line breaks a rule");
        assert!(error.contains(problem), "`{line}` {problem}: {error}");
    }
}

fn markdown() {
    let huge = sample::huge_summary();
    let texts = [
        read(run(), "report.md"),
        read(run(), "step-summary.md"),
        read(made_up(), "report.md"),
        lb_report::render_markdown(&huge),
        lb_report::render_step_summary(&huge),
    ];
    for text in texts {
        let tables = grammar::tables(&text).unwrap_or_else(|error| panic!("{error}"));
        assert!(tables > 5, "a report has tables, here {tables}");
    }
    let error = grammar::tables("| a | b |\n| --- | --- |\n| 1 | 2 | 3 |\n").expect_err("a cell too many");
    assert!(error.contains("3 cells under a head of 2"), "{error}");
    assert_eq!(grammar::tables("| a \\| b |\n| --- |\n| 1 |\n"), Ok(1), "an escaped bar parts no cells");
}

fn step_summary() {
    const LIMIT: usize = 1024 * 1024;
    let summary = sample::huge_summary();
    assert!(lb_report::render_markdown(&summary).len() > LIMIT, "the whole report is too large for GitHub");
    let text = lb_report::render_step_summary(&summary);
    assert!(text.len() < LIMIT, "GitHub shows nothing of {} bytes", text.len());
    assert!(text.contains("Cut to stay below"), "what was left out is said");
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count(), "boxes are cut whole");
}

fn github_file() {
    let bench = Bench::new();
    std::fs::write(bench.path("shown.md"), "### earlier\n").expect("a file can be written");
    copy(run(), &bench.path("out"));
    let report = |format: &str| {
        let mut command = bench.command(&["report", "out", "--report", format]);
        let output = command.env("GITHUB_STEP_SUMMARY", bench.path("shown.md")).output().expect("bench runs");
        assert!(output.status.success(), "{}", common::text(&output.stderr));
        read(bench.dir.path(), "shown.md")
    };
    assert_eq!(report("markdown,junit"), "### earlier\n", "nobody asked for a step summary");
    let own = read(run(), "step-summary.md");
    assert_eq!(report("step-summary"), format!("### earlier\n{own}"), "what others wrote stays");
}

/// Heads of Locust 2.47.0, `locust/stats.py`: `StatsCSV` and `StatsCSVFileWriter`. The six columns of
/// failures are those since April 2026 (commit ccb87dcc); before, there were four.
const LOCUST_HEADS: [(&str, &str); 4] = [
    (
        "_stats.csv",
        "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,\
         Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,\
         99.99%,100%\r\n",
    ),
    (
        "_stats_history.csv",
        "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%,\
         Total Request Count,Total Failure Count,Total Median Response Time,Total Average Response Time,\
         Total Min Response Time,Total Max Response Time,Total Average Content Size\r\n",
    ),
    ("_failures.csv", "Method,Name,Error,Occurrences,First Seen,Last Seen\r\n"),
    ("_exceptions.csv", "Count,Message,Traceback,Nodes\r\n"),
];

fn locust_heads() {
    for (end, head) in LOCUST_HEADS {
        let files: Vec<PathBuf> = files(&run().join("locust"))
            .into_iter()
            .filter(|path| path.to_string_lossy().ends_with(end))
            .collect();
        assert_eq!(files.len(), 4, "each algorithm has its `{end}` in each scenario");
        for file in files {
            let text = std::fs::read_to_string(&file).expect("a text");
            assert_eq!(
                text.split_inclusive('\n').next(),
                Some(head),
                "{} begins like Locust's",
                file.display()
            );
        }
    }
}
