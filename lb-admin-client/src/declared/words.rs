//! Describes a declaration for people: its steps, and what it leaves out and so is not done.

use super::request::method;
use super::spec::{Declaration, Step};
use super::step::shown;
use lb_core::BackendFrom;
use serde_json::Value;

/// Stands for what may be secret.
const BLANKED: &str = "(blanked)";

impl Declaration {
    /// Lists what is not declared, and what a run does not do for lack of it.
    pub fn undeclared(&self) -> Vec<String> {
        let mut missing = Vec::new();
        let mut miss = |is_missing: bool, text: &str| {
            if is_missing {
                missing.push(text.to_owned());
            }
        };
        let metrics = self.metrics.as_ref();
        miss(self.verify.is_empty(), "`verify`: whether a switch took place is not verified there");
        miss(!self.probe, "`probe`: choices of backends are not verified by probes");
        let drained = !self.drain.is_empty() || metrics.is_some_and(|metrics| metrics.in_flight.is_some());
        miss(!drained, "`drain` and `metrics.in_flight`: a switch does not wait for requests in flight");
        miss(self.reset.is_empty(), "`reset`: no counters are reset");
        let counted = metrics.is_some_and(|metrics| metrics.requests.is_some());
        let known = self.backends.is_empty() && metrics.is_none();
        miss(!counted, "`metrics.requests`: shares are counted from replies alone");
        miss(known, "`backends`: a backend that gets no request does not count");
        miss(
            self.restore.is_none(),
            "`restore`: the algorithm of the last trial stays; name the one to set at the end",
        );
        missing
    }

    /// Lists the steps by their lists, each as one line.
    pub fn outline(&self) -> Vec<String> {
        let lists = [
            ("switch", self.switch.as_slice()),
            ("ready", self.ready.as_slice()),
            ("verify", &self.verify),
            ("drain", &self.drain),
            ("reset", &self.reset),
        ];
        lists
            .into_iter()
            .filter(|(_, steps)| !steps.is_empty())
            .map(|(name, steps)| {
                let steps: Vec<String> = steps.iter().map(in_words).collect();
                format!("{name}: {}", steps.join(", then "))
            })
            .collect()
    }

    /// Returns where replies name the backend.
    pub fn backend_from(&self) -> BackendFrom {
        self.backend_from.clone().unwrap_or_default()
    }

    /// Returns the declaration as JSON, without values of headers, which may be secret.
    pub fn to_json(&self) -> Value {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        blank_headers(&mut value);
        value
    }
}

/// Blanks the values of all headers in a declaration, except those that only name a variable.
pub fn blank_headers(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                match inner {
                    Value::Object(headers) if key == "headers" => {
                        headers.values_mut().filter(|value| !names_variable(value)).for_each(|value| {
                            *value = BLANKED.into();
                        });
                    }
                    inner => blank_headers(inner),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blank_headers),
        _ => {}
    }
}

fn names_variable(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains("{env:"))
}

fn in_words(step: &Step) -> String {
    match (&step.run, &step.http) {
        (Some(words), _) => format!("`{}`", shown(words)),
        (None, Some(call)) => format!("`{} {}`", method(call), call.url),
        (None, None) => "nothing".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec(more: Value) -> Declaration {
        let mut value = json!({
            "name": "ingress", "algorithms": { "a": {} },
            "switch": [
                { "run": ["kubectl", "annotate", "x={algorithm}"] },
                { "http": { "method": "PUT", "url": "http://h/{algorithm}", "headers": { "Authorization": "Basic c2VjcmV0" } } }
            ]
        });
        let keys = more.as_object().expect("an object").clone();
        value.as_object_mut().expect("an object").extend(keys);
        serde_json::from_value(value).expect("a declaration")
    }

    #[test]
    fn what_is_missing_is_said_and_what_is_there_is_not() {
        let missing = spec(json!({})).undeclared();
        for key in ["verify", "probe", "drain", "reset", "metrics.requests", "backends", "restore"] {
            assert!(missing.iter().any(|line| line.starts_with(&format!("`{key}`"))), "{key}: {missing:?}");
        }
        let step = json!([{ "run": ["true"] }]);
        let metrics =
            json!({ "prometheus": "http://h/", "backend_label": "b", "requests": "r", "in_flight": "i" });
        let whole = spec(json!({
            "verify": step, "probe": true, "reset": step, "metrics": metrics, "restore": "a"
        }));
        assert_eq!(whole.undeclared(), [""; 0]);
    }

    #[test]
    fn steps_are_told_as_one_would_type_them() {
        let outline = spec(json!({ "ready": { "run": ["true"] } })).outline();
        assert_eq!(
            outline,
            ["switch: `kubectl annotate x={algorithm}`, then `PUT http://h/{algorithm}`", "ready: `true`"]
        );
    }

    #[test]
    fn values_of_headers_are_blanked_unless_they_name_a_variable() {
        let json = spec(json!({})).to_json().to_string();
        assert!(!json.contains("c2VjcmV0") && json.contains(BLANKED), "{json}");
        let variable =
            json!({ "http": { "url": "http://h/", "headers": { "Authorization": "Bearer {env:TOKEN}" } } });
        let json = spec(json!({ "verify": [variable] })).to_json().to_string();
        assert!(json.contains("Bearer {env:TOKEN}"), "{json}");
    }
}
