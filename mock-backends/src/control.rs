//! The control API for the harness, on a separate loopback port that is never behind a load balancer.
//!
//! | Call | Effect |
//! |---|---|
//! | GET `/backends` | state and counters of all backends |
//! | POST `/backends/{id}/kill` | the backend goes down: connections break, new ones are refused |
//! | POST `/backends/{id}/restart` | it comes up again |
//! | GET `/api` | the API from a file that the backends serve: hits and misses of its caches, and how many rows it keeps |
//! | GET `/faults` | the timeline that `/faults/start` would start |
//! | POST `/faults` | replaces the timeline: a JSON list of faults; it does not start it |
//! | POST `/faults/start` | starts the timeline now; before that and after `stop` no fault is active |
//! | POST `/faults/stop` | ends all faults of the timeline |
//! | POST `/faults/add` | puts in a fault by hand, beside the timeline: it begins now, or `start_s` from now |
//! | POST `/faults/clear` | ends the faults that were put in by hand |
//! | POST `/reset` | shop, counters, queues, degradation and faults as after the start |
//!
//! A reset keeps the list of faults, but the timeline does not run until it is started again.
//!
//! Who may call is decided by [`lb_listen::Gate`]: neither a page of another origin nor a host that is not known.

use crate::config::AnnouncedBackend;
use crate::reply::Answer;
use crate::server::{MAX_BODY, Shared};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use lb_core::fault::Fault;
use lb_listen::{Door, Limits, Seats, read};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use tokio::net::TcpListener;

/// The most connections at once.
const SEATS: usize = 32;
/// Descriptors that no connection to a backend gets.
const RESERVE: usize = 4;

/// The control API's view of the process.
pub(crate) struct Control {
    shared: Rc<Shared>,
    backends: Vec<AnnouncedBackend>,
    faults: RefCell<Vec<Fault>>,
}

/// Serves the control API forever.
pub(crate) async fn serve(listener: TcpListener, shared: Rc<Shared>, backends: Vec<AnnouncedBackend>) {
    let faults = RefCell::new(shared.topology.faults.clone());
    let control = Rc::new(Control { shared, backends, faults });
    let limits = Limits::default();
    let mut door = Door::new("the control API", listener, Seats::new(SEATS), RESERVE);
    loop {
        let newcomer = door.accept().await;
        let control = Rc::clone(&control);
        tokio::task::spawn_local(async move {
            newcomer.serve(&limits, |request| handle(Rc::clone(&control), request)).await
        });
    }
}

async fn handle(
    control: Rc<Control>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let admitted = control.shared.gate.admit(&head);
    let answer = match &admitted {
        Err(refusal) => Answer::refused(refusal),
        Ok(admitted) if admitted.is_preflight() => Answer::empty(),
        Ok(_) => match read(body, MAX_BODY, Limits::default().body).await {
            Ok(body) => control.answer(&head.method, head.uri.path(), &body),
            Err(error) => Answer::error(error.status(), &error.to_string()),
        },
    };
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    if let Ok(admitted) = admitted {
        admitted.mark(response.headers_mut());
    }
    Ok(response)
}

impl Control {
    fn answer(&self, method: &Method, path: &str, body: &[u8]) -> Answer {
        let post = method == Method::POST;
        let engine = &self.shared.engine;
        match path {
            "/backends" if method == Method::GET => {
                let all: Vec<Value> = (0..self.backends.len()).map(|unit| self.show(unit)).collect();
                Answer::json(200, &json!({ "backends": all }))
            }
            "/api" if method == Method::GET => self.show_api(),
            "/faults" if method == Method::GET => Answer::json(200, &json!(&*self.faults.borrow())),
            "/faults" if post => self.replace_faults(body),
            "/faults/start" if post => {
                engine.start_faults(&self.faults.borrow());
                Answer::json(200, &json!({ "status": "started", "faults": self.faults.borrow().len() }))
            }
            "/faults/stop" if post => {
                engine.stop_faults();
                Answer::json(200, &json!({ "status": "stopped" }))
            }
            "/faults/add" if post => self.add_fault(body),
            "/faults/clear" if post => {
                engine.clear_faults();
                Answer::json(200, &json!({ "status": "cleared" }))
            }
            "/reset" if post => {
                self.shared.reset();
                Answer::json(200, &json!({ "status": "reset" }))
            }
            _ => self.backend(post, path),
        }
    }

    fn backend(&self, post: bool, path: &str) -> Answer {
        let parts = path.strip_prefix("/backends/").and_then(|rest| rest.rsplit_once('/'));
        let Some((id, action @ ("kill" | "restart"))) = parts.filter(|_| post) else {
            return Answer::error(404, "unknown call of the control API");
        };
        let Some(unit) = self.backends.iter().position(|backend| backend.id == id) else {
            let ids: Vec<&str> = self.backends.iter().map(|backend| backend.id.as_str()).collect();
            return Answer::error(404, &format!("unknown backend {id:?}; use one of {}", ids.join(", ")));
        };
        self.shared.engine.set_up(unit, action == "restart");
        Answer::json(200, &self.show(unit))
    }

    fn replace_faults(&self, body: &[u8]) -> Answer {
        let faults: Vec<Fault> = match serde_json::from_slice(body) {
            Ok(faults) => faults,
            Err(error) => return Answer::error(400, &format!("faults are not valid: {error}")),
        };
        if let Some(refusal) = self.refuse(&faults) {
            return refusal;
        }
        let count = faults.len();
        *self.faults.borrow_mut() = faults;
        Answer::json(200, &json!({ "status": "replaced", "faults": count }))
    }

    fn add_fault(&self, body: &[u8]) -> Answer {
        let fault: Fault = match serde_json::from_slice(body) {
            Ok(fault) => fault,
            Err(error) => return Answer::error(400, &format!("the fault is not valid: {error}")),
        };
        if let Some(refusal) = self.refuse(std::slice::from_ref(&fault)) {
            return refusal;
        }
        self.shared.engine.put_in(fault);
        Answer::json(200, &json!({ "status": "added" }))
    }

    /// Returns what is wrong with faults; `None` if they are valid.
    fn refuse(&self, faults: &[Fault]) -> Option<Answer> {
        let mut topology = self.shared.topology.clone();
        topology.faults = faults.to_vec();
        let problems = topology.problems();
        let refusal = || Answer::json(400, &json!({ "error": "faults are not valid", "problems": problems }));
        (!problems.is_empty()).then(refusal)
    }

    fn show_api(&self) -> Answer {
        match &self.shared.declared {
            Some(declared) => {
                let ids: Vec<&str> = self.backends.iter().map(|backend| backend.id.as_str()).collect();
                Answer::json(200, &declared.show(&ids))
            }
            None => Answer::error(404, "the backends serve a built-in API; give one from a file with --api"),
        }
    }

    fn show(&self, unit: usize) -> Value {
        let backend = &self.backends[unit];
        let now = self.shared.engine.snapshot(unit);
        json!({
            "id": backend.id,
            "url": backend.url,
            "pool": backend.pool,
            "up": now.up,
            "in_system": now.in_system,
            "hanging": now.hanging,
            "speed": now.speed,
            "counts": now.counts,
        })
    }
}
