//! The parts of an API description: references, operations, parameters, bodies and replies, of OpenAPI 3 and Swagger 2.

use crate::error::Problem;
use serde_json::Value;

/// How many references may follow one another.
const MOST_HOPS: usize = 32;
/// The methods of operations, in the order in which a path lists them.
const METHODS: [&str; 7] = ["get", "head", "post", "put", "patch", "delete", "options"];

/// An API description.
#[derive(Clone, Copy, Debug)]
pub(super) struct Document<'a> {
    root: &'a Value,
    is_swagger: bool,
}

/// Why a reference cannot be followed.
pub(super) type Broken = String;

/// A parameter of an operation.
#[derive(Clone, Debug)]
pub(super) struct Parameter<'a> {
    pub(super) name: &'a str,
    /// Place: `path`, `query`, `header` or `cookie`.
    pub(super) place: &'a str,
    pub(super) is_required: bool,
    /// The parameter itself, which may hold examples.
    pub(super) spec: &'a Value,
    pub(super) schema: &'a Value,
}

/// The body of an operation.
#[derive(Clone, Debug)]
pub(super) struct Media<'a> {
    pub(super) content_type: String,
    pub(super) schema: &'a Value,
    pub(super) example: Option<&'a Value>,
    /// Fields of a form in Swagger 2, which has no schema for them.
    pub(super) fields: Vec<Parameter<'a>>,
}

/// An operation.
#[derive(Clone, Debug)]
pub(super) struct Operation<'a> {
    /// Method in upper case.
    pub(super) method: String,
    /// Path template without the base path of the server, such as `/items/{id}`.
    pub(super) path: &'a str,
    pub(super) id: Option<&'a str>,
    pub(super) parameters: Vec<Parameter<'a>>,
    pub(super) body: Option<Media<'a>>,
    pub(super) spec: &'a Value,
}

impl Operation<'_> {
    /// Returns method and path for a reader.
    pub(super) fn label(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Returns name and path in lower case without separators, to look for words such as `login`.
    pub(super) fn words(&self) -> String {
        let all = format!("{} {}", self.id.unwrap_or_default(), self.path);
        all.chars()
            .filter(|c| c.is_alphanumeric() || " /".contains(*c))
            .collect::<String>()
            .to_ascii_lowercase()
    }

    /// Returns the names of the parameters in the path, each with the path before it, as in `/items` and `id`.
    pub(super) fn path_parameters(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut before = String::new();
        for segment in self.path.split('/').skip(1) {
            if let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                found.push((before.clone(), name.to_owned()));
            }
            before.push('/');
            before.push_str(segment);
        }
        found
    }

    /// Returns the statuses of success that the description names; empty if it names none.
    pub(super) fn statuses(&self) -> Vec<u16> {
        let responses = self.spec.get("responses").and_then(Value::as_object);
        let mut statuses: Vec<u16> = Vec::new();
        for key in responses.into_iter().flat_map(|map| map.keys()) {
            match key.as_str() {
                "2XX" | "2xx" => statuses.extend([200, 201, 202, 204]),
                key => statuses.extend(key.parse::<u16>().ok().filter(|status| (200..400).contains(status))),
            }
        }
        statuses.sort_unstable();
        statuses.dedup();
        statuses
    }
}

impl<'a> Document<'a> {
    pub(super) fn new(root: &'a Value) -> Result<Self, Problem> {
        let text = |key: &str| {
            root.get(key).map(|version| version.as_str().map_or_else(|| version.to_string(), str::to_owned))
        };
        match (text("openapi"), text("swagger")) {
            (Some(version), _) if version.starts_with("3.") => Ok(Self { root, is_swagger: false }),
            (_, Some(version)) if version.starts_with('2') => Ok(Self { root, is_swagger: true }),
            (version, other) => Err(format!(
                "is an API description of version {}; OpenAPI 3.0 and 3.1 and Swagger 2.0 are imported",
                version.or(other).unwrap_or_else(|| "unknown".to_owned())
            )),
        }
    }

