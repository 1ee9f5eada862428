//! Recordings as they are sent: what arrives on the wire, what counts as a success, and what the simulator makes of them.

mod common;

use common::{Bench, algorithm, number, text};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What arrived: the request line, the headers in lower case, and the body.
#[derive(Clone, Debug)]
struct Seen {
    line: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Seen {
    fn values(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }
}

/// Starts a site that records what arrives and answers by path, and returns its address.
fn site(statuses: &'static [(&'static str, u16)]) -> (String, Arc<Mutex<Vec<Seen>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let all = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&all);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || answer(stream, statuses, &kept));
        }
    });
    (url, all)
}

fn answer(stream: TcpStream, statuses: &[(&str, u16)], all: &Mutex<Vec<Seen>>) {
    let mut writer = stream.try_clone().expect("a second handle");
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_ok_and(|length| length == 0) || line.starts_with("PRI ") {
            return;
        }
        let mut headers = Vec::new();
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).is_err() || header.trim().is_empty() {
                break;
            }
            let (name, value) = header.split_once(':').expect("a header");
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length: usize = length.map_or(0, |(_, value)| value.parse().expect("a length"));
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let status = statuses.iter().find(|(known, _)| *known == path).map_or(200, |(_, status)| *status);
        all.lock().expect("nobody panicked").push(Seen {
            line: line.trim().to_owned(),
            headers,
            body: text(&body),
        });
        let reply = format!("HTTP/1.1 {status} -\r\nx-backend: web\r\ncontent-length: 0\r\n\r\n");
        if writer.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

/// Replays a recording against a site, and returns the result, what was printed and what arrived, each path once.
fn replayed(
    recording: &str,
    statuses: &'static [(&'static str, u16)],
    flags: &[&str],
) -> (serde_json::Value, String, Vec<Seen>) {
    let bench = Bench::new();
    std::fs::write(bench.path("recording"), recording).expect("a recording can be written");
    let (url, all) = site(statuses);
    let args = [
        "--replay",
        "recording",
        "--url",
        &url,
        "--out",
        "out",
        "--warm-up",
        "0s",
        "--repetitions",
        "1",
        "--speed",
        "10",
    ];
    let output = bench.run(&[&args[..], flags].concat());
    let printed = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{printed}");
    let result = algorithm(&bench.json("out/summary.json"), "as-it-is").clone();
    let all = all.lock().expect("nobody panicked");
    let sent = all.iter().filter(|seen| !seen.values("x-forwarded-for").is_empty());
    (result, printed, sent.cloned().collect())
}

fn line(second: u32, request: &str, status: u16) -> String {
    format!(
        "198.51.100.7 - - [10/Oct/2024:13:55:{second} +0000] \"{request} HTTP/1.1\" {status} 512 \"-\" \"app/1\"\n"
    )
}

/// Returns what arrived for a path.
fn of<'a>(seen: &'a [Seen], path: &str) -> &'a Seen {
    let found = seen.iter().find(|seen| seen.line.split(' ').nth(1) == Some(path));
    found.unwrap_or_else(|| panic!("{path} is not among {seen:?}"))
}

#[test]
fn a_request_that_failed_then_may_fail_now() {
    let log = line(36, "GET /a", 200)
        + &line(37, "GET /old", 404)
        + &line(38, "GET /moved", 301)
        + &line(39, "GET /admin", 401);
    let statuses = &[("/old", 404), ("/moved", 301), ("/admin", 401)];
    let (result, printed, _) = replayed(&log, statuses, &[]);
    assert_eq!(number(&result, "/error_rate"), 0.0, "{printed}");
    let (result, _, _) = replayed(&log, statuses, &["--expect", "ok"]);
    assert_eq!(number(&result, "/error_rate"), 0.5, "404 and 401 of four");
}

#[test]
fn results_of_vegeta_are_sent_without_what_the_reply_had() {
    let row = |second: u32, path: &str| {
        format!(
            "{{\"attack\":\"\",\"seq\":0,\"code\":200,\"timestamp\":\"2024-10-10T13:55:{second}.125Z\",\"latency\":3093920,\"bytes_out\":0,\"bytes_in\":3,\"error\":\"\",\"body\":\"UkVTUE9OU0U=\",\"method\":\"GET\",\"url\":\"http://127.0.0.1:9101{path}\",\"headers\":{{\"Set-Cookie\":[\"sid=1\"]}}}}\n"
        )
    };
    let (_, printed, seen) = replayed(&(row(36, "/a") + &row(37, "/b")), &[], &[]);
    assert!(printed.contains("not sent: the body and the headers of the reply (2 of 2 rows"), "{printed}");
    let first = of(&seen, "/a");
    assert_eq!((first.body.as_str(), first.values("set-cookie").len()), ("", 0));
}

