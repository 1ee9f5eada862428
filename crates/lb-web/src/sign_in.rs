//! Signing in and out.

use crate::reply::{self, Reply};
use crate::server::Server;
use http::header::{HeaderValue, RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use std::net::SocketAddr;
use tokio::time::sleep;

/// What a browser sends to sign in.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Attempt {
    user: String,
    password: String,
    token: String,
}

/// Begins a session for whoever knows the secret.
pub(crate) async fn log_in(server: &Server, peer: SocketAddr, body: &[u8]) -> Reply {
    // The text of the error would repeat a part of the body.
    let Ok(attempt) = serde_json::from_slice::<Attempt>(body) else {
        let text = "send an object such as {\"user\": \"ann\", \"password\": \"…\"} or {\"token\": \"…\"}";
        return reply::error(StatusCode::BAD_REQUEST, text);
    };
    let right = {
        let auth = server.auth.borrow();
        if auth.needs() != "nothing" && !auth.attempts.may_try(peer.ip()) {
            return too_many();
        }
        match auth.needs() {
            "nothing" => return reply::empty(StatusCode::NO_CONTENT),
            "password" => auth.is_password(&attempt.user, &attempt.password),
            _ => auth.is_token(&attempt.token),
        }
    };
    if !right {
        return rebuff(server, peer).await;
    }
    let begun = {
        let mut auth = server.auth.borrow_mut();
        auth.attempts.forget(peer.ip());
        auth.begin_session()
    };
    match begun {
        Ok(cookie) => with_cookie(&cookie),
        Err(error) => {
            let text = format!("a session cannot begin: the system gives no random numbers ({error})");
            reply::error(StatusCode::INTERNAL_SERVER_ERROR, &text)
        }
    }
}

/// Ends a session.
pub(crate) fn log_out(server: &Server, headers: &HeaderMap) -> Reply {
    with_cookie(&server.auth.borrow_mut().end_session(headers))
}

/// Answers a wrong attempt, after a wait.
pub(crate) async fn rebuff(server: &Server, peer: SocketAddr) -> Reply {
    let (wait, number) = server.auth.borrow_mut().attempts.count(peer.ip());
    let which = match number {
        1 => "wrong attempt".to_owned(),
        _ => format!("{number} wrong attempts in a row"),
    };
    server.tell(&format!("a sign-in from {} was refused ({which})", peer.ip()));
    sleep(wait).await;
    reply::error(StatusCode::UNAUTHORIZED, "that is not right; try again")
}

/// Answers an attempt that was not looked at.
pub(crate) fn too_many() -> Reply {
    let text = "too many wrong attempts came from your address; wait some seconds and try again";
    let mut reply = reply::error(StatusCode::TOO_MANY_REQUESTS, text);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    reply
}

fn with_cookie(cookie: &str) -> Reply {
    let mut reply = reply::empty(StatusCode::NO_CONTENT);
    if let Ok(value) = HeaderValue::from_str(cookie) {
        reply.headers_mut().insert(SET_COOKIE, value);
    }
    reply
}
