//! Reads a form from JSON, and says which field is wrong.

use crate::form::{Form, Kind, Misfit, misfit};
use crate::words::shown;
use serde_json::Value;

const EXAMPLE: &str = r#"{"kind": "pack", "pack": "boutique"}"#;
const KINDS: &str = "write `pack`, `config` or `url`";
/// All fields of a form.
const FIELDS: [&str; 16] = [
    "kind",
    "pack",
    "mode",
    "profile",
    "config",
    "url",
    "algorithms",
    "load_balancer",
    "engine",
    "users",
    "spawn_rate",
    "duration",
    "repetitions",
    "label",
    "seed",
    "thresholds",
];

impl Form {
    /// Reads a form from JSON.
    ///
    /// # Errors
    /// The text is not a form; the error says why, and names the field that is wrong.
    pub fn read(json: &[u8]) -> Result<Self, Misfit> {
        let stray = |text: String| Misfit { field: None, text };
        let value: Value = serde_json::from_slice(json).map_err(|error| {
            stray(format!("the form is not JSON: {error}; send an object such as {EXAMPLE}"))
        })?;
        let Value::Object(fields) = value else {
            return Err(stray(format!("a form is an object; send one such as {EXAMPLE}")));
        };
        let mut form = Self::default();
        let mut kind = None;
        for (name, value) in &fields {
            match (name.as_str(), form.field(name)) {
                ("kind", _) => kind = Some(Kind::read(value)?),
                ("algorithms", _) => form.algorithms = words_of(value)?,
                (_, Some((field, place))) => *place = word_of(field, value)?,
                _ => {
                    return Err(stray(format!(
                        "a form has no field `{}`; its fields are {}",
                        shown(name),
                        FIELDS.join(", ")
                    )));
                }
            }
        }
        form.kind = kind.ok_or_else(|| misfit("kind", &format!("the kind is missing; {KINDS}")))?;
        Ok(form)
    }

    /// Returns the name and the place of a field that holds a word.
    fn field(&mut self, name: &str) -> Option<(&'static str, &mut String)> {
        let field = FIELDS.into_iter().find(|known| *known == name)?;
        let place = match field {
            "pack" => &mut self.pack,
            "mode" => &mut self.mode,
            "profile" => &mut self.profile,
            "config" => &mut self.config,
            "url" => &mut self.url,
            "load_balancer" => &mut self.load_balancer,
            "engine" => &mut self.engine,
            "users" => &mut self.users,
            "spawn_rate" => &mut self.spawn_rate,
            "duration" => &mut self.duration,
            "repetitions" => &mut self.repetitions,
            "label" => &mut self.label,
            "seed" => &mut self.seed,
            "thresholds" => &mut self.thresholds,
            _ => return None,
        };
        Some((field, place))
    }
}

impl Kind {
    fn read(value: &Value) -> Result<Self, Misfit> {
        match value.as_str() {
            Some("pack") => Ok(Self::Pack),
            Some("config") => Ok(Self::Config),
            Some("url") => Ok(Self::Url),
            _ => Err(misfit("kind", &format!("`{}` is no kind of run; {KINDS}", shown_value(value)))),
        }
    }
}

/// Reads a word that may be written as a text, a number or null.
fn word_of(field: &'static str, value: &Value) -> Result<String, Misfit> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.trim().to_owned()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(misfit(field, &format!("`{field}` is `{}`; write a text or a number", shown_value(value)))),
    }
}

/// Reads the algorithms: a list of words, or one text with commas.
fn words_of(value: &Value) -> Result<Vec<String>, Misfit> {
    let word = |value: &Value| word_of("algorithms", value);
    let list = match value {
        Value::Array(list) => list.iter().map(word).collect::<Result<Vec<_>, _>>()?,
        one => word(one)?.split(',').map(|word| word.trim().to_owned()).collect(),
    };
    Ok(list.into_iter().filter(|word| !word.is_empty()).collect())
}

/// Writes a value as whoever sent it would recognise it.
fn shown_value(value: &Value) -> String {
    value.as_str().map_or_else(|| shown(&value.to_string()), shown)
}
