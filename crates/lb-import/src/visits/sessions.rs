//! How visitors behave: sessions by client, the pauses in them, and how many requests there are per second.

use lb_recording::Entry;
use std::collections::HashMap;

/// The pause that ends a session, in seconds: half an hour, the usual rule of web analytics.
const SESSION_GAP_S: f64 = 1800.0;

/// How visitors behave.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Habits {
    pub(super) requests: usize,
    pub(super) sessions: usize,
    /// Time from the first request to the last one, in seconds.
    pub(super) length_s: f64,
    /// Average rate over that time; `None` without times.
    pub(super) requests_per_s: Option<f64>,
    /// Rate in the busiest minute; `None` for shorter recordings.
    pub(super) busiest_minute_per_s: Option<f64>,
    /// Range of pauses with the mean of the measured ones, and with their standard deviation as far as a uniform
    /// distribution that begins at 0 or later can have it.
    pub(super) think_time_s: [f64; 2],
    /// Range of the number of requests in a session, with about the mean of the measured ones.
    pub(super) actions_per_session: [u32; 2],
}

impl Habits {
    /// Measures the habits.
    pub(super) fn of(entries: &[&Entry]) -> Self {
        let mut sorted: Vec<(f64, &Entry)> =
            entries.iter().filter_map(|entry| Some((seconds(entry)?, *entry))).collect();
        sorted.sort_by(|one, other| one.0.total_cmp(&other.0));
        let requests = entries.len();
        let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else {
            return Self {
                requests,
                sessions: requests,
                length_s: 0.0,
                requests_per_s: None,
                busiest_minute_per_s: None,
                think_time_s: [0.0, 0.0],
                actions_per_session: [1, 10],
            };
        };
        let length_s = last.0 - first.0;
        // The last request stands for a time of its own.
        let requests_per_s = (length_s > 0.0)
            .then(|| sorted.len() as f64 / (length_s * sorted.len() as f64 / (sorted.len() - 1) as f64));
        let (sessions, pauses) = sessions(&sorted);
        let per_session = requests as f64 / sessions.max(1) as f64;
        Self {
            requests,
            sessions,
            length_s,
            requests_per_s,
            busiest_minute_per_s: busiest(&sorted, length_s),
            think_time_s: uniform(&pauses),
            actions_per_session: [1, (2.0 * per_session - 1.0).round().clamp(1.0, 100_000.0) as u32],
        }
    }
}

fn seconds(entry: &Entry) -> Option<f64> {
    entry.at.map(|nanos| nanos as f64 / 1e9)
}

/// Returns the number of sessions, and the pauses between the requests of each.
fn sessions(sorted: &[(f64, &Entry)]) -> (usize, Vec<f64>) {
    let mut ends: HashMap<(&str, &str, &str), f64> = HashMap::new();
    let (mut count, mut pauses) = (0, Vec::new());
    for (at, entry) in sorted {
        let key = (
            entry.client.as_deref().unwrap_or_default(),
            entry.user.as_deref().unwrap_or_default(),
            entry.user_agent.as_deref().unwrap_or_default(),
        );
        let took = entry.duration.map_or(0.0, |duration| duration.as_secs_f64());
        match ends.get(&key) {
            // A recording that names no client has one session for each request.
            Some(end) if key != ("", "", "") && at - end <= SESSION_GAP_S => pauses.push((at - end).max(0.0)),
            _ => count += 1,
        }
        ends.insert(key, at + took);
    }
    (count, pauses)
}

/// Returns the range of a uniform distribution with the mean of `values`, and with their standard deviation where that
/// keeps it above 0.
fn uniform(values: &[f64]) -> [f64; 2] {
    if values.is_empty() {
        return [0.0, 0.0];
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
    // A uniform distribution over [m - w, m + w] has the standard deviation w / sqrt(3).
    let half = (3.0 * variance).sqrt().min(mean);
    [mean - half, mean + half]
}

fn busiest(sorted: &[(f64, &Entry)], length_s: f64) -> Option<f64> {
    if length_s < 120.0 {
        return None;
    }
    let mut minutes: HashMap<i64, usize> = HashMap::new();
    for (at, _) in sorted {
        *minutes.entry((at / 60.0).floor() as i64).or_default() += 1;
    }
    minutes.values().max().map(|count| *count as f64 / 60.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(client: &str, at_s: f64) -> Entry {
        Entry {
            at: Some((at_s * 1e9) as i128),
            method: "GET".to_owned(),
            target: "/".to_owned(),
            client: Some(client.to_owned()),
            ..Entry::default()
        }
    }

    #[test]
    fn a_session_ends_after_half_an_hour_and_clients_have_their_own() {
        let all = [entry("a", 0.0), entry("b", 1.0), entry("a", 2.0), entry("a", 6.0), entry("b", 1802.5)];
        let habits = Habits::of(&all.iter().collect::<Vec<_>>());
        assert_eq!((habits.requests, habits.sessions), (5, 3), "b comes back too late");
        // Pauses of 2 s and 4 s have the mean 3 and the standard deviation 1.
        let half = 3.0_f64.sqrt();
        assert_eq!(habits.think_time_s, [3.0 - half, 3.0 + half]);
        assert_eq!(habits.actions_per_session, [1, 2], "5 requests in 3 sessions are 1.67; 1 to 2 are 1.5");
        assert_eq!(habits.length_s, 1802.5);
    }

    #[test]
    fn the_rate_counts_the_gaps() {
        let all: Vec<Entry> = (0..5).map(|number| entry("a", f64::from(number) * 0.5)).collect();
        let habits = Habits::of(&all.iter().collect::<Vec<_>>());
        assert_eq!(habits.requests_per_s, Some(2.0), "one every half second");
        assert_eq!(habits.think_time_s, [0.5, 0.5]);
        assert_eq!(habits.actions_per_session, [1, 9], "5 on average");
    }

    #[test]
    fn pauses_that_vary_much_keep_their_mean() {
        assert_eq!(uniform(&[0.0, 0.0, 0.0, 8.0]), [0.0, 4.0]);
    }
}
