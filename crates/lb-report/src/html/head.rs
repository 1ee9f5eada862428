//! The head of the page: policy, style, title.

use crate::charts::kit::variables;
use maud::{Markup, PreEscaped, html};

const STYLE: &str = include_str!("page.css");
const CHARTS: &str = include_str!("charts.css");

/// The Content-Security-Policy of the page: it loads nothing and runs no scripts.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

pub(super) fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(POLICY);
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="generator" content={ "bench " (env!("CARGO_PKG_VERSION")) };
            title { (title) }
            style { (PreEscaped(STYLE)) (PreEscaped(CHARTS)) (PreEscaped(variables())) }
        }
    }
}
