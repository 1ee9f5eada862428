//! A summary that holds something of everything, made of formulas: what reports are tested with.

use lb_core::connections::{ConnectionPolicy, HttpChoice};
use lb_core::observation::ObservedClass;
use lb_results::*;
use std::collections::BTreeMap;

pub(crate) const ALGORITHMS: [&str; 3] = ["round-robin", "least-connections", "p2c+ejection"];
const BACKENDS: [&str; 4] = ["cart-1", "cart-2", "cart-3", "cart-4"];
const BLOCKS: u32 = 6;
const LENGTH_S: f64 = 120.0;

/// A run with two scenarios: one with faults, stages, bounds and an invalid trial; one with a single
/// algorithm, in the open model.
pub(crate) fn summary() -> Summary {
    Summary {
        schema_version: SCHEMA_VERSION,
        run_id: "20261121-101500-sample-0a1b2c".to_owned(),
        started_at: "2026-11-21T10:15:00.25+01:00".to_owned(),
        command: ["bench", "--config", "my config.json", "--repetitions", "6"].map(str::to_owned).into(),
        version: "0.1.0".to_owned(),
        commit: "0123456789abcdef".to_owned(),
        host: Host {
            name: "bench-host".to_owned(),
            os: "linux-x86_64".to_owned(),
            kernel: "6.1.0".to_owned(),
            cpu: "Some CPU @ 2.40GHz".to_owned(),
            cores: 8,
        },
        config: ConfigSummary {
            name: "my config.json".to_owned(),
            source: "file".to_owned(),
            dialect: "guide".to_owned(),
            content: serde_json::json!({ "scenarios": [{ "name": "read_heavy" }], "request_timeout": 5 }),
        },
        seed: 42,
        engine: Engine::Live,
        load_balancer: "embedded reference load balancer".to_owned(),
        balancers: 1,
        unverified_tls: false,
        http: Some(HttpChoice::Auto),
        connections: Some(ConnectionPolicy::PerUser),
        policy: None,
        traces: None,
        schedule_sha256: "5f".repeat(32),
        interrupted: false,
        fingerprint: "a7".repeat(32),
        scenarios: vec![main_scenario(), open_scenario()],
        thresholds: vec![
            threshold("round-robin", "http_req_duration: p(95)<200", Some(350.1), false),
            threshold("least-connections", "http_req_duration: p(95)<200", Some(150.25), true),
            threshold("p2c+ejection", "http_req_duration{action:browse}: p(95)<200", None, false),
        ],
        notes: vec!["`request_jitter` has no effect here".to_owned()],
    }
}

fn threshold(algorithm: &str, threshold: &str, observed: Option<f64>, ok: bool) -> ThresholdResult {
    ThresholdResult {
        scenario: "read_heavy".to_owned(),
        algorithm: algorithm.to_owned(),
        threshold: threshold.to_owned(),
        observed,
        ok,
    }
}

