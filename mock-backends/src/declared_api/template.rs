//! Templates and expressions of a mock API, in the language of Jinja.
//!
//! Every text is compiled once, when the file is loaded, and filled for each request. What a client did not send is
//! undefined, at any depth, and prints as nothing.

use minijinja::value::Object;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Expression, UndefinedBehavior, Value};
use serde::ser::{Error as _, Serialize, SerializeMap as _, SerializeSeq as _, Serializer};
use std::collections::HashSet;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// The ending of names of templates whose values are escaped.
const HTML: &str = ".html";

/// Why a template or an expression came to nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Fault(pub(super) String);

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

/// What expressions are compiled and evaluated in. It holds nothing of a particular API.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_keep_trailing_newline(true);
    environment.set_auto_escape_callback(|name| match name.ends_with(HTML) {
        true => AutoEscape::Html,
        false => AutoEscape::None,
    });
    environment.add_filter("number", number);
    environment
}

/// Returns a text as a number, or what `otherwise` is if it is none: clients send texts, and not always good ones.
fn number(value: Value, otherwise: Option<Value>) -> Value {
    let otherwise = || otherwise.unwrap_or_default();
    if value.is_number() {
        return value;
    }
    let Some(text) = value.as_str().map(str::trim) else { return otherwise() };
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(whole), _) => whole.into(),
        (_, Ok(number)) if number.is_finite() => number.into(),
        _ => otherwise(),
    }
}

/// The variables of one request. Steps add to them.
#[derive(Debug, Default)]
pub(super) struct Variables(Mutex<Vec<(String, Value)>>);

impl Variables {
    /// Sets a variable.
    pub(super) fn set(&self, name: &str, value: Value) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => all.push((name.to_owned(), value)),
        }
    }

    /// Returns the context in which expressions see these variables, and those that are set later.
    pub(super) fn context(self: &Arc<Self>) -> Value {
        Value::from_dyn_object(Arc::clone(self))
    }
}

impl Object for Variables {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = key.as_str()?;
        all.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }
}

/// An expression.
#[derive(Debug)]
pub(super) struct Formula(Expression<'static, 'static>);

impl Formula {
    /// Compiles an expression, also one that stands in `{{ }}`.
    pub(super) fn new(text: &str) -> Result<Self, Fault> {
        let bare = text.trim();
        let inner = bare.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
        match inner.and_then(|inner| compile(inner).ok()) {
            Some(formula) => Ok(Self(formula)),
            None => Ok(Self(compile(bare)?)),
        }
    }

    pub(super) fn value(&self, context: &Value) -> Result<Value, Fault> {
        Ok(self.0.eval(context)?)
    }

    /// Returns the value as a text, such as an id.
    pub(super) fn text(&self, context: &Value) -> Result<String, Fault> {
        Ok(self.value(context)?.to_string())
    }

    /// Returns whether a condition is met.
    pub(super) fn is_true(&self, context: &Value) -> Result<bool, Fault> {
        Ok(self.value(context)?.is_true())
    }

    /// Returns whether there is a value, other than an empty text.
    pub(super) fn is_given(&self, context: &Value) -> Result<bool, Fault> {
        let value = self.value(context)?;
        let is_blank = value.as_str().is_some_and(|text| text.trim().is_empty());
        Ok(!value.is_undefined() && !value.is_none() && !is_blank)
    }
}

/// A text with values in it.
#[derive(Debug)]
pub(super) enum Text {
    /// A text without any.
    Fixed(String),
    /// The name of a template.
    Template(String),
}

/// A JSON document with values in it.
#[derive(Debug)]
pub(super) enum Json {
    /// A part without any.
    Fixed(serde_json::Value),
    /// A value of any type.
    Value(Formula),
    Text(Text),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// The templates of an API.
#[derive(Debug)]
pub(super) struct Templates {
    environment: Environment<'static>,
    count: usize,
}

/// The variables that a text or an expression names: roots such as `body`, and paths such as `path.id`.
pub(super) type Names = HashSet<String>;

impl Templates {
    pub(super) fn new() -> Self {
        Self { environment: environment(), count: 0 }
    }

