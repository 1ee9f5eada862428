//! The lines of a page: `name{label="value",…} number [time]`, and comments that say what kind a metric is.
//!
//! Formats: Prometheus text format 0.0.4 and its quoted names (<https://prometheus.io/docs/instrumenting/exposition_formats/>),
//! OpenMetrics 1.0 with exemplars and `# EOF` (RFC-style text at <https://prometheus.io/docs/specs/om/open_metrics_spec/>).
//! Times on a page are skipped: what counts is when the page was read.

use std::borrow::Cow;

/// A line of a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Line<'a> {
    /// A value of a series.
    Sample(Sample<'a>),
    /// `# TYPE name kind`: the kind of a metric.
    Kind(&'a str, Kind),
    /// A comment or an empty line.
    Comment,
}

/// The kind of a metric, as the page declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number that only grows, until its process starts again.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// Counts by bucket, with their sum and number.
    Histogram,
    /// Quantiles, with their sum and number.
    Summary,
    /// Any other kind, or none that is known.
    Other,
}

/// One value of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<'a> {
    /// The name of the metric.
    pub name: Cow<'a, str>,
    /// The labels with their values, in the order of the page.
    pub labels: Labels<'a>,
    /// The value, which may be infinite or not a number.
    pub value: f64,
}

/// Labels with their values.
pub(crate) type Labels<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Why a line is not in the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub(crate) &'static str);

/// Returns the lines of a page.
pub fn lines(page: &str) -> impl Iterator<Item = Result<Line<'_>, Malformed>> {
    page.lines().map(read_line)
}

fn read_line(line: &str) -> Result<Line<'_>, Malformed> {
    let text = line.trim();
    let Some(comment) = text.strip_prefix('#') else {
        return if text.is_empty() { Ok(Line::Comment) } else { sample(text).map(Line::Sample) };
    };
    let mut words = comment.split_ascii_whitespace();
    Ok(match (words.next(), words.next(), words.next()) {
        (Some("TYPE"), Some(name), Some(kind)) => Line::Kind(name.trim_matches('"'), Kind::of(kind)),
        _ => Line::Comment,
    })
}

impl Kind {
    fn of(word: &str) -> Self {
        match word {
            "counter" => Self::Counter,
            "gauge" => Self::Gauge,
            "histogram" => Self::Histogram,
            "summary" => Self::Summary,
            _ => Self::Other,
        }
    }
}

/// Reads a line with a value.
///
/// # Errors
/// The line does not have the form of one.
pub fn sample(text: &str) -> Result<Sample<'_>, Malformed> {
    let (name, labels, rest) = series(text)?;
    let mut words = rest.split_ascii_whitespace();
    let value = words.next().ok_or(Malformed("a line has no value"))?;
    let value = value.parse().map_err(|_| Malformed("a value is not a number"))?;
    match words.next() {
        // An exemplar follows.
        None | Some("#") => {}
        Some(time) if time.parse::<f64>().is_ok() => {
            if words.next().is_some_and(|word| word != "#") {
                return Err(Malformed("a line has more than a value and a time"));
            }
        }
        Some(_) => return Err(Malformed("a line has more than a value and a time")),
    }
    Ok(Sample { name, labels, value })
}

/// Splits a line into the name of its metric, its labels and what follows them.
pub(crate) fn series(text: &str) -> Result<(Cow<'_, str>, Labels<'_>, &str), Malformed> {
    let (name, rest) = word(text);
    let mut name = Cow::Borrowed(name);
    let mut labels = Labels::new();
    let after = rest.trim_start();
    let Some(mut inner) = after.strip_prefix('{') else {
        return match name.is_empty() || !(rest.is_empty() || rest.starts_with(char::is_whitespace)) {
            true => Err(Malformed("a line does not begin with the name of a metric")),
            false => Ok((name, labels, rest)),
        };
    };
    loop {
        inner = inner.trim_start();
        if let Some(rest) = inner.strip_prefix('}') {
            return match name.is_empty() {
                true => Err(Malformed("a line does not begin with the name of a metric")),
                false => Ok((name, labels, rest)),
            };
        }
        let is_quoted = inner.starts_with('"');
        let (label, rest) = match is_quoted {
            true => quoted(inner)?,
            false => {
                let (label, rest) = word(inner);
                (Cow::Borrowed(label), rest)
            }
        };
        let rest = rest.trim_start();
        inner = match rest.strip_prefix('=') {
            Some(_) if label.is_empty() => return Err(Malformed("a label has no name")),
            Some(value) => {
                let (value, rest) = quoted(value.trim_start())?;
                labels.push((label, value));
                rest
            }
            // A name with other characters than letters, digits, `_` and `:` stands in quotes among the labels.
            None if is_quoted && name.is_empty() => {
                name = label;
                rest
            }
            None => return Err(Malformed("a label has no value")),
        };
        inner = inner.trim_start();
        match inner.strip_prefix(',') {
            Some(rest) => inner = rest,
            None if inner.starts_with('}') => {}
            None => return Err(Malformed("labels do not end with `}`")),
        }
    }
}

