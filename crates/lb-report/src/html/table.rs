//! Renders tables as HTML, each in its own scrolling box.

use super::prose;
use crate::tables::{Cell, Table, Tone};
use maud::{Markup, html};

/// Returns the CSS class of a tone.
pub(super) const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Care => "care",
        Tone::Apart => "apart",
    }
}

/// Renders a table in a box of its own, which scrolls in a narrow window. The box takes focus, so that it can
/// be scrolled with the keyboard.
pub fn scrolling(table: &Table) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(table.caption) {
            table {
                caption { (prose(&table.caption)) }
                thead {
                    tr {
                        @for (column, name) in table.header.iter().enumerate() {
                            th.number[table.is_numeric(column)] scope="col" { (name) }
                        }
                    }
                }
                tbody {
                    @for row in &table.rows {
                        tr.(class(row.tone)).leads[row.cells.iter().any(|cell| !cell.badge.is_empty())] {
                            @for (column, cell) in row.cells.iter().enumerate() {
                                (self::cell(cell, column, table.is_numeric(column)))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cell(cell: &Cell, column: usize, numeric: bool) -> Markup {
    let toned = cell.tone != Tone::Plain;
    let text = html! {
        @if toned { span.badge.(class(cell.tone)) { (prose(&cell.text)) } } @else { (prose(&cell.text)) }
        @if !cell.badge.is_empty() { " " span.badge.good { (cell.badge) } }
    };
    html! {
        @if column == 0 { th scope="row" { (text) } }
        @else { td.number[numeric] { (text) } }
    }
}
