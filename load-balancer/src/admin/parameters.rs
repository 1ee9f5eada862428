//! Request parameters as the Spring dialect accepts them: from the query or a form body, never
//! from JSON. A page can send a form without asking first, so forms need `X-Requested-With` (`lb_listen::Gate`).

use super::reply::Refusal;
use crate::state::State;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Query, Request};
use axum::http::{StatusCode, Uri, header};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

/// Upper limit for a form body in bytes.
const LONGEST_FORM: usize = 64 * 1024;

/// The parameters of one request.
pub(super) struct Parameters {
    path: String,
    values: HashMap<String, String>,
}

impl Parameters {
    /// Returns the parameter, if it is given.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Returns the parameter, or the reply that Spring sends when it is missing.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| self.bad(&format!("Required request parameter '{name}' is not present")))
    }

    /// Returns the parameter as a whole number, or the reply that Spring sends when it is not one.
    pub(super) fn number(&self, name: &str, default: i64) -> Result<i64, Refusal> {
        match self.get(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|_| self.bad(&format!("Parameter '{name}' is `{text}`, not a whole number"))),
        }
    }

    fn bad(&self, message: &str) -> Refusal {
        let body = json!({
            "timestamp": jiff::Timestamp::now().to_string(),
            "status": 400,
            "error": "Bad Request",
            "message": message,
            "path": self.path,
        });
        Refusal::new(StatusCode::BAD_REQUEST, body)
    }
}

impl FromRequest<Arc<State>> for Parameters {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &Arc<State>) -> Result<Self, Refusal> {
        let read = |uri: &Uri| Query::<HashMap<String, String>>::try_from_uri(uri).map(|query| query.0).ok();
        let path = request.uri().path().to_owned();
        let mut parameters = Self { path, values: read(request.uri()).unwrap_or_default() };
        let is_form = request
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
        if is_form {
            let body = to_bytes(request.into_body(), LONGEST_FORM)
                .await
                .map_err(|_| parameters.bad("the form body is too long or incomplete"))?;
            let form = std::str::from_utf8(&body)
                .ok()
                .and_then(|text| format!("/?{text}").parse().ok())
                .and_then(|uri| read(&uri))
                .ok_or_else(|| parameters.bad("the form body is malformed"))?;
            for (name, value) in form {
                parameters.values.entry(name).or_insert(value);
            }
        }
        Ok(parameters)
    }
}
