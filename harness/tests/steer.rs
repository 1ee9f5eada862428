//! `--steer`: another program watches a run by its events, and steers it by commands.

mod common;

use common::{Bench, config, signal, text};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// How long an event may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(90);

/// A run that takes commands.
struct Steered {
    child: Child,
    commands: Option<ChildStdin>,
    events: Receiver<Value>,
    seen: Vec<Value>,
    /// The events up to this one were looked at by [`Self::next`].
    looked: usize,
    id: u64,
}

impl Steered {
    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("bench can be started");
        let lines = BufReader::new(child.stdout.take().expect("standard output")).lines();
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        let commands = child.stdin.take();
        Self { child, commands, events, seen: Vec::new(), looked: 0, id: 0 }
    }

    /// Waits for the next event that `wanted` accepts, after those that were found before.
    fn next(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            while let Some(event) = self.seen.get(self.looked) {
                self.looked += 1;
                if wanted(event) {
                    return event.clone();
                }
            }
            match self.events.recv_timeout(PATIENCE) {
                Ok(event) => self.seen.push(event),
                Err(why) => {
                    let mut said = String::new();
                    if why == RecvTimeoutError::Disconnected {
                        let _ = self.child.stderr.take().map(|mut pipe| pipe.read_to_string(&mut said));
                    }
                    panic!("{what}: no such event ({why}) after {:?}; {said}", self.seen.last());
                }
            }
        }
    }

    fn event(&mut self, name: &str) -> Value {
        self.next(name, |event| event["event"] == name)
    }

    /// Writes a line.
    fn write(&mut self, line: &str) {
        let commands = self.commands.as_mut().expect("standard input is open");
        writeln!(commands, "{line}").expect("a command can be written");
    }

    /// Sends a command, and returns whether it was obeyed and what the answer says.
    fn ask(&mut self, mut command: Value) -> (bool, String) {
        self.id += 1;
        let id = self.id;
        command["id"] = json!(id);
        self.write(&command.to_string());
        let answer =
            self.next(&command.to_string(), |event| event["event"] == "answered" && event["id"] == id);
        (answer["ok"] == true, answer["text"].as_str().expect("a text").to_owned())
    }

    fn obeys(&mut self, command: Value, part: &str) {
        let (ok, text) = self.ask(command.clone());
        assert!(ok && text.contains(part), "{command}: {text}");
    }

    fn refuses(&mut self, command: Value, part: &str) {
        let (ok, text) = self.ask(command.clone());
        assert!(!ok && text.contains(part), "{command}: {text}");
    }

    /// Closes standard input, and waits for the end.
    fn close(mut self) -> (Output, Vec<Value>) {
        drop(self.commands.take());
        self.end()
    }

    fn end(self) -> (Output, Vec<Value>) {
        let Self { child, commands, events, mut seen, .. } = self;
        // Only the end of the run ends the events; nobody waits for more.
        while let Ok(event) = events.recv_timeout(PATIENCE) {
            seen.push(event);
        }
        drop(commands);
        (child.wait_with_output().expect("it ends"), seen)
    }
}

/// `bench serve-load` with this config, results in `out`.
fn serve(bench: &Bench, config: &str, more: &[&str]) -> Command {
    let common = ["serve-load", "--config", config, "--window", "1s", "--out", "out", "--steer"];
    bench.command(&[&common[..], &["--metrics-listen", "127.0.0.1:0"], more].concat())
}

/// A config of users who think a little, on the bundled backends.
fn users(bench: &Bench, users: u32) -> String {
    let mut load = config(users, 60.0, &json!({ "algorithms": ["round-robin"] }));
    load["user_profiles"]["shopper"]["think_time_s"] = json!([0.05, 0.1]);
    bench.config("load.json", &load)
}

fn replies(figures: &Value, backend: &str) -> [u64; 2] {
    let one = figures["backends"].as_array().expect("a list").iter().find(|one| one["id"] == backend);
    let one = one.unwrap_or_else(|| panic!("{backend} is in {figures}"));
    [one["replies"].as_u64().expect("a number"), one["errors"].as_u64().expect("a number")]
}

