//! The results of `bench what-if`, as JSON and as text.

mod document;
mod render;

pub use document::WhatIfDocument;
pub use render::{render_fit, render_prediction};
