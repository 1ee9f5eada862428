//! Renders an evaluation for the console: each list, then any goals.

use super::html::summary;
use super::lists::Lists;
use super::numbers::NOT_JUDGED;
use super::pools;
use super::tables;
use crate::evaluate::OnPools;
use crate::evaluate::goals::Goals;
use comfy_table::{Cell, CellAlignment, ContentArrangement, presets};
use lb_report::parts::Table;
use std::fmt::Write;

/// Number of cases in the table of regret.
const MOST_REGRETS: usize = 5;

/// Renders all lists, and judges `targets` if given.
pub fn console(lists: &Lists<'_>, targets: Option<&Goals>) -> String {
    let mut out = String::new();
    for judged in lists.all() {
        let _ = writeln!(out, "\n{}", summary(judged));
        add(&mut out, Some(tables::by_policy(judged)));
        match judged.evaluation.list.as_str() {
            "situations" => add(&mut out, Some(tables::situations(&judged.standing, targets))),
            _ => add(&mut out, tables::regrets(&judged.standing, MOST_REGRETS)),
        }
        add(&mut out, Some(tables::contestants(judged)));
        let _ = writeln!(out, "list SHA-256 {}", judged.evaluation.list_sha256);
    }
    add(&mut out, tables::opponents(lists.all()));
    add(&mut out, tables::guards(lists.all(), &[]));
    if let Some(targets) = targets {
        let goals = lists.judge(targets);
        if goals.is_empty() {
            let _ = writeln!(out, "\n{NOT_JUDGED}");
        }
        add(&mut out, tables::goals(&goals));
    }
    out
}

/// Renders how specialised policies did on their pools.
pub fn on_pools(played: &OnPools) -> String {
    let mut out = String::new();
    for table in [pools::specialised(played), pools::others(played), pools::wrong(played)] {
        add(&mut out, table);
    }
    out
}

fn add(out: &mut String, table: Option<Table>) {
    let Some(table) = table else { return };
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    drawn.set_header(&table.header);
    for row in &table.rows {
        drawn.add_row(row.cells.iter().enumerate().map(|(column, cell)| {
            let alignment = if table.is_numeric(column) { CellAlignment::Right } else { CellAlignment::Left };
            Cell::new(&cell.text).set_alignment(alignment)
        }));
    }
    let _ = writeln!(out, "{}\n{drawn}", table.caption);
}