#[test]
fn a_load_without_end_is_watched_and_steered_and_keeps_what_was_changed() {
    let bench = Bench::new();
    let config = users(&bench, 10);
    let mut run = Steered::start(serve(&bench, &config, &[]));
    assert_eq!(run.event("run_started")["mode"], "continuous");
    let steerable = run.event("steerable");
    assert_eq!((&steerable["users"], &steerable["algorithm"]), (&json!(10), &json!("round-robin")));
    assert_eq!(
        (&steerable["faults"], &steerable["pause"], &steerable["marks"]),
        (&json!(true), &json!(false), &json!(true))
    );
    assert!(steerable["most_users"].as_u64() >= Some(10), "{steerable}");
    let backend = steerable["backends"][0].as_str().expect("there are backends").to_owned();

    let figures = run.next("ten users", |event| event["event"] == "figures" && event["users"] == 10);
    assert_eq!(
        (&figures["trial"], &figures["phase"], &figures["aim"]),
        (&json!("load"), &json!("running"), &json!(10))
    );
    run.next("requests", |event| {
        event["event"] == "figures"
            && event["requests"].as_u64() > Some(0)
            && event["latency_ms"]["p95"].is_f64()
    });
    let statistics = run.next("statistics", |event| {
        event["event"] == "statistics" && event["total"]["requests"].as_u64() > Some(0)
    });
    assert!(statistics["endpoints"][0]["median_ms"].is_number(), "{statistics}");

    run.obeys(
        json!({ "do": "users", "users": 30, "spawn_rate": 40, "from": 10 }),
        "30 users from now on, 40 more each second",
    );
    run.next("thirty users", |event| {
        event["event"] == "figures" && event["users"] == 30 && event["aim"] == 30
    });
    run.refuses(
        json!({ "do": "users", "users": 20, "from": 10 }),
        "another page has set 30 users since; look and try again",
    );
    run.obeys(json!({ "do": "users", "users": 5 }), "5 users from now on");
    run.next("five users", |event| event["event"] == "figures" && event["users"] == 5);
    run.refuses(json!({ "do": "users", "users": 10_000_000 }), "room for");

    let fails = json!({ "fault": "fast_fail", "rate": 1.0 });
    run.refuses(
        json!({ "do": "fault", "backend": "b-99", "fault": fails }),
        "`b-99` is no backend of this run",
    );
    run.obeys(json!({ "do": "fault", "backend": backend, "fault": fails }), "100 % of requests are refused");
    run.next("failures", |event| event["event"] == "figures" && replies(event, &backend)[1] > 0);
    run.obeys(json!({ "do": "clear_faults" }), "are over");
    run.next("replies without failures", |event| {
        event["event"] == "figures" && replies(event, &backend)[0] > 0 && replies(event, &backend)[1] == 0
    });
    let told: Vec<&Value> = run.seen.iter().filter(|event| event["event"] == "fault").collect();
    assert_eq!(told.iter().map(|event| &event["begins"]).collect::<Vec<_>>(), [&json!(true), &json!(false)]);

    run.refuses(json!({ "do": "algorithm", "algorithm": "fastest" }), "unknown algorithm `fastest`");
    run.obeys(
        json!({ "do": "algorithm", "algorithm": "p2c" }),
        "switched to p2c; its control plane confirms it",
    );
    let steerable = run.seen.iter().rfind(|event| event["event"] == "steerable").expect("it was told before");
    assert_eq!(
        (&steerable["algorithm"], &steerable["users"]),
        (&json!("p2c"), &json!(5)),
        "everyone who watches is told, not only the sender"
    );
    run.next("p2c", |event| event["event"] == "figures" && event["algorithm"] == "p2c");
    run.obeys(json!({ "do": "mark", "name": "v2" }), "mark `v2` set");
    assert_eq!(run.event("mark")["name"], "v2");
    run.refuses(json!({ "do": "pause" }), "does not pause");
    run.refuses(json!({ "do": "hop" }), "`hop` is no command");
    run.write("nonsense");
    assert_eq!(run.event("answered")["id"], Value::Null);

    let (output, events) = run.close();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "the end of standard input is an ordinary end: {said}");
    assert!(
        said.contains("standard input ended") && said.contains(" ran for "),
        "texts go to standard error: {said}"
    );
    assert_eq!(events.iter().filter(|event| event["event"] == "run_finished").count(), 1);
    assert!(events.iter().any(|event| event["event"] == "report_written"));
    let document = bench.json("out/continuous.json");
    let changes = document["changes"].as_array().expect("a list");
    let kinds: Vec<&Value> = changes.iter().map(|change| &change["what"]).collect();
    assert_eq!(kinds, ["users", "users", "fault", "fault", "algorithm"], "{changes:?}");
    let page = std::fs::read_to_string(bench.path("out/continuous.html")).expect("a page");
    assert!(page.contains("30 users from now on") && page.contains("switched to p2c"), "the report says it");
    assert!(said.contains("changed after ") && said.contains("5 users from now on"), "{said}");
}

