//! `bench nightly` from scripts as cron starts them, with the real `bench-history` beside it.
//!
//! The regression that is planted is a worse policy file for `rl`: what is tested changes, the experiment does not. The engine
//! is the simulator, so each night comes out as it did the last time.

mod common;

use common::{Bench, text};
use lb_core::policy::PolicyFile;
use lb_core::policy::learned::{Action, FEATURES, Network};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Once;

/// The experiment of every night.
const EXPERIMENT: [&str; 13] = [
    "--engine",
    "sim",
    "--topology",
    "situation-b",
    "--algorithms",
    "rl",
    "--duration",
    "10s",
    "--users",
    "200",
    "--repetitions",
    "10",
    "--no-oracles",
];

/// Returns the flags of the experiment without those that are given anyway.
fn experiment(more: &[&str]) -> Vec<&'static str> {
    let (pairs, rest) = EXPERIMENT.split_at(12);
    let kept = pairs.chunks(2).filter(|pair| !more.contains(&pair[0]));
    kept.flatten().chain(rest).copied().collect()
}

/// Builds `bench-history` where `bench` lies, unless it is there already.
fn build_history() {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let bench = Path::new(env!("CARGO_BIN_EXE_bench"));
        let profile = bench.parent().expect("a folder");
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "-q", "-p", "lb-history", "--bin", "bench-history", "--target-dir"]);
        cargo.arg(profile.parent().expect("the target folder")).current_dir(env!("CARGO_MANIFEST_DIR"));
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().expect("cargo can be started").success(), "bench-history is built");
    });
}

/// A folder in which nights are played.
struct Nights(Bench);

impl Nights {
    fn new() -> Self {
        build_history();
        let bench = Bench::new();
        // It prefers slow backends, though less than the prior prefers fast ones. The bias keeps the units linear.
        let mut network = Network::zero();
        let service = FEATURES.iter().position(|name| *name == "log_service_vs_pool").expect("a feature");
        network.first[service][0] = 1.0;
        network.biases.0[0] = 10.0;
        network.second[0][0] = 1.0;
        network.third[0] = 0.9;
        let policy = PolicyFile::new(network, Action::default());
        std::fs::write(bench.path("slow.safetensors"), policy.to_bytes()).expect("a policy");
        Self(bench)
    }

