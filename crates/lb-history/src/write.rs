//! Writes the rows of a run.

use crate::database::{Database, Value};
use crate::error::Trouble;
use crate::metric::MetricName;
use crate::run::Run;
use crate::said::Said;
use lb_results::{ScenarioSummary, Verdict};

/// Adds a run with everything that belongs to it; it must not be there.
pub(crate) fn write_run(database: &mut dyn Database, run: &Run, said: &Said) -> Result<(), Trouble> {
    let summary = &run.summary;
    let trials = summary.scenarios.iter().flat_map(|scenario| &scenario.trials);
    let values: [Value; 24] = [
        run.id().into(),
        said.digest.as_str().into(),
        run.started.to_string().into(),
        run.started.as_millisecond().into(),
        jiff::Timestamp::now().to_string().into(),
        run.folder.as_str().into(),
        said.subject.as_str().into(),
        said.host.as_str().into(),
        summary.host.kernel.as_str().into(),
        summary.version.as_str().into(),
        summary.commit.as_str().into(),
        summary.engine.name().into(),
        summary.load_balancer.as_str().into(),
        summary.config.name.as_str().into(),
        run.config_sha256.as_str().into(),
        summary.schedule_sha256.as_str().into(),
        summary.fingerprint.as_str().into(),
        summary.seed.to_string().into(),
        run.is_aa().into(),
        summary.interrupted.into(),
        trials.clone().count().into(),
        trials.filter(|trial| trial.is_valid()).count().into(),
        said.verdict.as_str().into(),
        said.findings.as_str().into(),
    ];
    insert(
        database,
        "bench_runs",
        "run_id, digest, started_at, started_ms, recorded_at, folder, subject, host, kernel, bench_version, bench_commit, \
         engine, load_balancer, config, config_sha256, schedule_sha256, fingerprint, seed, is_aa, interrupted, trials, \
         valid_trials, verdict, findings",
        &values,
    )?;
    for scenario in &summary.scenarios {
        write_trials(database, run.id(), scenario)?;
        write_verdicts(database, run.id(), scenario)?;
        write_noise(database, run.id(), scenario)?;
    }
    write_results(database, run)
}

fn write_trials(
    database: &mut dyn Database,
    run_id: &str,
    scenario: &ScenarioSummary,
) -> Result<(), Trouble> {
    for trial in &scenario.trials {
        let key: [Value; 5] = [
            run_id.into(),
            scenario.name.as_str().into(),
            trial.label.as_str().into(),
            trial.block.into(),
            trial.attempt.into(),
        ];
        let rest: [Value; 5] = [
            trial.position.into(),
            trial.started_at.as_str().into(),
            trial.is_valid().into(),
            list(&trial.problems),
            list(&trial.accepted),
        ];
        insert(
            database,
            "bench_trials",
            "run_id, scenario, algorithm, block, attempt, position, started_at, valid, problems, accepted",
            &[&key[..], &rest].concat(),
        )?;
        for metric in &trial.metrics {
            if let Some(value) = metric.value {
                insert(
                    database,
                    "bench_trial_metrics",
                    "run_id, scenario, algorithm, block, attempt, metric, value",
                    &[&key[..], &[Value::from(MetricName(metric.metric).name()), value.into()]].concat(),
                )?;
            }
        }
    }
    Ok(())
}

fn write_verdicts(
    database: &mut dyn Database,
    run_id: &str,
    scenario: &ScenarioSummary,
) -> Result<(), Trouble> {
    for pair in scenario.comparison.iter().flat_map(|comparison| &comparison.pairs) {
        let key: [Value; 4] = [
            run_id.into(),
            scenario.name.as_str().into(),
            pair.baseline.as_str().into(),
            pair.candidate.as_str().into(),
        ];
        insert(
            database,
            "bench_verdicts",
            "run_id, scenario, baseline, candidate, blocks, verdict, sentence",
            &[&key[..], &[Value::from(pair.blocks), word(pair.verdict), pair.sentence.as_str().into()]]
                .concat(),
        )?;
        for judged in &pair.metrics {
            let [low, high] = ends(judged.interval);
            let rest: [Value; 7] = [
                MetricName(judged.metric).name().into(),
                judged.exploratory.into(),
                judged.effect.into(),
                low,
                high,
                judged.p_adjusted.into(),
                word(judged.verdict),
            ];
            insert(
                database,
                "bench_verdict_metrics",
                "run_id, scenario, baseline, candidate, metric, exploratory, effect, low, high, p_adjusted, verdict",
                &[&key[..], &rest].concat(),
            )?;
        }
    }
    Ok(())
}

