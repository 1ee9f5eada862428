//! The program `bench-history`, on either database.

use crate::runs::Night;
use crate::{Place, Test};
use serde_json::Value;
use std::process::{Command, Stdio};

pub(crate) const TESTS: [Test; 4] = [
    ("the_program_imports_lists_shows_and_prunes", commands),
    ("the_program_tells_changes_and_exports_them", tells),
    ("the_program_draws_the_trend_and_takes_judgements", trend),
    ("the_program_refuses_with_its_exit_code_and_says_what_to_do", refuses),
];

/// What the program said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn of(mut command: Command) -> Self {
        let output = command.output().expect("it can be started");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Returns a command of the program in the folder of a test.
pub(crate) fn program(place: &Place) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-history"));
    command.current_dir(place.dir.path()).stdin(Stdio::null());
    command.env("BENCH_HISTORY", &place.url).env_remove("BENCH_HISTORY_HOST");
    command
}

fn say(place: &Place, words: &[&str]) -> Said {
    let mut command = program(place);
    command.args(words);
    Said::of(command)
}

fn done(place: &Place, words: &[&str]) -> Said {
    let said = say(place, words);
    assert_eq!(said.code, Some(0), "{words:?}: {said:?}");
    said
}

fn commands(place: &Place) {
    for number in 0..3 {
        Night::new(number).write(&place.path("results"));
    }
    std::fs::create_dir_all(place.path("results/noise-floors")).expect("a folder that is no run");
    let said = done(place, &["import", "results", "--subject", "v1"]);
    assert!(said.out.contains(": 3 recorded (runs)"), "{said:?}");
    let said = done(place, &["import", "results/night-0001", "results", "--host", "pool"]);
    assert!(said.out.contains(": 3 replaced, 1 there already (runs)"), "{said:?}");

    let list = done(place, &["list"]).out;
    let rows: Vec<&str> = list.lines().collect();
    assert!(rows[0].starts_with("RUN ") && rows.len() == 4, "{list}");
    assert!(
        rows[1].starts_with("night-0002  2024-10-06 00:00  v1  ") && rows[1].ends_with("  12/14  pool"),
        "{list}"
    );
    let json = done(place, &["list", "--json", "--limit", "1", "--since", "2024-10-05"]).json();
    assert_eq!((json[0]["run_id"].as_str(), json.as_array().map(Vec::len)), (Some("night-0002"), Some(1)));

    let shown = done(place, &["show", "night-0001"]).out;
    for part in
        ["subject  v1", "12 of 14 count", "error_rate", "p2c is better than random.", "p(95)<200 held (75)"]
    {
        assert!(shown.contains(part), "`{part}` in {shown}");
    }
    let json = done(place, &["show", "night-0001", "--json"]).json();
    assert_eq!(json["algorithms"][0]["histograms"]["ok"]["requests"], 100);
    assert_eq!(json["trials"].as_array().map(Vec::len), Some(14));

    let said = done(place, &["prune", "--before", "2024-10-05", "--dry-run"]);
    assert_eq!(said.out, "night-0000\n1 runs would be removed\n");
    done(place, &["prune", "--before", "1d", "--run", "night-0001"]);
    assert!(done(place, &["list"]).out.contains("has no such runs"));
}

fn tells(place: &Place) {
    for number in 0..20 {
        let level = if number < 12 { 80.0 } else { 90.0 };
        let folder = Night { level, ..Night::new(number) }.write(&place.path("results"));
        done(place, &["import", "--subject", &format!("c{number}"), &folder.display().to_string()]);
    }
    let said = done(place, &["changes", "--metric", "p99", "--algorithm", "p2c"]).out;
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        lines[0].starts_with("p99 of p2c in Peak Load: 12.") && lines[0].contains("between c11 and c12"),
        "{said}"
    );
    assert_eq!(lines[1], "1 change in 1 series over 20 runs");
    let none = done(place, &["changes", "--since", "2024-10-25"]).out;
    assert_eq!(none, "no change in 8 series over 20 runs\n");
    let json = done(place, &["changes", "--json", "--smallest", "20%"]).json();
    assert_eq!(json, serde_json::json!([]));

    let csv = done(place, &["export", "--csv", "-", "--metric", "p99", "--algorithm", "p2c"]).out;
    assert_eq!(csv.lines().count(), 21, "a header and a row per run: {csv}");
    let said = done(place, &["export", "--csv", "h.csv", "--parquet", "h.parquet"]).out;
    assert_eq!(said, "h.csv: 160 rows\nh.parquet: 160 rows\n");
}