    /// Runs `bench` by a script with the few variables that cron sets.
    fn script(&self, words: &[&str], variables: &[(&str, &str)]) -> Output {
        let script = self.0.path("night.sh");
        let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let text = format!(
            "#!/bin/sh\ncd '{}' || exit 1\nexec '{}' {}\n",
            self.0.dir.path().display(),
            env!("CARGO_BIN_EXE_bench"),
            quoted.join(" ")
        );
        std::fs::write(&script, text).expect("a script");
        let mut command = Command::new("/bin/sh");
        command.arg(&script).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.0.dir.path());
        command.envs(variables.iter().copied()).stdin(Stdio::null());
        command.output().expect("a shell can be started")
    }

    fn night(&self, out: &str, more: &[&str]) -> Output {
        let experiment = experiment(more);
        let words =
            [&["nightly"][..], &experiment[..], &["--quiet", "--out", out, "--subject", out], more].concat();
        self.script(&words, &[])
    }

    fn plain(&self, out: &str, more: &[&str]) {
        let words = [&EXPERIMENT[..], &["--quiet", "--out", out], more].concat();
        let output = self.script(&words, &[]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    fn history(&self, words: &[&str]) -> String {
        let output = self.script(&[&["history"][..], words].concat(), &[]);
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn read(&self, name: &str) -> String {
        let path = self.0.path(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn document(&self, night: &str) -> Value {
        self.0.json(&format!("{night}/nightly.json"))
    }
}

/// Holds that a night ended with this code, and returns what it printed.
#[track_caller]
fn ended(output: &Output, code: i32) -> (String, String) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    (out, err)
}

/// Holds that a printed text has all these parts.
#[track_caller]
fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` in {text}");
    }
}

const SLOW: [&str; 2] = ["--policy", "slow.safetensors"];

#[test]
fn two_nights_end_with_0_and_then_with_98_and_a_sentence_that_says_all() {
    let nights = Nights::new();
    nights.plain("c0", &["--history", "--subject", "c0"]);
    let output = nights.night("c1", &[]);
    let (out, _) = ended(&output, 0);
    holds(
        &out,
        &["nightly: nothing became worse (compared with ", "report: c1/nightly.md", "report: c1/trend.html"],
    );
    let good = nights.document("c1");
    assert_eq!((good["verdict"].as_str(), good["exit_code"].as_u64()), (Some("good"), Some(0)));
    assert_eq!(good["baseline"]["subject"], "c0");
    assert_eq!((good["aa"]["is_new"].as_bool(), good["recorded"].as_bool()), (Some(true), Some(true)));
    assert!(nights.0.path("c1-aa/summary.json").exists(), "the first night measures its noise");
    holds(
        &nights.read("c1/nightly-junit.xml"),
        &["failures=\"0\"", "classname=\"bench.nightly.Read-Heavy Traffic.rl\""],
    );
    holds(&nights.read("c1/trend.html"), &["rl over 2 runs: no change", "default-src 'none'"]);

    let (url, hook) = listen();
    let words = [
        &["nightly"][..],
        &EXPERIMENT[..],
        &SLOW,
        &["--out", "c2", "--subject", "c2", "--webhook", url.as_str()],
    ]
    .concat();
    let summary = nights.0.path("step-summary.md").display().to_string();
    let (out, err) = ended(&nights.script(&words, &[("GITHUB_STEP_SUMMARY", &summary)]), 98);
    let posted = hook.join().expect("the hook ends");
    let today = nights.document("c2")["run"]["started_at"].as_str().expect("a time")[..10].to_owned();
    let since = format!("worse, since {today}, between c1 and c2 (10 blocks, p = 0.0");
    holds(
        &out,
        &[
            "nightly: worse: ",
            "confirmed: p95 of rl in Read-Heavy Traffic: ",
            " % more (",
            &since,
            "; confirmed by a repetition, p = 0.0",
        ],
    );
    holds(&err, &["the run is repeated to confirm it"]);
    let worse = nights.document("c2");
    assert_eq!((worse["verdict"].as_str(), worse["exit_code"].as_u64()), (Some("worse"), Some(98)));
    assert_eq!(worse["aa"]["is_new"], false, "the last A/A run is a moment old");
    let findings = worse["findings"].as_array().expect("a list");
    let finding =
        findings.iter().find(|finding| finding["confirmation"] == "repetition").expect("one is confirmed");
    assert_eq!(
        (finding["since"]["last_subject"].as_str(), finding["since"]["first_subject"].as_str()),
        (Some("c1"), Some("c2"))
    );
    let [low, high] = [0, 1].map(|end| finding["interval"][end].as_f64().expect("an interval"));
    let effect = finding["effect"].as_f64().expect("an effect");
    assert!(0.0 < low && low <= effect && effect <= high, "{finding}");
    assert_eq!(posted, worse, "the webhook gets the document");
    let again = nights.0.json("c2-again/summary.json");
    assert_ne!(
        again["scenarios"][0]["trials"][0]["metrics"],
        nights.0.json("c2/summary.json")["scenarios"][0]["trials"][0]["metrics"],
        "it is not the same run to the last bit"
    );
    holds(
        &nights.read("c2/nightly-junit.xml"),
        &["failures=\"1\"", "<failure message=\"", "type=\"regression\""],
    );
    let markdown = nights.read("c2/nightly.md");
    holds(&markdown, &["**worse: ", "- **confirmed**: p95 of rl in Read-Heavy Traffic: ", "accepted`"]);
    assert_eq!(nights.read("step-summary.md"), nights.read("c2/nightly-step-summary.md"));

    // The next night needs no repetition: the one before it showed the same.
    let (out, _) = ended(&nights.night("c3", &SLOW), 98);
    holds(
        &out,
        &[&format!("since {today}, between c1 and c2"), &format!("confirmed by the run of {today})")],
    );
    assert!(!nights.0.path("c3-again").exists());
    let list = nights.history(&["list"]);
    for (subject, verdict) in [("c3", " worse"), ("c2", " worse"), ("c1", " good")] {
        assert!(
            list.lines().any(|row| row.contains(&format!("  {subject}  ")) && row.contains(verdict)),
            "{list}"
        );
    }

    // Somebody accepts it, and then it is what later nights are held against.
    let run = nights.document("c3")["run"]["run_id"].as_str().expect("a name").to_owned();
    nights.history(&["judge", &run, "accepted"]);
    ended(&nights.night("c4", &SLOW), 0);
    assert_eq!(nights.document("c4")["baseline"]["subject"], "c3");
}

#[test]
fn a_night_without_a_baseline_judges_nothing_and_says_why() {
    let nights = Nights::new();
    let no_aa = ["--no-aa"];
    let (out, _) = ended(&nights.night("first", &no_aa), 3);
    holds(
        &out,
        &["nightly: nothing could be judged", "not judged: the history has no earlier run to compare with"],
    );
    holds(&nights.read("first/nightly-junit.xml"), &["<skipped message=\"the history has no earlier run"]);
    ended(&nights.night("second", &no_aa), 0);

    for (out, more, part) in [
        ("users", &["--no-aa", "--users", "90"][..], "no earlier run is of this experiment"),
        ("seed", &["--no-aa", "--seed", "7"], "had seed 7 (the last one"),
        ("blocks", &["--no-aa", "--repetitions", "1"], "1 block is too few to estimate noise"),
    ] {
        let (said, _) = ended(&nights.night(out, more), 3);
        holds(&said, &["nightly: nothing could be judged", part]);
    }
    let words = [&["nightly"][..], &EXPERIMENT[..], &["--quiet", "--no-aa", "--out", "elsewhere"]].concat();
    let (said, _) = ended(&nights.script(&words, &[("BENCH_HISTORY_HOST", "pool")]), 3);
    holds(&said, &["no earlier run of this experiment was on this machine (`pool`; the last one"]);

    let refused = nights.night("none", &["--history", "results/history.db"]);
    let (_, err) = ended(&refused, 2);
    holds(&err, &["use `sqlite:results/history.db`", "nothing was measured"]);
    assert!(!nights.0.path("none").exists());
    for (flags, part) in [
        (&["--resume", "first"][..], "--resume: a night is a new run"),
        (&["--max-rate", "p(95)<200"], "--max-rate: "),
        (&["--duration", "forever"], "--duration forever: a simulation "),
    ] {
        let words = [&["nightly"][..], &EXPERIMENT[..6], flags].concat();
        let (_, err) = ended(&nights.script(&words, &[]), 2);
        holds(&err, &[part]);
    }
}

#[test]
fn runs_that_were_made_elsewhere_are_judged_and_a_second_one_confirms() {
    let nights = Nights::new();
    nights.plain("c0", &["--history"]);
    nights.plain("slow", &SLOW);
    nights.plain("again", &SLOW);
    nights.plain("fast", &[]);
    let judge = |words: &[&str]| nights.script(&[&["nightly", "--subject", "x"][..], words].concat(), &[]);

    // One run alone is pending, and no alarm; it is no baseline either.
    let (out, err) = ended(&judge(&["--from", "slow"]), 0);
    holds(
        &out,
        &[
            "nightly: not confirmed: ",
            "not confirmed yet: p95 of rl",
            "seen in one run and not confirmed yet",
        ],
    );
    holds(&err, &["`bench aa` with the same flags makes one"]);
    // The next night shows the same.
    let (out, _) = ended(&judge(&["--from", "again"]), 98);
    holds(&out, &["confirmed by the run of "]);
    ended(&judge(&["--from", "fast"]), 0);

    nights.plain("slow-2", &SLOW);
    nights.plain("fast-2", &[]);
    nights.plain("slow-3", &SLOW);
    let (out, _) = ended(&judge(&["--from", "slow-2", "--again", "fast-2"]), 0);
    holds(&out, &["not confirmed: p95 of rl", "a repetition did not confirm it"]);
    let (out, _) = ended(&judge(&["--from", "slow-2", "--again", "slow-3"]), 98);
    holds(&out, &["confirmed by a repetition"]);
    let (_, err) = ended(&judge(&["--from", "slow-2", "--again", "slow-2"]), 2);
    holds(&err, &["is the same run as --from"]);

    // Where the folder of the baseline is gone, the history has its trials.
    nights.plain("fast-3", &[]);
    for gone in ["c0", "fast", "fast-2"] {
        std::fs::remove_dir_all(nights.0.path(gone)).expect("it is there");
    }
    let (out, _) = ended(&judge(&["--from", "fast-3"]), 0);
    holds(&out, &["nothing became worse (compared with "]);
}

#[test]
fn a_history_that_goes_away_in_the_night_costs_no_results() {
    let nights = Nights::new();
    nights.plain("c0", &["--history"]);
    // A copy of `bench`, beside which lies a program that knows the history until something is to be written.
    let bin = nights.0.path("bin");
    std::fs::create_dir(&bin).expect("a folder");
    let built = Path::new(env!("CARGO_BIN_EXE_bench"));
    let bench = bin.join("bench");
    if std::fs::hard_link(built, &bench).is_err() {
        std::fs::copy(built, &bench).expect("it can be copied");
    }
    let script = format!(
        "#!/bin/sh\ncase \"$1\" in nights|show) exec '{}' \"$@\" ;; esac\necho 'error: history `x` went away: bye' >&2\nexit 3\n",
        built.with_file_name("bench-history").display()
    );
    let program = bin.join("bench-history");
    std::fs::write(&program, script).expect("a script");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("it may run");
    let night = |out: &str, more: &[&str]| -> Output {
        let words = [
            &["nightly"][..],
            &EXPERIMENT[..],
            &["--quiet", "--no-aa", "--out", out, "--subject", "v1"],
            more,
        ]
        .concat();
        let mut command = Command::new(&bench);
        command.args(words).current_dir(nights.0.dir.path()).stdin(Stdio::null());
        command.env_remove("BENCH_HISTORY").env_remove("GITHUB_STEP_SUMMARY").output().expect("it starts")
    };
    let (out, err) = ended(&night("c1", &[]), 0);
    holds(&out, &["nothing became worse (compared with "]);
    holds(
        &err,
        &[
            "warning: ",
            "was not recorded: history `x` went away: bye",
            "bench history import --subject v1",
            "the trend was not drawn",
        ],
    );
    assert_eq!(nights.document("c1")["recorded"], false);
    ended(&night("c2", &["--history-required"]), 3);
    ended(&night("c3", &["--history-required", "--policy", "slow.safetensors"]), 98);
    assert_eq!(nights.history(&["import", "c1"]).matches("1 recorded").count(), 1, "later it is taken");
}

#[test]
fn a_webhook_that_does_not_answer_is_a_warning() {
    let nights = Nights::new();
    nights.plain("c0", &["--history"]);
    let url = format!("http://ann:secret@127.0.0.1:{}/hook", common::free_port());
    let (_, err) = ended(&nights.night("c1", &["--no-aa", "--webhook", url.as_str()]), 0);
    holds(&err, &["warning: --webhook: `http://ann:***@127.0.0.1:"]);
    assert!(!err.contains("secret"), "{err}");
}

/// Takes one request, answers it, and returns the JSON that it brought.
fn listen() -> (String, std::thread::JoinHandle<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let hook = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a request");
        let mut request = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&request).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                assert!(
                    head.starts_with("POST /hook HTTP/1.1\r\n")
                        && head.contains("content-type: application/json"),
                    "{head}"
                );
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
                if body.len() >= length.expect("its length is told") {
                    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").expect("an answer");
                    return serde_json::from_str(body).expect("JSON");
                }
            }
            let read = stream.read(&mut piece).expect("more of it");
            assert!(read > 0, "it ended early: {text}");
            request.extend_from_slice(&piece[..read]);
        }
    });
    (url, hook)
}
