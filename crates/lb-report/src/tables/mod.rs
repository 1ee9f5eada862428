//! The contents of report tables, the same for all formats: HTML, Markdown and step summary draw the same
//! [`Table`]s.

mod balancers;
mod connections;
mod environment;
mod failures;
mod faults;
mod gates;
mod observed;
mod recovery;
mod resources;
mod results;
mod statistics;
mod validity;

pub(super) use balancers::{OVERHEAD_NEEDS, overheads, overheads_are_missing, steering, switches};
pub(super) use connections::{connections, connections_by_backend};
pub(super) use environment::environment;
pub(super) use failures::failures;
pub(super) use faults::{fault_tables, fault_title};
pub(super) use gates::{aa, max_rates, thresholds};
pub(super) use observed::observed;
pub use observed::observed_alone;
pub(super) use recovery::{recovery, recovery_sentences};
pub(super) use resources::{resource_names, resources};
pub(super) use results::{backend_ids, bounds, processes, requests, results, shares};
pub(super) use statistics::{exploratory, statistics, tone};
pub(super) use validity::validity;

use lb_core::plain;

/// The emphasis of a cell or row. It never carries meaning alone: the text says the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// No emphasis.
    #[default]
    Plain,
    /// A good result.
    Good,
    /// A bad result.
    Bad,
    /// Deserves attention.
    Care,
    /// Set apart from the others, because the row is a bound rather than an algorithm.
    Apart,
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Text of the cell.
    pub text: String,
    /// A word that marks the cell's row, such as `winner`; empty for none.
    pub badge: &'static str,
    /// Emphasis of the cell.
    pub tone: Tone,
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Cells, one per column.
    pub cells: Vec<Cell>,
    /// Emphasis of the row.
    pub tone: Tone,
}

/// A table with a caption. The first column names the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What the table shows.
    pub caption: String,
    /// Names of the columns.
    pub header: Vec<String>,
    /// Rows, each as long as the header.
    pub rows: Vec<Row>,
}

impl Table {
    /// Makes a table without rows.
    pub fn new(caption: impl Into<String>, header: &[&str]) -> Self {
        let header = header.iter().map(|&name| name.to_owned()).collect();
        Self { caption: caption.into(), header, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn add(&mut self, cells: Vec<String>) {
        self.add_toned(Tone::Plain, cells.into_iter().map(Cell::from).collect());
    }

    /// Adds a row with emphasis on the row or its cells.
    pub fn add_toned(&mut self, tone: Tone, cells: Vec<Cell>) {
        self.rows.push(Row { cells, tone });
    }

    /// Keeps only the first columns.
    pub(super) fn keep_columns(&mut self, number: usize) {
        self.header.truncate(number);
        for row in &mut self.rows {
            row.cells.truncate(number);
        }
    }

    /// Returns whether a column holds only numbers, which are aligned to the right with their heading.
    pub fn is_numeric(&self, column: usize) -> bool {
        column > 0 && self.rows.iter().filter_map(|row| row.cells.get(column)).all(Cell::is_number)
    }

    /// Returns the table, or `None` when it has no rows.
    pub fn unless_empty(self) -> Option<Self> {
        (!self.rows.is_empty()).then_some(self)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

impl Cell {
    /// Makes a cell with emphasis.
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        // Names of backends and requests, and problems that quote a server, come from outside.
        Self { text: plain::line(&text.into()).into_owned(), badge: "", tone }
    }

    /// Makes a cell that marks its row with a word; empty for none.
    pub fn badged(text: impl Into<String>, badge: &'static str) -> Self {
        Self { badge, ..Self::toned(text, Tone::Plain) }
    }

    /// Returns whether the cell is a number.
    fn is_number(&self) -> bool {
        let digits = self.text.trim_start_matches(['+', '-', '<', '±', ' ']);
        self.text == super::text::NONE || digits.starts_with(|c: char| c.is_ascii_digit())
    }
}
