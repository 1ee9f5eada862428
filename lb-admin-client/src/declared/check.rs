//! Checks a declaration before anything runs: placeholders, programs, addresses, selectors and names.

use super::period;
use super::program;
use super::request::{check_url, method};
use super::spec::{Call, Declaration, Metrics, Step};
use super::template::{ENVIRONMENT, is_name, names, texts};
use lb_core::suggest::{did_you_mean, listing};
use lb_scrape::Selector;
use reqwest::Method;
use reqwest::header::HeaderName;
use serde_json::{Value, json};

/// Longest name of a load balancer or an algorithm: a row of a table fits a terminal.
const LONGEST_NAME: usize = 64;
/// The placeholder for the name of the algorithm.
pub(super) const ALGORITHM: &str = "algorithm";

/// What is wrong with a declaration: where, the value there, and what to write instead.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Key path within the declaration, such as `switch[0].run`.
    pub path: String,
    /// The value there.
    pub value: Value,
    /// What is wrong with it, and how to fix it.
    pub message: String,
}

/// Collects the faults of a declaration, and which placeholders its steps use.
struct Checker<'a> {
    spec: &'a Declaration,
    faults: Vec<Fault>,
    /// The placeholders of algorithms that steps use, each with the first step that does.
    used: Vec<(&'a str, String)>,
}

/// Lists everything that is wrong with a declaration.
pub(super) fn faults(spec: &Declaration) -> Vec<Fault> {
    let mut checker = Checker { spec, faults: Vec::new(), used: Vec::new() };
    checker.names();
    checker.list("switch", &spec.switch, true);
    let switched = !checker.used.is_empty();
    if let Some(ready) = &spec.ready {
        checker.step("ready", ready, &checker.of_algorithms());
    }
    checker.list("verify", &spec.verify, true);
    checker.list("drain", &spec.drain, false);
    checker.list("reset", &spec.reset, false);
    checker.keys();
    if !switched && !spec.switch.is_empty() {
        let message = "no step depends on the algorithm, so every switch would be the same; write `{algorithm}` \
                       or a key of the algorithms where they differ";
        checker.add("switch", json!(spec.switch), message);
    }
    checker.rest();
    checker.faults
}

impl<'a> Checker<'a> {
    fn add(&mut self, path: impl Into<String>, value: impl Into<Value>, message: impl Into<String>) {
        let fault = Fault { path: path.into(), value: value.into(), message: message.into() };
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Checks the names of the load balancer, of its algorithms and of their keys.
    fn names(&mut self) {
        let spec = self.spec;
        if !is_label(&spec.name) {
            self.add("name", spec.name.as_str(), label("a name"));
        }
        if spec.algorithms.is_empty() {
            let message = "is empty; name at least one algorithm, such as `\"round-robin\": {}`";
            self.add("algorithms", json!({}), message);
        }
        let mut known = Vec::new();
        for (name, keys) in spec.algorithms.iter() {
            let path = below("algorithms", name);
            if !is_label(name) {
                self.add(&path, name, label("the name of an algorithm"));
            }
            let algorithm = super::algorithm(name);
            if let Some((other, _)) = known.iter().find(|(_, same)| *same == algorithm) {
                let message = format!("means the same algorithm as `{other}`; leave one out");
                self.add(&path, name, message);
            }
            known.push((name, algorithm));
            for (key, value) in keys.iter().filter(|(key, _)| !is_name(key) || *key == ALGORITHM) {
                let message = "cannot be a placeholder; use letters, digits, `_` and `-`, and not `algorithm`, \
                               which is the name";
                self.add(below(&path, key), value.as_str(), message);
            }
        }
    }

    /// Returns the placeholders that depend on the algorithm.
    fn of_algorithms(&self) -> Vec<&'a str> {
        let mut names = vec![ALGORITHM];
        for key in self.spec.algorithms.iter().flat_map(|(_, keys)| keys.names()) {
            if !names.contains(&key) {
                names.push(key);
            }
        }
        names
    }

    /// Checks the steps of a list. What a step captures is known to those after it.
    fn list(&mut self, name: &str, steps: &'a [Step], of_algorithm: bool) {
        let mut known = if of_algorithm { self.of_algorithms() } else { Vec::new() };
        for (number, step) in steps.iter().enumerate() {
            let place = format!("{name}[{number}]");
            self.step(&place, step, &known);
            let Some(capture) = &step.capture else { continue };
            if !is_name(capture) || known.contains(&capture.as_str()) {
                let message = "cannot be the name of a placeholder, or is that of another one";
                self.add(format!("{place}.capture"), capture.as_str(), message);
            }
            known.push(capture);
        }
    }

