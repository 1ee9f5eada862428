//! Results folders as `bench` writes them, with known contents.

use lb_core::workload::{ActionIndex, Observer, Sample, StepIndex, UserId};
use lb_core::{Outcome, Span, Time};
use lb_record::{HlogTrial, Recording, RecordingSpec, write_hlog};
use lb_results::{
    AaMetric, AaSummary, Comparison, Engine, Metric, MetricComparison, MetricValue, PairComparison,
    ResultsFolder, ScenarioSummary, Summary, ThresholdResult, TrialSummary, Verdict, write_summary,
};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A night whose run is written.
#[derive(Clone, Debug)]
pub(crate) struct Night {
    /// Number of the night, from 0: its date and its noise.
    pub(crate) number: u32,
    /// The true p99 in milliseconds.
    pub(crate) level: f64,
    /// Name of the machine.
    pub(crate) host: String,
    /// What the numbers depend on.
    pub(crate) fingerprint: String,
    /// Name of the scenario, and of its algorithms.
    pub(crate) scenario: String,
    pub(crate) algorithms: [String; 2],
    /// The noise floor that an A/A run measured; `None` for an ordinary run.
    pub(crate) floor: Option<f64>,
}

impl Night {
    pub(crate) fn new(number: u32) -> Self {
        Self {
            number,
            level: 80.0,
            host: "bench-1".to_owned(),
            fingerprint: "f1".to_owned(),
            scenario: "Peak Load".to_owned(),
            algorithms: ["p2c", "random"].map(str::to_owned),
            floor: None,
        }
    }

    pub(crate) fn run_id(&self) -> String {
        format!("night-{:04}{}", self.number, if self.floor.is_some() { "-aa" } else { "" })
    }

    /// Writes the results folder into `root`.
    pub(crate) fn write(&self, root: &Path) -> PathBuf {
        let folder = ResultsFolder::create(&root.join(self.run_id())).expect("a folder");
        for algorithm in &self.algorithms {
            folder
                .write(
                    &format!("hlog/peak-load-{}.hlog", lb_core::slug::slug(algorithm)),
                    &self.hlog(algorithm),
                )
                .expect("a log");
        }
        write_summary(&folder, &self.summary()).expect("a summary");
        folder.path().to_owned()
    }

    pub(crate) fn summary(&self) -> Summary {
        let mut summary = Summary::empty(&self.run_id(), Engine::Live);
        let began = jiff::Timestamp::UNIX_EPOCH
            + jiff::SignedDuration::from_hours(24 * (20_000 + i64::from(self.number)));
        summary.started_at = began.to_string();
        summary.host.name = self.host.clone();
        summary.host.cores = 2;
        summary.fingerprint = self.fingerprint.clone();
        summary.config.name = "shop.json".to_owned();
        summary.load_balancer = "haproxy".to_owned();
        summary.seed = u64::MAX;
        summary.thresholds = vec![ThresholdResult {
            scenario: self.scenario.clone(),
            algorithm: self.algorithms[0].clone(),
            threshold: "http_req_duration: p(95)<200".to_owned(),
            observed: Some(75.0),
            ok: true,
        }];
        summary.scenarios = vec![ScenarioSummary {
            name: self.scenario.clone(),
            files: "peak-load".to_owned(),
            trials: self.algorithms.iter().flat_map(|algorithm| self.trials(algorithm)).collect(),
            comparison: Some(self.comparison()),
            noise: self.floor.map(|floor| self.noise(floor)).into_iter().collect(),
            ..ScenarioSummary::default()
        }];
        summary
    }

    /// Six valid trials and an invalid one. Nights differ by up to 1 %, trials by up to 2 %.
    fn trials(&self, algorithm: &str) -> Vec<TrialSummary> {
        let trial = |block: u32, attempt: u32| {
            let noise = [0.0, 0.02, -0.02, 0.01, -0.01, 0.005][block as usize % 6];
            let night = f64::from(self.number * 7 % 5) * 0.005 - 0.01;
            let p99 = self.level * (1.0 + noise) * (1.0 + night);
            let metrics = [
                (Metric::P95, Some(p99 * 0.9)),
                (Metric::P99, Some(p99)),
                (Metric::P999, None),
                (Metric::Goodput, Some(1_000.0)),
                (Metric::ErrorRate, Some(0.0)),
            ];
            TrialSummary {
                label: algorithm.to_owned(),
                block,
                attempt,
                started_at: "2026-11-30T01:00:00Z".to_owned(),
                metrics: metrics.map(|(metric, value)| MetricValue { metric, value }).to_vec(),
                ..TrialSummary::default()
            }
        };
        let mut trials: Vec<TrialSummary> = (0..6).map(|block| trial(block, 0)).collect();
        let late = "the generator was late".to_owned();
        trials.push(TrialSummary { problems: vec![late], ..trial(5, 1) });
        trials
    }

    fn comparison(&self) -> Comparison {
        let judged = MetricComparison {
            metric: Metric::P95,
            exploratory: false,
            baseline: 72.0,
            candidate: 64.8,
            effect: -0.1,
            interval: Some([-0.12, -0.08]),
            p_value: Some(0.03125),
            p_adjusted: Some(0.03125),
            equivalent: false,
            minimum_detectable: None,
            repetitions_needed: None,
            noise_floor: None,
            verdict: Verdict::Better,
        };
        Comparison {
            alpha: 0.05,
            margin: 0.05,
            primary: vec![Metric::P95],
            family: 1,
            pairs: vec![PairComparison {
                baseline: self.algorithms[1].clone(),
                candidate: self.algorithms[0].clone(),
                blocks: 6,
                metrics: vec![judged],
                verdict: Verdict::Better,
                sentence: "p2c is better than random.".to_owned(),
            }],
            noise_source: None,
        }
    }

    fn noise(&self, noise_floor: f64) -> AaSummary {
        let metric =
            |metric| AaMetric { metric, effect: 0.0, interval: None, largest_pair: noise_floor, noise_floor };
        AaSummary {
            algorithm: self.algorithms[0].clone(),
            pairs: 6,
            metrics: vec![metric(Metric::P95), metric(Metric::P99)],
            naive_alarms: 0,
            alarms: 0,
            false_alarm_rate: None,
            relabellings: 0,
        }
    }

    /// A log of 99 replies after 10 ms, one after 80 ms, and one that failed.
    fn hlog(&self, algorithm: &str) -> Vec<u8> {
        let spec = RecordingSpec { steps: 1, backends: 1, ..RecordingSpec::default() };
        let (recording, mut recorders) = Recording::start(spec, 1);
        let latencies = std::iter::repeat_n(10, 99).chain([80]).map(|millis| (millis, Outcome::Ok));
        for (millis, outcome) in latencies.chain([(5, Outcome::Reset)]) {
            recorders[0].sample(&Sample {
                user: UserId(0),
                action: ActionIndex(0),
                step: StepIndex(0),
                intended: Time::ZERO,
                sent: Time::ZERO,
                done: Time::ZERO + Span::from_millis(millis),
                outcome,
                status: 200,
                backend: None,
                bytes: 0,
            });
        }
        let record = recording.finish(recorders, Span::from_secs(1));
        let mut log = Vec::new();
        let trial = HlogTrial { algorithm, started: SystemTime::UNIX_EPOCH, record: &record };
        write_hlog(&mut log, &[trial]).expect("memory takes every write");
        log
    }
}
