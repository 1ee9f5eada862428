//! How the service time of a request depends on what the request says, such as the `limit` of its query.
//!
//! A cost multiplies the service time that is drawn for a request by a factor. The factor follows a law of one
//! [hint](crate::hints), which load balancers read from the same request by the same reader. What they cannot read is the
//! spread of the service time itself: of a log-normal one with standard deviation `s` of the logarithm, a cost whose
//! factors have a standard deviation of `t` tells the share `t² / (t² + s²)` of the variance of log service times.

use crate::hints::{self, Hints, Reader, Said};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Range of factors; what a law gives beyond it is cut off, so that no request can make itself endless.
const FACTORS: std::ops::RangeInclusive<f64> = 1e-3..=1e3;

/// Range of values that can count as ordinary.
const OF: std::ops::RangeInclusive<f64> = 1e-9..=1e12;

/// Range of exponents. Beyond it, factors lie at the ends of their range for nearly all values.
const EXPONENTS: std::ops::RangeInclusive<f64> = -4.0..=4.0;

/// What a request costs by what it says: the factor of its service time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// What the cost depends on: `query.NAME` (a parameter of the query), `path.N` (the N-th segment of the path
    /// below the service, from 1 on, if it varies from request to request, as ids do), `header.NAME` (in lower case), or
    /// `body.bytes` (the length of the body). A request that does not say it costs 1.
    pub from: String,
    /// How the factor depends on it. Factors are cut off at 0.001 and 1000.
    pub law: Law,
}

/// How the factor of a service time depends on a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Law {
    /// A power: `(value / of) ^ exponent`. Values below 0 count as 0, and a text that is not a number costs 1.
    Power {
        /// The value that costs 1.
        of: f64,
        /// The exponent: 1 for a cost in proportion to the value, 0.5 for one that grows as its square root.
        #[serde(default = "one")]
        exponent: f64,
    },
    /// A fixed part and one in proportion to the value: `base + per × value / of`. Values below 0 count as 0, and a text
    /// that is not a number costs 1.
    Affine {
        /// The part that every request costs, whatever the value.
        base: f64,
        /// The part that is added when the value is `of`.
        per: f64,
        /// The value that costs `base + per`.
        of: f64,
    },
    /// A factor for each of some words.
    Table {
        /// The factors by word. Words are as they stand in the request, with its percent escapes; numbers are compared as
        /// numbers.
        factors: BTreeMap<String, f64>,
        /// The factor of a word that is not in the table.
        #[serde(default = "one")]
        otherwise: f64,
    },
}

fn one() -> f64 {
    1.0
}

impl Cost {
    /// Returns the name of the header that the cost depends on, if it is one.
    pub(super) fn header(&self) -> Option<&str> {
        self.from.strip_prefix("header.")
    }

    /// Returns the problems of the cost, one sentence each; empty if there are none. Each begins with the key within
    /// the cost, such as `law.power.of: 0 must be above 0`.
    pub fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.source_problem().into_iter().collect();
        let mut check = |key: &str, value: f64, range: std::ops::RangeInclusive<f64>| {
            if !range.contains(&value) {
                let (least, most) = range.into_inner();
                problems.push(format!("law.{key}: {value} must lie between {least} and {most}"));
            }
        };
        match &self.law {
            Law::Power { of, exponent } => {
                check("power.of", *of, OF);
                check("power.exponent", *exponent, EXPONENTS);
            }
            Law::Affine { base, per, of } => {
                check("affine.base", *base, 0.0..=*FACTORS.end());
                check("affine.per", *per, 0.0..=*FACTORS.end());
                check("affine.of", *of, OF);
            }
            Law::Table { factors, otherwise } => {
                for (word, factor) in factors {
                    check(&format!("table.factors.{word}"), *factor, FACTORS);
                }
                check("table.otherwise", *otherwise, FACTORS);
                if factors.is_empty() {
                    problems.push("law.table.factors: {} must hold at least one word".to_owned());
                }
            }
        }
        problems
    }

    /// Returns the problem of `from`.
    fn source_problem(&self) -> Option<String> {
        let (kind, name) = self.from.split_once('.').unwrap_or((&self.from, ""));
        let is_known = match kind {
            "query" => !name.is_empty(),
            "path" => name.parse::<u8>().is_ok_and(|number| number > 0),
            // `hash:NAME` would hide the value that the cost depends on.
            "header" => !name.is_empty() && !name.contains(':') && name.to_ascii_lowercase() == name,
            "body" => name == "bytes",
            _ => false,
        };
        if !is_known {
            return Some(format!(
                "from: `{}` must be `query.NAME`, `path.N` with N from 1 to 255, `header.NAME` in lower case, or `body.bytes`",
                self.from
            ));
        }
        let refusal = Reader::new(&self.header().map(str::to_owned).into_iter().collect::<Vec<_>>()).err()?;
        Some(format!("from: {refusal}"))
    }
}

