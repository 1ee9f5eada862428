//! Asks backends for their load, as requests come: the asynchronous probes of Prequal.
//!
//! Wydrowski, Kleinberg, Rumble and Archer, Load is not what you should balance: introducing Prequal (NSDI 2024): with each
//! request, some backends drawn at random are asked, and nobody waits for the answers, which later requests use.
//!
//! Each data thread has one *lane* to each backend: a task with a connection of its own, which asks once at a time. So there
//! are never more probes in flight than backends, whatever they do; a backend that does not answer costs one waiting task.
//! Without an answer in time, or with one that cannot be used, the connection is closed and the lane waits before it asks
//! again, twice as long each time. A limit per second bounds the rest. The requests of clients only draw a number and
//! wake a task.

use crate::config::ProbesConfig;
use crate::load_reports::{Fault, ReportCounts};
use crate::state::{Backend, Pool, Route, State};
use bytes::Bytes;
use http::HeaderValue;
use http::header::HOST;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use lb_core::balancer::Balancer;
use lb_core::policy::LoadReport;
use lb_core::reports::orca::{self, Parsed};
use lb_core::rng::mix;
use lb_core::{Span, Time};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Probes that may be sent at once after a pause, when the limit per second allows only some.
const BURST: u64 = 16;

/// Wait after the first probe in vain.
const FIRST_WAIT: Span = Span::from_millis(50);

/// Longest wait after probes in vain.
const LONGEST_WAIT: Span = Span::from_secs(10);

/// A backend cannot have less than half of what this load balancer alone has there. It may have somewhat less, because
/// requests and replies are on their way; below this number, that can be all of them.
const LEAST_TO_CONTRADICT: u32 = 8;

/// The probes of one data thread.
pub(crate) struct Prober {
    state: Arc<State>,
    config: ProbesConfig,
    max_age: Span,
    /// Number of the data thread, and the view that it uses.
    thread: usize,
    view: usize,
    /// Time between two probes at the limit.
    gap: Span,
    /// Probes that are due, of which a fraction waits for the next request.
    due: Cell<f64>,
    /// When the next probe may be sent, if the limit were kept exactly.
    next: Cell<Time>,
    draws: Cell<u64>,
    /// By slot.
    lanes: RefCell<Vec<Option<Rc<Lane>>>>,
}

/// The way to one backend.
struct Lane {
    counts: Arc<ReportCounts>,
    wake: Notify,
    /// Whether a probe is on its way.
    is_busy: Cell<bool>,
    /// No probe is sent before this.
    wait_until: Cell<Time>,
    /// Probes in vain since the last useful answer.
    in_vain: Cell<u32>,
}

impl Prober {
    /// Creates the probes of a data thread; `None` if backends are not asked.
    pub(crate) fn new(state: &Arc<State>, thread: usize, view: usize) -> Option<Rc<Self>> {
        let reports = state.config.load_reports.as_ref()?;
        let config = reports.probes.clone()?;
        Some(Rc::new(Self {
            gap: Span::from_secs_f64(1.0 / config.per_second),
            max_age: reports.max_age,
            config,
            thread,
            view,
            due: Cell::new(0.0),
            next: Cell::new(Time::ZERO),
            draws: Cell::new(mix(state.generation() ^ mix(thread as u64 + 1))),
            lanes: RefCell::default(),
            state: Arc::clone(state),
        }))
    }

    /// Sends the probes that are due with a request of `route` at `now`.
    pub(crate) fn on_request(self: &Rc<Self>, route: &Route, now: Time) {
        let due = self.due.get() + self.config.per_request;
        self.due.set(due.fract());
        let backends = route.members.len();
        let mut wanted = (due as usize).min(backends);
        // More draws than probes, since one may meet a backend that is asked already.
        for _ in 0..2 * wanted {
            if wanted == 0 {
                return;
            }
            let backend = &route.members[self.draw(backends)].backend;
            if !backend.removed.load(Ordering::Relaxed) && self.ask(&route.pool, backend, now) {
                wanted -= 1;
            }
        }
    }

    /// Draws a number below `count`.
    fn draw(&self, count: usize) -> usize {
        let draw = self.draws.get().wrapping_add(1);
        self.draws.set(draw);
        ((u128::from(mix(draw)) * count as u128) >> 64) as usize
    }

    /// Wakes the lane to a backend. Returns whether a probe is sent.
    fn ask(self: &Rc<Self>, pool: &Arc<Pool>, backend: &Arc<Backend>, now: Time) -> bool {
        let lane = self.lane(pool, backend);
        let may = !lane.is_busy.get() && now >= lane.wait_until.get() && self.keeps_limit(now);
        if may {
            lane.is_busy.set(true);
            lane.wake.notify_one();
        } else {
            lane.counts.withheld();
        }
        may
    }

    /// Returns whether the limit per second allows a probe, and counts it.
    fn keeps_limit(&self, now: Time) -> bool {
        let next = self.next.get();
        if next > now + self.gap * BURST {
            return false;
        }
        self.next.set(next.max(now) + self.gap);
        true
    }

