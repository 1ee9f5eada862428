//! Tables about recorded pools and the policies that were specialised on them.

use super::numbers::{NONE, estimate, fixed, percent};
use super::twin::{CheckReport, TwinReport};
use crate::train::BASELINE;
use lb_core::profile;
use lb_core::topology::Discipline;
use lb_report::parts::{Cell, Table, Tone};

fn plain(text: impl Into<String>) -> Cell {
    Cell::toned(text, Tone::Plain)
}

/// Returns the sentences above the tables of a pool.
pub(super) fn sentences(twin: &TwinReport) -> Vec<String> {
    let policies = twin.recorded.policies.iter();
    let policies: Vec<String> =
        policies.map(|(name, requests)| format!("{name} ({requests} requests)")).collect();
    let mut all = vec![format!(
        "Recorded as {} in {}, {:.0} s: {}.",
        twin.recorded.kind,
        twin.recorded.path,
        twin.recorded.length_s,
        policies.join(", ")
    )];
    all.extend(twin.recorded.notes.iter().map(|note| format!("Note: {note}.")));
    if let Some(fit) = &twin.fit {
        let service = fit.profile.service_ms;
        all.push(format!(
            "Fit: an ordinary request takes {:.2} ms (± {}) at speed 1, and {} µs beside its backend; {:.0} of {:.0} \
             requests per second that the pool can serve, {} load balancer(s), {} fault(s).",
            service.value,
            error_percent(service.log_error),
            fit.overhead_us,
            fit.rate,
            fit.capacity,
            fit.balancers,
            fit.faults
        ));
        all.push(match fit.told {
            Some(share) => format!(
                "Requests tell {} of the variance of their cost within a route, and those of the twin tell as much.",
                percent(share, 0)
            ),
            None => "Requests tell nothing about their cost beyond their route.".to_owned(),
        });
    }
    if !twin.refusals.is_empty() {
        all.push("The fit was refused, so the policy is the general one:".to_owned());
        all.extend(twin.refusals.iter().map(|refusal| format!("Refused: {refusal}.")));
        all.extend(twin.advice.iter().map(|advice| format!("What to record: {advice}.")));
    } else if !twin.candidates.is_empty() {
        all.push(format!("Objective: {} ({}).", twin.objective, twin.objective_from));
        if !twin.unseen_slices {
            all.push(
                "The recording is short: the test has draws of arrivals, sizes and failures that were never seen, but no \
                 slices of time of its own."
                    .to_owned(),
            );
        }
    }
    if !twin.exported.is_empty() {
        all.push(format!("Exported: {}.", twin.exported.join(", ")));
    }
    all
}

/// Writes a standard deviation of a logarithm as a percentage.
fn error_percent(log_error: f64) -> String {
    percent(log_error.exp_m1(), 1)
}

/// Writes an estimate with its error.
fn with_error(known: profile::Estimate) -> String {
    format!("{:.3} (± {})", known.value, error_percent(known.log_error))
}

/// Returns the table of what was learnt about each backend.
pub(super) fn backends(twin: &TwinReport) -> Option<Table> {
    let fit = twin.fit.as_ref()?;
    let mut table = Table::new(
        format!("{}: what was learnt about each backend, with standard errors", twin.name),
        &["Backend", "Speed", "Workers", "Discipline", "Queue", "Timed", "In flight at most", "F ratio"],
    );
    for (backend, evidence) in fit.profile.backends.iter().zip(&fit.evidence) {
        let discipline = match backend.discipline {
            Discipline::Fcfs => "first come, first served",
            Discipline::ProcessorSharing => "processor sharing",
        };
        let assumed = if backend.workers_known { "" } else { " (assumed)" };
        table.add(vec![
            backend.id.clone(),
            with_error(backend.speed),
            format!("{}{assumed}", backend.workers),
            format!("{discipline}{assumed}"),
            evidence.queue_cap.map_or_else(|| NONE.to_owned(), |cap| cap.to_string()),
            evidence.timed.to_string(),
            evidence.most_in_flight.to_string(),
            fixed(evidence.f_ratio, 2),
        ]);
    }
    table.unless_empty()
}

