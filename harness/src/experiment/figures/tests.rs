use super::*;
use lb_core::Time;
use lb_core::workload::{
    ActionIndex, ClassMix, Journey, Observer, Sample, Stage, StepIndex, UserClass, UserId,
};
use lb_record::{Recording, RecordingSpec};
use std::cell::RefCell;

/// Keeps what it observes.
#[derive(Default)]
struct Kept(RefCell<Vec<Event>>);

impl Observe for Kept {
    fn observe(&self, event: &Event) {
        self.0.borrow_mut().push(event.clone());
    }

    fn wants_figures(&self) -> bool {
        true
    }
}

fn about(workers: usize) -> WatchedPhase {
    let journey: Journey = serde_json::from_str(
        r#"{"name": "j", "actions": {"a": {"steps": [{"name": "list", "path": "/"}, {"name": "buy", "path": "/b"}]}}}"#,
    )
    .expect("a journey");
    let class =
        UserClass { name: "u".to_owned(), actions: [("a".to_owned(), 1.0)].into(), ..UserClass::default() };
    let stage = Stage {
        name: "steady".to_owned(),
        start: Span::ZERO,
        duration: Span::from_secs(4),
        ramp_up: Span::ZERO,
        users: 1,
        classes: vec![ClassMix { class: 0, share: 1.0, actions: BTreeMap::new() }],
        user_variance: 0.0,
        think_time_variance: 0.0,
        action_randomness: 0.0,
        max_users: 1,
        background: false,
        arrivals: None,
    };
    let workload = Workload::new(&journey, vec![class], vec![stage], &BTreeMap::new(), 1);
    WatchedPhase {
        trial: "trial 1 of 2, p2c".to_owned(),
        algorithm: Some("p2c".to_owned()),
        phase: "measure",
        workload: Arc::new(workload.expect("a sound workload")),
        backends: vec!["b-1".to_owned(), "b-2".to_owned()],
        unlisted: Arc::default(),
        workers,
        progress: Arc::default(),
    }
}

fn sample(second: u64, ms: u64, step: u16, outcome: Outcome) -> Sample {
    let done = Time::ZERO + Span::from_millis(1_000 * second + 500);
    let sent = Time::ZERO + Span::from_millis(1_000 * second + 500 - ms);
    Sample {
        user: UserId(0),
        action: ActionIndex(0),
        step: StepIndex(step),
        intended: sent,
        sent,
        done,
        outcome,
        status: if outcome == Outcome::Ok { 200 } else { 503 },
        backend: Some(1),
        bytes: 1,
    }
}

#[test]
fn nothing_is_watched_unless_somebody_wants_figures() {
    assert!(Watching::start(about(1), &()).is_none());
}

#[test]
fn figures_wait_for_the_slowest_worker_and_statistics_add_them_up() {
    let kept = Kept::default();
    let (mut watching, sink) = Watching::start(about(2), &kept).expect("it wants figures");
    let spec = RecordingSpec { steps: 2, backends: 2, watch: Some(sink), ..RecordingSpec::default() };
    let (recording, mut recorders) = Recording::start(spec, 2);
    for second in 0..4 {
        recorders[0].sample(&sample(second, 10, 0, Outcome::Ok));
    }
    watching.tell(&kept, Some(7));
    assert!(kept.0.borrow().is_empty(), "one worker is missing");
    for second in 0..4 {
        let outcome = if second == 1 { Outcome::BackendError } else { Outcome::Ok };
        recorders[1].sample(&sample(second, 30, 1, outcome));
    }
    watching.tell(&kept, Some(7));
    recording.finish(recorders, Span::from_millis(3_600));
    watching.finish(&kept, Some(7), 3.6);
    let events = kept.0.into_inner();
    let figures: Vec<&Figures> = events
        .iter()
        .filter_map(|event| if let Event::Figures(figures) = event { Some(&**figures) } else { None })
        .collect();
    assert_eq!(
        figures.iter().map(|one| one.at_s).collect::<Vec<_>>(),
        [1.0, 2.0, 3.0],
        "the last is not whole"
    );
    let second = figures[1];
    assert_eq!((second.requests, second.failures, second.aim), (2, 1, Some(7)));
    assert_eq!(second.endpoints[1].failures, 1);
    assert_eq!((second.backends[0].replies, second.backends[1].errors), (0, 1));
    let latency = second.latency_ms.expect("there were requests");
    assert_eq!((latency.mean, latency.max), (20.0, 30.0), "exact, over both workers");
    let statistics: Vec<&Statistics> = events
        .iter()
        .filter_map(|event| if let Event::Statistics(one) = event { Some(&**one) } else { None })
        .collect();
    let last = statistics.last().expect("there are some at the end");
    assert_eq!((last.total.requests, last.total.failures, last.seconds), (8, 1, 3.6));
    assert_eq!(last.endpoints[0].counted.avg_ms, Some(10.0));
    assert_eq!((last.failures[0].text.as_str(), last.failures[0].count), ("HTTP 503", 1));
    assert_eq!(last.failures[0].name, "buy");
}
