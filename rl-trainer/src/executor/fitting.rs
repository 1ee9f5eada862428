//! Fits a recorded pool and checks the fit by predicting what was held back from it.

use super::recorded::{Content, LOGGING, Recording};
use super::run::Run;
use super::twin::{self, Timeline, Twin};
use crate::measure::in_parallel;
use crate::report::{CheckReport, EvidenceReport, FitReport, RecordedReport, SliceReport, TwinReport};
use anyhow::{Context, anyhow};
use harness::exit::{ExitCode, Failure, OrExit};
use lb_calibration::what_if::FittedLog;
use lb_calibration::{
    BackendEvidence, Calibration, FittedTraces, PolicyCheck, Tolerance, Verdict, costs, cross_check, profile,
};
use lb_core::Seed;
use lb_core::profile::PoolProfile;
use lb_core::topology::BackendSpec;
use simulator::Telling;

/// Number of variations of a fit: enough to know a standard deviation to a tenth, and to train on.
const VARIATIONS: u64 = 48;
/// Label of the seeds of variations.
const VARIATION: u64 = 0x7a12;
/// Number of standard deviations by which a limit exceeds the tolerance, and its upper bound in tolerances, as in
/// [`lb_calibration::cross_check`].
const DEVIATIONS: f64 = 2.0;
const MOST: f64 = 2.0;

/// A pool that was fitted, and whose fit predicts what was held back.
pub(super) struct Fitted {
    pub(super) twin: Twin,
    pub(super) profile: PoolProfile,
}

/// Fits a recording and checks the fit. The findings become the last of the run's twins, also if the fit is refused.
pub(super) fn fit(run: &mut Run, name: &str, path: &str, recording: &Recording) -> Option<Fitted> {
    let mut report = TwinReport { name: name.to_owned(), ..TwinReport::default() };
    report.recorded = RecordedReport {
        path: path.to_owned(),
        kind: recording.kind().to_owned(),
        policies: recording.policies(),
        length_s: recording.longest().map_or(0.0, |episode| episode.length().as_secs_f64()),
        notes: recording.notes.clone(),
    };
    for note in &recording.notes {
        run.say(&format!("note: {note}"));
    }
    run.report.twins.push(report);
    let seed = run.settings.seed;
    let fitted = run.step(&format!("fit of `{name}`"), |run| {
        let found = fit_pool(recording, name, seed).inspect_err(|failure| refuse(run, recording, failure))?;
        let report = last(run);
        report.fit = Some(describe(&found));
        report.unseen_slices = found.twin.timeline.kept_apart;
        report.slices = slices(&found.twin.timeline);
        let detail = summary(&found);
        Ok((found, detail))
    })?;
    let is_good = run.step(&format!("check of the fit of `{name}`"), |run| {
        let (checks, refusals) = check(recording).or_exit(ExitCode::InvalidTrials)?;
        let wanted =
            if refusals.is_empty() { Vec::new() } else { advice(recording, &fitted.twin.fit, &checks) };
        let detail = predicted(&checks);
        let report = last(run);
        (report.checks, report.refusals, report.advice) = (checks, refusals.clone(), wanted.clone());
        if refusals.is_empty() {
            return Ok(((), detail));
        }
        let (refusals, wanted) = (refusals.join("; "), wanted.join("; "));
        Err(anyhow!("the fit was refused: {refusals}. What to record: {wanted}"))
            .or_exit(ExitCode::InvalidTrials)
    });
    is_good.map(|()| fitted)
}

/// Returns the report of the pool that is being fitted.
fn last(run: &mut Run) -> &mut TwinReport {
    run.report.twins.last_mut().expect("it was added when the fit began")
}

/// Notes why nothing could be fitted.
fn refuse(run: &mut Run, recording: &Recording, failure: &Failure) {
    let present = policies(recording);
    let report = last(run);
    report.refusals = vec![format!("{failure}")];
    report.advice = present;
}

fn fit_pool(recording: &Recording, name: &str, seed: u64) -> Result<Fitted, Failure> {
    let traces = recording.traces();
    let fitted = FittedTraces::new(traces, recording.resolution()).or_exit(ExitCode::InvalidTrials)?;
    let numbers: Vec<u64> = (0..VARIATIONS).collect();
    let variations =
        in_parallel(&numbers, |number| fitted.variation(Seed(Seed(seed).key(&[VARIATION, *number]))));
    let calibration = fitted.calibration().clone();
    let about = format!("{name}: {}", calibration.topology.description);
    let known = profile(&calibration, &variations, &about);
    known.check().or_exit(ExitCode::Internal)?;
    let longest = recording.longest().context("the recording has no episode").or_exit(ExitCode::Internal)?;
    let timeline = Timeline::new(longest, traces.routes.len());
    let name = lb_core::slug::slug(name);
    let telling = said(recording, &known);
    let twin = Twin { name, fit: calibration, variations, timeline, telling };
    Ok(Fitted { twin, profile: known })
}

