//! Backends that tell load balancers what they hold: with each reply, or as answers to probes.
//!
//! A report says what the backend really holds when it is written, and is as old as the way back when it arrives. Probes
//! travel like requests, but wait for no worker: a slow backend answers at once, a frozen one or one that is down never
//! does.

use lb_core::backend::BackendModel;
use lb_core::policy::{BackendIndex, LoadReport};
use lb_core::reports::Reporter;
use lb_core::{Rng, Seed, Time};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How load balancers learn what backends hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Reports {
    /// Not at all: each load balancer knows only its own requests.
    #[default]
    None,
    /// Every reply of a backend carries a report (Open Request Cost Aggregation).
    Orca,
    /// Load balancers ask random backends with each request, and go on without waiting (Prequal).
    Probes {
        /// Mean number of backends that are asked with each request; Prequal's `r_probe`.
        per_request: f64,
    },
}

/// Label of the random stream that draws the backends that are asked.
const PROBES: u64 = 0x0070_726f_6265;

/// The state of all reports under way. It exists only if there are reports.
#[derive(Debug)]
pub(crate) struct Reporting {
    reports: Reports,
    rng: Rng,
    /// What each backend remembers for its reports.
    reporters: Vec<Reporter>,
    /// What each request found at its backend, by slot.
    arrivals: Vec<Found>,
    /// What each reply on its way says, by slot.
    written: Vec<LoadReport>,
    /// Probes that each balancer may still send, of which a fraction waits for the next request.
    credits: Vec<f64>,
    /// The places that are asked with the current request.
    drawn: Vec<u32>,
    /// Probes and answers in transit with their arrival times. All take the same time.
    wire: VecDeque<(Time, Probe)>,
}

/// What a request found when it came to its backend.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    in_flight: u32,
    at: Time,
}

/// A probe, or the answer to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    /// Number of the balancer that asks.
    pub(crate) balancer: usize,
    /// Number of the backend, and its position in its pool.
    pub(crate) site: usize,
    pub(crate) place: BackendIndex,
    /// `None` on the way to the backend.
    pub(crate) answer: Option<LoadReport>,
}

impl Reporting {
    /// Creates the state for a number of backends and of balancers; `None` if there are no reports.
    pub(crate) fn new(reports: Reports, seed: Seed, sites: usize, balancers: usize) -> Option<Self> {
        if reports == Reports::None {
            return None;
        }
        Some(Self {
            reports,
            rng: seed.stream(&[PROBES]),
            reporters: vec![Reporter::default(); sites],
            arrivals: Vec::new(),
            written: Vec::new(),
            credits: vec![0.0; balancers],
            drawn: Vec::new(),
            wire: VecDeque::new(),
        })
    }

    /// Returns the time at which the next probe or answer arrives.
    pub(crate) fn next_time(&self) -> Time {
        self.wire.front().map_or(Time::MAX, |(at, _)| *at)
    }

    /// Takes the next probe or answer.
    pub(crate) fn pop(&mut self) -> Option<Probe> {
        self.wire.pop_front().map(|(_, probe)| probe)
    }

    /// Sends the probes that are due with a request of `balancer` to different backends of its pool, which are the
    /// `count` from `first` on. They arrive at `arrival`.
    pub(crate) fn ask(&mut self, balancer: usize, first: usize, count: usize, arrival: Time) {
        let Reports::Probes { per_request } = self.reports else { return };
        let credit = &mut self.credits[balancer];
        *credit += per_request.max(0.0);
        let due = credit.floor();
        *credit -= due;
        self.drawn.clear();
        while self.drawn.len() < count.min(due as usize) {
            let place = self.rng.random_range(0..count as u32);
            if self.drawn.contains(&place) {
                continue;
            }
            self.drawn.push(place);
            let site = first + place as usize;
            let probe = Probe { balancer, site, place: BackendIndex(place), answer: None };
            self.wire.push_back((arrival, probe));
        }
    }

    /// Returns an answer to its balancer; it arrives at `arrival`. A backend that is down or frozen does not answer.
    pub(crate) fn answer(&mut self, probe: Probe, model: &BackendModel, now: Time, arrival: Time) {
        if model.is_up() && model.speed() > 0.0 {
            let report = LoadReport { probed: true, ..self.report(probe.site, model, now) };
            self.wire.push_back((arrival, Probe { answer: Some(report), ..probe }));
        }
    }

    /// Notes what the request of a slot finds at its backend.
    pub(crate) fn arrived(&mut self, slot: u32, model: &BackendModel, now: Time) {
        let slot = slot as usize;
        if self.arrivals.len() <= slot {
            self.arrivals.resize(slot + 1, Found::default());
            self.written.resize(slot + 1, LoadReport::default());
        }
        self.arrivals[slot] = Found { in_flight: held(model), at: now };
    }

    /// Notes that the request of a slot was served.
    pub(crate) fn served(&mut self, slot: u32, site: usize, now: Time) {
        let Found { in_flight, at } = self.arrivals[slot as usize];
        self.reporters[site].on_reply(in_flight, now.since(at), now);
    }

    /// Writes the report that the reply to the request of a slot carries.
    pub(crate) fn write(&mut self, slot: u32, site: usize, model: &BackendModel, now: Time) {
        if self.reports == Reports::Orca {
            self.written[slot as usize] = self.report(site, model, now);
        }
    }

    /// Returns the report that came with the reply to the request of a slot; `None` if replies carry none.
    pub(crate) fn read(&self, slot: u32) -> Option<LoadReport> {
        (self.reports == Reports::Orca).then(|| self.written[slot as usize])
    }

    fn report(&mut self, site: usize, model: &BackendModel, now: Time) -> LoadReport {
        self.reporters[site].report(held(model), model.workers() as u32, now)
    }
}

/// Returns the number of requests that a backend holds.
fn held(model: &BackendModel) -> u32 {
    (model.in_system() + model.hanging()) as u32
}