/// Returns the table of what was learnt about each route.
pub(super) fn routes(twin: &TwinReport) -> Option<Table> {
    let fit = twin.fit.as_ref()?;
    let mut table = Table::new(
        format!("{}: what requests of each route cost, relative to an ordinary one", twin.name),
        &["Route", "Cost", "Spread of a single request (log)"],
    );
    for route in &fit.profile.routes {
        table.add(vec![route.route.clone(), with_error(route.cost), format!("{:.2}", route.log_spread)]);
    }
    table.unless_empty()
}

/// Returns the table of predictions.
pub(super) fn checks(twin: &TwinReport) -> Option<Table> {
    let mut table = Table::new(
        format!("{}: predictions of what was held back from the fit", twin.name),
        &[
            "Held back",
            "Requests",
            "Mean logged / predicted (ms)",
            "p99 logged / predicted (ms)",
            "Failed",
            "Verdict",
        ],
    );
    for check in &twin.checks {
        let tone = match (check.misses.is_empty(), check.limits) {
            (true, _) => Tone::Good,
            (false, Some(_)) => Tone::Bad,
            (false, None) => Tone::Care,
        };
        let verdict = if check.misses.is_empty() { "ok".to_owned() } else { check.misses.join("; ") };
        table.add_toned(
            Tone::Plain,
            vec![
                plain(&check.what),
                plain(check.requests.to_string()),
                plain(pair(check, check.mean_ms, 0)),
                plain(pair(check, check.p99_ms, 1)),
                plain(format!("{} / {}", percent(check.failed[0], 2), percent(check.failed[1], 2))),
                Cell::toned(verdict, tone),
            ],
        );
    }
    table.unless_empty()
}

/// Writes a logged and a predicted figure with the error, and the error that is allowed.
fn pair(check: &CheckReport, [logged, predicted]: [f64; 2], metric: usize) -> String {
    let off = (predicted / logged - 1.0) * 100.0;
    let limit =
        check.limits.map(|limits| format!(" of ±{:.0} %", limits[metric] * 100.0)).unwrap_or_default();
    format!("{logged:.2} / {predicted:.2} ({off:+.0} %{limit})")
}

/// Returns the table of slices.
pub(super) fn slices(twin: &TwinReport) -> Option<Table> {
    let mut table = Table::new(
        format!("{}: parts of the recording", twin.name),
        &["Part", "From (s)", "To (s)", "Requests per second", "For"],
    );
    for slice in &twin.slices {
        let [from, to] = slice.seconds.map(|seconds| format!("{seconds:.1}"));
        table.add(vec![
            slice.number.to_string(),
            from,
            to,
            format!("{:.0}", slice.rate),
            slice.purpose.clone(),
        ]);
    }
    table.unless_empty()
}

/// Returns the table of candidates.
pub(super) fn candidates(twin: &TwinReport) -> Option<Table> {
    let mut table = Table::new(
        format!("{}: the choice, on cases that training did not see; ratios to {BASELINE}", twin.name),
        &["Policy", "Loss", "Mean", "p99", ""],
    );
    for candidate in &twin.candidates {
        table.add(vec![
            candidate.name.clone(),
            format!("{:+.4}", candidate.loss),
            format!("{:.3}", candidate.mean),
            format!("{:.3}", candidate.p99),
            if candidate.chosen { "exported" } else { "" }.to_owned(),
        ]);
    }
    table.unless_empty()
}

/// Returns the table of comparisons on the test.
pub(super) fn ratios(twin: &TwinReport) -> Option<Table> {
    let what = if twin.unseen_slices { "slices and draws" } else { "draws" };
    let mut table = Table::new(
        format!("{}: on {what} that were never seen; ratios with 95 % intervals", twin.name),
        &["Of", "To", "Mean", "p99"],
    );
    for ratio in &twin.ratios {
        table.add(vec![ratio.of.clone(), ratio.to.clone(), estimate(ratio.mean), estimate(ratio.p99)]);
    }
    table.unless_empty()
}

/// Returns all tables of a pool, in the order of reports.
pub(super) fn all(twin: &TwinReport) -> Vec<Table> {
    let tables = [ratios(twin), candidates(twin), backends(twin), routes(twin), checks(twin), slices(twin)];
    tables.into_iter().flatten().collect()
}
