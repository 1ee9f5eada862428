//! Draws tables on the console.

use crate::tables;
use crate::text::WIDTH;
use comfy_table::{
    Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width as ComfyWidth, presets,
};
use lb_core::plain;

/// Draws a table of the report at its full width.
pub(super) fn draw(report: &tables::Table) -> Table {
    let header: Vec<&str> = report.header.iter().map(String::as_str).collect();
    let mut drawn = table(&header);
    for row in &report.rows {
        let text = |cell: &tables::Cell| match cell.badge {
            "" => cell.text.clone(),
            badge => format!("{} ({badge})", cell.text),
        };
        add(&mut drawn, row.cells.iter().map(text).collect());
    }
    drawn
}

/// Draws a table below its caption, for a terminal. Empty if the table has no rows.
pub fn on_console(report: &tables::Table) -> String {
    if report.rows.is_empty() {
        return String::new();
    }
    format!("{}\n{}\n", plain::line(&report.caption), draw(report))
}

pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().map(Cell::new));
    table
}

/// Names in the first column up to this length are not wrapped.
const WHOLE_NAME: u16 = 32;

/// Wraps cells so that a table fits a terminal. Names in the first column are only wrapped if they are very
/// long.
pub(super) fn fit(mut table: Table) -> Table {
    let names = table.row_iter().filter_map(|row| row.cell_iter().next());
    let longest = names.map(|name| name.content().chars().count()).max().unwrap_or(0);
    let room = u16::try_from(longest).unwrap_or(u16::MAX).min(WHOLE_NAME);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH as u16);
    if let Some(column) = table.column_mut(0) {
        let room = room + column.padding_width();
        column.set_constraint(ColumnConstraint::LowerBoundary(ComfyWidth::Fixed(room)));
    }
    table
}

/// Draws a table without lines.
pub(super) fn bare(header: &[String], rows: &[Vec<String>], alignments: &[CellAlignment]) -> String {
    lines(&without_lines(header, rows, alignments))
}

/// Draws a table without lines, wrapping cells so that it fits a terminal.
pub(super) fn fitting(header: &[String], rows: &[Vec<String>], alignments: &[CellAlignment]) -> String {
    lines(&fit(without_lines(header, rows, alignments)))
}

fn without_lines(header: &[String], rows: &[Vec<String>], alignments: &[CellAlignment]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table.add_rows(rows);
    for (column, alignment) in table.column_iter_mut().zip(alignments) {
        column.set_padding((0, 2)).set_cell_alignment(*alignment);
    }
    table
}

fn lines(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Adds a row: the first cell is a name, numbers are aligned to the right.
pub(super) fn add(table: &mut Table, cells: Vec<String>) {
    table.add_row(cells.into_iter().enumerate().map(|(column, text)| {
        let number = text.starts_with(|c: char| c.is_ascii_digit()) || text == "-";
        let alignment = if column > 0 && number { CellAlignment::Right } else { CellAlignment::Left };
        Cell::new(plain::line(&text)).set_alignment(alignment)
    }));
}

pub(super) fn millis(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"))
}

pub(super) fn percent(fraction: f64, digits: usize) -> String {
    format!("{:.digits$}%", fraction * 100.0)
}