    fn lane(self: &Rc<Self>, pool: &Arc<Pool>, backend: &Arc<Backend>) -> Rc<Lane> {
        let mut lanes = self.lanes.borrow_mut();
        if lanes.len() <= backend.slot {
            lanes.resize_with(backend.slot + 1, || None);
        }
        let lane = lanes[backend.slot].get_or_insert_with(|| {
            let lane = Rc::new(Lane {
                counts: backend.reports.counts.of(self.thread),
                wake: Notify::new(),
                is_busy: Cell::new(false),
                wait_until: Cell::new(Time::ZERO),
                in_vain: Cell::new(0),
            });
            let (prober, pool, backend) = (Rc::clone(self), Arc::clone(pool), Arc::clone(backend));
            tokio::task::spawn_local(drive(prober, Rc::clone(&lane), pool, backend));
            lane
        });
        Rc::clone(lane)
    }
}

impl Lane {
    /// Notes that a probe was in vain.
    fn failed(&self, now: Time) {
        let wait = FIRST_WAIT * (1 << self.in_vain.get().min(16));
        self.in_vain.set(self.in_vain.get().saturating_add(1));
        self.wait_until.set(now + wait.min(LONGEST_WAIT));
    }
}

/// Asks one backend whenever its lane is woken, for ever.
async fn drive(prober: Rc<Prober>, lane: Rc<Lane>, pool: Arc<Pool>, backend: Arc<Backend>) {
    let in_flight = |balancer: &Balancer| balancer.backends()[backend.index.get()].in_flight;
    let mut connection = None;
    loop {
        lane.wake.notified().await;
        let before = pool.with(prober.view, |balancer| in_flight(balancer));
        let asked = ask(&mut connection, &backend, &prober.config.path);
        let answer = tokio::time::timeout(prober.config.timeout, asked).await.unwrap_or(Err(Fault::Late));
        let now = prober.state.now();
        let told = answer.and_then(|parsed| {
            pool.with(prober.view, |balancer| {
                let parsed = believe(parsed, before.min(in_flight(balancer)))?;
                let report = LoadReport { probed: true, max_age: prober.max_age, ..parsed.report };
                balancer.report(backend.index, &report, now);
                Ok(parsed.ignored)
            })
        });
        match told {
            Ok(ignored) => {
                lane.in_vain.set(0);
                lane.counts.used(true, now);
                lane.counts.left_out(ignored);
            }
            Err(fault) => {
                connection = None;
                lane.failed(now);
                backend.reports.fault(&backend.id, &lane.counts, fault);
            }
        }
        lane.is_busy.set(false);
    }
}

/// Refuses an answer that cannot be true, because this load balancer alone had `own` requests at the backend all the while.
fn believe(parsed: Parsed, own: u32) -> Result<Parsed, Fault> {
    match parsed.report.in_flight {
        Some(said) if own >= LEAST_TO_CONTRADICT && said < own / 2 => Err(Fault::Contradiction { said, own }),
        _ => Ok(parsed),
    }
}

/// A connection for probes; dropping the value closes it.
struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    task: JoinHandle<hyper::Result<()>>,
}

impl Connection {
    async fn open(authority: &str) -> Result<Self, Fault> {
        let stream = TcpStream::connect(authority).await.map_err(|_| Fault::Unreachable)?;
        let _ = stream.set_nodelay(true);
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|_| Fault::Unreachable)?;
        Ok(Self { sender, task: tokio::spawn(connection) })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Asks a backend over `kept`, or over a new connection, which is then kept.
async fn ask(kept: &mut Option<Connection>, backend: &Backend, path: &str) -> Result<Parsed, Fault> {
    let origin = &backend.origin;
    let request = || {
        http::Request::get(format!("{}{path}", origin.prefix))
            .header(HOST, &origin.authority)
            .body(Empty::<Bytes>::new())
            .map_err(|_| Fault::Unreachable)
    };
    // Taken out, so that a probe that is given up closes its connection.
    let mut open = kept.take().filter(|open| !open.sender.is_closed());
    let (reply, open) = loop {
        let is_kept = open.is_some();
        let mut connection = match open.take() {
            Some(connection) => connection,
            None => Connection::open(&origin.authority).await?,
        };
        match connection.sender.send_request(request()?).await {
            Ok(reply) => break (reply, connection),
            // The backend may have closed the connection while it was idle.
            Err(_) if is_kept => {}
            Err(_) => return Err(Fault::Unreachable),
        }
    };
    let status = reply.status();
    if !status.is_success() {
        return Err(Fault::Status(status));
    }
    let field = reply.headers().get(orca::FIELD).cloned();
    let body = Limited::new(reply.into_body(), orca::LONGEST).collect().await.map_err(|_| Fault::Body)?;
    let body = body.to_bytes();
    let parsed =
        orca::parse(field.as_ref().map_or(&body[..], HeaderValue::as_bytes)).map_err(Fault::Answer)?;
    *kept = Some(open);
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_forgets_our_own_requests_is_not_believed() {
        let answer = |in_flight| {
            let report = LoadReport { in_flight, ..LoadReport::default() };
            Parsed { report, ignored: 0 }
        };
        for (said, own, is_believed) in [
            (Some(0), 0, true),
            (Some(0), 7, true),
            (Some(0), 8, false),
            (Some(3), 8, false),
            (Some(4), 8, true),
            (Some(49), 100, false),
            (Some(1_000), 8, true),
            (None, 100, true),
        ] {
            assert_eq!(believe(answer(said), own).is_ok(), is_believed, "{said:?} with {own} of our own");
        }
    }
}
