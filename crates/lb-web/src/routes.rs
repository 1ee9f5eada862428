//! What is answered to which request.
//!
//! | Call | Answer |
//! |---|---|
//! | GET `/`, `/assets/NAME` | the page and its files |
//! | GET `/api/session`, POST `/api/login`, `/api/logout` | who is signed in |
//! | GET `/api/choices`, POST `/api/check`, `/api/runs` | the form: what there is, what it means, start |
//! | GET `/api/state`, `/api/live` | the board, once or with its changes |
//! | POST `/api/steer` | a command for the run |
//! | GET `/api/results`, `/results/ID/reports/N`, `/results/ID/files/N`, POST `/api/compare` | results |
//! | GET `/trend` | the trend of all recorded runs |

use crate::assets::Asset;
use crate::auth::Caller;
use crate::live::Live;
use crate::reply::{self, Reply};
use crate::security::{Content, protect};
use crate::server::Server;
use crate::sign_in::{log_in, log_out, rebuff, too_many};
use crate::starting::{check, start};
use crate::stored::{compare, file, list, report};
use crate::trend::trend;
use crate::words::shown;
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use lb_listen::{Limits, read};
use serde_json::json;
use std::net::SocketAddr;
use std::rc::Rc;

/// The longest body of a request, in bytes.
const LONGEST_BODY: usize = 64 << 10;
/// What is asked for with POST.
const POSTS: [&str; 6] =
    ["/api/login", "/api/logout", "/api/check", "/api/runs", "/api/steer", "/api/compare"];
/// The parts of the API that are asked for with GET.
const GETS: [&str; 5] = ["/api/session", "/api/choices", "/api/state", "/api/live", "/api/results"];

/// Answers a request.
pub(crate) async fn answer(server: &Rc<Server>, peer: SocketAddr, request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    let admitted = match server.gate.admit(&head) {
        Ok(admitted) => admitted,
        Err(refusal) => return finish(reply::error(refusal.status, &refusal.reason), Content::Own),
    };
    if admitted.is_preflight() {
        let mut reply = reply::empty(StatusCode::NO_CONTENT);
        admitted.mark(reply.headers_mut());
        return finish(reply, Content::Own);
    }
    let (mut reply, content) = match head.method {
        Method::GET | Method::HEAD => get(server, peer, &head).await,
        Method::POST => (post(server, peer, &head, body).await, Content::Own),
        _ => {
            let mut reply =
                reply::error(StatusCode::METHOD_NOT_ALLOWED, "only GET, HEAD and POST are answered here");
            reply.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
            (reply, Content::Own)
        }
    };
    admitted.mark(reply.headers_mut());
    finish(reply, content)
}

fn finish(mut reply: Reply, content: Content) -> Reply {
    // What went wrong is always told by the server itself.
    let content = if reply.status().is_success() { content } else { Content::Own };
    protect(reply.headers_mut(), content);
    reply
}

async fn get(server: &Rc<Server>, peer: SocketAddr, head: &Parts) -> (Reply, Content) {
    let path = head.uri.path();
    let own = |reply: Reply| (reply, Content::Own);
    if path == "/" || path == "/index.html" {
        return own(asset(Asset::page(), head));
    }
    if let Some(name) = path.strip_prefix("/assets/") {
        return own(Asset::named(name).map_or_else(|| not_found(path), |known| asset(known, head)));
    }
    let caller = server.auth.borrow_mut().caller(peer.ip(), &head.headers);
    // Whoever sends a wrong secret is answered as late as everywhere else.
    if path == "/api/session" && matches!(caller, Caller::Known | Caller::Unknown) {
        return own(session(server, caller));
    }
    if let Some(refused) = refuse(server, peer, caller).await {
        return own(refused);
    }
    match path {
        "/api/choices" => own(reply::json(StatusCode::OK, &json!(*server.choices().await))),
        "/api/state" => own(reply::json(StatusCode::OK, &server.runs.look(|board| board.whole()))),
        "/api/live" => own(watch(server, head)),
        "/api/results" => own(list(server).await),
        "/trend" => (trend(server).await, Content::Report),
        _ if POSTS.contains(&path) => own(wrong_method(path, "POST")),
        _ => stored(server, path).await.unwrap_or_else(|| own(not_found(path))),
    }
}

/// Answers what begins with `/results/`; `None` for any other path.
async fn stored(server: &Server, path: &str) -> Option<(Reply, Content)> {
    let mut parts = path.strip_prefix("/results/")?.split('/');
    let (id, what, number, rest) = (parts.next()?, parts.next()?, parts.next()?, parts.next());
    let number: usize = number.parse().ok().filter(|_| rest.is_none())?;
    match what {
        "reports" => Some((report(server, id, number).await, Content::Report)),
        "files" => Some((file(server, id, number).await, Content::File)),
        _ => None,
    }
}