/// A cost, ready to be read from hints.
#[derive(Debug)]
pub(super) struct Rule {
    /// Hash of the name of the hint.
    name: u32,
    law: Law,
    /// The words of a table as hints say them, with their factors.
    words: Vec<(Said, f64)>,
}

impl Rule {
    pub(super) fn new(cost: &Cost) -> Self {
        let words = match &cost.law {
            Law::Table { factors, .. } => {
                factors.iter().map(|(word, factor)| (hints::said(word.as_bytes()), *factor)).collect()
            }
            Law::Power { .. } | Law::Affine { .. } => Vec::new(),
        };
        Self { name: hints::hash(cost.from.as_bytes()), law: cost.law.clone(), words }
    }

    /// Returns the factor of a request that says `hints`.
    pub(super) fn factor(&self, hints: &Hints) -> f32 {
        let Some(hint) = hints.as_slice().iter().find(|hint| hint.name == self.name) else {
            return 1.0;
        };
        let factor = match (&self.law, hint.said) {
            (Law::Power { of, exponent }, Said::Number(value)) => {
                (f64::from(value).max(0.0) / of).powf(*exponent)
            }
            (Law::Affine { base, per, of }, Said::Number(value)) => {
                base + per * (f64::from(value).max(0.0) / of)
            }
            (Law::Table { otherwise, .. }, said) => {
                let known = self.words.iter().find(|(word, _)| *word == said);
                known.map_or(*otherwise, |(_, factor)| *factor)
            }
            (Law::Power { .. } | Law::Affine { .. }, Said::Word(_)) => return 1.0,
        };
        factor.clamp(*FACTORS.start(), *FACTORS.end()) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hints::Hint;

    fn parse(json: &str) -> Cost {
        serde_json::from_str(json).expect("the test's cost must parse")
    }

    /// The factor of a request whose query is `?limit=TEXT`.
    fn factor(law: &str, text: &str) -> f32 {
        let cost = parse(&format!(r#"{{"from": "query.limit", "law": {law}}}"#));
        assert_eq!(cost.problems(), Vec::<String>::new(), "{law}");
        let mut hints = Hints::default();
        hints.push(Hint { name: hints::hash(b"query.page"), said: Said::Number(7.0) });
        hints.push(Hint { name: hints::hash(b"query.limit"), said: hints::said(text.as_bytes()) });
        Rule::new(&cost).factor(&hints)
    }

    #[test]
    fn a_law_gives_the_factor_of_a_value_within_its_bounds() {
        let power = r#"{"power": {"of": 100}}"#;
        let root = r#"{"power": {"of": 100, "exponent": 0.5}}"#;
        let inverse = r#"{"power": {"of": 100, "exponent": -1}}"#;
        let affine = r#"{"affine": {"base": 0.25, "per": 0.75, "of": 200}}"#;
        let table = r#"{"table": {"factors": {"full": 4, "2": 0.5}, "otherwise": 2}}"#;
        for (law, text, expected) in [
            (power, "100", 1.0),
            (power, "250", 2.5),
            (power, "12.5", 0.125),
            (power, "0", 0.001),
            (power, "-5", 0.001),
            (power, "1e9", 1000.0),
            (power, "all", 1.0),
            (root, "400", 2.0),
            (inverse, "400", 0.25),
            (inverse, "0", 1000.0),
            (affine, "0", 0.25),
            (affine, "200", 1.0),
            (affine, "-200", 0.25),
            (affine, "all", 1.0),
            (table, "full", 4.0),
            (table, "2", 0.5),
            (table, "2.0", 0.5),
            (table, "3", 2.0),
            (table, "summary", 2.0),
        ] {
            assert_eq!(factor(law, text), expected, "{law} of `{text}`");
        }
    }

    #[test]
    fn a_request_that_does_not_say_it_costs_one() {
        let table =
            parse(r#"{"from": "query.kind", "law": {"table": {"factors": {"a": 9}, "otherwise": 5}}}"#);
        assert_eq!(Rule::new(&table).factor(&Hints::default()), 1.0);
    }

    #[test]
    fn each_fault_of_a_cost_is_named_with_key_value_and_rule() {
        let sources = "must be `query.NAME`, `path.N` with N from 1 to 255, `header.NAME` in lower case, or `body.bytes`";
        for from in [
            "limit",
            "query",
            "query.",
            "path.0",
            "path.x",
            "header.X-Batch",
            "header.",
            "header.hash:cookie",
            "body",
            "body.length",
        ] {
            let faulty =
                Cost { from: from.to_owned(), ..parse(r#"{"from": "", "law": {"power": {"of": 1}}}"#) };
            assert_eq!(faulty.problems(), [format!("from: `{from}` {sources}")]);
        }
        for from in ["query.limit", "query.a.b", "path.3", "header.x-batch", "body.bytes"] {
            let sound =
                Cost { from: from.to_owned(), ..parse(r#"{"from": "", "law": {"power": {"of": 1}}}"#) };
            assert_eq!(sound.problems(), Vec::<String>::new(), "{from}");
        }
        for (law, expected) in [
            (
                r#"{"power": {"of": 0, "exponent": 5}}"#,
                vec![
                    "law.power.of: 0 must lie between 0.000000001 and 1000000000000".to_owned(),
                    "law.power.exponent: 5 must lie between -4 and 4".to_owned(),
                ],
            ),
            (
                r#"{"affine": {"base": -1, "per": 2000, "of": 1}}"#,
                vec![
                    "law.affine.base: -1 must lie between 0 and 1000".to_owned(),
                    "law.affine.per: 2000 must lie between 0 and 1000".to_owned(),
                ],
            ),
            (
                r#"{"table": {"factors": {"full": 0}, "otherwise": 1e4}}"#,
                vec![
                    "law.table.factors.full: 0 must lie between 0.001 and 1000".to_owned(),
                    "law.table.otherwise: 10000 must lie between 0.001 and 1000".to_owned(),
                ],
            ),
            (
                r#"{"table": {"factors": {}}}"#,
                vec!["law.table.factors: {} must hold at least one word".to_owned()],
            ),
        ] {
            let faulty = parse(&format!(r#"{{"from": "query.limit", "law": {law}}}"#));
            assert_eq!(faulty.problems(), expected, "{law}");
        }
    }

    #[test]
    fn a_header_that_holds_a_secret_is_refused() {
        let secret = parse(r#"{"from": "header.authorization", "law": {"power": {"of": 1}}}"#);
        let problems = secret.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("from: ") && problems[0].contains("authorization"), "{problems:?}");
    }

    #[test]
    fn keys_that_no_law_has_are_refused() {
        for (text, key) in [
            (r#"{"from": "query.limit", "law": {"power": {"of": 1, "base": 2}}}"#, "base"),
            (r#"{"from": "query.limit", "law": {"cubic": {"of": 1}}}"#, "cubic"),
            (r#"{"from": "query.limit", "law": {"power": {"of": 1}}, "noise": 1}"#, "noise"),
        ] {
            let error = serde_json::from_str::<Cost>(text).expect_err("an unknown key").to_string();
            assert!(error.contains(key), "{error}");
        }
    }
}