    /// Compiles a text; `html` says whether values are escaped in it. Adds the variables that it names to `names`.
    pub(super) fn text(&mut self, text: &str, html: bool, names: &mut Names) -> Result<Text, Fault> {
        if !is_template(text) {
            return Ok(Text::Fixed(text.to_owned()));
        }
        self.count += 1;
        let name = format!("template {}{}", self.count, if html { HTML } else { "" });
        self.environment.add_template_owned(name.clone(), text.to_owned())?;
        let template = self.environment.get_template(&name)?;
        names.extend(template.undeclared_variables(false));
        names.extend(template.undeclared_variables(true));
        tried(template.render(()))?;
        Ok(Text::Template(name))
    }

    /// Compiles a JSON document.
    pub(super) fn json(&mut self, value: &serde_json::Value, names: &mut Names) -> Result<Json, Fault> {
        Ok(match value {
            serde_json::Value::String(text) if is_template(text) => match whole(text) {
                Some(inner) => Json::Value(formula(inner, names)?),
                None => Json::Text(self.text(text, false, names)?),
            },
            serde_json::Value::Array(items) => {
                let items = items.iter().map(|item| self.json(item, names));
                match items.collect::<Result<Vec<_>, Fault>>()? {
                    items if items.iter().all(Json::is_fixed) => Json::Fixed(value.clone()),
                    items => Json::List(items),
                }
            }
            serde_json::Value::Object(map) => {
                let entries = map.iter().map(|(key, item)| Ok((key.clone(), self.json(item, names)?)));
                match entries.collect::<Result<Vec<_>, Fault>>()? {
                    entries if entries.iter().all(|(_, item)| item.is_fixed()) => Json::Fixed(value.clone()),
                    entries => Json::Object(entries),
                }
            }
            fixed => Json::Fixed(fixed.clone()),
        })
    }

    /// Fills a text.
    pub(super) fn fill(&self, text: &Text, context: &Value) -> Result<String, Fault> {
        match text {
            Text::Fixed(text) => Ok(text.clone()),
            Text::Template(name) => Ok(self.environment.get_template(name)?.render(context)?),
        }
    }

    /// Returns a document filled, as something to serialise.
    pub(super) fn filled<'a>(&'a self, json: &'a Json, context: &'a Value) -> impl Serialize + 'a {
        Filled { templates: self, json, context }
    }
}

impl Json {
    fn is_fixed(&self) -> bool {
        matches!(self, Self::Fixed(_))
    }
}

/// Compiles an expression, and adds the variables that it names to `names`.
pub(super) fn formula(text: &str, names: &mut Names) -> Result<Formula, Fault> {
    let formula = Formula::new(text)?;
    names.extend(formula.0.undeclared_variables(false));
    names.extend(formula.0.undeclared_variables(true));
    tried(formula.0.eval(()))?;
    Ok(formula)
}

/// Returns the names of the functions that every expression may call.
pub(super) fn functions() -> Vec<String> {
    ENVIRONMENT.globals().map(|(name, _)| name.to_owned()).collect()
}

/// Passes on what a first try without any variables shows to be wrong in every case: a filter, a test or a function
/// that does not exist.
fn tried<T>(result: Result<T, Error>) -> Result<(), Fault> {
    use ErrorKind::{UnknownFilter, UnknownFunction, UnknownTest};
    match result {
        Err(error) if matches!(error.kind(), UnknownFilter | UnknownTest | UnknownFunction) => {
            Err(error.into())
        }
        _ => Ok(()),
    }
}

fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

/// Returns the expression of a text that is nothing but `{{ an expression }}`.
fn whole(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    compile(inner).is_ok().then_some(inner)
}

fn compile(text: &str) -> Result<Expression<'static, 'static>, Fault> {
    // The compiler takes such a brace for the end of the expression, and panics if more follows.
    if closes_early(text) {
        return Err(Fault("syntax error: `}}` without an opening brace".to_owned()));
    }
    Ok(ENVIRONMENT.compile_expression_owned(text.to_owned())?)
}

/// Returns whether `}}` ends an expression before the end of its text: outside of quotes and of all brackets.
fn closes_early(text: &str) -> bool {
    let (mut depth, mut quote, mut bytes) = (0_i64, None, text.bytes().peekable());
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(_), b'\\') => drop(bytes.next()),
            (Some(open), _) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(' | b'[' | b'{') => depth += 1,
            (None, b'}') if depth == 0 && bytes.peek() == Some(&b'}') => return true,
            (None, b')' | b']' | b'}') => depth -= 1,
            (None, _) => {}
        }
    }
    false
}

struct Filled<'a> {
    templates: &'a Templates,
    json: &'a Json,
    context: &'a Value,
}

