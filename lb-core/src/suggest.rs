//! Suggestions in messages: the known name most similar to a mistyped one.
//!
//! Names are compared by the Jaro-Winkler similarity (Winkler, 1990), from 0 for nothing in common to
//! 1 for equal, which favours names that begin alike, as mistyped keys do. Case does not matter, and
//! `-` counts as `_`.

/// Least similarity at which a name is suggested; less similar names look unrelated to a reader.
const LEAST_SIMILARITY: f64 = 0.82;

/// Finds the name in `known` that is most similar to `name`; `None` if none is similar enough.
///
/// ```
/// let known = ["duration", "warm_up", "users"];
/// assert_eq!(lb_core::suggest::nearest("Warm-Up", known), Some("warm_up"));
/// assert_eq!(lb_core::suggest::nearest("colour", known), None);
/// ```
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_above(LEAST_SIMILARITY, name, known)
}

/// Finds the name in `known` that is most similar to `name`, if their similarity is at least
/// `similarity`, from 0 to 1.
pub fn nearest_above<'a>(
    similarity: f64,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let normal = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    let name = normal(name);
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&name, &normal(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= similarity)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// Formats the hint `` (did you mean `x`?)``, with a leading space, for a message about `name`. Returns
/// an empty string if no name in `known` is similar enough.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    hint(nearest(name, known))
}

/// Formats the hint of [`did_you_mean`] for a suggestion that was found before. Returns an empty string
/// for `None`.
pub fn hint(suggestion: Option<&str>) -> String {
    suggestion.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default()
}

/// Formats names as a list for messages, `` `a`, `b` ``, or `none` if there are none.
pub fn listing<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if quoted.is_empty() { "none".to_owned() } else { quoted.join(", ") }
}
