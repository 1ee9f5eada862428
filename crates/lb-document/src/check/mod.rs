//! Validates a document against a JSON Schema and reports *every* problem. A deserialiser would stop at the
//! first.
//!
//! The schema is generated from the types of the document and published under `configs/schema/`, so validation and
//! documentation cannot drift apart. Only the keywords that the generator emits are supported (`$ref`,
//! `type`, `properties`, `required`, `items`, ranges, lengths, `enum`, `const`, `anyOf`, `oneOf`). Objects
//! with named properties accept no other keys.
//!
//! The walk also returns a repaired document, with invalid optional keys removed and invalid required values
//! replaced by valid ones, so that later checks can report further problems in the same run. Nothing is ever
//! built from a repaired document.

mod words;

use crate::parse::join;
use crate::problem::Problem;
use lb_core::suggest::{did_you_mean, listing, nearest};
use serde_json::{Map, Value, json};
use words::{Limits, constants, describe, describe_all, has_type_of, kind, types};

/// Returns the repaired document and its problems. A document without problems is returned unchanged.
pub fn check(schema: &Value, document: Value) -> (Value, Vec<Problem>) {
    let mut walker = Walker { definitions: &schema["$defs"], problems: Vec::new() };
    let repaired = walker.walk(schema, document, "").unwrap_or_else(|| walker.stand_in(schema, 0));
    (repaired, walker.problems)
}

struct Walker<'s> {
    definitions: &'s Value,
    problems: Vec<Problem>,
}

/// The keys that an object may have: its own properties and those of the variant that its tag names.
#[derive(Default)]
struct Shape<'s> {
    properties: Vec<(&'s str, &'s Value)>,
    required: Vec<&'s str>,
    others: Option<&'s Value>,
}

impl<'s> Walker<'s> {
    /// Returns the value, repaired if necessary, or `None` if it cannot be repaired.
    fn walk(&mut self, schema: &'s Value, value: Value, path: &str) -> Option<Value> {
        let branches = self.branches(schema);
        let fitting: Vec<&'s Value> =
            branches.iter().copied().filter(|branch| has_type_of(branch, &value)).collect();
        let Some(first) = fitting.first() else {
            let mut expected: Vec<String> = branches.iter().filter_map(|branch| describe(branch)).collect();
            expected.dedup();
            let message = format!("must be {}, not {}", expected.join(" or "), kind(&value));
            self.problems.push(Problem::at(path, &value, message));
            return None;
        };
        match value {
            Value::String(text) => self.text(&fitting, text, path),
            Value::Number(_) => self.number(first, value, path),
            Value::Array(items) => self.list(first, items, path),
            Value::Object(map) => self.object(&fitting, map, path),
            plain => Some(plain),
        }
    }

