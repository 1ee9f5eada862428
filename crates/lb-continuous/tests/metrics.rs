//! The same families in both formats, with every value.

use lb_continuous::{
    MarkRequest, Marks, Reading, Resource, StepName, Times, Windows, export_request, families,
    render_exposition,
};
use lb_core::workload::{ActionIndex, Observer, Sample, StepIndex, UserId};
use lb_core::{Outcome, Span, Time};
use lb_record::{PieceSink, Recording, RecordingSpec, Snapshot};

/// A load of a minute: a request every 100 ms, two thirds of which go to `a`; one in ten fails after three seconds.
fn load() -> Windows {
    let (sink, pieces) = PieceSink::new();
    let spec = RecordingSpec { steps: 2, backends: 2, pieces: Some(sink), ..RecordingSpec::default() };
    let (recording, mut recorders) = Recording::start(spec, 1);
    for n in 0..570_u64 {
        let (outcome, latency) = match n % 10 {
            9 => (Outcome::Timeout, Span::from_secs(3)),
            _ => (Outcome::Ok, Span::from_micros(4_000 + n)),
        };
        let done = Time::ZERO + Span::from_millis(3_000 + 100 * n);
        let sent = Time::ZERO + done.since(Time::ZERO + latency);
        recorders[0].sample(&Sample {
            user: UserId(0),
            action: ActionIndex(0),
            step: StepIndex(0),
            intended: sent,
            sent,
            done,
            outcome,
            status: 200,
            backend: (outcome == Outcome::Ok).then_some(u16::from(n % 3 == 2)),
            bytes: 100,
        });
    }
    recording.finish(recorders, Span::from_secs(60));
    let mut windows = Windows::new(10, 1);
    for piece in pieces {
        windows.add(piece);
    }
    windows
}

fn with_reading<T>(of: impl FnOnce(&Reading<'_>) -> T) -> T {
    let windows = load();
    let mut marks = Marks::new(10, 0.05, 0.0);
    let mark = MarkRequest { name: "v2".to_owned(), settle_s: 0.0 };
    marks.set(&mark, 30.0, String::new()).expect("a sound mark");
    let name = |name: &str, method: &str| StepName { name: name.to_owned(), method: method.to_owned() };
    of(&Reading {
        run: &[("run", "a \"quoted\"\nname \\".to_owned())],
        build: ["0.1.0", "abc"],
        started_s: 1_700_000_000.5,
        totals: windows.totals(),
        steps: &[name("home", "GET"), name("never sent", "POST")],
        backends: &["a".to_owned(), "b".to_owned(), "silent".to_owned()],
        last: windows.recent().last(),
        now: Snapshot { users: 7, in_flight: 3, ..Snapshot::default() },
        marks: &marks,
        slow_s: 2.0,
    })
}

#[test]
fn the_exposition_has_every_value_with_its_type() {
    let text = with_reading(|reading| render_exposition(&families(reading)));
    for line in [
        "# TYPE lbbench_load_requests_total counter",
        "lbbench_load_slow_limit_seconds 2",
        "lbbench_load_requests_total{request=\"home\",method=\"GET\",outcome=\"ok\"} 513",
        "lbbench_load_requests_total{request=\"home\",method=\"GET\",outcome=\"timeout\"} 57",
        "# TYPE lbbench_load_request_duration_seconds histogram",
        "lbbench_load_request_duration_seconds_bucket{request=\"home\",method=\"GET\",result=\"success\",le=\"0.0025\"} 0",
        "lbbench_load_request_duration_seconds_bucket{request=\"home\",method=\"GET\",result=\"success\",le=\"0.005\"} 513",
        "lbbench_load_request_duration_seconds_bucket{request=\"home\",method=\"GET\",result=\"success\",le=\"+Inf\"} 513",
        "lbbench_load_request_duration_seconds_count{request=\"home\",method=\"GET\",result=\"failure\"} 57",
        "lbbench_load_request_duration_seconds_sum{request=\"home\",method=\"GET\",result=\"failure\"} 171",
        "lbbench_load_response_bytes_total{request=\"home\",method=\"GET\"} 57000",
        "lbbench_load_slow_requests_total{request=\"home\",method=\"GET\"} 57",
        "lbbench_load_arrivals_dropped_total 0",
        "lbbench_load_users 7",
        "lbbench_load_requests_in_flight 3",
        "lbbench_load_marks_total 1",
        "lbbench_load_start_time_seconds 1700000000.5",
        "lbbench_load_window_requests_per_second 10",
        "lbbench_load_window_error_ratio 0.1",
        "lbbench_load_window_end_time_seconds 1700000060.5",
        "lbbench_load_info{run=\"a \\\"quoted\\\"\\nname \\\\\"} 1",
        "lbbench_build_info{version=\"0.1.0\",revision=\"abc\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "`{line}` is missing in\n{text}");
    }
    assert!(text.contains("lbbench_load_window_latency_seconds{percentile=\"95\"} 0.004"), "{text}");
    assert!(!text.contains("never sent") && !text.contains("silent"), "only what was seen is listed: {text}");
    let heads = text.lines().filter(|line| line.starts_with("# HELP ")).count();
    assert_eq!(heads, text.lines().filter(|line| line.starts_with("# TYPE ")).count());
    let shares: f64 = text
        .lines()
        .filter(|line| line.starts_with("lbbench_load_backend_share_ratio{"))
        .map(|line| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).expect("a number"))
        .sum();
    assert!((shares - 1.0).abs() < 1e-9, "shares add up to one: {shares}");
}

#[test]
fn the_export_request_names_every_metric_and_resource() {
    let times = Times { start: 1_700_000_000_500_000_000, now: 1_700_000_060_000_000_000 };
    let resource = Resource { version: "0.1.0", instance: "run-1" };
    let body = with_reading(|reading| export_request(&families(reading), resource, times));
    let holds = |part: &[u8]| body.windows(part.len()).any(|window| window == part);
    for text in [
        "service.name",
        "lbbench",
        "run-1",
        "lbbench.load.requests",
        "lbbench.load.request.duration",
        "timeout",
    ] {
        assert!(holds(text.as_bytes()), "{text}");
    }
    assert!(holds(&513_u64.to_le_bytes()) && holds(&171.0_f64.to_le_bytes()), "counts and sums");
    assert!(holds(&times.start.to_le_bytes()) && holds(&times.now.to_le_bytes()), "times");
    assert!(!holds(b"lbbench_load"), "names have dots");
}
