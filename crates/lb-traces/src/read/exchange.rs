//! The part of a trace needed for calibration: which load balancer sent what to which backend, when, and how
//! it ended. The data are compact, so that millions of requests fit into memory.

use super::hints::{HintPlace, RecordedHints};
use lb_core::{Span, Time};

/// One request that a load balancer sent to a backend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exchange {
    /// When the load balancer made the decision, from the beginning of the recording.
    pub sent: Time,
    /// Time from the decision to the end of the reply, or until the client disconnected; `None` if the trace
    /// does not contain it.
    pub latency: Option<Span>,
    /// The service time reported by the backend itself, without waiting. Always `None` for exchanges read
    /// from a trace: a load balancer's policies do not see it, so traces do not contain it.
    pub service: Option<Span>,
    /// Index of the backend in [`Traces::backends`].
    pub backend: u16,
    /// Index of the route in [`Traces::routes`].
    pub route: u16,
    /// The number of the load balancer, as recorded in the trace.
    pub balancer: u16,
    /// Where in [`Traces::hints`] is what the request says about its cost.
    pub hints: HintPlace,
    /// How the request ended.
    pub end: End,
}

/// How an exchange ended, as the load balancer saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// A reply below 500.
    Served,
    /// A reply with a 5xx status.
    Failed,
    /// No connection could be opened, or it broke.
    Disconnected,
    /// No reply came in time.
    TimedOut,
    /// Unknown: the client disconnected, or the recording ended first.
    Censored,
}

/// The requests that one policy routed in one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Episode {
    /// Id of the run that recorded the episode.
    pub run: String,
    /// The policy that made the decisions.
    pub policy: String,
    /// Share of decisions that exploration drew uniformly at random.
    pub exploration: f64,
    /// Number of load balancers that took part.
    pub balancers: u16,
    /// The requests of the episode, in the order of [`Exchange::sent`].
    pub exchanges: Vec<Exchange>,
}

/// Episodes recorded on the same set of backends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traces {
    /// Ids of the backends, in the order that [`Exchange::backend`] refers to.
    pub backends: Vec<String>,
    /// The configured weight of each backend; only their ratios matter.
    pub weights: Vec<f64>,
    /// Route classes, in the order that [`Exchange::route`] refers to.
    pub routes: Vec<String>,
    /// What the requests say about their cost.
    pub hints: RecordedHints,
    /// The episodes, one for each policy in each run.
    pub episodes: Vec<Episode>,
}

impl Episode {
    /// Returns when the last request was sent, from the start of the recording.
    pub fn length(&self) -> Span {
        self.exchanges.last().map_or(Span::ZERO, |last| last.sent.since(Time::ZERO))
    }
}

impl Traces {
    /// Returns the names of the policies, without duplicates, in the order of the episodes.
    pub fn policies(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for episode in &self.episodes {
            if !names.contains(&episode.policy.as_str()) {
                names.push(&episode.policy);
            }
        }
        names
    }

    /// Returns a copy with only the episodes whose policy `keep` accepts.
    pub fn only(&self, keep: impl Fn(&str) -> bool) -> Self {
        let episodes = self.episodes.iter().filter(|episode| keep(&episode.policy)).cloned().collect();
        Self {
            backends: self.backends.clone(),
            weights: self.weights.clone(),
            routes: self.routes.clone(),
            hints: self.hints.clone(),
            episodes,
        }
    }

    /// Returns the number of exchanges in all episodes.
    pub fn len(&self) -> usize {
        self.episodes.iter().map(|episode| episode.exchanges.len()).sum()
    }

    /// Returns whether there are no exchanges.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