fn main_scenario() -> ScenarioSummary {
    let fault = |fault: &str, backend: &str, start_s: f64, end_s: f64| FaultMark {
        fault: fault.to_owned(),
        backends: vec![backend.to_owned()],
        services: Vec::new(),
        start_s,
        end_s,
    };
    let stage = |name: &str, start_s: f64, end_s: f64| StageMark {
        name: name.to_owned(),
        start_s,
        end_s,
        ramp_up_s: 5.0,
        model: StageModel::Closed,
    };
    ScenarioSummary {
        name: "read_heavy".to_owned(),
        files: "read_heavy".to_owned(),
        duration_s: LENGTH_S,
        peak_users: 200,
        as_is: false,
        topology: "situation-b".to_owned(),
        schedules: (0..BLOCKS).map(|block| format!("{block:02x}").repeat(32)).collect(),
        model: LoadModel::Closed,
        warm_up: WarmUp::Mser5,
        stages: vec![
            stage("normal", 0.0, 40.0),
            stage("rush_hour", 40.0, 90.0),
            stage("calm", 90.0, LENGTH_S),
        ],
        faults: vec![
            fault("latency_factor", "cart-2", 30.0, 60.0),
            fault("error_rate", "cart-3", 80.0, 95.0),
        ],
        trials: trials(),
        comparison: Some(comparison()),
        overheads: vec![overhead("round-robin", true), overhead("p2c+ejection", false)],
        oracles: vec![OracleSummary {
            name: "shortest-work".to_owned(),
            knows: "the service time of every request".to_owned(),
            latency_ms: Some(latency(0.7)),
            error_rate: 0.0,
        }],
        max_rates: vec![max_rate("round-robin", Some(310.0)), max_rate("least-connections", None)],
        noise: vec![aa()],
        pilot: Some(PilotSummary {
            metric: Metric::P95,
            played: 10,
            blocks: BLOCKS,
            finds: Some(0.12),
            target: 0.1,
            needed: 9,
        }),
        answer: Some(answer()),
        algorithms: (0..ALGORITHMS.len()).map(algorithm).collect(),
        skipped: vec![Skipped { name: "rl".to_owned(), reason: "no trained policy was given".to_owned() }],
    }
}

fn open_scenario() -> ScenarioSummary {
    let mut only = algorithm(1);
    only.fault_responses.clear();
    let mut trial = trials().swap_remove(1);
    trial.label = ALGORITHMS[1].to_owned();
    trial.problems.clear();
    trial.block = 0;
    ScenarioSummary {
        name: "flash_sale".to_owned(),
        model: LoadModel::Open,
        stages: Vec::new(),
        faults: Vec::new(),
        trials: vec![trial],
        comparison: None,
        oracles: Vec::new(),
        overheads: Vec::new(),
        max_rates: Vec::new(),
        noise: Vec::new(),
        pilot: None,
        answer: None,
        algorithms: vec![only],
        skipped: Vec::new(),
        ..main_scenario()
    }
}

/// How slow an algorithm is: 1 is the reference.
fn slowness(number: usize) -> f64 {
    [1.6, 1.0, 1.04][number % 3]
}

/// A number from -1 to 1 that looks random and is always the same.
fn wobble(seed: f64) -> f64 {
    (seed * 12.9898).sin() * (seed * 78.233).cos()
}

pub(crate) fn latency(scale: f64) -> Latency {
    Latency {
        mean: 62.0 * scale,
        min: 3.1 * scale,
        p50: 41.0 * scale,
        p90: 121.0 * scale,
        p95: 178.0 * scale,
        p99: 402.0 * scale,
        p999: 811.0 * scale,
        max: 1320.5 * scale,
    }
}

/// Every algorithm in every block, the order turned by one each time; one trial is invalid and repeated.
fn trials() -> Vec<TrialSummary> {
    let mut trials = Vec::new();
    for block in 0..BLOCKS {
        for position in 0..ALGORITHMS.len() {
            let number = (position + block as usize) % ALGORITHMS.len();
            let broken = block == 2 && position == 1;
            trials.push(trial(number, block, position, 0, broken));
            if broken {
                trials.push(trial(number, block, position, 1, false));
            }
        }
    }
    trials
}

