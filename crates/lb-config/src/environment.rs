//! Values from the environment in a journey: `{{env.NAME}}` is the value of the variable `NAME`, so that passwords
//! and keys need not be written into a config.
//!
//! The values become the only row of a feed `env`, which every step that names one binds; so they are encoded for
//! their place like any other value. A journey that has a feed `env` of its own is left as it is.

use super::error::Findings;
use lb_core::workload::{Journey, Step};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Name of the feed and of the variable.
const ENV: &str = "env";

/// Fills in the values that a journey takes from the environment. `at` is the key that names the journey, and
/// `value_of` gives the value of a variable. A variable that is not set is a problem.
pub(super) fn fill(
    journey: &mut Journey,
    at: &str,
    value_of: impl Fn(&str) -> Option<String>,
    findings: &mut Findings,
) {
    if journey.feeds.contains_key(ENV) {
        return;
    }
    let mut names = BTreeSet::new();
    for step in journey.actions.values_mut().flat_map(|action| &mut action.steps) {
        let mut own = BTreeSet::new();
        collect(step, &mut own);
        if !own.is_empty() {
            step.bind.insert(ENV.to_owned(), ENV.to_owned());
        }
        names.append(&mut own);
    }
    if names.is_empty() {
        return;
    }
    let mut row = Map::new();
    for name in names {
        let value = value_of(&name);
        if value.is_none() {
            let message = format!(
                "the environment variable `{name}` is not set, and the journey sends it; set it as in \
                `{name}=... bench ...`"
            );
            findings.wrong(at, format!("{{{{env.{name}}}}}"), message);
        }
        row.insert(name, value.unwrap_or_default().into());
    }
    journey.feeds.insert(ENV.to_owned(), vec![Value::Object(row)]);
}

/// Collects the variables that the templates of a step name.
fn collect(step: &Step, names: &mut BTreeSet<String>) {
    text(&step.path, names);
    step.headers.values().for_each(|value| text(value, names));
    step.body.iter().for_each(|body| json(body, names));
    step.check.contains.iter().for_each(|part| text(part, names));
    for variant in step.errors.values() {
        variant.path.iter().for_each(|path| text(path, names));
        variant.headers.values().for_each(|value| text(value, names));
        variant.body.iter().for_each(|body| json(body, names));
    }
}

fn json(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::String(part) => text(part, names),
        Value::Array(items) => items.iter().for_each(|item| json(item, names)),
        Value::Object(map) => map.values().for_each(|item| json(item, names)),
        _ => {}
    }
}

fn text(template: &str, names: &mut BTreeSet<String>) {
    let mut rest = template;
    while let Some(open) = rest.find("{{") {
        let Some(length) = rest[open..].find("}}") else { return };
        let name = rest[open + 2..open + length].trim();
        if let Some(name) = name.strip_prefix("env.").filter(|name| !name.is_empty() && !name.contains('.')) {
            names.insert(name.to_owned());
        }
        rest = &rest[open + length + 2..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn journey() -> Journey {
        let step = json!({
            "name": "login", "method": "POST", "path": "/login",
            "headers": { "X-Key": "{{env.SHOP_KEY}}" },
            "body": { "user": "ann", "password": "{{env.SHOP_PASSWORD}}" }
        });
        let look = json!({ "name": "look", "path": "/" });
        let actions = json!({ "all": { "weight": 1, "steps": [step, look] } });
        serde_json::from_value(json!({ "name": "shop", "actions": actions })).expect("a journey")
    }

    #[test]
    fn variables_become_the_row_of_a_feed_that_their_steps_bind() {
        let (mut journey, mut findings) = (journey(), Findings::default());
        fill(&mut journey, "bench.journey", |name| Some(name.to_lowercase()), &mut findings);
        assert!(!findings.has_problems());
        let row = json!({ "SHOP_KEY": "shop_key", "SHOP_PASSWORD": "shop_password" });
        assert_eq!(journey.feeds["env"], [row]);
        let steps = &journey.actions["all"].steps;
        assert_eq!(steps[0].bind.get("env").map(String::as_str), Some("env"));
        assert!(steps[1].bind.is_empty(), "a step that names none binds none");
    }

    #[test]
    fn a_variable_that_is_not_set_is_a_problem_that_names_it() {
        let (mut journey, mut findings) = (journey(), Findings::default());
        fill(&mut journey, "bench.journey", |name| (name == "SHOP_KEY").then(String::new), &mut findings);
        let (problems, _) = findings.into_parts();
        assert_eq!(problems.len(), 1);
        let said = problems[0].to_string();
        assert!(said.contains("the environment variable `SHOP_PASSWORD` is not set"), "{said}");
    }

    #[test]
    fn a_feed_of_the_same_name_is_left_alone() {
        let mut journey = journey();
        journey.feeds.insert("env".to_owned(), vec![json!({ "a": 1 })]);
        let before = journey.clone();
        fill(&mut journey, "bench.journey", |_| None, &mut Findings::default());
        assert_eq!(journey, before);
    }
}