#[test]
fn more_users_than_files_may_be_open_are_refused_with_the_way_out() {
    let bench = Bench::new();
    let (url, _listener) = silent();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 400 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_bench")]);
    command.args(["serve-load", "--url", &url, "--users", "3", "--out", "out", "--steer"]);
    command.args(["--metrics-listen", "127.0.0.1:0"]).current_dir(bench.dir.path());
    let mut run = Steered::start(command);
    assert_eq!(run.event("steerable")["most_users"], 272, "400 files, of which 128 are for other things");
    run.refuses(json!({ "do": "users", "users": 273 }), "400 files open, which is room for 272");
    run.obeys(json!({ "do": "users", "users": 272 }), "272 users");
    run.obeys(json!({ "do": "stop" }), "stopping the load");
    assert_eq!(run.end().0.status.code(), Some(0));
}

#[test]
fn a_load_that_arrives_by_a_rate_has_no_users_to_change() {
    let bench = Bench::new();
    let (url, _listener) = silent();
    let mut command =
        bench.command(&["serve-load", "--url", &url, "--arrivals", "constant:20", "--out", "out", "--steer"]);
    command.args(["--metrics-listen", "127.0.0.1:0"]);
    let mut run = Steered::start(command);
    let steerable = run.event("steerable");
    assert_eq!((&steerable["users"], &steerable["most_users"]), (&Value::Null, &Value::Null));
    assert_eq!(steerable["faults"], false);
    run.refuses(json!({ "do": "users", "users": 5 }), "arrives by a rate");
    run.refuses(json!({ "do": "algorithm", "algorithm": "p2c" }), "measured as it is");
    assert_eq!(run.event("figures")["aim"], Value::Null);
    signal(&run.child, Signal::INT);
    assert_eq!(run.end().0.status.code(), Some(0), "a signal ends it as ever");
}

/// A server that accepts connections and answers every request, and its address.
fn silent() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let accepting = listener.try_clone().expect("a second handle");
    std::thread::spawn(move || {
        for mut stream in accepting.incoming().flatten() {
            std::thread::spawn(move || {
                let lines = BufReader::new(stream.try_clone()?).lines();
                for _ in lines.map_while(Result::ok).filter(String::is_empty) {
                    std::thread::sleep(Duration::from_millis(20));
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
                }
                std::io::Result::Ok(())
            });
        }
    });
    (url, listener)
}

/// An experiment of two algorithms with short trials, results in `out`.
fn experiment(bench: &Bench, seconds: f64, more: &[&str]) -> Command {
    let settings = json!({ "algorithms": ["round-robin", "p2c"], "warm_up_s": 0 });
    let file = bench.config("short.json", &config(5, seconds, &settings));
    let common = ["--config", &file, "--out", "out", "--steer", "--no-oracles"];
    bench.command(&[&common[..], more].concat())
}

#[test]
fn an_experiment_pauses_between_trials_and_loses_the_trial_that_somebody_insists_on_changing() {
    let bench = Bench::new();
    let mut run = Steered::start(experiment(&bench, 4.0, &["--repetitions", "1"]));
    let steerable = run.event("steerable");
    assert_eq!(
        (&steerable["pause"], &steerable["faults"], &steerable["marks"]),
        (&json!(true), &json!(true), &json!(false))
    );
    let backend = steerable["backends"][0].as_str().expect("there are backends").to_owned();
    let figures =
        run.next("the first trial", |event| event["event"] == "figures" && event["phase"] == "measure");
    assert_eq!(figures["aim"], 5);
    assert!(
        figures["algorithm"].is_string()
            && figures["trial"].as_str().is_some_and(|name| name.contains("trial 1 of 2"))
    );
    run.refuses(json!({ "do": "users", "users": 50 }), "the schedule that all of its algorithms share");
    run.refuses(json!({ "do": "fault", "backend": backend, "fault": { "fault": "crash" } }), "say `insist`");
    run.refuses(json!({ "do": "mark", "name": "v2" }), "only a load without end");
    run.obeys(json!({ "do": "pause" }), "pauses after trial 1 of 2");
    let first = run.event("trial_finished");
    assert_eq!(first["problems"], json!([]), "what was refused does no harm");
    run.event("paused");
    run.obeys(json!({ "do": "resume" }), "goes on");
    run.event("resumed");
    run.next("the second trial", |event| event["event"] == "figures" && event["phase"] == "measure");
    run.obeys(json!({ "do": "users", "users": 50, "insist": true }), "ends as invalid");
    let second = run.event("trial_finished");
    assert!(
        second["problems"][0]
            .as_str()
            .is_some_and(|problem| problem.contains("a command asked for 50 users")),
        "{second}"
    );
    assert_eq!((&second["attempt"], &second["interrupted"]), (&json!(0), &json!(false)));
    // It is repeated once, as every invalid trial is.
    run.next("the repetition", |event| event["event"] == "figures" && event["phase"] == "measure");
    let slower = json!({ "fault": "latency_factor", "factor": 2 });
    run.obeys(
        json!({ "do": "fault", "backend": backend, "fault": slower, "insist": true }),
        "2 times slower, from now on",
    );
    let over =
        run.next("the end of the fault", |event| event["event"] == "fault" && event["begins"] == false);
    assert_eq!(over["backend"], json!(backend));
    let again = run.event("trial_finished");
    assert_eq!(again["attempt"], 1);
    assert!(
        again["problems"][0].as_str().is_some_and(|problem| problem.contains("2 times slower")),
        "{again}"
    );
    let (output, events) = run.end();
    // The second algorithm has no valid trial left, which is an error of every experiment.
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    let finished = events.iter().find(|event| event["event"] == "run_finished").expect("an end");
    assert_eq!(finished["ended"], "failed");
    let notes = finished["summary"]["notes"].to_string();
    assert!(notes.contains("paused the run") && notes.contains("asked for 50 users"), "{notes}");
}