fn trial(number: usize, block: u32, position: usize, attempt: u32, broken: bool) -> TrialSummary {
    let seed = f64::from(block) * 7.0 + number as f64 + f64::from(attempt) * 0.5;
    let scale = slowness(number) * (1.0 + 0.04 * wobble(seed)) * if broken { 1.9 } else { 1.0 };
    let latency = latency(scale);
    let value = |metric| {
        let value = match metric {
            Metric::Mean => latency.mean,
            Metric::P50 => latency.p50,
            Metric::P95 => latency.p95,
            Metric::P99 => latency.p99,
            Metric::P999 => return MetricValue { metric, value: None },
            Metric::ErrorRate => 0.004 * scale,
            Metric::Goodput => 320.0 / scale.sqrt(),
            Metric::JainIndex => 0.97,
        };
        MetricValue { metric, value: Some(value) }
    };
    TrialSummary {
        label: ALGORITHMS[number].to_owned(),
        block,
        position,
        attempt,
        started_at: format!("2026-11-21T10:{:02}:00+01:00", 15 + block),
        problems: match broken {
            true => vec!["generator threads waited for a CPU in 12.0 % of the time (limit 5 %)".to_owned()],
            false => Vec::new(),
        },
        accepted: Vec::new(),
        cut_s: 5.0,
        metrics: Metric::ALL.map(value).into(),
        generator: GeneratorSummary {
            offered_per_s: None,
            achieved_per_s: Some(318.0),
            dropped: 0,
            lateness_p50_ms: Some(0.08),
            lateness_p99_ms: Some(if broken { 44.0 } else { 0.9 }),
            bias: vec![MetricValue { metric: Metric::P95, value: Some(0.7) }],
            cpu_wait_share: Some(if broken { 0.12 } else { 0.004 }),
            machine_busy_share: Some(0.41),
            named_right: 38_000,
            named_wrong: 0,
        },
        trace: None,
    }
}

fn comparison() -> Comparison {
    let pair = |baseline: usize, candidate: usize, verdict: Verdict, sentence: &str| {
        let effect = slowness(candidate) / slowness(baseline) - 1.0;
        PairComparison {
            baseline: ALGORITHMS[baseline].to_owned(),
            candidate: ALGORITHMS[candidate].to_owned(),
            blocks: BLOCKS as usize,
            metrics: Metric::ALL.into_iter().map(|metric| compared(metric, effect, verdict)).collect(),
            verdict,
            sentence: sentence.to_owned(),
        }
    };
    Comparison {
        alpha: 0.05,
        margin: 0.05,
        primary: vec![Metric::P95],
        family: 3,
        pairs: vec![
            pair(
                0,
                1,
                Verdict::Better,
                "least-connections is better than round-robin: p95 lower by 37.5 % (95 % interval 34.0 % to 41.2 %).",
            ),
            pair(
                0,
                2,
                Verdict::Better,
                "p2c+ejection is better than round-robin: p95 lower by 35.0 % (95 % interval 31.1 % to 38.9 %).",
            ),
            pair(
                1,
                2,
                Verdict::NotEnoughData,
                "p2c+ejection and least-connections: not enough data; 14 blocks would find a difference of 5 %.",
            ),
        ],
        noise_source: None,
    }
}

fn answer() -> Answer {
    let lead = |label: &str, effect: f64| Lead {
        label: label.to_owned(),
        effect,
        interval: Some([effect - 0.03, effect + 0.03]),
    };
    Answer {
        metric: Metric::P95,
        leader: ALGORITHMS[1].to_owned(),
        tied: vec![ALGORITHMS[2].to_owned()],
        beaten: vec![lead(ALGORITHMS[0], -0.375)],
        blocks: BLOCKS as usize,
        title: "Take least-connections or p2c+ejection".to_owned(),
        sentences: vec![
            "The p95 latency of least-connections is 37 % lower than that of round-robin [34 to 41]."
                .to_owned(),
            "least-connections cannot be distinguished from p2c+ejection.".to_owned(),
        ],
    }
}

fn compared(metric: Metric, effect: f64, verdict: Verdict) -> MetricComparison {
    let (baseline, effect) = match metric {
        Metric::ErrorRate => (0.0064, -0.0024),
        Metric::JainIndex => (0.97, 0.001),
        Metric::Goodput => (250.0, -effect / 2.0),
        _ => (178.0, effect),
    };
    let candidate = if metric.is_ratio() { baseline * (1.0 + effect) } else { baseline + effect };
    MetricComparison {
        metric,
        exploratory: metric != Metric::P95,
        baseline,
        candidate,
        effect,
        interval: Some([effect - 0.03, effect + 0.03]),
        p_value: Some(0.03125),
        p_adjusted: (metric == Metric::P95).then_some(0.21875),
        equivalent: false,
        minimum_detectable: Some(0.061),
        repetitions_needed: Some(14),
        noise_floor: None,
        verdict: if metric.has_direction() { verdict } else { Verdict::Equivalent },
    }
}