async fn post(server: &Rc<Server>, peer: SocketAddr, head: &Parts, body: Incoming) -> Reply {
    let path = head.uri.path();
    if !is_json(head) {
        let text = "a POST needs `content-type: application/json`, also without a body";
        return reply::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
    }
    if !POSTS.contains(&path) {
        return if is_got(path) { wrong_method(path, "GET, HEAD") } else { not_found(path) };
    }
    // Whoever is not signed in gets no further body read than that of the attempt to do so.
    if path != "/api/login" {
        let caller = server.auth.borrow_mut().caller(peer.ip(), &head.headers);
        if let Some(refused) = refuse(server, peer, caller).await {
            return refused;
        }
    }
    let body: Bytes = match read(body, LONGEST_BODY, Limits::default().body).await {
        Ok(body) => body,
        Err(error) => {
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
            let text = match status {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    format!("the body is longer than {LONGEST_BODY} bytes; send less")
                }
                _ => error.to_string(),
            };
            return reply::error(status, &text);
        }
    };
    match path {
        "/api/login" => log_in(server, peer, &body).await,
        "/api/logout" => log_out(server, &head.headers),
        "/api/check" => check(server, &body).await,
        "/api/runs" => start(server, &body).await,
        "/api/steer" => steer(server, &body).await,
        _ => compare(server, &body).await,
    }
}

fn is_json(head: &Parts) -> bool {
    let media = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// Refuses who is not signed in; `None` for who is.
async fn refuse(server: &Server, peer: SocketAddr, caller: Caller) -> Option<Reply> {
    match caller {
        Caller::Known => None,
        Caller::Unknown => {
            let mut reply = reply::error(StatusCode::UNAUTHORIZED, "sign in first");
            // Not `Basic`, for which a browser would show a window of its own.
            reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"bench\""));
            Some(reply)
        }
        Caller::Wrong => Some(rebuff(server, peer).await),
        Caller::Unseen => Some(too_many()),
    }
}

fn session(server: &Server, caller: Caller) -> Reply {
    let needs = server.auth.borrow().needs();
    let signed_in = caller == Caller::Known;
    let about = json!({ "signed_in": signed_in, "needs": needs, "version": env!("CARGO_PKG_VERSION") });
    reply::json(StatusCode::OK, &about)
}

/// Returns whether a path is one that is read.
fn is_got(path: &str) -> bool {
    path == "/"
        || path == "/trend"
        || GETS.contains(&path)
        || path.starts_with("/assets/")
        || path.starts_with("/results/")
}

fn wrong_method(path: &str, right: &'static str) -> Reply {
    let mut reply = reply::error(StatusCode::METHOD_NOT_ALLOWED, &format!("`{}` takes {right}", shown(path)));
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(right));
    reply
}

fn not_found(path: &str) -> Reply {
    reply::error(StatusCode::NOT_FOUND, &format!("there is no `{}` here", shown(path)))
}

fn asset(asset: &'static Asset, head: &Parts) -> Reply {
    let tag = asset.tag();
    let known = head.headers.get_all(IF_NONE_MATCH).iter().any(|value| {
        value.to_str().is_ok_and(|tags| tags.split(',').any(|one| one.trim().trim_start_matches("W/") == tag))
    });
    let mut reply = match known {
        true => reply::empty(StatusCode::NOT_MODIFIED),
        false => reply::bytes(StatusCode::OK, asset.media, asset.bytes),
    };
    let headers = reply.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    reply
}

/// Begins a stream of the board.
fn watch(server: &Rc<Server>, head: &Parts) -> Reply {
    if head.method == Method::HEAD {
        return reply::bytes(StatusCode::OK, "text/event-stream", Bytes::new());
    }
    let Some(counted) = server.watch() else {
        let text = "too many pages watch already; close one of them";
        return reply::error(StatusCode::SERVICE_UNAVAILABLE, text);
    };
    // A session may end while its stream goes on; a secret that was right stays right.
    let (asked, headers) = (Rc::clone(server), head.headers.clone());
    let by_session = server.auth.borrow_mut().has_session(&headers);
    let may_go_on = move || !by_session || asked.auth.borrow_mut().has_session(&headers);
    reply::live(Live::new(&server.runs, counted, Box::new(may_go_on)))
}

async fn steer(server: &Server, body: &[u8]) -> Reply {
    use crate::steer::{NotSent, steer};
    match steer(&server.runs, body).await {
        Ok((ok, text)) => reply::json(StatusCode::OK, &json!({ "ok": ok, "text": text })),
        Err(NotSent::Unknown(text)) => reply::error(StatusCode::BAD_REQUEST, &text),
        Err(NotSent::NothingRuns) => reply::error(
            StatusCode::CONFLICT,
            "nothing runs at the moment, so there is nothing to steer; start a run first",
        ),
    }
}