    /// Returns the alternatives of a schema, with references and nested choices resolved.
    fn branches(&self, schema: &'s Value) -> Vec<&'s Value> {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
            return self.branches(&self.definitions[name]);
        }
        match schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
            Some(choices) if schema.get("properties").is_none() => {
                choices.iter().flat_map(|choice| self.branches(choice)).collect()
            }
            _ => vec![schema],
        }
    }

    fn text(&mut self, branches: &[&'s Value], text: String, path: &str) -> Option<Value> {
        let choices: Vec<&str> = branches.iter().flat_map(|branch| constants(branch)).collect();
        let open = branches.iter().any(|branch| constants(branch).is_empty());
        if !open && !choices.contains(&text.as_str()) {
            let hint = did_you_mean(&text, choices.iter().copied());
            let message = format!("must be one of {}{hint}", listing(choices));
            self.problems.push(Problem::at(path, &text.into(), message));
            return None;
        }
        let shortest = branches.iter().filter_map(|branch| branch["minLength"].as_u64()).min();
        if text.chars().count() < shortest.unwrap_or(0) as usize {
            self.problems.push(Problem::at(path, &text.into(), "must not be empty"));
            return None;
        }
        Some(Value::String(text))
    }

    fn number(&mut self, schema: &'s Value, value: Value, path: &str) -> Option<Value> {
        let number = value.as_f64().unwrap_or(f64::NAN);
        let limits = Limits::of(schema);
        if limits.admits(number) {
            return Some(value);
        }
        let message = format!("must be {}", describe(schema).unwrap_or_default());
        self.problems.push(Problem::at(path, &value, message));
        None
    }

    fn list(&mut self, schema: &'s Value, items: Vec<Value>, path: &str) -> Option<Value> {
        let least = schema["minItems"].as_u64().unwrap_or(0) as usize;
        let most = schema["maxItems"].as_u64().map_or(usize::MAX, |most| most as usize);
        if items.len() < least || items.len() > most {
            let message = format!("must be {}", describe(schema).unwrap_or_default());
            self.problems.push(Problem::at(path, &Value::Array(items), message));
            return None;
        }
        let of_items = &schema["items"];
        if of_items.is_null() {
            return Some(Value::Array(items));
        }
        let repaired = items.into_iter().enumerate().map(|(index, item)| {
            let path = format!("{path}[{index}]");
            self.walk(of_items, item, &path).unwrap_or_else(|| self.stand_in(of_items, 0))
        });
        Some(Value::Array(repaired.collect()))
    }

    fn object(&mut self, branches: &[&'s Value], map: Map<String, Value>, path: &str) -> Option<Value> {
        let mut shape = Shape::default();
        let schema = match self.by_tag(branches, &map, path)? {
            Some(tagged) => tagged,
            None => branches.iter().copied().max_by_key(|branch| self.likeness(branch, &map))?,
        };
        self.shape_of(schema, &map, path, &mut shape)?;
        let present: Vec<String> = map.keys().cloned().collect();
        let mut repaired = Map::new();
        for (key, value) in map {
            if let Some((key, good)) = self.member(key, value, path, &shape, &present) {
                repaired.insert(key, good);
            }
        }
        for name in shape.required {
            if repaired.contains_key(name) {
                continue;
            }
            let Some((_, schema)) = shape.properties.iter().find(|(key, _)| *key == name) else {
                continue;
            };
            let expected = describe_all(&self.branches(schema));
            let message = format!("missing; it must be {expected}");
            self.problems.push(Problem::of_key(join(path, name), message));
            repaired.insert(name.to_owned(), self.stand_in(schema, 0));
        }
        Some(Value::Object(repaired))
    }

    /// Returns one key of an object with its value, or `None` if the key must be removed.
    fn member(
        &mut self,
        key: String,
        value: Value,
        path: &str,
        shape: &Shape<'s>,
        present: &[String],
    ) -> Option<(String, Value)> {
        let below = join(path, &key);
        let property = |name: &str| shape.properties.iter().find(|(known, _)| *known == name);
        if let Some((_, schema)) = property(&key) {
            let required = shape.required.contains(&key.as_str());
            let good = self.walk(schema, value, &below);
            return Some((key, good.or_else(|| required.then(|| self.stand_in(schema, 0)))?));
        }
        if let Some(others) = shape.others
            && (shape.properties.is_empty() || self.resembles(others, &value))
        {
            let good = self.walk(others, value, &below);
            return Some((key, good.unwrap_or_else(|| self.stand_in(others, 0))));
        }
        self.unknown_key(&key, &below, shape);
        // The value is checked as if the key were spelled correctly. Otherwise, everything that depends on
        // the key would be reported too.
        let known = shape.properties.iter().map(|(name, _)| *name);
        let meant = nearest(&key, known).filter(|meant| !present.iter().any(|key| key == meant))?;
        let (_, schema) = property(meant)?;
        Some((meant.to_owned(), self.walk(schema, value, &below)?))
    }

    /// Collects the properties that `map` may have. Returns `None` if its tag does not name a variant.
    fn shape_of(
        &mut self,
        schema: &'s Value,
        map: &Map<String, Value>,
        path: &str,
        shape: &mut Shape<'s>,
    ) -> Option<()> {
        if let Some(properties) = schema["properties"].as_object() {
            shape.properties.extend(properties.iter().map(|(key, value)| (key.as_str(), value)));
        }
        if let Some(required) = schema["required"].as_array() {
            shape.required.extend(required.iter().filter_map(Value::as_str));
        }
        match &schema["additionalProperties"] {
            Value::Bool(false) => {}
            Value::Null if !shape.properties.is_empty() => {}
            Value::Null => shape.others = Some(&Value::Bool(true)),
            others => shape.others = Some(others),
        }
        let variants: Vec<&'s Value> = schema["oneOf"].as_array().into_iter().flatten().collect();
        match self.by_tag(&variants, map, path)? {
            Some(variant) => self.shape_of(variant, map, path, shape),
            None => Some(()),
        }
    }

    /// Returns the variant that the tag of `map` names, `Some(None)` if the variants have no tag, or `None`
    /// after a problem.
    fn by_tag(
        &mut self,
        variants: &[&'s Value],
        map: &Map<String, Value>,
        path: &str,
    ) -> Option<Option<&'s Value>> {
        let tag_of = |variant: &'s Value| {
            let properties = variant["properties"].as_object()?;
            properties.iter().find_map(|(key, value)| Some((key.as_str(), value["const"].as_str()?)))
        };
        let tags: Vec<(&str, &str)> = variants.iter().filter_map(|variant| tag_of(variant)).collect();
        let Some((key, _)) = tags.first() else {
            return Some(None);
        };
        let names = || tags.iter().map(|(_, name)| *name);
        let problem = match map.get(*key) {
            None => {
                let message = format!("missing; it must be one of {}", listing(names()));
                Problem::of_key(join(path, key), message)
            }
            Some(given) => {
                let found = variants
                    .iter()
                    .find(|variant| tag_of(variant).is_some_and(|(_, name)| given.as_str() == Some(name)));
                if found.is_some() {
                    return Some(found.copied());
                }
                let hint = given.as_str().map(|text| did_you_mean(text, names())).unwrap_or_default();
                let message = format!("must be one of {}{hint}", listing(names()));
                Problem::at(join(path, key), given, message)
            }
        };
        self.problems.push(problem);
        None
    }

    /// Returns how many keys of `map` a schema knows. The alternative that knows the most is used.
    fn likeness(&self, schema: &Value, map: &Map<String, Value>) -> usize {
        let knows = |schema: &Value, key: &str| schema["properties"].get(key).is_some();
        let in_variants = |key: &str| {
            let variants = schema["oneOf"].as_array();
            variants.is_some_and(|variants| variants.iter().any(|variant| knows(variant, key)))
        };
        map.keys().filter(|key| knows(schema, key) || in_variants(key)).count()
    }

    /// Returns whether the value of an unlisted key looks like one of `others`, so that the key is not a
    /// typo: it is an object that shares a key with them.
    fn resembles(&self, others: &'s Value, value: &Value) -> bool {
        if matches!(others, Value::Bool(true)) {
            return true;
        }
        let Some(map) = value.as_object() else {
            return false;
        };
        self.branches(others).iter().any(|branch| self.likeness(branch, map) > 0)
    }

    fn unknown_key(&mut self, key: &str, path: &str, shape: &Shape<'_>) {
        const MOST_LISTED: usize = 14;
        let known = || shape.properties.iter().map(|(name, _)| *name);
        let hint = match did_you_mean(key, known()) {
            near if !near.is_empty() => near,
            _ if known().count() <= MOST_LISTED => format!("; known keys: {}", listing(known())),
            _ => "; the known keys are in the schema".to_owned(),
        };
        self.problems.push(Problem::of_key(path, format!("unknown key{hint}")));
    }

    /// Returns a valid placeholder, so that the rest of the document can be checked.
    fn stand_in(&self, schema: &'s Value, depth: usize) -> Value {
        const DEEPEST: usize = 16;
        let branches = self.branches(schema);
        let Some(schema) = branches.first().filter(|_| depth < DEEPEST) else {
            return Value::Null;
        };
        if let Some(constant) = constants(schema).first() {
            return (*constant).into();
        }
        match types(schema).first() {
            Some(&"boolean") => false.into(),
            Some(&"integer") => json!(Limits::of(schema).nearest_to(1.0) as u64),
            Some(&"number") => json!(Limits::of(schema).nearest_to(1.0)),
            Some(&"string") => "x".into(),
            Some(&"array") => {
                let least = schema["minItems"].as_u64().unwrap_or(0);
                (0..least).map(|_| self.stand_in(&schema["items"], depth + 1)).collect()
            }
            Some(&"object") => {
                let variant = schema["oneOf"].as_array().and_then(|variants| variants.first());
                let mut map = Map::new();
                for schema in std::iter::once(*schema).chain(variant) {
                    for name in schema["required"].as_array().into_iter().flatten() {
                        let Some(name) = name.as_str() else { continue };
                        map.insert(name.into(), self.stand_in(&schema["properties"][name], depth + 1));
                    }
                }
                Value::Object(map)
            }
            _ => Value::Null,
        }
    }
}
