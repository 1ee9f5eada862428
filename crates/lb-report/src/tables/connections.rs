//! The tables about connections: how long it took to open them, and which backends they led to.

use super::Table;
use crate::pinning::led;
use crate::text::{fixed, percent};
use lb_results::{ConnectionSummary, Latency, ScenarioSummary};

/// Tabulates how long it took to open connections, for each algorithm. Those without TLS handshakes, waits for a
/// connection of a pool and repeated requests are left out; `None` if all are.
pub(crate) fn connections(scenario: &ScenarioSummary) -> Option<Table> {
    let header = [
        "Algorithm",
        "Opened",
        "Connect p50 (ms)",
        "Connect p99 (ms)",
        "Handshakes",
        "Resumed",
        "Handshake p50 (ms)",
        "Handshake p99 (ms)",
        "Name look-ups",
        "Look-up max (ms)",
        "Waits",
        "Wait p99 (ms)",
        "Sent again",
        "HTTP/2",
        "Most streams",
    ];
    let mut table = Table::new(
        "How long it took to open connections: until TCP was connected, and then for the TLS handshake; neither is \
         part of a latency that counts from sending. Waits: requests that found no connection of the pool free; sent \
         again: requests that met a kept connection which the other side had closed, or that it declined. HTTP/2: \
         connections on which it was spoken",
        &header,
    );
    for algorithm in &scenario.algorithms {
        let Some(known) = algorithm.connections.as_ref().filter(|known| is_of_interest(known)) else {
            continue;
        };
        let of = |times: &Option<Latency>, pick: fn(&Latency) -> f64| fixed(times.as_ref().map(pick), 2);
        table.add(vec![
            algorithm.name.clone(),
            known.opened.to_string(),
            of(&known.connect_ms, |times| times.p50),
            of(&known.connect_ms, |times| times.p99),
            known.handshakes.to_string(),
            known.resumed.to_string(),
            of(&known.handshake_ms, |times| times.p50),
            of(&known.handshake_ms, |times| times.p99),
            known.look_ups.to_string(),
            of(&known.look_up_ms, |times| times.max),
            known.waits.to_string(),
            of(&known.wait_ms, |times| times.p99),
            (known.reused_connection_closed + known.declined).to_string(),
            known.http2.to_string(),
            known.most_streams.to_string(),
        ]);
    }
    table.unless_empty()
}

/// Returns whether more happened than that connections were opened.
fn is_of_interest(known: &ConnectionSummary) -> bool {
    let again = known.reused_connection_closed + known.declined;
    known.handshakes > 0 || known.waits > 0 || again > 0 || known.http2 > 0
}

/// Tabulates the connections and the requests of each backend, for the algorithms whose connections mostly led to one
/// backend each. `None` if there are none.
pub(crate) fn connections_by_backend(scenario: &ScenarioSummary) -> Option<Table> {
    let mut table = Table::new(
        "Connections whose replies all came from one backend, and the requests of that backend. Where kept connections \
         are balanced rather than requests, a backend that joins later gets few of both",
        &["Algorithm", "Backend", "Connections", "Share of connections", "Requests", "Share of requests"],
    );
    for algorithm in &scenario.algorithms {
        for backend in led(algorithm) {
            table.add(vec![
                algorithm.name.clone(),
                backend.id.to_owned(),
                backend.connections.to_string(),
                percent(backend.connection_share, 1),
                backend.requests.to_string(),
                percent(backend.request_share, 1),
            ]);
        }
    }
    table.unless_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_results::{AlgorithmSummary, BackendConnections, BackendSummary};

    #[test]
    fn connections_are_shown_only_if_there_were_handshakes_or_waits() {
        let latency =
            Latency { mean: 1.5, min: 1.0, p50: 1.25, p90: 2.0, p95: 2.25, p99: 2.5, p999: 2.75, max: 3.0 };
        let plain = ConnectionSummary {
            opened: 9,
            connect_ms: Some(latency.clone()),
            ..ConnectionSummary::default()
        };
        let secured =
            ConnectionSummary { handshakes: 9, resumed: 4, handshake_ms: Some(latency), ..plain.clone() };
        let of = |name: &str, connections| AlgorithmSummary {
            name: name.to_owned(),
            connections,
            ..AlgorithmSummary::default()
        };
        let algorithms = vec![of("a", Some(plain)), of("b", None)];
        let mut scenario = ScenarioSummary { algorithms, ..ScenarioSummary::default() };
        assert_eq!(connections(&scenario), None);
        scenario.algorithms.push(of("c", Some(secured)));
        let table = connections(&scenario).expect("there were handshakes");
        let cells: Vec<&str> = table.rows[0].cells.iter().map(|cell| cell.text.as_str()).collect();
        assert_eq!(
            cells,
            ["c", "9", "1.25", "2.50", "9", "4", "1.25", "2.50", "0", "–", "0", "–", "0", "0", "0"]
        );
        assert_eq!(table.rows.len(), 1);
    }
    #[test]
    fn connections_are_shown_beside_the_requests_of_their_backends() {
        let backend = |id: &str, requests| BackendSummary {
            id: id.to_owned(),
            requests,
            share: 0.0,
            errors: 0,
            mean_ms: None,
            peak_in_flight: None,
            balancer_errors: None,
            retries: None,
        };
        let of = |several| AlgorithmSummary {
            name: format!("with {several}"),
            backends: vec![backend("old", 90), backend("new", 10)],
            connections: Some(ConnectionSummary {
                by_backend: vec![BackendConnections { id: "old".to_owned(), opened: 8 }],
                several,
                ..ConnectionSummary::default()
            }),
            ..AlgorithmSummary::default()
        };
        let scenario = ScenarioSummary { algorithms: vec![of(0), of(30)], ..ScenarioSummary::default() };
        let table = connections_by_backend(&scenario).expect("there is one");
        let rows: Vec<Vec<&str>> =
            table.rows.iter().map(|row| row.cells.iter().map(|cell| cell.text.as_str()).collect()).collect();
        let expected = [
            ["with 0", "old", "8", "100.0 %", "90", "90.0 %"],
            ["with 0", "new", "0", "0.0 %", "10", "10.0 %"],
        ];
        assert_eq!(rows, expected, "where connections lead to several backends, nothing follows from them");
    }
}
