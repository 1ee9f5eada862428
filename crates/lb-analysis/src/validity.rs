//! Whether a trial is valid: the generator kept up, all backends ran, and the algorithm under test routed.
//!
//! Every limit is about the measurement, never about the algorithm: a slow or failing algorithm is a
//! result.
//!
//! A generator thread that has to wait for a CPU acts late and reads replies late, which inflates its
//! measurements by as much. The lateness is measured whenever a user acts, so the bias of a latency is known:
//! a mean grows by the mean lateness, a percentile by at most about the same percentile of the lateness,
//! since slow requests and late wake-ups do not coincide. A trial is invalid when this bound is larger than
//! the margin, below which differences do not count. How long threads waited for a CPU is reported, but does
//! not make a trial invalid: 10 % of waiting is harmless for latencies of 100 ms and fatal for those of 1 ms.

use lb_core::{Outcome, Span};
use lb_record::TrialRecord;
use lb_results::{Metric, Trial};

/// A bias up to this size, in milliseconds, comes from the system: a thread that was idle is woken late, and timers
/// other than Linux's have a resolution of 1 ms. It is the same for every algorithm.
const TIMERS_MS: f64 = 2.0;
/// Largest CPU utilisation; on busier CPUs, the generator may measure its own wait for a CPU.
const MACHINE_BUSY: f64 = 0.97;
/// Smallest share of arrivals that must have begun.
const ACHIEVED: f64 = 0.99;
/// Largest share of requests whose connection may be refused.
const REFUSED: f64 = 0.01;
/// Largest share of valid requests that may be rejected with 4xx.
const WRONG: f64 = 0.05;

/// The demands on a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demands {
    /// The metric that is compared.
    pub metric: Metric,
    /// The margin of equivalence, as a fraction of the metric: the most that the generator may add.
    pub margin: f64,
    /// Whether faults are injected, so that backends may be down intentionally.
    pub faults: bool,
}

/// Lists what makes a trial invalid, one sentence per problem; empty for a valid trial.
pub fn problems(trial: &Trial, demands: Demands) -> Vec<String> {
    let mut problems = arrivals(&trial.record);
    problems.extend(late(&trial.record, trial.machine.cpu_wait_share, demands));
    problems.extend(saturated(trial));
    problems.extend(replies(trial));
    let of_workers = trial.workers.iter();
    problems.extend(of_workers.flat_map(|worker| {
        worker.problems.iter().map(move |problem| format!("worker {}: {problem}", worker.name))
    }));
    if !demands.faults {
        let down = trial.balancer.iter().filter(|backend| backend.up == Some(false));
        problems.extend(down.map(|backend| format!("backend {} was down at the end", backend.id)));
    }
    problems
}

/// Lists what one of several generators did wrong in its share of a trial, by the same limits as [`problems`].
pub fn generator_problems(record: &TrialRecord, demands: Demands) -> Vec<String> {
    let mut problems = arrivals(record);
    problems.extend(late(record, record.cpu_wait_share, demands));
    problems
}

fn arrivals(record: &TrialRecord) -> Vec<String> {
    let counts = record.arrivals;
    let mut problems = Vec::new();
    if counts.dropped > 0 {
        problems.push(format!(
            "{} of {} arrivals found too many sessions in flight and were dropped; raise max_in_flight or lower the rate",
            counts.dropped, counts.due
        ));
    }
    let begun = counts.begun as f64 / counts.due.max(1) as f64;
    if counts.due > 0 && counts.dropped == 0 && begun < ACHIEVED {
        problems.push(format!(
            "the generator began {} of {} arrivals ({:.1} %); it was too slow for this rate",
            counts.begun,
            counts.due,
            begun * 100.0
        ));
    }
    problems
}

/// Returns the most that lateness adds to a metric, in milliseconds. `None` for a metric that is not a
/// latency, and if no user acted.
pub(crate) fn bias_bound_ms(record: &TrialRecord, metric: Metric) -> Option<f64> {
    let lateness = &record.lateness;
    let quantile = |at| lateness.quantile(at);
    let bound = match metric {
        Metric::Mean => lateness.mean(),
        Metric::P50 => quantile(0.50),
        Metric::P95 => quantile(0.95),
        Metric::P99 => quantile(0.99),
        Metric::P999 => quantile(0.999),
        Metric::ErrorRate | Metric::Goodput | Metric::JainIndex => None,
    };
    bound.map(Span::as_millis_f64)
}

/// Describes the bias that the generator adds, if it is larger than the margin. Metrics that are not
/// latencies are judged by the mean latency, since a user who acts late sends less.
fn late(record: &TrialRecord, cpu_wait_share: Option<f64>, demands: Demands) -> Option<String> {
    let latencies = record.successes();
    let (metric, value) = match demands.metric {
        Metric::P50 => (Metric::P50, latencies.quantile(0.50)),
        Metric::P95 => (Metric::P95, latencies.quantile(0.95)),
        Metric::P99 => (Metric::P99, latencies.quantile(0.99)),
        Metric::P999 => (Metric::P999, latencies.quantile(0.999)),
        Metric::Mean | Metric::ErrorRate | Metric::Goodput | Metric::JainIndex => {
            (Metric::Mean, latencies.mean())
        }
    };
    let value = value?.as_millis_f64();
    let bound = bias_bound_ms(record, metric)?;
    (bound > TIMERS_MS && bound > demands.margin * value).then(|| {
        let waited = cpu_wait_share.map_or_else(String::new, |share| {
            format!("; one of its threads waited for a CPU {:.0} % of the time", share * 100.0)
        });
        format!(
            "the generator was late and may have added {bound:.1} ms to a {} of {value:.1} ms, more than the margin of \
             {:.0} %{waited}; stop other programs, give it a core of its own or lower the load",
            metric.label(),
            demands.margin * 100.0
        )
    })
}

