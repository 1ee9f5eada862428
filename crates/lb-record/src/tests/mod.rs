//! Tests of the recorder with made-up samples, without sockets or clocks.

mod combine;
mod written;

use super::*;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use lb_core::workload::{ActionIndex, Observer, Sample, StepIndex, UserId, UserPlan};
use lb_core::{Outcome, Span, Time};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const STEPS: usize = 3;
const BACKENDS: usize = 2;

fn spec() -> RecordingSpec {
    let window = (Time::ZERO, Time::ZERO + Span::from_secs(4));
    let plans: Vec<UserPlan> =
        (0..3).map(|id| UserPlan { id: UserId(id), stage: 0, class: 0, windows: vec![window] }).collect();
    RecordingSpec {
        steps: STEPS,
        backends: BACKENDS,
        population: Population::of(&plans),
        open: false,
        keep_actions: true,
        observe: None,
        requests: None,
        pieces: None,
        watch: None,
        progress: None,
    }
}

fn sample(done_ms: u64, latency_us: u64) -> Sample {
    let done = Time::ZERO + Span::from_millis(done_ms);
    let sent = Time::from_nanos(done.as_nanos().saturating_sub(latency_us * 1_000));
    Sample {
        user: UserId(0),
        action: ActionIndex(0),
        step: StepIndex(0),
        intended: sent,
        sent,
        done,
        outcome: Outcome::Ok,
        status: 200,
        backend: Some(0),
        bytes: 10,
    }
}

/// Records each worker's samples with a recorder of its own.
fn record(workers: &[Vec<Sample>], wall: Span) -> TrialRecord {
    record_with(spec(), workers, wall)
}

fn record_with(spec: RecordingSpec, workers: &[Vec<Sample>], wall: Span) -> TrialRecord {
    let (recording, mut recorders) = Recording::start(spec, workers.len());
    for (recorder, samples) in recorders.iter_mut().zip(workers) {
        for sample in samples {
            recorder.sample(sample);
        }
    }
    recording.finish(recorders, wall)
}

fn any_sample() -> impl Strategy<Value = Sample> {
    (0..4_000u64, 1..2_000_000u64, 0..STEPS as u16, 0..3u32, 0..Outcome::ALL.len(), 0..4u16).prop_map(
        |(done_ms, latency_us, step, user, outcome, backend)| Sample {
            user: UserId(user),
            step: StepIndex(step),
            outcome: Outcome::ALL[outcome],
            // 3 stands for a reply without a backend's name, 2 for a backend that the topology does not list.
            backend: (backend < 3).then_some(backend),
            ..sample(done_ms, latency_us)
        },
    )
}

/// Returns the parts of a record that must not depend on how samples were spread over workers.
fn essence(record: &TrialRecord) -> impl PartialEq + std::fmt::Debug + use<> {
    let cells: Vec<_> = record
        .steps
        .iter()
        .flat_map(|step| Outcome::ALL.map(|outcome| step.outcome(outcome).map(cell_essence)))
        .collect();
    let backends: Vec<_> = record.backends.iter().map(|b| (cell_essence(&b.latency), b.errors)).collect();
    let intervals: Vec<_> =
        record.intervals.iter().map(|i| (i.start, i.length, i.class, counts(&i.histogram()))).collect();
    (
        cells,
        backends,
        record.seconds.clone(),
        intervals,
        record.users.iter().map(unordered).collect::<Vec<_>>(),
    )
}

/// Returns the counts of a user that do not depend on the order of its replies.
fn unordered(user: &UserRecord) -> UserRecord {
    UserRecord { moves: 0, last_backend: None, ..*user }
}

fn cell_essence(cell: &Cell) -> impl PartialEq + std::fmt::Debug + use<> {
    (cell.count(), cell.bytes(), cell.sum(), cell.min(), cell.max(), counts(cell.histogram()))
}

