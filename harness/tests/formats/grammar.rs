//! Strict readers of two formats, written by their specifications.

/// A line of the Go benchmark data format.
#[derive(Debug, PartialEq)]
pub(crate) struct Benchmark {
    pub(crate) name: String,
    pub(crate) values: Vec<(f64, String)>,
}

impl Benchmark {
    /// A part `/key=value` of the name, as `benchstat -col /key` reads it.
    pub(crate) fn key(&self, key: &str) -> Option<&str> {
        self.name.split('/').skip(1).find_map(|part| part.strip_prefix(key)?.strip_prefix('='))
    }
}

/// Reads lines by Go's proposal 14313 ("Go Benchmark Data Format") and the documentation of
/// `golang.org/x/perf/benchfmt`: settings `key: value` whose key begins with a lower-case letter and has
/// neither upper-case letters nor white space; `Unit name key=value…`; and results: a name that begins with
/// `Benchmark` and no lower-case letter after it, a count of iterations, pairs of value and unit. Other
/// lines have no meaning there, so that here they are mistakes.
pub(crate) fn benchmarks(text: &str) -> Result<Vec<Benchmark>, String> {
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let wrong = |what: &str| format!("`{line}` {what}");
        let fields: Vec<&str> = line.split_whitespace().collect();
        if let Some(rest) = fields[0].strip_prefix("Benchmark") {
            if rest.starts_with(char::is_lowercase) {
                return Err(wrong("starts in lower case"));
            }
            found.push(result(&fields).map_err(wrong)?);
        } else if fields[0] == "Unit" {
            if fields.len() < 3 || !fields[2..].iter().all(|pair| pair.contains('=')) {
                return Err(wrong("is no line about a unit"));
            }
        } else {
            let key = line.split_once(':').map(|(key, _)| key);
            let is_key = |key: &str| {
                key.starts_with(char::is_lowercase)
                    && !key.contains(|c: char| c.is_uppercase() || c.is_whitespace())
            };
            if !key.is_some_and(is_key) {
                return Err(wrong("is neither a setting nor a benchmark"));
            }
        }
    }
    Ok(found)
}

fn result(fields: &[&str]) -> Result<Benchmark, &'static str> {
    let iterations = fields.get(1).and_then(|count| count.parse::<u64>().ok());
    if iterations.is_none_or(|count| count == 0) {
        return Err("has no count of iterations");
    }
    let pairs = &fields[2..];
    if pairs.is_empty() {
        return Err("has no value");
    }
    let mut values = Vec::new();
    for pair in pairs.chunks(2) {
        let [value, unit] = pair else { return Err("has a value without a unit") };
        let value =
            value.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or("has no number for a value")?;
        if values.iter().any(|(_, known)| known == unit) {
            return Err("has a unit twice");
        }
        values.push((value, (*unit).to_owned()));
    }
    Ok(Benchmark { name: fields[0].to_owned(), values })
}

/// Counts the tables of a Markdown text; each row must have as many cells as the head (the GFM
/// specification drops those beyond, silently).
pub(crate) fn tables(text: &str) -> Result<usize, String> {
    let (mut tables, mut head, mut fenced) = (0, None, false);
    for line in text.lines() {
        fenced ^= line.starts_with("```");
        if fenced || !line.starts_with('|') {
            head = None;
            continue;
        }
        let found = cells(line);
        let expected = *head.get_or_insert_with(|| {
            tables += 1;
            found
        });
        if found != expected {
            return Err(format!("{found} cells under a head of {expected}: {line}"));
        }
    }
    Ok(tables)
}

/// Cells of a row `| a | b |`: a bar parts them unless an odd number of backslashes stands before it.
fn cells(line: &str) -> usize {
    let (mut bars, mut escaped) = (0, false);
    for c in line.chars() {
        bars += usize::from(c == '|' && !escaped);
        escaped = c == '\\' && !escaped;
    }
    bars - 1
}
