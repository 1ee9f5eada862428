//! Who answers a request of the data port: a pool, or the admin API if that shares the port.

use crate::admin;
use crate::proxy::{self, ClientError, Downstream, Ending, Own, Requester};
use axum::body::Body;
use http::header::{CONTENT_LENGTH, HeaderName};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::BodyExt;
use std::future::poll_fn;

/// The longest body of a request for the admin API, in bytes.
const LONGEST_BODY: usize = 2 * 1024 * 1024;

/// Answers one request: forwards it, or gives it to the admin API if that shares the port. A path below `/proxy/` comes
/// first, then those of the admin API, then the pool that is mounted at `/`.
pub(crate) async fn answer(down: &mut Downstream, admin: Option<&axum::Router>) -> Ending {
    if proxy::is_proxied(&down.request.target) {
        return proxy::forward(down).await;
    }
    let has_root = down.thread.state.config.root.is_some();
    let own = match admin {
        _ if down.request.target == "*" => Own { status: StatusCode::NO_CONTENT, ..Own::default() },
        None if has_root => return proxy::forward(down).await,
        Some(_) if has_root && !admin::is_own(&down.request.target) => return proxy::forward(down).await,
        Some(admin) => match ask_admin(down, admin).await {
            Ok(reply) => reply,
            Err(ClientError::Slow) => {
                Own::error(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")
            }
            Err(ClientError::Malformed(text)) => Own::error(StatusCode::BAD_REQUEST, text),
            Err(ClientError::Gone) => return Ending::BrokenOff,
        },
        None => Own::error(StatusCode::NOT_FOUND, "only paths below /proxy/ are served here"),
    };
    send(down, own).await
}

/// Gives a reply of our own.
pub(crate) async fn send(down: &mut Downstream, own: Own) -> Ending {
    match proxy::send(down, own).await {
        Ok(()) => Ending::Replied,
        Err(_) => Ending::BrokenOff,
    }
}

/// Has the admin API answer a request.
async fn ask_admin(down: &mut Downstream, admin: &axum::Router) -> Result<Own, ClientError> {
    let (mut body, mut part) = (Vec::new(), Vec::new());
    while !down.has_whole_request() {
        poll_fn(|cx| down.poll_body(cx, &mut part, false)).await?;
        body.append(&mut part);
        if body.len() > LONGEST_BODY {
            let text = "the body is longer than 2 MiB";
            return Ok(Own::error(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
    }
    let Some(request) = request(down, body) else {
        return Ok(Own::error(StatusCode::BAD_REQUEST, "the request target is invalid"));
    };
    let is_head = request.method() == Method::HEAD;
    let reply = admin::answer(admin.clone(), down.client.loopback, request).await;
    let (head, body) = reply.into_parts();
    let Ok(body) = body.collect().await else {
        return Ok(Own::error(StatusCode::INTERNAL_SERVER_ERROR, "the reply broke off"));
    };
    let mut own = Own { status: head.status, fields: head.headers, ..Own::default() };
    own.body = body.to_bytes().to_vec();
    if !is_head {
        own.fields.remove(CONTENT_LENGTH);
    }
    Ok(own)
}

/// Builds the request for the admin API.
fn request(down: &Downstream, body: Vec<u8>) -> Option<Request<Body>> {
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = down.request.method.clone();
    *request.uri_mut() = Uri::from_maybe_shared(down.request.target.clone()).ok()?;
    for (_, name, value) in down.request.fields.iter() {
        let (name, value) = (HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?);
        request.headers_mut().append(name, value);
    }
    Some(request)
}
