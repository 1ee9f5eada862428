//! Describes the outcome of a validation as text, and as tables for the page.

use comfy_table::{CellAlignment, presets};
use lb_core::plain;
use lb_report::parts::{Cell, Table, Tone};
use lb_synthesis::{Judged, Validation};
use std::fmt::Write;

/// Stands for a missing number.
const NONE: &str = "–";

/// Describes the measures, their limits and the verdict; `names` are those of the recording and the synthetic list.
pub fn describe_validation(validation: &Validation, names: &[String; 2]) -> String {
    let mut text = String::new();
    for (side, name) in [(&validation.real, &names[0]), (&validation.synthetic, &names[1])] {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}: {} requests from {} to {}, {:.3} per second in common hours",
            plain::line(name),
            side.requests,
            side.from,
            side.to,
            side.per_second
        );
    }
    for note in &validation.notes {
        let _ = writeln!(text, "note: {}", plain::line(note));
    }
    for table in [measures(validation), dispersion(validation)] {
        let _ = writeln!(text, "\n{}\n{}", table.caption, drawn(&table));
    }
    let _ = writeln!(text, "\n{}", sentence(validation));
    text
}

/// States the verdict in a sentence.
pub(super) fn sentence(validation: &Validation) -> String {
    let failed: Vec<&str> = validation
        .measures
        .iter()
        .filter(|judged| judged.passed == Some(false))
        .map(|judged| judged.measure.name())
        .collect();
    match failed.as_slice() {
        [] => "PASSED: the synthetic requests differ from the recording no more than its own parts differ."
            .to_owned(),
        _ => format!(
            "FAILED: the synthetic requests differ from the recording more than its own parts do in {}.",
            failed.join(", ")
        ),
    }
}

/// Returns the table of measures.
pub(super) fn measures(validation: &Validation) -> Table {
    let mut table = Table::new(
        "Distances to the recording, and between parts of the recording",
        &["Measure", "Distance", "Parts, mean", "Limit", "Verdict", "Chi-square / df"],
    );
    let number = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), |value| format!("{value:.3}"));
    for judged in &validation.measures {
        let Judged { value, split_mean, limit, passed, .. } = *judged;
        let verdict = match passed {
            Some(true) => Cell::toned("passed", Tone::Good),
            Some(false) => Cell::toned("FAILED", Tone::Bad),
            None => Cell::toned("not judged", Tone::Plain),
        };
        let chi_square =
            judged.chi_square_per_degree.map_or_else(|| NONE.to_owned(), |value| format!("{value:.1}"));
        let mut cells: Vec<Cell> = vec![judged.measure.name().to_owned().into()];
        cells.extend([value, split_mean, limit].map(|value| Cell::from(number(value))));
        cells.extend([verdict, chi_square.into()]);
        table.add_toned(Tone::Plain, cells);
    }
    table
}

/// Returns the table of indices of dispersion.
pub(super) fn dispersion(validation: &Validation) -> Table {
    let mut table = Table::new(
        "Index of dispersion of counts at the recording's rate; 1 is a Poisson process",
        &["Window", "Recording", "Synthetic"],
    );
    let number = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), |value| format!("{value:.2}"));
    for row in &validation.dispersion {
        table.add(vec![format!("{} s", row.scale_s), number(row.real), number(row.synthetic)]);
    }
    table
}

fn drawn(table: &Table) -> comfy_table::Table {
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(presets::UTF8_FULL_CONDENSED);
    drawn.set_header(&table.header);
    for row in &table.rows {
        drawn.add_row(row.cells.iter().map(|cell| cell.text.as_str()));
    }
    for (place, column) in drawn.column_iter_mut().enumerate() {
        if table.is_numeric(place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    drawn
}