#[test]
fn escapes_of_logs_are_not_sent() {
    let log = line(36, r"GET /caf\xC3\xA9?q=\x22a\x22", 200) + &line(37, "GET /s?q=<b>", 200);
    let (result, _, seen) = replayed(&log, &[], &[]);
    assert_eq!(of(&seen, "/caf%C3%A9?q=%22a%22").line, "GET /caf%C3%A9?q=%22a%22 HTTP/1.1");
    assert_eq!(of(&seen, "/s?q=%3Cb%3E").values("x-forwarded-for"), ["198.51.100.7"], "the recorded client");
    assert_eq!(number(&result, "/error_rate"), 0.0);
}

#[test]
fn markup_in_a_query_passes_our_own_load_balancer() {
    let bench = Bench::new();
    let log = line(36, "GET /s?q=<b>", 200) + &line(37, "GET /b", 200);
    std::fs::write(bench.path("access.log"), log).expect("a log can be written");
    let args = [
        "--load-balancer",
        "reference",
        "--replay",
        "access.log",
        "--algorithms",
        "round-robin",
        "--no-oracles",
        "--speed",
        "10",
        "--warm-up",
        "0s",
    ];
    let summary = bench.summary("out", &args);
    assert_eq!(number(algorithm(&summary, "round-robin"), "/error_rate"), 0.0);
}

#[test]
fn the_recorded_host_and_the_one_recorded_client_are_sent() {
    let targets = "{\"method\":\"GET\",\"url\":\"http://shop.example/a\",\"header\":{\"Host\":[\"shop.example\"],\"X-Forwarded-For\":[\"203.0.113.9\"],\"Authorization\":[\"Bearer t\"]},\"timestamp\":\"2024-10-10T13:55:36.125Z\"}\n{\"method\":\"POST\",\"url\":\"http://shop.example/b\",\"body\":\"eyJhIjoxfQ==\",\"timestamp\":\"2024-10-10T13:55:37.125Z\"}\n";
    let (_, _, seen) = replayed(targets, &[], &[]);
    let first = of(&seen, "/a");
    assert_eq!(first.values("host"), ["shop.example"]);
    assert_eq!(first.values("x-forwarded-for"), ["203.0.113.9"]);
    assert_eq!(first.values("authorization"), ["Bearer t"]);
    let second = of(&seen, "/b");
    assert!(
        second.values("host")[0].starts_with("127.0.0.1:"),
        "the target's, because the recording has no such header"
    );
    assert_eq!(second.body, "{\"a\":1}");
    let (_, _, seen) = replayed(targets, &[], &["--host", "recorded"]);
    assert_eq!(of(&seen, "/b").values("host"), ["shop.example"]);
}

#[test]
fn one_recorded_client_stays_with_one_backend_in_the_simulator() {
    let bench = Bench::new();
    let log: String = (0..400)
        .map(|row| {
            format!(
                "203.0.113.50 - - [10/Oct/2024:13:55:{}.{:03} +0000] \"GET /item/{row} HTTP/1.1\" 200 5\n",
                36 + row / 100,
                row % 100 * 10
            )
        })
        .collect();
    std::fs::write(bench.path("access.log"), log).expect("a log can be written");
    let args = [
        "--engine",
        "sim",
        "--replay",
        "access.log",
        "--topology",
        "situation-a",
        "--algorithms",
        "ip-hash",
        "--no-oracles",
    ];
    let summary = bench.summary("out", &args);
    let result = algorithm(&summary, "ip-hash");
    assert_eq!(number(result, "/jain_index"), 0.125, "one of eight backends gets everything");
}

#[test]
fn a_plan_shows_how_paths_are_grouped() {
    let bench = Bench::new();
    let log = line(36, "GET /user/1", 200) + &line(37, "GET /user/2", 200) + &line(38, "POST /user/2", 201);
    std::fs::write(bench.path("access.log"), log).expect("a log can be written");
    let output = bench.run(&["plan", "--replay", "access.log"]);
    assert!(
        text(&output.stdout).contains("recorded requests: GET /user/{id} (2), POST /user/{id} (1)"),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn a_recording_can_be_piped_in() {
    let bench = Bench::new();
    let mut command = bench.command(&["plan", "--replay", "-"]);
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().expect("bench can be started");
    let log = line(36, "GET /a", 200);
    child.stdin.take().expect("a pipe").write_all(log.as_bytes()).expect("the pipe takes it");
    let output = child.wait_with_output().expect("it ends");
    assert!(
        output.status.success() && text(&output.stdout).contains("GET /a (1)"),
        "{}",
        text(&output.stdout)
    );
}