/// Returns the counts of a histogram, regardless of its capacity.
fn counts(histogram: &hdrhistogram::Histogram<u64>) -> Vec<(u64, u64)> {
    histogram.iter_recorded().map(|v| (v.value_iterated_to(), v.count_at_value())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn workers_merged_equal_one_worker(
        mut samples in prop::collection::vec(any_sample(), 1..200),
        cuts in prop::collection::vec(0..3usize, 200),
    ) {
        samples.sort_by_key(|sample| sample.done);
        let wall = Span::from_secs(4);
        let mut split = vec![Vec::new(), Vec::new(), Vec::new()];
        for (sample, worker) in samples.iter().zip(cuts) {
            split[worker].push(*sample);
        }
        let one = record(&[samples], wall);
        let three = record(&split, wall);
        prop_assert_eq!(essence(&one), essence(&three), "spreading over workers changes nothing");
    }

    #[test]
    fn seconds_and_cells_count_the_same(mut samples in prop::collection::vec(any_sample(), 0..200)) {
        samples.sort_by_key(|sample| sample.done);
        let errors = samples.iter().filter(|sample| !sample.outcome.is_success()).count() as u64;
        let record = record(&[samples.clone()], Span::from_secs(4));
        let of_seconds: u64 = record.seconds.iter().map(|second| second.requests).sum();
        let of_intervals: u64 = record.intervals.iter().map(|i| i.histogram().len()).sum();
        prop_assert_eq!(of_seconds, samples.len() as u64, "no second loses a request");
        prop_assert_eq!(of_intervals, samples.len() as u64, "no interval loses a request");
        prop_assert_eq!(record.requests(), samples.len() as u64, "no cell loses a request");
        prop_assert_eq!(record.errors(), errors, "all requests that are not successes are errors");
        let kept: usize = record.actions.iter().flatten().map(Vec::len).sum();
        prop_assert_eq!(kept, samples.len(), "every step is kept in its user's sequence");
    }

    #[test]
    fn means_and_extremes_are_exact(mut samples in prop::collection::vec(any_sample(), 1..100)) {
        samples.sort_by_key(|sample| sample.done);
        let latencies: Vec<u64> = samples.iter().map(|s| s.done.since(s.sent).as_nanos()).collect();
        let total = record(&[samples], Span::from_secs(4)).total();
        let sum: u64 = latencies.iter().sum();
        prop_assert_eq!(total.mean().map(Span::as_nanos), Some(sum / latencies.len() as u64));
        prop_assert_eq!(total.min().map(Span::as_nanos), latencies.iter().min().copied());
        prop_assert_eq!(total.max().map(Span::as_nanos), latencies.iter().max().copied());
        prop_assert_eq!(total.quantile(1.0), total.max(), "no quantile lies above the maximum");
    }
}

#[test]
fn a_quantile_is_within_a_thousandth() {
    let samples: Vec<Sample> = (1..=1_000).map(|i| sample(i, i * 1_000)).collect();
    let total = record(&[samples], Span::from_secs(1)).total();
    let p99 = total.quantile(0.99).expect("there are requests").as_millis_f64();
    assert!((p99 - 990.0).abs() <= 0.99, "the 990th of 1..1000 ms is 990 ms, not {p99}");
}

#[test]
fn seconds_have_no_gaps_and_show_users_and_backends() {
    let quiet_then_busy =
        vec![sample(100, 500), Sample { backend: Some(1), ..sample(2_500, 900) }, sample(2_600, 700)];
    let record = record(&[quiet_then_busy], Span::from_secs(3));
    let counts: Vec<u64> = record.seconds.iter().map(|second| second.requests).collect();
    assert_eq!(counts, [1, 0, 2], "a second without requests has a row too");
    assert_eq!(record.seconds[1].latency, None, "no requests have no latency");
    assert_eq!(*record.seconds[2].backends, [1, 1], "replies are counted by backend");
    assert!(record.seconds.iter().all(|second| second.users == 3), "users come from the schedule");
}

#[test]
fn rates_are_over_the_wall_and_goodput_counts_only_ordinary_success() {
    let outcomes = [Outcome::Ok, Outcome::ExpectedError, Outcome::Timeout, Outcome::Ok];
    let samples = outcomes.map(|outcome| Sample { outcome, ..sample(100, 50) }).to_vec();
    let record = record(&[samples], Span::from_secs(2));
    assert_eq!(record.throughput_rps(), 2.0, "4 requests in 2 s");
    assert_eq!(record.goodput_rps(), 1.0, "an expected refusal does not count as goodput");
    assert_eq!(record.errors(), 1, "an expected refusal is not an error");
    assert_eq!(record.successes().count(), 3);
}

#[test]
fn a_backend_that_nobody_announced_is_counted() {
    let stranger = Sample { backend: Some(5), outcome: Outcome::BackendError, ..sample(10, 10) };
    let record = record(&[vec![stranger]], Span::from_secs(1));
    assert_eq!(record.backends.len(), 6);
    assert_eq!((record.backends[5].requests(), record.backends[5].errors), (1, 1));
}

#[test]
fn a_second_trial_continues_where_the_first_ends() {
    let mut first = record(&[vec![sample(500, 40), sample(1_500, 40)]], Span::from_secs(2));
    let second = record(&[vec![sample(200, 60)]], Span::from_secs(1));
    first.append(second);
    let seconds: Vec<(u32, u64)> = first.seconds.iter().map(|s| (s.second, s.requests)).collect();
    assert_eq!(seconds, [(0, 1), (1, 1), (2, 1)], "the numbering of seconds continues");
    assert_eq!(first.intervals[2].start, Time::ZERO + Span::from_secs(2));
    assert_eq!(first.wall, Span::from_secs(3), "rates are over both phases");
    assert_eq!(first.requests(), 3);
    assert_eq!((first.tenths.len(), first.sent.len()), (30, 22), "the numbering of tenths continues");
    assert_eq!(first.tenths[22], (1, 60_000));
}

#[test]
fn progress_shows_complete_seconds() {
    let progress = Arc::new(Progress::default());
    let spec = RecordingSpec { progress: Some(Arc::clone(&progress)), ..spec() };
    let slow_error = Sample { outcome: Outcome::Timeout, backend: None, ..sample(1_900, 700_000) };
    record_with(spec, &[vec![sample(500, 40), slow_error]], Span::from_secs(2));
    let snapshot = progress.snapshot();
    assert_eq!((snapshot.requests, snapshot.errors, snapshot.seconds), (2, 1, 2));
    assert_eq!(snapshot.last_requests, 1);
    assert_eq!(snapshot.last_p95, Span::from_millis(700), "p95 is that of the last second alone");
}

#[test]
fn a_histogram_log_reads_back_as_it_was_recorded() {
    let error = Sample { outcome: Outcome::Reset, backend: None, ..sample(1_200, 5_000) };
    let record = record(&[vec![sample(500, 1_500), error]], Span::from_millis(1_250));
    let started = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250);
    let trials = [
        HlogTrial { algorithm: "least-connections+ejection", started, record: &record },
        HlogTrial { algorithm: "my, own", started: started + Duration::from_secs(60), record: &record },
    ];
    let mut text = Vec::new();
    write_hlog(&mut text, &trials).expect("memory takes every write");
    let head = String::from_utf8_lossy(&text);
    assert!(head.contains("#[Histogram log format version 1.3]\n"), "readers look for the version");
    assert!(head.contains("\n\"StartTimestamp\",\"Interval_Length\","), "Java's reader wants a legend");
    assert!(head.contains(",HISTFAAA"), "histograms are compressed V2");

    let mut rows = Vec::new();
    for entry in IntervalLogIterator::new(&text) {
        match entry.expect("every line parses") {
            LogEntry::StartTime(time) | LogEntry::BaseTime(time) => {
                assert_eq!(time, Duration::from_millis(1_700_000_000_250), "the first trial's start");
            }
            LogEntry::Interval(row) => rows.push((
                row.tag().expect("every row has a tag").as_str().to_owned(),
                row.start_timestamp().as_millis(),
                row.duration().as_millis(),
                row.max(),
            )),
        }
    }
    let row = |tag: &str, start, length, max| (tag.to_owned(), start, length, max);
    assert_eq!(
        rows,
        [
            row("least-connections+ejection|ok", 0, 1_000, 1.5),
            row("least-connections+ejection|error", 1_000, 250, 5.003),
            row("my--own|ok", 60_000, 1_000, 1.5),
            row("my--own|error", 61_000, 250, 5.003),
        ],
        "start and length in seconds, maximum in milliseconds, no comma or space in a tag"
    );

    let sums = read_hlog(&text).expect("it is ours");
    let counts: Vec<_> = sums.iter().map(|(class, sum)| (*class, sum.len(), sum.max())).collect();
    assert_eq!(
        counts,
        [(IntervalClass::Ok, 2, 1_500), (IntervalClass::Error, 2, 5_003)],
        "both trials count"
    );
}

