//! The version of HTTP that was spoken in a scenario.

use super::text::count;
use lb_results::ScenarioSummary;

/// Names the version of HTTP that was spoken, and how many streams a connection carried. `None` if no connection was
/// opened, as in a simulation.
pub(super) fn spoken(scenario: &ScenarioSummary) -> Option<String> {
    let known = || scenario.algorithms.iter().filter_map(|algorithm| algorithm.connections.as_ref());
    let opened: u64 = known().map(|known| known.opened).sum();
    let http2: u64 = known().map(|known| known.http2).sum();
    let streams = known().map(|known| known.most_streams).max().unwrap_or(0);
    match (opened, http2) {
        (0, _) => None,
        (_, 0) => Some("HTTP/1.1".to_owned()),
        _ => {
            let part =
                if http2 == opened { String::new() } else { format!(" on {http2} of {opened} connections") };
            Some(format!("HTTP/2{part}, at most {} on a connection", count(streams as usize, "stream")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_results::{AlgorithmSummary, ConnectionSummary};

    #[test]
    fn what_was_spoken_is_named_with_the_streams_of_a_connection() {
        let of = |opened, http2, most_streams| AlgorithmSummary {
            connections: Some(ConnectionSummary {
                opened,
                http2,
                most_streams,
                ..ConnectionSummary::default()
            }),
            ..AlgorithmSummary::default()
        };
        let said = |algorithms| spoken(&ScenarioSummary { algorithms, ..ScenarioSummary::default() });
        assert_eq!(said(Vec::new()), None, "a simulation opens none");
        assert_eq!(said(vec![of(4, 0, 0)]).as_deref(), Some("HTTP/1.1"));
        assert_eq!(said(vec![of(4, 4, 1)]).as_deref(), Some("HTTP/2, at most 1 stream on a connection"));
        assert_eq!(
            said(vec![of(4, 4, 3), of(4, 0, 0)]).as_deref(),
            Some("HTTP/2 on 4 of 8 connections, at most 3 streams on a connection")
        );
    }
}