    pub(super) const fn format(&self) -> &'static str {
        if self.is_swagger { "Swagger 2.0" } else { "OpenAPI" }
    }

    pub(super) fn get(&self, pointer: &str) -> Option<&'a Value> {
        self.root.pointer(pointer)
    }

    /// Follows references until there is something else.
    pub(super) fn resolve(&self, value: &'a Value) -> Result<&'a Value, Broken> {
        let mut value = value;
        for _ in 0..MOST_HOPS {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return Ok(value) };
            let Some(pointer) = reference.strip_prefix('#') else {
                return Err(format!(
                    "refers to another file, `{reference}`; bundle the description into one file"
                ));
            };
            let pointer = crate::address::decode(pointer, false);
            value = self
                .root
                .pointer(&pointer)
                .ok_or_else(|| format!("refers to `{reference}`, which does not exist"))?;
        }
        Err("has references that lead in a circle".to_owned())
    }

    /// Returns the operations, and those that cannot be read, with the reason.
    pub(super) fn operations(&self) -> (Vec<Operation<'a>>, Vec<(String, Broken)>) {
        let (mut found, mut broken) = (Vec::new(), Vec::new());
        let paths = self.root.get("paths").and_then(Value::as_object);
        for (path, item) in paths.into_iter().flatten().filter(|(path, _)| path.starts_with('/')) {
            let item = match self.resolve(item) {
                Ok(item) => item,
                Err(reason) => {
                    broken.push((path.clone(), reason));
                    continue;
                }
            };
            for method in METHODS {
                let Some(spec) = item.get(method).filter(|spec| spec.is_object()) else { continue };
                match self.operation(method, path, item, spec) {
                    Ok(operation) => found.push(operation),
                    Err(reason) => broken.push((format!("{} {path}", method.to_uppercase()), reason)),
                }
            }
        }
        (found, broken)
    }

    fn operation(
        &self,
        method: &str,
        path: &'a str,
        item: &'a Value,
        spec: &'a Value,
    ) -> Result<Operation<'a>, Broken> {
        let mut parameters: Vec<Parameter<'a>> = Vec::new();
        let (mut body, mut fields) = (None, Vec::new());
        for list in [item.get("parameters"), spec.get("parameters")] {
            for raw in list.and_then(Value::as_array).into_iter().flatten() {
                let raw = self.resolve(raw)?;
                let name = raw.get("name").and_then(Value::as_str).unwrap_or_default();
                let place = raw.get("in").and_then(Value::as_str).unwrap_or_default();
                let content = || raw.get("content")?.as_object()?.values().next()?.get("schema");
                let schema = raw.get("schema").or_else(content).unwrap_or(raw);
                let is_required = raw.get("required").and_then(Value::as_bool).unwrap_or(place == "path");
                let parameter =
                    Parameter { name, place, is_required, spec: raw, schema: self.resolve(schema)? };
                match place {
                    "body" => body = Some(parameter),
                    "formData" => fields.push(parameter),
                    // The parameters of an operation replace those of its path.
                    _ => {
                        parameters.retain(|known| (known.name, known.place) != (name, place));
                        parameters.push(parameter);
                    }
                }
            }
        }
        let media = match (body, fields.is_empty()) {
            (Some(body), _) => Some(Media {
                content_type: "application/json".to_owned(),
                schema: body.schema,
                example: body.spec.get("example").or_else(|| body.spec.get("x-example")),
                fields: Vec::new(),
            }),
            (None, false) => Some(self.form(spec, fields)),
            (None, true) => self.request_body(spec)?,
        };
        let id = spec.get("operationId").and_then(Value::as_str).filter(|id| !id.is_empty());
        Ok(Operation { method: method.to_ascii_uppercase(), path, id, parameters, body: media, spec })
    }

    /// Returns the body of a form of Swagger 2.
    fn form(&self, spec: &'a Value, fields: Vec<Parameter<'a>>) -> Media<'a> {
        let consumes = spec.get("consumes").or_else(|| self.root.get("consumes"));
        let kinds = consumes.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let is_file =
            fields.iter().any(|field| field.schema.get("type").and_then(Value::as_str) == Some("file"));
        let multipart = kinds.clone().any(|kind| kind.starts_with("multipart/"))
            && !kinds.clone().any(|kind| kind == crate::request::FORM);
        let content_type = if is_file || multipart { "multipart/form-data" } else { crate::request::FORM };
        Media { content_type: content_type.to_owned(), schema: &Value::Null, example: None, fields }
    }

    fn request_body(&self, spec: &'a Value) -> Result<Option<Media<'a>>, Broken> {
        let Some(body) = spec.get("requestBody") else { return Ok(None) };
        let body = self.resolve(body)?;
        self.media(body.get("content"))
    }

    /// Returns the preferred content: JSON, then forms, then whatever comes first.
    fn media(&self, content: Option<&'a Value>) -> Result<Option<Media<'a>>, Broken> {
        let Some(content) = content.and_then(Value::as_object) else { return Ok(None) };
        let rank = |kind: &str| match kind {
            "application/json" => 0,
            kind if kind.contains("json") || kind == "*/*" => 1,
            kind if kind.starts_with(crate::request::FORM) => 2,
            kind if kind.starts_with("multipart/") => 3,
            _ => 4,
        };
        let Some((kind, media)) = content.iter().min_by_key(|(kind, _)| rank(kind)) else { return Ok(None) };
        let schema = self.resolve(media.get("schema").unwrap_or(&Value::Null))?;
        let content_type = if kind == "*/*" { "application/json".to_owned() } else { kind.clone() };
        Ok(Some(Media { content_type, schema, example: self.example(media), fields: Vec::new() }))
    }

    /// Returns the first example of a parameter or a content.
    pub(super) fn example(&self, holder: &'a Value) -> Option<&'a Value> {
        if let Some(example) = holder.get("example").or_else(|| holder.get("x-example")) {
            return Some(example);
        }
        let first = match holder.get("examples")? {
            Value::Object(map) => map.values().next()?,
            Value::Array(items) => return items.first(),
            _ => return None,
        };
        self.resolve(first).ok()?.get("value")
    }

    /// Returns why a body cannot be sent; `None` if it can.
    pub(super) fn refusal(&self, media: &Media<'a>) -> Option<&'static str> {
        let kind = media.content_type.as_str();
        match kind.contains("json") || kind.starts_with(crate::request::FORM) || kind.starts_with("text/") {
            true => None,
            false if !kind.starts_with("multipart/") => Some("whose body is neither JSON nor a form"),
            false => self.has_file(media).then_some("which uploads a file"),
        }
    }

    /// Returns whether a form has a field that holds a file.
    fn has_file(&self, media: &Media<'a>) -> bool {
        let text = |schema: &'a Value, key: &str| schema.get(key).and_then(Value::as_str);
        let is_file = |schema: &'a Value| {
            text(schema, "format") == Some("binary")
                || text(schema, "type") == Some("file")
                || schema.get("contentMediaType").is_some()
        };
        let properties = media.schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let mut schemas = properties.filter_map(|(_, property)| self.resolve(property).ok());
        schemas.any(is_file) || media.fields.iter().any(|field| is_file(field.schema))
    }

    /// Returns the schema and the example of the reply to an operation that succeeded.
    pub(super) fn reply(&self, operation: &Operation<'a>) -> (Option<&'a Value>, Option<&'a Value>) {
        let Some(responses) = operation.spec.get("responses").and_then(Value::as_object) else {
            return (None, None);
        };
        let mut fine: Vec<(&String, &Value)> =
            responses.iter().filter(|(key, _)| key.starts_with('2')).collect();
        fine.sort_by_key(|(key, _)| key.as_str());
        for (_, response) in fine {
            let Ok(response) = self.resolve(response) else { continue };
            let media = self.media(response.get("content")).ok().flatten();
            if let Some(media) = media {
                return (Some(media.schema), media.example);
            }
            if let Some(schema) = response.get("schema").and_then(|schema| self.resolve(schema).ok()) {
                return (Some(schema), response.pointer("/examples/application~1json"));
            }
        }
        (None, None)
    }

    /// Returns whether the reply to an operation that succeeded names an address of what was created.
    pub(super) fn names_location(&self, operation: &Operation<'a>) -> bool {
        let responses = operation.spec.get("responses").and_then(Value::as_object);
        responses.into_iter().flatten().filter(|(key, _)| key.starts_with('2')).any(|(key, response)| {
            let Ok(response) = self.resolve(response) else { return false };
            let headers = response.get("headers").and_then(Value::as_object);
            let named =
                headers.is_some_and(|map| map.keys().any(|name| name.eq_ignore_ascii_case("location")));
            // A reply 201 without a body has nothing else to say (RFC 9110, 15.3.2).
            named || (key == "201" && response.get("content").is_none() && response.get("schema").is_none())
        })
    }
}