impl Serialize for Filled<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { templates, json, context } = *self;
        let below = |json| Filled { templates, json, context };
        match json {
            Json::Fixed(value) => value.serialize(serializer),
            Json::Value(formula) => formula.value(context).map_err(S::Error::custom)?.serialize(serializer),
            Json::Text(text) => {
                serializer.serialize_str(&templates.fill(text, context).map_err(S::Error::custom)?)
            }
            Json::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&below(item))?;
                }
                list.end()
            }
            Json::Object(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, item) in entries {
                    map.serialize_entry(key, &below(item))?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn context(variables: &[(&str, serde_json::Value)]) -> Value {
        let all = Arc::new(Variables::default());
        for (name, value) in variables {
            all.set(name, Value::from_serialize(value));
        }
        all.context()
    }

    fn filled(document: serde_json::Value, context: &Value) -> serde_json::Value {
        let mut templates = Templates::new();
        let json = templates.json(&document, &mut Names::new()).expect("the document compiles");
        serde_json::to_value(templates.filled(&json, context)).expect("the document can be filled")
    }

    #[test]
    fn a_text_that_is_one_expression_keeps_the_type_of_its_value() {
        let context = context(&[("body", json!({ "n": 7, "tags": ["a"], "name": "Ada" }))]);
        let document = json!({
            "n": "{{ body.n }}", "tags": "{{ body.tags }}", "text": "{{ body.n }} {{ body.name }}",
            "none": "{{ body.x.y }}", "fixed": [1, null], "nested": [{ "twice": "{{ body.n * 2 }}" }],
            "map": "{{ {'a': {'b': 1}}.a }}"
        });
        let expected = json!({
            "n": 7, "tags": ["a"], "text": "7 Ada", "none": null, "fixed": [1, null],
            "nested": [{ "twice": 14 }], "map": { "b": 1 }
        });
        assert_eq!(filled(document, &context), expected);
    }

    #[test]
    fn values_are_escaped_in_html_alone() {
        let context = context(&[("name", json!("<b>"))]);
        let mut templates = Templates::new();
        let mut fill = |html| {
            let text = templates.text("Hello {{ name }}\n", html, &mut Names::new()).expect("it compiles");
            templates.fill(&text, &context).expect("it can be filled")
        };
        assert_eq!(fill(false), "Hello <b>\n");
        assert_eq!(fill(true), "Hello &lt;b&gt;\n");
    }

    #[test]
    fn texts_from_clients_become_numbers_or_what_stands_in() {
        for (text, expected) in [
            (json!("20"), json!(20)),
            (json!(" 2.5 "), json!(2.5)),
            (json!(3), json!(3)),
            (json!("soon"), json!(10)),
            (json!("NaN"), json!(10)),
            (json!(null), json!(10)),
        ] {
            let context = context(&[("q", text.clone())]);
            assert_eq!(filled(json!("{{ q | number(10) }}"), &context), expected, "{text}");
        }
    }

    #[test]
    fn names_are_found_and_what_does_not_exist_is_refused_when_compiled() {
        let mut names = Names::new();
        formula("{{ path.id ~ query['q'] }}", &mut names).expect("it compiles");
        assert!(names.contains("path.id") && names.contains("query"), "{names:?}");
        for wrong in [
            "body.",
            "body.n | roundd",
            "body is strng",
            "{{ a }} b",
            "a }} {{ b",
            "a }}",
            "}}}}",
            "'}}' }} x",
        ] {
            assert!(formula(wrong, &mut Names::new()).is_err(), "{wrong} must be refused");
        }
        assert!(Templates::new().text("{% for x in y %}", false, &mut Names::new()).is_err());
    }

    #[test]
    fn braces_in_quotes_and_brackets_do_not_end_an_expression() {
        for text in ["'}}' ~ a", r#""\"}}" ~ a"#, "{'a': {'b': 1}}.a", "[{'a': 1}]"] {
            assert!(!closes_early(text), "{text}");
            assert!(Formula::new(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_input_is_given_if_it_is_there_and_not_blank() {
        let context = context(&[("body", json!({ "a": 0, "b": " ", "c": null, "d": "x", "e": false }))]);
        for (input, given) in
            [("a", true), ("b", false), ("c", false), ("d", true), ("e", true), ("f", false)]
        {
            let formula = Formula::new(&format!("body.{input}")).expect("it compiles");
            assert_eq!(formula.is_given(&context).ok(), Some(given), "{input}");
        }
    }
}