/// Smallest share of the variance of log sizes that is worth telling, and the largest that a recording can show to be
/// told: replies take a little longer or shorter by chance, too.
const TOLD: [f64; 2] = [0.05, 0.95];

/// Returns what the requests of a recording tell about their size within their routes; `None` if it is little or nothing.
fn said(recording: &Recording, profile: &PoolProfile) -> Option<Telling> {
    let traces = recording.traces();
    if !traces.hints.were_read {
        return None;
    }
    let found = costs::inspect(traces, recording.resolution()).ok()?;
    let weights: f64 = found.routes.iter().map(|route| route.requests as f64).sum();
    let told: f64 = found.routes.iter().map(|route| route.requests as f64 * route.told.share).sum();
    let share = told / weights;
    let [least, most] = TOLD;
    // Without routes, the share is no number.
    if share.is_nan() || share < least {
        return None;
    }
    let spreads = profile.routes.iter().map(|route| route.log_spread * route.log_spread);
    let variance = spreads.clone().sum::<f64>() / spreads.count().max(1) as f64;
    Some(Telling { share: share.min(most), sigma: variance.sqrt().min(MOST_SIGMA), noise: 0, word: None })
}

/// Largest spread of log-normal service times that the simulator draws.
const MOST_SIGMA: f64 = 3.0;

fn describe(fitted: &Fitted) -> FitReport {
    let calibration = &fitted.twin.fit;
    let specs = calibration.topology.pools.iter().flat_map(|pool| &pool.backends);
    let evidence = |(spec, evidence): (&BackendSpec, &BackendEvidence)| EvidenceReport {
        timed: evidence.timed,
        most_in_flight: evidence.most_in_flight,
        queue_cap: evidence.queue_was_full.then_some(spec.queue_cap),
        f_ratio: Some(evidence.f_ratio).filter(|ratio| ratio.is_finite()),
    };
    FitReport {
        profile: fitted.profile.clone(),
        evidence: specs.zip(&calibration.backends).map(evidence).collect(),
        overhead_us: calibration.overhead.as_micros(),
        faults: calibration.topology.faults.len(),
        rate: calibration.load.rate,
        capacity: twin::capacity(calibration),
        balancers: calibration.load.balancers,
        told: fitted.twin.telling.map(|telling| telling.share),
    }
}

fn summary(fitted: &Fitted) -> String {
    let calibration = &fitted.twin.fit;
    let known = calibration.backends.iter().filter(|backend| backend.saturated).count();
    format!(
        "{} backends (workers of {known} known), {} routes, {} faults, {:.0} of {:.0} requests per second",
        calibration.backends.len(),
        fitted.profile.routes.len(),
        calibration.topology.faults.len(),
        calibration.load.rate,
        twin::capacity(calibration)
    )
}

fn slices(timeline: &Timeline) -> Vec<SliceReport> {
    let slice = |slice: &twin::Slice| SliceReport {
        number: slice.number,
        seconds: [slice.from_s, slice.to_s],
        rate: slice.rate,
        purpose: if timeline.kept_apart { slice.purpose.name() } else { "everything" }.to_owned(),
    };
    timeline.all().iter().map(slice).collect()
}

/// Predicts what was held back. Returns the comparisons and why the fit must not be used.
fn check(recording: &Recording) -> anyhow::Result<(Vec<CheckReport>, Vec<String>)> {
    let tolerance = Tolerance::default();
    match &recording.content {
        Content::Traces(traces) => {
            let verdict = cross_check(traces, tolerance)?;
            let checks = verdict.checks.iter().map(|check| of_policy(check, tolerance)).collect();
            Ok((checks, refusals(&verdict)))
        }
        Content::Log(log) => {
            let found = FittedLog::new(log, None)?.check(tolerance)?;
            let refusals = found.refusals().to_vec();
            let checks = found.compared.into_iter().map(|part| CheckReport {
                what: part.backend.clone().unwrap_or_else(|| "last quarter of the log".to_owned()),
                requests: part.requests,
                mean_ms: part.mean_ms,
                p99_ms: part.p99_ms,
                failed: part.failed,
                limits: part.backend.is_none().then(|| limits(part.chance, tolerance)),
                misses: part.misses,
            });
            Ok((checks.collect(), refusals))
        }
    }
}

fn of_policy(check: &PolicyCheck, tolerance: Tolerance) -> CheckReport {
    CheckReport {
        what: check.policy.clone(),
        requests: check.requests as u64,
        mean_ms: check.mean_ms,
        p99_ms: check.p99_ms,
        failed: check.failed,
        limits: Some(limits(check.chance, tolerance.for_failed(check.failed[0]))),
        misses: check.misses.clone(),
    }
}

