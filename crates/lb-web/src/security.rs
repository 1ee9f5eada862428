//! The fields of replies that tell a browser what a page may not do.

use http::HeaderMap;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};

/// The page: its own scripts, styles and calls, and reports in frames. No script within its text, and no other site.
const PAGE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                    frame-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
/// A report: a page without scripts, whose styles lie within its text. It is an origin of its own, so that whatever a name in
/// it could contain reaches nothing here.
const REPORT: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; \
                      frame-ancestors 'self'";
/// A file to be kept, in case that a browser shows it anyway.
const FILE: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";

/// What a reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// The page, its files, or data for it.
    Own,
    /// A report of a run.
    Report,
    /// A file of the results.
    File,
}

/// Adds the fields to a reply.
pub(crate) fn protect(headers: &mut HeaderMap, content: Content) {
    let policy = match content {
        Content::Own => PAGE,
        Content::Report => REPORT,
        Content::File => FILE,
    };
    let frames = if content == Content::Report { "SAMEORIGIN" } else { "DENY" };
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, frames),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // A browser refuses to open what is both in a sandbox and in a group of its own.
    if content == Content::Own {
        headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
