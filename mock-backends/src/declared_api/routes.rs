//! Compiles the routes of a file.

use super::api::{Condition, Cost, Input, Invalidation, Route};
use super::compiler::{Compiler, RouteCache};
use super::file::{CostFile, RouteFile, RuleFile};
use super::inputs::Reads;
use super::label::lasting;
use super::path::Pattern;
use super::reply::Reply;
use super::reply_file::ReplyFile;
use super::run::MOST_COST;
use super::scope::Scope;
use super::step_file::StepFile;
use super::steps::{Action, ROW, Step, TOTAL};
use super::template::Json;
use crate::operators::is_operators;
use lb_core::service_time::ServiceTime;
use lb_document::{Problem, join};
use serde_json::Value;

/// Compiles a route. `usual` is the service time of routes that give none. `None` after a problem with its path.
pub(super) fn compile_route(
    compiler: &mut Compiler,
    at: &str,
    file: &RouteFile,
    cache: Option<RouteCache>,
    usual: Option<ServiceTime>,
) -> Option<Route> {
    let pattern = Pattern::parse(&file.path);
    if let Err(problem) = &pattern {
        compiler.words.wrong(&join(at, "path"), &file.path, problem);
    }
    let pattern = pattern.ok();
    if is_operators(&file.path) {
        let message = "is a path that the backends answer themselves, for operators; choose another";
        compiler.words.wrong(&join(at, "path"), &file.path, message);
    }
    check_timing(compiler, at, file);
    let (cache, names) = cache.map(|cache| (cache.number, cache.names)).unzip();
    compiler.words.names = names.unwrap_or_default();
    compiler.words.scope = Scope::of_request(compiler.has_session, pattern.as_ref());
    let cost = compile_cost(compiler, &join(at, "cost"), file.cost.as_ref());
    let (inputs, conditions) = compile_rules(compiler, at, &file.require);
    let invalid = compiler.words.reply(&join(at, "invalid"), file.invalid.as_ref(), 422, INVALID);
    compiler.words.scope = Scope::of_request(compiler.has_session, pattern.as_ref());
    let failures = compile_failures(compiler, at, file);
    let mut steps = Vec::new();
    for (number, step) in file.steps.iter().enumerate() {
        steps.extend(compile_step(compiler, &format!("{at}.steps[{number}]"), step));
    }
    let mut invalidations = Vec::new();
    for (number, one) in file.invalidates.iter().enumerate() {
        let at = format!("{at}.invalidates[{number}]");
        let cache = compiler.cache_number(&join(&at, "cache"), &one.cache);
        invalidations.push(Invalidation { cache, key: compiler.words.formulas(&join(&at, "key"), &one.key) });
    }
    let reply = compiler.words.reply(&join(at, "reply"), Some(&file.reply), 200, "");
    Some(Route {
        method: file.method.name(),
        pattern: pattern?,
        label: lasting(&file.path),
        reads: Reads::of(&compiler.words.names),
        at_once: file.at_once,
        service_time: file.service_time.clone().or(usual),
        cost,
        inputs,
        conditions,
        invalid,
        failures,
        cache,
        steps,
        invalidations,
        reply,
    })
}

/// What a request is told that lacks something, unless the file says it otherwise.
const INVALID: &str = "the request is not valid";

/// Reports service times that are not possible, and those that would count for nothing.
fn check_timing(compiler: &mut Compiler, at: &str, file: &RouteFile) {
    compiler.words.service_time(&join(at, "service_time"), file.service_time.as_ref());
    let given = [
        ("service_time", file.service_time.is_some()),
        ("cost", file.cost.is_some()),
        ("cache", file.cache.is_some()),
    ];
    for (key, _) in given.into_iter().filter(|(_, given)| *given && file.at_once) {
        let message = "has no effect with `at_once`, which takes no service time; remove one of the two";
        compiler.words.problems.push(Problem::of_key(join(at, key), message));
    }
    if file.invalid.is_some() && file.require.is_empty() {
        let message = "has no effect without `require`; say there what a request must have";
        compiler.words.problems.push(Problem::of_key(join(at, "invalid"), message));
    }
}

