//! Tables as HTML, scrolling inside their own box.

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

/// Renders a table in a box of its own, which scrolls where the window is narrow. The box takes focus, so that
/// a keyboard can scroll it.
pub fn scrolling(table: &Table) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(table.caption) {
            table {
                caption { (table.caption) }
                thead {
                    tr {
                        @for (column, name) in table.header.iter().enumerate() {
                            th.number[table.is_numeric(column)] scope="col" { (name) }
                        }
                    }
                }
                tbody {
                    @for row in &table.rows {
                        tr class=(class(row.tone)) {
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
        @if toned { span.badge.(class(cell.tone)) { (cell.text) } } @else { (cell.text) }
    };
    html! {
        @if column == 0 { th scope="row" { (text) } }
        @else { td.number[numeric] { (text) } }
    }
}
