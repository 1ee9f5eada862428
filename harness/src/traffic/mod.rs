//! Shows what `lb-synthesis` learned and compared: text for a terminal, and a page with charts.

mod charts;
mod console;
mod page;
mod verdict;

pub use console::describe_model;
pub use page::render_page;
pub use verdict::describe_validation;