fn aa() -> AaSummary {
    let metric = |metric| AaMetric {
        metric,
        effect: 0.002,
        interval: Some([-0.011, 0.014]),
        largest_pair: 0.034,
        noise_floor: 0.021,
    };
    AaSummary {
        algorithm: "round-robin".to_owned(),
        pairs: 6,
        metrics: Metric::ALL.map(metric).into(),
        naive_alarms: 2,
        alarms: 0,
        false_alarm_rate: Some(0.031),
        relabellings: 64,
    }
}

fn max_rate(algorithm: &str, rate_per_s: Option<f64>) -> MaxRateSummary {
    let probe = |rate_per_s: f64, stage: ProbeStage, kept: bool| RateProbe {
        rate_per_s,
        warm_up_s: 20.0,
        seconds: 30.0,
        stage,
        replicate: u32::from(stage == ProbeStage::Confirm),
        schedule_sha256: "5c".repeat(32),
        kept,
        breaches: if kept { Vec::new() } else { vec!["p(95)<200 was 312".to_owned()] },
        requests: 900,
        latency_ms: Some(latency(rate_per_s / 300.0)),
        error_rate: 0.001,
        problems: if kept { Vec::new() } else { vec!["achieved 80 % of the offered rate".to_owned()] },
    };
    MaxRateSummary {
        algorithm: algorithm.to_owned(),
        objective: vec!["p(95)<200".to_owned(), "error_rate<0.01".to_owned()],
        unit: RateUnit::Sessions,
        requests_per_arrival: Some(13.0),
        rate_per_s,
        breached_rate_per_s: rate_per_s.map(|rate| rate * 1.1),
        limit: if rate_per_s.is_some() { RateLimit::Objective } else { RateLimit::Generator },
        limited_by: rate_per_s.is_none().then(|| "the CPUs were <saturated>".to_owned()),
        rank: Some(1),
        equal_to: Vec::new(),
        probes: vec![
            probe(200.0, ProbeStage::Exponential, rate_per_s.is_some()),
            probe(400.0, ProbeStage::Exponential, false),
            probe(310.0, ProbeStage::Confirm, rate_per_s.is_some()),
        ],
    }
}

fn overhead(name: &str, has_intervals: bool) -> Overhead {
    let of = |ms: f64| {
        let interval = has_intervals.then_some([ms - 0.02, ms + 0.03]);
        Some(OverheadEstimate { ms, interval })
    };
    Overhead { name: name.to_owned(), blocks: 6, mean_ms: of(0.2), p50_ms: of(0.18), p99_ms: None }
}

/// As a load balancer with its own name for the algorithm and a file for a selector has it.
fn evidence(number: usize) -> serde_json::Value {
    let layer = |verdict: &str| serde_json::json!({ "verdict": verdict, "detail": "as it was seen" });
    serde_json::json!({
        "algorithm": ALGORITHMS[number],
        "native": "native & <own>",
        "control_plane": layer("consistent"),
        "header": layer("confirmed"),
        "behaviour": layer("not_tested"),
    })
}

