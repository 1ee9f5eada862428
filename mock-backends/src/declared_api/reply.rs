//! Replies of a mock API: as compiled from the file, and as made for one request.

use super::template::{Fault, Json, Templates, Text};
use crate::cookies;
use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use minijinja::Value;
use serde_json::json;

/// The media types of bodies.
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const PAGE: &str = "text/html; charset=utf-8";

/// A reply that is filled for each request.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(HeaderName, Text)>,
    pub(super) cookies: Vec<(String, Text)>,
    pub(super) location: Option<Text>,
    pub(super) body: Body,
}

/// A body that is filled for each request.
#[derive(Debug)]
pub(super) enum Body {
    Json(Json),
    Text(Text),
    Page(Text),
    /// The same for all requests.
    Ready(Content),
}

/// A reply to one request.
#[derive(Clone, Debug)]
pub(crate) struct Rendered {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Values of `Set-Cookie` headers.
    pub(crate) cookies: Vec<String>,
    /// Where a redirect leads.
    pub(crate) location: Option<HeaderValue>,
    pub(crate) content: Content,
}

/// What a body holds.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Nothing.
    Empty,
    /// Bytes with their media type.
    Bytes(Bytes, &'static str),
    /// The metrics of the backend that answers.
    Metrics,
}

impl Reply {
    /// Returns the default reply of the form `{"error": message}`.
    pub(super) fn error(status: u16, message: &str) -> Self {
        let content = Content::json(&json!({ "error": message }));
        let (headers, cookies) = (Vec::new(), Vec::new());
        Self { status, headers, cookies, location: None, body: Body::Ready(content) }
    }

    /// Makes the reply to a request.
    pub(super) fn fill(&self, templates: &Templates, context: &Value) -> Result<Rendered, Fault> {
        let text = |text: &Text| templates.fill(text, context);
        let content = match &self.body {
            Body::Ready(content) => content.clone(),
            Body::Json(json) => {
                let bytes = serde_json::to_vec(&templates.filled(json, context));
                Content::Bytes(bytes.map_err(|error| Fault(error.to_string()))?.into(), JSON)
            }
            Body::Text(body) => Content::Bytes(text(body)?.into(), TEXT),
            Body::Page(body) => Content::Bytes(text(body)?.into(), PAGE),
        };
        let mut set = Vec::new();
        for (name, value) in &self.cookies {
            match text(value)? {
                value if value.is_empty() => set.push(cookies::deletion(name)),
                value if cookies::is_value(&value) => set.push(cookies::lasting(name, &value)),
                value => return Err(Fault(format!("`{value}` cannot be the value of the cookie `{name}`"))),
            }
        }
        let location = self.location.as_ref().map(text).transpose()?;
        Ok(Rendered {
            status: self.status,
            headers: fill_headers(&self.headers, templates, context)?,
            cookies: set,
            location: location.and_then(|location| HeaderValue::try_from(location).ok()),
            content,
        })
    }
}

/// Fills the values of headers. One that is empty, or not possible in a header, is left out.
pub(super) fn fill_headers(
    headers: &[(HeaderName, Text)],
    templates: &Templates,
    context: &Value,
) -> Result<Vec<(HeaderName, HeaderValue)>, Fault> {
    let mut filled = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let value = templates.fill(value, context)?;
        let value = HeaderValue::try_from(value).ok().filter(|value| !value.is_empty());
        filled.extend(value.map(|value| (name.clone(), value)));
    }
    Ok(filled)
}

impl Content {
    /// Returns a JSON value as a body.
    pub(super) fn json(value: &serde_json::Value) -> Self {
        Self::Bytes(value.to_string().into(), JSON)
    }

    /// Returns a fixed text as a body.
    pub(super) fn text(text: String) -> Self {
        Self::Bytes(text.into(), TEXT)
    }

    /// Returns a fixed page as a body.
    pub(super) fn page(html: String) -> Self {
        Self::Bytes(html.into(), PAGE)
    }
}

impl Rendered {
    /// Returns a reply with a plain text.
    #[cfg(test)]
    pub(super) fn text(status: u16, text: String) -> Self {
        Self::of(status, Content::text(text))
    }

    /// Returns a reply of the form `{"error": message}`.
    pub(super) fn error(status: u16, message: &str) -> Self {
        Self::of(status, Content::json(&json!({ "error": message })))
    }

    fn of(status: u16, content: Content) -> Self {
        Self { status, headers: Vec::new(), cookies: Vec::new(), location: None, content }
    }

    /// Returns whether other requests may get the same reply: it is a success and sets no cookie.
    pub(super) fn is_cacheable(&self) -> bool {
        (200..300).contains(&self.status) && self.cookies.is_empty()
    }

    /// Returns about how many bytes the reply takes.
    pub(super) fn bytes(&self) -> usize {
        let body = match &self.content {
            Content::Bytes(bytes, _) => bytes.len(),
            Content::Empty | Content::Metrics => 0,
        };
        let headers = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64);
        size_of::<Self>() + body + headers.sum::<usize>()
    }
}