    fn step(&mut self, place: &str, step: &'a Step, known: &[&'a str]) {
        match (&step.run, &step.http) {
            (Some(_), Some(_)) => {
                self.add(
                    place,
                    json!(step),
                    "has both `run` (a command) and `http` (a request); give one of them",
                );
            }
            (None, None) => {
                let message = "has neither `run` (a command) nor `http` (a request); give one of them";
                self.add(place, json!(step), message);
            }
            (Some(words), None) => self.command(&format!("{place}.run"), words, known),
            (None, Some(call)) => self.call(&format!("{place}.http"), call, known),
        }
        if let Some(timeout) = &step.timeout {
            match period::read(timeout) {
                Ok(time) if time.is_zero() => {
                    self.add(format!("{place}.timeout"), timeout.as_str(), "must be above 0")
                }
                Ok(_) => {}
                Err(message) => self.add(format!("{place}.timeout"), timeout.as_str(), message),
            }
        }
        if let Some(expect) = &step.expect {
            let path = format!("{place}.expect");
            if step.http.is_some() {
                let message = "is for commands; write `expect` with `status` and `body` within `http`";
                self.add(&path, json!(expect), message);
            }
            self.text(&format!("{path}.stdout"), &expect.stdout, known, false);
        }
    }

    fn command(&mut self, path: &str, words: &'a [String], known: &[&'a str]) {
        let Some(program) = words.first() else { return };
        if names(program).next().is_some() {
            let message =
                "the program must be the same for all algorithms; use placeholders in its arguments";
            self.add(path, program.as_str(), message);
        } else if let Err(message) = program::find(program) {
            self.add(path, program.as_str(), message);
        }
        for word in &words[1..] {
            self.text(path, word, known, false);
        }
    }

    fn call(&mut self, path: &str, call: &'a Call, known: &[&'a str]) {
        let url = format!("{path}.url");
        self.text(&url, &call.url, known, false);
        // A placeholder stands for something that is valid in its place, such as a number of a port.
        let sample = super::template::fill(
            &call.url,
            &known.iter().map(|name| ((*name).to_owned(), "1".to_owned())).collect(),
        );
        if let Err(message) = check_url(&sample) {
            self.add(&url, call.url.as_str(), message);
        }
        if Method::from_bytes(method(call).as_bytes()).is_err() {
            self.add(format!("{path}.method"), method(call), "is not a method; use `GET`, `POST` or `PUT`");
        }
        for (name, value) in call.headers.iter() {
            let at = below(&format!("{path}.headers"), name);
            if name.parse::<HeaderName>().is_err() {
                self.add(&at, "", "is not the name of a header");
            }
            self.text(&at, value, known, true);
        }
        for text in call.body.iter().flat_map(texts) {
            self.text(&format!("{path}.body"), text, known, true);
        }
        if let Some(body) = call.expect.as_ref().and_then(|expect| expect.body.as_ref()) {
            self.text(&format!("{path}.expect.body"), body, known, false);
        }
    }

    /// Checks the placeholders of a text. `secret` says whether it is neither printed nor logged.
    fn text(&mut self, path: &str, text: &'a str, known: &[&'a str], secret: bool) {
        for name in names(text) {
            if let Some(variable) = name.strip_prefix(ENVIRONMENT) {
                if !secret {
                    let message = format!(
                        "`{{{name}}}` stands in a text that is logged; use it in headers and bodies, and let commands \
                         read their environment"
                    );
                    self.add(path, text, message);
                } else if std::env::var(variable).is_err() {
                    self.add(path, "", format!("the environment variable `{variable}` is not set; set it"));
                }
                continue;
            }
            if !known.contains(&name) {
                let hint = did_you_mean(name, known.iter().copied());
                let known = listing(known.iter().copied());
                let message = format!(
                    "unknown placeholder `{{{name}}}`{hint}; known here: {known}. For the text itself write `{{{{{name}}}}}`"
                );
                // Headers and bodies may be secret.
                self.add(path, if secret { "" } else { text }, message);
                continue;
            }
            if self.of_algorithms().contains(&name) && !self.used.iter().any(|(used, _)| *used == name) {
                self.used.push((name, path.to_owned()));
            }
        }
    }

    /// Checks that every algorithm has the keys that steps use, and no others.
    fn keys(&mut self) {
        let spec = self.spec;
        let used = std::mem::take(&mut self.used);
        for (name, keys) in spec.algorithms.iter() {
            let path = below("algorithms", name);
            for (key, place) in used.iter().filter(|(key, _)| *key != ALGORITHM && keys.get(key).is_none()) {
                self.add(&path, json!(keys), format!("lacks `{key}`, which `{place}` needs"));
            }
            for (key, value) in keys.iter().filter(|(key, _)| is_name(key) && *key != ALGORITHM) {
                if !used.iter().any(|(used, _)| used == &key) {
                    let message = format!("no step uses `{{{key}}}`; leave it out, or use it");
                    self.add(below(&path, key), value.as_str(), message);
                }
            }
        }
        self.used = used;
    }

    /// Checks everything that is neither a step nor an algorithm.
    fn rest(&mut self) {
        let spec = self.spec;
        if let Some(Err(message)) = spec.settle.as_deref().map(period::read) {
            self.add("settle", spec.settle.clone(), message);
        }
        if let Some(name) = spec.restore.as_deref().filter(|name| super::declared_as(spec, name).is_none()) {
            let message = format!("is not declared; name one of {}", listing(spec.algorithms.names()));
            self.add("restore", name, message);
        }
        if let Some(from) = &spec.backend_from
            && let Some(message) = from.fault()
        {
            self.add(format!("backend_from.{}", from.key()), from.value(), message);
        }
        for (number, name) in spec.backends.iter().enumerate() {
            if spec.backends[..number].contains(name) {
                self.add(format!("backends[{number}]"), name.as_str(), "is named twice; leave one out");
            }
        }
        if let Some(metrics) = &spec.metrics {
            self.metrics(metrics);
        }
    }

    fn metrics(&mut self, metrics: &Metrics) {
        if let Err(message) = check_url(&metrics.prometheus) {
            self.add("metrics.prometheus", metrics.prometheus.as_str(), message);
        }
        let selectors =
            [("requests", &metrics.requests), ("errors", &metrics.errors), ("in_flight", &metrics.in_flight)];
        for (key, text) in selectors {
            if let Some(Err(error)) = text.as_deref().map(str::parse::<Selector>) {
                self.add(format!("metrics.{key}"), text.clone(), error.to_string());
            }
        }
        if metrics.requests.is_none() && metrics.in_flight.is_none() {
            let message = "has neither `requests` nor `in_flight`; give the selector of at least one";
            self.add("metrics", json!(metrics), message);
        }
    }
}

