//! What calibration needs of a trace: who sent what to whom, when, and how it ended. Compact, so that
//! millions of requests fit into memory.

use lb_core::{Span, Time};

/// One request that a load balancer sent to a backend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exchange {
    /// When the load balancer decided, from the beginning of the recording.
    pub sent: Time,
    /// From the decision to the end of the reply, or to when the client went away; `None` if the trace does
    /// not tell.
    pub latency: Option<Span>,
    /// The part of it that the backend itself says it served, waiting excluded. `None` in everything that is
    /// read from a trace: a load balancer's policies do not see it, so traces do not have it.
    pub service: Option<Span>,
    /// Position in [`Traces::backends`].
    pub backend: u16,
    /// Position in [`Traces::routes`].
    pub route: u16,
    /// The number of the load balancer, as the trace has it.
    pub balancer: u16,
    /// How the request ended.
    pub end: End,
}

/// How an exchange ended, as the load balancer saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// A reply below 500.
    Served,
    /// A reply with a 5xx.
    Failed,
    /// No connection could be opened, or it broke.
    Disconnected,
    /// No reply came in time.
    TimedOut,
    /// The trace does not tell: the client went away, or the trace was over first.
    Censored,
}

/// What one policy did in one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Episode {
    /// The run that recorded.
    pub run: String,
    /// The policy that decided.
    pub policy: String,
    /// Share of decisions that were drawn evenly at random, for the sake of the trace.
    pub exploration: f64,
    /// How many load balancers took part.
    pub balancers: u16,
    /// Its requests in the order of [`Exchange::sent`].
    pub exchanges: Vec<Exchange>,
}

/// Episodes on the same backends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traces {
    /// Ids of the backends, in the order that [`Exchange::backend`] refers to.
    pub backends: Vec<String>,
    /// The configured weight of each backend; only their ratios matter.
    pub weights: Vec<f64>,
    /// Classes of route, in the order that [`Exchange::route`] refers to.
    pub routes: Vec<String>,
    /// What each policy did in each run.
    pub episodes: Vec<Episode>,
}

impl Episode {
    /// When the last request was sent.
    pub fn length(&self) -> Span {
        self.exchanges.last().map_or(Span::ZERO, |last| last.sent.since(Time::ZERO))
    }
}

impl Traces {
    /// The names of the policies, each once, in the order of the episodes.
    pub fn policies(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for episode in &self.episodes {
            if !names.contains(&episode.policy.as_str()) {
                names.push(&episode.policy);
            }
        }
        names
    }

    /// The episodes whose policy passes `keep`.
    pub fn only(&self, keep: impl Fn(&str) -> bool) -> Self {
        let episodes = self.episodes.iter().filter(|episode| keep(&episode.policy)).cloned().collect();
        Self {
            backends: self.backends.clone(),
            weights: self.weights.clone(),
            routes: self.routes.clone(),
            episodes,
        }
    }

    /// The number of exchanges in all episodes.
    pub fn len(&self) -> usize {
        self.episodes.iter().map(|episode| episode.exchanges.len()).sum()
    }

    /// Whether there is no exchange at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
