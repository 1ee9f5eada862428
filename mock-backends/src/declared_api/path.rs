//! Paths of routes: fixed parts and parameters.

use crate::uri::decode;

/// The path of a route, split at its slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Fixed(String),
    Parameter(String),
}

impl Pattern {
    /// Parses a path such as `/api/users/{id}`; the error says what is wrong with it and what to write instead.
    pub(super) fn parse(path: &str) -> Result<Self, String> {
        let Some(rest) = path.strip_prefix('/') else {
            return Err("must begin with `/`".to_owned());
        };
        if let Some(bad) = path.chars().find(|c| !c.is_ascii_graphic() || "?#\"\\<>".contains(*c)) {
            return Err(format!("must not have `{}`; write the path alone, escaped", bad.escape_default()));
        }
        let mut parts = Vec::new();
        for part in rest.split('/') {
            let part = match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) if is_name(name) => Part::Parameter(name.to_owned()),
                None if !part.contains(['{', '}']) => Part::Fixed(part.to_owned()),
                _ => {
                    return Err(format!(
                        "has `{part}`; a parameter takes the whole part between two slashes, as in `/users/{{id}}`"
                    ));
                }
            };
            if let Part::Parameter(name) = &part
                && parts.contains(&part)
            {
                return Err(format!("has two parameters `{name}`; give each a name of its own"));
            }
            parts.push(part);
        }
        Ok(Self(parts))
    }

    /// Returns the values of the parameters, if the path fits. A parameter takes one part that is not empty.
    pub(super) fn arguments<'a>(&'a self, path: &str) -> Option<Vec<(&'a str, String)>> {
        let mut given = path.strip_prefix('/')?.split('/');
        let mut arguments = Vec::new();
        for part in &self.0 {
            match (part, given.next()?) {
                (Part::Fixed(fixed), given) if fixed == given => {}
                (Part::Parameter(name), given) if !given.is_empty() => {
                    arguments.push((name.as_str(), decode(given).into_owned()));
                }
                _ => return None,
            }
        }
        given.next().is_none().then_some(arguments)
    }

    /// Returns the names of the parameters.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Parameter(name) => Some(name.as_str()),
            Part::Fixed(_) => None,
        })
    }

    /// Returns the order in which patterns are tried: where two fit, one with a fixed part comes before one with a
    /// parameter, from left to right.
    pub(super) fn rank(&self) -> Vec<bool> {
        self.0.iter().map(|part| matches!(part, Part::Parameter(_))).collect()
    }

    /// Returns whether exactly the same paths fit both patterns.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let same = |(one, other): (&Part, &Part)| match (one, other) {
            (Part::Parameter(_), Part::Parameter(_)) => true,
            (one, other) => one == other,
        };
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(same)
    }
}

fn is_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(first) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(path: &str) -> Pattern {
        Pattern::parse(path).expect("the path is valid")
    }

    #[test]
    fn a_path_fits_part_by_part_and_gives_its_parameters_decoded() {
        let users = pattern("/api/users/{id}");
        assert_eq!(users.arguments("/api/users/a%20b"), Some(vec![("id", "a b".to_owned())]));
        for other in ["/api/users", "/api/users/", "/api/users/1/2", "/api/orders/1", "api/users/1", "*"] {
            assert_eq!(users.arguments(other), None, "{other}");
        }
        assert_eq!(pattern("/").arguments("/"), Some(Vec::new()));
        assert_eq!(pattern("/").arguments("//"), None);
    }

    #[test]
    fn what_is_no_path_is_refused_with_what_to_write() {
        for (path, expected) in [
            ("users", "must begin with `/`"),
            ("/users?id=1", "must not have `?`"),
            ("/a b", "must not have ` `"),
            ("/users/u-{id}", "a parameter takes the whole part"),
            ("/users/{}", "a parameter takes the whole part"),
            ("/{a}/{a}", "two parameters `a`"),
        ] {
            let problem = Pattern::parse(path).expect_err(path);
            assert!(problem.contains(expected), "{path}: {problem}");
        }
    }

    #[test]
    fn fixed_parts_come_before_parameters_from_left_to_right() {
        let mut patterns = ["/{a}/x", "/users/{id}", "/users/me", "/{a}/{b}"].map(pattern);
        patterns.sort_by_key(Pattern::rank);
        assert_eq!(patterns, ["/users/me", "/users/{id}", "/{a}/x", "/{a}/{b}"].map(pattern));
        assert!(pattern("/{a}/x").is_like(&pattern("/{b}/x")));
        assert!(!pattern("/{a}/x").is_like(&pattern("/{b}/y")));
    }
}
