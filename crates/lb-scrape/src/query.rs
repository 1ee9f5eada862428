//! Reads answers of the query API of a Prometheus server: `/api/v1/query`, an instant vector or a scalar
//! (<https://prometheus.io/docs/prometheus/latest/querying/api/>).

use crate::selector::in_braces;
use crate::table::{Scraped, Table};
use crate::trouble::Trouble;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Why an answer gives no values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It is not an answer of the query API.
    #[error("the answer is not one of Prometheus' query API")]
    Foreign,
    /// The server refused the query.
    #[error("Prometheus refused the query: {0}")]
    Refused(String),
    /// The result is of a kind that has no single value per series.
    #[error(
        "the result of the query is a {0}; ask for an instant vector or a scalar, such as `rate(name[15s])`"
    )]
    Kind(&'static str),
}

/// The most characters of the server's own words.
const LONGEST: usize = 200;

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Value,
}

#[derive(Deserialize)]
struct Element {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    /// Time and value. `None` for a native histogram.
    value: Option<(Value, String)>,
}

/// Reads the answers to one query.
#[derive(Debug)]
pub struct QueryReader {
    name: String,
    /// The places of the series in the table by their labels.
    places: BTreeMap<String, usize>,
    table: Table,
}

impl QueryReader {
    /// Makes a reader; `name` names the series.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), places: BTreeMap::new(), table: Table::default() }
    }

    /// Returns the number of series that were found so far.
    pub fn found(&self) -> usize {
        self.table.len()
    }

    /// Reads an answer that was received at `at_s`, in seconds. Times must grow.
    ///
    /// # Errors
    /// The answer holds no values. The readings before are kept.
    pub fn read(&mut self, at_s: f64, answer: &str) -> Result<(), QueryError> {
        let elements = elements(answer)?;
        if elements.is_empty() {
            self.table.note(Trouble::Missing(self.name.clone()));
        }
        // The only series of a query is named like the query.
        let is_alone = elements.len() == 1 && self.places.is_empty();
        for Element { mut metric, value } in elements {
            let metric_name = metric.remove("__name__").unwrap_or_default();
            let labels = in_braces(metric.iter().map(|(label, value)| (label.as_str(), value.as_str())));
            let key = format!("{metric_name}{labels}");
            let value = value.and_then(|(_, value)| value.parse::<f64>().ok());
            let Some(value) = value.filter(|value| value.is_finite()) else {
                self.table.note(Trouble::NotFinite);
                continue;
            };
            let known = self.places.get(&key).copied();
            let name = if is_alone { self.name.clone() } else { format!("{} {labels}", self.name) };
            // Nothing is remembered of what is not kept.
            let Some(place) = known.or_else(|| self.table.open(name.trim_end(), "")) else { continue };
            self.places.entry(key).or_insert(place);
            self.table.push(place, at_s, value);
        }
        self.table.end_reading();
        Ok(())
    }

    /// Returns what was read.
    pub fn finish(self) -> Scraped {
        self.table.finish()
    }
}

fn elements(answer: &str) -> Result<Vec<Element>, QueryError> {
    let answer: Answer = serde_json::from_str(answer).map_err(|_| QueryError::Foreign)?;
    if answer.status != "success" {
        return Err(QueryError::Refused(answer.error.chars().take(LONGEST).collect()));
    }
    let Data { result_type, result } = answer.data.ok_or(QueryError::Foreign)?;
    match result_type.as_str() {
        "vector" => serde_json::from_value(result).map_err(|_| QueryError::Foreign),
        "scalar" => {
            let value: (Value, String) = serde_json::from_value(result).map_err(|_| QueryError::Foreign)?;
            Ok(vec![Element { metric: BTreeMap::new(), value: Some(value) }])
        }
        "matrix" => Err(QueryError::Kind("range of values")),
        "string" => Err(QueryError::Kind("text")),
        _ => Err(QueryError::Foreign),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn vector(result: &Value) -> String {
        json!({ "status": "success", "data": { "resultType": "vector", "result": result } }).to_string()
    }

    #[test]
    fn one_series_is_named_like_the_query_and_several_by_their_labels() {
        let element = |pod: &str, value: &str| json!({ "metric": { "__name__": "cpu", "pod": pod }, "value": [1.5, value] });
        let mut one = QueryReader::new("cpu");
        one.read(0.0, &vector(&json!([element("a", "0.5")]))).expect("an answer");
        one.read(1.0, &vector(&json!([element("a", "0.7"), element("b", "1")]))).expect("an answer");
        let scraped = one.finish();
        let names: Vec<&str> = scraped.series.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["cpu", "cpu {pod=\"b\"}"]);
        assert_eq!(scraped.series[0].samples, [[0.0, 0.5], [1.0, 0.7]]);

        let mut two = QueryReader::new("cpu");
        two.read(0.0, &vector(&json!([element("a", "0.5"), element("b", "NaN")]))).expect("an answer");
        let scraped = two.finish();
        assert_eq!(scraped.series[0].name, "cpu {pod=\"a\"}");
        assert_eq!(scraped.troubles, [(Trouble::NotFinite, 1)]);
    }

    #[test]
    fn a_scalar_is_one_series_and_nothing_is_a_gap() {
        let mut reader = QueryReader::new("n");
        let scalar = json!({ "status": "success", "data": { "resultType": "scalar", "result": [1, "42"] } });
        reader.read(0.0, &scalar.to_string()).expect("an answer");
        reader.read(1.0, &vector(&json!([]))).expect("an answer");
        let scraped = reader.finish();
        assert_eq!(scraped.series[0].samples, [[0.0, 42.0]]);
        assert_eq!(scraped.troubles, [(Trouble::Missing("n".to_owned()), 1)]);
    }

    #[test]
    fn other_answers_are_refused_with_the_reason() {
        let of = |kind: &str| json!({ "status": "success", "data": { "resultType": kind, "result": [] } });
        for (answer, part) in [
            ("<html>".to_owned(), "not one of Prometheus' query API"),
            ("{}".to_owned(), "not one of Prometheus' query API"),
            (
                json!({ "status": "error", "errorType": "bad_data", "error": "parse error" }).to_string(),
                "parse error",
            ),
            (of("matrix").to_string(), "a range of values; ask for"),
            (of("string").to_string(), "is a text"),
            (vector(&json!([{ "metric": { "a": 1 } }])), "not one of"),
            (vector(&json!({ "a": 1 })), "not one of"),
        ] {
            let message = QueryReader::new("q").read(0.0, &answer).expect_err(&answer).to_string();
            assert!(message.contains(part), "{answer}: {message}");
        }
    }

    #[test]
    fn the_number_of_series_is_bounded() {
        let all: Vec<Value> =
            (0..100).map(|id| json!({ "metric": { "id": id.to_string() }, "value": [0, "1"] })).collect();
        let mut reader = QueryReader::new("q");
        for second in 0..3 {
            reader.read(f64::from(second), &vector(&all.clone().into())).expect("an answer");
        }
        let scraped = reader.finish();
        assert_eq!((scraped.series.len(), scraped.left_out), (crate::MOST_SERIES, 100 - crate::MOST_SERIES));
    }
}
