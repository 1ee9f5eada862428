//! How a backend answers what needs no worker, and what its replies look like.

use crate::boutique::{self, Page, Visit};
use crate::cookies;
use crate::echo;
use crate::exposition;
use crate::hold::{Hold, Part, Trickle, parse_events};
use crate::reply::Answer;
use crate::server::{Instance, Reply};
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, REFERER,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_VERSION, SET_COOKIE, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::{Either, Full};
use lb_core::headers;
use std::time::Duration;

const BACKEND: HeaderName = HeaderName::from_static(headers::BACKEND);

impl Instance {
    /// Holds a request outside the workers.
    pub(crate) async fn hold(&self, query: &str) -> Reply {
        let Hold { ms, chunks } = match Hold::parse(query) {
            Ok(hold) => hold,
            Err(problem) => return self.reply(&Answer::error(400, problem)),
        };
        self.shared.engine.count(self.unit, |counts| counts.held += 1);
        if let Some(chunks) = chunks {
            let head = self.reply(&Answer { status: 200, body: Bytes::new() });
            return head.map(|_| Either::Right(Trickle::new(Part::Line, ms, chunks)));
        }
        tokio::time::sleep(Duration::from_millis(ms)).await;
        self.reply(&Answer::json(200, &serde_json::json!({ "heldMs": ms })))
    }

    /// Streams server-sent events.
    pub(crate) fn events(&self, query: &str) -> Reply {
        let (ms, count) = match parse_events(query) {
            Ok(wanted) => wanted,
            Err(problem) => return self.reply(&Answer::error(400, problem)),
        };
        self.shared.engine.count(self.unit, |counts| counts.held += 1);
        let mut head = self.reply(&Answer { status: 200, body: Bytes::new() });
        head.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        head.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        head.map(|_| Either::Right(Trickle::new(Part::Event, ms, count)))
    }

    /// Answers the handshake of a WebSocket.
    pub(crate) fn echo(&self, headers: &HeaderMap) -> Reply {
        let accepted = echo::accept(headers);
        let mut reply = match &accepted {
            Ok(_) => self.reply(&Answer { status: 101, body: Bytes::new() }),
            Err(problem) => self.reply(&Answer::error(426, problem)),
        };
        let head = reply.headers_mut();
        head.insert(UPGRADE, HeaderValue::from_static("websocket"));
        head.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        match accepted {
            Ok(accepted) => {
                self.shared.engine.count(self.unit, |counts| counts.held += 1);
                head.remove(CONTENT_TYPE);
                head.insert(SEC_WEBSOCKET_ACCEPT, accepted);
            }
            Err(_) => drop(head.insert(SEC_WEBSOCKET_VERSION, echo::VERSION)),
        }
        reply
    }

    pub(crate) fn reply(&self, answer: &Answer) -> Reply {
        let mut response = Response::new(Either::Left(Full::new(answer.body.clone())));
        *response.status_mut() =
            StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if answer.status != 204 {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        response.headers_mut().insert(BACKEND, self.id.clone());
        self.add_load_report(response.headers_mut());
        response
    }

    /// Answers a request to the shop for browsers.
    pub(crate) fn visit(&self, head: &Parts, path: &str, body: &[u8]) -> Reply {
        let cookies = cookies::sent(&head.headers);
        let visit = Visit {
            method: head.method.as_str(),
            path,
            cookies: &cookies,
            referer: head.headers.get(REFERER).and_then(|value| value.to_str().ok()),
            body,
        };
        self.page(boutique::answer(&mut self.shared.store.borrow_mut(), &visit))
    }

    /// Returns a page of the shop for browsers.
    pub(crate) fn page(&self, page: Page) -> Reply {
        let mut response = self.reply(&Answer { status: page.status, body: page.html.into() });
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        // What comes from the client was checked, or was a header before.
        let location = page.location.and_then(|location| HeaderValue::try_from(location).ok());
        headers.extend(location.map(|location| (LOCATION, location)));
        for cookie in page.cookies {
            headers.extend(HeaderValue::try_from(cookie).ok().map(|cookie| (SET_COOKIE, cookie)));
        }
        response
    }

    /// Answers with the metrics of this backend.
    pub(crate) fn scrape(&self) -> Reply {
        let mut response = self.reply(&Answer { status: 200, body: self.metrics().into() });
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(exposition::MEDIA_TYPE));
        response
    }

    /// Returns the metrics of this backend, for Prometheus.
    pub(crate) fn metrics(&self) -> String {
        let engine = &self.shared.engine;
        let mut page = exposition::render(&engine.snapshot(self.unit), engine.load(self.unit), engine.now());
        if let Some(declared) = &self.shared.declared {
            declared.expose(self.unit, &mut page);
        }
        page
    }
}
