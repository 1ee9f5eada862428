//! Which tests of two sides belong together.

use super::findings;
use crate::analyze::Analysis;
use crate::error::AnalyzeError;
use crate::test::Test;

/// The note that every comparison carries.
const ONE_RUN: &str =
    "each side is one test, so a difference may be noise; `bench compare` judges repeated runs";

/// Two sides, with the tests that belong together.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The path of the first side.
    pub baseline: String,
    /// The path of the second side.
    pub improved: String,
    /// The tests that belong together, at least one pair.
    pub pairs: Vec<Pair>,
    /// Notes on the comparison as a whole, one sentence each.
    pub notes: Vec<String>,
}

/// Two tests that belong together.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The name of the pair: that of both tests, or both names.
    pub name: String,
    /// The test before.
    pub baseline: Test,
    /// The test after.
    pub improved: Test,
    /// What the two tests show, in sentences.
    pub findings: Vec<String>,
}

/// Pairs the tests of two sides: first those with the same name, then those that are the only ones left of their tool,
/// then the only ones left.
///
/// # Errors
/// No two tests belong together.
pub fn compare(baseline: Analysis, improved: Analysis) -> Result<Comparison, AnalyzeError> {
    let mut notes = vec![ONE_RUN.to_owned()];
    notes.extend(baseline.notes.into_iter().map(|note| format!("{}: {note}", baseline.source)));
    notes.extend(improved.notes.into_iter().map(|note| format!("{}: {note}", improved.source)));
    let (mut before, mut after) = (baseline.tests, improved.tests);
    let names = |tests: &[Test]| crate::read::list(tests.iter().map(|test| test.name.clone()));
    let problem = format!("the first one holds {}, the second one {}", names(&before), names(&after));
    let mut pairs = Vec::new();
    take(&mut pairs, &mut before, &mut after, |one, other| one.kind == other.kind && one.name == other.name);
    take(&mut pairs, &mut before, &mut after, |one, other| one.kind == other.kind);
    take(&mut pairs, &mut before, &mut after, |_, _| true);
    for (source, left) in [(&baseline.source, &before), (&improved.source, &after)] {
        if !left.is_empty() {
            notes.push(format!("{source}: without a counterpart: {}", names(left)));
        }
    }
    if pairs.is_empty() {
        return Err(AnalyzeError::NoPair {
            baseline: baseline.source,
            improved: improved.source,
            problem,
            advice: "give two files, or name the files of two folders alike",
        });
    }
    Ok(Comparison { baseline: baseline.source, improved: improved.source, pairs, notes })
}

/// Takes the tests that belong together out of both sides, as long as each is the only one for the other.
fn take(
    pairs: &mut Vec<Pair>,
    before: &mut Vec<Test>,
    after: &mut Vec<Test>,
    belong: fn(&Test, &Test) -> bool,
) {
    let mut place = 0;
    while let Some(one) = before.get(place) {
        let theirs: Vec<usize> = (0..after.len()).filter(|at| belong(one, &after[*at])).collect();
        match theirs.as_slice() {
            [at] if before.iter().filter(|other| belong(other, &after[*at])).count() == 1 => {
                let (baseline, improved) = (before.remove(place), after.remove(*at));
                pairs.push(Pair::new(baseline, improved));
            }
            _ => place += 1,
        }
    }
}

impl Pair {
    fn new(baseline: Test, improved: Test) -> Self {
        let name = match baseline.name == improved.name {
            true => baseline.name.clone(),
            false => format!("{} and {}", baseline.name, improved.name),
        };
        let findings = findings::of_pair(&baseline, &improved);
        Self { name, baseline, improved, findings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Kind;
    use std::path::Path;

    fn side(source: &str, tests: &[(&str, Kind)]) -> Analysis {
        let tests = tests.iter().map(|(name, kind)| Test::new(Path::new(name), *kind, "")).collect();
        Analysis { source: source.to_owned(), tests, notes: Vec::new() }
    }

    #[test]
    fn tests_are_paired_by_name_then_by_tool_then_as_the_only_ones() {
        let before = [("k6_1", Kind::K6), ("same", Kind::Locust), ("other", Kind::Locust), ("x", Kind::Wrk)];
        let after =
            [("same", Kind::Locust), ("improved_k6_1", Kind::K6), ("new", Kind::Locust), ("y", Kind::Hey)];
        let comparison = compare(side("a", &before), side("b", &after)).expect("there are pairs");
        let names: Vec<&str> = comparison.pairs.iter().map(|pair| pair.name.as_str()).collect();
        assert_eq!(names, ["same", "k6_1 and improved_k6_1", "other and new", "x and y"]);
        assert_eq!(comparison.notes.len(), 1, "nothing is left over: {:?}", comparison.notes);
    }

    #[test]
    fn what_cannot_be_paired_is_named() {
        let two = [("a", Kind::K6), ("b", Kind::K6)];
        let comparison = compare(side("x", &two), side("y", &[("a", Kind::K6)])).expect("one pair");
        assert_eq!(comparison.notes[1], "x: without a counterpart: `b`");
        let error =
            compare(side("x", &two), side("y", &[("c", Kind::K6), ("d", Kind::K6)])).expect_err("ambiguous");
        let text = error.to_string();
        assert!(text.contains("the first one holds `a`, `b`, the second one `c`, `d`"), "{text}");
    }
}
