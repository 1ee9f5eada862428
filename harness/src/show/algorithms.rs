//! Renders the table of algorithms for `bench algorithms`.

use comfy_table::{ContentArrangement, Table, presets};
use lb_core::algorithm::Entry;

/// Renders a table of `entries`, and says how outlier ejection is added to an algorithm.
pub fn render_algorithms(entries: &[Entry]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["Algorithm", "Aliases", "What it does"]);
    for entry in entries {
        table.add_row([entry.name.to_owned(), entry.aliases.join(", "), entry.summary.to_owned()]);
    }
    format!(
        "{table}\nAdd `+ejection` for outlier ejection, as in `least-connections+ejection`. `_` counts as `-`.\n"
    )
}