fn trend(place: &Place) {
    let none = done(place, &["nights"]);
    assert_eq!(none.json(), serde_json::json!([]), "it makes the history");
    for number in 0..20 {
        let level = if number < 12 { 80.0 } else { 90.0 };
        Night { level, ..Night::new(number) }.write(&place.path("results"));
    }
    done(place, &["import", "results", "--pending"]);
    let said = done(place, &["trend", "--out", "pages/trend.html", "--metric", "p99"]).out;
    assert_eq!(said, "pages/trend.html: 2 series, 2 marked changes\n");
    let page = std::fs::read_to_string(place.path("pages/trend.html")).expect("the page");
    assert!(page.contains("p99 of p2c in Peak Load: 12.") && page.contains("</html>"), "{page}");

    let night = done(place, &["night", "night-0019"]).json();
    assert_eq!((night["series"].as_u64(), night["runs"].as_u64()), (Some(8), Some(20)));
    assert_eq!(night["changes"][0]["latest"]["run_id"], "night-0019");
    let said = done(place, &["judge", "night-0019", "accepted"]).out;
    assert!(said.ends_with(": night-0019 is accepted\n"), "{said}");
    let runs = done(place, &["nights"]).json();
    assert_eq!(
        (runs[0]["verdict"].as_str(), runs[1]["verdict"].as_str()),
        (Some("accepted"), Some("pending"))
    );
    assert!(done(place, &["list"]).out.contains("12/14 accepted"));
}

fn refuses(place: &Place) {
    let folder = Night::new(0).write(&place.path("results")).display().to_string();
    // Folders that hold no run keep no other from being recorded.
    let said = say(place, &["import", "nowhere", &folder]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.err.contains("no results in `nowhere`") && said.out.contains("1 recorded, 1 not imported"),
        "{said:?}"
    );
    for (words, code, part) in [
        (&["show", "night-9"][..], 2, "has no run `night-9`; `bench-history list`"),
        (
            &["list", "--history", "history.db"],
            2,
            "use `sqlite:history.db` or `postgres://USER@HOST/DATABASE`",
        ),
        (&["list", "--history", "sqlite:none.db"], 2, "there is no history at `sqlite:none.db`"),
        (&["changes", "--metric", "p98"], 2, "`p98` is not a metric"),
        (&["changes", "--since", "soon"], 2, "`soon` is not a time; use `30d`"),
        (&["list", "--wait", "10"], 2, "`10` is not a duration; use `500ms`"),
        (&["judge", "night-0000", "fine"], 2, "`fine` is not a judgement; use one of `none`, `pending`"),
        (&["judge", "night-9", "good"], 2, "has no run `night-9`"),
        (&["trend", "--out", "/dev/null/x.html"], 3, "failed to write `/dev/null/x.html`"),
        (&["prune"], 2, "--before"),
        (&["export"], 2, "--csv"),
        (&["export", "--csv", "/dev/null/x.csv"], 3, "failed to write `/dev/null/x.csv`"),
        (&["import", ".", "--history", "sqlite:results/night-0000/summary.json"], 3, "is not a database"),
    ] {
        let said = say(place, words);
        assert_eq!(said.code, Some(code), "{words:?}: {said:?}");
        assert!(said.err.contains(part), "{words:?}: `{part}` in {said:?}");
    }
    assert!(!place.path("none.db").exists(), "looking makes no history");
}
