//! Rows of columns: logs with a line `#Fields:` (IIS, CloudFront; W3C Extended Log File Format), and comma-separated
//! values with a header (k6's `--out csv`, Locust's requests, exports of other tools).

use super::FieldMap;
use crate::names::{Field, field_of, put};
use crate::row::{Draft, Parsed, Skip, unreadable};
use crate::stamp;
use std::borrow::Cow;

/// Reads a log whose lines `#Fields:` name the columns.
#[derive(Debug, Default)]
pub(crate) struct W3c {
    columns: Vec<Option<Field>>,
    tabs: bool,
}

impl W3c {
    pub(crate) fn row(&mut self, line: usize, text: &str) -> Parsed {
        if let Some(comment) = text.strip_prefix('#') {
            if let Some(names) = comment.strip_prefix("Fields:") {
                let names: Vec<&str> = names.split_ascii_whitespace().collect();
                // CloudFront counts in seconds, IIS in milliseconds.
                let cloudfront = names.contains(&"x-edge-location");
                self.tabs = cloudfront;
                self.columns = names.iter().map(|name| column(name, cloudfront)).collect();
            }
            return Err(Skip::Quiet);
        }
        if self.columns.is_empty() {
            return Err(unreadable("comes before a line `#Fields:`, which names the columns"));
        }
        let tabs = self.tabs && text.contains('\t');
        let values: Vec<&str> = match tabs {
            true => text.split('\t').collect(),
            false => text.split_ascii_whitespace().collect(),
        };
        if values.len() != self.columns.len() {
            return Err(unreadable(format!(
                "has {} values for {} columns",
                values.len(),
                self.columns.len()
            )));
        }
        let mut draft = Draft { at_end: true, ..Draft::default() };
        let (mut date, mut time) = (None, None);
        for (field, value) in self.columns.iter().zip(values) {
            match field {
                Some(Field::Date) => date = Some(value),
                Some(Field::TimeOfDay) => time = Some(value),
                // IIS writes a plus for each space.
                Some(Field::Agent) => draft.agent = Some(Cow::Owned(value.replace('+', " "))),
                Some(Field::Duration(1_000_000)) if value.contains('.') => {
                    put(&mut draft, Field::Duration(1_000_000_000), Cow::Borrowed(value))
                        .map_err(unreadable)?;
                }
                Some(field) if value != "-" => {
                    put(&mut draft, *field, Cow::Borrowed(value)).map_err(unreadable)?;
                }
                _ => {}
            }
        }
        if let (Some(date), Some(time)) = (date, time) {
            draft.stamp = Some(stamp::of_text(&format!("{date}T{time}Z")).map_err(unreadable)?);
        }
        draft.row(line)
    }
}

fn column(name: &str, cloudfront: bool) -> Option<Field> {
    match name {
        "date" => Some(Field::Date),
        "time" => Some(Field::TimeOfDay),
        "time-taken" if cloudfront => Some(Field::Duration(1_000_000_000)),
        // The address and the name of the server itself.
        "s-ip" | "s-computername" | "s-port" | "cs-version" => None,
        // CloudFront's own name; the host that was asked for is in another column.
        "cs(Host)" if cloudfront => Some(Field::Host),
        name => field_of(name),
    }
}

/// Reads comma-separated values, whose first line names the columns.
#[derive(Debug, Default)]
pub(crate) struct Csv {
    columns: Vec<Column>,
}

#[derive(Debug)]
enum Column {
    Field(Field),
    /// k6's column of names of metrics; only requests are rows.
    Metric,
    Other,
}

impl Csv {
    pub(crate) fn row(&mut self, line: usize, text: &str, map: Option<&FieldMap>) -> Parsed {
        let values = split(text);
        if self.columns.is_empty() {
            self.columns = values.iter().map(|name| csv_column(name, &values, map)).collect();
            return Err(Skip::Quiet);
        }
        if values.len() < self.columns.len() {
            return Err(unreadable(format!(
                "has {} values for {} columns",
                values.len(),
                self.columns.len()
            )));
        }
        let mut draft = Draft::default();
        for (column, value) in self.columns.iter().zip(values) {
            match column {
                Column::Metric if value != "http_reqs" => return Err(Skip::Quiet),
                Column::Field(field) if !value.is_empty() => {
                    put(&mut draft, *field, value).map_err(unreadable)?
                }
                _ => {}
            }
        }
        draft.row(line)
    }
}

fn csv_column(name: &str, all: &[Cow<'_, str>], map: Option<&FieldMap>) -> Column {
    let has = |other: &str| all.iter().any(|name| name.trim() == other);
    if let Some(field) = map.and_then(|map| map.field(name.trim())) {
        return Column::Field(field);
    }
    match name.trim() {
        "metric_name" => Column::Metric,
        // k6 has both; the name groups addresses and need not be one.
        "name" | "Name" if !has("url") && !has("path") => Column::Field(Field::Url),
        "Type" | "type" if has("Name") || has("name") => Column::Field(Field::Method),
        name => field_of(name).map_or(Column::Other, Column::Field),
    }
}

/// Returns whether a line names columns of requests.
pub(crate) fn is_header(line: &str, map: Option<&FieldMap>) -> bool {
    let names = split(line);
    let columns: Vec<Column> = names.iter().map(|name| csv_column(name, &names, map)).collect();
    let has = |wanted: fn(Field) -> bool| {
        columns.iter().any(|column| matches!(column, Column::Field(field) if wanted(*field)))
    };
    let is_words =
        names.len() > 1 && names.iter().all(|name| name.len() < 64 && !name.contains(['/', '[', '{']));
    is_words
        && has(|field| matches!(field, Field::Url | Field::Path | Field::Request))
        && has(|field| matches!(field, Field::Method | Field::Request))
}

/// Splits a line at commas outside of quotes (RFC 4180).
fn split(line: &str) -> Vec<Cow<'_, str>> {
    let mut values = Vec::new();
    let mut rest = line.trim_end_matches(['\r', '\n']);
    loop {
        if let Some(inner) = rest.strip_prefix('"') {
            let mut value = String::new();
            let mut tail = inner;
            loop {
                let Some(end) = tail.find('"') else {
                    value.push_str(tail);
                    tail = "";
                    break;
                };
                value.push_str(&tail[..end]);
                tail = &tail[end + 1..];
                match tail.strip_prefix('"') {
                    Some(after) => {
                        value.push('"');
                        tail = after;
                    }
                    None => break,
                }
            }
            values.push(Cow::Owned(value));
            match tail.split_once(',') {
                Some((_, next)) => rest = next,
                None => return values,
            }
        } else {
            match rest.split_once(',') {
                Some((value, next)) => {
                    values.push(Cow::Borrowed(value));
                    rest = next;
                }
                None => {
                    values.push(Cow::Borrowed(rest));
                    return values;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split_outside_of_quotes() {
        assert_eq!(split("a,\"b,\"\"c\"\"\",,d\r\n"), ["a", "b,\"c\"", "", "d"]);
        assert_eq!(split("\"open"), ["open"]);
        assert!(is_header("metric_name,timestamp,method,name,url", None));
        assert!(is_header("request_type,name,response_time,start_time", None));
        assert!(!is_header("hello, world", None));
    }
}
