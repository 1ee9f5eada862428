//! A test as charts draw it.

use crate::stats::Endpoint;
use crate::test::Test;
use lb_report::parts::Style;

/// The most endpoints that are drawn; tables have them all.
pub(super) const MOST_ENDPOINTS: usize = 12;

/// A test as it is drawn.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) label: &'a str,
    pub(super) test: &'a Test,
    pub(super) style: Style,
}

impl<'a> Side<'a> {
    pub(super) fn new(label: &'a str, test: &'a Test, number: usize) -> Self {
        Self { label, test, style: Style::of(number) }
    }

    /// Returns the endpoint with this method and name.
    pub(super) fn endpoint(&self, (method, name): (&str, &str)) -> Option<&'a Endpoint> {
        self.test.endpoints.iter().find(|endpoint| endpoint.method == method && endpoint.name == name)
    }
}

/// Returns the label of an endpoint.
pub(super) fn label((method, name): (&str, &str)) -> String {
    format!("{method} {name}").trim().to_owned()
}