#[test]
fn an_experiment_stops_at_a_command_with_the_results_so_far() {
    let bench = Bench::new();
    let mut run = Steered::start(experiment(&bench, 2.0, &["--repetitions", "20"]));
    run.event("trial_finished");
    run.event("trial_finished");
    run.next("the third trial", |event| event["event"] == "figures" && event["phase"] == "measure");
    run.obeys(json!({ "do": "stop" }), "complete ones are kept");
    let (output, events) = run.end();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    let finished = events.iter().find(|event| event["event"] == "run_finished").expect("an end");
    assert_eq!((&finished["ended"], &finished["error"]), (&json!("interrupted"), &Value::Null));
    assert_eq!(bench.json("out/summary.json")["interrupted"], true);
}

#[test]
fn a_file_of_events_holds_figures_and_is_replayed_without_them() {
    let bench = Bench::new();
    let settings = json!({ "algorithms": ["p2c"], "warm_up_s": 0 });
    let file = bench.config("short.json", &config(5, 2.5, &settings));
    let output =
        bench.run(&["--config", &file, "--out", "out", "--repetitions", "1", "--events", "events.jsonl"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let lines = std::fs::read_to_string(bench.path("events.jsonl")).expect("a file of events");
    let events: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let of = |name: &str| events.iter().filter(|event| event["event"] == name).collect::<Vec<_>>();
    let seconds: Vec<f64> = of("figures").iter().filter_map(|event| event["at_s"].as_f64()).collect();
    assert_eq!(seconds, [1.0, 2.0], "each whole second");
    let statistics = of("statistics");
    let total = &statistics.last().expect("statistics at the end")["total"];
    let finished = of("trial_finished")[0];
    assert_eq!(total["requests"], finished["summary"]["total_requests"], "nothing is lost on the way");
    let (min, median, max) = (&total["min_ms"], &total["median_ms"], &total["max_ms"]);
    assert!(min.as_f64() <= median.as_f64() && median.as_f64() <= max.as_f64(), "{total}");
    assert!(min.as_f64() > Some(0.1), "a backend takes milliseconds: {total}");
    let replayed = bench.run(&["replay-events", "events.jsonl"]);
    assert_eq!(text(&replayed.stdout), text(&output.stdout), "standard output is the same, byte for byte");
    assert_eq!(text(&replayed.stderr), text(&output.stderr), "standard error is the same, byte for byte");
}

#[test]
fn a_simulation_takes_commands_and_tells_no_figures() {
    let bench = Bench::new();
    let mut run = Steered::start(experiment(&bench, 30.0, &["--engine", "sim", "--repetitions", "1"]));
    assert_eq!(run.event("steerable")["faults"], false);
    let (output, events) = run.end();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(events.iter().all(|event| event["event"] != "figures"), "virtual time has no seconds to watch");
    assert!(events.iter().any(|event| event["event"] == "run_finished"));
}

#[test]
fn a_suite_tells_the_events_of_each_run_in_turn() {
    let bench = Bench::new();
    let file = bench.config("short.json", &config(5, 3.0, &json!({ "algorithms": ["p2c"], "warm_up_s": 0 })));
    let suite =
        json!({ "name": "two", "suite": [{ "name": "a", "config": file }, { "name": "b", "config": file }] });
    let suite = bench.config("two.json", &suite);
    let more = ["--engine", "sim", "--repetitions", "1", "--no-oracles", "--accept-invalid", "--steer"];
    let run = Steered::start(bench.command(&[&["suite", &suite, "--out", "out"][..], &more].concat()));
    let (output, events) = run.end();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let ends: Vec<&Value> = events.iter().filter(|event| event["event"] == "run_finished").collect();
    assert_eq!(ends.len(), 2, "one end for each run");
    assert!(text(&output.stderr).contains("== two =="), "{}", text(&output.stderr));
}