/// Returns whether a name can stand without quotes.
pub(crate) fn is_word(name: &str) -> bool {
    !name.is_empty() && word(name).1.is_empty()
}

/// Splits off a name: letters, digits, `_` and `:`, not beginning with a digit. Empty if there is none.
fn word(text: &str) -> (&str, &str) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return ("", text);
    }
    text.split_at(text.find(|c: char| !is_part(c)).unwrap_or(text.len()))
}

/// Reads a text in quotes, in which `\\`, `\"` and `\n` stand for characters, and returns it with what follows.
fn quoted(text: &str) -> Result<(Cow<'_, str>, &str), Malformed> {
    const UNQUOTED: Malformed = Malformed("the value of a label is not in quotes");
    let inner = text.strip_prefix('"').ok_or(UNQUOTED)?;
    let end = inner.find(['"', '\\']).ok_or(UNQUOTED)?;
    if inner[end..].starts_with('"') {
        return Ok((Cow::Borrowed(&inner[..end]), &inner[end + 1..]));
    }
    let mut value = inner[..end].to_owned();
    let mut characters = inner[end..].char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((Cow::Owned(value), &inner[end + at + 1..])),
            '\\' => match characters.next().ok_or(UNQUOTED)?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    Err(UNQUOTED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> (String, Vec<(String, String)>, f64) {
        let read = sample(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        let labels = read.labels.iter().map(|(label, value)| (label.to_string(), value.to_string()));
        (read.name.to_string(), labels.collect(), read.value)
    }

    fn label(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn values_have_names_labels_times_and_exemplars() {
        for (text, labels, value) in [
            ("a 1", vec![], 1.0),
            ("a 1 1395066363000", vec![], 1.0),
            ("a{} 2.5e3", vec![], 2500.0),
            ("a {b=\"c\"} -1", vec![label("b", "c")], -1.0),
            ("a{ b = \"c\" , d=\"e\", } +Inf", vec![label("b", "c"), label("d", "e")], f64::INFINITY),
            ("a{b=\"x \\\"y\\\" \\\\ \\n } z\"}7", vec![label("b", "x \"y\" \\ \n } z")], 7.0),
            ("a{le=\"0.1\"} 3 # {trace_id=\"k\"} 0.05 1520879607.789", vec![label("le", "0.1")], 3.0),
            ("a 3 1520879607.789 # {trace_id=\"k\"} 0.05", vec![], 3.0),
            ("{\"a\", \"b.c\"=\"d\"} 4", vec![label("b.c", "d")], 4.0),
            ("a 1e400", vec![], f64::INFINITY),
        ] {
            assert_eq!(read(text), ("a".to_owned(), labels, value), "{text}");
        }
        assert!(read("a NaN").2.is_nan());
        assert_eq!(
            read("{\"http.requests\"} 1").0,
            "http.requests",
            "a name in quotes may hold any character"
        );
    }

    #[test]
    fn what_is_not_a_value_is_refused() {
        for text in [
            "<html>",
            "{\"a\": 1}",
            "a",
            "a,b",
            "a{b=\"c\"}",
            "a{b} 1",
            "a{b=c} 1",
            "a{b=\"c\" 1",
            "a{b=\"c",
            "a one",
            "a 1 2 3",
            "a 1 soon",
            "{b=\"c\"} 1",
            "0a 1",
            "a{=\"c\"} 1",
            "a-b 1",
            "ä 1",
            "a{b=\"c\"d=\"e\"} 1",
        ] {
            assert!(sample(text).is_err(), "{text}: {:?}", sample(text));
        }
    }

    #[test]
    fn kinds_are_declared_in_comments() {
        let page = "# HELP a What it is.\n# TYPE a counter\n\n#TYPE b gauge\n# TYPE c stateset\n# EOF\n";
        let kinds: Vec<_> = lines(page)
            .filter_map(|line| match line {
                Ok(Line::Kind(name, kind)) => Some((name, kind)),
                Ok(_) => None,
                Err(fault) => panic!("{fault}"),
            })
            .collect();
        assert_eq!(kinds, [("a", Kind::Counter), ("b", Kind::Gauge), ("c", Kind::Other)]);
    }

    proptest! {
        #[test]
        fn any_label_is_read_back(value in ".*", number in -1e9..1e9_f64) {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            // A page is split into lines first.
            prop_assume!(!escaped.contains(['\r']));
            let text = format!("name{{label=\"{escaped}\"}} {number}");
            prop_assert_eq!(read(&text), ("name".to_owned(), vec![label("label", &value)], number));
        }

        #[test]
        fn no_text_stops_the_reader(page in "(?s).{0,200}") {
            prop_assert!(lines(&page).count() <= 201);
        }
    }
}