fn compile_cost(compiler: &mut Compiler, at: &str, cost: Option<&CostFile>) -> Cost {
    match cost {
        None => Cost::Fixed(1.0),
        Some(CostFile::Number(number)) => {
            if !(0.0..=MOST_COST).contains(number) {
                let message = format!("must be a number from 0 to {MOST_COST}");
                compiler.words.problems.push(Problem::at(at, &Value::from(*number), message));
            }
            Cost::Fixed(*number)
        }
        Some(CostFile::Expression(text)) => {
            compiler.words.formula(at, text).map_or(Cost::Fixed(1.0), Cost::Formula)
        }
    }
}

/// Compiles what a request must have. From here on, `missing` is known.
fn compile_rules(compiler: &mut Compiler, at: &str, rules: &[RuleFile]) -> (Vec<Input>, Vec<Condition>) {
    let (mut inputs, mut conditions) = (Vec::new(), Vec::new());
    for (number, rule) in rules.iter().enumerate() {
        let at = format!("{at}.require[{number}]");
        match rule {
            RuleFile::Input(name) => {
                let formula = compiler.words.formula(&at, name);
                inputs.extend(formula.map(|formula| Input { name: name.clone(), formula }));
            }
            RuleFile::Condition(condition) => {
                let that = compiler.words.formula(&join(&at, "that"), &condition.that);
                let reply = condition.reply.as_ref();
                let reply =
                    reply.map(|reply| compiler.words.reply(&join(&at, "reply"), Some(reply), 422, ""));
                conditions.extend(that.map(|that| Condition { that, reply }));
            }
        }
    }
    compiler.words.scope.add("missing");
    (inputs, conditions)
}

fn compile_failures(compiler: &mut Compiler, at: &str, file: &RouteFile) -> Vec<(f64, Reply)> {
    let mut failures = Vec::new();
    for (number, failure) in file.failures.iter().enumerate() {
        let at = format!("{at}.failures[{number}].reply");
        failures.push((failure.share, compiler.words.reply(&at, Some(&failure.reply), 500, "")));
    }
    let sum: f64 = file.failures.iter().map(|failure| failure.share).sum();
    // Shares such as 0.1 are not exact.
    if sum > 1.0 + 1e-9 {
        let message = format!("the shares add up to {sum}; they must not exceed 1");
        compiler.words.problems.push(Problem::of_key(join(at, "failures"), message));
    }
    failures
}

/// What a step answers when it cannot be taken, unless the file says it otherwise.
const MISSING: (u16, &str) = (404, "no such resource");
const EXISTS: (u16, &str) = (409, "it exists already");
const FULL: (u16, &str) = (507, "there is no room for more");

/// Compiles a step, and makes its result known to what follows. `None` after a problem.
fn compile_step(compiler: &mut Compiler, at: &str, step: &StepFile) -> Option<Step> {
    let Some((collection, name)) = step.target() else {
        return compile_answer(compiler, at, step);
    };
    let collection = compiler.collection_number(&join(at, "in"), collection);
    let is_list = matches!(step, StepFile::List { .. } | StepFile::Clear { .. });
    let name = name.unwrap_or(if is_list { ITEMS } else { ITEM }).to_owned();
    let action = compile_action(compiler, at, step, collection, &name);
    let mut reply = |key: &str, file: Option<&ReplyFile>, (status, message): (u16, &str)| {
        compiler.words.reply(&join(at, key), file, status, message)
    };
    let (otherwise, full) = match step {
        StepFile::Create { exists, full, .. } => {
            (reply("exists", exists.as_ref(), EXISTS), reply("full", full.as_ref(), FULL))
        }
        StepFile::Put { full, .. } => (reply("", None, MISSING), reply("full", full.as_ref(), FULL)),
        StepFile::Read { missing, .. }
        | StepFile::Update { missing, .. }
        | StepFile::Delete { missing, .. } => {
            (reply("missing", missing.as_ref(), MISSING), reply("", None, FULL))
        }
        StepFile::List { .. } | StepFile::Clear { .. } | StepFile::Answer { .. } => {
            (reply("", None, MISSING), reply("", None, FULL))
        }
    };
    compiler.words.scope.add(&name);
    Some(Step { action: action?, name, otherwise, full })
}