fn steering() -> SteeringSummary {
    let shares = |at_s: f64| {
        let first = 0.25 + 0.2 * (at_s / 20.0).sin();
        let rest = (1.0 - first) / 3.0;
        let share = |place: usize| if place == 0 { first } else { rest };
        BACKENDS.iter().enumerate().map(|(place, id)| ((*id).to_owned(), share(place))).collect()
    };
    SteeringSummary {
        period_ms: 100.0,
        achieved_period_ms: Some(100.4),
        looks: 7_200,
        failures: 2,
        age_p50_ms: Some(1.5),
        age_p99_ms: Some(6.8),
        mean_shares: shares(0.0),
        trace: (0..60)
            .map(|step| 2.0 * f64::from(step))
            .map(|at_s| WeightPoint { at_s, shares: shares(at_s) })
            .collect(),
    }
}

fn algorithm(number: usize) -> AlgorithmSummary {
    let scale = slowness(number);
    let action = |name: &str, method: &str, set_up: bool, factor: f64| ActionSummary {
        name: name.to_owned(),
        method: method.to_owned(),
        set_up,
        requests: 48_000,
        errors: 120,
        latency_ms: Some(latency(scale * factor)),
        latency_all_ms: Some(latency(scale * factor * 1.02)),
    };
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    for (outcome, requests) in
        [("ok", 227_000), ("expected_error", 1_000), ("backend_error", 900), ("timeout", 100)]
    {
        outcomes.insert(outcome.to_owned(), requests);
    }
    AlgorithmSummary {
        name: ALGORITHMS[number].to_owned(),
        trials: BLOCKS,
        measured_s: LENGTH_S * f64::from(BLOCKS),
        total_requests: 229_000,
        throughput_rps: 318.06,
        goodput_rps: 315.28,
        latency_ms: Some(latency(scale)),
        latency_all_ms: Some(latency(scale * 1.02)),
        success_rate: 228.0 / 229.0,
        error_rate: 1.0 / 229.0,
        expected_error_rate: 1.0 / 229.0,
        outcomes,
        backends: BACKENDS.iter().enumerate().map(|(place, id)| backend(place, id)).collect(),
        jain_index: Some(0.97),
        connections: None,
        retries: (number == 2).then_some(12),
        failures: vec![FailureSummary {
            name: "checkout".to_owned(),
            method: "POST".to_owned(),
            outcome: "backend_error".to_owned(),
            status: Some(503),
            message: None,
            count: 900,
            first_s: 10.5,
            last_s: 49.0,
        }],
        actions: vec![
            action("checkout", "POST", false, 2.2),
            action("cart", "POST", false, 1.3),
            action("cart", "GET", false, 0.9),
            action("browse", "GET", false, 0.8),
            action("register", "POST", true, 1.1),
        ],
        observed: (number == 0).then(observed),
        recovery: Some(recovery(number)),
        service_ms: Some(latency(scale)),
        distribution: distribution(scale),
        estimates: estimates(scale),
        series: series(number),
        fault_responses: vec![fault_response(0, number), fault_response(1, number)],
        switch_evidence: vec![evidence(number)],
        counted_by: (number == 0).then(|| "haproxy".to_owned()),
        steering: (number == 1).then(steering),
        resources: if number == 0 { resources() } else { Vec::new() },
        guards: None,
        processes: vec![
            ProcessSummary { name: "generator".to_owned(), cpu_s: 310.0, cores: 0.43 },
            ProcessSummary { name: "load-balancer".to_owned(), cpu_s: 95.0, cores: 0.13 },
        ],
    }
}