fn write_noise(database: &mut dyn Database, run_id: &str, scenario: &ScenarioSummary) -> Result<(), Trouble> {
    for aa in &scenario.noise {
        for noise in &aa.metrics {
            let values: [Value; 5] = [
                run_id.into(),
                scenario.name.as_str().into(),
                aa.algorithm.as_str().into(),
                MetricName(noise.metric).name().into(),
                noise.noise_floor.into(),
            ];
            insert(database, "bench_noise_floors", "run_id, scenario, algorithm, metric, floor", &values)?;
        }
    }
    Ok(())
}

/// Writes what is over all trials: estimates, histograms and thresholds.
fn write_results(database: &mut dyn Database, run: &Run) -> Result<(), Trouble> {
    for one in &run.estimates {
        let estimate = &one.estimate;
        let [low, high] = ends(estimate.interval);
        let values: [Value; 10] = [
            run.id().into(),
            one.scenario.as_str().into(),
            one.algorithm.as_str().into(),
            MetricName(estimate.metric).name().into(),
            estimate.trials.into(),
            estimate.estimate.into(),
            low,
            high,
            estimate.range[0].into(),
            estimate.range[1].into(),
        ];
        insert(
            database,
            "bench_estimates",
            "run_id, scenario, algorithm, metric, trials, estimate, low, high, smallest, largest",
            &values,
        )?;
    }
    for one in &run.histograms {
        let values: [Value; 6] = [
            run.id().into(),
            one.scenario.as_str().into(),
            one.algorithm.as_str().into(),
            one.class.name().into(),
            Value::Integer(one.requests.cast_signed()),
            Value::Blob(one.data.clone()),
        ];
        insert(database, "bench_histograms", "run_id, scenario, algorithm, class, requests, data", &values)?;
    }
    for (number, threshold) in run.summary.thresholds.iter().enumerate() {
        let values: [Value; 7] = [
            run.id().into(),
            number.into(),
            threshold.scenario.as_str().into(),
            threshold.algorithm.as_str().into(),
            threshold.threshold.as_str().into(),
            threshold.observed.into(),
            threshold.ok.into(),
        ];
        insert(
            database,
            "bench_thresholds",
            "run_id, number, scenario, algorithm, threshold, observed, held",
            &values,
        )?;
    }
    Ok(())
}

/// Inserts a row with a value for each of the columns.
fn insert(database: &mut dyn Database, table: &str, columns: &str, values: &[Value]) -> Result<(), Trouble> {
    let places: Vec<String> = (1..=values.len()).map(|number| format!("${number}")).collect();
    let sql = format!("INSERT INTO {table} ({columns}) VALUES ({})", places.join(", "));
    database.execute(&sql, values).map(drop)
}

fn ends(interval: Option<[f64; 2]>) -> [Value; 2] {
    [0, 1].map(|end| interval.map(|ends| ends[end]).into())
}

/// Writes sentences as a JSON array.
fn list(sentences: &[String]) -> Value {
    serde_json::Value::from(sentences).to_string().into()
}

/// The verdict as `summary.json` has it.
const fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "better",
        Verdict::Worse => "worse",
        Verdict::Mixed => "mixed",
        Verdict::Different => "different",
        Verdict::Equivalent => "equivalent",
        Verdict::NotEnoughData => "not_enough_data",
    }
}

fn word(verdict: Verdict) -> Value {
    name(verdict).into()
}
