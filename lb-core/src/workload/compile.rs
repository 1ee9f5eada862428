//! Compiles a journey: checks it, parses its templates and turns its actions into numbered steps.
//!
//! All problems are collected, each with its key path, so that an author can fix them in one go.

use super::check;
use super::draw::Weights;
use super::journey::{Action, Journey, Step, Variant};
use super::look::Looks;
use super::parse::{Parser, Scope};
use super::plan::{ActionPlan, Compiled, RequestText, StepPlan};
use super::problem::Problems;
use super::request::{ActionIndex, StepIndex};
use super::template::{Bound, Feed, Place, Text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Names that are reserved for placeholders.
const RESERVED: [&str; 3] = ["user", "uuid", "int"];

/// Compiles `journey` with the probabilities in `errors`. The result is only valid if `problems` stays
/// empty.
pub(super) fn compile(
    journey: &Journey,
    errors: &BTreeMap<String, f64>,
    problems: &mut Problems,
) -> Compiled {
    check::errors(journey, errors, problems);
    let mut out = Compiled {
        action_names: journey.actions.keys().cloned().collect(),
        extracted: extracted_names(journey),
        cookies: journey.session.cookies,
        open: session_part("open", &journey.session.open, journey, problems),
        sequence: session_part("sequence", &journey.session.sequence, journey, problems),
        close: session_part("close", &journey.session.close, journey, problems),
        feeds: feeds(journey, problems),
        ..Compiled::default()
    };
    let steps: usize = journey.actions.values().map(|action| action.steps.len()).sum();
    if journey.actions.is_empty() || steps.max(journey.actions.len()) > usize::from(u16::MAX) {
        let problem = format!("{steps} requests in total; a journey must have 1 to {}", u16::MAX);
        problems.report("actions", problem);
        return out;
    }
    let feed_names = journey.feeds.keys().map(String::as_str).collect();
    let mut compiler = Compiler { out: &mut out, feed_names, errors, problems };
    for (name, action) in &journey.actions {
        compiler.action(name, action);
    }
    compiler.redirects();
    mark_set_up(&mut out);
    out
}

fn extracted_names(journey: &Journey) -> Vec<String> {
    let steps = journey.actions.values().flat_map(|action| &action.steps);
    let names: BTreeSet<&String> = steps.flat_map(|step| step.extract.keys()).collect();
    names.into_iter().cloned().collect()
}

fn feeds(journey: &Journey, problems: &mut Problems) -> Vec<Feed> {
    let compiled = journey.feeds.iter().map(|(name, rows)| {
        let path = format!("feeds.{name}");
        if rows.is_empty() {
            problems.report(&path, "is empty; give it at least one row");
        }
        let popularity = |row: &Value| row.get("popularity").and_then(Value::as_f64);
        let weights = rows.iter().any(|row| popularity(row).is_some()).then(|| {
            let weights: Vec<f64> = rows.iter().map(|row| popularity(row).unwrap_or(1.0)).collect();
            Weights::new(&weights)
        });
        if let Some(None) = weights {
            problems.report(&path, "`popularity` must not be negative, and at least one must be above 0");
        }
        Feed { rows: rows.clone(), weights: weights.flatten() }
    });
    compiled.collect()
}

fn session_part(
    part: &str,
    actions: &[String],
    journey: &Journey,
    problems: &mut Problems,
) -> Vec<ActionIndex> {
    let names: Vec<&str> = journey.actions.keys().map(String::as_str).collect();
    let index = |(number, name): (usize, &String)| {
        let path = format!("session.{part}[{number}]");
        let position = problems.position(name, &names, "action", &path)?;
        Some(ActionIndex(position as u16))
    };
    actions.iter().enumerate().filter_map(index).collect()
}

fn mark_set_up(compiled: &mut Compiled) {
    for action in &compiled.open {
        let action = &compiled.actions[usize::from(action.0)];
        let first = usize::from(action.first);
        for step in first..first + usize::from(action.steps) {
            compiled.plans[step].set_up = true;
            if let Some(row) = compiled.plans[step].redirect {
                compiled.plans[usize::from(row.0)].set_up = true;
            }
        }
    }
}

/// Compiles actions one after the other.
struct Compiler<'a> {
    out: &'a mut Compiled,
    feed_names: Vec<&'a str>,
    errors: &'a BTreeMap<String, f64>,
    problems: &'a mut Problems,
}

