//! Tables as they are drawn on the console.

use crate::tables;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

/// Draws a table of the reports.
pub(super) fn draw(report: &tables::Table) -> Table {
    let header: Vec<&str> = report.header.iter().map(String::as_str).collect();
    let mut drawn = table(&header);
    for row in &report.rows {
        add(&mut drawn, row.cells.iter().map(|cell| cell.text.clone()).collect());
    }
    drawn
}

pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().map(Cell::new));
    table
}

/// Adds a row: the first cell is a name, numbers are aligned to the right.
pub(super) fn add(table: &mut Table, cells: Vec<String>) {
    table.add_row(cells.into_iter().enumerate().map(|(column, text)| {
        let number = text.starts_with(|c: char| c.is_ascii_digit()) || text == "-";
        let alignment = if column > 0 && number { CellAlignment::Right } else { CellAlignment::Left };
        Cell::new(text).set_alignment(alignment)
    }));
}

pub(super) fn millis(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"))
}

pub(super) fn percent(fraction: f64, digits: usize) -> String {
    format!("{:.digits$}%", fraction * 100.0)
}
