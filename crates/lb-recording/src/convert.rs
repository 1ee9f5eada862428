//! Converts rows of any format to requests with offsets, and checks their methods and times.

use super::stamp::Stamp;
use super::{Faults, Row, pattern};
use lb_core::time::Span;
use lb_core::workload::ReplayRequest;
use std::collections::BTreeSet;

/// Methods that a replay can send (RFC 9110, 9.3, and RFC 5789); `CONNECT` and `TRACE` concern the
/// connection, not a resource.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// Upper limit for kinds of requests, because results have a row for each.
const MOST_ACTIONS: usize = 1000;

/// Converts rows to requests in order, and returns whether all of their times are whole seconds. Problems are
/// added to `faults`.
pub(super) fn requests(rows: Vec<Row>, rate: Option<f64>, faults: &mut Faults) -> (Vec<ReplayRequest>, bool) {
    if rows.is_empty() {
        if faults.total == 0 {
            faults.add(None, "has no requests; a recording needs at least one");
        }
        return (Vec::new(), false);
    }
    let offsets = offsets(&rows, rate, faults);
    let whole_seconds = rate.is_none() && offsets.iter().all(|nanos| nanos % 1_000_000_000 == 0);
    let mut actions = BTreeSet::new();
    let mut requests = Vec::with_capacity(rows.len());
    for (row, nanos) in rows.into_iter().zip(offsets) {
        let line = row.line;
        match request(row, nanos) {
            Ok(request) => {
                if actions.len() <= MOST_ACTIONS
                    && actions.insert(request.action.clone())
                    && actions.len() > MOST_ACTIONS
                {
                    let reason = format!(
                        "more than {MOST_ACTIONS} kinds of requests (method and path); replace identifiers with numbers, or replay only a part"
                    );
                    faults.add(Some(line), reason);
                }
                requests.push(request);
            }
            Err(reason) => faults.add(Some(line), reason),
        }
    }
    (requests, whole_seconds)
}

fn request(row: Row, nanos: u64) -> Result<ReplayRequest, String> {
    let method = row.method.trim().to_ascii_uppercase();
    if !METHODS.contains(&method.as_str()) {
        return Err(format!("the method `{}` is not one of {}", row.method, METHODS.join(", ")));
    }
    let path = pattern::request_target(&row.url)?;
    Ok(ReplayRequest {
        at: Span::from_nanos(nanos),
        action: format!("{method} {}", pattern::of(&path)),
        path,
        headers: row.headers,
        body: row.body,
    })
}

/// Returns the offset of each row from the first one, in nanoseconds; all zeros after a problem.
fn offsets(rows: &[Row], rate: Option<f64>, faults: &mut Faults) -> Vec<u64> {
    let stamped: Vec<(usize, &Stamp)> =
        rows.iter().filter_map(|row| Some((row.line, row.stamp.as_ref()?))).collect();
    match (stamped.len(), rate) {
        (0, Some(rate)) => {
            return (0..rows.len()).map(|index| (index as f64 / rate * 1e9).round() as u64).collect();
        }
        (0, None) => {
            faults.add(
                None,
                "no row has a timestamp; give a rate, such as `--replay FILE --arrivals constant:50`",
            );
            return vec![0; rows.len()];
        }
        (timed, _) if timed < rows.len() => {
            for row in rows.iter().filter(|row| row.stamp.is_none()) {
                faults.add(
                    Some(row.line),
                    "the timestamp is missing, but other rows have one; add it, or remove all timestamps",
                );
            }
            return vec![0; rows.len()];
        }
        (_, Some(_)) => {
            faults.add(
                None,
                "the rows have timestamps, so a rate contradicts them; leave the rate out, or use a speed",
            );
        }
        _ => {}
    }
    check_order(&stamped, faults);
    let first = stamped[0].1.nanos;
    let since = |stamp: &Stamp| u64::try_from(stamp.nanos.saturating_sub(first)).unwrap_or(u64::MAX);
    stamped.iter().map(|(_, stamp)| since(stamp)).collect()
}

/// Checks that times have the same style, are in order, and are not all equal.
fn check_order(stamped: &[(usize, &Stamp)], faults: &mut Faults) {
    let (first_line, first) = stamped[0];
    let known = faults.total;
    for (line, stamp) in stamped.iter().filter(|(_, stamp)| stamp.style != first.style) {
        let reason = format!(
            "the timestamp `{}` is {}, but line {first_line} has {} (`{}`); use one style for all of them",
            stamp.text,
            stamp.style.in_words(),
            first.style.in_words(),
            first.text
        );
        faults.add(Some(*line), reason);
    }
    if faults.total > known {
        return;
    }
    for pair in stamped.windows(2).filter(|pair| pair[1].1.nanos < pair[0].1.nanos) {
        let [(before, earlier), (line, stamp)] = [pair[0], pair[1]];
        let reason = format!(
            "the timestamp `{}` is earlier than `{}` on line {before}; sort the rows by time",
            stamp.text, earlier.text
        );
        faults.add(Some(line), reason);
    }
    if stamped.len() > 1 && stamped.iter().all(|(_, stamp)| stamp.nanos == first.nanos) {
        let reason = format!(
            "all {} rows have the timestamp `{}`; remove the timestamps and give a rate, such as `--replay FILE --arrivals constant:50`",
            stamped.len(),
            first.text
        );
        faults.add(None, reason);
    }
}