impl Compiler<'_> {
    fn action(&mut self, name: &str, action: &Action) {
        let path = format!("actions.{name}");
        if action.steps.is_empty() {
            let problem = "is empty; an action needs at least one request";
            self.problems.report(format!("{path}.steps"), problem);
        }
        self.problems.weight(format!("{path}.weight"), action.weight);
        if let Some(range) = action.think_time_s {
            self.problems.seconds(format!("{path}.think_time_s"), range);
        }
        self.out.actions.push(ActionPlan {
            first: self.out.steps.len() as u16,
            steps: action.steps.len() as u16,
            think_time_s: action.think_time_s,
            can_be_abandoned: action.can_be_abandoned,
        });
        let mut bound = BTreeMap::new();
        for (position, step) in action.steps.iter().enumerate() {
            self.step(&format!("{path}.steps[{position}]"), position as u16, step, &mut bound);
        }
    }

    /// Compiles one step. `bound` holds the variables of the action so far, and gets those of the step.
    fn step(&mut self, path: &str, position: u16, step: &Step, bound: &mut BTreeMap<String, Bound>) {
        check::step(path, step, &self.out.steps, self.problems);
        self.bind(path, position, &step.bind, bound);
        let right = Variant {
            path: None,
            headers: BTreeMap::new(),
            body: None,
            bind: BTreeMap::new(),
            expect: step.expect.clone(),
        };
        let right = self.request(path, position, step, &right, bound);
        let (mut wrong, mut chances, mut sum) = (Vec::new(), Vec::new(), 0.0);
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
        // A sum of shares, such as ten times 0.1, may exceed 1 by a rounding error.
        if sum > 1.0 + 1e-9 {
            self.problems.report(
                format!("{path}.errors"),
                format!("chances of the errors of `{}` add up to {sum}; must be at most 1", step.name),
            );
        }
        let contains = self.contains(path, position, step, bound);
        let slot = |name: &str| self.out.extracted.iter().position(|known| known == name);
        let report = |key: String, problem: String| self.problems.report(format!("{path}.{key}"), problem);
        let looks = Looks::new(&step.extract, &step.check, contains, slot, report);
        let required = step.required;
        let (set_up, recorded, redirect) = (false, false, None);
        self.out.plans.push(StepPlan { right, wrong, chances, looks, redirect, required, set_up, recorded });
        self.out.steps.push(step.clone());
    }

    /// Adds a row for the redirects of each step that follows them, after all others. No action contains these
    /// rows: the driver sends their requests.
    fn redirects(&mut self) {
        for number in 0..self.out.steps.len() {
            let step = &self.out.steps[number];
            if step.follow == 0 {
                continue;
            }
            let row = Step {
                name: format!("{} (redirect)", step.name),
                method: "GET".to_owned(),
                headers: BTreeMap::new(),
                body: None,
                bind: BTreeMap::new(),
                errors: BTreeMap::new(),
                required: false,
                ..step.clone()
            };
            let plan = &self.out.plans[number];
            let plan = StepPlan { wrong: Vec::new(), chances: Vec::new(), redirect: None, ..plan.clone() };
            let Ok(place) = u16::try_from(self.out.steps.len()) else {
                let problem = format!("more than {} requests with those of redirects", u16::MAX);
                return self.problems.report("actions", problem);
            };
            self.out.plans[number].redirect = Some(StepIndex(place));
            self.out.steps.push(row);
            self.out.plans.push(plan);
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
            if RESERVED.contains(&variable.as_str())
                || variable.is_empty()
                || variable.contains(['.', ':', '{', '}'])
                || self.out.extracted.contains(variable)
            {
                let problem = "is reserved, extracted by a step, or not a plain name; choose another name";
                self.problems.report(&path, problem);
            }
            if let Some(feed) = self.problems.position(feed, &self.feed_names, "feed", &path) {
                bound.insert(variable.clone(), Bound { feed, step });
            }
        }
    }

    /// Parses the texts that the body of a reply must contain.
    fn contains(
        &mut self,
        path: &str,
        position: u16,
        step: &Step,
        bound: &BTreeMap<String, Bound>,
    ) -> Vec<Text> {
        let scope = Scope { feeds: &self.out.feeds, bound, extracted: &self.out.extracted };
        let mut texts = Vec::new();
        for typed in &step.check.contains {
            let mut parser = Parser::new(&scope, position, 0);
            parser.text(typed, Place::Raw);
            let (text, mut problems) = parser.finish();
            if text.draws() {
                problems.push(format!("`{typed}` draws a value of its own, which no reply can know"));
            }
            for problem in problems {
                self.problems.report(format!("{path}.check.contains"), problem);
            }
            texts.push(text);
        }
        texts
    }

    /// Compiles the text of a request: that of the step, with the parts that `variant` replaces.
    fn request(
        &mut self,
        path: &str,
        position: u16,
        step: &Step,
        variant: &Variant,
        bound: &BTreeMap<String, Bound>,
    ) -> RequestText {
        let scope = Scope { feeds: &self.out.feeds, bound, extracted: &self.out.extracted };
        let mut parse = |key: &str, part: usize, fill: &dyn Fn(&mut Parser<'_>)| {
            let mut parser = Parser::new(&scope, position, part);
            fill(&mut parser);
            let (text, problems) = parser.finish();
            for problem in problems {
                self.problems.report(format!("{path}.{key}"), problem);
            }
            text
        };
        let prefix = step.service.as_ref().map(|service| format!("/{service}")).unwrap_or_default();
        let request_path = parse("path", 0, &|parser| {
            parser.text(&prefix, Place::Path);
            parser.text(variant.path.as_ref().unwrap_or(&step.path), Place::Path);
        });
        let body = variant.body.as_ref().or(step.body.as_ref());
        let headers = merged_headers(step, variant, body.is_some());
        let body = body.map(|body| {
            parse("body", 1, &|parser| match body {
                Value::String(text) if is_form(&headers) => parser.text(text, Place::Path),
                Value::String(text) => parser.text(text, Place::Raw),
                json => parser.json(json),
            })
        });
        let headers = headers
            .into_iter()
            .enumerate()
            .map(|(number, (name, value))| {
                let key = format!("headers.{name}");
                let fill = |parser: &mut Parser<'_>| parser.text(value, Place::Header);
                (name.into(), parse(&key, 2 + number, &fill))
            })
            .collect();
        RequestText { path: request_path, headers, body, expect: variant.expect.clone() }
    }
}

/// Returns whether a request with these headers sends a form, whose values are encoded like those of a query.
fn is_form(headers: &[(&str, &str)]) -> bool {
    const FORM: &str = "application/x-www-form-urlencoded";
    let mut kinds = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    kinds.any(|(_, kind)| kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(FORM)))
}

/// Returns the step's headers with those of the variant replacing them. A body gets the content type of
/// JSON unless the journey sets another.
fn merged_headers<'a>(step: &'a Step, variant: &'a Variant, body: bool) -> Vec<(&'a str, &'a str)> {
    let mut headers: Vec<(&str, &str)> = Vec::new();
    for (name, value) in step.headers.iter().chain(&variant.headers) {
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.push((name, value));
    }
    if body && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("content-type", "application/json"));
    }
    headers.retain(|(_, value)| !value.is_empty());
    headers
}