#[test]
fn a_broken_histogram_log_is_refused_by_its_row() {
    for (log, expected) in [
        ("Tag=a|ok,0.0,1.0,1.5,HISTFAAA\n", "row 1 of the histogram log holds no histogram"),
        ("#[BaseTime: 1.0]\nTag=a|ok,0.0,1.0,1.5,!\n", "row 1 of the histogram log is not base64"),
        ("Tag=a|late,0.0,1.0,1.5,HISTFAAA\n", "has no tag that ends with `|ok`"),
        ("nonsense\n", "row 1 of the histogram log cannot be read"),
    ] {
        let error = read_hlog(log.as_bytes()).expect_err("it is no log of ours").to_string();
        assert!(error.contains(expected), "{log}: {error}");
    }
    assert!(read_hlog(b"").expect("no rows").is_empty());
}

#[test]
fn the_open_model_counts_latency_from_the_intended_time_and_service_from_the_sending() {
    let late = Sample { intended: Time::ZERO, ..sample(500, 40_000) };
    let failed = Sample { outcome: Outcome::Reset, ..late };
    let open = RecordingSpec { open: true, ..spec() };
    let record = record_with(open, &[vec![late], vec![failed]], Span::from_secs(1));
    assert_eq!(record.total().max(), Some(Span::from_millis(500)), "generator delay is not service time");
    assert_eq!(record.service.max(), Some(Span::from_millis(40)));
    assert_eq!(record.service.count(), 1, "a failure has no service time");
}

