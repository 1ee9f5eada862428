//! Writes Locust's CSV files, so that scripts and dashboards written for Locust can read our results.
//!
//! Columns and their order match Locust 2.x: comma, CRLF, minimal quoting, rows sorted by name and method,
//! `Aggregated` last, times in milliseconds. There are two deliberate differences, because Locust's own
//! values mislead: percentiles come from HdrHistograms (Locust rounds to two digits, so its p99 can exceed
//! its maximum), and the percentiles of `_stats_history.csv` are those of each second (Locust's are
//! cumulative unless `--csv-full-history` is given). There is a third, because spreadsheets run formulas: a name
//! that begins like one is marked as text ([`plain::cell`]).

use crate::trial::{Trial, pooled_step};
use anyhow::Result;
use lb_core::workload::{StepIndex, Workload};
use lb_core::{Outcome, Span, Time, plain};
use lb_record::{Cell, SecondRecord, StepRecord, TrialRecord};
use std::collections::BTreeMap;
use std::io::Write;

const QUANTILES: [f64; 11] = [0.50, 0.66, 0.75, 0.80, 0.90, 0.95, 0.98, 0.99, 0.999, 0.9999, 1.0];

const QUANTILE_COLUMNS: [&str; 11] =
    ["50%", "66%", "75%", "80%", "90%", "95%", "98%", "99%", "99.9%", "99.99%", "100%"];

const STATS_COLUMNS: [&str; 10] = [
    "Type",
    "Name",
    "Request Count",
    "Failure Count",
    "Median Response Time",
    "Average Response Time",
    "Min Response Time",
    "Max Response Time",
    "Average Content Size",
    "Requests/s",
];

/// A step with its counts over all trials.
struct Row<'a> {
    step: StepIndex,
    method: &'a str,
    name: &'a str,
    record: StepRecord,
}

fn csv_writer(out: &mut dyn Write) -> csv::Writer<&mut dyn Write> {
    csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out)
}

fn rows<'a>(trials: &[&Trial], workload: &'a Workload) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    for (number, step) in workload.steps().iter().enumerate() {
        let record = pooled_step(trials, number);
        if record.over(|_| true).count() > 0 {
            let step_index = StepIndex(number as u16);
            rows.push(Row { step: step_index, method: &step.method, name: &step.name, record });
        }
    }
    rows.sort_by_key(|row| (row.name, row.method));
    rows
}

/// Writes `_stats.csv`: one row for each kind of request, and their sum.
pub(super) fn write_stats(out: &mut dyn Write, trials: &[&Trial], workload: &Workload) -> Result<()> {
    let mut csv = csv_writer(out);
    csv.write_record(STATS_COLUMNS.iter().chain(&["Failures/s"]).chain(&QUANTILE_COLUMNS))?;
    let seconds: f64 = trials.iter().map(|trial| trial.record.wall.as_secs_f64()).sum();
    let mut total = StepRecord::default();
    for row in rows(trials, workload) {
        csv.write_record(stats_row(row.method, row.name, &row.record, seconds))?;
        total.merge(&row.record);
    }
    csv.write_record(stats_row("", "Aggregated", &total, seconds))?;
    csv.flush()?;
    Ok(())
}

fn stats_row(method: &str, name: &str, record: &StepRecord, seconds: f64) -> Vec<String> {
    let all = record.over(|_| true);
    let failures = all.count() - record.over(Outcome::is_success).count();
    let rate = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
    let mut row = vec![
        plain::cell(method).into_owned(),
        plain::cell(name).into_owned(),
        all.count().to_string(),
        failures.to_string(),
        whole(all.quantile(0.5)),
        millis(all.mean()),
        millis(all.min()),
        millis(all.max()),
        (all.bytes() as f64 / all.count().max(1) as f64).to_string(),
        rate(all.count()).to_string(),
        rate(failures).to_string(),
    ];
    row.extend(QUANTILES.map(|quantile| quantile_or_na(&all, quantile)));
    row
}

