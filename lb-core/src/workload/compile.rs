//! Compiles a journey: checks it, parses its templates and flattens its actions to numbered steps.
//!
//! All problems are collected, each with its key path, so that an author fixes them in one go.

use super::draw::Weights;
use super::journey::{Action, Journey, JourneyError, Step, Variant};
use super::template::{Bound, Feed, Parser, Place, Scope, Text, suggestion};
use super::user::ActionIndex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A journey, ready to be walked.
#[derive(Clone, Debug, Default)]
pub(super) struct Compiled {
    pub(super) action_names: Vec<String>,
    pub(super) actions: Vec<ActionPlan>,
    pub(super) steps: Vec<Step>,
    pub(super) plans: Vec<StepPlan>,
    pub(super) open: Vec<ActionIndex>,
    pub(super) close: Vec<ActionIndex>,
    pub(super) feeds: Vec<Feed>,
    /// Names of extracted values, by slot.
    pub(super) extracted: Vec<String>,
}

/// An action: a run of steps.
#[derive(Clone, Debug)]
pub(super) struct ActionPlan {
    pub(super) first: u16,
    pub(super) steps: u16,
    pub(super) think_time_s: Option<[f64; 2]>,
    pub(super) can_be_abandoned: bool,
}

/// A step: how it is written, what it expects, what may go wrong on purpose.
#[derive(Clone, Debug)]
pub(super) struct StepPlan {
    pub(super) right: RequestText,
    /// In the order of the step's `errors`.
    pub(super) wrong: Vec<RequestText>,
    /// Chances of errors, summed up, with their positions in `wrong`.
    pub(super) chances: Vec<(f64, u8)>,
    /// Slots and JSON pointers of what to keep from the reply.
    pub(super) extract: Vec<(usize, String)>,
    pub(super) required: bool,
    pub(super) set_up: bool,
}

impl StepPlan {
    /// Whether the session cannot go on with a refusal only, so that the right request follows an
    /// injected wrong one, as when someone mistypes a password.
    pub(super) fn is_put_right(&self) -> bool {
        self.required || !self.extract.is_empty()
    }

    /// Whether every request of the step is the same.
    pub(super) fn is_static(&self) -> bool {
        self.right.is_static() && self.chances.is_empty()
    }
}

/// How a request is written.
#[derive(Clone, Debug)]
pub(super) struct RequestText {
    pub(super) path: Text,
    pub(super) headers: Vec<(Box<str>, Text)>,
    pub(super) body: Option<Text>,
    pub(super) expect: Vec<u16>,
}

impl RequestText {
    fn is_static(&self) -> bool {
        self.path.is_static()
            && self.headers.iter().all(|(_, value)| value.is_static())
            && self.body.as_ref().is_none_or(Text::is_static)
    }
}

/// Compiles `journey` with the chances of `errors`; problems go to `problems`.
pub(super) fn compile(
    journey: &Journey,
    errors: &BTreeMap<String, f64>,
    problems: &mut Vec<JourneyError>,
) -> Compiled {
    let mut compiler = Compiler {
        out: Compiled {
            action_names: journey.actions.keys().cloned().collect(),
            extracted: extracted_names(journey),
            ..Compiled::default()
        },
        feed_names: journey.feeds.keys().map(String::as_str).collect(),
        errors,
        problems,
    };
    compiler.check_errors(journey);
    compiler.feeds(journey);
    compiler.session(journey);
    if journey.actions.is_empty() {
        compiler.problem(
            "actions",
            "is empty; a journey needs at least one action".to_owned(),
        );
    }
    for (name, action) in &journey.actions {
        compiler.action(name, action);
    }
    compiler.mark_set_up();
    compiler.out
}

fn extracted_names(journey: &Journey) -> Vec<String> {
    let steps = journey.actions.values().flat_map(|action| &action.steps);
    let names: BTreeSet<&String> = steps.flat_map(|step| step.extract.keys()).collect();
    names.into_iter().cloned().collect()
}

struct Compiler<'a> {
    out: Compiled,
    feed_names: Vec<&'a str>,
    errors: &'a BTreeMap<String, f64>,
    problems: &'a mut Vec<JourneyError>,
}

