//! The recorded arrivals, as they were or at another rate.

use crate::log::AccessLog;
use lb_core::rng::mix;
use lb_core::{Span, Time};
use simulator::RecordedArrival;

/// How far a copy of a request may lie from the original, at most: requests of one instant would be a burst that
/// never was.
const APART: Span = Span::from_secs(1);

/// One request of the log, or a copy of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) at: Time,
    pub(super) client: u64,
    pub(super) route: u16,
    /// The backend that got it according to the log.
    pub(super) backend: u16,
}

/// Which identity of an arrival policies see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// That of the client.
    Client,
    /// The number of the backend that got it, for the policy that repeats logged choices.
    Backend,
}

/// All arrivals in order of time.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    list: Vec<Arrival>,
    /// Determines service times, together with the replication.
    seed: u64,
}

impl Arrivals {
    /// Takes the requests of a log, `scale` times as many. The shape of the load over time stays: each request
    /// is left out or repeated within a second by chance, which depends on `seed`.
    pub(super) fn new(log: &AccessLog, scale: f64, seed: u64) -> Self {
        let tick = log.resolution.unit.as_nanos();
        let length = log.length().as_nanos();
        let apart = APART.as_nanos().min(length / 20);
        let whole = scale.floor() as u64;
        let mut list = Vec::with_capacity((log.requests.len() as f64 * scale * 1.05) as usize);
        for (number, request) in log.requests.iter().enumerate() {
            let key = mix(seed ^ mix(number as u64));
            let copies = whole + u64::from(unit(key) < scale.fract());
            for copy in 0..copies {
                let key = mix(key ^ copy);
                // Times that were cut off lie anywhere in their unit.
                let within = (unit(mix(key ^ 1)) * tick as f64) as u64;
                let apart = if copy == 0 { 0.0 } else { (2.0 * unit(mix(key ^ 2)) - 1.0) * apart as f64 };
                let at = (request.at.as_nanos() + within).saturating_add_signed(apart as i64).min(length);
                let client = if copy == 0 { request.client } else { mix(request.client ^ copy) };
                let (route, backend) = (request.route, request.backend);
                list.push(Arrival { at: Time::from_nanos(at), client, route, backend });
            }
        }
        list.sort_by_key(|arrival| arrival.at);
        Self { list, seed }
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns the arrivals for a simulation, from `start` on.
    pub(super) fn from(&self, start: Time, identity: Identity) -> impl Iterator<Item = RecordedArrival> {
        let first = self.list.partition_point(|arrival| arrival.at < start);
        self.list.iter().enumerate().skip(first).map(move |(number, arrival)| RecordedArrival {
            at: arrival.at,
            route: arrival.route,
            key: mix(self.seed ^ mix(number as u64)),
            client_key: match identity {
                Identity::Client => arrival.client,
                Identity::Backend => u64::from(arrival.backend),
            },
            hints: None,
        })
    }
}

/// Returns a number from 0 to below 1.
fn unit(key: u64) -> f64 {
    (key >> 11) as f64 / (1u64 << 53) as f64
}