/// Returns the largest relative errors of mean and 99th percentile, of which chance explains a part.
fn limits(chance: [f64; 2], tolerance: Tolerance) -> [f64; 2] {
    let limit = |allowed: f64, chance: f64| (allowed + DEVIATIONS * chance).min(MOST * allowed);
    [limit(tolerance.mean, chance[0]), limit(tolerance.p99, chance[1])]
}

fn refusals(verdict: &Verdict) -> Vec<String> {
    let skipped =
        verdict.skipped.iter().map(|one| format!("`{}` could not be predicted: {}", one.policy, one.reason));
    let refused = verdict.refusals();
    if refused.is_empty() { refused } else { refused.into_iter().chain(skipped).collect() }
}

/// Names the predictions with the errors of mean and 99th percentile.
fn predicted(checks: &[CheckReport]) -> String {
    let off = |[logged, predicted]: [f64; 2]| (predicted / logged - 1.0) * 100.0;
    let decisive = checks.iter().filter(|check| check.limits.is_some());
    let of = |check: &CheckReport| {
        format!("{} {:+.0}/{:+.0} %", check.what, off(check.mean_ms), off(check.p99_ms))
    };
    format!("errors of mean/p99: {}", decisive.map(of).collect::<Vec<_>>().join(", "))
}

/// Returns what to record so that a fit holds, one sentence each.
fn advice(recording: &Recording, calibration: &Calibration, checks: &[CheckReport]) -> Vec<String> {
    let mut all = policies(recording);
    if !calibration.backends.iter().any(|backend| backend.saturated) {
        let most = calibration.backends.iter().map(|backend| backend.most_in_flight).max().unwrap_or(0);
        all.push(format!(
            "record at a higher load: no backend was ever full (at most {most} requests were in flight at one), so nothing \
             tells how many requests a backend serves at once"
        ));
    }
    let tolerance = Tolerance::default();
    let by_chance = |check: &&CheckReport| {
        check
            .limits
            .is_some_and(|limits| limits[0] >= MOST * tolerance.mean || limits[1] >= MOST * tolerance.p99)
    };
    if let Some(check) = checks.iter().find(by_chance) {
        all.push(format!(
            "record for longer, four times as long to begin with: chance alone moves the figures of `{}` by too much \
             ({} requests)",
            check.what, check.requests
        ));
    }
    if checks.iter().any(|check| !check.misses.is_empty()) {
        all.push(
            "trace every load balancer of the pool, and record all policies under one load and the same faults: what is not \
             traced looks like slow backends"
                .to_owned(),
        );
    }
    if all.is_empty() {
        all.push("record for longer, under a load of which some backends get full".to_owned());
    }
    all
}

/// Names the policies to add to traces of too few.
fn policies(recording: &Recording) -> Vec<String> {
    let Content::Traces(traces) = &recording.content else { return Vec::new() };
    let present = traces.policies();
    if present.len() >= LOGGING.len() {
        return Vec::new();
    }
    let missing: Vec<&str> = LOGGING.into_iter().filter(|name| !present.contains(name)).collect();
    let wanted = &missing[..missing.len().min(LOGGING.len() - present.len())];
    let have = match present[..] {
        [] => "nothing was recorded".to_owned(),
        [only] => format!(
            "everything was recorded under one policy, `{only}`, whose own queues are all that it shows"
        ),
        _ => format!("only {} were recorded", present.join(", ")),
    };
    vec![format!(
        "{have}: record {} too, under the same load (`bench --traces --algorithms {}`)",
        wanted.join(", "),
        LOGGING.join(",")
    )]
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_traces::read::{Episode, Traces};

    fn recording(policies: &[&str]) -> Recording {
        let episode = |policy: &&str| Episode { policy: (*policy).to_owned(), ..Episode::default() };
        let traces = Traces { episodes: policies.iter().map(episode).collect(), ..Traces::default() };
        Recording { content: Content::Traces(traces), notes: Vec::new() }
    }

    #[test]
    fn too_few_policies_are_named_with_those_to_add() {
        let one = policies(&recording(&["p2c"])).remove(0);
        for part in [
            "under one policy, `p2c`",
            "record least-connections, round-robin, ewma-scan too",
            "bench --traces",
        ] {
            assert!(one.contains(part), "it says `{part}`: {one}");
        }
        let others = policies(&recording(&["random", "rl:1234", "p2c"])).remove(0);
        assert!(
            others.contains("only random, rl:1234, p2c were recorded: record least-connections too"),
            "{others}"
        );
        assert_eq!(policies(&recording(&LOGGING)), Vec::<String>::new(), "four are enough");
        assert_eq!(policies(&recording(&["a", "b", "c", "d"])), Vec::<String>::new(), "whichever they are");
    }

    #[test]
    fn limits_grow_with_chance_up_to_twice_the_tolerance() {
        let tolerance = Tolerance::default();
        let [mean, p99] = limits([0.01, 0.5], tolerance);
        assert!((mean - 0.12).abs() < 1e-12 && (p99 - 0.4).abs() < 1e-12, "{mean} {p99}");
    }
}