impl Compiler<'_> {
    fn problem(&mut self, path: impl Into<String>, problem: impl Into<String>) {
        self.problems.push(JourneyError {
            path: path.into(),
            problem: problem.into(),
        });
    }

    fn check_errors(&mut self, journey: &Journey) {
        let known = journey.error_names();
        for (name, chance) in self.errors {
            if !known.contains(name.as_str()) {
                let names: Vec<&str> = known.iter().copied().collect();
                let hint = suggestion(name, &names);
                let listed = if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                };
                self.problem(
                    format!("errors.{name}"),
                    format!(
                        "no step of journey `{}` knows it{hint}; known: {listed}",
                        journey.name
                    ),
                );
            }
            if !(0.0..=1.0).contains(chance) {
                self.problem(
                    format!("errors.{name}"),
                    format!("{chance} must lie in 0 to 1"),
                );
            }
        }
    }

    fn feeds(&mut self, journey: &Journey) {
        for (name, rows) in &journey.feeds {
            let path = format!("feeds.{name}");
            if rows.is_empty() {
                self.problem(&path, "is empty; give it at least one row");
            }
            let popularity = |row: &Value| row.get("popularity").and_then(Value::as_f64);
            let weights = rows.iter().any(|row| popularity(row).is_some()).then(|| {
                let weights: Vec<f64> = rows
                    .iter()
                    .map(|row| popularity(row).unwrap_or(1.0))
                    .collect();
                Weights::new(&weights)
            });
            if let Some(None) = weights {
                self.problem(
                    &path,
                    "`popularity` must never be negative and not be zero in all rows",
                );
            }
            self.out.feeds.push(Feed {
                rows: rows.clone(),
                weights: weights.flatten(),
            });
        }
    }

    fn session(&mut self, journey: &Journey) {
        let names: Vec<&str> = journey.actions.keys().map(String::as_str).collect();
        for (end, actions) in [
            ("open", &journey.session.open),
            ("close", &journey.session.close),
        ] {
            for (position, name) in actions.iter().enumerate() {
                match names.iter().position(|known| known == name) {
                    Some(index) => {
                        let index = ActionIndex(index as u16);
                        let list = if end == "open" {
                            &mut self.out.open
                        } else {
                            &mut self.out.close
                        };
                        list.push(index);
                    }
                    None => {
                        let hint = suggestion(name, &names);
                        self.problem(
                            format!("session.{end}[{position}]"),
                            format!("no action is called `{name}`{hint}"),
                        );
                    }
                }
            }
        }
    }

    fn action(&mut self, name: &str, action: &Action) {
        let path = format!("actions.{name}");
        if action.steps.is_empty() {
            self.problem(
                format!("{path}.steps"),
                "is empty; an action needs at least one request",
            );
        }
        if !action.weight.is_finite() || action.weight < 0.0 {
            self.problem(
                format!("{path}.weight"),
                format!("{} must not be negative", action.weight),
            );
        }
        if let Some(range) = action.think_time_s
            && let Some(problem) = bad_range(range)
        {
            self.problem(format!("{path}.think_time_s"), problem);
        }
        let first = self.out.steps.len() as u16;
        let mut bound = BTreeMap::new();
        for (position, step) in action.steps.iter().enumerate() {
            if self.out.steps.len() >= usize::from(u16::MAX) {
                self.problem(
                    &path,
                    "has more steps than the 65535 that a journey can hold",
                );
                return;
            }
            let step_path = format!("{path}.steps[{position}]");
            self.step(&step_path, position as u16, step, &mut bound);
        }
        self.out.actions.push(ActionPlan {
            first,
            steps: action.steps.len() as u16,
            think_time_s: action.think_time_s,
            can_be_abandoned: action.can_be_abandoned,
        });
    }

    fn step(
        &mut self,
        path: &str,
        position: u16,
        step: &Step,
        bound: &mut BTreeMap<String, Bound>,
    ) {
        self.check_step(path, step);
        self.bind(path, position, &step.bind, bound);
        let right = Variant {
            path: None,
            headers: BTreeMap::new(),
            body: None,
            bind: BTreeMap::new(),
            expect: step.expect.clone(),
        };
        let right = self.request(path, position, step, &right, bound);
        let mut wrong = Vec::new();
        let mut chances = Vec::new();
        let mut sum = 0.0;
        for (number, (name, variant)) in step.errors.iter().enumerate() {
            let path = format!("{path}.errors.{name}");
            let mut bound = bound.clone();
            self.bind(&path, position, &variant.bind, &mut bound);
            wrong.push(self.request(&path, position, step, variant, &bound));
            let chance = self.errors.get(name).copied().unwrap_or(0.0);
            if chance > 0.0 {
                sum += chance;
                chances.push((sum, number as u8));
            }
        }
        if step.errors.len() > usize::from(u8::MAX) {
            self.problem(
                format!("{path}.errors"),
                "a step can know at most 255 errors",
            );
        }
        if sum > 1.0 + 1e-9 {
            self.problem(
                format!("{path}.errors"),
                format!(
                    "chances of the errors of step `{}` add up to {sum}, more than 1",
                    step.name
                ),
            );
        }
        let slot = |name| self.out.extracted.iter().position(|known| known == name);
        let extract = step
            .extract
            .iter()
            .filter_map(|(name, pointer)| Some((slot(name)?, pointer.clone())))
            .collect();
        let required = step.required;
        self.out.plans.push(StepPlan {
            right,
            wrong,
            chances,
            extract,
            required,
            set_up: false,
        });
        self.out.steps.push(step.clone());
    }

    fn check_step(&mut self, path: &str, step: &Step) {
        if step.name.is_empty() || self.out.steps.iter().any(|known| known.name == step.name) {
            self.problem(
                format!("{path}.name"),
                format!("`{}` must be given and unique in the journey", step.name),
            );
        }
        if step.method.is_empty() || !step.method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            self.problem(
                format!("{path}.method"),
                format!("`{}` must be an HTTP method in capitals", step.method),
            );
        }
        if let Some(service) = &step.service
            && (service.is_empty() || !service.bytes().all(is_unreserved))
        {
            self.problem(
                format!("{path}.service"),
                format!("`{service}` must be one path segment of letters, digits, `-`, `.`, `_`"),
            );
        }
        if step.repeat[0] > step.repeat[1] {
            self.problem(
                format!("{path}.repeat"),
                format!("{:?} must be [min, max] with min at most max", step.repeat),
            );
        }
        if !(0.0..=1.0).contains(&step.probability) {
            self.problem(
                format!("{path}.probability"),
                format!("{} must lie in 0 to 1", step.probability),
            );
        }
        for (name, pointer) in &step.extract {
            if !pointer.is_empty() && !pointer.starts_with('/') {
                self.problem(
                    format!("{path}.extract.{name}"),
                    format!("`{pointer}` must be a JSON pointer such as `/token`"),
                );
            }
        }
    }

    fn bind(
        &mut self,
        path: &str,
        step: u16,
        bind: &BTreeMap<String, String>,
        bound: &mut BTreeMap<String, Bound>,
    ) {
        for (variable, feed) in bind {
            let path = format!("{path}.bind.{variable}");
            if ["user", "uuid", "int"].contains(&variable.as_str())
                || variable.contains(['.', ':', '{', '}'])
                || self.out.extracted.contains(variable)
            {
                self.problem(
                    &path,
                    format!("`{variable}` is reserved or extracted by a step; choose another name"),
                );
            }
            match self.feed_names.iter().position(|known| known == feed) {
                Some(feed) => {
                    bound.insert(variable.clone(), Bound { feed, step });
                }
                None => {
                    let hint = suggestion(feed, &self.feed_names);
                    let known = self.feed_names.join(", ");
                    self.problem(
                        &path,
                        format!("no feed is called `{feed}`{hint}; known: {known}"),
                    );
                }
            }
        }
    }

    /// The text of a request: the step's, with what `variant` replaces.
    fn request(
        &mut self,
        path: &str,
        position: u16,
        step: &Step,
        variant: &Variant,
        bound: &BTreeMap<String, Bound>,
    ) -> RequestText {
        let mut found = Vec::new();
        let scope = Scope {
            feeds: &self.out.feeds,
            bound,
            extracted: &self.out.extracted,
        };
        let mut parse = |key: String, part: usize, fill: &dyn Fn(&mut Parser<'_>)| {
            let mut parser = Parser::new(&scope, position, part);
            fill(&mut parser);
            let (text, problems) = parser.finish();
            found.extend(problems.into_iter().map(|problem| (key.clone(), problem)));
            text
        };
        let typed_path = variant.path.as_ref().unwrap_or(&step.path);
        let prefix = step
            .service
            .as_ref()
            .map(|service| format!("/{service}"))
            .unwrap_or_default();
        let request_path = parse(format!("{path}.path"), 0, &|parser| {
            parser.text(&prefix, Place::Path);
            parser.text(typed_path, Place::Path);
        });
        let body = variant.body.as_ref().or(step.body.as_ref()).map(|body| {
            parse(format!("{path}.body"), 1, &|parser| match body {
                Value::String(text) => parser.text(text, Place::Raw),
                json => parser.json(json),
            })
        });
        let headers = merged_headers(step, variant, body.is_some())
            .into_iter()
            .enumerate()
            .map(|(number, (name, value))| {
                let key = format!("{path}.headers.{name}");
                let text = parse(key, 2 + number, &|parser| parser.text(value, Place::Header));
                (name.into(), text)
            })
            .collect::<Vec<(Box<str>, Text)>>();
        if let Some(problem) = bad_path(typed_path) {
            found.push((format!("{path}.path"), problem));
        }
        for (name, _) in &headers {
            if name.is_empty() || !name.bytes().all(is_unreserved) {
                let problem = format!("`{name}` is no header name");
                found.push((format!("{path}.headers.{name}"), problem));
            }
        }
        if variant.expect.is_empty() || variant.expect.iter().any(|code| !(100..600).contains(code))
        {
            let problem = format!("{:?} must name statuses, 100 to 599", variant.expect);
            found.push((format!("{path}.expect"), problem));
        }
        for (key, problem) in found {
            // A variant repeats the step's own faults; they are said once, at the step.
            let step = known_step(path);
            let is_known =
                |known: &JourneyError| known.problem == problem && known_step(&known.path) == step;
            if !self.problems.iter().any(is_known) {
                self.problem(key, problem);
            }
        }
        RequestText {
            path: request_path,
            headers,
            body,
            expect: variant.expect.clone(),
        }
    }

    fn mark_set_up(&mut self) {
        for action in self.out.open.clone() {
            if let Some(action) = self.out.actions.get(usize::from(action.0)) {
                let first = usize::from(action.first);
                for plan in &mut self.out.plans[first..first + usize::from(action.steps)] {
                    plan.set_up = true;
                }
            }
        }
    }
}

