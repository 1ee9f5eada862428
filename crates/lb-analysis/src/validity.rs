//! Whether a trial is valid: the generator kept up, all backends ran, and the algorithm under test routed.
//!
//! Every limit is about the measurement, never about the algorithm: a slow or failing algorithm is a
//! result.

use lb_core::{Outcome, Span};
use lb_results::Trial;

/// A generator whose wake-ups are later than this in one of a hundred cases adds its own stall to what
/// it measures. An idle core wakes within 1.2 ms (the timers' resolution is 1 ms); a core that is shared
/// with one busy process takes a scheduler's slice, 3 ms and more.
const LATENESS_P99: Span = Span::from_millis(10);
/// A generator thread that waits for a CPU for more than this share of the phase is starved.
const CPU_WAIT: f64 = 0.10;
/// On CPUs that are busier than this, the generator may measure its own wait for a CPU.
const MACHINE_BUSY: f64 = 0.97;
/// Smallest share of arrivals that must have begun.
const ACHIEVED: f64 = 0.99;
/// Largest share of requests whose connection may be refused.
const REFUSED: f64 = 0.01;
/// Largest share of valid requests that may be rejected with 4xx.
const WRONG: f64 = 0.05;

/// Lists what makes a trial invalid, one sentence each; empty for a valid trial. With `faults`, backends may be
/// down on purpose.
pub fn problems(trial: &Trial, faults: bool) -> Vec<String> {
    let mut problems = arrivals(trial);
    problems.extend(generator(trial));
    problems.extend(replies(trial));
    if !faults {
        let down = trial.balancer.iter().filter(|backend| backend.up == Some(false));
        problems.extend(down.map(|backend| format!("backend {} was down at the end", backend.id)));
    }
    problems
}

fn arrivals(trial: &Trial) -> Vec<String> {
    let counts = trial.record.arrivals;
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

fn generator(trial: &Trial) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(late) = trial.record.lateness.quantile(0.99).filter(|late| *late > LATENESS_P99) {
        problems.push(format!(
            "the generator was late: p99 {:.1} ms, the limit is {:.0} ms; give it a core of its own or lower the load",
            late.as_millis_f64(),
            LATENESS_P99.as_millis_f64()
        ));
    }
    if let Some(share) = trial.machine.cpu_wait_share.filter(|share| *share > CPU_WAIT) {
        problems.push(format!(
            "the generator was starved: one of its threads waited for a CPU {:.0} % of the time, the limit is {:.0} %; stop other programs or lower the load",
            share * 100.0,
            CPU_WAIT * 100.0
        ));
    }
    if let Some(share) = trial.machine.busy_share.filter(|share| *share > MACHINE_BUSY) {
        problems.push(format!(
            "the CPUs of the generator were saturated: {:.0} % of their time in use, the limit is {:.0} %; stop other programs, lower the load or use a larger machine",
            share * 100.0,
            MACHINE_BUSY * 100.0
        ));
    }
    problems
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