/// Hits and misses of a cache.
fn observed() -> ObservedSummary {
    let ratio = HitRatio { hits: 36_000, misses: 12_000, ratio: 0.75, interval: Some([0.74, 0.76]) };
    let value = |value: Option<&str>, class, replies, scale| ObservedValue {
        value: value.map(str::to_owned),
        present: value.is_some(),
        class,
        replies,
        latency_ms: Some(latency(scale)),
    };
    ObservedSummary {
        header: "X-Cache-Status".to_owned(),
        values: vec![
            value(None, ObservedClass::Other, 181_000, 1.0),
            value(Some("HIT"), ObservedClass::Hit, 36_000, 0.2),
            value(Some("MISS"), ObservedClass::Miss, 12_000, 1.5),
        ],
        ratio: Some(ratio.clone()),
        actions: vec![ObservedAction {
            name: "browse".to_owned(),
            method: "GET".to_owned(),
            ratio,
            hit_ms: Some(latency(0.2)),
            miss_ms: Some(latency(1.5)),
        }],
        gain: Some(HitGain {
            hit_ms: 2.1,
            miss_ms: 20.3,
            gain: 0.897,
            interval: Some([0.89, 0.901]),
            verdict: HitVerdict::Faster,
            sentence: "hits are faster than misses: 2.10 ms against 20.30 ms on average, -89.7 % (-90.1 % to -89.0 %)"
                .to_owned(),
        }),
        quarters: Some([
            ObservedQuarter { ratio: 0.6, mean_ms: Some(9.4) },
            ObservedQuarter { ratio: 0.8, mean_ms: Some(5.7) },
        ]),
    }
}

/// The recovery from the rush hour; the slowest algorithm does not recover.
fn recovery(number: usize) -> RecoverySummary {
    let recovers = number < 2;
    RecoverySummary {
        peak: LoadPeak {
            unit: LoadUnit::Users,
            before: 20.0,
            load: 200.0,
            after: 20.0,
            start_s: 40.0,
            end_s: 90.0,
            until_s: LENGTH_S,
        },
        reference: Some(RecoveryReference::Before),
        reference_ms: Some(12.0),
        limit_ms: Some(15.0),
        resolution_s: Some(0.5),
        trials: BLOCKS,
        recovered: if recovers { BLOCKS } else { 2 },
        seconds: recovers.then_some(4.2),
        interval: recovers.then_some([3.1, 5.6]),
        verdict: if recovers { RecoveryVerdict::Recovered } else { RecoveryVerdict::NotRecovered },
        sentence: "recovered 4.2 s (3.1 s to 5.6 s) after the peak of 200 users, which ended at 90.0 s"
            .to_owned(),
    }
}

/// A series that moves with latency, and one that does not.
fn resources() -> Vec<ResourceSummary> {
    let correlation = |r: f64, p: f64| ResourceCorrelation {
        latency: "p95".to_owned(),
        part_s: 1.0,
        lag_s: 1.0,
        r,
        interval: [r - 0.15, r + 0.1],
        p,
        p_adjusted: p * 2.0,
        moves: p <= 0.025,
        parts: 720,
    };
    let of = |name: &str, unit: &str, height: f64, correlation| ResourceSummary {
        name: name.to_owned(),
        target: "load-balancer".to_owned(),
        unit: unit.to_owned(),
        samples: 720,
        mean: Some(height),
        min: Some(height * 0.5),
        max: Some(height * 1.5),
        points: (0..120)
            .map(|second| {
                let at_s = f64::from(second) + 0.5;
                [at_s, height * (1.0 + 0.5 * (at_s / 9.0).sin())]
            })
            .collect(),
        correlation: Some(correlation),
    };
    vec![
        of("load-balancer cpu | share", "cores", 0.2, correlation(0.71, 0.001)),
        of("load-balancer memory", "bytes", 3e7, correlation(0.05, 0.6)),
    ]
}

/// What the trials of an algorithm of this slowness come to, three per cent to either side.
fn estimates(scale: f64) -> Vec<MetricEstimate> {
    let latency = latency(scale);
    let of = |(metric, estimate): (Metric, f64)| MetricEstimate {
        metric,
        trials: BLOCKS,
        estimate,
        interval: Some([estimate * 0.97, estimate * 1.03]),
        range: [estimate * 0.96, estimate * 1.04],
    };
    let middles = [latency.mean, latency.p50, latency.p95, latency.p99];
    [Metric::Mean, Metric::P50, Metric::P95, Metric::P99].into_iter().zip(middles).map(of).collect()
}