/// The part of a key path that names the step.
fn known_step(path: &str) -> &str {
    path.find(']').map_or(path, |end| &path[..=end])
}

/// The step's headers with the variant's in their place; JSON bodies say that they are JSON.
fn merged_headers<'a>(step: &'a Step, variant: &'a Variant, body: bool) -> Vec<(&'a str, &'a str)> {
    let mut headers: Vec<(&str, &str)> = Vec::new();
    for (name, value) in step.headers.iter().chain(&variant.headers) {
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.push((name, value));
    }
    if body
        && !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        headers.push(("content-type", "application/json"));
    }
    headers.retain(|(_, value)| !value.is_empty());
    headers
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn bad_path(path: &str) -> Option<String> {
    if !path.starts_with('/') {
        return Some(format!("`{path}` must start with `/`"));
    }
    let mut outside = String::new();
    let mut rest = path;
    while let Some(open) = rest.find("{{") {
        outside.push_str(&rest[..open]);
        rest = rest[open..]
            .find("}}")
            .map_or("", |length| &rest[open + length + 2..]);
    }
    outside.push_str(rest);
    let odd = outside
        .chars()
        .find(|c| !c.is_ascii_graphic() || "\"<>\\^`{|}#".contains(*c))?;
    Some(format!("`{path}` holds {odd:?}; write it percent-encoded"))
}

/// What is wrong with a range of seconds.
pub(super) fn bad_range([low, high]: [f64; 2]) -> Option<String> {
    (!(low.is_finite() && high.is_finite() && 0.0 <= low && low <= high)).then(|| {
        format!("[{low}, {high}] must be [min, max] in seconds, not negative, min at most max")
    })
}
