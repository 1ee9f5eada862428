//! How a backend answers requests to an API from a file: take the request in, wait for a worker as long as it costs, then
//! answer.

use crate::counts::CallKind;
use crate::declared_api::{Content, Incoming, Rendered, RunningApi};
use crate::exposition;
use crate::reply::Answer;
use crate::server::{Broken, Instance, Reply, Service};
use crate::target::Target;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use http::request::Parts;
use lb_core::backend::demand_at_cost;
use lb_core::{Time, headers};

const SERVICE: HeaderName = HeaderName::from_static(headers::SERVICE);

impl Instance {
    /// Answers a request to an API from a file; `arrived` is when its head was read. What it costs by the file and what it
    /// costs by the topology multiply.
    pub(crate) async fn answer_declared(
        &self,
        api: &RunningApi,
        head: &Parts,
        target: &Target<'_>,
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
                let route = topology.route(service, request.method, &visit.path);
                let service_time = api.service_time(&visit).unwrap_or_else(|| topology.service_time(route));
                // Without a service, an API lies at the root, whatever its paths begin with.
                let below = if service.is_empty() { request.path } else { target.path };
                let cost = self.cost(head, below, body, route);
                self.queue(key, service, demand_at_cost(service_time, key, cost).mul_f64(visit.cost)).await?
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
