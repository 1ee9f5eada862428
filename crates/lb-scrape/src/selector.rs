//! Selectors: the name of a metric and the labels that its series must have, as in `requests_total{proxy="shop"}`.

use crate::exposition::{Sample, is_word, series};
use std::fmt;
use std::str::FromStr;

/// A metric and the labels that its series must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    name: String,
    labels: Vec<(String, String)>,
}

/// A text is not a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a selector; write it as `metric_name{{label=\"value\"}}`")]
pub struct SelectorError;

impl Selector {
    /// Returns the name of the metric.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether a series is selected: it has the name, and each of the labels.
    pub fn selects(&self, sample: &Sample<'_>) -> bool {
        let has = |(label, value): &(String, String)| {
            sample.labels.iter().any(|(other, of)| other == label && of == value)
        };
        sample.name == self.name && self.labels.iter().all(has)
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let (name, labels, rest) = series(text.trim()).map_err(|_| SelectorError)?;
        if name.is_empty() || !rest.is_empty() {
            return Err(SelectorError);
        }
        let labels = labels.into_iter().map(|(label, value)| (label.into_owned(), value.into_owned()));
        Ok(Self { name: name.into_owned(), labels: labels.collect() })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = in_braces(self.labels.iter().map(|(label, value)| (label.as_str(), value.as_str())));
        if is_word(&self.name) {
            return write!(f, "{}{labels}", self.name);
        }
        // A name with other characters stands in quotes among the labels.
        match labels.strip_prefix('{') {
            Some(rest) => write!(f, "{{\"{}\", {rest}", escaped(&self.name)),
            None => write!(f, "{{\"{}\"}}", escaped(&self.name)),
        }
    }
}

/// Writes labels as `{pod="a", zone="b"}`; empty if there are none.
pub(crate) fn in_braces<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let written = |(label, value): (&str, &str)| match is_word(label) {
        true => format!("{label}=\"{}\"", escaped(value)),
        false => format!("\"{}\"=\"{}\"", escaped(label), escaped(value)),
    };
    let labels: Vec<String> = labels.into_iter().map(written).collect();
    if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(", ")) }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::sample;

    #[test]
    fn a_selector_is_read_back_from_its_text() {
        for (text, written) in [
            ("up", "up"),
            (" up{} ", "up"),
            ("{\"x y\"}", "{\"x y\"}"),
            ("{\"x.y\", \"a.b\"=\"c\"}", "{\"x.y\", \"a.b\"=\"c\"}"),
            ("a{ b = \"c\" , d=\"e \\\"f\\\"\", }", "a{b=\"c\", d=\"e \\\"f\\\"\"}"),
        ] {
            let selector: Selector = text.parse().expect("a selector");
            assert_eq!(selector.to_string(), written);
            assert_eq!(written.parse(), Ok(selector), "{text}");
        }
    }

    #[test]
    fn other_labels_do_not_matter_and_all_of_the_named_ones_do() {
        let selector: Selector = "a{b=\"c\"}".parse().expect("a selector");
        for (line, selected) in [
            ("a{b=\"c\"} 1", true),
            ("a{d=\"e\",b=\"c\"} 1", true),
            ("a{b=\"x\"} 1", false),
            ("a 1", false),
            ("b{b=\"c\"} 1", false),
        ] {
            assert_eq!(selector.selects(&sample(line).expect("a value")), selected, "{line}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused_with_the_way_out() {
        for text in ["", "a b", "a{", "a{b}", "a{b=c}", "a{b=\"c\"", "a{b=\"c\"} 1", "{b=\"c\"}"] {
            let message = text.parse::<Selector>().expect_err(text).to_string();
            assert!(message.contains("metric_name{label="), "{text}: {message}");
        }
    }
}