fn backend(place: usize, id: &str) -> BackendSummary {
    BackendSummary {
        id: id.to_owned(),
        requests: 57_250,
        share: 0.25,
        errors: [0, 0, 900, 1][place],
        mean_ms: Some(61.0),
        peak_in_flight: Some(40),
        balancer_errors: Some(0),
        retries: Some([0, 0, 450, 0][place]),
    }
}

/// An exponential tail above a floor, at the percentiles that a curve needs.
fn distribution(scale: f64) -> Vec<[f64; 2]> {
    let mut points: Vec<[f64; 2]> = (0..100).map(f64::from).map(|percentile| [percentile, 0.0]).collect();
    points.extend([99.5, 99.9, 99.95, 99.99, 99.995, 100.0].map(|percentile| [percentile, 0.0]));
    for [percentile, ms] in &mut points {
        *ms = scale * (3.0 + 60.0 * -(1.0 - f64::min(*percentile, 99.999) / 100.0).ln());
    }
    points
}

fn series(number: usize) -> Vec<SeriesPoint> {
    let points = 60;
    let length_s = LENGTH_S / f64::from(points);
    (0..points)
        .map(|point| {
            let at_s = f64::from(point) * length_s;
            let slow = (30.0..60.0).contains(&at_s);
            let scale = slowness(number)
                * (1.0 + 0.1 * wobble(at_s + number as f64))
                * if slow { 1.0 + slowness(number) / 2.0 } else { 1.0 };
            let latency = latency(scale);
            // The slow backend loses its share, except under the algorithm that does not look.
            let left = if slow && number > 0 { 0.05 } else { 0.25 };
            let rest = (1.0 - left) / 3.0;
            SeriesPoint {
                at_s,
                length_s,
                throughput_rps: 318.0 + 12.0 * wobble(at_s),
                errors_rps: if (80.0..95.0).contains(&at_s) { 4.0 } else { 0.1 },
                mean_ms: Some(latency.mean),
                p50_ms: Some(latency.p50),
                p95_ms: Some(latency.p95),
                p99_ms: (point != 7).then_some(latency.p99),
                shares: vec![rest, left, rest, rest],
            }
        })
        .collect()
}

fn fault_response(fault: usize, number: usize) -> FaultResponse {
    let (start_s, end_s) = [(30.0, 60.0), (80.0, 95.0)][fault];
    let phase = |name: FaultPhase, from_s: f64, to_s: f64, factor: f64| {
        let latency = latency(slowness(number) * factor);
        PhaseSummary {
            name,
            from_s,
            to_s,
            throughput_rps: 318.0 / factor,
            mean_ms: Some(latency.mean),
            p95_ms: Some(latency.p95),
            p99_ms: Some(latency.p99),
            error_rate: 0.004 * factor,
        }
    };
    FaultResponse {
        fault,
        phases: vec![
            phase(FaultPhase::Before, 0.0, start_s, 1.0),
            phase(FaultPhase::During, start_s, end_s, 1.5),
            phase(FaultPhase::After, end_s, LENGTH_S, 1.1),
        ],
        share_before: Some(0.25),
        share_during: Some(if number > 0 { 0.05 } else { 0.25 }),
        time_to_avoid_s: (number > 0).then_some(1.4),
        time_to_return_s: (number > 0).then_some(2.1),
        resolution_s: 0.1,
    }
}

/// Forty scenarios with forty algorithms each: more than GitHub shows.
pub(crate) fn huge_summary() -> Summary {
    let mut summary = summary();
    let mut scenario = main_scenario();
    scenario.algorithms = (0..40)
        .map(|number| AlgorithmSummary { name: format!("algorithm|{number}"), ..algorithm(number % 3) })
        .collect();
    summary.scenarios = (0..40)
        .map(|number| ScenarioSummary {
            name: format!("scenario {number} | with *marks*"),
            ..scenario.clone()
        })
        .collect();
    summary
}