fn saturated(trial: &Trial) -> Option<String> {
    let share = trial.machine.busy_share.filter(|share| *share > MACHINE_BUSY)?;
    Some(format!(
        "the CPUs of the generator were saturated: {:.0} % of their time in use, the limit is {:.0} %; stop other programs, lower the load or use a larger machine",
        share * 100.0,
        MACHINE_BUSY * 100.0
    ))
}

fn replies(trial: &Trial) -> Vec<String> {
    let record = &trial.record;
    let requests = record.requests();
    let mut problems = Vec::new();
    if requests == 0 {
        problems.push("no request ended; give the scenario more users or a longer duration".to_owned());
        return problems;
    }
    let share = |outcome: Outcome| record.count(outcome) as f64 / requests as f64;
    if record.named.wrong > 0 {
        problems.push(format!(
            "{} of {} replies named an algorithm other than {}",
            record.named.wrong,
            record.named.wrong + record.named.right,
            trial.algorithm
        ));
    }
    if share(Outcome::Refused) > REFUSED {
        problems.push(format!(
            "the load balancer refused the connection of {:.1} % of requests",
            share(Outcome::Refused) * 100.0
        ));
    }
    if share(Outcome::UnexpectedStatus) > WRONG {
        problems.push(format!(
            "{:.1} % of requests were valid and were rejected with 4xx; `bench doctor` shows which",
            share(Outcome::UnexpectedStatus) * 100.0
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::Time;
    use lb_core::workload::{ActionIndex, Observer, Sample, StepIndex, UserId};
    use lb_record::{Recording, RecordingSpec};

    /// Returns a record of a thousand requests of the same latency, a tenth of them sent late.
    fn record(latency: Span, lateness: Span) -> TrialRecord {
        let spec = RecordingSpec { steps: 1, backends: 1, ..RecordingSpec::default() };
        let (recording, mut recorders) = Recording::start(spec, 1);
        for n in 0..1_000 {
            let sent = Time::from_nanos(n * 1_000_000);
            recorders[0].late(if n % 10 == 0 { lateness } else { Span::from_micros(100) });
            recorders[0].sample(&Sample {
                user: UserId(0),
                action: ActionIndex(0),
                step: StepIndex(0),
                intended: sent,
                sent,
                done: sent + latency,
                outcome: Outcome::Ok,
                status: 200,
                backend: Some(0),
                bytes: 0,
            });
        }
        recording.finish(recorders, Span::from_secs(1))
    }

    fn found(latency_ms: u64, lateness_ms: u64, metric: Metric) -> Option<String> {
        let record = record(Span::from_millis(latency_ms), Span::from_millis(lateness_ms));
        late(&record, Some(0.2), Demands { metric, margin: 0.05, faults: false })
    }

    #[test]
    fn lateness_spoils_a_trial_only_where_it_matters_for_the_metric_that_is_compared() {
        assert_eq!(found(100, 4, Metric::P95), None, "4 of 100 ms are within the margin of 5 %");
        assert_eq!(found(100, 40, Metric::P50), None, "the median of the lateness is 0.1 ms");
        assert_eq!(found(1, 2, Metric::P95), None, "2 ms are what timers add for every algorithm");
        let problem = found(100, 8, Metric::P95).expect("8 of 100 ms are not");
        assert!(
            problem.starts_with(
                "the generator was late and may have added 8.0 ms to a p95 of 100.0 ms, more than the margin of 5 %; one \
                 of its threads waited for a CPU 20 % of the time"
            ),
            "{problem}"
        );
        let kinds = crate::problem_kinds([(problem.as_str(), ())]);
        assert!(kinds[0].is_of_busy_machine(), "reports explain it once for all trials");
        assert!(found(20, 30, Metric::Goodput).is_some(), "a mean of 3.1 ms counts against a mean of 20 ms");
    }

    #[test]
    fn the_bias_of_a_percentile_is_bounded_by_the_same_percentile_of_the_lateness() {
        let record = record(Span::from_millis(50), Span::from_millis(10));
        let bound = |metric| bias_bound_ms(&record, metric).map(|bound| (bound * 10.0).round() / 10.0);
        assert_eq!(bound(Metric::P50), Some(0.1));
        assert_eq!(bound(Metric::P95), Some(10.0));
        assert_eq!(bound(Metric::Mean), Some(1.1), "a tenth of 10 ms, and nine tenths of 0.1 ms");
        assert_eq!(bound(Metric::ErrorRate), None);
    }
}
