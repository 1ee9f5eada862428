//! Reads a JSON list of `{endpoint, method, timestamp}`, the format in which synthesised traffic is exported.

use super::{Faults, Row, stamp};
use serde_json::Value;

pub(super) fn rows(text: &str, faults: &mut Faults) -> Vec<Row> {
    let list: Vec<Value> = match serde_json::from_str(text) {
        Ok(list) => list,
        Err(error) => {
            faults.add(Some(error.line().max(1)), format!("the file is not a JSON list: {error}"));
            return Vec::new();
        }
    };
    let rows = list.iter().zip(element_lines(text)).filter_map(|(value, line)| match row(value, line) {
        Ok(row) => Some(row),
        Err(reason) => {
            faults.add(Some(line), reason);
            None
        }
    });
    rows.collect()
}

fn row(value: &Value, line: usize) -> Result<Row, String> {
    let Some(map) = value.as_object() else {
        return Err("the row must be an object {endpoint, method, timestamp}".to_owned());
    };
    let text = |key: &str| match map.get(key) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(format!("`{key}` must be text, not `{other}`")),
        None => Err(format!("`{key}` is missing")),
    };
    let stamp = match map.get("timestamp") {
        None | Some(Value::Null) => None,
        Some(value) => Some(stamp::of_json(value)?),
    };
    Ok(Row { line, stamp, method: text("method")?, url: text("endpoint")?, ..Row::default() })
}

/// Returns the lines on which the elements of a JSON list begin. `text` must be a valid JSON list.
fn element_lines(text: &str) -> Vec<usize> {
    let (mut lines, mut line, mut depth) = (Vec::new(), 1, 0_u32);
    let (mut quoted, mut escaped, mut awaited) = (false, false, false);
    for byte in text.bytes() {
        line += usize::from(byte == b'\n');
        if quoted {
            quoted = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        let begins = awaited && depth == 1 && !byte.is_ascii_whitespace() && byte != b']';
        if begins {
            lines.push(line);
            awaited = false;
        }
        match byte {
            b'"' => quoted = true,
            b'[' | b'{' => {
                depth += 1;
                awaited |= depth == 1;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => awaited |= depth == 1,
            _ => {}
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_know_the_line_on_which_they_begin() {
        let text = "[\n  {\"a\": \"x, [\\\"\\n\"},\n\n  7,\n [1,\n 2], {}\n]";
        assert_eq!(element_lines(text), [2, 4, 5, 6]);
        assert_eq!(element_lines("[]"), [0_usize; 0]);
        assert_eq!(element_lines("[1,2]"), [1, 1]);
    }
}