/// Compiles what a step does with a collection; `name` is the variable of its result. `None` after a problem.
fn compile_action(
    compiler: &mut Compiler,
    at: &str,
    step: &StepFile,
    collection: usize,
    name: &str,
) -> Option<Action> {
    let mut formula = |key: &str, text: &str| compiler.words.formula(&join(at, key), text);
    Some(match step {
        StepFile::Create { id, with, .. } => {
            let id = id.as_ref().and_then(|id| formula("id", id));
            Action::Create { collection, id, with: compile_row(compiler, at, with) }
        }
        StepFile::Read { id, optional, missing, .. } => {
            let id = formula("id", id);
            if *optional && missing.is_some() {
                let message = "has no effect with `optional`; remove one of the two";
                compiler.words.problems.push(Problem::of_key(join(at, "missing"), message));
            }
            Action::Read { collection, id: id?, optional: *optional }
        }
        StepFile::Update { id, with, .. } => {
            let id = formula("id", id);
            compiler.words.scope.add(name);
            let with = compile_row(compiler, at, with);
            Action::Update { collection, id: id?, with }
        }
        StepFile::Put { id, with, .. } => {
            let id = formula("id", id);
            compiler.words.scope.add(name);
            let with = compile_row(compiler, at, with);
            Action::Put { collection, id: id?, with }
        }
        StepFile::Delete { id, .. } => Action::Delete { collection, id: formula("id", id)? },
        StepFile::List { condition, skip, limit, .. } => {
            let mut given =
                |key: &str, text: &Option<String>| text.as_ref().and_then(|text| formula(key, text));
            let (skip, limit) = (given("skip", skip), given("limit", limit));
            let outside = compiler.words.scope.clone();
            compiler.words.scope.add(ROW);
            let at = join(at, "where");
            let condition = condition.as_ref().and_then(|text| compiler.words.formula(&at, text));
            compiler.words.scope = outside;
            compiler.words.scope.add(TOTAL);
            Action::List { collection, condition, skip, limit }
        }
        StepFile::Clear { .. } => Action::Clear { collection },
        StepFile::Answer { .. } => return None,
    })
}

/// Compiles a step that answers. `None` after a problem.
fn compile_answer(compiler: &mut Compiler, at: &str, step: &StepFile) -> Option<Step> {
    let StepFile::Answer { when, reply } = step else { return None };
    let when = compiler.words.formula(&join(at, "when"), when);
    let otherwise = compiler.words.reply(&join(at, "reply"), Some(reply), 200, "");
    let (name, full) = (String::new(), Reply::error(FULL.0, FULL.1));
    Some(Step { action: Action::Answer { when: when? }, name, otherwise, full })
}

/// The variables that hold the results of steps, unless the file names them otherwise.
const ITEM: &str = "item";
const ITEMS: &str = "items";

/// Compiles the fields of a row.
fn compile_row(compiler: &mut Compiler, at: &str, with: &Value) -> Json {
    let at = join(at, "with");
    let is_template = with.as_str().is_some_and(|text| text.contains("{{"));
    if !with.is_object() && !is_template {
        let message = "must be an object, or an expression for one such as `{{ body }}`";
        compiler.words.problems.push(Problem::at(&at, with, message));
    }
    compiler.words.json(&at, with)
}