/// Writes `_stats_history.csv`: the sum of all requests, second by second. Totals are cumulative over all
/// trials, so the last row matches `_stats.csv`.
pub(super) fn write_history(out: &mut dyn Write, trials: &[&Trial]) -> Result<()> {
    let mut csv = csv_writer(out);
    let head = ["Timestamp", "User Count", "Type", "Name", "Requests/s", "Failures/s"];
    let tail = [
        "Total Request Count",
        "Total Failure Count",
        "Total Median Response Time",
        "Total Average Response Time",
        "Total Min Response Time",
        "Total Max Response Time",
        "Total Average Content Size",
    ];
    csv.write_record(head.iter().chain(&QUANTILE_COLUMNS).chain(&tail))?;
    let mut totals = Totals::new()?;
    let mut free_from = i64::MIN;
    for trial in trials {
        // Simulated trials finish immediately, so they are laid end to end and each second of the file has
        // one row.
        let started = trial.started.as_second().max(free_from);
        let all = trial.record.total();
        let mean_bytes = all.bytes() as f64 / all.count().max(1) as f64;
        for second in &trial.record.seconds {
            let mut now = hdrhistogram::Histogram::<u64>::new(3)?;
            for interval in intervals_of(&trial.record, second.second) {
                now.add(interval.histogram())?;
            }
            totals.add(second, &now)?;
            let timestamp = started + i64::from(second.second);
            free_from = timestamp + 1;
            csv.write_record(history_row(timestamp, second, &now, &totals, mean_bytes))?;
        }
    }
    csv.flush()?;
    Ok(())
}

/// Cumulative counts up to a row.
struct Totals {
    requests: u64,
    failures: u64,
    sum_us: f64,
    min_us: u64,
    max_us: u64,
    histogram: hdrhistogram::Histogram<u64>,
}

impl Totals {
    fn new() -> Result<Self> {
        let histogram = hdrhistogram::Histogram::new(3)?;
        Ok(Self { requests: 0, failures: 0, sum_us: 0.0, min_us: u64::MAX, max_us: 0, histogram })
    }

    fn add(&mut self, second: &SecondRecord, now: &hdrhistogram::Histogram<u64>) -> Result<()> {
        self.histogram.add(now)?;
        self.requests += second.requests;
        self.failures += second.errors;
        if let Some(latency) = &second.latency {
            self.sum_us += latency.mean.as_nanos() as f64 / 1e3 * second.requests as f64;
            self.min_us = self.min_us.min(now.min());
            self.max_us = self.max_us.max(latency.max.as_micros());
        }
        Ok(())
    }
}

fn history_row(
    timestamp: i64,
    second: &SecondRecord,
    now: &hdrhistogram::Histogram<u64>,
    totals: &Totals,
    mean_bytes: f64,
) -> Vec<String> {
    let mut row = vec![
        timestamp.to_string(),
        second.users.to_string(),
        String::new(),
        "Aggregated".to_owned(),
        format!("{:.6}", second.requests as f64),
        format!("{:.6}", second.errors as f64),
    ];
    row.extend(QUANTILES.map(|quantile| match now.is_empty() {
        true => "N/A".to_owned(),
        false => rounded(now.value_at_quantile(quantile) as f64 / 1e3),
    }));
    let requests = totals.requests;
    row.extend([
        requests.to_string(),
        totals.failures.to_string(),
        rounded(totals.histogram.value_at_quantile(0.5) as f64 / 1e3),
        (totals.sum_us / 1e3 / requests.max(1) as f64).to_string(),
        (if requests > 0 { totals.min_us as f64 / 1e3 } else { 0.0 }).to_string(),
        (totals.max_us as f64 / 1e3).to_string(),
        mean_bytes.to_string(),
    ]);
    row
}

fn intervals_of(record: &TrialRecord, second: u32) -> impl Iterator<Item = &lb_record::Interval> {
    // Intervals are in order of time, at most one per class and second.
    let begin = lb_core::Time::ZERO + Span::from_secs(u64::from(second));
    let first = record.intervals.partition_point(|interval| interval.start < begin);
    record.intervals[first..].iter().take_while(move |interval| interval.start == begin)
}