/// Returns the path of `key` below `parent`.
fn below(parent: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
    if plain { format!("{parent}.{key}") } else { format!("{parent}[{key:?}]") }
}

/// Returns whether a text fits a row of a table and the list of a flag.
fn is_label(text: &str) -> bool {
    let length = text.chars().count();
    let unfit = |c: char| c.is_control() || c == ',';
    (1..=LONGEST_NAME).contains(&length) && text.trim() == text && !text.contains(unfit)
}

fn label(what: &str) -> String {
    format!("is not {what}; use 1 to {LONGEST_NAME} characters without commas and without spaces at the ends")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(change: impl FnOnce(&mut Value)) -> Declaration {
        let mut value = json!({
            "name": "ingress",
            "algorithms": { "round-robin": { "value": "rr" }, "least-connections": { "value": "lc" } },
            "switch": [{ "run": ["sh", "switch", "{algorithm}", "{value}"], "timeout": "5s" }],
            "verify": [{ "run": ["sh", "show"], "expect": { "stdout": "{value}" } }]
        });
        change(&mut value);
        serde_json::from_value(value)
            .unwrap_or_else(|error| panic!("it has the shape of a declaration: {error}"))
    }

    fn messages(change: impl FnOnce(&mut Value)) -> Vec<String> {
        faults(&spec(change)).into_iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect()
    }

    #[test]
    fn a_declaration_that_fits_has_no_faults() {
        assert_eq!(messages(|_| ()), [""; 0]);
        let captured = messages(|value| {
            value["switch"] = json!([
                { "http": { "url": "http://127.0.0.1:{value}/version" }, "capture": "version" },
                { "http": { "method": "PUT", "url": "http://127.0.0.1/?v={version}", "headers": { "A": "{env:PATH}" },
                            "body": { "a": ["{algorithm}"] } } }
            ]);
        });
        assert_eq!(captured, [""; 0], "captures and variables are placeholders too");
    }

    #[test]
    fn each_fault_is_found_with_its_place_and_the_way_out() {
        type Change = fn(&mut Value);
        let table: [(Change, &str); 24] = [
            (|v| v["name"] = json!("a,b"), "name: is not a name"),
            (|v| v["algorithms"] = json!({}), "algorithms: is empty"),
            (
                |v| v["algorithms"]["rr"] = json!({ "value": "x" }),
                "algorithms.rr: means the same algorithm as `round-robin`",
            ),
            (
                |v| v["algorithms"]["p2c"] = json!({}),
                "algorithms.p2c: lacks `value`, which `switch[0].run` needs",
            ),
            (
                |v| v["algorithms"]["round-robin"]["other"] = json!("x"),
                "algorithms.round-robin.other: no step uses `{other}`",
            ),
            (
                |v| v["algorithms"]["round-robin"]["a b"] = json!("x"),
                "algorithms.round-robin[\"a b\"]: cannot be a placeholder",
            ),
            (
                |v| v["switch"][0]["run"][2] = json!("{algoritm}"),
                "switch[0].run: unknown placeholder `{algoritm}` (did you mean `algorithm`?)",
            ),
            (|v| v["switch"] = json!([{ "run": ["sh"] }]), "switch: no step depends on the algorithm"),
            (
                |v| v["switch"][0]["run"][0] = json!("no-such-program-anywhere"),
                "switch[0].run: is not a program on PATH",
            ),
            (
                |v| v["switch"][0]["run"][0] = json!("/nonexistent/x"),
                "switch[0].run: is not a program that can be run",
            ),
            (
                |v| v["switch"][0]["run"][0] = json!("{algorithm}"),
                "switch[0].run: the program must be the same",
            ),
            (|v| v["switch"][0]["timeout"] = json!("soon"), "switch[0].timeout: is not a time; use `500ms`"),
            (|v| v["switch"][0]["timeout"] = json!("0s"), "switch[0].timeout: must be above 0"),
            (
                |v| v["switch"][0] = json!({ "timeout": "5s" }),
                "switch[0]: has neither `run` (a command) nor `http`",
            ),
            (
                |v| v["verify"][0]["http"] = json!({ "url": "http://h/" }),
                "verify[0]: has both `run` (a command) and `http`",
            ),
            (
                |v| v["drain"] = json!([{ "run": ["sh", "{algorithm}"] }]),
                "drain[0].run: unknown placeholder `{algorithm}`; known here: none",
            ),
            (
                |v| v["verify"] = json!([{ "http": { "url": "https://h/{value}" } }]),
                "verify[0].http.url: must begin with `http://`",
            ),
            (
                |v| v["verify"] = json!([{ "http": { "url": "http://h/{value}", "headers": { "a": "{env:NO_SUCH_VARIABLE_1}" } } }]),
                "the environment variable `NO_SUCH_VARIABLE_1` is not set",
            ),
            (
                |v| v["switch"][0]["run"][1] = json!("{env:PATH}"),
                "switch[0].run: `{env:PATH}` stands in a text that is logged",
            ),
            (
                |v| v["restore"] = json!("p2c"),
                "restore: is not declared; name one of `round-robin`, `least-connections`",
            ),
            (
                |v| v["backend_from"] = json!({ "header": "Content-Length" }),
                "backend_from.header: is not a header that can name",
            ),
            (
                |v| v["backend_from"] = json!({ "cookie": "a b" }),
                "backend_from.cookie: is not the name of a cookie",
            ),
            (
                |v| v["backend_from"] = json!({ "body_pointer": "host" }),
                "backend_from.body_pointer: is not a JSON pointer; use one such as `/hostname`",
            ),
            (
                |v| {
                    v["metrics"] =
                        json!({ "prometheus": "http://h/", "backend_label": "server", "requests": "a b" })
                },
                "metrics.requests: is not a selector",
            ),
        ];
        for (change, expected) in table {
            let found = messages(change);
            assert!(
                found.iter().any(|message| message.contains(expected)),
                "`{expected}` is found: {found:?}"
            );
        }
    }

    #[test]
    fn what_may_be_secret_is_not_quoted() {
        let faults = faults(&spec(|v| {
            v["verify"] =
                json!([{ "http": { "url": "http://h/{value}", "headers": { "a": "secret {unknown}" } } }]);
        }));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(!format!("{faults:?}").contains("secret"), "{faults:?}");
    }
}
