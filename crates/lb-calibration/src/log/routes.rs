//! Few routes out of many paths: the ones that cost the backends most time, and the rest together.

use std::collections::HashMap;

/// Largest number of routes, the rest included: each needs a distribution of its own.
const MOST_ROUTES: usize = 12;
/// Fewest requests of a route with its own distribution.
const FEWEST: u64 = 200;
/// Largest number of path patterns to tell apart; the requests of later ones belong to the rest.
const MOST_PATTERNS: usize = 20_000;
/// The name of the rest: a pattern that matches any path.
pub(super) const REST: &str = "*";

/// Numbers for names, in order of first appearance.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<String, u32>,
    pub(super) list: Vec<String>,
}

impl Names {
    /// Returns the number of a name.
    pub(super) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.list.len() as u32;
        self.numbers.insert(name.to_owned(), number);
        self.list.push(name.to_owned());
        number
    }

    /// Returns the number of a path's pattern; [`u32::MAX`] once there are too many.
    pub(super) fn pattern(&mut self, name: &str) -> u32 {
        let full = self.list.len() >= MOST_PATTERNS && !self.numbers.contains_key(name);
        if full { u32::MAX } else { self.number(name) }
    }
}

/// Chooses the routes of a log. Returns their names, the most specific first, and the new number of each
/// pattern; `requests` and `nanos` are the number of requests of each pattern and the time that they took.
pub(super) fn choose(patterns: &[String], requests: &[u64], nanos: &[u64]) -> (Vec<String>, Vec<u16>) {
    let mut costly: Vec<usize> = (0..patterns.len()).filter(|pattern| requests[*pattern] >= FEWEST).collect();
    costly.sort_by_key(|pattern| std::cmp::Reverse(nanos[*pattern]));
    costly.truncate(MOST_ROUTES - 1);
    // The first route that matches applies, so those without wildcards come first.
    costly.sort_by_key(|pattern| {
        let name = &patterns[*pattern];
        (name.matches('{').count(), std::cmp::Reverse(name.len()), *pattern)
    });
    let rest = costly.len() as u16;
    let mut numbers = vec![rest; patterns.len()];
    for (number, pattern) in costly.iter().enumerate() {
        numbers[*pattern] = number as u16;
    }
    let mut names: Vec<String> = costly.iter().map(|pattern| with_wildcards(&patterns[*pattern])).collect();
    names.push(REST.to_owned());
    (names, numbers)
}

/// Writes every placeholder of a pattern, such as `{id}`, as `{}`.
fn with_wildcards(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut inside = false;
    for c in pattern.chars() {
        match c {
            '{' => text.push_str("{}"),
            '}' => {}
            _ if inside => {}
            _ => text.push(c),
        }
        inside = c == '{' || (inside && c != '}');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costly_routes_are_kept_and_rare_ones_belong_to_the_rest() {
        let patterns = ["GET /a/{id}", "GET /rare", "GET /a/best"].map(str::to_owned);
        let (names, numbers) = choose(&patterns, &[900, 3, 300], &[9, 1, 5]);
        assert_eq!(names, ["GET /a/best", "GET /a/{}", "*"]);
        assert_eq!(numbers, [1, 2, 0]);
    }

    #[test]
    fn there_are_few_routes_however_many_paths_there_are() {
        let patterns: Vec<String> = (0..100).map(|number| format!("GET /{number:c<3}")).collect();
        let cost: Vec<u64> = (0..100).collect();
        let (names, numbers) = choose(&patterns, &[1_000; 100], &cost);
        assert_eq!((names.len(), numbers[99] == numbers[0]), (MOST_ROUTES, false));
        assert_eq!(numbers[0], 11, "the cheapest belongs to the rest");
    }
}