/// Writes `_failures.csv`: each kind of failure of each kind of request. `Error` consists of the outcome and, where there
/// are any, the status and the text of a failed check.
pub(super) fn write_failures(out: &mut dyn Write, trials: &[&Trial], workload: &Workload) -> Result<()> {
    let mut csv = csv_writer(out);
    csv.write_record(["Method", "Name", "Error", "Occurrences", "First Seen", "Last Seen"])?;
    for row in rows(trials, workload) {
        for outcome in Outcome::ALL.into_iter().filter(|outcome| !outcome.is_success()) {
            let Some(cell) = row.record.outcome(outcome) else { continue };
            let mut left = cell.count();
            for ((status, message), kind) in kinds(trials, row.step, outcome) {
                left = left.saturating_sub(kind.count);
                csv.write_record(failure_row(&row, outcome, status, message, &kind))?;
            }
            // Records of earlier versions only count failures; Locust writes empty times in that case too.
            if left > 0 {
                csv.write_record(failure_row(&row, outcome, None, None, &Kind { count: left, seen: None }))?;
            }
        }
    }
    csv.flush()?;
    Ok(())
}

/// Failures of one kind: their number, and when the first and the last of them ended.
struct Kind {
    count: u64,
    seen: Option<(jiff::Timestamp, jiff::Timestamp)>,
}

/// Adds up the failures of a step with this outcome over all trials, by status and message.
fn kinds<'a>(
    trials: &[&'a Trial],
    step: StepIndex,
    outcome: Outcome,
) -> BTreeMap<(Option<u16>, Option<&'a str>), Kind> {
    let mut kinds: BTreeMap<_, Kind> = BTreeMap::new();
    for trial in trials {
        let of = trial.record.failures.iter().filter(|one| one.step == step && one.outcome == outcome);
        for one in of {
            let at = |time: Time| {
                let offset =
                    jiff::SignedDuration::try_from(std::time::Duration::from(time.since(Time::ZERO)));
                offset.ok().and_then(|offset| trial.started.checked_add(offset).ok()).unwrap_or(trial.started)
            };
            let (first, last) = (at(one.first), at(one.last));
            let kind = kinds
                .entry((one.status, one.message.as_deref()))
                .or_insert(Kind { count: 0, seen: Some((first, last)) });
            kind.count += one.count;
            kind.seen = kind.seen.map(|(earliest, latest)| (earliest.min(first), latest.max(last)));
        }
    }
    kinds
}

fn failure_row(
    row: &Row<'_>,
    outcome: Outcome,
    status: Option<u16>,
    message: Option<&str>,
    kind: &Kind,
) -> [String; 6] {
    let (first, last) = kind.seen.map_or_else(Default::default, |(first, last)| (utc(first), utc(last)));
    let status = status.map_or_else(String::new, |status| status.to_string());
    let message = message.unwrap_or_default();
    let details: Vec<&str> = [status.as_str(), message].into_iter().filter(|part| !part.is_empty()).collect();
    let error = match details.is_empty() {
        true => outcome.name().to_owned(),
        false => format!("{}: {}", outcome.name(), details.join(", ")),
    };
    [
        plain::cell(row.method).into_owned(),
        plain::cell(row.name).into_owned(),
        plain::cell(&plain::line(&error)).into_owned(),
        kind.count.to_string(),
        first,
        last,
    ]
}

/// Formats a time as Locust does, in whole seconds of UTC.
fn utc(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Writes only the header of `_exceptions.csv`, because a failed request is data here and not an exception.
pub(super) fn write_exceptions(out: &mut dyn Write) -> Result<()> {
    let mut csv = csv_writer(out);
    csv.write_record(["Count", "Message", "Traceback", "Nodes"])?;
    csv.flush()?;
    Ok(())
}

fn quantile_or_na(cell: &Cell, quantile: f64) -> String {
    cell.quantile(quantile).map_or_else(|| "N/A".to_owned(), |value| rounded(value.as_millis_f64()))
}

fn whole(value: Option<Span>) -> String {
    value.map_or_else(|| "0".to_owned(), |value| rounded(value.as_millis_f64()))
}

fn rounded(millis: f64) -> String {
    format!("{:.0}", millis)
}

fn millis(value: Option<Span>) -> String {
    value.map_or(0.0, Span::as_millis_f64).to_string()
}