#[test]
fn the_closed_model_has_no_service_time_of_its_own() {
    let record = record(&[vec![sample(500, 40)]], Span::from_secs(1));
    assert_eq!(record.service.count(), 0, "in a closed model it equals the latency");
}

#[test]
fn successes_are_counted_by_tenth_of_their_end_and_requests_by_tenth_of_their_sending() {
    let error = Sample { outcome: Outcome::BackendError, backend: Some(1), ..sample(1_150, 900_000) };
    let nobody = Sample { outcome: Outcome::Timeout, backend: None, ..sample(1_160, 900_000) };
    let one = vec![sample(50, 2_000), sample(1_149, 3_000)];
    let record = record(&[one, vec![sample(99, 2_000), error, nobody]], Span::from_millis(1_200));
    let mut tenths = vec![(0, 0); 12];
    tenths[0] = (2, 4_000_000);
    tenths[11] = (1, 3_000_000);
    assert_eq!(record.tenths, tenths, "as long as the phase, workers added up, failures left out");
    let sent: Vec<(usize, usize)> = record
        .sent
        .iter()
        .enumerate()
        .flat_map(|(tenth, row)| row.iter().enumerate().map(move |(backend, count)| (tenth, backend, *count)))
        .flat_map(|(tenth, backend, count)| (0..count).map(move |_| (tenth, backend)))
        .collect();
    assert_eq!(sent, [(0, 0), (0, 0), (2, 1), (11, 0)], "the slow error was sent in the third tenth");
    assert!(record.sent.iter().all(|row| row.len() == record.backends.len()));
}

