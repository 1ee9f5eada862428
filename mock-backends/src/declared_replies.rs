//! How a backend answers requests to an API from a file: take the request in, wait for a worker as long as it costs, then
//! answer.

use crate::counts::CallKind;
use crate::declared_api::{Content, Incoming, Rendered, RunningApi};
use crate::exposition;
use crate::reply::Answer;
use crate::server::{Broken, Instance, Reply, Service};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use http::request::Parts;
use lb_core::backend::demand;
use lb_core::{Time, headers};

const SERVICE: HeaderName = HeaderName::from_static(headers::SERVICE);

impl Instance {
    /// Answers a request to an API from a file; `arrived` is when its head was read.
    pub(crate) async fn answer_declared(
        &self,
        api: &RunningApi,
        head: &Parts,
        body: &[u8],
        arrived: Time,
    ) -> Result<Reply, Broken> {
        let engine = &self.shared.engine;
        let service = head.headers.get(SERVICE).and_then(|value| value.to_str().ok());
        let request = Incoming {
            method: head.method.as_str(),
            path: head.uri.path(),
            service,
            query: head.uri.query().unwrap_or_default(),
            headers: &head.headers,
            body,
            backend: self.id.to_str().unwrap_or_default(),
            unit: self.unit,
        };
        let visit = api.arrive(&request, engine.now());
        let (key, label) = (self.key(&head.headers), api.label(&visit));
        let served = match api.is_at_once(&visit) {
            true => Service::Done,
            false => {
                let service = service.unwrap_or_default();
                let topology = &self.shared.topology;
                let usual = || topology.service_time(topology.route(service, request.method, &visit.path));
                let service_time = api.service_time(&visit).unwrap_or_else(usual);
                self.queue(key, service, demand(service_time, key).mul_f64(visit.cost)).await?
            }
        };
        let reply = match served {
            Service::Done => self.declared_reply(api.answer(visit, key, engine.now())),
            Service::Failed => self.failed(),
            Service::Refused => self.refused(),
        };
        let call = CallKind::new(request.method, label, reply.status().as_u16());
        let now = engine.now();
        engine.count(self.unit, |counts| counts.replied(call, now.since(arrived), now));
        Ok(reply)
    }

    fn declared_reply(&self, rendered: Rendered) -> Reply {
        let Rendered { status, headers, cookies, location, content } = rendered;
        let (body, kind) = match content {
            Content::Metrics => (self.metrics().into(), Some(exposition::MEDIA_TYPE)),
            Content::Bytes(bytes, kind) => (bytes, Some(kind)),
            Content::Empty => (Bytes::new(), None),
        };
        let mut reply = self.reply(&Answer { status, body });
        let all = reply.headers_mut();
        match kind {
            Some(kind) => drop(all.insert(CONTENT_TYPE, HeaderValue::from_static(kind))),
            None => drop(all.remove(CONTENT_TYPE)),
        }
        for (name, value) in headers {
            all.insert(name, value);
        }
        all.extend(location.map(|location| (LOCATION, location)));
        for cookie in cookies {
            // `insert` would keep the last cookie alone.
            if let Ok(cookie) = HeaderValue::try_from(cookie) {
                all.append(SET_COOKIE, cookie);
            }
        }
        reply
    }
}
