//! Suggestions in messages: which known name a mistyped one was meant to be.
//!
//! Names are compared by the Jaro-Winkler similarity (Winkler, 1990), from 0 for nothing in common to
//! 1 for equal, which favours names that begin alike, as mistyped keys do. Case does not matter, and
//! `-` counts as `_`.

/// Names less alike than this are not suggested: below it the similarity pairs words that are
/// unlike to a reader.
const LEAST_SIMILARITY: f64 = 0.82;

/// Finds the one of `known` that is most like `name`, if any is near enough to be meant.
///
/// ```
/// let known = ["duration", "warm_up", "users"];
/// assert_eq!(lb_core::suggest::nearest("Warm-Up", known), Some("warm_up"));
/// assert_eq!(lb_core::suggest::nearest("colour", known), None);
/// ```
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_above(LEAST_SIMILARITY, name, known)
}

/// Finds the one of `known` that is most like `name`, if the two are at least as similar as
/// `similarity`, between 0 and 1.
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

/// Writes the hint `` (did you mean `x`?)``, with a space before it, for a message about `name`; the
/// text is empty if none of `known` is near enough.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    hint(nearest(name, known))
}

/// Writes the hint of [`did_you_mean`] for a suggestion that is already found; the text is empty for
/// `None`.
pub fn hint(suggestion: Option<&str>) -> String {
    suggestion.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default()
}

/// Writes names as a list for messages, `` `a`, `b` ``; `none` when there are none.
pub fn listing<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if quoted.is_empty() { "none".to_owned() } else { quoted.join(", ") }
}
