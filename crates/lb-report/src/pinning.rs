//! Whether kept connections decide which backend gets how many requests, as behind a balancer of connections (layer
//! 4): a backend that joins later gets few requests while clients keep the connections that they have.

use super::text::percent;
use lb_results::AlgorithmSummary;

/// Name of the contestant whose connections lead to backends by definition.
const DIRECT: &str = "direct";
/// The share of connections with one backend from which on connections count as pinned.
const PINNED: f64 = 0.95;
/// The number of requests per connection from which on connections count as kept.
const KEPT: f64 = 2.0;
/// The greatest difference of a backend's shares of connections and of requests that follow each other.
const ALIKE: f64 = 0.1;

/// The connections and the requests of one backend.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Led<'a> {
    pub(super) id: &'a str,
    /// Number of connections that led to this backend alone.
    pub(super) connections: u64,
    /// Its fraction of all such connections.
    pub(super) connection_share: f64,
    pub(super) requests: u64,
    /// Its fraction of all requests whose replies named a backend.
    pub(super) request_share: f64,
}

/// Returns the connections and requests of each backend, if most connections led to one backend alone and there is
/// more than one backend; empty otherwise.
pub(super) fn led(algorithm: &AlgorithmSummary) -> Vec<Led<'_>> {
    let Some(known) = &algorithm.connections else { return Vec::new() };
    let to_one: u64 = known.by_backend.iter().map(|backend| backend.opened).sum();
    let requests: u64 = algorithm.backends.iter().map(|backend| backend.requests).sum();
    if algorithm.backends.len() < 2 || to_one <= known.several || requests == 0 || algorithm.name == DIRECT {
        return Vec::new();
    }
    let of = |id: &str| known.by_backend.iter().find(|backend| backend.id == id).map_or(0, |one| one.opened);
    let share = |count: u64, all: u64| count as f64 / all as f64;
    let backends = algorithm.backends.iter().map(|backend| Led {
        id: &backend.id,
        connections: of(&backend.id),
        connection_share: share(of(&backend.id), to_one),
        requests: backend.requests,
        request_share: share(backend.requests, requests),
    });
    backends.collect()
}

/// Says that shares of requests follow shares of connections. `None` if they do not, or connections are not kept.
pub(super) fn pinned(algorithm: &AlgorithmSummary) -> Option<String> {
    let known = algorithm.connections.as_ref()?;
    let backends = led(algorithm);
    let to_one: u64 = backends.iter().map(|backend| backend.connections).sum();
    let requests: u64 = backends.iter().map(|backend| backend.requests).sum();
    let pinned = to_one as f64 >= PINNED * (to_one + known.several) as f64;
    let kept = requests as f64 >= KEPT * known.opened as f64;
    let alike =
        backends.iter().all(|backend| (backend.connection_share - backend.request_share).abs() <= ALIKE);
    let most = backends.iter().max_by(|one, other| one.request_share.total_cmp(&other.request_share))?;
    (pinned && kept && alike).then(|| {
        format!(
            "kept connections stay with one backend each, so shares of requests follow shares of connections: {} has {} \
             of the connections and {} of the requests",
            most.id,
            percent(most.connection_share, 1),
            percent(most.request_share, 1),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_results::{BackendConnections, BackendSummary, ConnectionSummary};

    fn algorithm(connections: [u64; 2], several: u64, requests: [u64; 2]) -> AlgorithmSummary {
        let ids = ["old", "new"];
        let backend = |place: usize| BackendSummary {
            id: ids[place].to_owned(),
            requests: requests[place],
            share: 0.0,
            errors: 0,
            mean_ms: None,
            peak_in_flight: None,
            balancer_errors: None,
            retries: None,
        };
        let by_backend =
            |place: usize| BackendConnections { id: ids[place].to_owned(), opened: connections[place] };
        AlgorithmSummary {
            name: "leastconn".to_owned(),
            backends: (0..2).map(backend).collect(),
            connections: Some(ConnectionSummary {
                opened: connections.iter().sum::<u64>() + several,
                by_backend: (0..2).map(by_backend).collect(),
                several,
                ..ConnectionSummary::default()
            }),
            ..AlgorithmSummary::default()
        }
    }

    #[test]
    fn pinning_is_said_where_requests_follow_kept_connections() {
        assert_eq!(
            pinned(&algorithm([19, 1], 0, [9_600, 400])).as_deref(),
            Some(
                "kept connections stay with one backend each, so shares of requests follow shares of connections: old has \
                 95.0 % of the connections and 96.0 % of the requests"
            )
        );
        assert_eq!(
            pinned(&algorithm([0, 0], 20, [5_000, 5_000])),
            None,
            "every connection meets all backends"
        );
        assert_eq!(pinned(&algorithm([5_000, 5_000], 0, [5_000, 5_000])), None, "no connection is kept");
        assert_eq!(pinned(&algorithm([10, 10], 0, [9_000, 1_000])), None, "one backend is slow");
        let direct = AlgorithmSummary { name: DIRECT.to_owned(), ..algorithm([19, 1], 0, [9_600, 400]) };
        assert_eq!(pinned(&direct), None, "nothing balances there");
    }

    #[test]
    fn backends_are_listed_unless_connections_lead_to_several() {
        let some = algorithm([3, 1], 0, [60, 40]);
        let shares: Vec<(&str, u64, f64)> =
            led(&some).iter().map(|one| (one.id, one.connections, one.request_share)).collect();
        assert_eq!(shares, [("old", 3, 0.6), ("new", 1, 0.4)]);
        assert_eq!(led(&algorithm([3, 1], 4, [60, 40])), []);
    }
}
