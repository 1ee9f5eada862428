//! The endpoint of a request: its path without the query, with `{id}` in place of what identifies one object.

/// Shortest hexadecimal segment that counts as an identifier; shorter ones may be words.
const LONG_HEX: usize = 16;

/// Returns the endpoint of a request target.
pub(crate) fn endpoint(target: &str) -> String {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let segments = path.split('/').map(|segment| if is_identifier(segment) { "{id}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

fn is_identifier(segment: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_number = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
    let groups: Vec<&str> = segment.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let is_uuid = lengths == [8, 4, 4, 4, 12] && groups.iter().all(|group| is_hex(group));
    is_number || is_uuid || (segment.len() >= LONG_HEX && is_hex(segment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_and_queries_do_not_make_new_endpoints() {
        for (target, expected) in [
            ("/api/v1/item/17?x=1", "/api/v1/item/{id}"),
            ("/o/123e4567-e89b-12d3-a456-426614174000/lines", "/o/{id}/lines"),
            ("/blob/9f86d081884c7d65", "/blob/{id}"),
            ("/facade/deadbeef", "/facade/deadbeef"),
            ("/", "/"),
        ] {
            assert_eq!(endpoint(target), expected, "{target}");
        }
    }
}
