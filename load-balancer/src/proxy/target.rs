//! Splits the target of a request into the service and the path at the backend: below `/proxy/`, the first segment is
//! the service; elsewhere, the target is the path, and the service is the one of the pool that is mounted at `/`.

/// Prefix of the paths that name their service.
pub(crate) const PREFIX: &str = "/proxy/";

/// Where a request goes.
pub(super) struct Target<'a> {
    /// The whole path, without the query.
    pub(super) path: &'a str,
    pub(super) service: &'a str,
    /// Path and query at the backend; it begins with a slash unless it is empty or only a query.
    pub(super) rest: &'a str,
}

impl<'a> Target<'a> {
    /// Splits `target`: `/proxy/{service}{rest}?{query}`, or anything for the service `root`.
    pub(super) fn of(target: &'a str, root: Option<&'a str>) -> Self {
        let path = target.split('?').next().unwrap_or(target);
        let Some(below) = target.strip_prefix(PREFIX) else {
            return Self { path, service: root.unwrap_or_default(), rest: target };
        };
        let end = below.find(['/', '?']).unwrap_or(below.len());
        let (service, rest) = below.split_at(end);
        Self { path, service, rest }
    }
}
