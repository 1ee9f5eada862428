//! Which variables an expression may name, by where it stands.

use super::inputs::INPUTS;
use super::path::Pattern;
use super::template::{Names, functions};
use lb_core::suggest::{did_you_mean, listing};

/// The variables that an expression may name.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    variables: Vec<String>,
    /// The parameters of the path; `None` if they are not known.
    parameters: Option<Vec<String>>,
    has_session: bool,
}

impl Scope {
    /// Returns the scope of what belongs to every reply, also to one without a route.
    pub(super) fn of_every_request(has_session: bool) -> Self {
        let variables = ["method", "backend"].map(str::to_owned).into();
        Self { variables, parameters: None, has_session }
    }

    /// Returns the scope of expressions over a request.
    pub(super) fn of_request(has_session: bool, pattern: Option<&Pattern>) -> Self {
        let given = INPUTS.into_iter().filter(|name| has_session || *name != "session");
        let parameters = pattern.map(|pattern| pattern.parameters().map(str::to_owned).collect());
        Self { variables: given.map(str::to_owned).collect(), parameters, has_session }
    }

    /// Adds a variable.
    pub(super) fn add(&mut self, name: &str) {
        if !self.variables.iter().any(|known| known == name) {
            self.variables.push(name.to_owned());
        }
    }

    /// Returns what is wrong with the variables that an expression names; `None` if nothing is.
    pub(super) fn problem(&self, names: &Names) -> Option<String> {
        let mut names: Vec<&String> = names.iter().collect();
        names.sort();
        names.into_iter().find_map(|name| self.problem_of(name))
    }

    fn problem_of(&self, name: &str) -> Option<String> {
        let mut parts = name.split('.');
        let root = parts.next().unwrap_or_default();
        let known = || self.variables.iter().map(String::as_str);
        if !known().any(|other| other == root) {
            if functions().iter().any(|function| function == root) {
                return None;
            }
            if root == "session" && !self.has_session {
                return Some("names `session`, which the file does not declare; add `session`".to_owned());
            }
            return Some(match did_you_mean(root, known()) {
                hint if !hint.is_empty() => format!("names the unknown variable `{root}`{hint}"),
                _ => format!("names the unknown variable `{root}`; known here: {}", listing(known())),
            });
        }
        let parameter = parts.next().filter(|_| root == "path")?;
        let parameters = self.parameters.as_ref()?;
        if parameters.iter().any(|known| known == parameter) {
            return None;
        }
        let hint = did_you_mean(parameter, parameters.iter().map(String::as_str));
        Some(format!("names `path.{parameter}`, but the path has no parameter `{{{parameter}}}`{hint}"))
    }
}
