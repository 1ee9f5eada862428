//! Compiles the texts of a file: expressions, templates, headers and replies. What is wrong becomes a problem, and
//! something harmless takes its place, so that the rest of the file is checked too.

use super::reply::{Body, Content, Reply};
use super::reply_file::ReplyFile;
use super::scope::Scope;
use super::template::{Fault, Formula, Json, Names, Templates, Text, formula};
use http::header::HeaderName;
use lb_core::headers::BACKEND;
use lb_core::ordered::Ordered;
use lb_core::service_time::ServiceTime;
use lb_document::{Problem, join};
use serde_json::Value;

/// Headers that a reply gets from the server itself.
const RESERVED: [&str; 5] = [BACKEND, "connection", "content-length", "set-cookie", "transfer-encoding"];

/// Compiles texts where the variables of a scope are known.
pub(super) struct Words {
    pub(super) templates: Templates,
    pub(super) problems: Vec<Problem>,
    pub(super) scope: Scope,
    /// The variables that were named since this was last emptied.
    pub(super) names: Names,
}

impl Words {
    pub(super) fn new() -> Self {
        Self {
            templates: Templates::new(),
            problems: Vec::new(),
            scope: Scope::default(),
            names: Names::new(),
        }
    }

    /// Reports that the text at `at` is wrong.
    pub(super) fn wrong(&mut self, at: &str, text: &str, message: &str) {
        self.problems.push(Problem::at(at, &text.into(), message));
    }

    /// Takes a compiled text with the names in it, or reports why there is none.
    fn take<T>(&mut self, at: &str, text: &str, compiled: Result<T, Fault>, names: Names) -> Option<T> {
        if let Some(problem) = self.scope.problem(&names) {
            self.wrong(at, text, &problem);
        }
        self.names.extend(names);
        compiled.map_err(|fault| self.wrong(at, text, &format!("is not valid: {fault}"))).ok()
    }

    pub(super) fn formula(&mut self, at: &str, text: &str) -> Option<Formula> {
        let mut names = Names::new();
        let compiled = formula(text, &mut names);
        self.take(at, text, compiled, names)
    }

    pub(super) fn formulas(&mut self, at: &str, texts: &[String]) -> Vec<Formula> {
        let each = texts.iter().enumerate();
        each.filter_map(|(number, text)| self.formula(&format!("{at}[{number}]"), text)).collect()
    }

    fn text(&mut self, at: &str, text: &str, html: bool) -> Text {
        let mut names = Names::new();
        let compiled = self.templates.text(text, html, &mut names);
        self.take(at, text, compiled, names).unwrap_or_else(|| Text::Fixed(String::new()))
    }

    pub(super) fn json(&mut self, at: &str, value: &Value) -> Json {
        // Each text by itself, so that a problem has its own path.
        match value {
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    self.json(&format!("{at}[{number}]"), item);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    self.json(&join(at, key), item);
                }
            }
            Value::String(text) => {
                let mut names = Names::new();
                let compiled = self.templates.json(value, &mut names);
                return self.take(at, text, compiled, names).unwrap_or(Json::Fixed(Value::Null));
            }
            _ => {}
        }
        self.templates.json(value, &mut Names::new()).unwrap_or(Json::Fixed(Value::Null))
    }

    /// Returns the name of a header that a reply may have.
    pub(super) fn header(&mut self, at: &str, name: &str) -> HeaderName {
        let reserved = RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name));
        if reserved {
            self.wrong(at, name, "is a header that the backend itself sets; choose another");
        }
        header_name(name).unwrap_or_else(|| {
            self.wrong(at, name, "is not the name of a header; use letters, digits and `-`");
            HeaderName::from_static("x-unknown")
        })
    }

    pub(super) fn headers(&mut self, at: &str, headers: &Ordered<String>) -> Vec<(HeaderName, Text)> {
        let each = headers.iter().map(|(name, value)| {
            let at = join(at, name);
            (self.header(&at, name), self.text(&at, value, false))
        });
        each.collect()
    }

    pub(super) fn service_time(&mut self, at: &str, service_time: Option<&ServiceTime>) {
        for problem in service_time.iter().flat_map(|service_time| service_time.problems()) {
            self.problems.push(Problem::of_key(at, problem));
        }
    }

    /// Compiles a reply. If there is none, it is `{"error": usual}` with the status `usual_status`.
    pub(super) fn reply(
        &mut self,
        at: &str,
        reply: Option<&ReplyFile>,
        usual_status: u16,
        usual: &str,
    ) -> Reply {
        let Some(file) = reply else { return Reply::error(usual_status, usual) };
        let usual_status = if file.redirect.is_some() { 302 } else { usual_status };
        let status = file.status.unwrap_or(usual_status);
        self.check_reply(at, file, status);
        let json = file.json.as_ref().map(|json| self.json(&join(at, "json"), json));
        let text = file.text.as_ref().map(|text| self.text(&join(at, "text"), text, false));
        let html = file.html.as_ref().map(|html| self.text(&join(at, "html"), html, true));
        let body = match (json, text, html) {
            (Some(Json::Fixed(value)), ..) => Body::Ready(Content::json(&value)),
            (Some(json), ..) => Body::Json(json),
            (_, Some(Text::Fixed(text)), _) => Body::Ready(Content::text(text)),
            (_, Some(text), _) => Body::Text(text),
            (.., Some(Text::Fixed(html))) => Body::Ready(Content::page(html)),
            (.., Some(html)) => Body::Page(html),
            _ if file.metrics => Body::Ready(Content::Metrics),
            _ => Body::Ready(Content::Empty),
        };
        let mut cookies = Vec::new();
        for (name, value) in file.cookies.iter() {
            let at = join(&join(at, "cookies"), name);
            if header_name(name).is_none() {
                self.wrong(&at, name, "is not the name of a cookie; use letters, digits, `-` and `_`");
            }
            cookies.push((name.to_owned(), self.text(&at, value, false)));
        }
        let location =
            file.redirect.as_ref().map(|location| self.text(&join(at, "redirect"), location, false));
        Reply { status, headers: self.headers(&join(at, "headers"), &file.headers), cookies, location, body }
    }

    fn check_reply(&mut self, at: &str, file: &ReplyFile, status: u16) {
        let has = [
            ("json", file.json.is_some()),
            ("text", file.text.is_some()),
            ("html", file.html.is_some()),
            ("metrics", file.metrics),
        ];
        let bodies: Vec<&str> = has.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect();
        if let [first, others @ ..] = bodies.as_slice()
            && !others.is_empty()
        {
            let message = format!("a reply has one body; keep `{first}` or `{}`", others.join("` or `"));
            self.problems.push(Problem::of_key(at, message));
        }
        if matches!(status, 204 | 304) && !bodies.is_empty() {
            let message = format!("a reply with status {status} has no body; remove `{}`", bodies[0]);
            self.problems.push(Problem::of_key(at, message));
        }
        if file.redirect.is_some() && !(300..400).contains(&status) {
            let message = "must be from 300 to 399, because the reply has `redirect`";
            self.problems.push(Problem::at(join(at, "status"), &status.into(), message));
        }
    }
}

/// Returns a name as that of a header, if it can be one. What cookies may be called follows the same rule.
pub(super) fn header_name(name: &str) -> Option<HeaderName> {
    HeaderName::try_from(name).ok()
}
