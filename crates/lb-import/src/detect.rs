//! Finds out what a file is, by its content.

use crate::error::Problem;
use crate::yaml;
use serde_json::Value;

/// The most JSON values in a file: those of a long visit.
const MOST_VALUES: usize = 3_000_000;
/// The part of a file that is looked at to say what it was meant to be, in bytes.
const BEGINNING: usize = 16 << 10;

/// What a file is.
#[derive(Debug)]
pub(crate) enum Content {
    Har(Value),
    /// A Postman collection, v2.0 or v2.1.
    Postman(Value),
    /// An API description: OpenAPI 3 or Swagger 2.
    OpenApi(Value),
    /// Anything else: perhaps a log.
    Recording,
}

/// Finds out what a file is. The error continues a sentence whose subject is the file.
pub(crate) fn detect(name: &str, bytes: &[u8]) -> Result<Content, Problem> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace());
    let Some(start) = start else { return Err("is empty".to_owned()) };
    let beginning = String::from_utf8_lossy(&bytes[start..bytes.len().min(start + BEGINNING)]).into_owned();
    if beginning.starts_with('{') {
        return json(bytes, &beginning);
    }
    let has_key = |key: &str| {
        let starts = |line: &str| {
            let line = line.trim_start_matches(['"', '\'']);
            line.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches(['"', '\'']).starts_with(':'))
        };
        beginning.lines().any(starts)
    };
    if has_key("openapi") || has_key("swagger") {
        let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())?;
        return Ok(Content::OpenApi(yaml::parse(text)?));
    }
    let ending = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "har" => Err("is not a HAR file: it must begin with `{\"log\": ...`".to_owned()),
        "yaml" | "yml" => {
            Err("is YAML without the key `openapi` or `swagger`; of YAML files, only API descriptions are imported"
                .to_owned())
        }
        _ => Ok(Content::Recording),
    }
}

fn json(bytes: &[u8], beginning: &str) -> Result<Content, Problem> {
    let meant = meant(beginning);
    if meant.is_some() {
        lb_io::check_json(bytes, MOST_VALUES)?;
    }
    let document = match serde_json::from_slice::<Value>(bytes) {
        Ok(document) => document,
        Err(error) => match meant {
            // One JSON document per line, or no JSON at all.
            None => return Ok(Content::Recording),
            Some(meant) => {
                let what = if error.is_eof() { "is cut off" } else { "is not valid JSON" };
                return Err(format!("{what}: it begins like {meant}, but: {error}; export it again"));
            }
        },
    };
    let has = |pointer: &str| document.pointer(pointer).is_some();
    let is_api = |document: &Value| document.get("openapi").is_some() || document.get("swagger").is_some();
    if has("/log/entries") || has("/log/creator") || has("/log/pages") {
        return Ok(Content::Har(document));
    }
    if is_api(&document) {
        return Ok(Content::OpenApi(document));
    }
    // The API of Postman wraps collections.
    let inner = document.get("collection").filter(|inner| inner.get("info").is_some()).unwrap_or(&document);
    if inner.get("info").is_some() && inner.get("item").is_some() {
        return Ok(Content::Postman(inner.clone()));
    }
    if has("/requests") && (has("/order") || has("/folders")) {
        return Err(
            "is a Postman collection in the format v1, which Postman gave up; import it into Postman and \
            export it as v2.1"
                .to_owned(),
        );
    }
    if has("/values") && has("/_postman_variable_scope") {
        return Err("is a Postman environment, not a collection; give its values with --variable NAME=VALUE"
            .to_owned());
    }
    Ok(Content::Recording)
}

/// Returns what the beginning of a JSON file looks like.
fn meant(beginning: &str) -> Option<&'static str> {
    let has = |key: &str| beginning.contains(key);
    match () {
        () if has("\"log\"") && (has("\"entries\"") || has("\"creator\"") || has("\"version\"")) => {
            Some("a HAR file")
        }
        () if has("\"openapi\"") || has("\"swagger\"") => Some("an API description"),
        () if has("_postman_id") || has("schema.getpostman.com") || has("schema.postman.com") => {
            Some("a Postman collection")
        }
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, text: &str) -> String {
        match detect(name, text.as_bytes()) {
            Ok(Content::Har(_)) => "har".to_owned(),
            Ok(Content::Postman(_)) => "postman".to_owned(),
            Ok(Content::OpenApi(_)) => "openapi".to_owned(),
            Ok(Content::Recording) => "recording".to_owned(),
            Err(problem) => problem,
        }
    }

    #[test]
    fn a_file_is_recognised_by_its_content() {
        for (text, expected) in [
            ("\u{feff} {\"log\": {\"entries\": []}}", "har"),
            (r#"{"info": {}, "item": []}"#, "postman"),
            (r#"{"collection": {"info": {}, "item": []}}"#, "postman"),
            (r#"{"openapi": "3.1.0"}"#, "openapi"),
            (r#"{"swagger": "2.0"}"#, "openapi"),
            ("# API\nopenapi: 3.0.0\ninfo: {}\n", "openapi"),
            ("'swagger': '2.0'\n", "openapi"),
            ("{\"metric\": \"http_reqs\", \"type\": \"Point\"}\n{\"metric\": 1}\n", "recording"),
            ("127.0.0.1 - - [x]", "recording"),
            ("[]", "recording"),
        ] {
            assert_eq!(kind("file", text), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_imported_is_named() {
        for (name, text, expected) in [
            ("a.har", " \n", "is empty"),
            ("a.har", "<html>", "is not a HAR file"),
            (
                "a.har",
                r#"{"log": {"version": "1.2", "entries": [{"request""#,
                "is cut off: it begins like a HAR file",
            ),
            ("a.json", r#"{"openapi": "3.0.0", }"#, "is not valid JSON: it begins like an API description"),
            ("a.yaml", "a: 1\n", "is YAML without the key"),
            (
                "a.json",
                r#"{"id": "1", "order": [], "requests": []}"#,
                "is a Postman collection in the format v1",
            ),
            (
                "a.json",
                r#"{"values": [], "_postman_variable_scope": "environment"}"#,
                "is a Postman environment",
            ),
        ] {
            let said = kind(name, text);
            assert!(said.starts_with(expected), "{text}: {said}");
        }
    }
}