#[test]
fn arrivals_are_counted_but_not_listed_as_users() {
    let arrival = Sample { user: UserId(70_000), ..sample(500, 40) };
    let (recording, mut recorders) = Recording::start(RecordingSpec { open: true, ..spec() }, 2);
    for recorder in &mut recorders {
        recorder.arrivals().begun += 2;
        recorder.arrivals().dropped += 1;
        recorder.named(true);
        recorder.named(false);
        recorder.sample(&arrival);
    }
    let record = recording.finish(recorders, Span::from_secs(1));
    assert_eq!(record.arrivals, ArrivalCounts { due: 0, begun: 4, dropped: 2 });
    assert_eq!(record.named, NamedAlgorithm { right: 2, wrong: 2 });
    assert_eq!(record.users.len(), 3, "a million arrivals must not fill the memory");
    assert_eq!(record.requests(), 2);
}

#[test]
fn every_request_reaches_the_sink_in_the_order_of_its_worker() {
    let (sink, batches) = RequestSink::new();
    let spec = RecordingSpec { requests: Some(sink), ..spec() };
    let of = |user| (0..2_500).map(move |ms| Sample { user: UserId(user), ..sample(ms, 40) }).collect();
    record_with(spec, &[of(0), of(1)], Span::from_secs(3));
    let mut next = [0; 2];
    for sample in batches.into_iter().flatten() {
        let expected = &mut next[sample.user.0 as usize];
        assert_eq!(sample.done, Time::ZERO + Span::from_millis(*expected));
        *expected += 1;
    }
    assert_eq!(next, [2_500; 2], "whole batches, and the rest of one, and then the end");
}

#[test]
fn pieces_add_up_to_what_is_recorded_without_them() {
    let samples = |shift: u64| -> Vec<Sample> {
        (0..300_u64)
            .map(|n| Sample {
                outcome: if n % 7 == 0 { Outcome::Timeout } else { Outcome::Ok },
                backend: Some((n % 3) as u16),
                ..sample(10 * n + shift, 1_000 + 17 * n)
            })
            .collect()
    };
    let workers = [samples(0), samples(3)];
    let whole = record(&workers, Span::from_secs(4));

    let (sink, pieces) = PieceSink::new();
    let rest = record_with(RecordingSpec { pieces: Some(sink), ..spec() }, &workers, Span::from_secs(4));
    assert_eq!(rest.requests(), 0, "everything went into the pieces");
    assert!(
        rest.seconds.is_empty() && rest.intervals.is_empty() && rest.sent.is_empty(),
        "and nothing grows"
    );
    let pieces: Vec<Piece> = pieces.iter().collect();
    for worker in 0..2 {
        let seconds = pieces.iter().filter(|piece| piece.worker == worker).map(|piece| piece.second);
        assert_eq!(seconds.collect::<Vec<_>>(), [0, 1, 2], "each second once and in order");
    }
    let first = pieces.iter().filter(|piece| piece.second == 0).map(|piece| piece.record.requests());
    assert_eq!(first.sum::<u64>(), 200, "a piece holds the requests that ended in its second");
    let mut sum = TrialRecord::default();
    for piece in pieces {
        sum.absorb(piece.record);
    }
    assert_eq!(sum.steps, whole.steps);
    assert_eq!(sum.backends, whole.backends);
    assert_eq!(sum.failures, whole.failures);
    assert_eq!(sum.last_done, whole.last_done);
}
