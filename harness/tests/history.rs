//! `bench history` and `--history`: `bench` finds the program, hands over to it, and survives it.
//!
//! The program is a stand-in here, which notes its words; the real one has tests of its own.

mod common;

use common::{Bench, text};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Flags of a run that takes no time.
const SHORT: [&str; 13] = [
    "--engine",
    "sim",
    "--algorithms",
    "round-robin",
    "--duration",
    "2s",
    "--users",
    "4",
    "--repetitions",
    "1",
    "--no-oracles",
    "--quiet",
    "--accept-invalid",
];

/// A stand-in that notes its words and where the history is, and ends as the variable `END` says.
const STAND_IN: &str = r#"#!/bin/sh
printf '%s\n' "$@" > "$NOTES"
printf 'history=%s\n' "$BENCH_HISTORY" >> "$NOTES"
if [ "${END:-0}" = 0 ]; then echo 'history: 1 recorded'; else echo "error: history \`x\` is locked" >&2; fi
exit "${END:-0}"
"#;

/// A folder with `bench` in it, beside which nothing else lies.
struct Alone {
    bench: Bench,
    program: PathBuf,
}

impl Alone {
    fn new() -> Self {
        let bench = Bench::new();
        let folder = bench.path("bin");
        std::fs::create_dir(&folder).expect("a folder");
        let program = folder.join("bench");
        let built = Path::new(env!("CARGO_BIN_EXE_bench"));
        // The target folder may be on another file system.
        if std::fs::hard_link(built, &program).is_err() {
            std::fs::copy(built, &program).expect("bench can be copied");
        }
        Self { bench, program }
    }

    /// Puts the stand-in into a folder.
    fn stand_in(&self, folder: &str) {
        std::fs::create_dir_all(self.bench.path(folder)).expect("a folder");
        let path = self.bench.path(folder).join("bench-history");
        std::fs::write(&path, STAND_IN).expect("a script");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it may run");
    }

    fn run(&self, words: &[&str], end: &str) -> Output {
        let path = std::env::join_paths([self.bench.path("on-path"), "/usr/bin".into(), "/bin".into()]);
        let mut command = Command::new(&self.program);
        command.args(words).current_dir(self.bench.dir.path()).stdin(Stdio::null());
        command.env("PATH", path.expect("plain names")).env("NOTES", self.bench.path("notes"));
        command.env("END", end).env_remove("BENCH_HISTORY").env_remove("GITHUB_STEP_SUMMARY");
        command.output().expect("bench can be started")
    }

    /// What the stand-in was told, if it was started.
    fn notes(&self) -> Option<Vec<String>> {
        let notes = std::fs::read_to_string(self.bench.path("notes")).ok()?;
        Some(notes.lines().map(str::to_owned).collect())
    }
}

#[test]
fn the_program_beside_bench_or_on_the_path_gets_all_words_and_its_exit_code_counts() {
    let alone = Alone::new();
    let missing = alone.run(&["history", "list"], "0");
    assert_eq!(missing.status.code(), Some(3));
    let message = text(&missing.stderr);
    let parts = [
        "`bench-history` is neither beside `bench` nor on the PATH",
        "cargo install --path crates/lb-history",
    ];
    assert!(parts.iter().all(|part| message.contains(part)), "{message}");

    alone.stand_in("on-path");
    let found = alone.run(&["history", "changes", "--since", "7d", "--help"], "5");
    assert_eq!(found.status.code(), Some(5), "{}", text(&found.stderr));
    assert_eq!(alone.notes().expect("it ran"), ["changes", "--since", "7d", "--help", "history="]);

    alone.stand_in("bin");
    std::fs::write(alone.bench.path("on-path/bench-history"), "#!/bin/sh\nexit 9\n").expect("a script");
    let beside = alone.run(&["history", "list"], "0");
    assert_eq!(beside.status.code(), Some(0), "the one beside `bench` comes first");
}

#[test]
fn a_run_is_recorded_when_it_ends() {
    let alone = Alone::new();
    let flags = ["--out", "out", "--history", "--subject", "v1"];
    let refused = alone.run(&[&SHORT[..], &flags].concat(), "0");
    assert_eq!(refused.status.code(), Some(3), "before anything is measured: {}", text(&refused.stderr));
    assert!(!alone.bench.path("out").exists());

    alone.stand_in("bin");
    let done = alone.run(&[&SHORT[..], &flags].concat(), "0");
    assert!(done.status.success(), "{}", text(&done.stderr));
    let notes = alone.notes().expect("it ran");
    assert_eq!(notes, ["import", "--subject=v1", "--", "out", "history=sqlite:results/history.db"]);

    let url = "postgres://ann:secret@db/bench";
    let done = alone.run(&[&SHORT[..], &["--out", "out2", "--history", url]].concat(), "0");
    assert!(done.status.success(), "{}", text(&done.stderr));
    let notes = alone.notes().expect("it ran");
    assert!(notes.contains(&format!("history={url}")), "a password is in no list of processes: {notes:?}");
    assert!(notes[..notes.len() - 1].iter().all(|word| !word.contains("secret")), "{notes:?}");
    let run = std::fs::read_to_string(alone.bench.path("out2/run.json")).expect("the record of the run");
    assert!(run.contains("ann:***@db") && !run.contains("secret"), "nor in what is kept");
}

#[test]
fn a_history_that_does_not_take_the_run_is_a_warning_unless_it_is_required() {
    let alone = Alone::new();
    alone.stand_in("bin");
    let url = "postgres://ann:secret@db/bench";
    let flags = ["--out", "out", "--history", url, "--subject", "it's v1"];
    let warned = alone.run(&[&SHORT[..], &flags].concat(), "3");
    let message = text(&warned.stderr);
    assert_eq!(warned.status.code(), Some(0), "{message}");
    for part in [
        "warning: the run was not recorded: history `x` is locked",
        "its results are kept; this records them later:",
        r"bench history import --subject 'it'\''s v1' --history 'postgres://ann:***@db/bench' out",
    ] {
        assert!(message.contains(part), "`{part}` in {message}");
    }
    assert!(!message.contains("secret"), "{message}");
    assert!(alone.bench.path("out/summary.json").exists());

    let required = ["--out", "out2", "--history", "--history-required"];
    let failed = alone.run(&[&SHORT[..], &required].concat(), "3");
    assert_eq!(failed.status.code(), Some(3), "{}", text(&failed.stderr));
    assert!(alone.bench.path("out2/summary.json").exists());

    let missed = ["--threshold", "http_req_duration: p(95)<0.001"];
    let missed = alone
        .run(&[&SHORT[..], &missed, &["--out", "out3", "--history", "--history-required"]].concat(), "3");
    assert_eq!(missed.status.code(), Some(99), "what the run found comes first: {}", text(&missed.stderr));
}

#[test]
fn a_load_without_end_has_no_trials_to_record() {
    let alone = Alone::new();
    alone.stand_in("bin");
    let refused = alone.run(&["serve-load", "--url", "http://127.0.0.1:9", "--history"], "0");
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("--history: a history holds trials"), "{}", text(&refused.stderr));
}
